"""Keep sessions in this process's memory: for one process, for tests, and for sessions that a restart may end."""

import heapq
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import ConfigError
from .store import Conflict, Gone, Moved, Owned, Record, Replaced, Saved, Taken, late_ms

logger = logging.getLogger("gingersnap")


@dataclass(slots=True)
class _Entry:
    value: bytes = field(repr=False)
    version: int
    ttl_ms: int
    end_ms: int
    owner: str | None


class MemoryStore:
    """At most ``cap`` sessions in a dict, the one that ends first giving way; they end with the process.

    ``clock`` tells the time in seconds. No call awaits anything: each is atomic on its event loop.

    Raises: ConfigError where ``cap`` is not a positive ``int``.
    """

    prompt = True

    def __init__(self, cap: int = 100_000, *, clock: Callable[[], float] = time.time) -> None:
        if isinstance(cap, bool) or not isinstance(cap, int) or cap < 1:
            raise ConfigError("cap", f"it cannot be {cap!r}", "give the most sessions that memory may hold, at least 1")
        self._cap = cap
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._owned: dict[str, set[str]] = {}
        # (end, key) of every entry, and of what it was before: an entry's own end tells which of them counts.
        self._ends: list[tuple[int, str]] = []
        self._warned = False

    def __len__(self) -> int:
        return len(self._entries)

    async def load(self, key: str, *, roll: bool = False) -> Record | None:
        """Read a live record."""
        entry = self._live(key)
        if entry is None:
            return None
        now_ms = self._now_ms()
        if roll and entry.end_ms <= now_ms + entry.ttl_ms - late_ms(entry.ttl_ms):
            self._end(key, entry, now_ms + entry.ttl_ms)
        return Record(entry.value, entry.version, entry.end_ms - now_ms)

    async def create(self, key: str, value: bytes, ttl_ms: int, *, owner: str | None = None) -> bool:
        """Make a record, unless a live one has the key."""
        if self._live(key) is not None:
            return False
        await self.purge(2)
        if len(self._entries) >= self._cap:
            self._evict()
        self._put(key, _Entry(value, 1, ttl_ms, 0, owner))
        return True

    async def replace(self, key: str, value: bytes, ttl_ms: int, *, version: int) -> Replaced:
        """Write over that version."""
        entry = self._live(key)
        if entry is None:
            return Gone()
        if entry.version != version:
            return Conflict(entry.value, entry.version)
        entry.value, entry.ttl_ms, entry.version = value, ttl_ms, version + 1
        self._end(key, entry, self._now_ms() + ttl_ms)
        return Saved(entry.version)

    async def move(self, old: str, new: str, value: bytes, ttl_ms: int, *, version: int, owner: str | None = None) -> Moved:
        """Write that version under another key."""
        entry = self._live(old)
        if entry is None:
            return Gone()
        if entry.version != version:
            return Conflict(entry.value, entry.version)
        if self._live(new) is not None:
            return Taken()
        self._drop(old)
        self._put(new, _Entry(value, version + 1, ttl_ms, 0, owner))
        return Saved(version + 1)

    async def touch(self, key: str, ttl_ms: int) -> bool:
        """Let a live record end no earlier than that."""
        entry = self._live(key)
        if entry is None:
            return False
        end_ms = self._now_ms() + ttl_ms
        if end_ms > entry.end_ms:
            self._end(key, entry, end_ms)
        return True

    async def destroy(self, key: str) -> bool:
        """Remove a record."""
        live = self._live(key) is not None
        if live:
            self._drop(key)
        return live

    async def purge(self, limit: int) -> int:
        """Remove what has expired, ``limit`` records at most: O(log n) each."""
        now_ms, purged = self._now_ms(), 0
        while self._ends and purged < limit and self._ends[0][0] <= now_ms:
            end_ms, key = heapq.heappop(self._ends)
            entry = self._entries.get(key)
            if entry is not None and entry.end_ms == end_ms:
                self._drop(key)
                purged += 1
        return purged

    async def ping(self) -> None:
        """Answer."""

    async def aclose(self) -> None:
        """Close nothing: what it holds, it goes on holding."""

    async def sessions_of(self, owner: str) -> list[Owned]:
        """List the live sessions of an owner."""
        now_ms = self._now_ms()
        found = [(key, self._live(key)) for key in [*self._owned.get(owner, ())]]
        return [Owned(key, entry.value, entry.end_ms - now_ms) for key, entry in found if entry is not None]

    async def destroy_all(self, owner: str, keep: str | None = None) -> int:
        """Remove every session of an owner but one."""
        keys = [key for key in [*self._owned.get(owner, ())] if key != keep and self._live(key) is not None]
        for key in keys:
            self._drop(key)
        return len(keys)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

    def _live(self, key: str) -> _Entry | None:
        entry = self._entries.get(key)
        if entry is not None and entry.end_ms <= self._now_ms():
            self._drop(key)
            return None
        return entry

    def _put(self, key: str, entry: _Entry) -> None:
        self._entries[key] = entry
        if entry.owner is not None:
            self._owned.setdefault(entry.owner, set()).add(key)
        self._end(key, entry, self._now_ms() + entry.ttl_ms)

    def _drop(self, key: str) -> None:
        owner = self._entries.pop(key).owner
        if owner is not None:
            keys = self._owned[owner]
            keys.discard(key)
            if not keys:
                del self._owned[owner]

    def _end(self, key: str, entry: _Entry, end_ms: int) -> None:
        entry.end_ms = end_ms
        heapq.heappush(self._ends, (end_ms, key))
        # What earlier ends left behind may not outgrow what lives.
        if len(self._ends) > 64 + 4 * len(self._entries):
            self._ends = [(entry.end_ms, key) for key, entry in self._entries.items()]
            heapq.heapify(self._ends)

    def _evict(self) -> None:
        """Make room: the session that would end first goes."""
        if not self._warned:
            self._warned = True
            logger.warning(
                "MemoryStore holds its %d sessions: from here on each new one ends the one that is nearest its end", self._cap
            )
        while self._ends:
            end_ms, key = heapq.heappop(self._ends)
            entry = self._entries.get(key)
            if entry is not None and entry.end_ms == end_ms:
                self._drop(key)
                return
