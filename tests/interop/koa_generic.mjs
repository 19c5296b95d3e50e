// The real koa-generic-session on the real Koa, over the real koa-redis.
//
// Setup: `{keys, algorithm?, options, redis: [port, database], genid?, valid?, before?, ttl?, header?}`. `genid`: every new id. `valid`: the
// key whose presence makes a session invalid. `before`: the key that is set before a session is saved. `ttl`: the key under which
// a session says how long it is kept. `header`: the name of the header that the id travels in, in place of its cookie.
import Keygrip from "keygrip";
import Koa from "koa";
import session from "koa-generic-session";
import redisStore from "koa-redis";
import * as server from "./server.mjs";

const verbs = {
  ...server.data,
  see: (ctx, out) => {
    const { cookie, ...data } = JSON.parse(JSON.stringify(ctx.session ?? null)) ?? {};
    out.seen.push(ctx.session ? data : null);
  },
  // A session without its `cookie` loses its lifetime and its signature.
  replace: (ctx, out, data) => void (ctx.session = { cookie: ctx.session.cookie, ...data }),
  bare: (ctx, out, data) => void (ctx.session = data),
  null: (ctx) => void (ctx.session = null),
  max_age: (ctx, out, value) => void (ctx.session.cookie.maxAge = value === "session" ? null : value),
  cookie: (ctx, out, name, value) => void (ctx.session.cookie[name] = value),
  expires: (ctx, out, at) => void (ctx.session.cookie.expires = new Date(at)),
  save: (ctx) => void (ctx.sessionSave = true),
  reload: (ctx) => void (ctx.sessionSave = false),
  commit: (ctx) => ctx.saveSession(),
  regenerate: (ctx) => ctx.regenerateSession(),
  id: (ctx, out) => out.seen.push(ctx.sessionId),
  stored: async (ctx, out) => out.seen.push((await ctx.sessionStore.get(ctx.sessionId)).n),
  load: (ctx) => ctx.load(),
};

/** Give a Koa context whose `session` is a promise; the step `load` waits for it, and what follows sees what it gave. */
function deferred(ctx) {
  const session = { get: () => ctx._session, set: (value) => void (ctx.session = value) };
  return Object.create(ctx, { session, load: { value: () => ctx.session } });
}

// Each application listens to its store, and many share one.
const storeFor = server.once(([port, db]) => redisStore({ port, db }).setMaxListeners(0));

function optionsFor({ options, redis, genid, valid, before, ttl, header }) {
  return {
    ...options,
    store: storeFor(redis),
    ...(genid && { genSid: async () => genid }),
    ...(valid && { valid: (ctx, found) => !(valid in found) }),
    ...(before && { beforeSave: (ctx, found) => void (found[before] = true) }),
    ...(ttl && { ttl: (found) => found[ttl] }),
    ...(header && { sessionIdStore: idStore(header) }),
  };
}

function idStore(header) {
  return {
    get() {
      return this.get(header);
    },
    set(id) {
      this.set(header, id);
    },
    reset() {
      this.set(header, "");
    },
  };
}

const appFor = server.once((setup) => {
  const { keys, options } = setup;
  const app = new Koa({ proxy: true });
  app.silent = true;
  // Koa makes a default Keygrip of a list.
  app.keys = setup.algorithm ? new Keygrip(keys, setup.algorithm) : keys;
  app.use(session(optionsFor(setup)));
  app.use(async (ctx) => {
    ctx.body = await server.play(verbs, options.defer ? deferred(ctx) : ctx, ctx.req.command.steps);
  });
  return app.callback();
});

await server.main(import.meta.url, appFor);
