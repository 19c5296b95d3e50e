"""Drive an ASGI application in process, as a server and a browser would: requests in, headers and a jar out."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from gingersnap import SessionMiddleware
from gingersnap.types import ASGIApp, Message, Receive, Scope, Send

KEY = "an0ther-t3st-k3y-that-is-l0ng-en0ugh"
OLD_KEY = "the-k3y-that-was-in-us3-bef0re-that-0ne"
NOW = 1_795_521_895.0

Handler = Callable[[Any], Any]


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass
class Response:
    """What an application sent."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    messages: list[Message] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        return [value.decode("latin-1") for key, value in self.headers if key.decode("latin-1").lower() == name]

    def get(self, name: str) -> str | None:
        values = self.all(name)
        return ", ".join(values) if values else None

    @property
    def cookies(self) -> list[str]:
        """The Set-Cookie lines."""
        return self.all("set-cookie")


class Browser:
    """One client: sends its cookies, keeps what it gets, drops what expires at once. Deliberately a simple jar."""

    def __init__(self, app: ASGIApp, **scope: Any) -> None:
        self.app = app
        self.scope = scope
        self.jar: dict[str, str] = {}

    def header(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.jar.items())

    def keep(self, lines: list[str]) -> None:
        for line in lines:
            name, _, value = line.split(";")[0].partition("=")
            if "01 Jan 1970" in line:
                self.jar.pop(name, None)
            else:
                self.jar[name] = value

    async def get(self, path: str = "/", *, headers: list[tuple[bytes, bytes]] | None = None, **scope: Any) -> Response:
        sent = [*(headers or [])]
        if self.jar:
            sent.append((b"cookie", self.header().encode("latin-1")))
        response = await request(self.app, path=path, headers=sent, **{**self.scope, **scope})
        self.keep(response.cookies)
        return response


async def request(app: ASGIApp, **given: Any) -> Response:
    """Send one HTTP request and give what came back."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "root_path": "",
        "query_string": b"",
        "headers": [],
        "server": ("testserver", 80),
        "client": ("testclient", 5000),
        **given,
    }
    response = Response()

    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            # The client stays, and says nothing more.
            await asyncio.Event().wait()
        sent = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        response.messages.append(message)
        if message["type"] == "http.response.start":
            response.status = message["status"]
            response.headers = [*message.get("headers", ())]
        elif message["type"] == "http.response.body":
            response.body += message.get("body", b"")

    await app(scope, receive, send)
    # Events come on the loop's next turn.
    await asyncio.sleep(0)
    return response


def app_of(handler: Handler, headers: list[tuple[bytes, bytes]] | None = None) -> ASGIApp:
    """Make an application that hands its scope to ``handler``, sync or async, and answers 200."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        result = handler(scope)
        if isinstance(result, Awaitable):
            await result
        await send({"type": "http.response.start", "status": 200, "headers": [*(headers or [])]})
        await send({"type": "http.response.body", "body": b"ok"})

    return app


def browser(handler: Handler, **options: Any) -> Browser:
    """Make a browser at an application whose handler gets the session."""
    given = {"keys": [KEY], **options}
    key = given.get("scope_key", "session")
    return Browser(SessionMiddleware(app_of(lambda scope: handler(scope[key])), **given))


class Sessions:
    """A browser at an application whose handler is given anew for each request."""

    def __init__(self, **options: Any) -> None:
        if options.get("store") is not None:
            # These tests count what a store is asked and what it holds; the grace has tests of its own.
            options = {"regenerate_grace": 0, **options}
        self.handler: Handler = lambda scope: None
        self.browser = Browser(SessionMiddleware(app_of(self._handle), **{"keys": [KEY], **options}))

    def _handle(self, scope: Scope) -> object:
        return self.handler(scope)

    @property
    def jar(self) -> dict[str, str]:
        return self.browser.jar

    async def do(self, handler: Handler, **scope: Any) -> Response:
        """Run ``handler(session)`` in one request."""
        self.handler = lambda scope: handler(scope["session"])
        return await self.browser.get(**scope)

    async def on_scope(self, handler: Handler, **scope: Any) -> Response:
        """Run ``handler(scope)`` in one request."""
        self.handler = handler
        return await self.browser.get(**scope)

    async def data(self) -> dict[str, Any]:
        """Read the session as the next request sees it."""
        seen: dict[str, Any] = {}
        await self.do(lambda session: seen.update(dict(session)))
        return seen


def run(awaitable: Any) -> Any:
    """Run a coroutine to its end."""
    return asyncio.run(awaitable)
