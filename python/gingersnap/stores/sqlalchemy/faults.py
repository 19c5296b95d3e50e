"""What a database or its driver answers where it cannot hold sessions as it is, in words that name the cure."""

from typing import Any, Final

from sqlalchemy import CursorResult, Dialect, Executable
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from ...errors import StoreUnfit, UnstorableError
from ..refusals import has_no_column, unstorable

_READS_ONLY: Final = "the server takes reads only, as a replica does; give the primary's address, or see read_only"
_RIGHTS: Final = "the user lacks a right; GRANT it SELECT, INSERT, UPDATE and DELETE on the table"

# MySQL's and MariaDB's numbers: --read-only, a transaction that is READ ONLY, a server in read-only mode; a command denied.
_NUMBERS: Final = {1290: _READS_ONLY, 1792: _READS_ONLY, 1836: _READS_ONLY, 1142: _RIGHTS, 1143: _RIGHTS}
# SQL's own states, as PostgreSQL gives them.
_STATES: Final = {"25006": _READS_ONLY, "42501": _RIGHTS}
# SQLite: READONLY, FULL.
_SQLITE: Final = {8: "the file takes reads only; let this process write it and its folder", 13: "the disk is full; make room"}


def unfit(error: DBAPIError) -> StoreUnfit | None:
    """Return what is wrong with a server that answers, as far as it says so."""
    found = error.orig
    if found is None:
        return None
    message = _STATES.get(str(getattr(found, "sqlstate", "") or ""))
    if message is None and isinstance(code := getattr(found, "sqlite_errorcode", None), int):
        message = _SQLITE.get(code & 0xFF)
    if message is None and found.args and isinstance(found.args[0], int):
        message = _NUMBERS.get(found.args[0])
    return None if message is None else StoreUnfit(message)


def mute(dialect: Dialect) -> StoreUnfit:
    """Return what is wrong with a driver that fails over octets: aiomysql 0.3.2 calls what PyMySQL 1.2 has as a text."""
    cure = "on MySQL and MariaDB take asyncmy (mysql+asyncmy://...), or aiomysql with PyMySQL before 1.2"
    return StoreUnfit(f"the driver {dialect.driver} cannot send octets; {cure}")


_TOO_LARGE: Final = "more than the database takes at once; see max_allowed_packet"
_CHARACTER: Final = "a character that its column cannot hold"
# MySQL's and MariaDB's numbers: a packet, a column, a row that is too large; a character; a constraint.
_PACKET: Final = 1153
_DATA: Final = {
    **dict.fromkeys((_PACKET, 1301), _TOO_LARGE),
    **dict.fromkeys((1118, 1406), "more than its column takes"),
    **dict.fromkeys((1366, 1300, 3854), _CHARACTER),
    **dict.fromkeys((3819, 4025), "data that a constraint of the table forbids"),
}
_OVERHEAD: Final = 512
"""About how many octets a statement has beside its value."""
_LOST: Final = (2006, 2013, 1158, 1159, 1160, 1161)
"""How a server that closes the connection over a packet is met, if its answer was lost with it."""


def number_of(error: DBAPIError) -> int | None:
    """Return the number that MySQL or MariaDB gives an error."""
    found = error.orig
    return found.args[0] if found is not None and found.args and isinstance(found.args[0], int) else None


async def execute(connection: AsyncConnection, statement: Executable, given: dict[str, Any]) -> CursorResult[Any]:
    """Run a statement; drop the connection if the server closes it, as it does over a packet that is too large."""
    try:
        return await connection.execute(statement, given)
    except DBAPIError as error:
        if number_of(error) == _PACKET:
            await connection.invalidate()
        raise


def is_lost(error: DBAPIError) -> bool:
    """Return whether the connection broke under a statement."""
    return number_of(error) in _LOST


def refused(error: DBAPIError, value: bytes) -> UnstorableError | None:
    """Return the error of a value that the database refuses; ``None`` where the data is not at fault."""
    number, state = number_of(error), str(getattr(error.orig, "sqlstate", "") or "")
    problem = None if number is None else _DATA.get(number)
    if problem is None and state == "23514":
        problem = _DATA[3819]
    if problem is None and (isinstance(error, DataError) or state[:2] in ("22", "54")):
        problem = "data that its table does not hold"
    return None if problem is None else unstorable(problem, value, has_no_column if problem != _TOO_LARGE else None)


def too_large(value: bytes, most: int) -> UnstorableError | None:
    """Return the error of a value that takes more than a packet of ``most`` octets; ``None`` where it does not."""
    # Drivers write these octets as two.
    escaped = sum(value.count(octet) for octet in (b'"', b"'", b"\\", b"\n", b"\r", b"\0", b"\x1a"))
    return unstorable(_TOO_LARGE, value) if len(value) + escaped + _OVERHEAD >= most else None
