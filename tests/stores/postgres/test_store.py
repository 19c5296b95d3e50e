"""PostgresStore on a real server: the contract, and what is PostgreSQL's own."""

import asyncio
import logging
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import asyncpg
import pytest

from gingersnap.errors import ConfigError
from gingersnap.stores import PostgresStore
from gingersnap.stores.store import Conflict, Gone, OwnerIndex, Record, Saved, Store, Taken
from gingersnap.testing import StoreContract
from gingersnap.testing.races import Races
from tests.stores.proxy import Proxy
from tests.stores.servers.postgres import Postgres

LONG = 60_000

tables = count(1)


@asynccontextmanager
async def opened(dsn: str, **options: Any) -> AsyncIterator[PostgresStore]:
    """Open a store, and close it."""
    store = PostgresStore.from_url(dsn, **options)
    try:
        yield store
    finally:
        await store.aclose()


@pytest.fixture(scope="module")
def dsn(postgres: Postgres) -> str:
    """Give a database for the tests that need none of their own."""
    return postgres.create_database("shared")


@pytest.fixture
def table() -> str:
    """Give the name of a table that is not there yet."""
    return f"table_{next(tables)}"


class OnPostgres:
    """A store over a table of its own for each test, and another over the same one."""

    dsn: str

    @pytest.fixture(autouse=True)
    def _database(self, dsn: str) -> None:
        self.dsn = dsn

    @asynccontextmanager
    async def store(self) -> AsyncIterator[Store]:
        self.table = f"contract_{next(tables)}"
        async with opened(self.dsn, table=self.table) as store:
            yield store

    @asynccontextmanager
    async def other(self, store: Store) -> AsyncIterator[Store]:
        async with opened(self.dsn, table=self.table) as other:
            yield other


class TestPostgres(OnPostgres, StoreContract):
    has_owners = True


class TestRepeatableRead(OnPostgres, Races):
    """Where the database's default isolation makes the server give up the later of two writers."""

    @pytest.fixture(autouse=True, params=["repeatable read", "serializable"])
    def _database(self, postgres: Postgres, request: pytest.FixtureRequest) -> None:
        self.dsn = postgres.create_database("isolated")
        postgres.run(f"ALTER DATABASE {self.dsn.rpartition('/')[2]} SET default_transaction_isolation = '{request.param}'")


async def test_S06_an_expired_record_is_absent_to_every_call_at_once(dsn: str, table: str) -> None:
    async with opened(dsn, table=table) as store:
        for key in "abcdef":
            assert await store.create(key, b"old", 5, owner="ann")
        assert await store.create("new", b"live", LONG, owner="ann")
        version = (await loaded(store, "new")).version
        await asyncio.sleep(0.02)

        assert await store.load("a") is None
        assert await store.load("a", roll=True) is None
        assert not await store.touch("a", LONG)
        assert not await store.destroy("b")
        assert await store.replace("c", b"late", LONG, version=version) == Gone()
        assert await store.move("c", "z", b"late", LONG, version=version) == Gone()
        assert [each.key for each in await store.sessions_of("ann")] == ["new"]
        assert await store.create("d", b"again", LONG, owner="bob")
        assert isinstance(await store.move("new", "e", b"moved", LONG, version=version, owner="ann"), Saved)
        assert await store.destroy_all("ann") == 1
        assert (await loaded(store, "d")).value == b"again"


async def test_a_key_that_is_taken_and_a_version_that_is_old_are_told_apart(dsn: str, table: str) -> None:
    async with opened(dsn, table=table) as store:
        await store.create("a", b"1", LONG)
        await store.create("b", b"2", LONG)
        version = (await loaded(store, "a")).version
        assert await store.move("a", "b", b"3", LONG, version=version) == Taken()
        assert await store.move("a", "b", b"3", LONG, version=version - 1) == Conflict(b"1", version)
        assert await store.replace("a", b"3", LONG, version=version - 1) == Conflict(b"1", version)


