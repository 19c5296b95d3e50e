"""The process that is killed while it writes: ``python -m tests.stores.sqlite_writer PATH NAME``.

It says what it is about to write and when that has been acknowledged, a line each: ``write KEY VALUE``, ``done KEY``. The value
is a number, or ``-`` where the record is destroyed.
"""

import asyncio
import itertools
import os
import sys

from gingersnap.stores import SQLiteStore

TTL_MS = 10**9


def tell(*words: object) -> None:
    # In one piece, and at once: what is in a buffer dies with the process.
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def write(store: SQLiteStore, name: str) -> None:
    """Create, replace and destroy, again and again; one record of three stays."""
    for n in itertools.count():
        key = f"{name}-{n}"
        tell("write", key, 1)
        assert await store.create(key, b"1", TTL_MS)
        tell("done", key)
        record = await store.load(key)
        tell("write", key, 2)
        await store.replace(key, b"2", TTL_MS, version=record.version)
        tell("done", key)
        if n % 3:
            tell("write", key, "-")
            assert await store.destroy(key)
            tell("done", key)


async def main(path: str, name: str) -> None:
    store = SQLiteStore(path, busy_timeout=60)
    # Several at a time, so that they share commits.
    await asyncio.gather(*(write(store, f"{name}-{task}") for task in range(4)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
