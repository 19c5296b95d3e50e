// The real koa-session on the real Koa.
//
// Setup: `{keys, algorithm?, proxy?, options?, redis?, header?}`. `redis`: [port, database] of a store. `header`: the name of
// the header that the id travels in, in place of its cookie.
import Keygrip from "keygrip";
import Koa from "koa";
import session from "koa-session";
import { RedisStore } from "./koa_store.mjs";
import * as server from "./server.mjs";

const verbs = {
  ...server.data,
  see: (ctx, out) => out.seen.push(JSON.parse(JSON.stringify(ctx.session))),
  replace: (ctx, out, data) => void (ctx.session = data),
  null: (ctx) => void (ctx.session = null),
  max_age: (ctx, out, value) => void (ctx.session.maxAge = value),
  save: (ctx) => ctx.session.save(),
  regenerate: (ctx) => ctx.session.regenerate(),
  commit: (ctx) => ctx.session.manuallyCommit(),
  key: (ctx, out) => void out.seen.push(ctx.session.externalKey ?? null),
  // As a logout by another request would, meanwhile.
  drop: (ctx) => ctx.sessionOptions.store.destroy(ctx.session.externalKey),
};

async function handle(ctx) {
  ctx.body = await server.play(verbs, ctx, ctx.req.command.steps);
}

const storeFor = server.once(([port, db]) => new RedisStore(port, db));

function optionsFor({ options, redis, header }) {
  return {
    ...options,
    ...(redis && { store: storeFor(redis) }),
    ...(header && { externalKey: { get: (ctx) => ctx.get(header), set: (ctx, value) => ctx.set(header, value) } }),
  };
}

const appFor = server.once((setup) => {
  const app = new Koa({ proxy: setup.proxy ?? false });
  app.silent = true;
  // Koa makes a default Keygrip of a list.
  app.keys = setup.algorithm ? new Keygrip(setup.keys, setup.algorithm) : setup.keys;
  app.use(session(optionsFor(setup), app));
  app.use(handle);
  return app.callback();
});

/** Listen on a free port of the loopback. */
export const listen = () => server.listen(appFor);

await server.main(import.meta.url, appFor);
