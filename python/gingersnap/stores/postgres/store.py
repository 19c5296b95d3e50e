"""Keep sessions in PostgreSQL 14 or later: for any number of processes and machines, with owners.

The driver is asyncpg. Measured beside psycopg 3 (``AsyncConnectionPool``, autocommit, prepared, binary) on PostgreSQL 18, loopback,
2 cores, ten connections each, calls per second and p99 in ms:

=====================  ==============  ==============  =====
..                     asyncpg         psycopg         ratio
=====================  ==============  ==============  =====
load, 1 task           3,700 (0.6)     3,970 (0.4)     0.93
load, 16 tasks         10,980 (6.3)    5,760 (3.8)     1.91
replace, 1 task        1,660 (0.7)     1,750 (0.7)     0.95
replace, 16 tasks      3,970 (10.4)    2,530 (12.5)    1.57
rolling, 1 task        3,580 (0.5)     3,440 (0.4)     1.04
rolling, 16 tasks      10,700 (5.4)    5,740 (6.4)     1.86
=====================  ==============  ==============  =====

A call with a timeout of 0.3 s to a server that hangs came back after 0.3 s (as it is done here: the connection is dropped at
once) and 10.3 s; a restart of the server cost 0 and 10 errors with ten idle connections, as asyncpg's notice that they were closed.
"""

import logging
import re
from typing import Any

from ...errors import ConfigError, StoreUnfit
from ..cures import UNSET

try:
    import asyncpg  # type: ignore[import-untyped]
except ImportError as error:
    raise ImportError("PostgresStore needs asyncpg: pip install 'gingersnap[postgres]'") from error

from ...validators import check_keep, check_owner, one_of, seconds_or_never
from ..layouts import TABLES, PostgresLayout, owner_call
from ..probe import probe
from ..store import Conflict, Gone, Moved, Owned, Record, Replaced, Saved, Taken
from .faults import DATA, refused
from .peer_layouts import NodeTable
from .pool import Connections, place_of
from .schema import Table, digest

logger = logging.getLogger("gingersnap")


