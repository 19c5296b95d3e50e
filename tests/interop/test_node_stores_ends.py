"""Our stores and Node's over the same records: what one side ends is ended for the other, and what it writes is not lost."""

import asyncio
import json

import pytest

from gingersnap.stores import Conflict, Gone, Saved
from tests.interop.node_stores import DATA, LIFE_MS, OURS, Place

pytestmark = pytest.mark.interop


async def test_N01_what_node_destroyed_no_call_of_ours_revives(place: Place) -> None:
    a, b = place.key("a"), place.key("b")
    async with place.store() as store:
        place.ask("set", "a", DATA, LIFE_MS)
        version = (await store.load(a)).version
        place.ask("destroy", "a")

        assert await store.load(a) is None
        assert await store.replace(a, OURS, LIFE_MS, version=version) == Gone()
        assert await store.move(a, b, OURS, LIFE_MS, version=version) == Gone()
        assert not await store.touch(a, LIFE_MS)
        assert not await store.destroy(a)
        assert place.rows() == {}


async def test_N01_what_we_destroy_node_does_not_find(place: Place) -> None:
    async with place.store() as store:
        place.ask("set", "a", DATA, LIFE_MS)
        assert await store.destroy(place.key("a"))
        assert place.ask("get", "a") is None


async def test_N02_what_node_wrote_meanwhile_is_a_conflict_and_is_not_lost(place: Place) -> None:
    a, b = place.key("a"), place.key("b")
    async with place.store() as store:
        place.ask("set", "a", DATA, LIFE_MS)
        version = (await store.load(a)).version
        place.ask("set", "a", {"n": 2}, LIFE_MS)

        [(theirs, _)] = place.rows().values()
        assert await store.replace(a, OURS, LIFE_MS, version=version) == Conflict(theirs, theirs)
        assert await store.move(a, b, OURS, LIFE_MS, version=version) == Conflict(theirs, theirs)
        assert not await store.create(a, OURS, LIFE_MS)
        assert place.ask("get", "a")["n"] == 2
        assert isinstance(await store.replace(a, OURS, LIFE_MS, version=theirs), Saved)
        assert place.ask("get", "a") == json.loads(OURS)


async def test_S06_both_sides_see_the_end_at_the_same_moment(place: Place) -> None:
    """Node is asked before and after, as clocks that count milliseconds need it: where it says the same twice, so do we."""
    agreed = {True: 0, False: 0}
    async with place.store() as store:
        for round_, (life_ms, by) in enumerate([(1000, "node"), (1500, "us")]):
            id = f"a{round_}"
            if by == "node":
                place.ask("set", id, DATA, life_ms)
            else:
                await store.create(place.key(id), OURS, life_ms)
            ended = 0
            while ended < 10:
                before = place.ask("get", id) is not None
                await asyncio.sleep(0.003)
                record = await store.load(place.key(id))
                await asyncio.sleep(0.003)
                after = place.ask("get", id) is not None
                if before == after:
                    assert (record is not None) == before, (place.layout, by)
                    agreed[before] += 1
                ended += not after
            assert not await store.touch(place.key(id), LIFE_MS)
            assert place.ask("get", id) is None
    assert min(agreed.values()) >= 10


async def test_S06_an_end_of_ours_that_is_at_once_is_at_once_for_node(place: Place) -> None:
    async with place.store() as store:
        await store.create(place.key("a"), OURS, LIFE_MS)
        version = (await store.load(place.key("a"))).version
        assert isinstance(await store.replace(place.key("a"), b"{}", 1, version=version), Saved)
        await asyncio.sleep(0.002)
        assert place.ask("get", "a") is None
        assert await store.load(place.key("a")) is None


async def test_N01_of_what_node_destroys_while_we_write_nothing_comes_back(place: Place) -> None:
    answers = set()
    async with place.store() as store:
        for round_ in range(1000):
            if round_ >= 50 and answers == {Saved, Gone}:
                break
            old, new = place.key(f"a{round_}"), place.key(f"b{round_}")
            place.ask("set", f"a{round_}", DATA, LIFE_MS)
            version = (await store.load(old)).version
            ending = asyncio.create_task(asyncio.to_thread(place.ask, "destroy", f"a{round_}"))
            for _ in range(round_ % 10):
                await asyncio.sleep(0.0002)
            answers.add(type(await store.replace(old, OURS, LIFE_MS, version=version)))
            touched, moved = await asyncio.gather(store.touch(old, LIFE_MS), store.move(old, new, OURS, LIFE_MS, version=OURS))
            await ending
            assert isinstance(touched, bool)
            # What had moved before was another session by then, which Node was not told to end.
            assert await store.load(old) is None
            assert (await store.load(new) is not None) == isinstance(moved, Saved)
    assert answers == {Saved, Gone}
