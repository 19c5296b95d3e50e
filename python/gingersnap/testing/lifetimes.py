"""How long a record lives, and that an expired one is as good as absent, at once."""

# ruff: noqa: N802 -- tests bear the ids of what they prove.

import time
from typing import Any

from ..stores.store import Gone, Record, Saved, Store, late_ms
from .suite import (
    LONG,
    SHORT,
    Suite,
    absent,
    answered,
    check,
    expired,
    kept,
    lasts,
    made,
    new_key,
    new_keys,
    same,
    text,
    with_store,
)

DAYS_400 = 400 * 86_400_000
"""The longest that a cookie lives, in milliseconds: more than 32 bits hold."""

ROLLED = 5_000
"""A lifetime of which a tenth can be waited for, in milliseconds."""


class Lifetimes(Suite):
    """Lifetimes, and the end of them."""

    @with_store
    async def test_a_record_tells_how_long_it_has(self, store: Store) -> None:
        for ttl_ms in (LONG, DAYS_400):
            old, new = new_keys(2)
            record = await made(store, old, ttl_ms=ttl_ms)
            lasts(record.ttl_ms, ttl_ms, "create gives the record its lifetime")
            saved = await store.replace(old, text(), ttl_ms * 2, version=record.version)
            record = await kept(store, old, text(), "replace over what was loaded")
            lasts(record.ttl_ms, ttl_ms * 2, "replace starts the lifetime again, with the length that it is given")
            saved = answered(saved, Saved, "replace over what was loaded")
            await store.move(old, new, text(), ttl_ms, version=saved.version)
            record = await kept(store, new, text(), "move of the version that replace answered")
            lasts(record.ttl_ms, ttl_ms, "move starts the lifetime again, with the length that it is given")

    @with_store
    async def test_touch_lengthens_and_never_shortens(self, store: Store) -> None:
        key = new_key()
        await made(store, key)
        for ttl_ms, end in ((3 * LONG, 3 * LONG), (LONG, 3 * LONG), (1, 3 * LONG)):
            same(await store.touch(key, ttl_ms), True, "touch answers True where there is a live record")
            lasts((await kept(store, key, b"{}", "touch leaves the data")).ttl_ms, end, "touch lengthens, and never shortens")

    @with_store
    async def test_S06_an_expired_record_is_absent_for_load(self, store: Store) -> None:
        key = new_key()
        await expired(self, store, key)
        await absent(store, key, "load answers None once the record has expired")
        same(await store.load(key, roll=True), None, "a rolling load does not bring back what has expired")
        await absent(store, key, "a rolling load does not bring back what has expired")

    @with_store
    async def test_S06_a_lifetime_of_a_millisecond_is_one(self, store: Store) -> None:
        key = new_key()
        same(await store.create(key, text(), 1), True, "create takes a lifetime of 1 ms")
        await self.wait(SHORT)
        await absent(store, key, "a record that was given 1 ms expires")

    @with_store
    async def test_S06_an_expired_record_is_absent_for_replace_and_move(self, store: Store) -> None:
        old, new = new_keys(2)
        version = await expired(self, store, old)
        answered(await store.replace(old, text(), LONG, version=version), Gone, "replace of what has expired")
        answered(await store.move(old, new, text(), LONG, version=version), Gone, "move of what has expired")
        await absent(store, old, "replace does not bring back what has expired")
        await absent(store, new, "move does not bring back what has expired")

    @with_store
    async def test_S06_an_expired_record_is_absent_for_touch_and_destroy(self, store: Store) -> None:
        key = new_key()
        await expired(self, store, key)
        same(await store.touch(key, LONG), False, "touch answers False once the record has expired")
        await absent(store, key, "touch does not bring back what has expired")
        same(await store.destroy(key), False, "destroy answers False once the record has expired")

    @with_store
    async def test_S06_an_expired_record_is_absent_for_create(self, store: Store) -> None:
        key = new_key()
        version = await expired(self, store, key)
        record = await made(store, key, text(new=1))
        lasts(record.ttl_ms, LONG, "create over an expired record gives the new one its own lifetime")
        check(record.version != version, "a record that is made over an expired one has a version of its own", record.version)

    @with_store
    async def test_S06_an_expired_record_is_not_in_the_way_of_a_move(self, store: Store) -> None:
        old, new = new_keys(2)
        await expired(self, store, new)
        version = (await made(store, old)).version
        answered(await store.move(old, new, text(n=1), LONG, version=version), Saved, "move to the key of an expired record")
        await kept(store, new, text(n=1), "after a move, the new key has what move was given")

    @with_store
    async def test_a_rolling_load_starts_the_lifetime_again(self, store: Store) -> None:
        created, replaced, moved, old = new_keys(4)
        await made(store, created, ttl_ms=ROLLED)
        version = (await made(store, replaced)).version
        await store.replace(replaced, b"{}", ROLLED, version=version)
        version = (await made(store, old)).version
        await store.move(old, moved, b"{}", ROLLED, version=version)
        await self.wait(late_ms(ROLLED) + 100)
        for key, call in ((created, "create"), (replaced, "replace"), (moved, "move")):
            await self._rolls(store, key, f"load(roll=True) starts again the lifetime that {call} was given")

    async def _rolls(self, store: Store, key: str, promise: str) -> None:
        before = await kept(store, key, b"{}", "a record lives as long as it was told")
        left, begin = lasts(before.ttl_ms, ROLLED, "a record lives as long as it was told"), time.monotonic()
        rolled = answered(await store.load(key, roll=True), Record, promise)
        check(lasts(rolled.ttl_ms, ROLLED, promise, slack=late_ms(ROLLED)) > left, promise, rolled.ttl_ms)
        after = await kept(store, key, b"{}", "a rolling load leaves the data as it is")
        slack = late_ms(ROLLED) + 1 + int((time.monotonic() - begin) * 1000)
        lasts(after.ttl_ms, ROLLED, f"{promise}, and not in its answer alone", slack=slack)
        same(after.version, before.version, "a rolling load leaves the version as it is")

    @with_store
    async def test_a_rolling_load_never_shortens_what_touch_gave(self, store: Store) -> None:
        key = new_key()
        await made(store, key)
        await store.touch(key, 3 * LONG)
        for _ in range(2):
            record = answered(await store.load(key, roll=True), Record, "load(roll=True) of a live record")
            lasts(record.ttl_ms, 3 * LONG, "a record ends no earlier than touch was told, rolling or not")

    @with_store
    async def test_S06_purge_removes_what_has_expired_within_its_limit(self, store: Any) -> None:
        live, *dead = [new_key() for _ in range(6)]
        await made(store, live, text(n=1))
        for key in dead:
            await store.create(key, text(), 10 * SHORT)
        await self.wait(12 * SHORT)
        counts = [await store.purge(2) for _ in range(4)]
        check(all(type(count) is int and 0 <= count <= 2 for count in counts), "purge(2) removes 0, 1 or 2, and tells it", counts)
        check(sum(counts) <= len(dead), "purge counts each record that it removed once", counts)
        if getattr(store, "purge_every", None) is not None:
            same(sum(counts), len(dead), "a store with purge_every removes every expired record by and by, and counts it")
        await kept(store, live, text(n=1), "purge leaves live records")
        for key in dead:
            await absent(store, key, "purge does not bring back what has expired")
