"""PgBouncer and its like between the store and its server: each transaction may run on another connection of the pooler's.

PgBouncer before 1.21, and later ones with ``max_prepared_statements=0``, then lose what was prepared on the one before.
"""

import asyncio
import contextlib
from typing import Any, Final

_PATIENCE_S: Final = 0.5
"""How long the pooler may take to find another connection, in seconds: it may have one alone."""


async def is_pooled(connection: Any) -> bool:
    """Return whether a pooler answers: the process that it names is then none of the server's."""
    return bool(connection.get_server_pid() != await connection.fetchval("SELECT pg_backend_pid()"))


async def refuse_lost_statements(pool: Any) -> None:
    """Run a prepared statement again after another client has taken the server's connection that it was prepared on.

    Raises: asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError where it is lost.
    """
    if pool.get_max_size() < 2:
        # There is no second client to take it.
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_S), pool.acquire() as first, pool.acquire() as second:
            try:
                await first.fetchval("SELECT 1")
                async with second.transaction():
                    await second.fetchval("SELECT 2")
                    await first.fetchval("SELECT 1")
            except BaseException:
                for each in (first, second):
                    each.terminate()
                raise
