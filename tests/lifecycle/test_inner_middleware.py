"""Other session middlewares within ours: their sessions stay theirs, and ours stays as it was."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import litestar
import pytest
from asgi_sessions import SessionMiddleware as AsgiSessions
from litestar.middleware.session.client_side import CookieBackendConfig
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.sessions import SessionMiddleware as StarletteSessions
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route
from starsessions import InMemoryStore, SessionAutoloadMiddleware
from starsessions import SessionMiddleware as Starsessions

from gingersnap import SessionMiddleware
from gingersnap.lifecycle import inner_middleware
from gingersnap.stores import MemoryStore
from gingersnap.types import ASGIApp, Message, Receive, Scope, Send
from tests.asgi import KEY, Browser


def plain(data: dict[str, Any]) -> Callable[[ASGIApp], ASGIApp]:
    """Make a middleware that is a function and puts a plain dict into the scope."""

    def middleware(app: ASGIApp) -> ASGIApp:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            scope["session"] = {**data}
            await app(scope, receive, send)

        return serve

    return middleware


def restoring(app: ASGIApp) -> ASGIApp:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        before = scope.get("session")
        scope["session"] = {"admin": "root"}
        try:
            await app(scope, receive, send)
        finally:
            scope["session"] = before

    return serve


class Loading:
    """Set it in a method of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def load(self, scope: Scope) -> None:
        scope["session"] = {"admin": "root"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.load(scope)
        await self.app(scope, receive, send)


class ByAttribute(Loading):
    key = "session"

    async def load(self, scope: Scope) -> None:
        scope[self.key] = {"admin": "root"}


NAME = "session"


class ByConstant(Loading):
    async def load(self, scope: Scope) -> None:
        scope[NAME] = {"admin": "root"}


class ByUpdate(Loading):
    async def load(self, scope: Scope) -> None:
        scope.update(session={"admin": "root"})


class ByDict(Loading):
    async def load(self, scope: Scope) -> None:
        scope.update({"session": {"admin": "root"}})


class ByRequest(Loading):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        request.scope["session"] = {"admin": "root"}
        await self.app(scope, receive, send)


class Limiting(Loading):
    """Have the application run in a task, by a limit of time."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["session"] = {"admin": "root"}
        await asyncio.wait_for(self.app(scope, receive, send), 60)


class Dispatching(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: Any) -> Any:
        request.scope["session"] = {"admin": "root"}
        return await call_next(request)


class BeforeOne:
    """Set a plain dict and send it back in a cookie, as Starlette's own middleware did before 1.0."""

    def __init__(self, app: ASGIApp, cookie: str = "admin") -> None:
        self.app, self.cookie = app, cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        came = Request(scope).cookies.get(self.cookie)
        scope["session"] = {} if came is None else json.loads(bytes.fromhex(came))

        async def send_wrapper(message: Message) -> None:
            if message["type"] == "http.response.start" and scope["session"]:
                value = json.dumps(scope["session"]).encode().hex()
                message["headers"] = [*message["headers"], (b"set-cookie", f"{self.cookie}={value}; path=/".encode())]
            await send(message)

        await self.app(scope, receive, send_wrapper)


INNER: dict[str, Callable[[ASGIApp], ASGIApp]] = {
    "empty": plain({}),
    "with data": plain({"admin": "root"}),
    "restoring": restoring,
    "in a method": Loading,
    "by an attribute": ByAttribute,
    "by a constant": ByConstant,
    "by update": ByUpdate,
    "by a dict": ByDict,
    "by a request": ByRequest,
    "in another task": Limiting,
    "dispatch": Dispatching,
    "a cookie of its own": BeforeOne,
    "Starlette": lambda app: StarletteSessions(app, KEY, session_cookie="admin"),
    "asgi-sessions": lambda app: AsgiSessions(app, secret_key=KEY, cookie_name="admin"),
    "starsessions": lambda app: Starsessions(app, InMemoryStore(), cookie_name="admin", cookie_https_only=False),
    "starsessions, loaded": lambda app: Starsessions(
        SessionAutoloadMiddleware(app), InMemoryStore(), cookie_name="admin", cookie_https_only=False
    ),
}
OPTIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "cookie": dict,
    "store": lambda: {"store": MemoryStore()},
    "hook": lambda: {"before_save": lambda scope, session: None},
    "commit on error": lambda: {"store": MemoryStore(), "commit_on_error": True},
}


