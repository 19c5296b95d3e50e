"""The three other systems beside koa-session: what each calls its options, its cookie and its verbs, and what ours are there."""

import base64
import copy
import hashlib
import hmac
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from gingersnap import SessionMiddleware
from gingersnap.types import Preset
from tests.asgi import Browser, Clock
from tests.interop.koa_stores import sign
from tests.interop.node_and_ours import FAILED, HEADER, VERBS, Answer, Failure, plain

Given = dict[str, Any]
Keys = tuple[str, ...]

UNKNOWN = "unknown-unknown-unknown-unknown0"
_CAMEL = {"max_age": "maxAge", "http_only": "httpOnly", "same_site": "sameSite", "allow_empty": "saveUninitialized"}
_COOKIE = ("max_age", "http_only", "same_site", "path", "domain", "secure", "partitioned", "priority")


def _life(value: Any) -> Any:
    """Spell a lifetime as they do: milliseconds; one that ends with the browser is none."""
    return None if value == "session" else value * 1000


def _named(options: Given, *names: str) -> Given:
    return {
        _CAMEL.get(name, name): _life(value) if name == "max_age" else value for name, value in options.items() if name in names
    }


def _called(word: str, options: Given) -> Given:
    return {word: options["key"]} if "key" in options else {}


def _cookie_session(options: Given) -> Given:
    return {"options": {**_called("name", options), **_named(options, *_COOKIE, "signed")}}


def _express(options: Given) -> Given:
    # `None`: as Express itself is set up.
    proxy = {} if (proxy := options.get("trust_proxy", True)) is None else {"proxy": proxy}
    defaults = {"resave": True, "saveUninitialized": True, **proxy, **_called("name", options)}
    rest = {**defaults, **_named(options, "rolling", "resave", "allow_empty", "unset")}
    return {
        "options": {"cookie": _named(options, *_COOKIE), **rest},
        "prefix": "sess:",
        **({"ttl": options["ttl"]} if "ttl" in options else {}),
    }


def _generic(options: Given) -> Given:
    rest = {**_called("key", options), **_named(options, "rolling", "defer")}
    if "allow_empty" in options:
        rest["allowEmpty"] = options["allow_empty"]
    if "prefix" in options:
        rest["prefix"] = options["prefix"]
    if isinstance(options.get("ttl"), int | float):
        rest["ttl"] = options["ttl"] * 1000
    return {"options": {"cookie": _named(options, *_COOKIE), **rest}}


def _empty_and_move(scope: Any, seen: list[Any]) -> None:
    # Theirs begins a new session, which is empty.
    scope["session"].clear()
    scope["session"].regenerate()


async def _save_now(scope: Any, seen: list[Any]) -> None:
    scope["session"].save()
    await scope["session"].commit()


def _flags(scope: Any, seen: list[Any]) -> None:
    session = scope["session"]
    seen.append([session.is_new, session.changed, session.populated])


_SNAKE = {theirs: ours for ours, theirs in _CAMEL.items()}
OURS: dict[str, Callable[..., Any]] = {
    **VERBS,
    "see": lambda scope, seen: seen.append(plain(scope.get("session"))),
    "regenerate": _empty_and_move,
    "destroy": lambda scope, seen: scope["session"].destroy(),
    "save_now": _save_now,
    "touch": lambda scope, seen: scope["session"].touch(),
    "load": lambda scope, seen: scope["session"].load(),
    "reload": lambda scope, seen: scope["session"].reload(),
    "cookie": lambda scope, seen, name, value: setattr(scope["session"].cookie, _SNAKE.get(name, name), value),
    "id": lambda scope, seen: seen.append(scope["session"].external_key),
    "flags": _flags,
}


def _digest(id: str, key: str) -> str:
    return base64.b64encode(hmac.digest(key.encode(), id.encode(), hashlib.sha256)).decode().rstrip("=")


