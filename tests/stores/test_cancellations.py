"""S-05: ten thousand calls are cancelled at random instants; each answer belongs to its call, and no connection is lost."""

import asyncio
import gc
import random
import threading
from collections.abc import Callable
from contextlib import aclosing
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gingersnap.stores import PostgresStore, RedisStore, SQLAlchemyStore, SQLiteStore
from gingersnap.testing.suite import absent, made, new_keys
from tests.server_side.test_send_wrapper import lifespan
from tests.stores.broken.races import LeavesARepliesToTheNext
from tests.stores.cancelled import CLIENTS, CUT, Tally, cut_at_random, until_cut
from tests.stores.proxy import Mode, Proxy
from tests.stores.servers.mariadb import MariaDB
from tests.stores.sqlalchemy.test_store import sqlite_file
from tests.stores.test_guarantees import LONG, Site, play

CUTS = 10_000 if LONG else 300
"""How many calls of each store are cut."""
REQUESTS = 1_000 if LONG else 100
"""How many requests are."""

POOL = 3
"""How many connections a store has: fewer than there are clients, so that calls wait for them, and are cut as they wait."""

LOST = ("The garbage collector is trying to clean up", "was destroyed but it is pending")
"""What is logged of connections, and of their closing, that nobody has a hold on any more."""


class Small(NamedTuple):
    """A store with a small pool, how many connections it may have, how many there are, and the engine it was given."""

    store: Any
    most: int
    connections: Callable[[], int]
    engine: AsyncEngine | None = None


def on_sqlite(request: pytest.FixtureRequest, folder: Path) -> Small:
    return Small(SQLiteStore(folder / "sessions.sqlite3"), 2, lambda: threads("gingersnap-sqlite"))


def on_redis(request: pytest.FixtureRequest, folder: Path) -> Small:
    server = request.getfixturevalue("lone_valkey")
    return Small(RedisStore.from_url(server.url, max_connections=POOL), POOL, lambda: redis_connections(server))


def on_postgres(request: pytest.FixtureRequest, folder: Path) -> Small:
    server = request.getfixturevalue("postgres")
    address = server.create_database()
    return Small(PostgresStore.from_url(address, max_size=POOL), POOL, lambda: postgres_connections(server, address))


def by_url(request: pytest.FixtureRequest, folder: Path) -> Small:
    server = request.getfixturevalue("mariadb")
    address = server.create_database()
    # As many as SQLAlchemy's own pool has by default.
    return Small(SQLAlchemyStore(address), 5 + 10, lambda: mariadb_connections(server, address))


def by_asyncmy(request: pytest.FixtureRequest, folder: Path) -> Small:
    server = request.getfixturevalue("mariadb")
    address = server.create_database()
    return by_engine(address, lambda: mariadb_connections(server, address))


def by_asyncpg(request: pytest.FixtureRequest, folder: Path) -> Small:
    server = request.getfixturevalue("postgres")
    address = server.create_database()
    return by_engine(address.replace("postgresql", "postgresql+asyncpg"), lambda: postgres_connections(server, address))


def by_aiosqlite(request: pytest.FixtureRequest, folder: Path) -> Small:
    return by_engine(sqlite_file(folder), lambda: threads("_connection_worker_thread"))


def by_engine(address: str, connections: Callable[[], int]) -> Small:
    engine = create_async_engine(address, pool_size=POOL, max_overflow=0)
    return Small(SQLAlchemyStore(engine), POOL, connections, engine)


def threads(name: str) -> int:
    return sum(name in thread.name for thread in threading.enumerate())


def redis_connections(server: Any) -> int:
    # One is that which asks.
    return len(server.ask("CLIENT", "LIST").splitlines()) - 1


