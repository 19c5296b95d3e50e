"""The index of owners in Redis: what it lists, how long, and that nothing slips through ``destroy_all``."""

import asyncio
import hashlib
import random
from collections.abc import Callable
from typing import Any

import pytest

from gingersnap.stores import Gone, RedisStore, Saved
from gingersnap.stores.redis.scripts import END, INSERT, NATIVE
from tests.stores.redis_sites import LONG, Site, Stepped, bare_key, new_key

OWNER = "ann"
INDEX = f"gingersnap:owner:{hashlib.sha256(OWNER.encode()).hexdigest()}"
TWO_MINUTES_US = 120_000_000


def members(site: Site) -> list[str]:
    """List what the index lists, in its order."""
    return [key.decode().removeprefix("gingersnap:") for key in site.ask("ZRANGEBYSCORE", INDEX, 0, "+inf", key=INDEX)]


def age(site: Site) -> None:
    """Let everything in the index have been inserted two minutes earlier."""
    for key in site.ask("ZRANGEBYSCORE", INDEX, 0, "+inf", key=INDEX):
        site.ask("ZINCRBY", INDEX, -TWO_MINUTES_US, key, key=INDEX)


async def keep_moving(store: RedisStore, key: str, owner: str, fresh: Callable[[str], str], keys: list[str]) -> None:
    """Move a session on and on until it is gone, and note each key that it may have come to."""
    record = await store.load(key)
    if record is None:
        return
    version = record.version
    while True:
        new = fresh(key)
        keys.append(new)
        answer = await store.move(key, new, b"{}", LONG, version=version, owner=owner)
        if not isinstance(answer, Saved):
            return
        key, version = new, answer.version


def tagged(key: str) -> str:
    return new_key(key[1:5])


def untagged(key: str) -> str:
    return bare_key()


@pytest.mark.parametrize("fresh", [tagged, untagged])
async def test_N01_no_moving_session_slips_through_destroy_all(redis_site: Site, fresh: Callable[[str], str]) -> None:
    async with redis_site.store() as store, redis_site.client() as other:
        for owner in map(str, range(200)):
            keys = [fresh(new_key()) for _ in range(random.randint(1, 4))]
            for key in keys:
                await store.create(key, b"{}", LONG, owner=owner)
            moving = [asyncio.create_task(keep_moving(store, key, owner, fresh, keys)) for key in [*keys]]
            for _ in range(random.randrange(60)):
                await asyncio.sleep(0)
            await RedisStore(other).destroy_all(owner)
            # A session that is alive now never stops moving.
            async with asyncio.timeout(10):
                await asyncio.gather(*moving)
            assert [key for key in keys if await store.load(key)] == []


@pytest.mark.parametrize("nth", range(4))
async def test_N01_a_move_under_way_does_not_slip_through_destroy_all(cluster_site: Site, nth: int) -> None:
    """A move that has listed its new key comes to it at each step of ``destroy_all``: list, end old, end new, forget."""
    old, new = "gingersnap:{aaaa}old", "gingersnap:{aaaa}new"
    owner = INDEX.rpartition(":")[2]
    async with cluster_site.store() as store, cluster_site.client(Stepped) as client:
        await store.create("{aaaa}old", b"{}", LONG, owner=OWNER)
        version = (await store.load("{aaaa}old")).version[0]

        async def move() -> None:
            send = store._clients.get().execute_command
            await NATIVE.move(send, [old, new], [version, "{}", LONG, "v", owner])

        await INSERT(client.execute_command, [INDEX], [new, LONG, old])
        client.nth, client.step = nth, move
        assert await RedisStore(client).destroy_all(OWNER) == 1
        assert await store.load("{aaaa}old") is None
        assert await store.load("{aaaa}new") is None


