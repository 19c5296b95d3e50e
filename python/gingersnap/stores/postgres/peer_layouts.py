"""Keep sessions in PostgreSQL as connect-pg-simple does: JSON text, which is its own version, and an end in whole seconds."""

import json
from typing import Any, ClassVar, Final

from ... import _core
from ..layouts import refuse_owner
from ..store import Record
from .schema import Table

# Source: connect-pg-simple ``table.sql``.
_DDL: Final = """\
CREATE TABLE IF NOT EXISTS {table} (
    "sid" varchar NOT NULL COLLATE "default" PRIMARY KEY,
    "sess" json NOT NULL,
    "expire" timestamp(6) NOT NULL
);
CREATE INDEX IF NOT EXISTS "IDX_{name}_expire" ON {table} ("expire");
"""

# - `json` and `text` keep the text as it was written; `jsonb`, which some have made of it, writes its own: so the version is
#   read back. The cast to `json` refuses what is none; on its way into a column PostgreSQL makes any of the three of it.
# - An end is rounded up to a second, as there, so that both sides see it at the same moment; one within a second stays.
# - `expire` has no time zone: it is that of the connection, with which the server compares and writes it, for both sides.
# - What is left counts from the earliest moment that rounds to this end: no caller is told more than was given.
_WORDS: Final = {
    "text": "convert_to(sess::text, 'UTF8')",
    "value": "convert_from($2::bytea, 'UTF8')::json",
    "now": "clock_timestamp()",
    "left": "greatest(1, ceil(extract(epoch FROM expire::timestamptz - clock_timestamp()) * 1000) - 1000)::bigint",
    "end": """CASE
        WHEN $3::bigint < 1000 THEN clock_timestamp() + $3::bigint * interval '1 millisecond'
        ELSE to_timestamp(ceil(extract(epoch FROM clock_timestamp() + $3::bigint * interval '1 millisecond'))) END""",
}

_LOAD: Final = "SELECT {text}, {left} FROM {{table}} WHERE sid = $1 AND expire >= {now}"

# Why this clock, and what a purge goes by: `postgres_schema`.
_STATEMENTS: Final = {
    "load": _LOAD,
    "roll": _LOAD,
    "create": """
        INSERT INTO {{table}} AS held (sid, sess, expire) VALUES ($1, {value}, {end})
        ON CONFLICT (sid) DO UPDATE SET sess = excluded.sess, expire = excluded.expire
        WHERE held.expire < {now} RETURNING true""",
    "replace": """
        UPDATE {{table}} SET sess = {value}, expire = {end}
        WHERE sid = $1 AND {text} = $4::bytea AND expire >= {now} RETURNING {text}""",
    "move": """
        UPDATE {{table}} SET sid = $5, sess = {value}, expire = {end}
        WHERE sid = $1 AND {text} = $4::bytea AND expire >= {now} RETURNING {text}""",
    "touch": """
        WITH touched AS (
            UPDATE {{table}} SET expire = {end} WHERE sid = $1 AND expire >= {now} AND expire < {end} RETURNING true)
        SELECT true FROM touched UNION ALL SELECT true FROM {{table}} WHERE sid = $1 AND expire >= {now}""".replace(
        "{end}", _WORDS["end"].replace("$3", "$2")
    ),
    "destroy": "DELETE FROM {{table}} WHERE sid = $1 RETURNING expire >= {now}",
    "clear": "DELETE FROM {{table}} WHERE sid = $1 AND expire < {now}",
    "count_all": "SELECT count(*) FROM {{table}}",
    "list_keys": "SELECT sid FROM {{table}} WHERE sid > $1 ORDER BY sid LIMIT $2",
    "purge": """
        WITH removed AS (
            DELETE FROM {{table}} WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM {{table}} WHERE expire < statement_timestamp()
                ORDER BY expire LIMIT $1 FOR UPDATE SKIP LOCKED))
            RETURNING true)
        SELECT count(*) FROM removed""",
}


_DIGITS: Final = 21
"""The digits of the largest int that a session holds."""


class NodeTable(Table):
    """A table of connect-pg-simple's, or one that was made of it later by hand."""

    _columns: ClassVar[dict[str, tuple[str, ...]]] = {
        "sid": ("character varying", "character varying(255)", "text"),
        "sess": ("json", "jsonb", "text", "character varying"),
        "expire": ("timestamp(6) without time zone", "timestamp without time zone", "timestamp with time zone"),
    }
    _ddl = _DDL
    _statements: ClassVar[dict[str, str]] = {call: sql.format(**_WORDS) for call, sql in _STATEMENTS.items()}

    def record(self, row: Any) -> Record:
        """Return the record of a row: its text is its version."""
        return Record(_compact(row[0]), row[0], row[1])

    def first(self, owner: str | None) -> tuple[Any, ...]:
        """Return nothing. Raises: ConfigError for an owner."""
        return self.owned(owner)

    def owned(self, owner: str | None) -> tuple[Any, ...]:
        """Return nothing. Raises: ConfigError for an owner."""
        refuse_owner(owner, "connect-pg-simple")
        return ()


def _compact(text: bytes) -> bytes:
    """Return a text of ``jsonb`` as a session's own limits have it: blanks and the digits of a large float may pass them."""
    # No other column has such a blank unless somebody wrote it.
    if b'": ' not in text or _core.loads_record(text) is not None:
        return text
    try:
        data = json.loads(text, parse_int=lambda digits: int(digits) if len(digits) <= _DIGITS else float(digits))
    except (ValueError, RecursionError):
        return text
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
