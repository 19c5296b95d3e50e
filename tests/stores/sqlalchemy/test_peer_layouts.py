"""SQLAlchemyStore over express-mysql-session's table: the contract, the table, and what it cannot hold."""

import asyncio
import time
from contextlib import aclosing, asynccontextmanager

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from gingersnap.errors import ConfigError, SessionError
from gingersnap.stores import Gone, OwnerIndex, Saved, SQLAlchemyStore, Taken
from gingersnap.testing.suite import LONG, absent, answered, kept, made, new_key
from tests.stores.node_layouts import NodeTableContract
from tests.stores.sqlalchemy.test_store import aiomysql_works

LAYOUT = "express-mysql-session"


def on(given, **options):
    """Open a store with the layout."""
    return aclosing(SQLAlchemyStore(given, layout=LAYOUT, **options))


class Contract(NodeTableContract):
    longest = 128

    def store(self):
        return on(self.address)

    def other(self, store):
        return on(self.address)


class TestOnMariaDB(Contract):
    @pytest.fixture(autouse=True)
    def _database(self, mariadb):
        self.address = mariadb.create_database()


class TestOnMariaDBByAiomysql(Contract):
    @pytest.fixture(autouse=True)
    def _database(self, mariadb):
        aiomysql_works()
        self.address = mariadb.create_database("aiomysql")


class TestWithAnEngineOfOnesOwn(Contract):
    """As it is made by default: with transactions, REPEATABLE READ."""

    @pytest.fixture(autouse=True)
    def _database(self, mariadb):
        self.address = mariadb.create_database()

    @asynccontextmanager
    async def store(self):
        engine = create_async_engine(self.address)
        yield SQLAlchemyStore(engine, layout=LAYOUT)
        await engine.dispose()

    def other(self, store):
        return self.store()


@pytest.fixture
def maria(mariadb):
    """Give an empty database."""
    return mariadb.create_database()


async def test_R09_an_end_is_rounded_to_the_nearest_second_and_one_that_is_near_has_come(mariadb, maria):
    async with on(maria) as store:
        for key, ttl_ms in (("far", LONG), ("near", 400)):
            await store.create(key, b"{}", ttl_ms)
        far, near = mariadb.run("SELECT expires FROM sessions ORDER BY session_id", maria).split()
        assert abs(int(far) - time.time() - LONG / 1000) < 10
        assert int(near) <= time.time()
        assert LONG - 10_000 < (await store.load("far")).ttl_ms <= LONG


@pytest.mark.parametrize("ttl_ms", [80 * 365 * 86_400_000, 2**52, 2**53])
async def test_an_end_that_no_column_of_theirs_holds_is_its_last(mariadb, maria, ttl_ms):
    async with on(maria) as store:
        await store.create("k", b"{}", ttl_ms)
        record = await store.load("k")
        saved = answered(await store.replace("k", b"1", ttl_ms, version=record.version), Saved, "replace of a live record")
        answered(await store.move("k", "m", b"2", ttl_ms, version=saved.version), Saved, "move of a live record")
        assert await store.touch("m", ttl_ms)
        assert int(mariadb.run("SELECT expires FROM sessions", maria)) == 2**32 - 1
        assert (await store.load("m")).ttl_ms <= (2**32 - time.time()) * 1000


async def test_a_row_without_data_is_none(mariadb, maria):
    async with on(maria) as store:
        await store.ping()
        mariadb.run("INSERT INTO sessions VALUES ('a', 4000000000, NULL), ('b', 4000000000, NULL)", maria)
        await absent(store, "a", "Node has no session there either")
        assert await store.create("a", b"{}", LONG)
        version = (await store.load("a")).version
        answered(await store.move("a", "b", b"{}", LONG, version=version), Saved, "move to the key of such a row")


async def test_trailing_blanks_are_another_version(mariadb, maria):
    async with on(maria) as store:
        version = (await made(store, "a")).version
        mariadb.run("UPDATE sessions SET data = '{}  '", maria)
        conflict = await store.replace("a", b"[]", LONG, version=version)
        assert conflict.value == b"{}  "


