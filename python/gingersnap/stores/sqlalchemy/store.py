"""Keep sessions in any database that SQLAlchemy has an async driver for: MySQL and MariaDB above all."""

import re
from contextlib import suppress
from typing import Any, Final

from ...errors import ConfigError, StoreUnfit, UnstorableError

try:
    from sqlalchemy import URL, CursorResult, Executable, Row, text
    from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlalchemy.schema import CreateTable
except ImportError as error:
    raise ImportError("SQLAlchemyStore needs SQLAlchemy: pip install 'gingersnap[sqlalchemy]'") from error

from ...validators import check_keep, check_owner, one_of, seconds_or_never
from ..layouts import TABLES, SQLAlchemyLayout, owner_call
from ..probe import probe
from ..store import Conflict, Gone, Moved, Owned, Record, Replaced, Saved, Taken, late_ms
from .engine import collided, opened
from .faults import execute, is_lost, mute, refused, too_large, unfit
from .peer_layouts import NodeRows
from .rows import NativeRows, Rows, digest
from .table import is_there, session_table

__all__ = ["SQLAlchemyStore", "session_table"]

_TRIES: Final = 5
"""How often a statement is tried that the server gives up for another one's sake."""

_BATCH: Final = 500
"""How many rows one statement purges at most: each takes a parameter, of which some drivers have few."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


class SQLAlchemyStore:
    """Sessions as rows of one table, each call one statement that is a transaction of its own.

    ``engine``: an ``AsyncEngine`` of SQLAlchemy 2, which stays yours to dispose of. Or a URL: then the store makes an engine for
    each event loop it is used on, and ``aclose`` disposes of that of the loop it is awaited on. By a URL a call costs one round
    trip. By an engine of yours it costs what a transaction costs there: on MySQL two round trips more.

    On MySQL and MariaDB take asyncmy: aiomysql 0.3.2 cannot send octets by PyMySQL 1.2.3 and later. SQLite has a store of its own.

    ``layout="express-mysql-session"`` keeps rows as this package for Node does, which may share the table, on MySQL and MariaDB:
    ``table`` is ``"sessions"`` if left out, values are texts, keys have 128 characters at most, and a lifetime ends with a second.
    Such a record has no owner, and its text is its version. It does not know the lifetime that it was given:
    ``load(roll=True)`` leaves its end where it is, ``touch`` moves it.

    ``table``: made on first use; ``create=False``: only looked at then. ``session_table`` describes it.
    ``purge_every``: how often the middleware is to purge, in seconds; ``None``: somebody else does.

    The time is that of the server on MySQL, MariaDB, PostgreSQL and SQLite. On any other it is this process's own: there the
    clocks of all processes have to agree.

    Raises: ConfigError where an argument cannot be used; ImportError where the URL's driver is not installed.
    """

    def __init__(
        self,
        engine: AsyncEngine | URL | str,
        *,
        layout: SQLAlchemyLayout = "native",
        table: str | None = None,
        create: bool = True,
        purge_every: float | None = 300.0,
    ) -> None:
        layout = one_of("native", "express-mysql-session")("layout", layout)
        self.layout = layout
        table = TABLES[layout] if table is None else table
        if not isinstance(table, str) or not _NAME.fullmatch(table):
            raise ConfigError("table", f"it cannot be {table!r}", "give a name of letters, digits and _, 63 at most")
        self.purge_every = seconds_or_never("purge_every", purge_every)
        self._engines = opened(engine)
        kind = NativeRows if layout == "native" else NodeRows
        self._rows: Rows = kind(table, self._engines.dialect)
        self._sql: Any = self._rows.sql
        self._create = create
        self._fit = False

    @property
    def place(self) -> str:
        """Where the database is, for the log: host and port, or the name of a file."""
        url = self._engines.url
        return f"{url.host}:{url.port}" if url.host and url.port else str(url.host or url.database or "")

    async def load(self, key: str, *, roll: bool = False) -> Record | None:
        """Read a live record. One that is rolled costs a second round trip."""
        row = await self._live(key)
        if row is None:
            return None
        left_ms, ttl_ms = self._rows.left_ms(row), self._rows.renewed_ms(row)
        if roll and ttl_ms is not None and left_ms <= ttl_ms - late_ms(ttl_ms):
            # What cannot be renewed can still be read, as on a server that is read-only.
            with suppress(StoreUnfit):
                if await self._write(self._sql.roll, this=self._rows.stored(key)):
                    left_ms = ttl_ms
        return Record(row.data, self._rows.version(row), left_ms)

    async def create(self, key: str, value: bytes, ttl_ms: int, *, owner: str | None = None) -> bool:
        """Make a record, unless a live one has the key."""
        return await self._place(self._sql.create, self._rows.placed(key, value, ttl_ms, owner)) is not None

    async def replace(self, key: str, value: bytes, ttl_ms: int, *, version: Any) -> Replaced:
        """Write over that version."""
        written = self._rows.written(value, ttl_ms)
        replaced = await self._write(self._sql.replace, this=self._rows.stored(key), before=version, **written)
        return Saved(self._rows.version_of(written)) if replaced else await self._why_not(key)

    async def move(self, old: str, new: str, value: bytes, ttl_ms: int, *, version: Any, owner: str | None = None) -> Moved:
        """Write that version under another key."""
        row = self._rows.placed(new, value, ttl_ms, owner)
        moved = await self._place(self._sql.move, {"this": self._rows.stored(old), "before": version, **row})
        if moved is None:
            return Taken()
        return Saved(self._rows.version_of(row)) if moved else await self._why_not(old)

    async def touch(self, key: str, ttl_ms: int) -> bool:
        """Extend the lifetime of a live record to this at least."""
        lifetime = self._rows.lifetime(ttl_ms)
        touched = await self._write(self._sql.touch, this=self._rows.stored(key), lifetime=lifetime)
        return bool(touched) or await self._live(key) is not None

    async def destroy(self, key: str) -> bool:
        """Remove a record."""
        return await self._write(self._sql.destroy, this=self._rows.stored(key)) > 0

    async def purge(self, limit: int) -> int:
        """Remove expired records, ``limit`` at most."""
        [[now]] = await self._read(self._sql.now)
        ids = [row.id for row in await self._read(self._sql.expired, until=now, most=limit)]
        parts = [ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH)]
        return sum([await self._write(self._sql.purge, ids=part, until=now) for part in parts])

    async def ping(self) -> None:
        """Ask whether the server has the table and takes writes, by a record that does not stay.

        Raises: StoreUnfit where it has not, or has another, or is read-only, or its driver cannot send octets.
        """
        await probe(self)

    async def aclose(self) -> None:
        """Wait for calls under way, cancelled ones too, and dispose of the engine that the store itself made on this event loop."""
        await self._engines.aclose()

    async def count(self) -> int:
        """Return how many records there are, expired ones among them."""
        [[number]] = await self._read(self._sql.count)
        return int(number)

    async def keys(self, cursor: str | None, limit: int) -> tuple[list[str], str | None]:
        """List keys in their order."""
        rows = await self._read(self._sql.keys, after=self._rows.stored(cursor or ""), most=limit)
        found = [self._rows.key(row[0]) for row in rows]
        return found, found[-1] if len(found) == limit else None

    @owner_call
    async def sessions_of(self, owner: str) -> list[Owned]:
        """List the live sessions of an owner."""
        rows = await self._read(self._sql.sessions_of, of=digest(check_owner("sessions_of", owner)))
        return [Owned(row.key.decode(), row.data, row.left) for row in rows if row.left > 0]

    @owner_call
    async def destroy_all(self, owner: str, keep: str | None = None) -> int:
        """Remove every session of an owner but one."""
        check_keep(keep)
        owner = check_owner("destroy_all", owner)
        # No key is empty.
        return await self._write(self._sql.destroy_all, of=digest(owner), keep=(keep or "").encode())

    async def _live(self, key: str) -> Row[Any] | None:
        rows = await self._read(self._sql.load, this=self._rows.stored(key))
        return next((row for row in rows if self._rows.left_ms(row) > 0), None)

    async def _why_not(self, key: str) -> Conflict | Gone:
        row = await self._live(key)
        return Gone() if row is None else Conflict(row.data, self._rows.version(row))

    async def _place(self, statement: Executable, row: dict[str, Any]) -> int | None:
        """Write a row under its new key and tell how many that were; ``None`` where a live record has the key."""
        try:
            return await self._write(statement, **row)
        except IntegrityError:
            # What has expired is not in the way.
            await self._write(self._sql.clear, this=row["new"])
        try:
            return await self._write(statement, **row)
        except IntegrityError:
            return None

    async def _read(self, statement: Executable, **given: Any) -> list[Row[Any]]:
        return [*(await self._execute(statement, given)).all()]

    async def _write(self, statement: Executable, **given: Any) -> int:
        return (await self._execute(statement, given)).rowcount

    async def _execute(self, statement: Executable, given: dict[str, Any]) -> CursorResult[Any]:
        if not self._fit:
            await self._prepare()
        for tried in range(1, _TRIES + 1):
            try:
                return await self._engines.make(lambda connection: execute(connection, statement, given))
            except DBAPIError as error:
                if (reported_error := unfit(error)) is not None:
                    raise reported_error from error
                if "value" in given and (fault := await self._refused(error, given["value"])) is not None:
                    raise fault from None
                if tried == _TRIES or not collided(error):
                    raise
            except (TypeError, StatementError) as error:
                if isinstance(getattr(error, "orig", error), TypeError):
                    raise mute(self._engines.dialect) from error
                raise
        raise AssertionError

    async def _refused(self, error: DBAPIError, value: bytes) -> UnstorableError | None:
        """Return the error of a value that is at fault; ``None`` where it is not."""
        if not is_lost(error):
            return refused(error, value)
        # The server closes the connection over a packet that it does not take, and its answer may be lost.
        [[most]] = await self._engines.make(lambda connection: connection.execute(text("SELECT @@max_allowed_packet")))
        return too_large(value, most)

    async def _prepare(self) -> None:
        """See that the table is there. Several processes may do so at once."""
        there = await self._is_there()
        if not there and not self._create:
            raise StoreUnfit(f"there is no table {self._rows.table.name!r}: make it, or leave out create=False")
        if not there:
            await self._make()
        self._fit = True

    async def _make(self) -> None:
        try:
            await self._engines.make(lambda connection: connection.execute(CreateTable(self._rows.table)))
        except DBAPIError as error:
            # Somebody else may have been quicker.
            if not await self._is_there():
                raise (unfit(error) or error) from error

    async def _is_there(self) -> bool:
        return await self._engines.make(lambda connection: connection.run_sync(is_there, self._rows.table))
