"""List the keys of a store in Redis, and tell whether two stores list the same ones."""

import re
from typing import Any, Final

from redis.asyncio import Redis

from .client import Client, database

# What SCAN's patterns have a meaning for.
_GLOB: Final = re.compile(r"[\\*?\[\]^-]")


async def scan(client: Client, prefix: str, kind: str, cursor: str | None, limit: int) -> tuple[list[str], str | None]:
    """List keys of that type under a prefix, without it; octets that are not UTF-8 as lone surrogates, as ``os.fsdecode`` does.

    Raises: NotImplementedError at a Cluster: its nodes are listed one by one.
    """
    if not isinstance(client, Redis):
        raise NotImplementedError("RedisStore.keys: a Cluster has no order of its keys; list each of its nodes by its own URL")
    pattern = _GLOB.sub(r"\\\g<0>", prefix) + "*"
    command: tuple[Any, ...] = ("SCAN", cursor or "0", "MATCH", pattern, "COUNT", limit, "TYPE", kind)
    following, found = await client.execute_command(*command)  # type: ignore[no-untyped-call]
    before = len(client.get_encoder().encode(prefix))  # type: ignore[no-untyped-call]
    keys = [key[before:].decode("utf-8", "surrogateescape") for key in found]
    return keys, None if following in (0, b"0") else str(int(following))


async def is_one_database(one: Client, other: Client, *, unknown: bool) -> bool:
    """Return whether two clients read and write one database; ``unknown`` where a server does not tell."""
    here, there = await database(one), await database(other)
    return unknown if here is None or there is None else here == there
