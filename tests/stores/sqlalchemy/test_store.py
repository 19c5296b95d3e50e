"""SQLAlchemyStore on real databases: MariaDB above all, PostgreSQL and SQLite besides."""

import asyncio
import gc
import random
import sqlite3
from contextlib import aclosing, asynccontextmanager, closing, suppress

import pytest
from sqlalchemy import MetaData, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.schema import CreateTable

from gingersnap.errors import ConfigError
from gingersnap.stores import Gone, Record, Saved, SQLAlchemyStore
from gingersnap.stores.sqlalchemy.store import session_table
from gingersnap.testing import StoreContract
from gingersnap.testing.suite import LONG, kept, made, new_key, new_keys


def sqlite_file(folder):
    """Make an empty database in WAL mode: else a read that was cancelled holds up writers until Python collects its cursor."""
    file = folder / "sessions.sqlite3"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    return f"sqlite+aiosqlite:///{file}"


def aiomysql_works():
    """Skip where aiomysql is missing, or comes with a PyMySQL by which it cannot send octets: aiomysql's issue 1080."""
    connection = pytest.importorskip("aiomysql.connection")
    if not callable(connection.escape_bytes_prefixed):
        pytest.skip("aiomysql needs PyMySQL before 1.2.3")


class Contract(StoreContract):
    has_owners = True

    @asynccontextmanager
    async def store(self):
        async with aclosing(SQLAlchemyStore(self.address)) as store:
            yield store

    def other(self, store):
        return aclosing(SQLAlchemyStore(self.address))


class TestOnMariaDB(Contract):
    @pytest.fixture(autouse=True)
    def _database(self, mariadb):
        self.address = mariadb.create_database()


class TestOnMariaDBByAiomysql(Contract):
    @pytest.fixture(autouse=True)
    def _database(self, mariadb):
        aiomysql_works()
        self.address = mariadb.create_database("aiomysql")


class TestOnSQLite(Contract):
    @pytest.fixture(autouse=True)
    def _database(self, tmp_path):
        self.address = sqlite_file(tmp_path)


class TestOnPostgreSQL(Contract):
    @pytest.fixture(autouse=True)
    def _database(self, postgres):
        self.address = postgres.create_database().replace("postgresql", "postgresql+asyncpg")


class TestWithAnEngineOfOnesOwn(Contract):
    """As it is made by default: with transactions, REPEATABLE READ."""

    @pytest.fixture(autouse=True)
    def _database(self, mariadb):
        self.address = mariadb.create_database()

    @asynccontextmanager
    async def store(self):
        engine = create_async_engine(self.address)
        yield SQLAlchemyStore(engine)
        await engine.dispose()

    def other(self, store):
        return self.store()


DRIVERS = ["asyncmy", "aiomysql", "aiosqlite", "asyncpg", "psycopg"]


@pytest.fixture(params=DRIVERS)
def address(request, tmp_path):
    """Give an empty database, by each driver."""
    driver = request.param
    pytest.importorskip(driver)
    if driver == "aiosqlite":
        return sqlite_file(tmp_path)
    if driver == "aiomysql":
        aiomysql_works()
    if driver in ("asyncmy", "aiomysql"):
        return request.getfixturevalue("mariadb").create_database(driver)
    return request.getfixturevalue("postgres").create_database().replace("postgresql", f"postgresql+{driver}")


@pytest.fixture
def maria(mariadb):
    """Give an empty database of MariaDB."""
    return mariadb.create_database()


def levelled(address, level):
    """Make an engine whose transactions have that isolation, and whose autocommit has it too."""
    level = f"SET SESSION TRANSACTION ISOLATION LEVEL {level}"
    return create_async_engine(address, connect_args={"init_command": level}, pool_size=20)


async def test_several_processes_may_make_the_table_at_once(address):
    stores = [SQLAlchemyStore(address) for _ in range(8)]
    await asyncio.gather(*(store.ping() for store in stores))
    await made(stores[0], new_key())
    for store in stores:
        await store.aclose()


async def test_a_table_that_is_not_to_be_made_must_be_there(address):
    async with aclosing(SQLAlchemyStore(address, create=False)) as store:
        with pytest.raises(RuntimeError, match="there is no table 'gingersnap_session'"):
            await store.ping()
        async with aclosing(SQLAlchemyStore(address)) as other:
            await other.ping()
        await made(store, new_key())


