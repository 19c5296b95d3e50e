// The real cookie-session on the real Express.
//
// Setup: `{keys, algorithm?, options?, expires?}`. `expires`: the date of every cookie.
import cookieSession from "cookie-session";
import express from "express";
import Keygrip from "keygrip";
import * as server from "./server.mjs";

const verbs = {
  ...server.data,
  see: (req, out) => out.seen.push(JSON.parse(JSON.stringify(req.session))),
  replace: (req, out, data) => void (req.session = data),
  null: (req) => void (req.session = null),
  max_age: (req, out, value) => void (req.sessionOptions.maxAge = value === "session" ? null : value),
  cookie: (req, out, name, value) => void (req.sessionOptions[name] = value),
  flags: (req, out) => {
    const { isNew, isChanged, isPopulated } = req.session;
    out.seen.push([isNew, isChanged, isPopulated]);
  },
};

const appFor = server.once(({ keys, algorithm, options, expires }) => {
  if (expires) options.expires = new Date(expires);
  const app = express();
  app.set("trust proxy", true);
  app.use(cookieSession({ keys: algorithm ? new Keygrip(keys, algorithm) : keys, ...options }));
  app.use(async (req, res) => res.json(await server.play(verbs, req, req.command.steps)));
  app.use((error, req, res, next) => res.status(500).end("Internal Server Error"));
  return app;
});

await server.main(import.meta.url, appFor);
