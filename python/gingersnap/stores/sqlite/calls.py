"""What each call of SQLiteStore does to its file. Writers run in a transaction that began IMMEDIATE; times are milliseconds."""

import secrets
import sqlite3

from ..store import Conflict, Gone, Moved, Owned, Record, Replaced, Saved, Taken, late_ms


def load(db: sqlite3.Connection, now_ms: int, key: str) -> tuple[Record, bool] | None:
    """Read a live record, and tell whether a rolling load is to renew it."""
    row = db.execute("SELECT data, ver, exp, ttl FROM session WHERE id = ? AND exp > ?", (key, now_ms)).fetchone()
    if row is None:
        return None
    value, version, end_ms, ttl_ms = row
    left_ms = end_ms - now_ms
    return Record(value, version, left_ms), left_ms < ttl_ms - late_ms(ttl_ms)


def roll(db: sqlite3.Connection, now_ms: int, key: str) -> Record | None:
    """Start the lifetime of a live record again, and read it."""
    rows = db.execute(
        "UPDATE session SET exp = max(exp, ? + ttl) WHERE id = ? AND exp > ? RETURNING data, ver, exp - ?",
        (now_ms, key, now_ms, now_ms),
    ).fetchall()
    return Record(*rows[0]) if rows else None


def create(db: sqlite3.Connection, now_ms: int, key: str, value: bytes, ttl_ms: int, owner: str | None) -> bool:
    """Make a record, also over an expired one."""
    # Counted from anywhere: a version of the record that had the key before does not come again.
    version = secrets.randbits(62)
    written = db.execute(
        "INSERT INTO session(id, ver, data, exp, ttl, owner) VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE"
        " SET ver = excluded.ver, data = excluded.data, exp = excluded.exp, ttl = excluded.ttl, owner = excluded.owner"
        " WHERE session.exp <= ?",
        (key, version, value, now_ms + ttl_ms, ttl_ms, owner, now_ms),
    )
    return written.rowcount == 1


def replace(db: sqlite3.Connection, now_ms: int, key: str, value: bytes, ttl_ms: int, version: int) -> Replaced:
    """Write over that version of a live record."""
    refused = _refused(db, now_ms, key, version)
    if refused is not None:
        return refused
    db.execute(
        "UPDATE session SET data = ?, ver = ?, exp = ?, ttl = ? WHERE id = ?", (value, version + 1, now_ms + ttl_ms, ttl_ms, key)
    )
    return Saved(version + 1)


def move(
    db: sqlite3.Connection, now_ms: int, old: str, new: str, value: bytes, ttl_ms: int, version: int, owner: str | None
) -> Moved:
    """Write that version of a live record under another key."""
    refused = _refused(db, now_ms, old, version)
    if refused is not None:
        return refused
    if load(db, now_ms, new) is not None:
        return Taken()
    # What may be there has expired.
    db.execute("DELETE FROM session WHERE id = ?", (new,))
    db.execute(
        "UPDATE session SET id = ?, data = ?, ver = ?, exp = ?, ttl = ?, owner = ? WHERE id = ?",
        (new, value, version + 1, now_ms + ttl_ms, ttl_ms, owner, old),
    )
    return Saved(version + 1)


def _refused(db: sqlite3.Connection, now_ms: int, key: str, version: int) -> Conflict | Gone | None:
    found = load(db, now_ms, key)
    if found is None:
        return Gone()
    record, _ = found
    return None if record.version == version else Conflict(record.value, record.version)


def touch(db: sqlite3.Connection, now_ms: int, key: str, ttl_ms: int) -> bool:
    """Extend the lifetime of a live record to this at least; write nothing where it is longer."""
    found = load(db, now_ms, key)
    if found is None:
        return False
    record, _ = found
    if record.ttl_ms is not None and record.ttl_ms < ttl_ms:
        db.execute("UPDATE session SET exp = ? WHERE id = ?", (now_ms + ttl_ms, key))
    return True


def destroy(db: sqlite3.Connection, now_ms: int, key: str) -> bool:
    """Remove a live record."""
    return db.execute("DELETE FROM session WHERE id = ? AND exp > ?", (key, now_ms)).rowcount == 1


def purge(db: sqlite3.Connection, now_ms: int, limit: int) -> int:
    """Remove expired records, those that ended first before others."""
    return db.execute(
        "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE exp <= ? ORDER BY exp LIMIT ?)", (now_ms, limit)
    ).rowcount


def count(db: sqlite3.Connection, _now_ms: int) -> int:
    """Return how many records there are."""
    [(number,)] = db.execute("SELECT count(*) FROM session").fetchall()
    return int(number)


def keys(db: sqlite3.Connection, _now_ms: int, after: str, limit: int) -> list[str]:
    """List keys, those that come after one."""
    return [key for (key,) in db.execute("SELECT id FROM session WHERE id > ? ORDER BY id LIMIT ?", (after, limit))]


def sessions_of(db: sqlite3.Connection, now_ms: int, owner: str) -> list[Owned]:
    """List the live sessions of an owner."""
    rows = db.execute("SELECT id, data, exp - ? FROM session WHERE owner = ? AND exp > ?", (now_ms, owner, now_ms)).fetchall()
    return [Owned(*row) for row in rows]


def destroy_all(db: sqlite3.Connection, now_ms: int, owner: str, keep: str | None) -> int:
    """Remove the live sessions of an owner but one."""
    return db.execute("DELETE FROM session WHERE owner = ? AND exp > ? AND id IS NOT ?", (owner, now_ms, keep)).rowcount
