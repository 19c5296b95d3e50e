"""A store that takes no writes is still read; ``ping`` and the start-up say what is wrong with it, and leave nothing."""

# Names bear the ids of requirements as they are written.

import asyncio
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import create_async_engine

from gingersnap import SessionUnavailable, StoreUnfit
from gingersnap.stores import KeyValueStore, PostgresStore, RedisStore, SQLAlchemyStore
from tests.asgi import Sessions
from tests.stores import store_contents
from tests.stores.redis_sites import LONG, Site, new_key
from tests.stores.servers.mariadb import MariaDB
from tests.stores.servers.postgres import Postgres
from tests.stores.servers.valkey import Server, running, valkey_binary
from tests.stores.shipped_stores import KINDS, kind_of

LIFE_S = 2
SECRET = "Zx9-marker-of-a-secret"


@pytest.mark.parametrize("name", KINDS)
def test_ping_leaves_nothing(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    kind = kind_of(name, request, tmp_path)

    async def play(store: Any) -> tuple[int, int]:
        await store_contents.clear(kind)
        await store.ping()
        first = await store_contents.records(kind, store)
        await asyncio.gather(*(store.ping() for _ in range(3)))
        return first, await store_contents.records(kind, store)

    assert kind.run(play) == (0, 0)


@asynccontextmanager
async def redis_made_a_replica(request: Any, folder: Path) -> AsyncIterator[tuple[Any, Callable[[], Any]]]:
    server: Server = request.getfixturevalue("lone_valkey")
    async with aclosing(RedisStore.from_url(server.url)) as store:
        yield store, lambda: server.ask("REPLICAOF", "127.0.0.1", 1)


@asynccontextmanager
async def postgres_read_only(request: Any, folder: Path) -> AsyncIterator[tuple[Any, Callable[[], Any]]]:
    server: Postgres = request.getfixturevalue("postgres")
    dsn = server.create_database()
    name = dsn.rpartition("/")[2]

    def turn() -> None:
        server.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        # Sessions that are open keep what they had.
        server.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    async with aclosing(PostgresStore.from_url(dsn)) as store:
        yield store, turn


@asynccontextmanager
async def mariadb_read_only(request: Any, folder: Path) -> AsyncIterator[tuple[Any, Callable[[], Any]]]:
    server: MariaDB = request.getfixturevalue("mariadb")
    address = server.create_database()
    name = address.rpartition("/")[2]
    # One that has every right may write nevertheless.
    server.run(f"CREATE OR REPLACE USER plain@'127.0.0.1'; GRANT ALL ON {name}.* TO plain@'127.0.0.1'")
    async with aclosing(SQLAlchemyStore(address.replace("test@", "plain@"))) as store:
        try:
            yield store, lambda: server.run("SET GLOBAL read_only = 1")
        finally:
            server.run("SET GLOBAL read_only = 0")


READ_ONLY = {"redis": redis_made_a_replica, "postgres": postgres_read_only, "mariadb": mariadb_read_only}


async def start(client: Sessions) -> list[Any]:
    """Start the application and shut it down."""
    asked, sent = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}], []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        for word in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{word}.complete"})

    async def receive() -> Any:
        return asked.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    app: Any = client.browser.app
    app.app, served = inner, app.app
    await app({"type": "lifespan"}, receive, send)
    app.app = served
    return sent


