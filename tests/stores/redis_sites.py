"""Where the tests of RedisStore run: Valkey 9, Redis 7 and a Cluster, each behind the same few calls."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from redis.asyncio import Redis, RedisCluster

from gingersnap.stores import RedisStore
from tests.stores.servers.valkey import Server

LONG = 60_000
"""A lifetime that no test outlives, in milliseconds."""


@dataclass(frozen=True)
class Site:
    """One or several servers, and the class of the client that talks to them."""

    servers: list[Server]
    kind: Any = Redis

    @asynccontextmanager
    async def client(self, kind: Any = None, **options: Any) -> AsyncIterator[Any]:
        """Give a client, or one of another class."""
        async with (kind or self.kind).from_url(self.servers[0].url, **options) as client:
            yield client

    @asynccontextmanager
    async def store(self, **options: Any) -> AsyncIterator[RedisStore]:
        """Give a store that has this site to itself."""
        for server in self.servers:
            server.ask("FLUSHALL")
        async with self.client() as client:
            yield RedisStore(client, **options)

    def ask(self, *command: Any, key: str) -> Any:
        """Send a command to the server that has that key."""
        return self.servers[self._place(key)].ask(*command)

    def calls(self, *names: str) -> int:
        """Count how often these commands ran so far, on all servers."""
        count = 0
        for server in self.servers:
            stats: Any = server.ask("INFO", "commandstats")
            count += sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in names)
        return count

    def _place(self, key: str) -> int:
        if len(self.servers) == 1:
            return 0
        slot: Any = self.servers[0].ask("CLUSTER", "KEYSLOT", key)
        return (slot > 5460) + (slot > 10922)


class Stepped(RedisCluster):
    """A client that does something else before its nth script: 0 is the first."""

    nth = -1

    async def step(self) -> None:
        """Do it."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        if args[0] == "EVALSHA":
            self.nth -= 1
            if self.nth == -1:
                await self.step()
        return await super().execute_command(*args, **options)


@pytest.fixture(params=["valkey", "redis7", "redis_cluster"])
def redis_site(request: pytest.FixtureRequest) -> Site:
    """Give each site in turn."""
    found = request.getfixturevalue(request.param)
    return Site(found, RedisCluster) if request.param == "redis_cluster" else Site([found])


@pytest.fixture
def valkey_site(valkey: Server) -> Site:
    """Give the site of one Valkey."""
    return Site([valkey])


@pytest.fixture
def cluster_site(redis_cluster: list[Server]) -> Site:
    """Give the Cluster alone."""
    return Site(redis_cluster, RedisCluster)


def new_key(tag: str | None = None) -> str:
    """Make a key as the middleware does."""
    return f"{{{tag or secrets.token_hex(2)}}}{secrets.token_hex(32)}"


def bare_key() -> str:
    """Make a key without a tag, as an application's own ids may be."""
    return secrets.token_hex(32)
