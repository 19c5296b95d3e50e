"""What a store promises that can be read but not written: a replica, a full disk, a user without rights."""

# ruff: noqa: N802 -- tests bear the ids of what they prove.

from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from ..stores.store import Record, Store
from .suite import Suite, answered, check, made, new_key, same, text, with_store


class Refusals(Suite):
    """Reads go on, and ``ping`` tells; skipped where the contract has no ``read_only``."""

    @with_store
    async def test_O01_ping_raises_while_nothing_can_be_written(self, store: Any) -> None:
        refused: Exception | None = None
        async with self._read_only(store):
            try:
                await store.ping()
            except Exception as error:
                # Whatever it raises, it tells.
                refused = error
        check(refused is not None, "ping raises while nothing can be written", "an answer")
        same(await store.ping(), None, "ping answers None once the store can be written again")

    @with_store
    async def test_O01_a_rolling_load_reads_what_it_cannot_renew(self, store: Store) -> None:
        key = new_key()
        await made(store, key, text(n=1), 1000)
        async with self._read_only(store):
            # More than a tenth of its life: no load may leave the renewal out.
            await self.wait(200)
            try:
                found: object = await store.load(key, roll=True)
            except Exception as error:
                # Whatever it raises, it does not read.
                found = error
        record = answered(found, Record, "load(roll=True) reads what it cannot renew")
        same(record.value, text(n=1), "load(roll=True) reads what it cannot renew")

    def _read_only(self, store: Store) -> AbstractAsyncContextManager[None]:
        try:
            return self.read_only(store)
        except NotImplementedError:
            pytest.skip("this contract has no read_only()")