@pytest.mark.parametrize("kind", READ_ONLY)
async def test_O01_a_store_that_takes_reads_only_is_read_and_says_so(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with READ_ONLY[kind](request, tmp_path) as (store, turn):
        options = {"store": store, "max_age": LIFE_S, "store_timeout": 30}
        client, strict = Sessions(rolling=True, **options), Sessions(strict_startup=True, **options)
        await client.do(lambda s: s.update(n=1))
        # So long that the next request would renew it.
        await asyncio.sleep(0.3)
        turn()
        # A connection that the server has ended costs one try.
        await client.data()
        seen: list[Any] = []
        client.handler = lambda scope: seen.append(dict(scope["session"]))
        assert {answer.status for answer in await asyncio.gather(*(client.browser.get() for _ in range(10)))} == {200}
        assert seen == [{"n": 1}] * 10
        assert (await client.do(lambda s: s.update(n=2))).status == 503
        assert (await Sessions(**options).do(lambda s: s.update(n=2))).status == 503
        # None of that opens the breaker.
        assert await client.data() == {"n": 1}
        with pytest.raises(StoreUnfit, match="takes reads only"):
            await store.ping()
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            [told, *_] = await start(strict)
            await start(client)
        assert told["type"] == "lifespan.startup.failed"
        assert "takes reads only" in told["message"]
        assert "is not ready: " in caplog.text
        assert "takes reads only" in caplog.text


SQLITE = """
import asyncio, concurrent.futures.thread, json, os, sys
from gingersnap import SessionUnavailable, StoreUnfit
from gingersnap.stores import SQLiteStore
if os.geteuid() == 0:
    # Root writes what it likes.
    os.setgid(65534)
    os.setuid(65534)
path = sys.argv[1]

async def main():
    store = SQLiteStore(path)
    await store.create("{a}k", b"{}", 400)
    await store.aclose()
    os.chmod(path, 0o444)
    await asyncio.sleep(0.1)
    record = await store.load("{a}k", roll=True)
    told = []
    for call in (store.ping, lambda: store.create("{a}l", b"{}", 400)):
        try:
            await call()
        except StoreUnfit as error:
            told.append(str(error))
    await store.aclose()
    print(json.dumps([record.value.decode(), record.ttl_ms < 400, told]))

asyncio.run(main())
"""


def test_O01_a_file_that_takes_reads_only_is_read_and_says_so() -> None:
    # Not below pytest's own folder, which nobody else may enter.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        paths = os.pathsep.join(path for path in sys.path if path)
        command = [sys.executable, "-c", SQLITE, f"{folder}/sessions.sqlite3"]
        run = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": paths})
    value, unrenewed, told = json.loads(run.stdout)
    assert (value, unrenewed) == ("{}", True)
    assert [text.partition(";")[0] for text in told] == ["the file takes reads only"] * 2


async def test_a_disk_store_of_key_value_that_cannot_write_is_read(tmp_path: Path) -> None:
    from key_value.aio.stores.memory import MemoryStore as KeyValue
    from key_value.aio.wrappers.read_only import ReadOnlyWrapper

    there = KeyValue()
    key = new_key()
    await KeyValueStore(there).create(key, b"{}", 300)
    await asyncio.sleep(0.1)
    store = KeyValueStore(ReadOnlyWrapper(key_value=there, raise_on_write=True))
    record = await store.load(key, roll=True)
    assert record is not None
    assert record.value == b"{}"
    with pytest.raises(Exception, match=r"(?i)read-?only"):
        await store.ping()


async def test_one_node_of_a_cluster_is_told(cluster_site: Site) -> None:
    async with cluster_site.client(Redis) as client:
        for layout in ("native", "koa-redis"):
            with pytest.raises(StoreUnfit, match=r"one node of a Cluster alone; give a RedisCluster of redis\.asyncio"):
                await RedisStore(client, layout=layout).ping()


async def test_a_driver_that_cannot_send_octets_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 's.db'}")
    # As aiomysql 0.3.2 has it with PyMySQL 1.2.
    monkeypatch.setattr(engine.dialect.dbapi, "Binary", "Binary", raising=False)
    store = SQLAlchemyStore(engine)
    for call in (store.ping, lambda: store.create(new_key(), b"{}", LONG)):
        with pytest.raises(StoreUnfit, match=r"the driver aiosqlite cannot send octets; on MySQL and MariaDB take asyncmy"):
            await call()
    await store.aclose()
    await engine.dispose()


