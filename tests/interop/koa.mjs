// The real koa-session on the real Koa: each request says in its body which application it wants and what to do there.
//
// Request: POST, JSON `{setup: {keys, algorithm?, proxy?, options?, redis?, header?}, now, steps: [[verb, ...arguments], ...]}`.
// `redis`: [port, database] of a store. `header`: the name of the header that the id travels in, in place of its cookie.
// Answer: JSON `{seen, error}`; `seen` has one entry for each step "see" or "key". What "fail" throws, nobody catches.
// Started as a program it prints its port, and it ends when its standard input does.
import http from "node:http";
import { pathToFileURL } from "node:url";
import Keygrip from "keygrip";
import Koa from "koa";
import session from "koa-session";
import { RedisStore } from "./koa_store.mjs";

const realNow = Date.now;
const apps = new Map();
const stores = new Map();

class Failure extends Error {}

const verbs = {
  see: (ctx, out) => out.seen.push(JSON.parse(JSON.stringify(ctx.session))),
  set: (ctx, out, key, value) => void Reflect.set(ctx.session, key, value),
  delete: (ctx, out, key) => void Reflect.deleteProperty(ctx.session, key),
  push: (ctx, out, path, value) => void path.reduce((at, key) => at[key], ctx.session).push(value),
  replace: (ctx, out, data) => void (ctx.session = data),
  null: (ctx) => void (ctx.session = null),
  max_age: (ctx, out, value) => void (ctx.session.maxAge = value),
  save: (ctx) => ctx.session.save(),
  regenerate: (ctx) => ctx.session.regenerate(),
  commit: (ctx) => ctx.session.manuallyCommit(),
  key: (ctx, out) => void out.seen.push(ctx.session.externalKey ?? null),
  // As a logout by another request would, meanwhile.
  drop: (ctx) => ctx.sessionOptions.store.destroy(ctx.session.externalKey),
  fail: () => {
    throw new Failure();
  },
};

async function handle(ctx) {
  const out = { seen: [], error: null };
  try {
    for (const [verb, ...given] of ctx.req.command.steps) await verbs[verb](ctx, out, ...given);
  } catch (error) {
    if (error instanceof Failure) throw error;
    out.error = error.message;
  }
  ctx.body = out;
}

function storeFor([port, db]) {
  const name = `${port} ${db}`;
  if (!stores.has(name)) stores.set(name, new RedisStore(port, db));
  return stores.get(name);
}

function optionsFor({ options, redis, header }) {
  return {
    ...options,
    ...(redis && { store: storeFor(redis) }),
    ...(header && { externalKey: { get: (ctx) => ctx.get(header), set: (ctx, value) => ctx.set(header, value) } }),
  };
}

function appFor(setup) {
  const name = JSON.stringify(setup);
  if (!apps.has(name)) {
    const app = new Koa({ proxy: setup.proxy ?? false });
    app.silent = true;
    // Koa makes a default Keygrip of a list.
    app.keys = setup.algorithm ? new Keygrip(setup.keys, setup.algorithm) : setup.keys;
    app.use(session(optionsFor(setup), app));
    app.use(handle);
    apps.set(name, app.callback());
  }
  return apps.get(name);
}

async function dispatch(request, response) {
  const parts = [];
  for await (const part of request) parts.push(part);
  request.command = JSON.parse(Buffer.concat(parts).toString("utf8"));
  // Requests come one at a time: the clock is this one's until the next comes.
  const { now, setup } = request.command;
  Date.now = now === undefined ? realNow : () => now;
  appFor(setup)(request, response);
}

/** Listen on a free port of the loopback. */
export function listen() {
  const server = http.createServer(dispatch);
  // A client may think for as long as it likes between two requests.
  server.keepAliveTimeout = 0;
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const server = await listen();
  process.stdin.on("end", () => process.exit(0)).resume();
  console.log(server.address().port);
}
