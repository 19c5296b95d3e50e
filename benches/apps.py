"""Bare ASGI applications under each session middleware, and a server that is a function call."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import asgi_sessions
import starlette.middleware.sessions
import starsessions

from benches import cases
from gingersnap import SessionMiddleware

App = Callable[..., Awaitable[Any]]
Handler = Callable[[Any], Any]

SECRET: Final = cases.KEY.decode()
BARE: Final = "no middleware"
OURS: Final = "gingersnap"
STARLETTE: Final = "starlette"
ASGI_SESSIONS: Final = "asgi-sessions"

SCOPE: Final = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.4"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/cart",
    "raw_path": b"/cart",
    "root_path": "",
    "query_string": b"",
    "server": ("127.0.0.1", 8000),
    "client": ("127.0.0.1", 50_000),
}


def _bare(app: App) -> App:
    """Put a plain dict into the scope: the handler has the same work, and what is left is the middleware's."""
    session = dict(cases.PAYLOAD)

    async def bare(scope: Any, receive: Any, send: Any) -> None:
        scope["session"] = session
        await app(scope, receive, send)

    return bare


def _starsessions(store: starsessions.SessionStore) -> Callable[[App], App]:
    """Follow their README: two weeks, and autoload in place of ``load_session`` in each handler."""

    def wrap(app: App) -> App:
        autoload = starsessions.SessionAutoloadMiddleware(app)
        return starsessions.SessionMiddleware(autoload, store=store, lifetime=3600 * 24 * 14)

    return wrap


def middlewares() -> dict[str, Callable[[App], App]]:
    """Give every contender, with its own defaults."""
    return {
        BARE: _bare,
        OURS: lambda app: SessionMiddleware(app, keys=[SECRET]),
        "gingersnap, preset koa": lambda app: SessionMiddleware(app, keys=[SECRET], preset="koa"),
        STARLETTE: lambda app: starlette.middleware.sessions.SessionMiddleware(app, secret_key=SECRET),
        # Its default, "base64", is not signed.
        ASGI_SESSIONS: lambda app: asgi_sessions.SessionMiddleware(app, secret_key=SECRET),
        "starsessions, cookie": _starsessions(starsessions.CookieStore(secret_key=SECRET)),
        "starsessions, memory": _starsessions(starsessions.InMemoryStore()),
    }


def app_of(handler: Handler) -> App:
    """Make the smallest application: the handler, a status, a body. Messages are new each time, as middlewares write to them."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        handler(scope)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"ok"})

    return app


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _drop(message: Any) -> None:
    pass


def serve(app: App, headers: list[cases.Header]) -> None:
    """Run one request to its end. Nothing in it waits, so that no event loop is needed, nor measured."""
    try:
        app({**SCOPE, "headers": headers}, _receive, _drop).send(None)  # type: ignore[attr-defined]
    except StopIteration:
        return
    raise RuntimeError("the application waits for something")


def answer(app: App, headers: list[cases.Header]) -> list[bytes]:
    """Run one request and give its Set-Cookie lines."""
    lines: list[bytes] = []

    async def keep(message: Any) -> None:
        lines.extend(value for name, value in message.get("headers", ()) if name.lower() == b"set-cookie")

    try:
        app({**SCOPE, "headers": headers}, _receive, keep).send(None)  # type: ignore[attr-defined]
    except StopIteration:
        return lines
    raise RuntimeError("the application waits for something")
