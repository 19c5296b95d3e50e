"""The cure for a value that is no store: how to make one from an address, a client or a class."""

from collections.abc import Mapping
from typing import Final

_GENERIC: Final = "give one of gingersnap.stores, or an object with the methods get, set and destroy"
UNSET: Final = "is the environment variable set?"

# By the scheme of an address, before any "+driver".
_SCHEMES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("redis", "rediss", "unix", "valkey", "valkeys"), "RedisStore.from_url('redis://...')"),
    **dict.fromkeys(("postgres", "postgresql"), "PostgresStore.from_url('postgresql://...')"),
    **dict.fromkeys(("mysql", "mariadb", "oracle", "mssql"), "SQLAlchemyStore('mysql+asyncmy://...')"),
    "sqlite": "SQLiteStore('sessions.sqlite3')",
    **dict.fromkeys(("mongodb", "mongodb+srv", "memcached", "dynamodb"), "KeyValueStore(...) of a store of key_value.aio.stores"),
    "memory": "MemoryStore()",
}

# By the package that a client is of, and its class.
_CLIENTS: Final = (
    ("redis.asyncio", "", "RedisStore(client)"),
    ("redis", "", "RedisStore(client) of a client of redis.asyncio, or RedisStore.from_url('redis://...')"),
    ("valkey", "", "RedisStore.from_url('redis://...'), which talks to Valkey by redis-py"),
    ("asyncpg", "Pool", "PostgresStore(pool)"),
    ("asyncpg", "", "PostgresStore(pool) of a pool, which asyncpg.create_pool makes"),
    ("psycopg", "", "PostgresStore.from_url('postgresql://...'), which talks by asyncpg"),
    ("psycopg_pool", "", "PostgresStore.from_url('postgresql://...'), which talks by asyncpg"),
    ("sqlalchemy", "AsyncEngine", "SQLAlchemyStore(engine)"),
    ("sqlalchemy", "", "SQLAlchemyStore(engine) of an engine that create_async_engine makes"),
    ("sqlite3", "", "SQLiteStore('sessions.sqlite3')"),
    ("aiosqlite", "", "SQLiteStore('sessions.sqlite3')"),
    ("key_value", "", "KeyValueStore(store)"),
    ("pathlib", "", "SQLiteStore(path)"),
    ("starsessions", "", "the store of the same server in gingersnap.stores: RedisStore, or MemoryStore()"),
)


def cure_for(value: object) -> str:
    """Return the cure for a value that is no store. Its content is not told: an address may have a password in it."""
    if isinstance(value, type):
        return f"give an object of it: {value.__name__}(...)"
    if isinstance(value, str):
        return f"give {_of_address(value)}" if value else f"{_GENERIC}: {UNSET}"
    if isinstance(value, dict):
        return "give MemoryStore()"
    for kind in type(value).__mro__:
        for package, name, cure in _CLIENTS:
            if (kind.__module__ == package or kind.__module__.startswith(f"{package}.")) and name in ("", kind.__name__):
                return f"give {cure}"
    return _GENERIC


def _of_address(address: str) -> str:
    scheme, mark, _ = address.partition("://")
    scheme = scheme.lower()
    if not mark:
        return "a store of gingersnap.stores, such as RedisStore.from_url('redis://...') or SQLiteStore('sessions.sqlite3')"
    return _SCHEMES.get(scheme) or _SCHEMES.get(scheme.partition("+")[0]) or _GENERIC.removeprefix("give ")