async def test_N01_a_session_that_is_kept_may_go_on_moving(redis_site: Site) -> None:
    async with redis_site.store() as store:
        for owner in map(str, range(50)):
            keep, new, *others = [new_key("aaaa") for _ in range(4)]
            for key in (keep, *others):
                await store.create(key, b"{}", LONG, owner=owner)
            assert await store.destroy_all(owner, keep=keep) == 2
            version = (await store.load(keep)).version
            assert isinstance(await store.move(keep, new, b"{}", LONG, version=version, owner=owner), Saved)
            assert [each.key for each in await store.sessions_of(owner)] == [new]


async def test_N01_a_session_made_meanwhile_is_ended_or_listed(redis_site: Site) -> None:
    async with redis_site.store() as store:
        for owner in map(str, range(200)):
            old, new = new_key(), new_key()
            await store.create(old, b"{}", LONG, owner=owner)
            await asyncio.gather(store.create(new, b"{}", LONG, owner=owner), store.destroy_all(owner))
            assert await store.load(old) is None
            alive = [new] if await store.load(new) else []
            assert [each.key for each in await store.sessions_of(owner)] == alive


async def test_N01_a_session_that_is_to_end_moves_nowhere(redis_site: Site) -> None:
    """As where ``destroy_all`` broke off between the mark and the removal."""
    async with redis_site.store() as store, redis_site.client() as client:
        for old, new in [(new_key("aaaa"), new_key("aaaa")), (bare_key(), bare_key())]:
            await store.create(old, b"{}", LONG, owner=OWNER)
            version = (await store.load(old)).version
            await END(client.execute_command, [INDEX], [""])
            assert await store.move(old, new, b"{}", LONG, version=version, owner=OWNER) == Gone()
            assert await store.sessions_of(OWNER) == []
            assert await store.load(old) is None
        # Whoever logs in from now on stays.
        assert await store.create(new, b"{}", LONG, owner=OWNER)
        version = (await store.load(new)).version
        assert isinstance(await store.move(new, bare_key(), b"{}", LONG, version=version, owner=OWNER), Saved)


async def test_L10_the_index_lists_keys_in_the_order_they_were_inserted(redis_site: Site) -> None:
    async with redis_site.store() as store:
        keys = [new_key() for _ in range(20)]
        for key in keys:
            await store.create(key, b"{}", LONG, owner=OWNER)
        assert members(redis_site) == keys
        # A call that is sent again keeps the place.
        await store.create(keys[0], b"{}", LONG, owner=OWNER)
        assert members(redis_site) == keys


async def test_L10_a_clock_that_was_set_back_does_not_change_the_order(redis_site: Site) -> None:
    async with redis_site.store() as store:
        first, second = new_key(), new_key()
        await store.create(first, b"{}", LONG, owner=OWNER)
        redis_site.ask("ZINCRBY", INDEX, 3600_000_000, f"gingersnap:{first}", key=INDEX)
        await store.create(second, b"{}", LONG, owner=OWNER)
        assert members(redis_site) == [first, second]


async def test_L10_what_has_no_record_is_taken_off_after_a_minute(redis_site: Site) -> None:
    async with redis_site.store() as store:
        kept, gone, moved, away = new_key(), new_key(), new_key("aaaa"), new_key("aaaa")
        for key in (kept, gone, moved):
            await store.create(key, b"{}", LONG, owner=OWNER)
        await store.destroy(gone)
        version = (await store.load(moved)).version
        await store.move(moved, away, b"{}", LONG, version=version, owner="bob")
        assert [each.key for each in await store.sessions_of(OWNER)] == [kept]
        assert members(redis_site) == [kept, gone, moved]
        age(redis_site)
        await store.sessions_of(OWNER)
        assert members(redis_site) == [kept]
        await store.destroy_all(OWNER)
        assert members(redis_site) == []
        assert await store.load(away)


