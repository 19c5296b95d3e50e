"""The connections of PostgresStore: a pool for each event loop, or the user's; none is used again after a call was cut short."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import asyncpg  # type: ignore[import-untyped]

from .faults import REFUSALS, unfit
from .pooler import is_pooled, refuse_lost_statements

TRIES: Final = 10
"""How often a statement is run that the server gives up in favour of another one."""

CLOSE_S: Final = 5.0
"""How long the server may take to say goodbye, in seconds."""

Ask: TypeAlias = Callable[[Any], Awaitable[Any]]


@dataclass(slots=True)
class _Opened:
    """What one event loop has: its pool, and whether that was prepared."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    pool: Any = None
    ready: bool = False


class Connections:
    """The given pool, or else one for each event loop, made by ``options`` as it is first used.

    ``prepare`` is awaited with a connection before a loop's first statement, until it has once not raised.
    """

    def __init__(self, given: Any, options: dict[str, Any], prepare: Ask) -> None:
        self._given = given
        self._options = options
        self._prepare = prepare
        self._opened: dict[asyncio.AbstractEventLoop, _Opened] = {}
        # Whether the address is a pooler's, once that was asked.
        self._pooled: bool | None = None

    async def fetch(self, sql: str, *arguments: Any) -> list[Any]:
        """Run a statement as a transaction of its own, in one round trip; give its rows."""
        pool = await self._pool()
        tries = 0
        while True:
            try:
                rows: list[Any] = await _ask(pool, lambda connection: connection.fetch(sql, *arguments))
                return rows
            except (asyncpg.SerializationError, asyncpg.DeadlockDetectedError):
                # The server undid it all. The first comes where REPEATABLE READ or SERIALIZABLE is the database's default.
                tries += 1
                if tries == TRIES:
                    raise
                # At random, so that the two do not meet again at the same place.
                await asyncio.sleep(random.uniform(0, 0.001 * 2**tries))  # noqa: S311 (no secret)
            except REFUSALS as error:
                raise unfit(error) from error

    async def prepare(self) -> None:
        """Prepare, whether or not that was done before.

        Raises: StoreUnfit where a pooler loses prepared statements.
        """
        pool = await self._pool()
        await _ask(pool, self._checked)
        try:
            if await _ask(pool, is_pooled):
                await refuse_lost_statements(pool)
        except REFUSALS as error:
            raise unfit(error) from error

    async def aclose(self) -> None:
        """Close the pool of the running event loop, but not the given one."""
        opened = self._opened.pop(asyncio.get_running_loop(), None)
        if opened is not None and opened.pool is not None and self._given is None:
            # A close that is cancelled drops the connections.
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await opened.pool.close()

    async def _pool(self) -> Any:
        opened = self._here()
        if not opened.ready:
            async with opened.lock:
                if opened.pool is None:
                    opened.pool = self._given or await self._open()
                if not opened.ready:
                    await _ask(opened.pool, self._checked)
                    opened.ready = True
        return opened.pool

    async def _open(self) -> Any:
        """Open a pool; without prepared statements at a pooler such as PgBouncer, which may run each at another server."""
        options = {**self._options, "reset": _leave}
        if "statement_cache_size" not in options:
            bare = {**options, "statement_cache_size": 0}
            if self._pooled is None:
                async with asyncpg.create_pool(**{**bare, "min_size": 0, "max_size": 1}) as pool:
                    self._pooled = await _ask(pool, is_pooled)
            options = bare if self._pooled else options
        return await asyncpg.create_pool(**options)

    async def _checked(self, connection: Any) -> None:
        try:
            await self._prepare(connection)
        except REFUSALS as error:
            raise unfit(error) from error

    def _here(self) -> _Opened:
        loop = asyncio.get_running_loop()
        opened = self._opened.get(loop)
        if opened is None:
            for other in [*self._opened]:
                if other.is_closed():
                    self._opened.pop(other, None)
            opened = self._opened[loop] = _Opened()
        return opened


def place_of(pool_or_dsn: Any) -> str:
    """Return host and port of an address; of a pool as far as it tells them. Never a user or a password."""
    if not isinstance(pool_or_dsn, str):
        # asyncpg has no call for it.
        found = getattr(pool_or_dsn, "_working_addr", None) or getattr(pool_or_dsn, "_connect_args", None)
        if isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], str):
            return f"{found[0]}:{found[1]}"
        return place_of(found[0]) if isinstance(found, tuple | list) and found and isinstance(found[0], str) else ""
    parts = urlsplit(pool_or_dsn)
    hosts = parts.netloc.rpartition("@")[2]
    if "@" in parts.path + parts.query + parts.fragment:
        # A password that was not quoted may be cut in the middle.
        return ""
    return hosts if ":" in hosts or not hosts else f"{hosts}:5432"


async def _ask(pool: Any, ask: Ask) -> Any:
    async with pool.acquire() as connection:
        try:
            return await ask(connection)
        except (asyncio.CancelledError, TimeoutError, asyncpg.InternalClientError):
            # Its reply is outstanding, or it is at odds with its server. asyncpg would ask the server to cancel, and wait for
            # that however long it takes: one that hangs would hold the caller beyond any timeout.
            connection.terminate()
            raise


async def _leave(_: Any) -> None:
    """Reset nothing: no statement of ours leaves anything behind, and asyncpg's own reset is a second round trip each."""