async def test_a_table_of_somebody_else_s_is_refused(address):
    engine = create_async_engine(address)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE people (id INTEGER, owner INTEGER)"))
    with pytest.raises(RuntimeError, match="it has no data, exp, key, ttl, ver; name another"):
        await SQLAlchemyStore(engine, table="people").load(new_key())
    await engine.dispose()


async def test_a_table_made_by_its_description_serves(maria):
    engine = create_async_engine(maria)
    async with engine.begin() as connection:
        await connection.execute(CreateTable(session_table(MetaData(), "mine")))
    await made(SQLAlchemyStore(engine, table="mine", create=False), new_key())
    await engine.dispose()


async def test_an_engine_of_one_s_own_is_left_open_and_as_it_was(maria):
    engine = create_async_engine(maria)
    store = SQLAlchemyStore(engine)
    await store.ping()
    async with engine.connect() as connection:
        await store.aclose()
        assert (await connection.execute(text("SELECT 1"))).scalar() == 1
        assert await connection.get_isolation_level() == "REPEATABLE READ"
    assert engine.sync_engine.hide_parameters is False
    await engine.dispose()


def test_a_store_by_a_url_serves_one_event_loop_after_another(address):
    store, key = SQLAlchemyStore(address), new_key()

    async def first():
        await made(store, key)
        await store.aclose()

    async def second():
        await kept(store, key, b"{}", "what one event loop made is there on the next")
        await store.aclose()

    asyncio.run(first())
    asyncio.run(second())


async def questions(connection):
    return int((await connection.execute(text("SHOW GLOBAL STATUS LIKE 'Questions'"))).one()[1])


@pytest.mark.parametrize(("own", "cost"), [(False, 1), (True, 3)])
async def test_each_call_costs_one_round_trip_by_a_url(maria, own, cost):
    engine, other_engine = create_async_engine(maria), create_async_engine(maria)
    store, old, moving, new = SQLAlchemyStore(engine if own else maria), *new_keys(3)
    version, other = (await made(store, old, owner="ann")).version, (await made(store, moving)).version
    calls = [
        lambda: store.create(new_key(), b"{}", LONG),
        lambda: store.load(old),
        lambda: store.load(old, roll=True),
        lambda: store.touch(old, 2 * LONG),
        lambda: store.replace(old, b"{}", LONG, version=version),
        lambda: store.move(moving, new, b"{}", LONG, version=other, owner="ann"),
        lambda: store.sessions_of("ann"),
        lambda: store.destroy(old),
        lambda: store.destroy_all("ann"),
    ]
    async with other_engine.connect() as observer:
        for call in calls:
            before = await questions(observer)
            await call()
            assert await questions(observer) - before - 1 == cost
    await store.aclose()
    await engine.dispose()
    await other_engine.dispose()


@pytest.mark.parametrize("address", ["asyncmy", "asyncpg"], indirect=True)
async def test_S06_a_write_that_waited_past_the_end_of_a_record_finds_it_gone(address):
    engine, key, table = create_async_engine(address), new_key(), session_table(MetaData())
    async with aclosing(SQLAlchemyStore(address)) as store:
        await store.create(key, b"{}", 500)
        record = await store.load(key)
        calls = [store.replace(key, b"[]", LONG, version=record.version), store.touch(key, LONG), store.destroy(key)]
        async with engine.begin() as lock:
            await lock.execute(table.update().where(table.c.key == key.encode()).values(owner=b"somebody"))
            waiting = [asyncio.create_task(call) for call in calls]
            await asyncio.sleep(0.6)
        assert await asyncio.gather(*waiting) == [Gone(), False, False]
        assert await store.load(key) is None
    await engine.dispose()


async def test_the_server_s_clock_counts_whatever_its_time_zone(maria):
    """The zone of a connection shifts what it calls the time, and would shift every end with it."""
    stores, key = [], new_key()
    for zone in ("+05:45", "-11:00"):
        engine = create_async_engine(maria, connect_args={"init_command": f"SET time_zone = '{zone}'"})
        stores.append((SQLAlchemyStore(engine), engine))
    (east, _), (west, _) = stores
    await made(east, key)
    record = await kept(west, key, b"{}", "one time for all")
    assert 0 < record.ttl_ms <= LONG
    for _, engine in stores:
        await engine.dispose()


