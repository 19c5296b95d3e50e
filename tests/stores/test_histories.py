"""N-04: in whatever way the calls of several clients meet, a store answers as if they had come one after the other."""

import os
import time
from contextlib import aclosing
from typing import Any

import pytest

from gingersnap.stores import MemoryStore
from tests.stores.broken.calls import MoveIsACopy, ReplaceIsAnUpsert
from tests.stores.broken.races import IsNowhereWhileItMoves, LooksAndWritesLater
from tests.stores.histories import Call, History, linearizable
from tests.stores.own_store_page import MappingStore

HISTORIES = int(os.environ.get("GINGERSNAP_HISTORIES", "300"))
"""How many histories each store goes through; N-04 asks for 10,000."""


async def hold(name: str, *stores: Any) -> None:
    """Let all histories happen on stores over the same data, and fail with the first that no order explains."""
    began, calls = time.monotonic(), 0
    for seed in range(HISTORIES):
        history = History(seed, [*stores])
        assert await history.happen(), f"no order explains {history}"
        calls += len(history.calls)
    print(f"{name}: {HISTORIES} histories, {calls} calls, {time.monotonic() - began:.1f} s")


async def test_N04_memory_answers_as_one_after_the_other() -> None:
    await hold("memory", MemoryStore())


async def test_N04_the_store_of_the_page_answers_as_one_after_the_other() -> None:
    await hold("page", MappingStore({}))


async def test_N04_sqlite_answers_as_one_after_the_other(tmp_path) -> None:
    from gingersnap.stores import SQLiteStore

    # Two stores on one file, as two processes have them.
    async with aclosing(SQLiteStore(tmp_path / "sessions")) as one, aclosing(SQLiteStore(tmp_path / "sessions")) as two:
        await hold("sqlite", one, two)


async def test_N04_valkey_answers_as_one_after_the_other(valkey) -> None:
    from gingersnap.stores import RedisStore

    async with aclosing(RedisStore(valkey.url)) as one, aclosing(RedisStore(valkey.url)) as two:
        await hold("valkey", one, two)


async def test_N04_postgres_answers_as_one_after_the_other(postgres) -> None:
    from gingersnap.stores import PostgresStore

    address = postgres.create_database()
    async with aclosing(PostgresStore(address)) as one, aclosing(PostgresStore(address)) as two:
        await hold("postgres", one, two)


@pytest.mark.parametrize("store", [ReplaceIsAnUpsert, MoveIsACopy, LooksAndWritesLater, IsNowhereWhileItMoves])
async def test_N04_a_broken_store_is_caught(store: type) -> None:
    explained = [await History(seed, [store()]).happen() for seed in range(100)]
    assert not all(explained)


# Written as (client, name, key, answer, begin, end, over, writes): key 0 holds 0 at first, key 1 nothing.
REJECTED = {
    "a lost update": [Call(0, "replace", 0, "saved", 0, 2, 0, 1), Call(1, "replace", 0, "saved", 1, 3, 0, 2)],
    "a record that comes back after destroy": [
        Call(0, "destroy", 0, True, 0, 3),
        Call(1, "replace", 0, "saved", 1, 4, 0, 1),
        Call(0, "load", 0, 1, 5, 6),
    ],
    "a replace that creates": [Call(0, "destroy", 0, True, 0, 1), Call(1, "replace", 0, "saved", 2, 3, 0, 1)],
    "both keys after a move": [Call(0, "move", 0, "saved", 0, 5, 0, 1), Call(1, "load", 1, 1, 1, 2), Call(1, "load", 0, 0, 3, 4)],
    "neither key during a move": [
        Call(0, "move", 0, "saved", 0, 5, 0, 1),
        Call(1, "load", 0, None, 1, 2),
        Call(1, "load", 1, None, 3, 4),
    ],
    "a stale read": [Call(0, "replace", 0, "saved", 0, 1, 0, 1), Call(1, "load", 0, 0, 2, 3)],
    "a read that goes back": [Call(0, "replace", 0, "saved", 0, 9, 0, 1), Call(1, "load", 0, 1, 1, 2), Call(2, "load", 0, 0, 3, 4)],
    "a read of what nobody wrote": [Call(0, "load", 0, 7, 0, 1)],
    "a conflict without a writer": [Call(0, "replace", 0, ("conflict", 0), 0, 1, 0, 1)],
    "a move to a key that is taken": [Call(0, "create", 1, True, 0, 1, None, 1), Call(0, "move", 0, "saved", 2, 3, 0, 2)],
    "a move that says taken of a free key": [Call(0, "move", 0, "taken", 0, 1, 0, 1)],
    "two creates that win": [Call(0, "create", 1, True, 0, 2, None, 1), Call(1, "create", 1, True, 1, 3, None, 2)],
    "a create that loses to nobody": [Call(0, "create", 1, False, 0, 1, None, 1)],
    "two logouts of one session": [Call(0, "destroy", 0, True, 0, 2), Call(1, "destroy", 0, True, 1, 3)],
    "a touch of what is gone": [Call(0, "destroy", 0, True, 0, 1), Call(1, "touch", 0, True, 2, 3)],
}

ACCEPTED = {
    "nothing": [],
    "a read beside a write, of before": [Call(0, "replace", 0, "saved", 0, 3, 0, 1), Call(1, "load", 0, 0, 1, 2)],
    "a read beside a write, of after": [Call(0, "replace", 0, "saved", 0, 3, 0, 1), Call(1, "load", 0, 1, 1, 2)],
    "a write that was told before it answered": [
        Call(0, "replace", 0, "saved", 0, 9, 0, 1),
        Call(1, "replace", 0, ("conflict", 1), 1, 2, 0, 2),
    ],
    "a logout between a move and a write": [
        Call(0, "move", 0, "gone", 0, 5, 0, 1),
        Call(1, "replace", 0, "saved", 1, 2, 0, 2),
        Call(2, "destroy", 0, True, 1, 4),
    ],
    "a move that two others wait for": [
        Call(0, "move", 0, "saved", 0, 9, 0, 1),
        Call(1, "load", 0, None, 1, 2),
        Call(2, "load", 1, 1, 3, 4),
    ],
    "a move that meets both a conflict and a taken key": [
        Call(0, "create", 1, True, 0, 1, None, 1),
        Call(0, "replace", 0, "saved", 2, 3, 0, 2),
        Call(1, "move", 0, "taken", 4, 5, 0, 3),
        Call(1, "move", 0, ("conflict", 2), 6, 7, 0, 4),
    ],
}


@pytest.mark.parametrize("name", REJECTED)
def test_the_checker_rejects(name: str) -> None:
    assert not linearizable(REJECTED[name], (0, None))


@pytest.mark.parametrize("name", ACCEPTED)
def test_the_checker_accepts(name: str) -> None:
    assert linearizable(ACCEPTED[name], (0, None))
