"""The promises of a store with an index of owners."""

# ruff: noqa: N802 -- tests bear the ids of what they prove.

from typing import Any

import pytest

from ..stores.store import Owned, OwnerIndex, Saved, Store
from .suite import LONG, Suite, absent, answered, check, expired, kept, lasts, made, new_key, new_keys, same, text, with_store

OWNERS = ["ann", "Ann", "ann ", " ann", "an", "a%", "a_n", "a*", "a:b", "{ann}", "'; --", '"', "\\", "Zoë", "Zoe\u0308", "🍪"]
OWNERS += ["o" * 254 + "a", "o" * 254 + "b", "0", "None", "\0", "\ud83c"]


class Owners(Suite):
    """The owner of a record's session."""

    def _index(self, store: Store) -> Any:
        """Return the store if it has the index; else skip the test."""
        has_owners = isinstance(store, OwnerIndex)
        if self.has_owners is not None:
            same(has_owners, self.has_owners, "a store with owners has sessions_of and destroy_all, and has_owners says so")
        if not has_owners:
            pytest.skip("this store has no index of owners")
        return store

    async def _owned(self, store: Any, owner: str, keys: list[str], promise: str) -> list[Owned]:
        found = await store.sessions_of(owner)
        check(all(isinstance(each, Owned) for each in found), "sessions_of answers with a list of Owned", found)
        same(sorted(each.key for each in found), sorted(keys), promise)
        return list(found)

    @with_store
    async def test_L10_sessions_of_tells_each_session_of_an_owner(self, store: Store) -> None:
        index = self._index(store)
        await self._owned(index, "ann", [], "sessions_of answers with an empty list where there is none")
        keys = [new_key() for _ in range(3)]
        for key in keys:
            await made(index, key, text(key=key), owner="ann")
        await made(index, new_key(), owner="bob")
        await made(index, new_key())
        for each in await self._owned(index, "ann", keys, "sessions_of lists all the sessions of an owner, and no other"):
            same(each.value, text(key=each.key), "sessions_of tells the octets of each session")
            lasts(each.ttl_ms, LONG, "sessions_of tells how long each session has")
            same(each.data, {"key": each.key}, "Owned.data reads the octets")

    @with_store
    async def test_L10_an_owner_that_is_no_text_is_refused(self, store: Store) -> None:
        index = self._index(store)
        for owner in (5, b"ann", None, True, ""):
            for call in (index.sessions_of, index.destroy_all):
                try:
                    await call(owner)
                except TypeError:
                    continue
                check(False, "sessions_of and destroy_all raise TypeError for an owner that is not a non-empty str", owner)

    @with_store
    async def test_L10_any_string_can_be_an_owner(self, store: Store) -> None:
        index = self._index(store)
        keys = {owner: new_key() for owner in OWNERS}
        for owner, key in keys.items():
            await made(index, key, owner=owner)
        for owner, key in keys.items():
            await self._owned(index, owner, [key], f"{owner!r} is an owner, and differs from every other one")
        for owner in OWNERS:
            same(await index.destroy_all(owner), 1, f"destroy_all({owner!r}) ends the sessions of that owner, and of no other")

    @with_store
    async def test_replace_touch_and_rolling_leave_the_owner(self, store: Store) -> None:
        index, key = self._index(store), new_key()
        version = (await made(index, key, owner="ann")).version
        answered(await index.replace(key, text(n=1), LONG, version=version), Saved, "replace over what was loaded")
        await index.touch(key, 2 * LONG)
        await index.load(key, roll=True)
        [each] = await self._owned(index, "ann", [key], "replace, touch and load leave the owner as it is")
        same(each.value, text(n=1), "sessions_of tells the octets that are there now")
        lasts(each.ttl_ms, 2 * LONG, "sessions_of tells how long the session has now")

    @with_store
    async def test_move_says_whose_the_session_is_from_now_on(self, store: Store) -> None:
        index, keys = self._index(store), new_keys(4)
        await made(index, keys[0])
        for old, new, owner in zip(keys, keys[1:], ("ann", "bob", None), strict=False):
            record = await kept(index, old, b"{}", "a moved record is there")
            answered(await index.move(old, new, b"{}", LONG, version=record.version, owner=owner), Saved, "move with an owner")
            for name in ("ann", "bob"):
                await self._owned(index, name, [new] if name == owner else [], "move gives a session the owner that it is told")

    @with_store
    async def test_what_has_ended_is_nobodys(self, store: Store) -> None:
        index, keys = self._index(store), [new_key() for _ in range(2)]
        await expired(self, index, keys[0], owner="ann")
        await self._owned(index, "ann", [], "sessions_of does not list what has expired")
        same(await index.destroy_all("ann"), 0, "destroy_all does not count what has expired")
        await made(index, keys[0], owner="bob")
        await self._owned(index, "ann", [], "a record that is made over an expired one is not its owner's")
        await made(index, keys[1], owner="ann")
        await index.destroy(keys[1])
        await self._owned(index, "ann", [], "sessions_of does not list what was destroyed")
        await made(index, keys[1])
        await self._owned(index, "ann", [], "a record that is made without an owner has none, whatever owner its key had before")

    @with_store
    async def test_L10_destroy_all_ends_every_session_of_an_owner(self, store: Store) -> None:
        index, keys, other = self._index(store), [new_key() for _ in range(5)], new_key()
        await made(index, other, text(n=1), owner="bob")
        for key in keys:
            await made(index, key, owner="ann")
        same(await index.destroy_all("ann"), len(keys), "destroy_all tells how many sessions it ended")
        for key in keys:
            await absent(index, key, "destroy_all ends every session of the owner")
        await kept(index, other, text(n=1), "destroy_all leaves the sessions of others")
        same(await index.destroy_all("ann"), 0, "destroy_all answers 0 where there is nothing to end")
        await made(index, keys[0], owner="ann")
        await self._owned(index, "ann", keys[:1], "an owner has sessions again once one is made")

    @with_store
    async def test_L10_destroy_all_keeps_the_session_that_it_is_told(self, store: Store) -> None:
        index, keys, other = self._index(store), [new_key() for _ in range(5)], new_key()
        await made(index, other, owner="bob")
        for key in keys:
            await made(index, key, text(key=key), owner="ann")
        same(await index.destroy_all("ann", keep=keys[2]), 4, "destroy_all(keep=key) ends all but one")
        await kept(index, keys[2], text(key=keys[2]), "destroy_all(keep=key) leaves that session as it is")
        await self._owned(index, "ann", [keys[2]], "destroy_all(keep=key) leaves that session its owner's")
        same(await index.destroy_all("ann", keep=other), 1, "keep spares no session of the owner if it is somebody else's key")
        await kept(index, other, b"{}", "destroy_all leaves the sessions of others")
