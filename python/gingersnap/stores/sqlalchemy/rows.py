"""The native layout of SQLAlchemyStore's rows: octets, with a version at random and an owner."""

import hashlib
import secrets
from typing import Any, Protocol

from sqlalchemy import Dialect, MetaData, Row, Table

from .table import Statements, session_table


class Rows(Protocol):
    """How a layout keeps records: its table, its statements, and what goes in and out of them."""

    table: Table
    sql: Any

    def stored(self, key: str) -> Any:
        """Return what the key's column holds."""

    def key(self, stored: Any) -> str:
        """Return the key of a row."""

    def lifetime(self, ttl_ms: int) -> int:
        """Return the lifetime that statements are given."""

    def written(self, value: bytes, ttl_ms: int) -> dict[str, Any]:
        """Return the parameters of what is written over a row."""

    def placed(self, key: str, value: bytes, ttl_ms: int, owner: str | None) -> dict[str, Any]:
        """Return the parameters of what is written under a new key.

        Raises: ConfigError for an owner that has no place, SessionError for a key that has none.
        """

    def version_of(self, written: dict[str, Any]) -> Any:
        """Return the version of what was written."""

    def version(self, row: Row[Any]) -> Any:
        """Return the version of a row."""

    def left_ms(self, row: Row[Any]) -> int:
        """Return how long a row lives: it has ended at 0 and below."""

    def renewed_ms(self, row: Row[Any]) -> int | None:
        """Return the lifetime that a row was given; ``None`` where it does not say, and a load cannot renew it."""


class NativeRows:
    """The native layout, in any database."""

    def __init__(self, name: str, dialect: Dialect) -> None:
        self.table = session_table(MetaData(), name)
        self.sql = Statements(self.table, dialect)

    def stored(self, key: str) -> bytes:
        """Return a key's octets."""
        return key.encode()

    def key(self, stored: Any) -> str:
        """Return the key of a row."""
        return str(stored, "ascii")

    def lifetime(self, ttl_ms: int) -> int:
        """Return the lifetime as it is."""
        return ttl_ms

    def written(self, value: bytes, ttl_ms: int) -> dict[str, Any]:
        """Return value, lifetime and a new version."""
        return {"value": value, "after": secrets.randbits(63), "lifetime": ttl_ms}

    def placed(self, key: str, value: bytes, ttl_ms: int, owner: str | None) -> dict[str, Any]:
        """Return key, owner's digest (a column holds what has one length), value, lifetime and version."""
        return {"new": self.stored(key), "of": digest(owner), **self.written(value, ttl_ms)}

    def version_of(self, written: dict[str, Any]) -> Any:
        """Return the version of what was written."""
        return written["after"]

    def version(self, row: Row[Any]) -> Any:
        """Return the version of a row."""
        return row.ver

    def left_ms(self, row: Row[Any]) -> int:
        """Return how long a row lives: it has ended at 0 and below."""
        return int(row.left)

    def renewed_ms(self, row: Row[Any]) -> int | None:
        """Return the lifetime that a row was given."""
        return int(row.ttl)


def digest(owner: str | None) -> bytes | None:
    """Return what stands for an owner in a row."""
    return None if owner is None else hashlib.sha256(owner.encode("utf-8", "surrogatepass")).digest()