async def test_a_role_without_a_right_is_told(postgres: Postgres) -> None:
    dsn = postgres.create_database()
    async with aclosing(PostgresStore.from_url(dsn)) as store:
        await store.ping()
    role = dsn.rpartition("/")[2] + "_role"
    postgres.run(f"CREATE ROLE {role} LOGIN; GRANT SELECT, INSERT, DELETE ON gingersnap_session TO {role}", dsn)
    async with aclosing(PostgresStore.from_url(dsn.replace("postgres@", f"{role}@"))) as store:
        with pytest.raises(StoreUnfit, match="the role lacks a right; GRANT it SELECT, INSERT, UPDATE and DELETE"):
            await store.ping()
    assert postgres.run("SELECT count(*) FROM gingersnap_session", dsn) == "0"


async def test_a_server_that_cannot_save_or_has_no_room_is_told(tmp_path: Path) -> None:
    with running(valkey_binary(), tmp_path / "full", "--save", "", "--maxmemory", "1mb", "--bind", "127.0.0.1") as server:
        async with aclosing(RedisStore.from_url(server.url)) as store:
            with pytest.raises(StoreUnfit, match="its memory is full; raise maxmemory"):
                await store.ping()
            server.ask("CONFIG", "SET", "maxmemory", "0")
            await store.ping()
            server.ask("CONFIG", "SET", "min-replicas-to-write", "1")
            with pytest.raises(StoreUnfit, match="too few replicas are connected"):
                await store.ping()


async def test_P01_what_is_told_at_start_up_names_no_password(caplog: pytest.LogCaptureFixture) -> None:
    store = RedisStore(f"redis://ann:{SECRET}@127.0.0.1:1/0")
    for strict in (False, True):
        told = await start(Sessions(store=store, strict_startup=strict))
        assert SECRET not in f"{told}{caplog.text}"
    assert "RedisStore (127.0.0.1:1) is not ready: ConnectionError" in caplog.text


RENEWALS: dict[str, dict[str, Any]] = {
    "rolling": {"rolling": True},
    "renew": {"renew": True},
    "absolute": {"rolling": True, "absolute_age": 60},
    "browser": {"rolling": True, "max_age": "session"},
    "koa": {"preset": "koa", "rolling": True},
    "koa, renew": {"preset": "koa", "renew": True},
    "express": {"preset": "express", "layout": "connect-redis"},
    "express, rolling": {"preset": "express", "layout": "connect-redis", "rolling": True, "resave": False},
    "koa-generic": {"preset": "koa-generic", "layout": "koa-redis", "rolling": True},
}


async def test_O01_a_renewal_that_a_replica_refuses_costs_no_page(lone_valkey: Server) -> None:
    async with AsyncExitStack() as stack:
        clients: dict[str, Sessions] = {}
        for way, options in RENEWALS.items():
            given = {"max_age": 4, **options}
            store = RedisStore(lone_valkey.url, layout=given.pop("layout", "native"))
            await stack.enter_async_context(aclosing(store))
            clients[way] = Sessions(store=store, **given)
            await clients[way].do(lambda s: s.update(n=1))
        # Half of their life, after which each would be renewed.
        await asyncio.sleep(2.1)
        lone_valkey.ask("REPLICAOF", "127.0.0.1", 1)
        seen = {way: [(await client.do(lambda s: s.get("n"))).status, await client.data()] for way, client in clients.items()}
        assert seen == {way: [200, {"n": 1}] for way in RENEWALS}
        written = {way: (await client.do(lambda s: s.update(n=2))).status for way, client in clients.items()}
        assert written == dict.fromkeys(RENEWALS, 503)


async def test_O01_a_refused_renewal_raises_where_that_is_asked_for(lone_valkey: Server) -> None:
    async with aclosing(RedisStore(lone_valkey.url)) as store:
        client = Sessions(store=store, preset="koa", rolling=True, on_store_error="raise")
        await client.do(lambda s: s.update(n=1))
        lone_valkey.ask("REPLICAOF", "127.0.0.1", 1)
        with pytest.raises(SessionUnavailable, match="it is a replica, which takes reads only; give the address of the primary"):
            await client.do(lambda s: s.get("n"))
