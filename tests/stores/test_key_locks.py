"""The turns of one process's writers, for the stores that have nothing better."""

import asyncio
import gc
import logging

import pytest

from gingersnap.stores import key_locks as turns
from gingersnap.stores.key_locks import KeyLocks, warn_once


async def test_writers_of_one_key_take_turns_and_others_do_not_wait() -> None:
    taken, seen = KeyLocks(), []

    async def write(name: str, *keys: str) -> None:
        async with taken.taken(*keys):
            seen.append(f"{name} begins")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            seen.append(f"{name} ends")

    await asyncio.gather(write("a", "one"), write("b", "one"), write("c", "two"))
    assert seen == ["a begins", "c begins", "a ends", "c ends", "b begins", "b ends"]


async def test_two_that_take_the_same_keys_in_other_orders_do_not_wait_for_each_other() -> None:
    taken, done = KeyLocks(), []

    async def move(*keys: str) -> None:
        async with taken.taken(*keys):
            await asyncio.sleep(0)
            done.append(keys)

    async with asyncio.timeout(30):
        await asyncio.gather(*(move(*keys) for keys in [("a", "b"), ("b", "a"), ("a", "a"), ("b", "a")]))
    assert len(done) == 4


async def test_who_looks_waits_for_who_writes_and_for_nobody_else() -> None:
    taken, seen = KeyLocks(), []

    async def look(key: str) -> None:
        await taken.settled(key)
        seen.append(key)

    async with taken.taken("a"):
        looking = asyncio.create_task(look("a"))
        await look("b")
        await asyncio.sleep(0)
        assert seen == ["b"]
    await looking
    assert seen == ["b", "a"]


async def test_a_lock_is_forgotten_with_its_last_holder_and_two_kinds_share_none() -> None:
    one, two = KeyLocks(), KeyLocks()
    async with one.taken("a", "b"), two.taken("a"):
        assert (len(one), len(two)) == (2, 1)
        assert one.of("a") is one.of("a") is not two.of("a")
    gc.collect()
    assert (len(one), len(two)) == (0, 0)


def test_each_event_loop_has_locks_of_its_own_even_where_an_earlier_one_left_some() -> None:
    taken = KeyLocks()

    async def hold() -> asyncio.Lock:
        lock = taken.of("a")
        async with asyncio.timeout(30):
            await lock.acquire()
        return lock

    assert len({asyncio.run(hold()) for _ in range(20)}) == 20


def test_it_is_said_once_for_each_kind(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_warned", set())
    with caplog.at_level(logging.WARNING, "gingersnap"):
        for kind in ("One", "One", "Two"):
            warn_once(kind)
    assert [message.split()[3] for message in caplog.messages] == ["One", "Two"]
