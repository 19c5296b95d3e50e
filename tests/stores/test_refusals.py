"""What a store cannot hold is its client's error, told by its key where that shows; the store itself counts as fit."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gingersnap import UnserializableError, UnstorableError
from gingersnap.records.circuit_breaker import FAILURES
from gingersnap.stores import KeyValueStore, MemoryStore, PostgresStore, SQLAlchemyStore, SQLiteStore
from gingersnap.testing.suite import LONG
from tests.asgi import Sessions
from tests.stores.servers.mariadb import MariaDB
from tests.stores.servers.postgres import Postgres
from tests.stores.shipped_stores import KINDS, kind_of

pytestmark = pytest.mark.filterwarnings("ignore:A configured store is unstable")
NUL = {"cart": {"notes": ["fine", "a\0b"]}}


class Picky(MemoryStore):
    """A store that takes no text longer than a hundred octets."""

    prompt = False

    async def create(self, key: str, value: bytes, ttl_ms: int, *, owner: str | None = None) -> bool:
        if len(value) > 100:
            raise UnstorableError("", "more than 100 octets")
        return await super().create(key, value, ttl_ms, owner=owner)


class Koa:
    """A plain store."""

    def __init__(self) -> None:
        self.rows: dict[str, Any] = {}

    def get(self, key: str, max_age: Any, *, rolling: bool, scope: Any) -> Any:
        return self.rows.get(key)

    def set(self, key: str, session: Any, max_age: Any, *, rolling: bool, changed: bool, scope: Any) -> None:
        self.rows[key] = session

    def destroy(self, key: str, *, scope: Any) -> None:
        self.rows.pop(key, None)


async def outlives(store: Any, bad: dict[str, Any], path: str, **options: Any) -> None:
    """See that one client's data is refused, again and again, while another's session goes on."""
    heard: list[Any] = []
    client = Sessions(store=store, listeners={"store_error": heard.append}, **options)
    await client.do(lambda s: s.update(user="ada"))
    jar = {**client.jar}
    for _ in range(FAILURES + 1):
        client.browser.jar = {}
        with pytest.raises(UnserializableError) as caught:
            await client.do(lambda s: s.update(bad))
        assert caught.value.path == path
    client.browser.jar = jar
    assert (await client.data(), heard) == ({"user": "ada"}, [])


@pytest.mark.parametrize("values", [10_001, 20_000])
async def test_too_many_values_for_a_plain_store_harm_nobody_else(values: int) -> None:
    await outlives(Koa(), {"x": [0] * (values - 2)}, "x[9998]")


async def test_what_a_store_of_your_own_refuses_harms_nobody_else() -> None:
    await outlives(Picky(), {"x": "y" * 100}, "")


@asynccontextmanager
async def node_table(postgres: Postgres, kind: str) -> AsyncIterator[PostgresStore]:
    """Open a store over a table of connect-pg-simple whose ``sess`` has that type."""
    dsn = postgres.create_database()
    postgres.run(f"CREATE TABLE session (sid varchar PRIMARY KEY, sess {kind} NOT NULL, expire timestamp(6) NOT NULL)", dsn)
    store = PostgresStore.from_url(dsn, layout="connect-pg-simple")
    try:
        yield store
    finally:
        await store.aclose()


async def test_a_nul_character_in_jsonb_is_the_clients_error(postgres: Postgres) -> None:
    async with node_table(postgres, "jsonb") as store:
        await outlives(store, NUL, "cart.notes[1]", preset="express", resave=False, allow_empty=False)
        await outlives(store, {"a\0": 1}, "a key", preset="express", resave=False, allow_empty=False)


async def test_what_a_constraint_forbids_is_the_clients_error(postgres: Postgres) -> None:
    async with node_table(postgres, "text CHECK (length(sess) < 300)") as store:
        await outlives(store, {"x": "y" * 300}, "", preset="express", resave=False, allow_empty=False)


@pytest.mark.parametrize("kind", ["text", "varchar", "json", "jsonb"])
async def test_sess_of_any_text_type_is_read_and_written(postgres: Postgres, kind: str) -> None:
    async with node_table(postgres, kind) as store:
        await store.ping()
        await store.create("a", b'{"cookie":{},"a":1}', LONG)
        version = (await store.load("a")).version
        saved = await store.replace("a", b'{"cookie":{},"a":2}', LONG, version=version)
        moved = await store.move("a", "b", b'{"cookie":{},"a":3}', LONG, version=saved.version)
        found = await store.load("b")
        assert (json.loads(found.value)["a"], found.version) == (3, moved.version)


@pytest.mark.parametrize("data", [{"x": [1e300, 1e21, -1e-300, 0.5, 10**21 - 1]}, {"x": [0] * 9_990, "y": "z" * 45_000}])
async def test_what_jsonb_spells_longer_is_still_read(postgres: Postgres, data: dict[str, Any]) -> None:
    async with node_table(postgres, "jsonb") as store:
        client = Sessions(store=store, preset="express", resave=False, allow_empty=False)
        await client.do(lambda s: s.update(data))
        assert await client.data() == data
        await client.do(lambda s: s.update(more=1))
        assert await client.data() == {**data, "more": 1}


@pytest.fixture
async def sql(mariadb: MariaDB) -> AsyncIterator[SQLAlchemyStore]:
    store = SQLAlchemyStore(mariadb.create_database())
    await store.ping()
    yield store
    await store.aclose()


async def test_a_packet_that_is_too_large_is_the_clients_error(mariadb: MariaDB) -> None:
    before = mariadb.run("SELECT @@global.max_allowed_packet").split()[-1]
    mariadb.run("SET GLOBAL max_allowed_packet = 16384")
    store = SQLAlchemyStore(mariadb.create_database())
    try:
        await outlives(store, {"x": "y" * 20_000}, "", store_timeout=20)
    finally:
        await store.aclose()
        mariadb.run(f"SET GLOBAL max_allowed_packet = {before}")


@pytest.mark.parametrize(("layout", "column"), [("native", "data varbinary(200)"), ("express-mysql-session", "data varchar(300)")])
async def test_a_short_column_is_the_clients_error(mariadb: MariaDB, layout: Any, column: str) -> None:
    address = mariadb.create_database()
    store = SQLAlchemyStore(address, layout=layout)
    try:
        await store.ping()
        mariadb.run(f"ALTER TABLE {store._rows.table.name} MODIFY {column}", address)
        node: dict[str, Any] = {"preset": "express", "resave": False, "allow_empty": False} if layout != "native" else {}
        await outlives(store, {"x": "y" * 400}, "", store_timeout=20, **node)
    finally:
        await store.aclose()


async def test_more_than_sqlite_holds_is_the_clients_error(tmp_path: Any) -> None:
    store = SQLiteStore(tmp_path / "sessions.sqlite3")

    async def cut() -> None:
        # A connection that met an error is opened again, with the limit that SQLite was built with.
        await store._writer.do(lambda db: db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 2_000))

    try:
        await cut()
        with pytest.raises(UnstorableError, match="SQLITE_LIMIT_LENGTH"):
            await store.create("a", b"x" * 3_000, LONG)
        assert await store.create("a", b"{}", LONG)
    finally:
        await store.aclose()


async def test_an_entry_that_is_too_large_for_a_wrapped_store_is_the_clients_error() -> None:
    from key_value.aio.stores.simple import SimpleStore
    from key_value.aio.wrappers.limit_size import LimitSizeWrapper

    store = KeyValueStore(LimitSizeWrapper(SimpleStore(), max_size=1_000, raise_on_too_large=True))
    await outlives(store, {"x": "y" * 1_000}, "")


async def test_half_a_pair_that_a_plain_store_cannot_encode_is_the_clients_error() -> None:
    class Encoding(Koa):
        def set(self, key: str, session: Any, max_age: Any, **named: Any) -> None:
            json.dumps(session, ensure_ascii=False).encode()
            super().set(key, session, max_age, **named)

    await outlives(Encoding(), {"name": "\ud83d"}, "")


@pytest.mark.parametrize("keep", [5, b"key", [], True])
@pytest.mark.parametrize("name", KINDS)
def test_what_destroy_all_keeps_is_a_str(name: str, keep: Any, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Taken for a key that is none, it would end the caller's own session too."""

    async def play(store: Any) -> None:
        with pytest.raises(TypeError, match=r"destroy_all: keep must be a str or None, not .+; pass session.store_key"):
            await store.destroy_all("ann", keep=keep)

    kind_of(name, request, tmp_path).run(play)
