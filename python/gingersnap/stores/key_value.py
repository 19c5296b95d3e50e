"""Keep sessions in whatever py-key-value-aio has a store for: MongoDB, DynamoDB, Memcached and a dozen more."""

import base64
import binascii
import hashlib
import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from ..errors import ConfigError, UnstorableError

try:
    from key_value.aio.errors import DeserializationError, EntryTooLargeError, SerializationError, ValueTooLargeError
    from key_value.aio.protocols import AsyncKeyValue
except ImportError as error:
    raise ImportError("KeyValueStore needs py-key-value-aio: pip install 'gingersnap[key-value]'") from error

from .key_locks import KeyLocks, warn_once
from .probe import probe
from .store import Conflict, Gone, Moved, Record, Replaced, Saved, Taken, late_ms

_DATA: Final = (EntryTooLargeError, ValueTooLargeError, SerializationError)
_locks: Final = KeyLocks()


@dataclass(frozen=True, slots=True)
class _Entry:
    value: bytes = field(repr=False)
    version: str
    ttl_ms: int
    end_ms: int


_UNREADABLE: Final = _Entry(b"", "", 0, 0)
"""What is there and is none of ours: no session, but not nothing either."""


class KeyValueStore:
    """Sessions as entries of one collection of a store of py-key-value-aio.

    Such a store cannot compare and swap. Within one process the calls are atomic nevertheless; where several processes write one
    session at a time, a write can be lost and a logout undone: so ``atomic`` is ``False``, and a warning says it once.

    ``store``: what py-key-value-aio makes, wrapped as you like; it stays yours to close. ``clock`` tells the time in seconds; the
    clocks of all processes have to agree. An entry has a lifetime in the store too, a little longer, so that its server removes
    what has expired; where it has none that does (files, for instance), call that store's own ``cull``.

    Keys go there as hexadecimal SHA-256, which none of the stores cuts or folds. An entry that cannot be read is handed out
    as a record without a value, with no end: it is no session, and it stays for you to look at.

    Raises: ConfigError where ``store`` is none of py-key-value-aio's.
    """

    atomic = False

    def __init__(self, store: AsyncKeyValue, *, collection: str = "gingersnap", clock: Callable[[], float] = time.time) -> None:
        if not isinstance(store, AsyncKeyValue):
            problem = f"it cannot be a {type(store).__module__}.{type(store).__qualname__}"
            raise ConfigError("store", problem, "give a store of key_value.aio.stores")
        self.place = type(store).__name__
        if not isinstance(collection, str) or not collection:
            raise ConfigError("collection", f"it cannot be {collection!r}", "give a name")
        self._store = store
        self._collection = collection
        self._clock = clock
        warn_once(type(store).__name__)

    async def load(self, key: str, *, roll: bool = False) -> Record | None:
        """Read a live record. One that is rolled is read and written once more."""
        await _locks.settled(key)
        entry = await self._get(key)
        if roll and entry is not None and self._left(entry) <= entry.ttl_ms - late_ms(entry.ttl_ms):
            entry = await self._renewed(key, entry)
        if entry is None:
            return None
        return Record(entry.value, entry.version, None if entry is _UNREADABLE else max(1, self._left(entry)))

    async def create(self, key: str, value: bytes, ttl_ms: int) -> bool:
        """Make a record, unless a live one has the key."""
        async with _locks.taken(key):
            if await self._get(key) is not None:
                return False
            await self._put(key, value, ttl_ms)
        return True

    async def replace(self, key: str, value: bytes, ttl_ms: int, *, version: str) -> Replaced:
        """Write over that version."""
        async with _locks.taken(key):
            return await self._refused(key, version) or await self._put(key, value, ttl_ms)

    async def move(self, old: str, new: str, value: bytes, ttl_ms: int, *, version: str) -> Moved:
        """Write that version under another key. Where the old entry cannot be removed, the new one goes again.

        A call that is cancelled in between leaves both: no client was told the new key.
        """
        async with _locks.taken(old, new):
            refused = await self._refused(old, version)
            if refused is not None:
                return refused
            if await self._get(new) is not None:
                return Taken()
            saved = await self._put(new, value, ttl_ms)
            try:
                await self._delete(old)
            except Exception:
                # Whatever the store raises: it may be the reply alone that was lost.
                if await self._get(old) is not None:
                    await self._delete(new)
                    raise
        return saved

    async def touch(self, key: str, ttl_ms: int) -> bool:
        """Extend the lifetime of a live record to this at least. There is no other way than to write it as it is."""
        async with _locks.taken(key):
            return await self._lengthen(key, ttl_ms) is not None

    async def destroy(self, key: str) -> bool:
        """Remove a record."""
        async with _locks.taken(key):
            live = await self._get(key) is not None
            if live:
                await self._delete(key)
        return live

    async def purge(self, limit: int) -> int:
        """Remove nothing: the store's server sees to that."""
        return 0

    async def ping(self) -> None:
        """Ask whether the store takes writes, by an entry that does not stay. Raises: whatever the store does."""
        # Some answer a read for a while with what was there before a write.
        await probe(self, reads=False)

    async def aclose(self) -> None:
        """Close nothing: it opened nothing."""

    async def _renewed(self, key: str, entry: _Entry) -> _Entry | None:
        """Start an entry's lifetime again; the entry as it is where it cannot be written."""
        try:
            async with _locks.taken(key):
                return await self._lengthen(key, None)
        except Exception:
            # Whatever the store raises: the one question left is whether it can still be read.
            return await self._get(key)

    def _left(self, entry: _Entry) -> int:
        return entry.end_ms - self._now_ms()

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

    async def _get(self, key: str) -> _Entry | None:
        """Read what is there and has not expired."""
        try:
            data = await self._store.get(_name(key), collection=self._collection)
        except DeserializationError:
            return _UNREADABLE
        if data is None:
            return None
        entry = _read(data)
        return entry if entry is _UNREADABLE or self._left(entry) > 0 else None

    async def _refused(self, key: str, version: str) -> Gone | Conflict | None:
        entry = await self._get(key)
        if entry is None:
            return Gone()
        return None if entry.version == version else Conflict(entry.value, entry.version)

    async def _put(self, key: str, value: bytes, ttl_ms: int) -> Saved:
        entry = _Entry(value, secrets.token_hex(8), ttl_ms, self._now_ms() + ttl_ms)
        await self._write(key, entry)
        return Saved(entry.version)

    async def _lengthen(self, key: str, ttl_ms: int | None) -> _Entry | None:
        """Extend the lifetime of a live entry to this at least; ``None``: than the lifetime that it was given."""
        entry = await self._get(key)
        if entry is None or entry is _UNREADABLE:
            return entry
        end_ms = self._now_ms() + (entry.ttl_ms if ttl_ms is None else ttl_ms)
        if end_ms > entry.end_ms:
            entry = _Entry(entry.value, entry.version, entry.ttl_ms, end_ms)
            await self._write(key, entry)
        return entry

    async def _write(self, key: str, entry: _Entry) -> None:
        data = {
            "value": base64.b64encode(entry.value).decode(),
            "version": entry.version,
            "ttl_ms": entry.ttl_ms,
            "end_ms": entry.end_ms,
        }
        # Some stores know whole seconds alone, and round down.
        ttl = math.ceil(self._left(entry) / 1000) + 1
        try:
            await self._store.put(_name(key), data, collection=self._collection, ttl=ttl)
        except _DATA as error:
            raise UnstorableError("", "more than the store behind KeyValueStore takes in one entry") from error

    async def _delete(self, key: str) -> None:
        await self._store.delete(_name(key), collection=self._collection)


def _read(data: dict[str, Any]) -> _Entry:
    value, version, ttl_ms, end_ms = (data.get(name) for name in ("value", "version", "ttl_ms", "end_ms"))
    if not (isinstance(value, str) and isinstance(version, str) and isinstance(ttl_ms, int) and isinstance(end_ms, int)):
        return _UNREADABLE
    try:
        return _Entry(base64.b64decode(value, validate=True), version, ttl_ms, end_ms)
    except (binascii.Error, ValueError):
        return _UNREADABLE


def _name(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
