"""What PostgreSQL, or a pooler before it, answers where it cannot hold sessions as it is, in words that name the cure."""

from typing import Final

import asyncpg  # type: ignore[import-untyped]

from ..errors import StoreUnfit

_LOST: Final = (
    "a pooler in transaction mode loses prepared statements; give statement_cache_size=0 to the pool, "
    "or set max_prepared_statements in PgBouncer 1.21 or later"
)
_TOLD: Final[dict[type[Exception], str]] = {
    asyncpg.ReadOnlySQLTransactionError: (
        "the server takes reads only, as a standby does; give the primary's address, or target_session_attrs='read-write'; "
        "see default_transaction_read_only"
    ),
    asyncpg.InsufficientPrivilegeError: (
        "the role lacks a right; GRANT it SELECT, INSERT, UPDATE and DELETE on the table, and USAGE of its schema"
    ),
    asyncpg.InvalidSQLStatementNameError: _LOST,
    asyncpg.DuplicatePreparedStatementError: _LOST,
}
REFUSALS: Final = tuple(_TOLD)
"""The exceptions that ``unfit`` knows."""


def unfit(error: Exception) -> StoreUnfit:
    """Return what is wrong with a server that refuses."""
    return StoreUnfit(next(told for kind, told in _TOLD.items() if isinstance(error, kind)))