async def login(request: Request) -> PlainTextResponse:
    request.session["user"] = "ann"
    return PlainTextResponse("welcome")


async def who(request: Request) -> PlainTextResponse:
    return PlainTextResponse(json.dumps(dict(request.session)))


async def admin_login(request: Request) -> PlainTextResponse:
    request.session["admin"] = "eve"
    return PlainTextResponse("welcome")


async def admin(request: Request) -> PlainTextResponse:
    return PlainTextResponse("admin")


async def stream(request: Request) -> StreamingResponse:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"a"
        yield b"dmin"

    return StreamingResponse(pieces())


async def fail(request: Request) -> PlainTextResponse:
    raise ZeroDivisionError


async def read_first(request: Request, call_next: Any) -> Any:
    request.session.get("user")
    return await call_next(request)


def site(inner: Callable[[ASGIApp], ASGIApp], *, apart: bool, **options: Any) -> Browser:
    """Make a browser at a site whose admin has a middleware of its own; ``apart``: in a task of its own, after a look at ours."""
    app = inner(Starlette(routes=[Route("/", admin), Route("/login", admin_login), Route("/fail", fail), Route("/stream", stream)]))
    middleware = [Middleware(BaseHTTPMiddleware, dispatch=read_first)] if apart else []
    routes = [Route("/", who), Route("/login", login), Mount("/admin", app)]
    return Browser(in_a_task(SessionMiddleware(Starlette(routes=routes, middleware=middleware), keys=[KEY], **options)))


def in_a_task(app: ASGIApp) -> ASGIApp:
    """Run each request in a task of its own, as servers do: no call of a test waits for the response."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.create_task(app(scope, receive, send))  # type: ignore[arg-type]

    return serve


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("inner", INNER.values(), ids=INNER)
async def test_a_middleware_within_ours_leaves_our_session_as_it_was(
    inner: Any, apart: bool, options: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = site(inner, apart=apart, **options())
    await client.get("/login")
    ours = {name: value for name, value in client.jar.items() if name != "admin"}
    await client.get("/admin/")
    assert (await client.get("/admin/stream")).body == b"admin"
    with pytest.raises(ZeroDivisionError):
        await client.get("/admin/fail")
    if inner is not INNER["starsessions"]:
        # Without ``load`` its session cannot be written.
        await client.get("/admin/login")
    await client.get("/admin/")
    assert {name: value for name, value in client.jar.items() if name != "admin"} == ours
    assert (await client.get("/")).body == b'{"user": "ann"}'
    [told] = [record.getMessage() for record in caplog.records if record.name == "gingersnap"]
    assert told.startswith("another session middleware is installed too (Starlette's?), within this one")


async def test_a_login_within_survives_beside_ours() -> None:
    client = site(BeforeOne, apart=False)
    await client.get("/login")
    await client.get("/admin/login")
    assert sorted(client.jar) == ["admin", "koa.sess", "koa.sess.sig"]


class Closing:
    """End every session on its way in: an application's own middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["session"] = None
        await self.app(scope, receive, send)


class Clearing(Closing):
    """End it by a name in place of the word."""

    nothing: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["session"] = self.nothing
        await self.app(scope, receive, send)


async def replacing(scope: Scope, receive: Receive, send: Send) -> None:
    scope["session"] = {"user": "bob"}
    await PlainTextResponse("ok")(scope, receive, send)


