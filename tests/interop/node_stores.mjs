// The real Node stores, told one call a line: {"store", "at", "call", "sid", "data", "maxAge"}; each answer is a line too.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { RedisStore } from "connect-redis";
import session from "express-session";
import pg from "pg";
import { createClient } from "redis";

const require = createRequire(import.meta.url);
const PgStore = require("connect-pg-simple")(session);
const MySQLStore = require("express-mysql-session")(session);
const koaRedis = require("koa-redis");

const MAKE = {
  "connect-redis": async (url) => new RedisStore({ client: await createClient({ url }).connect() }),
  "connect-redis disableTTL": async (url) =>
    new RedisStore({ client: await createClient({ url }).connect(), disableTTL: true }),
  "koa-redis": async (url) => koaRedis({ url }),
  "connect-pg-simple": async (connectionString) => {
    const pool = new pg.Pool({ connectionString });
    return new PgStore({ pool, createTableIfMissing: true });
  },
  "express-mysql-session": async (url) => {
    const { hostname: host, port, username: user, pathname } = new URL(url);
    const made = new MySQLStore({ host, port: Number(port), user, database: pathname.slice(1) });
    await made.onReady();
    return made;
  },
};

const opened = {};

/** Give the store at an address; one for all calls. */
function store(kind, at) {
  opened[kind + at] ??= MAKE[kind](at);
  return opened[kind + at];
}

/** Make one call. koa-redis takes a lifetime in milliseconds, the others read it from the cookie, which express-session made. */
async function call({ store: kind, at, call: name, sid, data, maxAge = null }) {
  const made = await store(kind, at);
  if (kind === "koa-redis") {
    return name === "set" ? made.set(sid, data, maxAge ?? undefined) : made[name](sid);
  }
  const given = data === undefined ? [sid] : [sid, { cookie: new session.Cookie({ maxAge }), ...data }];
  return promisify(made[name]).call(made, ...given);
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await call(JSON.parse(line)).then(
    (value) => ({ value: value ?? null }),
    (error) => ({ error: String(error?.message ?? error) }),
  );
  console.log(JSON.stringify(answer));
}
process.exit(0);
