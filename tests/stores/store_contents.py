"""Look at what a store keeps, and at what it is asked, by other means than its own."""

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import redis.asyncio

from tests.stores.shipped_stores import Kind

CALLS = ("load", "create", "replace", "move", "touch", "destroy")


def counted(store: Any) -> Counter[str]:
    """Count the calls of a store by their names, from now on."""
    calls: Counter[str] = Counter()

    def count(name: str, ask: Any) -> Any:
        async def call(*given: Any, **named: Any) -> Any:
            calls[name] += 1
            return await ask(*given, **named)

        return call

    for name in CALLS:
        setattr(store, name, count(name, getattr(store, name)))
    return calls


async def records(kind: Kind, store: Any) -> int:
    """Count whatever is there: the rows of all tables, or every key of the server, whoever made it."""
    match kind.name:
        case "memory":
            return len(store)
        case "sqlite":
            with closing(sqlite3.connect(kind.address)) as db:
                return sum(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in _sqlite_tables(db))
        case "valkey" | "redis7":
            async with _redis(kind) as client:
                return int(await client.dbsize())
    return sum([len(rows) async for rows in _tables(kind)])


async def clear(kind: Kind) -> None:
    """Empty a server that tests share; the other kinds have a place of their own."""
    if kind.name in ("valkey", "redis7"):
        async with _redis(kind) as client:
            await client.flushall()


async def dump(kind: Kind, store: Any) -> bytes:
    """Give all that is there as octets: raw files, or each key and value, each column of each row."""
    match kind.name:
        case "memory":
            parts: list[Any] = [*store._entries, *(entry.value for entry in store._entries.values()), store._ends, store._owned]
        case "sqlite":
            # Its write-ahead log too, and what was removed but not yet written over.
            path = Path(kind.address)
            parts = [file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*"))]
        case "valkey" | "redis7":
            async with _redis(kind) as client:
                parts = [part async for key in client.scan_iter() for part in (key, await _value(client, key))]
        case _:
            parts = [column async for rows in _tables(kind) for row in rows for column in row]
    return b"\n".join(part if isinstance(part, bytes) else str(part).encode() for part in parts)


def _sqlite_tables(db: sqlite3.Connection) -> list[str]:
    return [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]


def _redis(kind: Kind) -> "redis.asyncio.Redis":
    return redis.asyncio.from_url(kind.address.partition("#")[0])


async def _value(client: Any, key: bytes) -> bytes:
    # Not DUMP, which compresses what it gives.
    match await client.type(key):
        case b"string":
            parts = [await client.get(key)]
        case b"hash":
            parts = [part for pair in (await client.hgetall(key)).items() for part in pair]
        case b"set":
            parts = [*await client.smembers(key)]
        case b"zset":
            parts = await client.zrange(key, 0, -1)
        case other:
            raise AssertionError(other)
    return b"\n".join(parts)


async def _tables(kind: Kind) -> AsyncIterator[list[Any]]:
    """Give the rows of each table of a database."""
    async with _database(kind) as (fetch, schema):
        names = await fetch(f"SELECT table_name FROM information_schema.tables WHERE table_schema = {schema}")
        assert names
        for (name,) in names:
            yield await fetch(f"SELECT * FROM {name}")


@asynccontextmanager
async def _database(kind: Kind) -> AsyncIterator[Any]:
    if kind.name == "postgres":
        import asyncpg

        connection = await asyncpg.connect(kind.address)
        try:
            yield connection.fetch, "current_schema()"
        finally:
            await connection.close()
        return
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(kind.address)
    async with engine.connect() as connection:

        async def fetch(sql: str) -> Any:
            return (await connection.execute(text(sql))).all()

        yield fetch, "database()"
    await engine.dispose()
