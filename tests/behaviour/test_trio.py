"""Another event loop than asyncio's: a session in its cookie works there, one in a store is refused in clear words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from gingersnap import ConfigError, SessionMiddleware
from gingersnap.stores import MemoryStore, PlainStore, PostgresStore, RedisStore, SQLAlchemyStore, SQLiteStore
from tests.asgi import KEY
from tests.stores.test_plain import Koa

STORES: dict[str, Callable[[Path], Any]] = {
    "memory": lambda folder: MemoryStore(),
    "plain": lambda folder: PlainStore(Koa()),
    "sqlite": lambda folder: SQLiteStore(folder / "sessions.sqlite3"),
    "redis": lambda folder: RedisStore("redis://h"),
    "postgres": lambda folder: PostgresStore("postgresql://h/d"),
    "sqlalchemy": lambda folder: SQLAlchemyStore("sqlite+aiosqlite://"),
}


def site(served: list[Any], **options: Any) -> SessionMiddleware:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await send({"type": "lifespan.startup.complete"})
            return
        served.append(scope["session"].get("n"))
        if scope["path"] == "/write":
            scope["session"]["n"] = 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return SessionMiddleware(app, keys=[KEY], **options)


def ask(app: Any, kind: str = "http", path: str = "/", cookie: bytes = b"") -> list[Any]:
    """Make a connection on trio and return what was sent."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"cookie", cookie)] if cookie else []
    trio.run(app, {"type": kind, "path": path, "scheme": "http", "method": "GET", "headers": headers}, None, send)
    return sent


@pytest.mark.parametrize("store", STORES)
def test_each_request_is_refused_with_the_cure_even_where_nothing_touches_the_session(store: str, tmp_path: Path) -> None:
    served: list[Any] = []
    app = site(served, store=STORES[store](tmp_path))
    for kind, path, cookie in (("http", "/", b""), ("http", "/write", b"koa.sess=x"), ("websocket", "/", b"")):
        with pytest.raises(ConfigError, match=r"^store: .+need asyncio.+; run the server on asyncio .+worker-class") as caught:
            ask(app, kind, path, cookie)
        assert caught.value.option == "store"
    assert served == []


@pytest.mark.parametrize("strict", [False, True])
def test_the_server_does_not_start(strict: bool) -> None:
    app = site([], store=MemoryStore(), strict_startup=strict)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    trio.run(app, {"type": "lifespan"}, None, send)
    assert [message["type"] for message in sent] == ["lifespan.startup.failed"]
    assert "need asyncio" in sent[0]["message"]


def test_a_session_in_its_cookie_is_served() -> None:
    served: list[Any] = []
    app = site(served)
    start = ask(app, path="/write")[0]
    lines = [value.split(b";")[0] for name, value in start["headers"] if name == b"set-cookie"]
    ask(app, cookie=b"; ".join(lines))
    assert served == [None, 1]


@pytest.mark.parametrize("sends", ["itself", "in a nursery", "around a nursery"])
def test_a_middleware_within_ours_leaves_our_session_as_it_was(sends: str) -> None:
    """Where a task of a nursery sends the response, its parents lead to the middleware."""

    async def respond(send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def admin(scope: Any, receive: Any, send: Any) -> None:
        if sends != "in a nursery":
            await respond(send)
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(respond, send)

    class Inner:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            scope["session"] = {"admin": "root"}
            await self.app(scope, receive, send)

    async def around(scope: Any, receive: Any, send: Any) -> None:
        """Send from here what the application says in a task of its own."""
        sender, receiver = trio.open_memory_channel[Any](0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Inner(admin), scope, receive, sender.send)
            for _ in range(2):
                await send(await receiver.receive())

    app = SessionMiddleware(around if sends == "around a nursery" else Inner(admin), keys=[KEY])
    served: list[Any] = []
    lines = [value for name, value in ask(site(served), path="/write")[0]["headers"] if name == b"set-cookie"]
    cookie = b"; ".join(line.partition(b";")[0] for line in lines)
    assert [name for name, _ in ask(app, cookie=cookie)[0]["headers"] if name == b"set-cookie"] == []
