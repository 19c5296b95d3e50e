"""Expired records, on every store that removes them itself: nobody sees one, and they go in bounded batches."""

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from gingersnap import ConfigError
from gingersnap.records.purge import Purge
from gingersnap.stores import PostgresStore, SQLAlchemyStore, SQLiteStore
from gingersnap.stores.sqlalchemy import store as sqlalchemy
from gingersnap.stores.sqlite import store as sqlite
from gingersnap.testing.suite import kept, made, new_keys
from tests.asgi import Clock
from tests.stores import store_contents
from tests.stores.shipped_stores import Kind, kind_of

# Names bear the ids of requirements as they are written.

PURGED = ("memory", "sqlite", "postgres", "mariadb")
LIMIT = 130
"""More than one statement removes, and less than there is."""


@pytest.fixture(params=PURGED)
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Kind:
    """Give each kind whose server removes nothing by itself."""
    return kind_of(request.param, request, tmp_path)


def opened(kind: Kind, clock: Clock) -> Any:
    """Make a store; one without a server goes by that clock."""
    return aclosing(kind.make(**({"clock": clock} if kind.name in ("memory", "sqlite") else {})))


async def expire(kind: Kind, store: Any, clock: Clock, keys: list[str]) -> None:
    """Make records of a moment; nobody sees one of them when it has gone, though they are all there."""
    assert all(await asyncio.gather(*(store.create(key, b"{}", 1, owner="ada") for key in keys)))
    clock.now += 0.001
    await asyncio.sleep(0.01)
    # A record in memory goes as it is looked for.
    if kind.name != "memory":
        assert not any(await asyncio.gather(*(store.load(key) for key in keys)))
        assert await store.sessions_of("ada") == []


async def test_S06_each_purge_is_bounded_and_they_come_to_an_end(kind: Kind, clock: Clock, monkeypatch: Any) -> None:
    monkeypatch.setattr(sqlalchemy, "_BATCH", 50)
    assert LIMIT % sqlite.BATCH
    async with opened(kind, clock) as store:
        live = new_keys(3)
        for key in live:
            await made(store, key, b"[]")
        await expire(kind, store, clock, new_keys(3 * LIMIT - 7))
        removed, left = [], [await store_contents.records(kind, store)]
        while not removed or removed[-1]:
            removed.append(await store.purge(LIMIT))
            left.append(await store_contents.records(kind, store))
        assert removed == [LIMIT, LIMIT, LIMIT - 7, 0]
        assert left == [3 * LIMIT - 4, 2 * LIMIT - 4, LIMIT - 4, 3, 3]
        for key in live:
            await kept(store, key, b"[]", "purge leaves live records")


each_that_is_purged = pytest.mark.parametrize(
    ("store", "place"),
    [(SQLiteStore, "sessions.sqlite3"), (PostgresStore, "postgresql://h/d"), (SQLAlchemyStore, "sqlite+aiosqlite://")],
)


@each_that_is_purged
async def test_S06_one_that_is_never_to_be_purged_by_itself_is_not(store: Any, place: str) -> None:
    purges = [Purge(store(place, purge_every=every)) for every in (None, 300.0)]
    for purge in purges:
        purge.start()
    assert [len(purge._tasks) for purge in purges] == [0, 1]
    for purge in purges:
        await purge.stop()


@each_that_is_purged
@pytest.mark.parametrize("every", [0, -1, True, "300", float("nan"), float("inf"), []])
def test_S06_what_is_no_time_to_purge_is_refused(store: Any, place: str, every: Any) -> None:
    with pytest.raises(ConfigError, match="give a number of seconds above 0, or None") as raised:
        store(place, purge_every=every)
    assert raised.value.option == "purge_every"
