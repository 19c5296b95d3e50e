"""Where sessions live when they do not live in their cookie. Each store is loaded as it is first named."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .store import Conflict, Gone, KeyIndex, Moved, Owned, OwnerIndex, Record, Replaced, Saved, Store, Taken

if TYPE_CHECKING:
    from .key_value import KeyValueStore
    from .memory import MemoryStore
    from .plain import PlainStore
    from .postgres.store import PostgresStore
    from .redis.store import RedisStore
    from .sqlalchemy.store import SQLAlchemyStore
    from .sqlite.store import SQLiteStore

_STORES = {
    "KeyValueStore": "key_value",
    "MemoryStore": "memory",
    "PlainStore": "plain",
    "PostgresStore": "postgres.store",
    "RedisStore": "redis.store",
    "SQLAlchemyStore": "sqlalchemy.store",
    "SQLiteStore": "sqlite.store",
}

__all__ = [
    "Conflict",
    "Gone",
    "KeyIndex",
    "KeyValueStore",
    "MemoryStore",
    "Moved",
    "Owned",
    "OwnerIndex",
    "PlainStore",
    "PostgresStore",
    "Record",
    "RedisStore",
    "Replaced",
    "SQLAlchemyStore",
    "SQLiteStore",
    "Saved",
    "Store",
    "Taken",
]


def __getattr__(name: str) -> Any:
    # Only who uses a store pays for its driver, or has to have it.
    if name not in _STORES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_STORES[name]}", __name__), name)
