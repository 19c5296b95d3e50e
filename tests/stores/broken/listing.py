"""Stores that do not tell all that they hold."""

from gingersnap.stores import MemoryStore

from .table import fails


@fails("keys_lists")
class ListsOneBatch(MemoryStore):
    async def keys(self, cursor, limit):
        keys, _ = await super().keys(cursor, limit)
        return keys, None


@fails("keys_lists", "keys_goes_on")
class GoesOnByPlace(MemoryStore):
    async def keys(self, cursor, limit):
        # Counted in what is left: whoever removes what was listed makes it skip as many.
        start = int(cursor or 0)
        keys = sorted(self._entries)[start : start + limit]
        return keys, str(start + limit + 1) if len(keys) == limit else None


@fails("ping_leaves")
class LeavesWhatItTriedWith(MemoryStore):
    async def ping(self):
        await self.create("{a}probe", b"{}", 60_000)
