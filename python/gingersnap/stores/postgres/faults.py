"""What PostgreSQL, or a pooler before it, answers where it cannot hold sessions as it is, in words that name the cure."""

from typing import Final

import asyncpg  # type: ignore[import-untyped]

from ...errors import StoreUnfit, UnstorableError
from ..refusals import has_no_column, unstorable

_LOST: Final = (
    "a pooler in transaction mode loses prepared statements; give statement_cache_size=0 to the pool, "
    "or set max_prepared_statements in PgBouncer 1.21 or later"
)
_MESSAGES: Final[dict[type[Exception], str]] = {
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
REFUSALS: Final = tuple(_MESSAGES)
"""The exceptions that ``unfit`` knows."""


def unfit(error: Exception) -> StoreUnfit:
    """Return what is wrong with a server that refuses."""
    return StoreUnfit(next(message for kind, message in _MESSAGES.items() if isinstance(error, kind)))


DATA: Final = (
    asyncpg.DataError,
    asyncpg.exceptions._base.DataError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.CheckViolationError,
)
"""What a write raises because of the data alone: the server's class 22, the driver's own check, a limit, a constraint."""
_CHARACTERS: Final = ("22P05", "22021")
_PROBLEMS: Final = {
    **dict.fromkeys(_CHARACTERS, "a character that its column in PostgreSQL cannot hold, such as NUL"),
    "22P02": "what PostgreSQL does not take for a JSON text",
    "22001": "more than its column in PostgreSQL takes",
    "23514": "data that a constraint of the table forbids",
}


def refused(error: Exception, value: bytes) -> UnstorableError:
    """Return the error of a value that the server refuses. The server's own message may hold some of it."""
    state = getattr(error, "sqlstate", None) or "22000"
    problem = _PROBLEMS.get(state, f"data that its table in PostgreSQL does not hold (SQLSTATE {state})")
    # Half of a surrogate pair is 22P02 to the server, as what is no JSON at all.
    return unstorable(problem, value, has_no_column if state in (*_CHARACTERS, "22P02") else None)
