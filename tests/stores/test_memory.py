"""MemoryStore: the contract, and what is its own: the cap, the heap of ends, versions, threads."""

import asyncio
import logging
import os
import threading
from contextlib import asynccontextmanager

import pytest

from gingersnap.errors import ConfigError
from gingersnap.stores import Conflict, Gone, MemoryStore, Owned, Record, Saved, Taken
from gingersnap.testing import StoreContract
from tests.asgi import Clock

TTL_MS = 60_000
INSERTS = 1_000_000 if os.environ.get("GINGERSNAP_LONG") else 200_000


class TestContract(StoreContract):
    has_owners = True

    @pytest.fixture(autouse=True)
    def setting(self, clock):
        self.clock = clock

    @asynccontextmanager
    async def store(self):
        yield MemoryStore(clock=self.clock)

    async def wait(self, ms):
        self.clock.now += ms / 1000


class Ticking(Clock):
    """A clock that goes on by 1 ms each time it is asked."""

    def __call__(self) -> float:
        self.now += 0.001
        return round(self.now, 3)


async def test_each_call_answers_what_it_finds(clock: Clock) -> None:
    store = MemoryStore(clock=clock)
    assert await store.load("a") is None
    assert await store.create("a", b"1", TTL_MS, owner="ann") is True
    assert await store.create("a", b"2", TTL_MS) is False
    assert await store.load("a") == Record(b"1", 1, TTL_MS)
    assert await store.replace("a", b"2", TTL_MS, version=1) == Saved(2)
    assert await store.replace("a", b"3", TTL_MS, version=1) == Conflict(b"2", 2)
    assert await store.replace("b", b"3", TTL_MS, version=1) == Gone()
    await store.create("b", b"9", TTL_MS)
    assert await store.move("a", "b", b"3", TTL_MS, version=2) == Taken()
    assert await store.move("a", "c", b"3", TTL_MS, version=1) == Conflict(b"2", 2)
    assert await store.move("a", "c", b"3", TTL_MS, version=2, owner="ann") == Saved(4)
    assert await store.move("a", "d", b"4", TTL_MS, version=4) == Gone()
    assert await store.sessions_of("ann") == [Owned("c", b"3", TTL_MS)]
    assert (await store.touch("a", TTL_MS), await store.touch("c", TTL_MS)) == (False, True)
    assert (await store.destroy("a"), await store.destroy("b")) == (False, True)
    assert (await store.destroy_all("ann", keep="c"), await store.destroy_all("ann")) == (0, 1)
    assert (await store.purge(10), await store.ping(), await store.aclose(), len(store)) == (0, None, None, 0)


async def test_a_call_takes_place_at_one_time() -> None:
    store = MemoryStore(clock=Ticking(1_000_000.0))
    for n in range(10):
        await store.create(f"k{n}", b"1", n + 1, owner="ann")
        for record in (await store.load(f"k{n}"), *await store.sessions_of("ann")):
            assert record is None or record.ttl_ms > 0


async def test_a_version_never_comes_again() -> None:
    store, versions = MemoryStore(), set()
    for _ in range(10):
        await store.create("a", b"1", TTL_MS)
        first = (await store.load("a")).version
        second = (await store.replace("a", b"2", TTL_MS, version=first)).version
        third = (await store.move("a", "b", b"2", TTL_MS, version=second)).version
        await store.destroy("b")
        versions |= {first, second, third}
    assert len(versions) == 30


async def test_the_one_that_ends_first_gives_way(clock: Clock) -> None:
    store = MemoryStore(3, clock=clock)
    for key, ttl_ms in (("b", 2000), ("a", 1000), ("c", 3000)):
        await store.create(key, b"1", ttl_ms)
    # Now the order is b, c, a.
    await store.touch("a", 4000)
    for new, gone in (("d", "b"), ("e", "c"), ("f", "a")):
        assert await store.load(gone) is not None
        await store.create(new, b"1", 9000)
        assert await store.load(gone) is None
        assert len(store) == 3


