"""The two sides of each interop test: koa-session in Node, and our middleware in process, told the same things."""

import copy
import json
import ssl
import warnings
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from typing import Any

from gingersnap import SessionMiddleware
from tests.asgi import KEY, NOW, Browser, Clock, request

Steps = list[list[Any]]

# Our names for koa-session's options; a lifetime is in seconds here.
NAMES = {"httpOnly": "http_only", "sameSite": "same_site", "maxAge": "max_age", "autoCommit": "auto_commit"}


@dataclass
class Answer:
    """What one side answered: its Set-Cookie lines, what was seen at each step "see" or "key", and why a step failed.

    ``token`` is the id that came in a header of its own.
    """

    cookies: list[str]
    seen: list[Any] = field(default_factory=list)
    error: str | None = None
    token: str | None = None


class Failure(Exception):  # noqa: N818 (as in server.mjs)
    """What the step "fail" raises."""


FAILED = "Internal Server Error"
"""What a side whose application failed answers."""
HEADER = "x-session"
"""The header that an id travels in where it is in no cookie."""


class Peer:
    """A running koa.mjs, or another of the peers. ``trusted``: the certificate of one that speaks TLS."""

    def __init__(self, port: int, trusted: str | None = None) -> None:
        if trusted is None:
            self._connection = HTTPConnection("127.0.0.1", port, timeout=30)
        else:
            context = ssl.create_default_context(cafile=trusted)
            self._connection = HTTPSConnection("127.0.0.1", port, timeout=30, context=context)

    def close(self) -> None:
        self._connection.close()

    def ask(
        self,
        setup: dict[str, Any],
        steps: Steps,
        *,
        now: float = NOW,
        cookie: str = "",
        https: bool | str = False,
        token: str = "",
        path: str = "/",
    ) -> Answer:
        """Have an application made as ``setup`` says take ``steps``. ``https``: what a proxy says of the client's connection."""
        body = json.dumps({"setup": setup, "now": round(now * 1000), "steps": steps}).encode()
        headers = {
            "content-type": "application/json",
            **({"cookie": cookie} if cookie else {}),
            **({HEADER: token} if token else {}),
        }
        if https:
            headers["x-forwarded-proto"] = "https" if https is True else https
        self._connection.request("POST", path, body, headers)
        response = self._connection.getresponse()
        answer = response.read()
        cookies = response.headers.get_all("set-cookie") or []
        if response.status == 500:
            return Answer(cookies, error=answer.decode())
        assert response.status == 200, (response.status, answer)
        return Answer(cookies, token=response.headers.get(HEADER), **json.loads(answer))


class Koa:
    """A browser at koa-session."""

    def __init__(self, peer: Peer, *, keys: list[str], algorithm: str | None = None, **options: Any) -> None:
        self.peer = peer
        # Where koa.mjs is to make a store, and have the id travel in a header.
        made = {name: options.pop(name) for name in ("redis", "header") if name in options}
        self.setup: dict[str, Any] = {"keys": keys, "proxy": True, "options": options, **made}
        if algorithm:
            self.setup["algorithm"] = algorithm
        # Only its jar is used: both sides' browsers keep cookies alike.
        self.browser = Browser(None)

    async def do(self, *steps: list[Any], now: float = NOW, https: bool = False, token: str = "") -> Answer:
        answer = self.peer.ask(self.setup, [*steps], now=now, cookie=self.browser.header(), https=https, token=token)
        self.browser.keep(answer.cookies)
        return answer

    async def read(self, header: str) -> Answer:
        """Read the session that a Cookie header holds, apart from the jar."""
        return self.peer.ask(self.setup, [["see"]], cookie=header)


def plain(session: Any) -> Any:
    """Copy a session as it is now; each of its containers is handed out on the way."""
    return None if session is None else copy.deepcopy({key: session[key] for key in session})


def _push(session: Any, path: list[Any], value: Any) -> None:
    for key in path:
        session = session[key]
    session.append(value)


def _delete(session: Any, key: str) -> None:
    session.pop(key, None)


def _fail() -> None:
    raise Failure


VERBS = {
    "see": lambda scope, seen: seen.append(plain(scope["session"])),
    "set": lambda scope, seen, key, value: scope["session"].__setitem__(key, value),
    "delete": lambda scope, seen, key: _delete(scope["session"], key),
    "push": lambda scope, seen, path, value: _push(scope["session"], path, value),
    "replace": lambda scope, seen, data: scope.__setitem__("session", data),
    "null": lambda scope, seen: scope.__setitem__("session", None),
    "max_age": lambda scope, seen, ms: setattr(scope["session"], "max_age", ms if ms == "session" else ms / 1000),
    "save": lambda scope, seen: scope["session"].save(),
    "regenerate": lambda scope, seen: scope["session"].regenerate(),
    "commit": lambda scope, seen: scope["session"].commit(),
    "key": lambda scope, seen: seen.append(scope["session"].external_key),
    "fail": lambda scope, seen: _fail(),
}


class Ours:
    """A browser at our middleware, with koa-session's own names for options."""

    def __init__(self, *, keys: list[str], **options: Any) -> None:
        given = {NAMES.get(name, name): value for name, value in options.items()}
        if isinstance(given.get("max_age"), int):
            given["max_age"] /= 1000
        self.clock = Clock()
        with warnings.catch_warnings():
            # koa-session says nothing of signed: false.
            warnings.filterwarnings("ignore", message="signed=False")
            middleware = SessionMiddleware(
                self._app, keys=keys, preset="koa", allow_weak_keys=True, clock=self.clock, trust_proxy=True, **given
            )
        self.browser = Browser(middleware)
        self.steps: tuple[list[Any], ...] = ()
        self.seen: list[Any] = []
        self.error: str | None = None

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        for verb, *given in self.steps:
            waiting = VERBS[verb](scope, self.seen, *copy.deepcopy(given))
            if waiting is not None:
                await waiting
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def do(self, *steps: list[Any], now: float = NOW, https: bool = False, token: str = "") -> Answer:
        self.steps, self.seen, self.clock.now = steps, [], now
        headers = [(b"x-forwarded-proto", b"https")] if https else []
        if token:
            headers.append((HEADER.encode(), token.encode()))
        try:
            response = await self.browser.get(headers=headers)
        except Failure:
            return Answer([], error=FAILED)
        return Answer(response.cookies, self.seen, token=response.get(HEADER))

    async def read(self, header: str) -> Answer:
        """Read the session that a Cookie header holds, apart from the jar."""
        self.steps, self.seen, self.clock.now = (["see"],), [], NOW
        response = await request(self.browser.app, headers=[(b"cookie", header.encode("latin-1"))])
        return Answer(response.cookies, self.seen)


class Both:
    """Both sides, made with the same keys and options and told the same things."""

    def __init__(self, peer: Peer, *, keys: tuple[str, ...] = (KEY,), **options: Any) -> None:
        self.koa = Koa(peer, keys=[*keys], **options)
        self.ours = Ours(keys=[*keys], **options)

    async def do(self, *steps: list[Any], after: float = 0, https: bool = False) -> Answer:
        """Take the steps on both sides, ``after`` seconds since the beginning, and see that both answer the same."""
        theirs = await self.koa.do(*steps, now=NOW + after, https=https)
        ours = await self.ours.do(*steps, now=NOW + after, https=https)
        assert ours == theirs
        return ours

    async def read(self, header: str) -> Answer:
        """Give the same Cookie header to both sides, and see that both answer the same."""
        theirs, ours = await self.koa.read(header), await self.ours.read(header)
        assert ours == theirs
        return ours