async def emptying(scope: Scope, receive: Receive, send: Send) -> None:
    scope["session"] = {}
    await PlainTextResponse("ok")(scope, receive, send)


async def in_the_handler(request: Request) -> PlainTextResponse:
    request.scope["session"] = {"user": "bob"}
    return PlainTextResponse("ok")


REPLACED: dict[str, tuple[ASGIApp, Any]] = {
    "none in a middleware": (Closing(replacing), {"user": "bob"}),
    "none in a middleware, and nothing after": (Closing(PlainTextResponse("ok")), {}),
    "none by a name": (Clearing(PlainTextResponse("ok")), {}),
    "a dict": (replacing, {"user": "bob"}),
    "an empty dict": (emptying, {}),
    "in a handler": (Starlette(routes=[Route("/replace", in_the_handler)]), {"user": "bob"}),
}


@pytest.mark.parametrize("options", [OPTIONS["cookie"], OPTIONS["store"]], ids=["cookie", "store"])
@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize(("app", "left"), REPLACED.values(), ids=REPLACED)
async def test_what_the_application_itself_puts_there_replaces_our_session(
    app: ASGIApp, left: Any, apart: bool, options: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = site(lambda _: app, apart=apart, **options())
    await client.get("/login")
    await client.get("/admin/replace")
    assert json.loads((await client.get("/")).body) == left
    assert caplog.text == ""


@pytest.mark.parametrize("options", [OPTIONS["cookie"], OPTIONS["store"]], ids=["cookie", "store"])
async def test_a_middleware_within_that_sets_our_cookie_is_told_of_once(options: Any, caplog: pytest.LogCaptureFixture) -> None:
    client = site(lambda app: BeforeOne(app, "koa.sess"), apart=False, **options())
    for _ in range(2):
        await client.get("/admin/login")
    said = [record.getMessage() for record in caplog.records if "'koa.sess' too" in record.getMessage()]
    assert len(said) == 1
    assert "sqladmin: backend.middlewares = []" in said[0]


async def test_tasks_of_other_requests_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dict in place of the session is no reason to look through what a server has open: only what this request started."""
    looked_at: list[object] = []
    waiting = inner_middleware._waiting
    monkeypatch.setattr(inner_middleware, "_waiting", lambda coroutine: looked_at.append(coroutine) or waiting(coroutine))

    async def replace(request: Request) -> PlainTextResponse:
        request.scope["session"] = {"n": 1}
        return PlainTextResponse("done")

    middleware = [Middleware(BaseHTTPMiddleware, dispatch=read_first)]
    client = Browser(SessionMiddleware(Starlette(routes=[Route("/", replace)], middleware=middleware), keys=[KEY]))
    others = [asyncio.create_task(asyncio.sleep(60)) for _ in range(100)]
    await asyncio.sleep(0)
    await client.get("/")
    assert 0 < len(looked_at) < 10
    for other in others:
        other.cancel()


@pytest.mark.parametrize("options", [OPTIONS["cookie"], OPTIONS["store"]], ids=["cookie", "store"])
async def test_a_logout_at_a_framework_within_is_none_of_ours(options: Any) -> None:
    @litestar.get("/login")
    async def inner_login(request: litestar.Request[Any, Any, Any]) -> str:
        request.set_session({"admin": "root"})
        return "in"

    @litestar.get("/logout")
    async def inner_logout(request: litestar.Request[Any, Any, Any]) -> str:
        request.clear_session()
        return "out"

    sessions = CookieBackendConfig(secret=b"0" * 32, key="admin")
    admin = litestar.Litestar([inner_login, inner_logout], middleware=[sessions.middleware])
    client = site(lambda _: admin, apart=False, **options())
    await client.get("/login")
    await client.get("/admin/login")
    await client.get("/admin/logout")
    assert (await client.get("/")).body == b'{"user": "ann"}'
