"""The table of SQLAlchemyStore, and all that is ever said about it: Core alone, so that each dialect says it its own way."""

import time
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    bindparam,
    delete,
    func,
    insert,
    inspect,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.mysql import MEDIUMBLOB, VARBINARY
from sqlalchemy.exc import NoSuchTableError

from ...errors import StoreUnfit

_MYSQL: Final = ("mysql", "mariadb")

# The server's clock at the moment it is asked, in milliseconds: a statement that waited for a lock does not judge by when it began.
# MySQL has no such clock in UTC, and the local one has an hour twice a year that it lacks or has twice; so: when the statement
# began, in UTC, and how long that is ago.
_MYSQL_CLOCK: Final = (
    "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)"
    " + INTERVAL TIMESTAMPDIFF(MICROSECOND, NOW(6), SYSDATE(6)) MICROSECOND) DIV 1000)"
)
_CLOCKS: Final = {
    "mysql": _MYSQL_CLOCK,
    "mariadb": _MYSQL_CLOCK,
    "postgresql": "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
}


def session_table(metadata: MetaData, name: str = "gingersnap_session") -> Table:
    """Describe the table that SQLAlchemyStore uses, for those who make it themselves, by Alembic for instance."""
    return Table(
        name,
        metadata,
        # A key that moves leaves its row where it is: a query over an owner's rows meanwhile still meets it.
        Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
        # Octets: text would be compared as its collation likes, and MySQL's likes neither case nor trailing blanks.
        Column("key", LargeBinary(300).with_variant(VARBINARY(300), *_MYSQL), nullable=False, unique=True),
        # One number at random for each write: a record that is made again never has the version of an earlier one.
        Column("ver", BigInteger, nullable=False),
        # A BLOB of MySQL's holds less than 64 KiB.
        Column("data", LargeBinary().with_variant(MEDIUMBLOB, *_MYSQL), nullable=False),
        Column("ttl", BigInteger, nullable=False),
        Column("exp", BigInteger, nullable=False),
        # SHA-256, so that any text can be an owner, whatever its length.
        Column("owner", LargeBinary(32).with_variant(VARBINARY(32), *_MYSQL)),
        # Constraints and not indexes, for those come with the table, in one statement.
        UniqueConstraint("exp", "id"),
        UniqueConstraint("owner", "id"),
        mysql_engine="InnoDB",
        mariadb_engine="InnoDB",
    )


def is_there(connection: Connection, table: Table) -> bool:
    """Return whether the database has the table.

    Raises: StoreUnfit where it has one that is another.
    """
    try:
        found = {column["name"] for column in inspect(connection).get_columns(table.name)}
    except NoSuchTableError:
        return False
    if not found:
        # SQLite: it was not there yet, and is by now.
        return False
    lacking = sorted({column.name for column in table.columns} - found)
    if lacking:
        raise StoreUnfit(f"the table {table.name!r} is none of SQLAlchemyStore's: it has no {', '.join(lacking)}; name another")
    return True


def clock_of(dialect: Dialect) -> ColumnElement[int]:
    """Return the server's clock in milliseconds; this process's own where it is not known how the server is asked."""
    text = _CLOCKS.get(dialect.name)
    if text is None:
        return bindparam(None, callable_=lambda: int(time.time() * 1000), type_=BigInteger)
    return literal_column(text, BigInteger)


class Statements:
    """What is said, once for all. Each is a transaction of its own, and each write states itself whether it applies."""

    def __init__(self, table: Table, dialect: Dialect) -> None:
        now, row = clock_of(dialect), table.columns
        lifetime = bindparam("lifetime", type_=BigInteger)
        this, live = row.key == bindparam("this"), row.exp > now
        mine, expired = row.ver == bindparam("before"), row.exp <= now
        written = {"ver": bindparam("after"), "data": bindparam("value"), "ttl": lifetime, "exp": now + lifetime}
        owned = row.owner == bindparam("of")
        placed = {"key": bindparam("new"), "owner": bindparam("of"), **written}

        self.load = select(row.data, row.ver, row.ttl, (row.exp - now).label("left")).where(this)
        self.create = insert(table).values(placed)
        self.replace = update(table).where(this, mine, live).values(written)
        self.move = update(table).where(this, mine, live).values(placed)
        self.roll = update(table).where(this, live, row.exp < now + row.ttl).values(exp=now + row.ttl)
        self.touch = update(table).where(this, live, row.exp < now + lifetime).values(exp=now + lifetime)
        self.destroy = delete(table).where(this, live)
        self.clear = delete(table).where(this, expired)
        self.count = select(func.count()).select_from(table)
        self.keys = select(row.key).where(row.key > bindparam("after")).order_by(row.key).limit(bindparam("most", type_=Integer))
        self.sessions_of = select(row.key, row.data, (row.exp - now).label("left")).where(owned)
        self.destroy_all = delete(table).where(owned, live, row.key != bindparam("keep"))
        # An index serves only what is known before the search begins: the time, and which rows.
        self.now = select(now)
        until = row.exp <= bindparam("until")
        self.expired = select(row.id).where(until).limit(bindparam("most", type_=Integer))
        self.purge = delete(table).where(row.id.in_(bindparam("ids", expanding=True)), until)
