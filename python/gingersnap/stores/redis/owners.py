"""The sessions of each owner in Redis: one sorted set an owner, of the keys of his records, in the order they were inserted.

A key is inserted before its record is made, or moved there, and taken off long after the record went. So the index may list
too much, never too little, also where it lives in another slot of a Cluster than the record and the two cannot be written as
one. ``Index.destroy`` relies on that, and on the order:

- In one step it lists the keys and marks that these end. A session under a marked key moves nowhere any more: a call that asks
  for that ends it. So a session that moves and moves cannot stay ahead.
- In a Cluster a move may have inserted its new key before the mark, and come to it later. That key is on the list then, after
  the one that the session comes from; so is each further one. Going through the list in order, at each key the session is there
  and ends, or has left for a later key: under an earlier one it would have ended. So after the last it is nowhere.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from redis.asyncio import RedisCluster

from ..store import Owned
from .scripts import DESTROY_OWNED, END, EXTEND, FORGET, INSERT, MEMBERS, READ_OWNED, Send

_BATCH = 100
"""How many records one script reads or removes, so that the server is not kept from others."""

_FEW = 16
"""From how many keys on an index is swept, each time it has doubled."""


class Index:
    """The sorted sets of all owners under one prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def digest(self, owner: str) -> str:
        """Return the digest that records have of their owner."""
        return hashlib.sha256(owner.encode("utf-8", "surrogatepass")).hexdigest()

    def key(self, digest: str) -> str:
        """Return the key of an owner's index."""
        return f"{self._prefix}owner:{digest}"

    async def insert(self, client: Any, digest: str, key: str, ttl_ms: int, source: str) -> int:
        """List a key; tell how many are listed, or 0 where the session that moves there from ``source`` is to end."""
        return int(await INSERT(client.execute_command, [self.key(digest)], [key, ttl_ms, source]))

    async def extend(self, client: Any, digest: str, ttl_ms: int) -> None:
        """Extend the lifetime of the index to this at least."""
        await EXTEND(client.execute_command, [self.key(digest)], [ttl_ms])

    async def sweep(self, client: Any, digest: str, size: int) -> None:
        """Remove keys without a record, where the index has doubled: O(1) for each key that is inserted."""
        if size >= _FEW and size & (size - 1) == 0:
            await self.read(client, digest)

    async def read(self, client: Any, digest: str) -> list[Owned]:
        """Read an owner's records, and take the keys off that have none."""
        members = _pairs(await MEMBERS(client.execute_command, [self.key(digest)]))
        owned, ended = [], []
        for batch in _batches(client, members):
            found = await READ_OWNED(client.execute_command, [key for key, _ in batch], [digest])
            for (key, score), record in zip(batch, found, strict=True):
                if record:
                    owned.append(Owned(key.decode()[len(self._prefix) :], *record))
                else:
                    ended += [key, score]
        await self._forget(client, digest, ended)
        return owned

    async def destroy(self, client: Any, send: Send, digest: str, keep: str | None) -> int:
        """Remove an owner's records but one, as the head of this file says; tell how many. ``send`` removes."""
        count, kept = 0, (keep or "").encode()
        listed = _pairs(await END(client.execute_command, [self.key(digest)], [kept]))
        members = [member for member in listed if member[0] != kept]
        for batch in _batches(client, members):
            count += await DESTROY_OWNED(send, [key for key, _ in batch], [digest])
        await self._forget(client, digest, [part for member in members for part in member])
        return count

    async def _forget(self, client: Any, digest: str, ended: list[bytes]) -> None:
        """Remove keys, but none of the last minute: its record may be just about to be made."""
        for start in range(0, len(ended), 2 * _BATCH):
            await FORGET(client.execute_command, [self.key(digest)], ended[start : start + 2 * _BATCH])


def _pairs(flat: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    """Pair keys and scores."""
    return list(zip(flat[::2], flat[1::2], strict=True))


def _batches(client: Any, members: Sequence[tuple[bytes, bytes]]) -> Iterator[Sequence[tuple[bytes, bytes]]]:
    """Split what one script can have: in a Cluster a single key, for each is in a slot of its own."""
    size = 1 if isinstance(client, RedisCluster) else _BATCH
    for start in range(0, len(members), size):
        yield members[start : start + size]
