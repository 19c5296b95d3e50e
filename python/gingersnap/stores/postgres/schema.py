"""The table that PostgresStore keeps sessions in: what makes it, whether one that is there will do, and what is asked of it."""

import hashlib
import re
import secrets
from typing import Any, ClassVar, Final, NamedTuple

from ...errors import ConfigError, StoreUnfit
from ..store import MOST_LATE_MS, Record

# PostgreSQL cuts names at 63 octets; the indexes add six to the table's.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,56}")

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "key": ("text",),
    "ver": ("bigint",),
    "data": ("bytea",),
    "exp": ("timestamp with time zone",),
    "ttl": ("bigint",),
    "owner": ("text",),
    "due": ("timestamp with time zone",),
}

# `due` is `exp` rounded down to five minutes, and has the index that a purge goes by. With an index on `exp` itself no update is a
# HOT one, for each of them changes `exp`: 828 octets of WAL for a write of 400 in place of 602, 412 for a rolling load in place of
# 184; a purge of 1,000 among 10^6 takes 15 ms either way. Without any, the purge that finds none reads the whole table: 0.3 s.
_DDL = """\
CREATE TABLE IF NOT EXISTS {table} (
    key text COLLATE "C" PRIMARY KEY,
    ver bigint NOT NULL,
    data bytea NOT NULL,
    exp timestamptz NOT NULL,
    ttl bigint NOT NULL,
    owner text,
    due timestamptz GENERATED ALWAYS AS (date_bin('5 minutes', exp, timestamptz '2000-01-01 00:00:00+00')) STORED
) WITH (fillfactor = 80);
CREATE INDEX IF NOT EXISTS "{name}_owner" ON {table} (owner) WHERE owner IS NOT NULL;
CREATE INDEX IF NOT EXISTS "{name}_due" ON {table} (due);
"""

# Two sessions that create one table at the same time meet a unique violation of the catalogue, whatever IF NOT EXISTS says.
_LOCK = "SELECT pg_advisory_xact_lock(7453001274190328);\n"

_INSPECT = """
SELECT attname::text, format_type(atttypid, atttypmod), EXISTS (
    SELECT FROM pg_index WHERE indrelid = attrelid AND indisunique AND indpred IS NULL AND indkey::text = attnum::text)
FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped"""

# The clock is the server's, read where it is compared: a statement may have waited for a lock since it began.
_WORDS = {
    "now": "clock_timestamp()",
    "ms": "interval '1 millisecond'",
    "left": "greatest(1, ceil(extract(epoch FROM exp - clock_timestamp()) * 1000))::bigint",
    "most_late": str(MOST_LATE_MS),
}

_STATEMENTS = {
    "load": "SELECT data, ver, {left} FROM {table} WHERE key = $1 AND exp > {now}",
    # It writes only where it is late. If another request changes the record meanwhile, this is what was there before that.
    "roll": """
        WITH rolled AS (
            UPDATE {table} SET exp = {now} + ttl * {ms}
            WHERE key = $1 AND exp > {now} AND exp < {now} + (ttl - least(ttl / 10, {most_late})) * {ms}
            RETURNING data, ver, exp)
        SELECT data, ver, {left} FROM rolled UNION ALL
        SELECT data, ver, {left} FROM {table} WHERE key = $1 AND exp > {now} AND NOT EXISTS (SELECT FROM rolled)""",
    "create": """
        INSERT INTO {table} AS held (key, data, ttl, exp, ver, owner) VALUES ($1, $2, $3::bigint, {now} + $3::bigint * {ms}, $4, $5)
        ON CONFLICT (key) DO UPDATE
        SET data = excluded.data, ttl = excluded.ttl, exp = excluded.exp, ver = excluded.ver, owner = excluded.owner
        WHERE held.exp <= {now} RETURNING true""",
    "replace": """
        UPDATE {table} SET data = $2, ttl = $3::bigint, exp = {now} + $3::bigint * {ms}, ver = ver + 1
        WHERE key = $1 AND ver = $4 AND exp > {now} RETURNING ver""",
    "move": """
        UPDATE {table} SET key = $5, data = $2, ttl = $3::bigint, exp = {now} + $3::bigint * {ms}, ver = ver + 1, owner = $6
        WHERE key = $1 AND ver = $4 AND exp > {now} RETURNING ver""",
    "touch": """
        WITH touched AS (
            UPDATE {table} SET exp = {now} + $2::bigint * {ms}
            WHERE key = $1 AND exp > {now} AND exp < {now} + $2::bigint * {ms} RETURNING true)
        SELECT true FROM touched UNION ALL SELECT true FROM {table} WHERE key = $1 AND exp > {now}""",
    "destroy": "DELETE FROM {table} WHERE key = $1 RETURNING exp > {now}",
    "clear": "DELETE FROM {table} WHERE key = $1 AND exp <= {now}",
    "count_all": "SELECT count(*) FROM {table}",
    "list_keys": "SELECT key FROM {table} WHERE key > $1 ORDER BY key LIMIT $2",
    "sessions_of": "SELECT key, data, {left} FROM {table} WHERE owner = $1 AND exp > {now}",
    # Where it meets a record that is being moved it waits, and then looks at what the record is by then: READ COMMITTED does so.
    "destroy_all": """
        WITH removed AS (DELETE FROM {table} WHERE owner = $1 AND key IS DISTINCT FROM $2 RETURNING exp > {now} AS live)
        SELECT count(*) FILTER (WHERE live) FROM removed""",
    # `statement_timestamp()`, for an index is searched by nothing that changes meanwhile.
    "purge": """
        WITH removed AS (
            DELETE FROM {table} WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM {table} WHERE due <= statement_timestamp() AND exp <= statement_timestamp()
                ORDER BY due LIMIT $1 FOR UPDATE SKIP LOCKED))
            RETURNING true)
        SELECT count(*) FROM removed""",
}


