"""The file of a SQLiteStore: its schema, who may read it, and how a connection to it is opened."""

import os
import random
import sqlite3
import threading
import time
from contextlib import suppress
from typing import Any, Final

from ...errors import StoreUnfit

# The text is compared with that of the file: a change of it raises `user_version`.
TABLES: Final = {
    "session": "CREATE TABLE session(id TEXT PRIMARY KEY, ver INTEGER NOT NULL, data BLOB NOT NULL,"
    " exp INTEGER NOT NULL, ttl INTEGER NOT NULL, owner TEXT) STRICT, WITHOUT ROWID",
    "session_exp": "CREATE INDEX session_exp ON session(exp)",
    "session_owner": "CREATE INDEX session_owner ON session(owner) WHERE owner IS NOT NULL",
}
"""``exp``: the end, in milliseconds of the clock; ``ttl``: the lifetime as it was last given, in milliseconds."""

MARKS: Final = {"application_id": 0x67696E67, "user_version": 1}
"""The mark of our files ("ging"), and which of our schemas it has."""

_SCHEMA = (
    "SELECT 'application_id', application_id FROM pragma_application_id"
    " UNION ALL SELECT 'user_version', user_version FROM pragma_user_version"
    " UNION ALL SELECT name, sql FROM sqlite_schema"
)

# Closing any descriptor of a file gives up every lock that the process has on it: none may be closed while another is opened.
_opening = threading.Lock()


def open_file(path: str, busy_timeout_s: float, *, writes: bool) -> sqlite3.Connection:
    """Open the file, and create it first where it is not there; several processes may do so at once.

    Raises: StoreUnfit where it is another kind of file, sqlite3.Error or OSError where it cannot be opened.
    """
    with _opening:
        # Sessions are secrets: the file is its owner's from the first moment on. SQLite gives its companions the same mode.
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        db = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None)
        try:
            _prepare(db, busy_timeout_s)
            if writes:
                # `patiently` waits in its place.
                db.execute("PRAGMA busy_timeout=0")
        except BaseException:
            db.close()
            raise
    return db


def patiently(db: sqlite3.Connection, statement: str, busy_timeout_s: float) -> list[tuple[Any, ...]]:
    """Execute a statement that may have to wait for other processes. Raises: sqlite3.OperationalError where it waits too long.

    SQLite's own way of waiting is not used for every statement; and it sleeps ever longer, so that among many writers the one
    who has waited longest has the least chance: with eight of them, 0.4 s against 0.1 s at worst.
    """
    deadline = time.monotonic() + busy_timeout_s
    while True:
        try:
            return db.execute(statement).fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
        time.sleep(random.uniform(0.0005, 0.005))  # noqa: S311 (no secret)


def unfit(error: sqlite3.OperationalError) -> StoreUnfit | None:
    """Return what is wrong with a file that can be read but not written, as far as SQLite says so."""
    match error.sqlite_errorcode & 0xFF:
        case sqlite3.SQLITE_READONLY:
            return StoreUnfit("the file takes reads only; let this process write it, its folder and its -wal and -shm files")
        case sqlite3.SQLITE_FULL:
            return StoreUnfit("the disk is full; make room")
    return None


def check_schema(db: sqlite3.Connection) -> None:
    """Ask whether the file is fit. Raises: StoreUnfit where it is not."""
    if not _has_schema(db):
        raise StoreUnfit("the file of SQLiteStore was emptied while it was in use")


def _has_schema(db: sqlite3.Connection) -> bool:
    """Return whether the file has its schema, or nothing at all. Raises: StoreUnfit where it has anything else."""
    try:
        found = dict(db.execute(_SCHEMA).fetchall())
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_NOTADB:
            raise
        raise StoreUnfit("the file given to SQLiteStore is no SQLite file; give it another path") from error
    if found == dict.fromkeys(MARKS, 0):
        return False
    if not (TABLES | MARKS).items() <= found.items():
        ours = found["application_id"] == MARKS["application_id"]
        kind = "has the schema of another version of Gingersnap" if ours else "belongs to another program"
        raise StoreUnfit(f"the SQLite file given to SQLiteStore {kind}; give it a path of its own")
    return True


def _prepare(db: sqlite3.Connection, busy_timeout_s: float) -> None:
    # Before anything is written: a file of another program stays as it is.
    has_schema = _has_schema(db)
    [[mode]] = patiently(db, "PRAGMA journal_mode=WAL", busy_timeout_s)
    if mode != "wal":
        raise StoreUnfit("the file given to SQLiteStore cannot have a write-ahead log where it is; use a local disk")
    # What is acknowledged is on the disk; on a Mac that takes a call of its own.
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA fullfsync=ON")
    if not has_schema:
        _create(db)


def _create(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    with db:
        # Another process may have been first.
        if not _has_schema(db):
            for statement in [*TABLES.values(), *(f"PRAGMA {name}={mark}" for name, mark in MARKS.items())]:
                db.execute(statement)
