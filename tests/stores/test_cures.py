"""What is given in the place of a store: the refusal names the store that is made of it, and shows nothing of it."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from gingersnap import ConfigError, SessionOptions
from gingersnap.stores import MemoryStore, RedisStore, SQLAlchemyStore, SQLiteStore
from gingersnap.stores.store import name_of
from tests.asgi import KEY

SECRET = "Zx9-marker-of-a-secret"

ADDRESSES = {
    "redis": "give RedisStore.from_url('redis://...')",
    "rediss": "give RedisStore.from_url('redis://...')",
    "valkey": "give RedisStore.from_url('redis://...')",
    "postgresql": "give PostgresStore.from_url('postgresql://...')",
    "postgresql+asyncpg": "give PostgresStore.from_url('postgresql://...')",
    "POSTGRES": "give PostgresStore.from_url('postgresql://...')",
    "mysql+aiomysql": "give SQLAlchemyStore('mysql+asyncmy://...')",
    "sqlite": "give SQLiteStore('sessions.sqlite3')",
    "mongodb": "give KeyValueStore(...) of a store of key_value.aio.stores",
    "gopher": "give one of gingersnap.stores, or an object with the methods get, set and destroy",
}


def refusal(value: Any) -> str:
    with pytest.raises(ConfigError, match=r"^store: it cannot be ") as caught:
        SessionOptions(keys=[KEY], store=value)
    return str(caught.value)


@pytest.mark.parametrize("scheme", ADDRESSES)
def test_an_address_is_refused_with_the_store_that_takes_it(scheme: str) -> None:
    told = refusal(f"{scheme}://user:{SECRET}@host/0")
    assert told.endswith(ADDRESSES[scheme])
    assert SECRET not in told


@pytest.mark.parametrize(
    ("value", "cure"),
    [
        ("", "is the environment variable set?"),
        ("memory", "such as RedisStore.from_url('redis://...') or SQLiteStore('sessions.sqlite3')"),
        (Path("sessions.db"), "give SQLiteStore(path)"),
        (sqlite3.connect(":memory:"), "give SQLiteStore('sessions.sqlite3')"),
        ({}, "give MemoryStore()"),
        (5, "give one of gingersnap.stores, or an object with the methods get, set and destroy"),
    ],
)
def test_other_values_are_refused_with_a_cure(value: Any, cure: str) -> None:
    assert refusal(value).endswith(cure)


@pytest.mark.parametrize("kind", [MemoryStore, RedisStore])
def test_a_class_is_refused_by_its_name(kind: type) -> None:
    assert refusal(kind) == f"store: it cannot be the class {kind.__name__}; give an object of it: {kind.__name__}(...)"


def clients() -> dict[str, tuple[Any, str]]:
    import asyncpg  # type: ignore[import-untyped]
    import redis
    import redis.asyncio
    from key_value.aio.stores.memory import MemoryStore as KeyValue
    from sqlalchemy import create_engine
    from sqlalchemy.ext.asyncio import create_async_engine

    address = f"redis://:{SECRET}@host"
    pool = asyncpg.Pool.__new__(asyncpg.Pool)
    return {
        "redis.asyncio": (redis.asyncio.Redis.from_url(address), "give RedisStore(client)"),
        "redis": (redis.Redis.from_url(address), "RedisStore(client) of a client of redis.asyncio"),
        "asyncpg": (pool, "give PostgresStore(pool)"),
        "sqlalchemy, async": (create_async_engine("sqlite+aiosqlite://"), "give SQLAlchemyStore(engine)"),
        "sqlalchemy": (create_engine("sqlite://"), "an engine that create_async_engine makes"),
        "key_value": (KeyValue(), "give KeyValueStore(store)"),
    }


@pytest.mark.parametrize("name", ["redis.asyncio", "redis", "asyncpg", "sqlalchemy, async", "sqlalchemy", "key_value"])
def test_a_client_is_refused_with_the_store_that_takes_it(name: str) -> None:
    client, cure = clients()[name]
    told = refusal(client)
    assert cure in told
    assert SECRET not in told


UNSET: list[tuple[Any, str]] = [(RedisStore, "client"), (SQLAlchemyStore, "engine"), (SQLiteStore, "path")]


@pytest.mark.parametrize(("kind", "option"), UNSET)
def test_a_store_of_nothing_asks_for_the_environment_variable(kind: Any, option: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{option}: .+: is the environment variable set\?$"):
        kind(None)


def test_a_pool_of_nothing_asks_for_the_environment_variable() -> None:
    from gingersnap.stores import PostgresStore

    for given in (None, ""):
        with pytest.raises(ConfigError, match=r"^pool_or_dsn: .+: is the environment variable set\?$"):
            PostgresStore(given)


NAMES = {
    "RedisStore (redis.internal:6380)": ("RedisStore", f"rediss://user:{SECRET}@redis.internal:6380/2"),
    "RedisStore (cache:6379)": ("RedisStore", f"redis://:{SECRET}@cache"),
    "RedisStore (/run/redis.sock)": ("RedisStore", f"unix:///run/redis.sock?password={SECRET}"),
    "PostgresStore (db:5432)": ("PostgresStore", f"postgresql://user:{SECRET}@db/site"),
    "PostgresStore (a:1,b:2)": ("PostgresStore", f"postgres://user:{SECRET}@a:1,b:2/site"),
    "PostgresStore": ("PostgresStore", f"postgresql://user:a/b{SECRET}@db/site"),
    "SQLAlchemyStore (db:3306)": ("SQLAlchemyStore", f"mysql+asyncmy://user:{SECRET}@db:3306/site"),
    "SQLiteStore (/tmp/sessions.sqlite3)": ("SQLiteStore", "/tmp/sessions.sqlite3"),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_store_is_named_by_its_class_and_its_host_and_never_by_a_password(name: str) -> None:
    from gingersnap import stores

    kind, address = NAMES[name]
    assert name_of(getattr(stores, kind)(address)) == name


def test_a_layout_of_nodes_is_named_as_the_store_that_was_asked_for() -> None:
    assert name_of(RedisStore("redis://h", layout="koa-redis")) == "RedisStore (h:6379)"