class PostgresStore:
    """Sessions as rows of one table, each call one statement and one round trip; a call that meets another writer takes two.

    ``pool_or_dsn``: an asyncpg pool, which stays yours to close (give ``create_pool`` a ``reset`` that does nothing: its own
    costs each call a second round trip). Or an address, ``postgresql://...``: then the store opens a pool for each event loop it
    is used on, as it is first used, and ``aclose`` closes that of the loop it is awaited on. ``min_size``, ``max_size``: how many
    connections such a pool holds. ``options``: more arguments of ``asyncpg.create_pool``, such as ``ssl``.

    ``layout="connect-pg-simple"`` keeps rows as this package for Node does, which may share the table: ``table`` is ``"session"``
    if left out, values are JSON texts, and a lifetime of a second or more ends with a whole second, rounded up. Such a record has
    no owner, and its text is its version. It does not know the lifetime that it was given: ``load(roll=True)`` leaves its end
    where it is, ``touch`` moves it. Both sides' connections must have the same time zone: the column has none.

    ``table``, ``schema``: where they are; without a schema, the connection's search path says. ``create``: whether a missing
    table is made on first use; ``False``: make it yourself, by ``ddl``. ``purge_every``: how often the middleware is to purge,
    in seconds; ``None``: somebody else does.

    Behind PgBouncer a pool that the store opens prepares no statements, unless you give ``statement_cache_size`` because its
    ``max_prepared_statements`` (1.21 or later) is set. Give ``statement_cache_size=0`` to a pool of yours there.

    Raises: ConfigError where an argument cannot be used. The first call and ``ping``: StoreUnfit where the table will not do.
    """

    def __init__(
        self,
        pool_or_dsn: Any,
        *,
        layout: PostgresLayout = "native",
        table: str | None = None,
        schema: str | None = None,
        create: bool = True,
        purge_every: float | None = 300.0,
        min_size: int = 0,
        max_size: int = 10,
        **options: Any,
    ) -> None:
        layout = one_of("native", "connect-pg-simple")("layout", layout)
        self.layout = layout
        kind = Table if layout == "native" else NodeTable
        self._table = kind(TABLES[layout] if table is None else table, schema)
        self._sql = self._table.sql
        self._create = create
        self._warned = False
        self.purge_every = seconds_or_never("purge_every", purge_every)
        self.place = place_of(pool_or_dsn)
        """Where the server is, for the log: host and port."""
        if isinstance(pool_or_dsn, asyncpg.Pool):
            if options:
                raise ConfigError(min(options), "it is for a pool that the store opens", "give it to your own pool")
            self._connections = Connections(pool_or_dsn, {}, self._prepare)
            return
        if not isinstance(pool_or_dsn, str) or re.match(r"postgres(ql)?://", pool_or_dsn) is None:
            cure = "give an asyncpg pool or postgresql://..." + ("" if pool_or_dsn else f": {UNSET}")
            raise ConfigError("pool_or_dsn", "it is neither a pool nor an address", cure)
        if not 0 <= min_size <= max_size or max_size < 1:
            raise ConfigError(
                "max_size", f"a pool cannot hold {min_size} to {max_size}", "give 0 <= min_size <= max_size, 1 or more"
            )
        options |= {"dsn": pool_or_dsn, "min_size": min_size, "max_size": max_size}
        self._connections = Connections(None, options, self._prepare)

    @classmethod
    def from_url(cls, dsn: str, **options: Any) -> "PostgresStore":
        """Make a store by an address, ``postgresql://user:password@host:port/database``."""
        return cls(dsn, **options)

    @property
    def ddl(self) -> str:
        """The statements that make the table and its indexes, for a migration."""
        return self._table.ddl

    async def load(self, key: str, *, roll: bool = False) -> Record | None:
        """Read a live record."""
        try:
            rows = await self._ask(self._sql.roll if roll else self._sql.load, key)
        except StoreUnfit:
            if not roll:
                raise
            # What cannot be renewed can still be read, as on a standby.
            rows = await self._ask(self._sql.load, key)
        return self._table.record(rows[0]) if rows else None

    async def create(self, key: str, value: bytes, ttl_ms: int, *, owner: str | None = None) -> bool:
        """Make a record, unless a live one has the key."""
        return bool(await self._ask(self._sql.create, key, value, ttl_ms, *self._table.first(owner)))

    async def replace(self, key: str, value: bytes, ttl_ms: int, *, version: Any) -> Replaced:
        """Write over that version."""
        rows = await self._ask(self._sql.replace, key, value, ttl_ms, version)
        return Saved(rows[0][0]) if rows else await self._refused(key)

    async def move(self, old: str, new: str, value: bytes, ttl_ms: int, *, version: Any, owner: str | None = None) -> Moved:
        """Write that version under another key."""
        for _ in range(2):
            try:
                rows = await self._ask(self._sql.move, old, value, ttl_ms, version, new, *self._table.owned(owner))
            except asyncpg.UniqueViolationError:
                # What is in the way may have expired.
                await self._ask(self._sql.clear, new)
            else:
                return Saved(rows[0][0]) if rows else await self._refused(old)
        return Taken()

    async def touch(self, key: str, ttl_ms: int) -> bool:
        """Extend the lifetime of a live record to this at least."""
        return bool(await self._ask(self._sql.touch, key, ttl_ms))

    async def destroy(self, key: str) -> bool:
        """Remove a record."""
        rows = await self._ask(self._sql.destroy, key)
        return bool(rows and rows[0][0])

    async def purge(self, limit: int) -> int:
        """Remove what has expired, ``limit`` records at most; what another call holds is left to the next purge."""
        return int((await self._ask(self._sql.purge, limit))[0][0])

    async def ping(self) -> None:
        """Ask whether the table will do and takes writes, by a record that does not stay; warn if a write can still be lost.

        Raises: StoreUnfit where it will not do.
        """
        await self._connections.prepare()
        await probe(self)
        [[synchronous]] = await self._connections.fetch("SELECT current_setting('synchronous_commit')")
        if synchronous == "off" and not self._warned:
            self._warned = True
            logger.warning(
                "synchronous_commit is off: a crash of PostgreSQL can undo a logout that was already confirmed; "
                "turn it on for the role or the database of the sessions"
            )

    async def aclose(self) -> None:
        """Close the pool that the store opened for the running event loop."""
        await self._connections.aclose()

    async def count(self) -> int:
        """Return how many records there are, expired ones among them."""
        return int((await self._ask(self._sql.count_all))[0][0])

    async def keys(self, cursor: str | None, limit: int) -> tuple[list[str], str | None]:
        """List keys in their order."""
        found = [row[0] for row in await self._ask(self._sql.list_keys, cursor or "", limit)]
        return found, found[-1] if len(found) == limit else None

    @owner_call
    async def sessions_of(self, owner: str) -> list[Owned]:
        """List the live sessions of an owner."""
        return [Owned(*row) for row in await self._ask(self._sql.sessions_of, digest(check_owner("sessions_of", owner)))]

    @owner_call
    async def destroy_all(self, owner: str, keep: str | None = None) -> int:
        """Remove every session of an owner but one."""
        check_keep(keep)
        owned = digest(check_owner("destroy_all", owner))
        return int((await self._ask(self._sql.destroy_all, owned, keep))[0][0])

    async def _refused(self, key: str) -> Conflict | Gone:
        # A statement of its own: the one before may have waited for a writer that its snapshot does not show.
        record = await self.load(key)
        return Gone() if record is None else Conflict(record.value, record.version)

    async def _ask(self, sql: str, *arguments: Any) -> list[Any]:
        try:
            return await self._connections.fetch(sql, *arguments)
        except DATA as error:
            # Of the arguments that are octets the first is what is to be written.
            value = next((each for each in arguments if isinstance(each, bytes)), None)
            if value is None:
                raise
            raise refused(error, value) from None

    async def _prepare(self, connection: Any) -> None:
        await self._table.check(connection, create=self._create)
