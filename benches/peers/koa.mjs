// What koa-session adds to a request on Koa, in process: no sockets, light request and response objects.
// Prints {"bare_ns", "read_ns", "changed_ns", ...}: medians of 101 rounds. With --paired it prints its versions, then one
// round for each line that it reads, so that another process can take turns with it.
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

import Koa from "koa";
import { createSession } from "koa-session";

const PAIRED = process.argv.includes("--paired");
const ROUND_MS = 10;
const KEY = "a-bench-key-of-43-octets-as-token_urlsafe32";
const OTHERS = "_ga=GA1.2.1403926185.1699871022; lang=en-GB; consent=a1b0c1";
const payload = JSON.parse(readFileSync(new URL("../payload.json", import.meta.url), "utf8"));
const version = (name) => createRequire(import.meta.url)(`${name}/package.json`).version;

// As much of http.ServerResponse as Koa, cookies and on-finished use. A server would also write the headers out;
// the in-process benches of the Python middlewares do not count that either.
class Response extends EventEmitter {
  constructor() {
    super();
    this.headers = {};
    this.statusCode = 404;
    this.statusMessage = "";
    this.headersSent = false;
    this.finished = false;
    this.socket = null;
  }
  setHeader(name, value) {
    this.headers[name.toLowerCase()] = value;
  }
  getHeader(name) {
    return this.headers[name.toLowerCase()];
  }
  hasHeader(name) {
    return name.toLowerCase() in this.headers;
  }
  removeHeader(name) {
    delete this.headers[name.toLowerCase()];
  }
  getHeaderNames() {
    return Object.keys(this.headers);
  }
  getHeaders() {
    return this.headers;
  }
  end() {
    this.headersSent = true;
    this.finished = true;
    this.emit("finish");
  }
}

const socket = { encrypted: false, writable: true, remoteAddress: "127.0.0.1" };

function requestOf(cookie) {
  const headers = {
    host: "shop.example",
    connection: "keep-alive",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "accept-language": "en-GB,en;q=0.7,sv;q=0.3",
    "accept-encoding": "gzip, deflate, br, zstd",
    referer: "https://shop.example/cart",
    cookie,
  };
  return { method: "GET", url: "/cart", headers, httpVersionMajor: 1, httpVersionMinor: 1, httpVersion: "1.1", socket };
}

function appOf(handler, withSession) {
  const app = new Koa();
  app.keys = [KEY];
  if (withSession) app.use(createSession(app));
  app.use((ctx) => {
    handler(ctx);
    ctx.body = "ok";
  });
  return app.callback();
}

async function serve(callback, cookie) {
  const response = new Response();
  await callback(requestOf(cookie), response);
  return response;
}

let seen;
const plain = { session: { ...payload } };
const read = ({ session }) => (seen = session.views);
const change = ({ session }) => (seen = session.views = Math.min(session.views, payload.views) + 1);

const filled = await serve(appOf((ctx) => Object.assign(ctx.session, payload), true), OTHERS);
const cookie = [OTHERS, ...filled.headers["set-cookie"].map((line) => line.split(";")[0])].join("; ");

const contenders = {
  bare: appOf(() => read(plain), false),
  read: appOf(read, true),
  changed: appOf(change, true),
};
const expected = { bare: [41, 0], read: [41, 0], changed: [42, 2] };

for (const [name, callback] of Object.entries(contenders)) {
  seen = undefined;
  const response = await serve(callback, cookie);
  assert.equal(response.statusCode, 200, name);
  assert.ok(response.finished, name);
  assert.deepEqual([seen, response.headers["set-cookie"]?.length ?? 0], expected[name], name);
}

async function nanoseconds(callback, count) {
  const start = process.hrtime.bigint();
  for (let index = 0; index < count; index += 1) await serve(callback, cookie);
  return Number(process.hrtime.bigint() - start) / count;
}

const names = Object.keys(contenders);
const counts = {};
// The compiler needs thousands of calls before it is done.
for (const name of names) await nanoseconds(contenders[name], 20_000);
for (const name of names) {
  const trials = [];
  for (let index = 0; index < 5; index += 1) trials.push(await nanoseconds(contenders[name], 1_000));
  counts[name] = Math.ceil((ROUND_MS * 1e6) / Math.min(...trials));
}

let turn = 0;
async function round() {
  const times = {};
  for (let index = 0; index < names.length; index += 1) {
    const name = names[(turn + index) % names.length];
    times[`${name}_ns`] = await nanoseconds(contenders[name], counts[name]);
  }
  turn += 1;
  return times;
}

const versions = { node: process.version.slice(1), koa: version("koa"), "koa-session": version("koa-session") };
if (PAIRED) {
  console.log(JSON.stringify(versions));
  for await (const _ of createInterface({ input: process.stdin })) console.log(JSON.stringify(await round()));
} else {
  const rounds = [];
  for (let index = 0; index < 101; index += 1) rounds.push(await round());
  const median = (of) => rounds.map(of).sort((a, b) => a - b)[Math.floor(rounds.length / 2)];
  const medians = Object.fromEntries(names.map((name) => [`${name}_ns`, median((times) => times[`${name}_ns`])]));
  console.log(JSON.stringify({ ...medians, ...versions }));
}
