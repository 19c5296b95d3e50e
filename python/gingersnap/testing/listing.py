"""The promises of a store that can list its records."""

from typing import Any

import pytest

from ..stores.store import KeyIndex, Store
from .suite import Suite, check, made, new_key, same, with_store


class Listing(Suite):
    """Which keys there are."""

    async def _listed(self, store: Any, limit: int) -> list[str]:
        """Return every key that the store lists; skip the test if it cannot list keys."""
        if not isinstance(store, KeyIndex):
            pytest.skip("this store cannot tell what it holds")
        listed: list[str] = []
        cursor: str | None = None
        for _ in range(1000):
            try:
                keys, cursor = await store.keys(cursor, limit)
            except NotImplementedError as error:
                pytest.skip(str(error))
            check(all(isinstance(key, str) for key in keys), "keys answers with a list of str", keys)
            listed += keys
            if cursor is None:
                return listed
            check(isinstance(cursor, str), "a cursor is a str, and None at the end", cursor)
        raise AssertionError("keys comes to an end")

    @with_store
    async def test_keys_lists_every_record(self, store: Store) -> None:
        """Batch by batch; a record that was destroyed is not among them."""
        check(set(await self._listed(store, 10)) == set(), "an empty store lists nothing", store)
        keys = [new_key() for _ in range(25)]
        for key in keys:
            await made(store, key)
        same(set(await self._listed(store, 10)), set(keys), "keys lists every record, batch by batch")
        await store.destroy(keys[0])
        same(set(await self._listed(store, 10)), set(keys[1:]), "keys lists no record that was destroyed")

    @with_store
    async def test_ping_leaves_nothing(self, store: Store) -> None:
        """Whatever it writes to find out whether the store can be written."""
        await self._listed(store, 10)
        await store.ping()
        same(await self._listed(store, 10), [], "ping leaves no record")

    @with_store
    async def test_keys_goes_on_while_records_come_and_go(self, store: Any) -> None:
        """Records that exist from the first call to the last are listed."""
        keys = [new_key() for _ in range(25)]
        for key in keys:
            await made(store, key)
        await self._listed(store, 10)
        listed, cursor = await store.keys(None, 5)
        counted = await store.count()
        check(counted is None or counted >= len(keys), "count tells of all records, or None", counted)
        for key in listed:
            await store.destroy(key)
        await made(store, new_key())
        while cursor is not None:
            more, cursor = await store.keys(cursor, 5)
            listed += more
        check(set(keys) <= set(listed), "keys lists what is there from the first call to the last", listed)
