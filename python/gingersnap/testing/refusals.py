"""The promises of a store that can be read but not written: a replica, a full disk, a user without rights."""

# ruff: noqa: N802 -- tests bear the ids of what they prove.

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import pytest

from ..stores.store import Record, Store
from .suite import Suite, answered, check, made, new_key, same, text, with_store


def with_refusing_store(test: Callable[[Any, Any], Awaitable[None]]) -> Callable[[Any], None]:
    """Run a test as ``with_store`` does; skip it, before a store is made, where the contract has no ``read_only``."""
    run = with_store(test)

    @wraps(run)
    def checked(self: Suite) -> None:
        if type(self).read_only is Suite.read_only:
            pytest.skip("this contract has no read_only()")
        run(self)

    return checked


class Refusals(Suite):
    """Reads go on, and ``ping`` tells; skipped where the contract has no ``read_only``."""

    @with_refusing_store
    async def test_O01_ping_raises_while_nothing_can_be_written(self, store: Any) -> None:
        refused: Exception | None = None
        async with self.read_only(store):
            try:
                await store.ping()
            except Exception as error:
                # Whatever it raises, it tells.
                refused = error
        check(refused is not None, "ping raises while nothing can be written", "an answer")
        same(await store.ping(), None, "ping answers None once the store can be written again")

    @with_refusing_store
    async def test_O01_a_rolling_load_reads_what_it_cannot_renew(self, store: Store) -> None:
        key = new_key()
        await made(store, key, text(n=1), 1000)
        async with self.read_only(store):
            # More than a tenth of its life: no load may leave the renewal out.
            await self.wait(200)
            try:
                found: object = await store.load(key, roll=True)
            except Exception as error:
                # Whatever it raises, it does not read.
                found = error
        record = answered(found, Record, "load(roll=True) reads what it cannot renew")
        same(record.value, text(n=1), "load(roll=True) reads what it cannot renew")
