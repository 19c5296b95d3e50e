"""Our stores and Node's over the same records: what one side writes, moves or ends is so for the other, to the octet."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from gingersnap.stores import Conflict, Gone, Saved
from tests.interop.conftest import Node as Commands
from tests.interop.node_stores import LAYOUTS, Node, Place, running

pytestmark = pytest.mark.interop

LIFE_MS = 3_600_000
DATA = {"n": 1, "f": 1.5, "s": 'é🍪\u2028 \x00 " \\ \ud800', "deep": {"b": [None, True, {}], "a": []}, "__proto__x": ""}
COOKIE = b'{"originalMaxAge":3600000,"expires":"2026-11-24T12:05:05.000Z","httpOnly":true,"path":"/"}'
OURS = b'{"cookie":' + COOKIE + ',"s":"é🍪\u2028","odd":"\\u0000 \\ud800","n":1.0}'.encode()
DEFAULT_KEYS = {"connect-redis": "sess:a", "koa-redis": "koa:sess:a"}


@pytest.fixture(scope="module")
def stores(node: Commands) -> Iterator[Node]:
    """Run the stores of Node."""
    with running(node.node) as stores:
        yield stores


@pytest.fixture(params=LAYOUTS)
def place(request: pytest.FixtureRequest, stores: Node) -> Place:
    """Give each layout in turn, on a server that holds nothing."""
    layout = request.param
    server: Any = request.getfixturevalue(
        {"connect-pg-simple": "postgres", "express-mysql-session": "mariadb"}.get(layout, "valkey")
    )
    if layout.endswith("redis"):
        server.ask("FLUSHALL")
        return Place(layout, stores, server, server.url)
    return Place(layout, stores, server, server.create_database())


def lasts(left_ms: float, life_ms: float) -> None:
    """See that a session has that lifetime, give or take the second that it is rounded by and what the test took."""
    assert life_ms - 10_000 < left_ms <= life_ms + 1000


async def test_what_node_sets_we_load_to_the_octet_with_what_is_left_of_it(place: Place) -> None:
    place.ask("set", "a", DATA, LIFE_MS)

    async with place.store() as store:
        record = await store.load(place.key("a"))

    [(key, (value, left_s))] = place.rows().items()
    assert key == DEFAULT_KEYS.get(place.layout, "a")
    assert record.value == value
    data = json.loads(value)
    assert data.pop("cookie", {"httpOnly": True})["httpOnly"] is True
    assert data == DATA
    lasts(record.ttl_ms, LIFE_MS)
    assert abs(record.ttl_ms / 1000 - left_s) < 2


async def test_a_session_that_ends_with_its_browser_is_kept_for_a_day_by_both(place: Place) -> None:
    place.ask("set", "a", DATA)

    async with place.store() as store:
        record = await store.load(place.key("a"))

    # koa-redis alone keeps it for good, where nobody gives it a lifetime.
    if place.layout == "koa-redis":
        assert record.ttl_ms is None
    else:
        lasts(record.ttl_ms, 86_400_000)


async def test_what_we_create_replace_and_move_node_gets(place: Place) -> None:
    a, b = place.key("a"), place.key("b")
    async with place.store() as store:
        assert await store.create(a, b'{"cookie":' + COOKIE + b"}", LIFE_MS)
        assert place.ask("get", "a") == {"cookie": json.loads(COOKIE)}

        version = (await store.load(a)).version
        saved = await store.replace(a, OURS, LIFE_MS, version=version)
        assert place.ask("get", "a") == json.loads(OURS)

        assert isinstance(await store.move(a, b, OURS, 2 * LIFE_MS, version=saved.version), Saved)
        assert (place.ask("get", "a"), place.ask("get", "b")) == (None, json.loads(OURS))
        [(value, left_s)] = place.rows().values()
        assert value == OURS
        lasts(left_s * 1000, 2 * LIFE_MS)


async def test_what_we_write_lives_as_long_as_what_node_writes(place: Place) -> None:
    for life_ms in (LIFE_MS, 61_500, 1500):
        async with place.store() as store:
            place.ask("set", "theirs", DATA, life_ms)
            await store.create(place.key("ours"), OURS, life_ms)
            found = {key[-4:]: left_s for key, (_, left_s) in place.rows().items()}
            assert abs(found["eirs"] - found["ours"]) <= 1.5
            await store.destroy(place.key("ours"))


async def test_a_touch_of_either_side_moves_the_end_alone(place: Place) -> None:
    async with place.store() as store:
        place.ask("set", "a", DATA, LIFE_MS)
        before = await store.load(place.key("a"))

        assert await store.touch(place.key("a"), 2 * LIFE_MS)
        [(value, left_s)] = place.rows().values()
        assert value == before.value
        lasts(left_s * 1000, 2 * LIFE_MS)

        if place.layout == "koa-redis":
            # It has none; koa-generic-session sets the whole session.
            return
        place.ask("touch", "a", {}, 3 * LIFE_MS)
        after = await store.load(place.key("a"))
        assert (after.value, after.version) == (before.value, before.version)
        lasts(after.ttl_ms, 3 * LIFE_MS)
        assert isinstance(await store.replace(place.key("a"), OURS, LIFE_MS, version=before.version), Saved)


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


@pytest.mark.parametrize("place", LAYOUTS[2:], indirect=True)
async def test_the_table_that_we_make_is_the_one_that_node_makes(place: Place) -> None:
    ours = replace(place, address=place.server.create_database())
    async with ours.store() as store:
        await store.ping()
        made = ours.table()
        ours.ask("set", "a", DATA, LIFE_MS)
        assert await store.load("a")

    place.ask("set", "a", DATA, LIFE_MS)

    assert made == place.table()


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
