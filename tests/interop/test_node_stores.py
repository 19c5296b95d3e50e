"""Our stores and Node's over the same records: what one side writes or moves is so for the other, to the octet."""

import json
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from gingersnap.stores import RedisStore, Saved
from tests.asgi import browser
from tests.interop.node_stores import COOKIE, DATA, LAYOUTS, LIFE_MS, OURS, Node, Place
from tests.stores.servers.valkey import Server

pytestmark = pytest.mark.interop

DEFAULT_KEYS = {"connect-redis": "sess:a", "koa-redis": "koa:sess:a"}


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


async def test_R04_neither_side_sets_an_end_where_node_disables_it(node_stores: Node, valkey: Server) -> None:
    def ask(call: str, **given: Any) -> Any:
        return node_stores.ask(store="connect-redis disableTTL", at=valkey.url, call=call, sid="endless", **given)

    ask("set", data=DATA, maxAge=LIFE_MS)
    async with aclosing(RedisStore(valkey.url, layout="connect-redis", disable_ttl=True)) as store:
        record = await store.load("endless")
        assert record.ttl_ms is None
        await store.replace("endless", OURS, LIFE_MS, version=record.version)
        assert await store.touch("endless", LIFE_MS)
        assert ask("get")["n"] == 1
        ask("touch", data=DATA, maxAge=LIFE_MS)
        assert valkey.ask("PTTL", "sess:endless") == -1
        assert await store.destroy("endless")
    assert ask("get") is None


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


async def test_N01_a_session_goes_to_and_fro_and_ends_for_good(place: Place) -> None:
    """Through our middleware, under the preset of the system that the layout is of."""
    acts, seen = [], []

    def handler(session: Any) -> None:
        acts.pop()(session)

    def only() -> tuple[str, Any]:
        [(key, (value, _))] = place.rows().items()
        return key.removeprefix("sess:").removeprefix("koa:sess:"), json.loads(value)

    async with place.store() as store:
        options = {"preset": "koa-generic"} if place.layout == "koa-redis" else {"preset": "express", "resave": False}
        client = browser(handler, store=store, max_age=3600, **options)

        acts.append(lambda session: session.update(n=1, s="é🍪"))
        await client.get()
        old, held = only()
        assert place.ask("get", old) == held
        assert (held["n"], held["s"], held["cookie"]["path"]) == (1, "é🍪", "/")

        place.ask("set", old, {**held, "n": 2}, LIFE_MS)
        acts.append(lambda session: (seen.append(dict(session)), session.regenerate()))
        await client.get()
        new, held = only()
        assert seen == [{"n": 2, "s": "é🍪"}]
        assert (place.ask("get", old), place.ask("get", new)["n"]) == (None, 2)

        # It ends on the other side, while a request of ours writes.
        acts.append(lambda session: (session.update(late=1), place.ask("destroy", new)))
        assert (await client.get()).cookies == []
        assert place.rows() == {}