async def test_L10_an_index_that_has_doubled_is_swept(redis_site: Site) -> None:
    async with redis_site.store() as store:
        for _ in range(15):
            key = new_key()
            await store.create(key, b"{}", LONG, owner=OWNER)
            await store.destroy(key)
        assert len(members(redis_site)) == 15
        age(redis_site)
        last = new_key()
        await store.create(last, b"{}", LONG, owner=OWNER)
        assert members(redis_site) == [last]


async def test_L10_an_index_that_was_moved_to_is_swept_too(redis_site: Site) -> None:
    async with redis_site.store() as store:
        key = new_key("aaaa")
        await store.create(key, b"{}", LONG)
        version = (await store.load(key)).version
        for _ in range(16):
            age(redis_site)
            new = new_key("aaaa")
            saved: Any = await store.move(key, new, b"{}", LONG, version=version, owner=OWNER)
            key, version = new, saved.version
        assert members(redis_site) == [key]


async def test_L10_the_index_outlives_every_record_in_it(redis_site: Site) -> None:
    def lasts(ttl_ms: int) -> bool:
        return bool(ttl_ms - LONG < redis_site.ask("PTTL", INDEX, key=INDEX) <= ttl_ms)

    async with redis_site.store() as store:
        key, new, short = new_key("aaaa"), new_key("aaaa"), new_key()
        await store.create(key, b"{}", 2 * LONG, owner=OWNER)
        await store.create(short, b"{}", 1, owner=OWNER)
        assert lasts(2 * LONG)
        version = (await store.load(key)).version
        saved: Any = await store.replace(key, b"{}", 4 * LONG, version=version)
        assert lasts(4 * LONG)
        await store.move(key, new, b"{}", 6 * LONG, version=saved.version, owner=OWNER)
        assert lasts(6 * LONG)
        await store.touch(new, 8 * LONG)
        assert lasts(8 * LONG)
        # A minute and more of both lifetimes has gone: a rolling load starts both again.
        for name in (f"gingersnap:{new}", INDEX):
            redis_site.ask("PEXPIRE", name, 4 * LONG, key=name)
        assert (await store.load(new, roll=True)).ttl_ms == 6 * LONG
        assert lasts(6 * LONG)


async def test_L10_a_key_that_another_owner_had_already_stays_his(redis_site: Site) -> None:
    async with redis_site.store() as store:
        key = new_key()
        await store.create(key, b"bob's", LONG, owner="bob")
        assert not await store.create(key, b"ann's", LONG, owner=OWNER)
        assert await store.sessions_of(OWNER) == []
        assert await store.destroy_all(OWNER) == 0
        assert (await store.load(key)).value == b"bob's"


async def test_L10_hundreds_of_sessions_are_read_and_ended(redis_site: Site) -> None:
    async with redis_site.store() as store:
        keys = [new_key() for _ in range(250)]
        await asyncio.gather(*(store.create(key, key.encode(), LONG, owner=OWNER) for key in keys[:50]))
        for key in keys[50:]:
            await store.create(key, key.encode(), LONG, owner=OWNER)
        found = await store.sessions_of(OWNER)
        assert {each.key: each.value for each in found} == {key: key.encode() for key in keys}
        assert await store.destroy_all(OWNER, keep=keys[7]) == 249
        assert [each.key for each in await store.sessions_of(OWNER)] == [keys[7]]


async def test_L10_a_sweep_that_fails_does_not_fail_the_login(valkey_site: Site) -> None:
    async with valkey_site.store() as store:
        for _ in range(14):
            await store.create(new_key(), b"{}", LONG, owner=OWNER)
        # What has the wrong type cannot be read, so the sweep that comes with the sixteenth key fails.
        valkey_site.ask("SET", "gingersnap:odd", "", key="odd")
        valkey_site.ask("ZADD", INDEX, 1, "gingersnap:odd", key=INDEX)
        key = new_key()
        assert await store.create(key, b"{}", LONG, owner=OWNER)
        assert len(members(valkey_site)) == 16
