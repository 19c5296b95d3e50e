"""PostgresStore behind PgBouncer in transaction mode: it works as it is, and a pool that cannot work there is told what to set."""

import asyncio
from contextlib import aclosing
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest

from gingersnap import StoreUnfit
from gingersnap.stores import PostgresStore
from tests.asgi import Sessions
from tests.stores.redis_sites import LONG, new_key
from tests.stores.servers.pgbouncer import running
from tests.stores.servers.postgres import Postgres

LOST = "a pooler in transaction mode loses prepared statements; give statement_cache_size=0 to the pool, or set max_prepared"


def through(port: int, dsn: str) -> str:
    """Give the address of a database behind a pooler."""
    return f"postgresql://postgres@127.0.0.1:{port}/{dsn.rpartition('/')[2]}"


async def crowd(store: Any) -> set[str]:
    """Make calls at once, more than the pooler has connections; say what came of them."""
    answers: list[Any] = []
    for _ in range(5):
        made = [store.create(new_key(), b"{}", LONG) for _ in range(30)]
        answers += await asyncio.gather(*made, *(store.load(new_key()) for _ in range(30)), return_exceptions=True)
    return {type(answer).__name__ for answer in answers}


async def test_a_store_works_behind_it_as_it_is(postgres: Postgres, pgbouncer: int) -> None:
    async with aclosing(PostgresStore.from_url(through(pgbouncer, postgres.create_database()))) as store:
        await store.ping()
        assert await crowd(store) == {"bool", "NoneType"}
        client = Sessions(store=store, rolling=True)
        asks: list[Any] = [lambda s: s.update(n=1), lambda s: s.login("ada"), lambda s: s.update(n=2), lambda s: s.logout()]
        assert [(await client.do(ask)).status for ask in asks] == [200] * 4


@pytest.mark.parametrize("size", [1, 5])
async def test_a_store_works_behind_a_pooler_that_keeps_a_connection_for_each_client(postgres: Postgres, size: int) -> None:
    with running(postgres, mode="session", size=size) as port:
        address = through(port, postgres.create_database())
        async with aclosing(PostgresStore.from_url(address, statement_cache_size=100, max_size=size)) as store:
            await store.ping()
            assert await crowd(store) == {"bool", "NoneType"}


async def test_a_pool_that_prepares_statements_is_told_what_to_set(postgres: Postgres, pgbouncer: int) -> None:
    address = through(pgbouncer, postgres.create_database())
    async with aclosing(PostgresStore.from_url(address, statement_cache_size=100)) as store:
        with pytest.raises(StoreUnfit, match=LOST):
            await store.ping()
    async with asyncpg.create_pool(address, min_size=0) as pool:
        with pytest.raises(StoreUnfit, match=LOST):
            await PostgresStore(pool).ping()
    async with asyncpg.create_pool(address, min_size=0, statement_cache_size=0) as pool:
        store = PostgresStore(pool)
        await store.ping()
        assert await crowd(store) == {"bool", "NoneType"}


async def test_without_a_pooler_statements_are_prepared(postgres: Postgres) -> None:
    async with aclosing(PostgresStore.from_url(postgres.create_database())) as store:
        await store.ping()
        rows = await store._connections.fetch("SELECT count(*) FROM pg_prepared_statements")
        assert rows[0][0] > 0