async def test_a_database_whose_clock_is_unknown_is_told_the_time(tmp_path, monkeypatch):
    monkeypatch.setattr("gingersnap.stores.sqlalchemy.table._CLOCKS", {})
    async with aclosing(SQLAlchemyStore(sqlite_file(tmp_path))) as store:
        key = new_key()
        record = await made(store, key)
        assert 0 < record.ttl_ms <= LONG
        assert await store.touch(key, 2 * LONG)
        assert LONG < (await store.load(key)).ttl_ms <= 2 * LONG


async def moves(store, key, owner):
    """Move a session from key to key until it is gone, as a browser that logs in again and again."""
    record = await store.load(key)
    for _ in range(3):
        new = new_key()
        answer = record and await store.move(key, new, b"{}", LONG, version=record.version, owner=owner)
        if not isinstance(answer, Saved):
            return
        key, record = new, Record(b"{}", answer.version, None)


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
async def test_L10_no_session_slips_through_at_any_isolation(maria, level):
    engine = levelled(maria, level)
    store = SQLAlchemyStore(engine)
    for _ in range(100):
        owner, keys = new_key(), [new_key() for _ in range(4)]
        await asyncio.gather(*(made(store, key, owner=owner) for key in keys))
        await asyncio.gather(*(moves(store, key, owner) for key in keys), store.destroy_all(owner))
        assert await store.sessions_of(owner) == []
    await engine.dispose()


@pytest.mark.parametrize("own", [False, True])
async def test_S05_two_hundred_cancelled_calls_leave_no_reply_to_another(address, own):
    engine = create_async_engine(address)
    store, keys = SQLAlchemyStore(engine if own else address), [new_key() for _ in range(8)]
    for key in keys:
        await made(store, key, key.encode(), owner=key)
    for _ in range(200):
        key, other = random.sample(keys, 2)
        name, given = random.choice([("load", ()), ("touch", (LONG,)), ("sessions_of", ()), ("create", (b"", LONG))])
        task = asyncio.create_task(getattr(store, name)(key, *given))
        await asyncio.sleep(random.choice((0, 0, 0.0001, 0.0005, 0.001)))
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await kept(store, other, other.encode(), "each reply belongs to its call")
        assert [each.key for each in await store.sessions_of(other)] == [other]
    # A connection that nobody gave back would be found now, and said.
    gc.collect()
    await store.aclose()
    await engine.dispose()


@pytest.mark.parametrize("own", [False, True])
async def test_P01_what_the_driver_raises_has_no_key_or_value(tmp_path, own):
    address, key = sqlite_file(tmp_path), new_key()
    engine = create_async_engine(address)
    store = SQLAlchemyStore(engine if own else address)
    await store.ping()
    with closing(sqlite3.connect(tmp_path / "sessions.sqlite3")) as connection:
        connection.execute("DROP TABLE gingersnap_session")
    with pytest.raises(DBAPIError) as raised:
        await store.create(key, b'{"secret":1}', LONG)
    assert key not in f"{raised.value!r}{raised.value}"
    assert "secret" not in f"{raised.value!r}{raised.value}"
    await store.aclose()
    await engine.dispose()


@pytest.mark.parametrize(
    "given",
    [
        {"engine": 5},
        {"engine": create_engine("sqlite://")},
        {"engine": "sqlite:///file"},
        {"engine": "mysql+nosuch://ann:secret-password@host/db"},
        {"engine": "secret-password"},
        {"engine": "mysql+asyncmy://host:secret-password/db"},
        {"engine": "sqlite+aiosqlite://", "table": "a b"},
        {"engine": "sqlite+aiosqlite://", "table": ""},
        {"engine": "sqlite+aiosqlite://", "purge_every": 0},
        {"engine": "sqlite+aiosqlite://", "purge_every": True},
    ],
)
def test_what_cannot_be_used_is_refused_without_telling_a_password(given):
    with pytest.raises(ConfigError, match="give ") as raised:
        SQLAlchemyStore(**given)
    assert "secret-password" not in str(raised.value)