@dataclass(frozen=True)
class System:
    """One of them. ``prefix``: what stands before an id in the store; ``None``: it has no store."""

    preset: Preset
    script: str
    key: str
    prefix: str | None
    setup: Callable[[Given], Given]
    """Spell our options as it does."""

    def cookies(self, id: str, key: str) -> dict[str, str]:
        """Write the cookies of an id, signed by a key."""
        if self.preset == "express":
            return {self.key: quote(f"s:{id}.{_digest(id, key)}", safe="")}
        return {self.key: id, f"{self.key}.sig": sign(f"{self.key}={id}", key)}

    def id_in(self, jar: dict[str, str]) -> str | None:
        """Read the id that a client has, verified or not."""
        value = jar.get(self.key)
        if value is None or self.preset != "express":
            return value
        return unquote(value).removeprefix("s:").rpartition(".")[0]

    def carry(self, jar: dict[str, str], client: str, key: str) -> None:
        """Do to a client's cookies what a program says."""
        if client in ("lose", "unknown"):
            jar.clear()
        if client == "unknown":
            jar.update(self.cookies(UNKNOWN, key))
        elif client in ("forge", "strip") and self.key in jar:
            id, last = self.id_in(jar) or "", self.key if self.preset == "express" else f"{self.key}.sig"
            if client == "forge":
                jar[last] = self.cookies(id, "another key")[last]
            elif self.preset == "express":
                jar[last] = id
            else:
                jar.pop(last, None)


@dataclass
class Mine:
    """A client of our middleware under a preset."""

    system: System
    keys: Keys
    options: Given
    jar: dict[str, str] = field(default_factory=dict)
    store: Any = None
    scope: Given = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = Clock()
        stored = {} if self.system.prefix is None else {"store": self.store}
        with warnings.catch_warnings():
            # The others say nothing of signed: false.
            warnings.filterwarnings("ignore", message="signed=False")
            middleware = SessionMiddleware(
                self._app,
                keys=[*self.keys],
                preset=self.system.preset,
                allow_weak_keys=True,
                clock=self.clock,
                **stored,
                **{**self.options, "trust_proxy": bool(self.options.get("trust_proxy", True))},
            )
        self.browser = Browser(middleware, **self.scope)
        self.browser.jar = self.jar

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        for verb, *given in self.steps:
            waiting = OURS[verb](scope, self.seen, *copy.deepcopy(given))
            if hasattr(waiting, "__await__"):
                await waiting
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def do(self, *steps: list[Any], now: float, path: str = "/", https: bool | str = False, token: str = "") -> Answer:
        self.steps, self.clock.now = steps, now
        self.seen: list[Any] = []
        headers = [(b"x-forwarded-proto", b"https" if https is True else str(https).encode())] if https else []
        if token:
            headers.append((HEADER.encode(), token.encode()))
        try:
            response = await self.browser.get(path, headers=headers)
        except Failure:
            return Answer([], error=FAILED)
        return Answer(response.cookies, self.seen, token=response.get(HEADER))


@dataclass
class Theirs:
    """A client of the original. ``database``: of which server, and which one of it."""

    system: System
    peer: Any
    keys: Keys
    options: Given
    jar: dict[str, str] = field(default_factory=dict)
    database: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        self.setup = {"keys": self.keys, **self.system.setup(self.options), **_named(self.options, "algorithm")}
        if self.database is not None:
            self.setup["redis"] = self.database
        self.browser = Browser(None)
        self.browser.jar = self.jar

    async def do(self, *steps: list[Any], now: float, path: str = "/", https: bool | str = False, token: str = "") -> Answer:
        given: Given = {"cookie": self.browser.header(), "https": https, "path": path, "token": token}
        answer: Answer = self.peer.ask(self.setup, [*steps], now=now, **given)
        self.browser.keep(answer.cookies)
        return answer


LINE = re.compile("([^=]*)=([^;]*)(.*)")

COOKIE_SESSION = System("cookie-session", "cookie_session.mjs", "session", None, _cookie_session)
EXPRESS = System("express", "express.mjs", "connect.sid", "sess:", _express)
KOA_GENERIC = System("koa-generic", "koa_generic.mjs", "koa.sid", "koa:sess:", _generic)