class Sql(NamedTuple):
    """What is asked of the table, each one statement; nothing of owners where it has none."""

    load: str
    roll: str
    create: str
    replace: str
    move: str
    touch: str
    destroy: str
    clear: str
    purge: str
    count_all: str
    list_keys: str
    sessions_of: str = ""
    destroy_all: str = ""


class Table:
    """A table by its name. Raises: ConfigError where it, or that of the schema, is no plain name."""

    _columns: ClassVar[dict[str, tuple[str, ...]]] = COLUMNS
    """The types that each column may have; the first has a unique index."""
    _ddl = _DDL
    _statements: ClassVar[dict[str, str]] = {call: sql.format(table="{table}", **_WORDS) for call, sql in _STATEMENTS.items()}

    def __init__(self, table: str, schema: str | None) -> None:
        for option, name in (("table", table), ("schema", schema or "public")):
            if not isinstance(name, str) or _NAME.fullmatch(name) is None:
                cure = "give ASCII letters, digits and underscores, 57 at most, no digit first"
                raise ConfigError(option, "it is not a plain name", cure)
        self.name = f'"{table}"' if schema is None else f'"{schema}"."{table}"'
        self.ddl = self._ddl.format(table=self.name, name=table)
        self.sql = Sql(**{call: sql.format(table=self.name) for call, sql in self._statements.items()})

    def record(self, row: Any) -> Record:
        """Return the record of a row."""
        return Record(*row)

    def first(self, owner: str | None) -> tuple[Any, ...]:
        """Return the arguments of a record's first write that its layout adds: its first version, and its owner."""
        # Versions count from anywhere, so that those of one record are not those of a later one under its key.
        return secrets.randbits(62), *self.owned(owner)

    def owned(self, owner: str | None) -> tuple[Any, ...]:
        """Return the arguments of a write that name the owner of the record."""
        return (digest(owner),)

    async def check(self, connection: Any, *, create: bool) -> None:
        """See whether the table is there and will do; make it where it is missing, if told to.

        Raises: StoreUnfit that says what is wrong with it, and the cure.
        """
        found = await connection.fetch(_INSPECT, self.name)
        if not found and create:
            # One message, hence one transaction: the lock lasts until all is there.
            await connection.execute(_LOCK + self.ddl)
            found = await connection.fetch(_INSPECT, self.name)
        if not found:
            raise StoreUnfit(f"there is no table {self.name}; make it by the store's `ddl`, or let it do so: create=True")
        faults = self._faults({name: (kind, unique) for name, kind, unique in found})
        if faults:
            cure = "give another table=, or drop this one and let the store make it: create=True"
            raise StoreUnfit(f"the table {self.name} cannot hold sessions: {', '.join(faults)}; {cure}")

    def _faults(self, found: dict[str, tuple[str, bool]]) -> list[str]:
        faults = [
            f"{name} is {found[name][0] if name in found else 'missing'} and must be {' or '.join(kinds)}"
            for name, kinds in self._columns.items()
            if name not in found or found[name][0] not in kinds
        ]
        key = next(iter(self._columns))
        if not faults and not found[key][1]:
            faults.append(f"{key} has no unique index")
        return faults


def digest(owner: str | None) -> str | None:
    """Return what stands for an owner: a name may hold what PostgreSQL's text does not, or more than an index takes."""
    return None if owner is None else hashlib.sha256(owner.encode("utf-8", "surrogatepass")).hexdigest()