def postgres_connections(server: Any, address: str) -> int:
    return int(server.run(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{address.rpartition('/')[2]}'"))


def mariadb_connections(server: Any, address: str) -> int:
    return int(server.run(f"SELECT count(*) FROM information_schema.processlist WHERE db = '{address.rpartition('/')[2]}'"))


# MemoryStore is left out: its calls wait for nothing, so there is no instant at which one could be cut.
SMALL = {
    "sqlite": on_sqlite,
    "valkey": on_redis,
    "postgres": on_postgres,
    "mariadb by a URL": by_url,
    "sqlalchemy by asyncmy": by_asyncmy,
    "sqlalchemy by asyncpg": by_asyncpg,
    "sqlalchemy by aiosqlite": by_aiosqlite,
}


@pytest.fixture(params=SMALL)
def small(request: pytest.FixtureRequest, tmp_path: Path) -> Small:
    """Give each kind of store that talks over a connection or to a thread."""
    made: Small = SMALL[request.param](request, tmp_path)
    return made


async def test_S05_each_answer_belongs_to_its_call(
    small: Small, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    store, tally = small.store, Tally()
    async with aclosing(store):
        await until_cut(tally, store, CUTS)
        with capsys.disabled():
            print(f"\nS-05 {request.node.callspec.id}: {tally.cut} of {tally.calls} calls cancelled, 0 answers to another call")
        assert tally.cut >= CUTS
        await assert_well(small)
    if small.engine is not None:
        await small.engine.dispose()
    # What nobody gave back would be found now, and said.
    gc.collect()
    assert [message for message in caplog.messages if any(lost in message for lost in LOST)] == []


async def assert_well(small: Small) -> None:
    """Make calls that nobody cuts, more at a time than there are connections; then look how many there are."""
    store, keys = small.store, new_keys(50)
    await asyncio.gather(*(made(store, key, key.encode()) for key in keys))
    assert await asyncio.gather(*(store.destroy(key) for key in keys)) == [True] * len(keys)
    await asyncio.gather(*(absent(store, key, "destroy removes a record") for key in keys))
    for _ in range(500):
        # A server takes a moment to see that a connection was closed.
        if 0 < small.connections() <= small.most:
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"{small.connections()} connections are open, and {small.most} may be")


async def test_S05_a_store_that_leaves_a_reply_to_another_call_is_caught() -> None:
    with pytest.raises(AssertionError, match="nothing that the cut calls may have done explains"):
        await until_cut(Tally(), LeavesARepliesToTheNext(), 1000)


class Visitor:
    """A browser some of whose requests are cut: what they did stands or not, but no session of another's is ever seen."""

    def __init__(self, site: Site, name: int) -> None:
        self.browser, self.name, self.random = site.browser(), name, random.Random(name)
        self.numbers = count(1)
        self.moved: set[str | None] = {None}
        """Ids under which there may be nothing: a login was cut, which gave the session another that nobody was told."""

    async def request(self, *, what: str = "", cuts: bool = True) -> Any:
        """Send a request, and give the response, or ``CUT``. Raises: AssertionError where it saw what is not its own."""
        what = what or self.random.choice(["read", "write", "write", "login"])
        id, number, seen = self.browser.jar.get("koa.sess"), next(self.numbers), []

        def handler(session: Any) -> None:
            seen.append(dict(session))
            if what != "read":
                session["last"] = [self.name, number]
            if what == "login":
                session.login(f"visitor {self.name}")

        request = play(self.browser, handler)
        response = await (cut_at_random(request, self.random) if cuts else request)
        own = [data["last"][0] == self.name and data["last"][1] < number for data in seen if data or id not in self.moved]
        assert all(own)
        assert response == CUT or (response.status, len(seen)) == (200, 1)
        if what == "login" and response == CUT:
            self.moved.add(id)
        return response

    async def leave(self) -> None:
        """Look whether the cookie opens what this browser wrote, once all is over."""
        await self.request(what="read", cuts=False)
        await self.request(what="write", cuts=False)
        self.moved = {None}
        await self.request(what="read", cuts=False)


async def test_S05_a_cookie_opens_its_own_session_however_requests_are_cut(
    small: Small, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    async with aclosing(small.store):
        # A login that was cut leaves its old id a grace, in which writes are dropped: tests/stores/test_grace.py.
        site = Site(small.store, store_timeout=60, regenerate_grace=0)
        visitors = [Visitor(site, name) for name in range(CLIENTS)]
        cut = sent = 0

        async def visit(visitor: Visitor) -> None:
            nonlocal cut, sent
            while cut < REQUESTS and sent < 20 * REQUESTS:
                response = await visitor.request()
                cut, sent = cut + (response == CUT), sent + 1

        await asyncio.gather(*(visit(visitor) for visitor in visitors))
        # What was cut goes on without its client; a server that stops waits for it. Another one starts then.
        await lifespan(site.app)
        again = Site(small.store, regenerate_grace=0)
        for visitor in visitors:
            visitor.browser.app = again.app
        await asyncio.gather(*(visitor.leave() for visitor in visitors))
        with capsys.disabled():
            print(f"\nS-05 {request.node.callspec.id}: {cut} of {sent} requests cancelled, 0 saw another session")
        assert cut >= REQUESTS
        await assert_well(small)
    if small.engine is not None:
        await small.engine.dispose()


@pytest.mark.parametrize("mode", ["hang", "slow"])
async def test_S05_a_call_that_is_cut_gives_its_connection_back_however_long_the_server_takes(mariadb: MariaDB, mode: Mode) -> None:
    with Proxy(("127.0.0.1", mariadb.port), delay=0.05) as proxy:
        address = mariadb.create_database()
        engine = create_async_engine(address.replace(str(mariadb.port), str(proxy.port)), pool_size=POOL, max_overflow=0)
        store, keys = SQLAlchemyStore(engine), new_keys(POOL)
        await asyncio.gather(*(made(store, key) for key in keys))
        proxy.mode = mode
        for turns, key in enumerate(keys):
            call = asyncio.create_task(store.load(key))
            for _ in range(4 * turns + 1):
                await asyncio.sleep(0)
            call.cancel()
            # The caller is not held: not even a server that hangs has answered by now.
            assert (await asyncio.gather(call, return_exceptions=True))[0].__class__ is asyncio.CancelledError
        assert engine.pool.checkedout() > 0
        await store.aclose()
        assert engine.pool.checkedout() == 0
        proxy.mode = "pass"
        await assert_well(Small(store, POOL, lambda: mariadb_connections(mariadb, address)))
        await engine.dispose()


async def test_S05_a_call_that_is_cut_while_it_waits_for_a_connection_writes_nothing(tmp_path: Path) -> None:
    engine, [key] = create_async_engine(sqlite_file(tmp_path), pool_size=1, max_overflow=0), new_keys(1)
    store = SQLAlchemyStore(engine)
    await store.ping()
    async with engine.connect():
        call = asyncio.create_task(store.create(key, b"{}", 60_000))
        await asyncio.sleep(0.01)
        call.cancel()
        await asyncio.wait([call])
    await store.aclose()
    await absent(store, key, "a call that has not begun does not begin")
    await engine.dispose()
