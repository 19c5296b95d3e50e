"""The routes that have moved to FastAPI; the sessions stayed where they were."""

import os
from html import escape
from urllib.parse import parse_qsl

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from gingersnap import Session, SessionMiddleware
from gingersnap.stores import RedisStore

app = FastAPI()
app.add_middleware(
    SessionMiddleware,
    preset="express",
    keys=[os.environ["SESSION_KEY"]],
    store=RedisStore.from_url(os.environ["REDIS_URL"], layout="connect-redis"),
    resave=False,
    allow_empty=False,
    rolling=True,
    max_age=3600,
    secure="auto",
    same_site="lax",
    trust_proxy=True,
)


@app.get("/account")
async def account(request: Request) -> HTMLResponse:
    session: Session = request.session
    if session.get("user"):
        session["fastapi"] = session.get("fastapi", 0) + 1
    return HTMLResponse(page(session))


@app.post("/api/login")
async def login(request: Request) -> RedirectResponse:
    # FastAPI's own Form needs python-multipart.
    user = dict(parse_qsl((await request.body()).decode("utf-8", "replace"))).get("user")
    if not user:
        raise HTTPException(422, "Who are you?")
    # A new id, as by req.session.regenerate(), which also empties the session: ours keeps what is in it.
    request.session.replace({"user": user})
    request.session.regenerate()
    return RedirectResponse("/account", 303)


@app.post("/api/logout")
async def logout(request: Request) -> RedirectResponse:
    request.session.destroy()
    return RedirectResponse("/account", 303)


def page(session: Session) -> str:
    user = session.get("user")
    return f"""<!doctype html>
<title>FastAPI</title>
<h1>FastAPI</h1>
<p>Hello, {escape(user or "stranger")}. {PAGES.format(session.get("express", 0), session.get("fastapi", 0))}</p>
{LOGOUT if user else LOGIN}
<p><a href="/">The same by Express</a></p>
"""


PAGES = "Pages for you by Express: {}, by FastAPI: {}."
LOGIN = (
    '<form method="post" action="/api/login"><input name="user" placeholder="Name" required> '
    "<button>Log in at FastAPI</button></form>"
)
LOGOUT = '<form method="post" action="/api/logout"><button>Log out at FastAPI</button></form>'
