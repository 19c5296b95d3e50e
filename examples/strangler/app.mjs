// The application as it was: express-session over connect-redis. Nothing in it knows of Python.
import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import { createClient } from "redis";

const client = createClient({ url: process.env.REDIS_URL }).on("error", (error) => console.error(`Redis: ${error.message}`));
await client.connect();

const app = express();
// Of the proxy in front, and of nobody else, is X-Forwarded-Proto believed.
app.set("trust proxy", "loopback");
app.use(
  session({
    secret: process.env.SESSION_KEY,
    store: new RedisStore({ client }),
    resave: false,
    saveUninitialized: false,
    rolling: true,
    cookie: { maxAge: 3600 * 1000, secure: "auto", sameSite: "lax" },
  }),
);
app.use(express.urlencoded({ extended: false }));

app.get("/", (req, res) => {
  // A stranger's session stays empty: it is not stored, and no cookie is set.
  if (req.session.user) req.session.express = (req.session.express ?? 0) + 1;
  res.send(page(req.session));
});

app.post("/login", (req, res, next) => {
  const { user } = req.body ?? {};
  if (!user) return res.status(422).send("Who are you?");
  // Whoever logs in gets a new id: the one that came may be known to somebody else.
  req.session.regenerate((error) => {
    if (error) return next(error);
    req.session.user = user;
    req.session.save((error) => (error ? next(error) : res.redirect(303, "/")));
  });
});

app.post("/logout", (req, res, next) => {
  req.session.destroy((error) => (error ? next(error) : res.redirect(303, "/")));
});

const escape = (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt()};`);

const page = ({ user, express = 0, fastapi = 0 }) => `<!doctype html>
<title>Express</title>
<h1>Express</h1>
<p>Hello, ${user ? escape(user) : "stranger"}. Pages for you by Express: ${express}, by FastAPI: ${fastapi}.</p>
${
  user
    ? `<form method="post" action="/logout"><button>Log out at Express</button></form>`
    : `<form method="post" action="/login"><input name="user" placeholder="Name" required> <button>Log in at Express</button></form>`
}
<p><a href="/account">The same by FastAPI</a></p>
`;

const server = app.listen(process.env.PORT ?? 3000, "127.0.0.1", (error) => {
  if (error) throw error;
  console.log(`http://127.0.0.1:${server.address().port}`);
});
