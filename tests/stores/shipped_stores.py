"""Every kind of store that ships, each ready for use by tests that hold for all of them."""

import asyncio
import os
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_ALL = ("memory", "sqlite", "valkey", "redis7", "postgres", "mariadb")
# On the pure core what the middleware promises is shown on two of them: the others' part in it is the same there.
KINDS = ("memory", "sqlite") if os.environ.get("GINGERSNAP_PURE") == "1" else _ALL
SHARED = tuple(kind for kind in ("sqlite", "valkey", "postgres") if kind in KINDS)
"""Those that several processes can share and that the figures are asked of."""


@dataclass(frozen=True)
class Kind:
    """One kind of store: what makes one, over a place of its own that all which it makes share."""

    name: str
    address: str
    """What another process needs to make the same; ``""`` where none can."""

    def make(self, **options: Any) -> Any:
        """Make a store."""
        return open_store(self.name, self.address, **options)

    def run(self, play: Callable[[Any], Any]) -> Any:
        """Run ``await play(store)`` on an event loop of its own, and close the store."""

        async def main() -> Any:
            async with aclosing(self.make()) as store:
                return await play(store)

        return asyncio.run(main())


def open_store(name: str, address: str, **options: Any) -> Any:
    """Make a store of that kind at that address."""
    from gingersnap import stores

    match name:
        case "memory":
            return stores.MemoryStore(**options)
        case "sqlite":
            return stores.SQLiteStore(address, **options)
        case "valkey" | "redis7":
            url, _, prefix = address.partition("#")
            return stores.RedisStore.from_url(url, prefix=prefix, **options)
        case "postgres":
            return stores.PostgresStore.from_url(address, **options)
        case "mariadb":
            return stores.SQLAlchemyStore(address, **options)
    raise AssertionError(name)


def kind_of(name: str, request: pytest.FixtureRequest, folder: Path) -> Kind:
    """Give a kind over an empty place, its server started where it has one."""
    match name:
        case "memory":
            return Kind(name, "")
        case "sqlite":
            return Kind(name, str(folder / "sessions.sqlite3"))
        case "valkey" | "redis7":
            return Kind(name, f"{request.getfixturevalue(name).url}#{folder.name}:")
        case "postgres":
            return Kind(name, request.getfixturevalue(name).create_database())
        case "mariadb":
            return Kind(name, request.getfixturevalue(name).create_database())
    raise AssertionError(name)
