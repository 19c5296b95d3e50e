"""Keep sessions in a file of this machine, by SQLite: durable, for any number of processes, with nothing to install or start."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Concatenate, Final, ParamSpec, TypeVar

from ...errors import ConfigError, StoreUnfit, UnstorableError
from ...validators import check_keep, check_owner, seconds, seconds_or_never
from ..cures import UNSET
from ..probe import probe
from ..store import Moved, Owned, Record, Replaced
from . import calls
from .file import check_schema, open_file, patiently, unfit
from .thread import SQLiteThread

if sqlite3.sqlite_version_info < (3, 37):
    raise ImportError(f"SQLiteStore needs SQLite 3.37 or newer, and this Python has {sqlite3.sqlite_version}: use a newer Python")

_PATH_CURE: Final = "give the path of a file, as str or Path"
BATCH: Final = 100
"""How many expired records one transaction removes: of a million, some 10 ms in which no other connection writes."""

P = ParamSpec("P")
T = TypeVar("T")


class SQLiteStore:
    """Sessions in the file at ``path``, which is created at the first call, readable by its owner alone.

    What a call has acknowledged is on the disk and survives the end of the process and of the machine. Several processes may
    have the file, and any number of event loops and threads the store; calls that come at the same time share a commit.
    The file has to be on a disk of this machine: over a network file system SQLite's locks do not hold, and files break.

    ``purge_every``: how often the middleware is to purge, in seconds; ``None``: somebody else does. ``busy_timeout``: how long a
    write waits for those of other processes, in seconds; then it raises. ``clock`` tells the time in seconds, in any thread, and
    must be the same for all processes of a file.

    Raises: ConfigError where an option is wrong, or the path's directory does not exist.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        purge_every: float | None = 300.0,
        busy_timeout: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.purge_every = seconds_or_never("purge_every", purge_every)
        self._clock = clock
        self.place = path = _path(path)
        busy_timeout_s = seconds("busy_timeout", busy_timeout)
        self._reader = SQLiteThread(partial(open_file, path, busy_timeout_s, writes=False), None)
        # A writer has the lock from the start: SQLite refuses it to a transaction that has read before, if others wrote since.
        begin = partial(patiently, statement="BEGIN IMMEDIATE", busy_timeout_s=busy_timeout_s)
        self._writer = SQLiteThread(partial(open_file, path, busy_timeout_s, writes=True), begin)

    async def load(self, key: str, *, roll: bool = False) -> Record | None:
        """Read a live record; a rolling load writes only once ``late_ms`` has gone."""
        found = await self._read(calls.load, key)
        if found is None:
            return None
        record, late = found
        if roll and late:
            # What cannot be renewed can still be read: the file is read-only, or the disk full.
            with suppress(StoreUnfit):
                return await self._write(calls.roll, key)
        return record

    async def create(self, key: str, value: bytes, ttl_ms: int, *, owner: str | None = None) -> bool:
        """Make a record, unless a live one has the key."""
        return await self._write(calls.create, key, value, ttl_ms, owner and _stored(owner))

    async def replace(self, key: str, value: bytes, ttl_ms: int, *, version: int) -> Replaced:
        """Write over that version."""
        return await self._write(calls.replace, key, value, ttl_ms, version)

    async def move(self, old: str, new: str, value: bytes, ttl_ms: int, *, version: int, owner: str | None = None) -> Moved:
        """Write that version under another key."""
        return await self._write(calls.move, old, new, value, ttl_ms, version, owner and _stored(owner))

    async def touch(self, key: str, ttl_ms: int) -> bool:
        """Extend the lifetime of a live record to this at least."""
        return await self._write(calls.touch, key, ttl_ms)

    async def destroy(self, key: str) -> bool:
        """Remove a record."""
        return await self._write(calls.destroy, key)

    async def purge(self, limit: int) -> int:
        """Remove what has expired, ``limit`` records at most, and let other writes in between."""
        purged = 0
        while purged < limit:
            batch = min(BATCH, limit - purged)
            removed = await self._write(calls.purge, batch)
            purged += removed
            if removed < batch:
                break
        return purged

    async def ping(self) -> None:
        """Ask whether the file can be read and written, by a record that does not stay.

        Raises: StoreUnfit where it is not a file of this store's, or takes no writes; sqlite3.Error or OSError where it cannot be
        opened.
        """
        await self._reader.do(check_schema)
        await self._writer.do(check_schema)
        await probe(self)

    async def aclose(self) -> None:
        """Close the file, once the calls that are under way have been answered."""
        for each in (self._reader, self._writer):
            # One after the other: the last connection takes the log's file away, and of two at once neither is the last.
            if (thread := each.stop()) is not None:
                await asyncio.to_thread(thread.join)

    async def count(self) -> int:
        """Return how many records there are, expired ones among them."""
        return await self._read(calls.count)

    async def keys(self, cursor: str | None, limit: int) -> tuple[list[str], str | None]:
        """List keys in their order."""
        found = await self._read(calls.keys, cursor or "", limit)
        return found, found[-1] if len(found) == limit else None

    async def sessions_of(self, owner: str) -> list[Owned]:
        """List the live sessions of an owner."""
        return await self._read(calls.sessions_of, _stored(check_owner("sessions_of", owner)))

    async def destroy_all(self, owner: str, keep: str | None = None) -> int:
        """Remove every session of an owner but one."""
        check_keep(keep)
        return await self._write(calls.destroy_all, _stored(check_owner("destroy_all", owner)), keep)

    async def _read(self, call: Callable[Concatenate[sqlite3.Connection, int, P], T], *args: P.args, **named: P.kwargs) -> T:
        return await self._reader.do(lambda db: call(db, self._now_ms(), *args, **named))

    async def _write(self, call: Callable[Concatenate[sqlite3.Connection, int, P], T], *args: P.args, **named: P.kwargs) -> T:
        # The time is that at which the writer has its turn, not that at which it began to wait for it.
        try:
            return await self._writer.do(lambda db: call(db, self._now_ms(), *args, **named))
        except sqlite3.OperationalError as error:
            if (reported_error := unfit(error)) is not None:
                raise reported_error from error
            raise
        except (sqlite3.DataError, OverflowError) as error:
            # SQLITE_TOOBIG, above all.
            raise UnstorableError("", "more than this SQLite holds in a row; see SQLITE_LIMIT_LENGTH") from error

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _stored(owner: str) -> str:
    """Return an owner as the column holds it: half of a surrogate pair has no place in SQLite's texts."""
    octets = owner.encode("utf-8", "surrogatepass")
    try:
        return octets.decode()
    except UnicodeDecodeError:
        # No name that people have begins so.
        return f"\0surrogatepass:{octets.hex()}"


def _path(given: object) -> str:
    """Return the absolute path of the file itself, as it is now, whatever the process does to its folder later."""
    if not isinstance(given, str | os.PathLike) or not isinstance(path := os.fspath(given), str):
        raise ConfigError("path", f"it cannot be {type(given).__name__}", _PATH_CURE + (f": {UNSET}" if given is None else ""))
    if path in ("", ":memory:"):
        raise ConfigError("path", "SQLiteStore needs a file", "give the path of one, or take MemoryStore")
    if "://" in path:
        raise ConfigError("path", "it is a URL", "give the path of a file alone, as SQLiteStore('sessions.sqlite3')")
    path = os.path.realpath(path)
    if not os.path.isdir(os.path.dirname(path)):
        raise ConfigError("path", "the directory that it names does not exist", "make the directory first")
    if os.path.isdir(path):
        raise ConfigError("path", "it is a directory", "give the path of a file in it")
    return path