@pytest.mark.parametrize("charset", ["latin1", "utf8mb4"])
async def test_texts_are_whole_whatever_the_connection_s_character_set(maria, charset):
    engine, value = create_async_engine(f"{maria}?charset={charset}"), '{"a":"é🍪\u2028\x00"}'.encode()
    async with on(engine) as writer, on(maria) as reader:
        record = await made(writer, "a", value)
        await kept(reader, "a", value, "one text for all")
        answered(await reader.replace("a", value, LONG, version=record.version), Saved, "replace over what another wrote")
    await engine.dispose()


async def test_texts_are_whole_in_a_table_of_another_character_set(mariadb, maria):
    async with on(maria) as store:
        await store.ping()
        mariadb.run("ALTER TABLE sessions MODIFY data MEDIUMTEXT CHARACTER SET latin1", maria)
        version = (await made(store, "a", '{"a":"é"}'.encode())).version
        answered(await store.replace("a", '{"a":"ü"}'.encode(), LONG, version=version), Saved, "replace over what was loaded")
        assert mariadb.run("SELECT HEX(data) FROM sessions", maria) == '{"a":"ü"}'.encode("latin1").hex().upper()


async def test_what_is_no_text_and_a_key_that_is_too_long_are_refused(maria):
    long = "k" * 129
    async with on(maria) as store:
        version = (await made(store, "a")).version
        for call, match in (
            (store.create("b", b"\xff secret", LONG), "UTF-8 texts alone"),
            (store.replace("a", b"\xff secret", LONG, version=version), "UTF-8 texts alone"),
            (store.create(long, b"{}", LONG), "128 characters at most, and this one has 129"),
            (store.move("a", long, b"{}", LONG, version=version), "128 characters at most"),
        ):
            with pytest.raises(SessionError, match=match) as raised:
                await call
            assert "secret" not in str(raised.value)
        assert await store.load(long) is None
        assert await store.replace(long, b"{}", LONG, version=version) == Gone()
        await kept(store, "a", b"{}", "what was refused wrote nothing")


async def test_a_record_of_node_has_no_owner(maria):
    async with on(maria) as store:
        assert not isinstance(store, OwnerIndex)
        with pytest.raises(ConfigError, match="owner"):
            await store.create(new_key(), b"{}", LONG, owner="ann")


async def test_of_those_that_make_the_table_at_once_each_finds_it(maria):
    stores = [SQLAlchemyStore(maria, layout=LAYOUT) for _ in range(8)]
    await asyncio.gather(*(store.ping() for store in stores))
    assert await stores[0].create("a", b"{}", LONG)
    assert await stores[1].create("b", b"{}", LONG)
    version = (await stores[0].load("a")).version
    assert await stores[0].move("a", "b", b"{}", LONG, version=version) == Taken()
    for store in stores:
        await store.aclose()


async def test_a_table_of_somebody_else_s_is_refused(mariadb, maria):
    mariadb.run("CREATE TABLE sessions (id INTEGER)", maria)
    async with on(maria) as store:
        with pytest.raises(RuntimeError, match="it has no data, expires, session_id; name another"):
            await store.ping()


async def test_what_the_driver_raises_has_no_key_or_value(mariadb, maria):
    async with on(maria) as store:
        await store.ping()
        mariadb.run("DROP TABLE sessions", maria)
        with pytest.raises(DBAPIError) as raised:
            await store.create("key-of-ann", b'{"secret":1}', LONG)
        assert "key-of-ann" not in f"{raised.value!r}{raised.value}"
        assert "secret" not in f"{raised.value!r}{raised.value}"


@pytest.mark.parametrize("layout", ["connect-redis", "", None])
def test_a_layout_that_is_none_is_told_with_those_that_there_are(layout):
    with pytest.raises(ConfigError, match="'native', 'express-mysql-session'"):
        SQLAlchemyStore("mysql+asyncmy://h/d", layout=layout)


def test_a_database_that_the_package_does_not_know_is_refused():
    with pytest.raises(ConfigError, match="no table in sqlite"):
        SQLAlchemyStore("sqlite+aiosqlite://", layout=LAYOUT)


def test_a_subclass_has_the_layout_that_it_is_given():
    class Mine(SQLAlchemyStore):
        pass

    assert isinstance(Mine("mysql+asyncmy://h/d"), OwnerIndex)
    assert not isinstance(Mine("mysql+asyncmy://h/d", layout=LAYOUT), OwnerIndex)
