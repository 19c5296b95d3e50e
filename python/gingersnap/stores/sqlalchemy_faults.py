"""What a database or its driver answers where it cannot hold sessions as it is, in words that name the cure."""

from typing import Final

from sqlalchemy import Dialect
from sqlalchemy.exc import DBAPIError

from ..errors import StoreUnfit

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
    told = _STATES.get(str(getattr(found, "sqlstate", "") or ""))
    if told is None and isinstance(code := getattr(found, "sqlite_errorcode", None), int):
        told = _SQLITE.get(code & 0xFF)
    if told is None and found.args and isinstance(found.args[0], int):
        told = _NUMBERS.get(found.args[0])
    return None if told is None else StoreUnfit(told)


def mute(dialect: Dialect) -> StoreUnfit:
    """Return what is wrong with a driver that fails over octets: aiomysql 0.3.2 calls what PyMySQL 1.2 has as a text."""
    cure = "on MySQL and MariaDB take asyncmy (mysql+asyncmy://...), or aiomysql with PyMySQL before 1.2"
    return StoreUnfit(f"the driver {dialect.driver} cannot send octets; {cure}")
