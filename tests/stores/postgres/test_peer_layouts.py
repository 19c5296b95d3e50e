"""PostgresStore over connect-pg-simple's table: the contract, the table, and what it cannot hold."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gingersnap.errors import ConfigError, SessionError
from gingersnap.stores import Conflict, OwnerIndex, PostgresStore, Saved
from gingersnap.testing.suite import LONG, answered, kept, made, new_key
from tests.stores.node_layouts import NodeTableContract
from tests.stores.postgres.test_store import opened
from tests.stores.servers.postgres import Postgres

LAYOUT = {"layout": "connect-pg-simple"}


class TestConnectPgSimple(NodeTableContract):
    @pytest.fixture(autouse=True)
    def _database(self, postgres: Postgres) -> None:
        self.dsn = postgres.create_database()

    def store(self) -> Any:
        return opened(self.dsn, **LAYOUT)

    def other(self, store: PostgresStore) -> Any:
        return opened(self.dsn, **LAYOUT)


@pytest.fixture
def dsn(postgres: Postgres) -> str:
    """Give an empty database."""
    return postgres.create_database()


@asynccontextmanager
async def on(dsn: str, **options: Any) -> AsyncIterator[PostgresStore]:
    """Open a store with the layout."""
    async with opened(dsn, **LAYOUT, **options) as store:
        yield store


async def test_an_end_is_rounded_up_to_a_second_unless_it_is_near(postgres: Postgres, dsn: str) -> None:
    now = "SELECT extract(epoch FROM clock_timestamp())"
    async with on(dsn) as store:
        await store.ping()
        before = float(postgres.run(now))
        await store.create("far", b"{}", LONG + 1)
        await store.create("near", b"{}", 999)
        after = float(postgres.run(now))
    far, near = map(float, postgres.run("SELECT extract(epoch FROM expire::timestamptz) FROM session ORDER BY sid", dsn).split())
    assert before + 60.001 <= far < after + 61.001
    assert far == int(far)
    assert before + 0.999 <= near <= after + 0.999


async def test_a_session_that_ended_is_not_revived_where_another_time_zone_is_set(postgres: Postgres, dsn: str) -> None:
    postgres.run(f"ALTER DATABASE {dsn.rpartition('/')[2]} SET timezone = 'Asia/Kathmandu'", dsn)
    async with on(dsn) as store:
        assert 50_000 < (await made(store, "a", ttl_ms=LONG)).ttl_ms <= LONG
        postgres.run("UPDATE session SET expire = to_timestamp(extract(epoch FROM clock_timestamp()) - 1)", dsn)
        assert await store.load("a") is None
        assert not await store.touch("a", LONG)
        assert await store.purge(10) == 1


async def test_a_column_of_jsonb_serves_and_its_own_text_is_the_version(postgres: Postgres, dsn: str) -> None:
    async with on(dsn) as store:
        await store.ping()
        postgres.run("ALTER TABLE session ALTER sess TYPE jsonb", dsn)
        await store.create("a", b'{"b":1,"a":2}', LONG)
        record = await kept(store, "a", b'{"a": 2, "b": 1}', "jsonb writes its own text")
        saved = answered(await store.replace("a", b'{"b":1}', LONG, version=record.version), Saved, "replace over what was loaded")
        saved = answered(await store.replace("a", b'{"c":1}', LONG, version=saved.version), Saved, "replace over what was saved")
        assert await store.replace("a", b"{}", LONG, version=record.version) == Conflict(b'{"c": 1}', saved.version)


async def test_R01_half_an_emoji_is_kept_in_json_and_is_data_that_jsonb_cannot_hold(postgres: Postgres, dsn: str) -> None:
    half = rb'{"cut":"secret \ud83d"}'
    async with on(dsn) as store:
        await store.create("a", half, LONG)
        await kept(store, "a", half, "json keeps the escape")
        await store.destroy("a")
        postgres.run("ALTER TABLE session ALTER sess TYPE jsonb USING sess::jsonb", dsn)
        with pytest.raises(SessionError, match=r"^cut: ") as raised:
            await store.create("b", half, LONG)
        assert "secret" not in str(raised.value)


@pytest.mark.parametrize("value", [b"", b"{secret", b'{"secret":"\xff"}', b'"secret\x00"'])
async def test_P01_what_is_no_json_is_refused_without_telling_it(dsn: str, value: bytes) -> None:
    async with on(dsn) as store:
        version = (await made(store, "a")).version
        for call in (
            store.create("b", value, LONG),
            store.replace("a", value, LONG, version=version),
            store.move("a", "c", value, LONG, version=version),
        ):
            with pytest.raises(SessionError, match=r"does not take for a JSON text|cannot hold") as raised:
                await call
            assert raised.value.__cause__ is None
            assert "secret" not in str(raised.value)
        await kept(store, "a", b"{}", "what was refused wrote nothing")


async def test_a_record_of_node_has_no_owner(dsn: str) -> None:
    async with on(dsn) as store:
        assert not isinstance(store, OwnerIndex)
        version = (await made(store, "a")).version
        for call in (
            store.create(new_key(), b"{}", LONG, owner="ann"),
            store.move("a", "b", b"{}", LONG, version=version, owner="ann"),
        ):
            with pytest.raises(ConfigError, match="owner"):
                await call


async def test_the_table_is_that_of_the_package_and_any_other_is_refused(postgres: Postgres, dsn: str) -> None:
    async with on(dsn, create=False) as store:
        with pytest.raises(RuntimeError, match='there is no table "session"'):
            await store.ping()
        postgres.run(store.ddl, dsn)
        await store.ping()
    async with opened(dsn, table="session") as native:
        with pytest.raises(RuntimeError, match="key is missing"):
            await native.ping()
    postgres.run("ALTER TABLE session DROP CONSTRAINT session_pkey", dsn)
    async with on(dsn) as store:
        with pytest.raises(RuntimeError, match="sid has no unique index"):
            await store.ping()
    postgres.run("ALTER TABLE session ALTER sess TYPE bytea USING convert_to(sess::text, 'UTF8')", dsn)
    async with on(dsn) as store:
        with pytest.raises(RuntimeError, match="sess is bytea and must be json or jsonb"):
            await store.ping()


async def test_a_table_and_a_schema_of_ones_own(postgres: Postgres, dsn: str) -> None:
    postgres.run('CREATE SCHEMA "Web"', dsn)
    async with on(dsn, table="visits", schema="Web") as store:
        await made(store, "a")
    assert postgres.run('SELECT sid, sess FROM "Web".visits', dsn) == "a|{}"


def test_a_layout_that_is_none_is_told_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match="'native', 'connect-pg-simple'"):
        PostgresStore("postgresql://h/d", layout="connect-redis")  # type: ignore[arg-type]


def test_a_subclass_has_the_layout_that_it_is_given() -> None:
    class Mine(PostgresStore):
        pass

    assert isinstance(Mine("postgresql://h/d"), OwnerIndex)
    assert not isinstance(Mine("postgresql://h/d", **LAYOUT), OwnerIndex)  # type: ignore[arg-type]
