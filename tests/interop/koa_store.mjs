// A store for koa-session as its readme asks for one, over ioredis: JSON under the id itself, a lifetime in milliseconds.
import Redis from "ioredis";

const DAY_MS = 86400000;

/** Keep sessions in a database of a Redis. */
export class RedisStore {
  constructor(port, db) {
    // A server that is gone is an error at once, and its connection's own events are of no interest.
    this.redis = new Redis({ port, db, maxRetriesPerRequest: 0, retryStrategy: () => 50 }).on("error", () => {});
  }

  async get(key) {
    return JSON.parse(await this.redis.get(key));
  }

  async set(key, session, maxAge) {
    await this.redis.set(key, JSON.stringify(session), "PX", maxAge === "session" ? DAY_MS : maxAge);
  }

  async destroy(key) {
    await this.redis.del(key);
  }
}
