// The real express-session on the real Express, over the real connect-redis.
//
// Setup: `{keys, options, redis: [port, database], prefix, ttl?, genid?, expires?}`. `ttl`: the store's, in seconds. `genid`: every
// new id. `expires`: the date of every cookie.
import { promisify } from "node:util";
import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import { createClient } from "redis";
import * as server from "./server.mjs";

const ask = (req, call) => promisify(req.session[call].bind(req.session))();

const verbs = {
  ...server.data,
  see: (req, out) => {
    const { cookie, ...data } = JSON.parse(JSON.stringify(req.session ?? null)) ?? {};
    out.seen.push(req.session ? data : null);
  },
  // It has no other way.
  replace: (req, out, data) => {
    for (const key of Object.keys(req.session)) if (key !== "cookie") delete req.session[key];
    Object.assign(req.session, data);
  },
  null: (req) => void (req.session = null),
  max_age: (req, out, value) => void (req.session.cookie.maxAge = value === "session" ? null : value),
  cookie: (req, out, name, value) => void (req.session.cookie[name] = value),
  expires: (req, out, at) => void (req.session.cookie.expires = at && new Date(at)),
  life: (req, out) => {
    const { maxAge, originalMaxAge, expires } = req.session.cookie;
    out.seen.push([maxAge, originalMaxAge, expires && expires.getTime()]);
  },
  save: (req) => ask(req, "save"),
  // Without touch() it stores the date that it has read.
  save_now: (req) => ask({ session: req.session.touch() }, "save"),
  touch: (req) => void req.session.touch(),
  regenerate: (req) => ask(req, "regenerate"),
  reload: (req) => ask(req, "reload"),
  destroy: (req) => ask(req, "destroy"),
  id: (req, out) => out.seen.push(req.session.id),
};

const clientFor = server.once(([port, database]) =>
  createClient({ url: `redis://127.0.0.1:${port}/${database}` })
    .on("error", () => {})
    .connect(),
);

const appFor = server.once(async ({ keys, options, redis, prefix, ttl, genid, expires }) => {
  if (expires) options.cookie.expires = new Date(expires);
  const app = express();
  const store = new RedisStore({ client: await clientFor(redis), prefix, ttl });
  app.use(session({ secret: keys, ...options, store, ...(genid && { genid: () => genid }) }));
  app.use(async (req, res) => res.json(await server.play(verbs, req, req.command.steps)));
  app.use((error, req, res, next) => res.status(500).end("Internal Server Error"));
  return app;
});

await server.main(import.meta.url, appFor);