async def test_the_clock_is_the_servers(dsn: str, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(dsn, table=table) as store:
        monkeypatch.setattr(time, "time", lambda: 0.0)
        await store.create("a", b"", LONG)
        monkeypatch.setattr(time, "time", lambda: 1e10)
        assert 0 < (await loaded(store, "a")).ttl_ms <= LONG


async def test_N03_a_rolling_load_writes_nothing_until_it_is_late(postgres: Postgres, dsn: str, table: str) -> None:
    row = f"SELECT ctid, xmin, exp FROM {table}"
    async with opened(dsn, table=table) as store:
        await store.create("a", b"", LONG)
        before = postgres.run(row, dsn)
        for _ in range(20):
            await loaded(store, "a", roll=True)
        assert await store.touch("a", 1)
        assert postgres.run(row, dsn) == before
        postgres.run(f"UPDATE {table} SET exp = exp - interval '7 seconds'", dsn)
        before = postgres.run(row, dsn)
        await loaded(store, "a", roll=True)
        assert postgres.run(row, dsn) != before


async def test_S06_purge_is_bounded_and_leaves_what_others_hold(postgres: Postgres, dsn: str, table: str) -> None:
    async with opened(dsn, table=table) as store:
        await store.create("live", b"", LONG)
        rows = "SELECT 'k' || n, 1, '', clock_timestamp() - n * interval '1 s', 1 FROM generate_series(1, 5000) n"
        postgres.run(f"INSERT INTO {table} (key, ver, data, exp, ttl) {rows}", dsn)
        connection = await asyncpg.connect(dsn)
        try:
            async with connection.transaction():
                await connection.execute(f"SELECT FROM {table} WHERE key = 'k5000' FOR UPDATE")
                assert [await store.purge(2000) for _ in range(4)] == [2000, 2000, 999, 0]
        finally:
            await connection.close()
        assert await store.purge(2000) == 1
        assert postgres.run(f"SELECT key FROM {table}", dsn) == "live"


async def test_most_updates_leave_the_indexes_alone(postgres: Postgres, dsn: str, table: str) -> None:
    async with opened(dsn, table=table) as store:
        await store.create("a", b"", LONG)
        version = (await loaded(store, "a")).version
        for n in range(100):
            saved = await store.replace("a", b"%d" % n, LONG, version=version)
            assert isinstance(saved, Saved)
            version = saved.version
    for _ in range(200):
        # The server counts an update some time after it; at the latest as its connection ends.
        counted = postgres.run(f"SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = '{table}'", dsn)
        updates, hot = map(int, counted.split("|"))
        if updates == 100:
            break
        await asyncio.sleep(0.05)
    assert updates == 100
    assert hot >= 50


async def test_L10_a_move_in_flight_does_not_slip_through_destroy_all(dsn: str, table: str) -> None:
    async with opened(dsn, table=table) as store:
        await store.create("a", b"", LONG, owner="ann")
        await store.create("b", b"", LONG, owner="ann")
        connection = await asyncpg.connect(dsn)
        try:
            async with connection.transaction():
                await connection.execute(f"UPDATE {table} SET key = 'c' WHERE key = 'a'")
                removing = asyncio.create_task(store.destroy_all("ann"))
                while not await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                    await connection.execute("SELECT pg_sleep(0.005)")
        finally:
            await connection.close()
        assert await removing == 2
        assert await store.sessions_of("ann") == []


async def test_L10_destroy_all_ends_sessions_that_are_moved_without_a_pause(dsn: str, table: str) -> None:
    async def moves(key: str, version: int) -> int:
        for moved in count():
            new = f"{key[:5]}{moved}"
            saved = await store.move(key, new, b"", LONG, version=version, owner=key[:3])
            if not isinstance(saved, Saved):
                assert saved == Gone()
                return moved
            key, version = new, saved.version
        raise AssertionError

    met = 0
    async with opened(dsn, table=table, max_size=10) as store:
        for turn in range(200):
            owner = f"{turn:03}"
            keys = [f"{owner}{n}-" for n in range(6)]
            await asyncio.gather(*(store.create(key, b"", LONG, owner=owner) for key in keys))
            versions = [(await loaded(store, key)).version for key in keys]
            movers = [asyncio.create_task(moves(*each)) for each in zip(keys, versions, strict=True)]
            await asyncio.sleep(random.random() * 0.01)
            removed = await store.destroy_all(owner)
            assert await store.sessions_of(owner) == []
            met += sum(await asyncio.gather(*movers))
            assert removed == 6
            assert await store.sessions_of(owner) == []
    assert met > 200


async def test_S05_a_cancelled_call_leaves_no_reply_to_another(dsn: str, table: str) -> None:
    async def call(store: PostgresStore, n: int) -> bool:
        key = f"key{n % 50}"
        record = await store.load(key, roll=bool(n % 2))
        assert record is not None
        assert record.value == key.encode()
        answer = await store.replace(key, key.encode(), LONG, version=record.version)
        assert not isinstance(answer, Conflict) or answer.value == key.encode()
        return True

    answered = 0
    async with opened(dsn, table=table) as store:
        for n in range(50):
            await store.create(f"key{n}", f"key{n}".encode(), LONG)
        for turn in range(40):
            calls = [asyncio.create_task(call(store, turn * 16 + n)) for n in range(16)]
            for task in random.sample(calls, 12):
                for _ in range(random.randrange(12)):
                    await asyncio.sleep(0)
                task.cancel()
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert all(result is True or isinstance(result, asyncio.CancelledError) for result in results)
            answered += results.count(True)
        # 160 are left alone; of the others a third is cut at least.
        assert 160 <= answered < 480
        for n in range(50):
            assert (await loaded(store, f"key{n}")).value == f"key{n}".encode()


async def test_S05_a_call_that_times_out_does_not_wait_for_a_server_that_hangs(postgres: Postgres, dsn: str, table: str) -> None:
    async def call(store: PostgresStore) -> None:
        async with asyncio.timeout(0.05):
            await store.load("a")

    with Proxy((postgres.host, postgres.port)) as proxy:
        async with opened(through(proxy, dsn), table=table) as store:
            await store.create("a", b"", LONG)
            proxy.mode = "hang"
            for _ in range(3):
                late = asyncio.create_task(call(store))
                # As long as the proxy hangs no server answers: what waited for an answer would be waiting still.
                done, _ = await asyncio.wait([late], timeout=30)
                assert done
                assert isinstance(late.exception(), TimeoutError)
            proxy.mode = "pass"
            assert await store.load("a")


async def test_each_call_is_one_round_trip(postgres: Postgres, dsn: str, table: str) -> None:
    async def counts(proxy: Proxy, store: PostgresStore) -> list[int]:
        """Make each call once; count the round trips of each."""
        version, trips = 0, []
        calls = [
            lambda: store.create("a", b"", LONG, owner="ann"),
            lambda: store.load("a"),
            lambda: store.load("a", roll=True),
            lambda: store.replace("a", b"1", LONG, version=version),
            lambda: store.move("a", "b", b"2", LONG, version=version, owner="ann"),
            lambda: store.touch("b", 2 * LONG),
            lambda: store.sessions_of("ann"),
            lambda: store.destroy("b"),
            lambda: store.destroy_all("ann"),
            lambda: store.purge(10),
        ]
        for call in calls:
            before = proxy.requests
            answer = await call()
            trips.append(proxy.requests - before)
            version = getattr(answer, "version", version)
            assert answer is not False
            assert answer not in (None, Gone())
        return trips

    with Proxy((postgres.host, postgres.port)) as proxy:
        async with opened(through(proxy, dsn), table=table, max_size=1) as store:
            await counts(proxy, store)
            # From now on its statements are prepared.
            assert await counts(proxy, store) == [1] * 10


async def test_the_table_is_made_once_by_whoever_comes_first(postgres: Postgres) -> None:
    for _ in range(5):
        dsn = postgres.create_database()
        stores = [PostgresStore(dsn) for _ in range(8)]
        await asyncio.gather(*(store.create("a", b"", LONG) for store in stores))
        await asyncio.gather(*(store.aclose() for store in stores))


WRONG = {
    "CREATE TABLE {} (key text PRIMARY KEY)": "ver is missing and must be bigint",
    "CREATE TABLE {} (key bytea PRIMARY KEY)": "key is bytea and must be text",
}


@pytest.mark.parametrize("made", WRONG)
async def test_a_table_that_will_not_do_is_refused_with_the_cure(postgres: Postgres, dsn: str, table: str, made: str) -> None:
    postgres.run(made.format(table), dsn)
    async with opened(dsn, table=table) as store:
        for call in (store.ping, lambda: store.load("a")):
            with pytest.raises(
                RuntimeError, match=f'the table "{table}" cannot hold sessions: .*{WRONG[made]}.*give another table='
            ):
                await call()


async def test_a_table_without_a_unique_key_is_refused(postgres: Postgres, dsn: str, table: str) -> None:
    async with opened(dsn, table=table) as store:
        postgres.run(store.ddl + f'ALTER TABLE "{table}" DROP CONSTRAINT "{table}_pkey"', dsn)
        with pytest.raises(RuntimeError, match="key has no unique index"):
            await store.ping()


async def test_a_missing_table_is_not_made_unless_told_to(postgres: Postgres, dsn: str, table: str) -> None:
    async with opened(dsn, table=table, create=False) as store:
        with pytest.raises(RuntimeError, match="there is no table"):
            await store.load("a")
        postgres.run(store.ddl, dsn)
        await store.ping()
        assert await store.create("a", b"", LONG)


async def test_a_table_in_a_schema_of_its_own(postgres: Postgres, dsn: str) -> None:
    postgres.run('CREATE SCHEMA "Web"', dsn)
    async with opened(dsn, table="Order", schema="Web") as store:
        assert await store.create("a", b"", LONG)
    assert postgres.run('SELECT key FROM "Web"."Order"', dsn) == "a"


@pytest.fixture
def restarted(postgres: Postgres) -> Iterator[Postgres]:
    """Give a server that the test may stop."""
    yield postgres
    if postgres.process is None:
        postgres.start()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
async def test_the_pool_heals_once_the_server_is_back(restarted: Postgres, dsn: str, table: str, how: signal.Signals) -> None:
    async with opened(dsn, table=table) as store:
        await asyncio.gather(*(store.create(f"{n}", b"", 600_000) for n in range(10)))
        await asyncio.to_thread(restarted.stop, how)
        for _ in range(3):
            with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
                await store.load("1")
        restarted.start()
        found = await asyncio.gather(*(store.load(f"{n}") for n in range(10)))
        assert all(isinstance(record, Record) for record in found)


async def test_a_store_that_met_no_server_at_first_works_once_there_is_one(restarted: Postgres, dsn: str, table: str) -> None:
    async with opened(dsn, table=table, min_size=2) as store:
        restarted.stop()
        with pytest.raises(OSError, match="Connect call failed"):
            await store.ping()
        restarted.start()
        assert await store.create("a", b"", LONG)


async def test_a_pool_of_the_users_own_stays_open(dsn: str, table: str) -> None:
    async with asyncpg.create_pool(dsn, min_size=0, max_size=2) as pool:
        store = PostgresStore(pool, table=table)
        assert await store.create("a", b"", LONG)
        await store.aclose()
        assert await pool.fetchval("SELECT 1") == 1
        assert await store.load("a")


def test_a_store_serves_one_event_loop_after_another(dsn: str, table: str) -> None:
    store = PostgresStore(dsn, table=table)

    async def used() -> bool:
        made = await store.create("a", b"", LONG)
        await store.aclose()
        return made

    assert [asyncio.run(used()) for _ in range(3)] == [True, False, False]


async def test_statements_that_are_not_kept_are_enough(dsn: str, table: str) -> None:
    async with opened(dsn, table=table, statement_cache_size=0) as store:
        assert await store.create("a", b"", LONG)
        assert (await loaded(store, "a", roll=True)).value == b""


async def test_ping_warns_once_where_a_write_can_be_lost(dsn: str, table: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "gingersnap")
    async with opened(dsn, table=table) as store:
        await store.ping()
        assert not caplog.records
    async with opened(dsn, table=table, server_settings={"synchronous_commit": "off"}) as store:
        await store.ping()
        await store.ping()
    [record] = caplog.records
    assert "synchronous_commit is off" in record.getMessage()


WORKER = """
import asyncio, json, sys
from gingersnap.stores import Conflict, PostgresStore, Saved

async def main(dsn, table, name):
    store = PostgresStore(dsn, table=table)
    current = await store.load("a")
    for n in range(1, 51):
        while True:
            value = json.dumps(json.loads(current.value) | {name: n}).encode()
            answer = await store.replace("a", value, 60_000, version=current.version)
            if isinstance(answer, Saved):
                current = Conflict(value, answer.version)
                break
            current = answer
    await store.aclose()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_N02_processes_lose_no_write_of_each_other(dsn: str, table: str) -> None:
    async with opened(dsn, table=table) as store:
        await store.create("a", b"{}", LONG)
        workers = [subprocess.Popen([sys.executable, "-c", WORKER, dsn, table, f"w{n}"]) for n in range(8)]  # noqa: ASYNC220 -- nothing else is to run
        assert [worker.wait(120) for worker in workers] == [0] * 8
        value = (await loaded(store, "a")).value
    assert sorted(value.decode().strip("{}").split(", ")) == [f'"w{n}": 50' for n in range(8)]


BAD = [
    ({"table": 'x"; DROP TABLE y; --'}, "table"),
    ({"table": "1x"}, "table"),
    ({"table": "x" * 58}, "table"),
    ({"schema": "a.b"}, "schema"),
    ({"pool_or_dsn": "postgresql+asyncpg://h/d"}, "pool_or_dsn"),
    ({"pool_or_dsn": None}, "pool_or_dsn"),
    ({"purge_every": 0}, "purge_every"),
    ({"min_size": 3, "max_size": 2}, "max_size"),
    ({"min_size": 0, "max_size": 0}, "max_size"),
]


@pytest.mark.parametrize(("given", "option"), BAD)
def test_a_mistake_is_told_at_construction(given: dict[str, Any], option: str) -> None:
    with pytest.raises(ConfigError) as caught:
        PostgresStore(**{"pool_or_dsn": "postgresql://h/d", **given})
    assert caught.value.option == option


async def test_options_of_a_pool_do_not_go_with_a_pool(dsn: str) -> None:
    async with asyncpg.create_pool(dsn, min_size=0) as pool:
        with pytest.raises(ConfigError, match="ssl"):
            PostgresStore(pool, ssl=True)


def test_a_store_says_how_often_to_purge_it() -> None:
    assert PostgresStore("postgresql://h/d").purge_every == 300.0
    assert PostgresStore("postgresql://h/d", purge_every=None).purge_every is None
    assert isinstance(PostgresStore("postgres://h/d"), OwnerIndex)


def test_only_who_names_the_store_needs_its_driver() -> None:
    script = """
import sys
sys.modules["asyncpg"] = None
import gingersnap.stores
try:
    gingersnap.stores.PostgresStore
except ImportError as error:
    print(error)
"""
    told = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert "pip install 'gingersnap[postgres]'" in told.stdout


def through(proxy: Proxy, dsn: str) -> str:
    """Give the address of that database by way of the proxy."""
    return f"postgresql://postgres@{proxy.host}:{proxy.port}/{dsn.rpartition('/')[2]}"


async def loaded(store: PostgresStore, key: str, *, roll: bool = False) -> Record:
    """Load a record that must be there."""
    record = await store.load(key, roll=roll)
    assert record is not None
    return record
