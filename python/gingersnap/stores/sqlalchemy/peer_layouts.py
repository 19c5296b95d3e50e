"""Keep sessions in MySQL or MariaDB as express-mysql-session does: a text, which is its own version, and an end in seconds."""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Dialect,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.mysql import BINARY, INTEGER, MEDIUMTEXT

from ...errors import ConfigError, SessionError, UnstorableError
from ..layouts import refuse_owner
from .table import clock_of

_LONGEST: Final = 128
_HALF_MS: Final = 500
_LAST_S: Final = 2**32 - 1
"""The last end that an unsigned int holds, in the year 2106: what lives for longer ends there."""


def node_table(metadata: MetaData, name: str) -> Table:
    """Describe the table. Source: express-mysql-session ``schema.sql``."""
    return Table(
        name,
        metadata,
        Column("session_id", String(_LONGEST, collation="utf8mb4_bin"), primary_key=True),
        Column("expires", INTEGER(display_width=11, unsigned=True), nullable=False),
        Column("data", MEDIUMTEXT(collation="utf8mb4_bin")),
        mysql_engine="InnoDB",
        mariadb_engine="InnoDB",
    )


class NodeStatements:
    """What is said; as ``sqlalchemy_table.Statements``, but for what has no place there.

    A session lives while the time, rounded to a second, is not past its end: so does Node see it. What is left counts from
    the earliest moment that rounds to this end: no caller is told more than was given.
    """

    def __init__(self, table: Table, dialect: Dialect) -> None:
        row, now_ms = table.columns, clock_of(dialect)
        now = _seconds(now_ms + _HALF_MS)
        # Octets on both ways, whatever the connection's character set, and compared as such: a collation likes trailing blanks.
        octets = cast(_using_utf8(row.data), BINARY)
        value = _using_utf8(bindparam("value", type_=LargeBinary))
        end = func.least(_seconds(now_ms + bindparam("lifetime", type_=BigInteger)), _LAST_S)
        # Signed: an end that is past cannot be subtracted from otherwise.
        left = cast(row.expires, BigInteger) * 1000 - _HALF_MS - now_ms
        # To Node, a row without data is none.
        this, live = row.session_id == bindparam("this"), (row.expires >= now) & row.data.is_not(None)
        mine = octets == bindparam("before", type_=LargeBinary)
        written: dict[str, Any] = {"data": value, "expires": end}
        placed = {"session_id": bindparam("new"), **written}

        self.load = select(octets.label("data"), left.label("left")).where(this, live)
        self.create = insert(table).values(placed)
        self.replace = update(table).where(this, live, mine).values(written)
        self.move = update(table).where(this, live, mine).values(placed)
        self.touch = update(table).where(this, live, row.expires < end).values(expires=end)
        self.destroy = delete(table).where(this, live)
        self.clear = delete(table).where(this, or_(row.expires < now, row.data.is_(None)))
        self.count = select(func.count()).select_from(table)
        after = row.session_id > bindparam("after")
        self.keys = select(row.session_id).where(after).order_by(row.session_id).limit(bindparam("most", type_=Integer))
        self.now = select(now)
        until = row.expires < bindparam("until")
        self.expired = select(row.session_id.label("id")).where(until).limit(bindparam("most", type_=Integer))
        self.purge = delete(table).where(row.session_id.in_(bindparam("ids", expanding=True)), until)


class NodeRows:
    """The layout of express-mysql-session, in MySQL and MariaDB."""

    def __init__(self, name: str, dialect: Dialect) -> None:
        if dialect.name not in ("mysql", "mariadb"):
            cure = "give an engine of MySQL or MariaDB"
            raise ConfigError("layout", f"express-mysql-session has no table in {dialect.name}", cure)
        self.table = node_table(MetaData(), name)
        self.sql = NodeStatements(self.table, dialect)

    def stored(self, key: str) -> str:
        """Return a key as it is."""
        return key

    def key(self, stored: Any) -> str:
        """Return the key of a row."""
        return str(stored)

    def lifetime(self, ttl_ms: int) -> int:
        """Return a lifetime with an end that, cut to a second, is rounded as Node does; down where it is to end at once."""
        return ttl_ms + (_HALF_MS if ttl_ms >= 1000 else -_HALF_MS)

    def written(self, value: bytes, ttl_ms: int) -> dict[str, Any]:
        """Return value and lifetime. Raises: UnstorableError for a value that is not UTF-8."""
        try:
            value.decode()
        except UnicodeDecodeError:
            # MySQL would write NULL, MariaDB question marks.
            raise UnstorableError("", "a table of express-mysql-session holds UTF-8 texts alone") from None
        return {"value": value, "lifetime": self.lifetime(ttl_ms)}

    def placed(self, key: str, value: bytes, ttl_ms: int, owner: str | None) -> dict[str, Any]:
        """Return key, value and lifetime. Raises: ConfigError for an owner, SessionError for a key that is too long."""
        refuse_owner(owner, "express-mysql-session")
        if len(key) > _LONGEST:
            # A server that is not strict would cut it.
            raise SessionError(f"a key of express-mysql-session has {_LONGEST} characters at most, and this one has {len(key)}")
        return {"new": key, **self.written(value, ttl_ms)}

    def version_of(self, written: dict[str, Any]) -> Any:
        """Return the text that was written."""
        return written["value"]

    def version(self, row: Row[Any]) -> Any:
        """Return the text of a row."""
        return row.data

    def left_ms(self, row: Row[Any]) -> int:
        """Return how long a row lives: the statement finds live ones alone."""
        return max(1, int(row.left))

    def renewed_ms(self, row: Row[Any]) -> int | None:
        """Return ``None``: a row does not know the lifetime that it was given."""
        return None


def _seconds(ms: ColumnElement[int]) -> ColumnElement[int]:
    # As tightly as `*` binds.
    return ms.op("DIV", precedence=8, return_type=BigInteger())(1000)


def _using_utf8(text: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.convert(text.op("USING")(literal_column("utf8mb4")))
