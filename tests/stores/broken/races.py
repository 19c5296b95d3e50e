"""Stores that let others in between looking and writing."""

import asyncio
import time
from typing import Any

from gingersnap.stores import MemoryStore

from .table import Broken, fails


@fails("N01_", "N02_", "N03_touch_and_rolling", "N04_move_replace", "N04_whoever", "N04_of_several_moves_of_one")
class LooksAndWritesLater(Broken):
    async def replace(self, key, value, ttl_ms, *, version):
        refused = self._refused(key, version)
        await asyncio.sleep(0)
        return refused or self._put(key, value, ttl_ms)

    async def move(self, old, new, value, ttl_ms, *, version):
        refused = self._refused(old, version)
        saved = refused or self._put(new, value, ttl_ms)
        await asyncio.sleep(0)
        if not refused:
            self.rows.pop(old, None)
        return saved

    async def touch(self, key, ttl_ms):
        row = self._live(key)
        await asyncio.sleep(0)
        return bool(row) and not self.rows.update({key: (*row[:3], time.time() + ttl_ms / 1000)})


@fails("S03_of_several_creates")
class LooksAndCreatesLater(Broken):
    async def create(self, key, value, ttl_ms):
        live = self._live(key)
        await asyncio.sleep(0)
        return not live and bool(self._put(key, value, ttl_ms))


@fails("N04_whoever")
class IsNowhereWhileItMoves(Broken):
    async def move(self, old, new, value, ttl_ms, *, version):
        if not (refused := self._refused(old, version)):
            del self.rows[old]
        await asyncio.sleep(0)
        return refused or self._put(new, value, ttl_ms)


@fails("S05_")
class LeavesARepliesToTheNext(Broken):
    def __init__(self) -> None:
        super().__init__()
        self.replies: list[Any] = []

    async def load(self, key, *, roll=False):
        self.replies.append(await super().load(key, roll=roll))
        await asyncio.sleep(0)
        return self.replies.pop(0)


@fails("L10_no_session")
class ListsAndDestroysLater(MemoryStore):
    async def destroy_all(self, owner, keep=None):
        sessions = [each.key for each in await self.sessions_of(owner) if each.key != keep]
        await asyncio.sleep(0)
        return sum([await self.destroy(key) for key in sessions])