async def test_what_has_expired_gives_way_before_what_lives(clock: Clock, caplog) -> None:
    store = MemoryStore(2, clock=clock)
    await store.create("a", b"1", 1000)
    await store.create("b", b"1", 5000)
    clock.now += 1
    await store.create("c", b"1", 2000)
    assert (await store.load("b"), await store.load("c")) != (None, None)
    assert caplog.records == []


async def test_a_session_that_gives_way_is_its_owner_s_no_more() -> None:
    store = MemoryStore(1)
    await store.create("a", b"1", TTL_MS, owner="ann")
    await store.create("b", b"1", TTL_MS)
    assert await store.sessions_of("ann") == []
    assert store._owned == {}


async def test_S07_a_full_store_says_so_once(caplog) -> None:
    store = MemoryStore(2)
    for n in range(5):
        await store.create(f"k{n}", b"1", TTL_MS)
    [record] = caplog.records
    assert (record.name, record.levelno) == ("gingersnap", logging.WARNING)
    assert record.getMessage().startswith("MemoryStore holds its 2 sessions")


@pytest.mark.parametrize(("processes", "warnings"), [(None, 0), ("", 0), ("1", 0), ("4", 1)])
async def test_S07_several_processes_are_warned_of_once(processes: str | None, warnings: int, monkeypatch, caplog) -> None:
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    if processes is not None:
        monkeypatch.setenv("WEB_CONCURRENCY", processes)
    store = MemoryStore()
    await store.ping()
    await store.ping()
    assert ["each has sessions of its own" in record.getMessage() for record in caplog.records] == [True] * warnings


async def test_S07_a_million_inserts_stay_within_the_cap() -> None:
    cap = INSERTS // 10
    store = MemoryStore(cap)
    for n in range(INSERTS):
        await store.create(f"{n:064x}", b"1", TTL_MS + n % 1000)
    assert len(store) == cap
    assert len(store._ends) <= 64 + 2 * cap


async def test_S07_what_comes_and_goes_or_lives_on_leaves_nothing_behind(clock: Clock) -> None:
    store = MemoryStore(clock=clock)
    await store.create("a", b"1", TTL_MS)
    for n in range(2000):
        clock.now += 0.01
        await store.touch("a", TTL_MS)
        await store.create(f"{n}", b"1", TTL_MS, owner=f"{n}")
        await store.move(f"{n}", "moved", b"1", TTL_MS, version=(await store.load(f"{n}")).version, owner=f"{n}")
        await store.destroy("moved")
    assert (len(store), store._owned) == (1, {})
    assert len(store._ends) <= 64 + 2 * 2


async def test_S07_creating_removes_what_has_expired(clock: Clock) -> None:
    store = MemoryStore(clock=clock)
    for n in range(100):
        await store.create(f"old{n}", b"1", 1000)
    clock.now += 1
    for n in range(50):
        await store.create(f"new{n}", b"1", 1000)
    assert len(store) == 50


async def test_S06_purge_counts_records_and_not_what_they_were(clock: Clock) -> None:
    store = MemoryStore(clock=clock)
    for key in "abc":
        await store.create(key, b"1", 1000)
        await store.touch(key, 2000)
    clock.now += 1
    assert await store.purge(10) == 0
    clock.now += 1
    assert [await store.purge(2) for _ in range(3)] == [2, 1, 0]


@pytest.mark.parametrize("cap", [0, -1, True, 1.5, "100", None])
def test_a_wrong_cap_is_refused(cap) -> None:
    with pytest.raises(ConfigError, match="cap"):
        MemoryStore(cap)


def test_N07_event_loops_in_several_threads_lose_no_write() -> None:
    store = MemoryStore()
    asyncio.run(store.create("n", b"0", TTL_MS))

    async def count() -> None:
        for _ in range(500):
            record = await store.load("n")
            while not isinstance(
                saved := await store.replace("n", b"%d" % (int(record.value) + 1), TTL_MS, version=record.version), Saved
            ):
                record = saved

    threads = [threading.Thread(target=asyncio.run, args=(count(),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asyncio.run(store.load("n")).value == b"4000"


def test_an_empty_store_is_a_store() -> None:
    assert MemoryStore()
