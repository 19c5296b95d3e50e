// What the peers share: a server whose requests each say which application they want, and what to do there.
//
// Request: POST, JSON `{setup, now, steps: [[verb, ...arguments], ...]}`. Each peer's own file tells what its `setup` holds.
// Answer: JSON `{seen, error}`; `seen` has one entry for each step that looks. What "fail" throws, nobody catches.
// Started as a program a peer prints its port, and it ends when its standard input does. Arguments: those of `listen`'s `tls`.
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { pathToFileURL } from "node:url";

const realNow = Date.now;

export class Failure extends Error {}

/** What a handler does to whatever holds a `session`, whichever system made that. */
export const data = {
  set: (holder, out, key, value) => void Reflect.set(holder.session, key, value),
  delete: (holder, out, key) => void Reflect.deleteProperty(holder.session, key),
  push: (holder, out, path, value) => void path.reduce((at, key) => at[key], holder.session).push(value),
  fail: () => {
    throw new Failure();
  },
};

/** Take a request's steps, and give the answer. */
export async function play(verbs, holder, steps) {
  const out = { seen: [], error: null };
  try {
    for (const [verb, ...given] of steps) await verbs[verb](holder, out, ...given);
  } catch (error) {
    if (error instanceof Failure) throw error;
    out.error = error.message;
  }
  return out;
}

/** Make one of each kind, and keep it: what `make` gives for something that JSON can name. */
export function once(make) {
  const made = new Map();
  return (given) => {
    const name = JSON.stringify(given);
    if (!made.has(name)) made.set(name, make(given));
    return made.get(name);
  };
}

/**
 * Listen on a free port of the loopback. `appFor`: gives the request listener that a setup asks for, or a promise of it. `tls`: the
 * files of a certificate and its key, for one that speaks that.
 */
export function listen(appFor, tls = []) {
  const [cert, key] = tls.map((path) => readFileSync(path));
  const server = (cert ? https : http).createServer({ cert, key }, async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    request.command = JSON.parse(Buffer.concat(parts).toString("utf8"));
    // Requests come one at a time: the clock is this one's until the next comes.
    const { now, setup } = request.command;
    const app = await appFor(setup);
    Date.now = now === undefined ? realNow : () => now;
    app(request, response);
  });
  // A client may think for as long as it likes between two requests.
  server.keepAliveTimeout = 0;
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

/** Be a program, where the file at `url` was started as one. */
export async function main(url, appFor) {
  if (url !== pathToFileURL(process.argv[1]).href) return;
  const server = await listen(appFor, process.argv.slice(2));
  process.stdin.on("end", () => process.exit(0)).resume();
  console.log(server.address().port);
}
