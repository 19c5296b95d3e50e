"""Keep sessions in this process's memory: for one process, for tests, and for sessions that a restart may end."""

import heapq
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import ConfigError
from ..validators import check_keep, check_owner
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
    """At most ``cap`` sessions in a dict, the one that ends first giving way; they end with the process, and are its alone.

    ``clock`` tells the time in seconds. No call awaits anything; a lock makes each atomic for any event loop and thread.

    Raises: ConfigError where ``cap`` is not a positive ``int``.
    """

    prompt = True

    def __init__(self, cap: int = 100_000, *, clock: Callable[[], float] = time.time) -> None:
        if isinstance(cap, bool) or not isinstance(cap, int) or cap < 1:
            raise ConfigError("cap", f"it cannot be {cap!r}", "give the most sessions that memory may hold, at least 1")
        self._cap = cap
        self._clock = clock
        self._lock = threading.Lock()
        # One count for all: a version never comes again, not even for a record that is made again under an old key.
        self._versions = itertools.count(1)
        self._entries: dict[str, _Entry] = {}
        self._owned: dict[str, set[str]] = {}
        # (end, key) of every entry, and of what it was before: an entry's own end tells which of them counts.
        self._ends: list[tuple[int, str]] = []
        self._warned_of: set[str] = set()

    def __len__(self) -> int:
        return len(self._entries)

    def __bool__(self) -> bool:
        # Empty or not, it is a store: `store or another` means this one.
        return True

    async def load(self, key: str, *, roll: bool = False) -> Record | None:
        """Read a live record."""
        with self._lock:
            now_ms = self._now_ms()
            entry = self._live(key, now_ms)
            if entry is None:
                return None
            if roll and entry.end_ms < now_ms + entry.ttl_ms - late_ms(entry.ttl_ms):
                self._end(key, entry, now_ms + entry.ttl_ms)
            return Record(entry.value, entry.version, entry.end_ms - now_ms)

    async def create(self, key: str, value: bytes, ttl_ms: int, *, owner: str | None = None) -> bool:
        """Make a record, unless a live one has the key."""
        with self._lock:
            now_ms = self._now_ms()
            if self._live(key, now_ms) is not None:
                return False
            # Two go for each that comes: what has expired is gone in time without anybody asking for it.
            self._purge(2, now_ms)
            if len(self._entries) >= self._cap:
                self._evict()
            self._put(key, value, now_ms, ttl_ms, owner)
            return True

    async def replace(self, key: str, value: bytes, ttl_ms: int, *, version: int) -> Replaced:
        """Write over that version."""
        with self._lock:
            now_ms = self._now_ms()
            entry = self._live(key, now_ms)
            if entry is None:
                return Gone()
            if entry.version != version:
                return Conflict(entry.value, entry.version)
            entry.value, entry.version, entry.ttl_ms = value, next(self._versions), ttl_ms
            self._end(key, entry, now_ms + ttl_ms)
            return Saved(entry.version)

    async def move(self, old: str, new: str, value: bytes, ttl_ms: int, *, version: int, owner: str | None = None) -> Moved:
        """Write that version under another key."""
        with self._lock:
            now_ms = self._now_ms()
            entry = self._live(old, now_ms)
            if entry is None:
                return Gone()
            if entry.version != version:
                return Conflict(entry.value, entry.version)
            if self._live(new, now_ms) is not None:
                return Taken()
            self._drop(old)
            return Saved(self._put(new, value, now_ms, ttl_ms, owner))

    async def touch(self, key: str, ttl_ms: int) -> bool:
        """Extend the lifetime of a live record to this at least."""
        with self._lock:
            now_ms = self._now_ms()
            entry = self._live(key, now_ms)
            if entry is None:
                return False
            self._end(key, entry, max(entry.end_ms, now_ms + ttl_ms))
            return True

    async def destroy(self, key: str) -> bool:
        """Remove a record."""
        with self._lock:
            if self._live(key, self._now_ms()) is None:
                return False
            self._drop(key)
            return True

    async def purge(self, limit: int) -> int:
        """Remove what has expired, ``limit`` records at most: O(log n) each."""
        with self._lock:
            return self._purge(limit, self._now_ms())

    async def ping(self) -> None:
        """Answer; warn where the environment speaks of several processes."""
        if os.environ.get("WEB_CONCURRENCY", "1") not in {"", "1"}:
            self._warn(
                "MemoryStore: WEB_CONCURRENCY asks for several processes, and each has sessions of its own; take SQLiteStore"
            )

    async def aclose(self) -> None:
        """Close nothing: what it holds, it goes on holding."""

    async def count(self) -> int:
        """Return how many records there are, expired ones among them."""
        return len(self._entries)

    async def keys(self, cursor: str | None, limit: int) -> tuple[list[str], str | None]:
        """List keys in their order."""
        with self._lock:
            found = heapq.nsmallest(limit, (key for key in self._entries if cursor is None or key > cursor))
        return found, found[-1] if len(found) == limit else None

    async def sessions_of(self, owner: str) -> list[Owned]:
        """List the live sessions of an owner."""
        check_owner("sessions_of", owner)
        with self._lock:
            now_ms = self._now_ms()
            found = self._live_of(owner, now_ms)
            return [Owned(key, entry.value, entry.end_ms - now_ms) for key, entry in found.items()]

    async def destroy_all(self, owner: str, keep: str | None = None) -> int:
        """Remove every session of an owner but one."""
        check_keep(keep)
        check_owner("destroy_all", owner)
        with self._lock:
            found = self._live_of(owner, self._now_ms())
            found.pop(keep or "", None)
            for key in found:
                self._drop(key)
            return len(found)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

    def _live(self, key: str, now_ms: int) -> _Entry | None:
        entry = self._entries.get(key)
        if entry is not None and entry.end_ms <= now_ms:
            self._drop(key)
            return None
        return entry

    def _live_of(self, owner: str, now_ms: int) -> dict[str, _Entry]:
        # A copy: what has expired leaves the set as it is met.
        found = {key: self._live(key, now_ms) for key in [*self._owned.get(owner, ())]}
        return {key: entry for key, entry in found.items() if entry is not None}

    def _put(self, key: str, value: bytes, now_ms: int, ttl_ms: int, owner: str | None) -> int:
        self._entries[key] = entry = _Entry(value, next(self._versions), ttl_ms, 0, owner)
        if owner is not None:
            self._owned.setdefault(owner, set()).add(key)
        self._end(key, entry, now_ms + ttl_ms)
        return entry.version

    def _drop(self, key: str) -> None:
        owner = self._entries.pop(key).owner
        if owner is not None:
            keys = self._owned[owner]
            keys.discard(key)
            if not keys:
                del self._owned[owner]

    def _end(self, key: str, entry: _Entry, end_ms: int) -> None:
        if entry.end_ms == end_ms:
            return
        entry.end_ms = end_ms
        heapq.heappush(self._ends, (end_ms, key))
        # What earlier ends left behind may not outgrow what lives. Once in n calls this takes O(n), so O(1) for each.
        if len(self._ends) > 64 + 2 * len(self._entries):
            self._ends = [(entry.end_ms, key) for key, entry in self._entries.items()]
            heapq.heapify(self._ends)

    def _first(self) -> str | None:
        """Remove entries of the heap that no longer count, and return the session that ends first."""
        while self._ends:
            end_ms, key = self._ends[0]
            entry = self._entries.get(key)
            if entry is not None and entry.end_ms == end_ms:
                return key
            heapq.heappop(self._ends)
        return None

    def _purge(self, limit: int, now_ms: int) -> int:
        purged = 0
        while purged < limit and (key := self._first()) is not None and self._entries[key].end_ms <= now_ms:
            self._drop(key)
            purged += 1
        return purged

    def _evict(self) -> None:
        """Make room: the session that would end first goes."""
        self._warn(f"MemoryStore holds its {self._cap} sessions: each new one ends the one that is nearest its end")
        key = self._first()
        if key is not None:
            self._drop(key)

    def _warn(self, message: str) -> None:
        """Log it, the first time."""
        if message not in self._warned_of:
            self._warned_of.add(message)
            logger.warning(message)
