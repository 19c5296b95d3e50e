"""Keep sessions in Redis or Valkey: for any number of processes and machines."""

import asyncio
import contextlib
import os
import secrets
from typing import Any

from ...errors import ConfigError, StoreUnfit

try:
    from redis.asyncio import ConnectionPool, RedisCluster
    from redis.exceptions import RedisError
except ImportError as error:
    raise ImportError("RedisStore needs redis-py: pip install 'gingersnap[redis]'") from error

from ...validators import check_keep, check_owner, flag, one_of
from ..layouts import PREFIXES, RedisLayout, owner_call
from ..probe import probe
from ..store import Conflict, Gone, Moved, Owned, Record, Replaced, Saved, Taken
from .client import Client, examine, one_slot, opened
from .hashes import Hashes, Records
from .listing import is_one_database, scan
from .owners import Index
from .peer_layouts import Strings
from .replicas import Replicas
from .scripts import Fresh


class RedisStore:
    """Sessions as hashes in Redis 7 or Valkey, one round trip a call, each call one step of the server.

    ``client``: a ``Redis``, ``RedisCluster`` or ``ConnectionPool`` of ``redis.asyncio``, which stays yours to close; a Sentinel's
    ``master_for`` gives such a ``Redis``. Or a URL: then the store opens a client for each event loop it is used on, and
    ``aclose`` closes that of the loop it is awaited on. ``prefix``: what each key begins with.

    ``layout="connect-redis"`` and ``"koa-redis"`` keep the strings of these packages for Node, which may share the server: their
    ``prefix`` is ``"sess:"`` and ``""`` if left out, and a lifetime of a second or more is whole seconds, rounded up.
    Such a record has no owner, and its octets are its version. It does not know the lifetime that it was given:
    ``load(roll=True)`` leaves its end where it is, ``touch`` moves it. Of one that Redis was told to keep for good it cannot tell
    how long it has.

    ``disable_ttl``: with ``layout="connect-redis"``, keep records for good, as connect-redis's ``disableTTL`` does.

    ``wait_replicas``: how many replicas a removal or a move waits for, half a second at most. What the primary has done then counts
    as done, and the log says that a failover could undo it. That does not make Redis strongly consistent: a failover to another
    replica can still bring back what was removed.

    In a Cluster, keys with the same hash tag move in one step. Keys without are in two slots, and a move makes the new one
    before it removes the old; an owner's index is in a slot of its own and costs a round trip more.

    Raises: ConfigError where an argument cannot be used, a client with ``decode_responses=True`` among them.
    """

    def __init__(
        self,
        client: Client | ConnectionPool | str,
        *,
        prefix: str | None = None,
        layout: RedisLayout = "native",
        wait_replicas: int = 0,
        disable_ttl: bool = False,
        **options: Any,
    ) -> None:
        layout = one_of(*PREFIXES)("layout", layout)
        self.layout = layout
        if not isinstance(prefix, str | None):
            raise ConfigError("prefix", f"it cannot be of {type(prefix).__name__}", "give a str")
        if isinstance(wait_replicas, bool) or not isinstance(wait_replicas, int) or wait_replicas < 0:
            raise ConfigError("wait_replicas", f"it cannot be {wait_replicas!r}", "give how many replicas, 0 for none")
        if disable_ttl and layout != "connect-redis":
            raise ConfigError("disable_ttl", f"the layout {layout!r} gives every record an end", 'give layout="connect-redis"')
        endless = flag("disable_ttl", disable_ttl)
        self._records: Records = Hashes() if layout == "native" else Strings(endless=endless)
        if options and not isinstance(client, str):
            raise ConfigError(next(iter(options)), "it is for a URL", "give it to the client itself")
        self._prefix = PREFIXES[layout] if prefix is None else prefix
        self._clients = opened(client, options)
        self.wait_replicas = wait_replicas
        self._replicas = Replicas(wait_replicas)
        self._index = Index(self._prefix)
        self._fit = False

    @property
    def place(self) -> str:
        """Where the server is, for the log: host and port, or what a Sentinel calls it."""
        return self._clients.place

    @classmethod
    def from_url(cls, url: str, **options: Any) -> "RedisStore":
        """Make a store for a server. ``options``: those of the store itself, and of redis-py's ``ConnectionPool``."""
        return cls(url, **options)

    async def load(self, key: str, *, roll: bool = False) -> Record | None:
        """Read a live record."""
        client = await self._ready()
        found = await self._records.scripts.load(client.execute_command, [self._prefix + key], [int(roll)])
        if found is None:
            return None
        value, token, left_ms, *owner = found
        if len(owner) == 2:
            await self._index.extend(client, owner[0].decode(), left_ms)
        return Record(value, self._records.version(value, token, *owner[:1]), left_ms if left_ms > 0 else None)

    async def create(self, key: str, value: bytes, ttl_ms: int, *, owner: str | None = None) -> bool:
        """Make a record, unless a live one has the key."""
        fresh = Fresh(value, self._records.lasting(ttl_ms), os.urandom(8), self._digest(owner))
        client, key = await self._ready(), self._prefix + key
        return await self._create(client, key, fresh, *await self._listed(client, key, fresh))

    async def replace(self, key: str, value: bytes, ttl_ms: int, *, version: Any) -> Replaced:
        """Write over that version."""
        client, key = await self._ready(), self._prefix + key
        stamp, owner = self._records.parts(version)
        fresh = Fresh(value, self._records.lasting(ttl_ms), os.urandom(8), owner)
        index = [self._index.key(owner)] if owner else []
        args = [stamp, value, fresh.ttl_ms, fresh.token]
        if one_slot(client, key, *index):
            reply = await self._records.scripts.replace(client.execute_command, [key, *index], args)
        else:
            replacing = self._records.scripts.replace(client.execute_command, [key], args)
            reply, _ = await asyncio.gather(replacing, self._index.extend(client, owner, fresh.ttl_ms))
        return self._refused(reply) or self._saved(fresh)

    async def move(self, old: str, new: str, value: bytes, ttl_ms: int, *, version: Any, owner: str | None = None) -> Moved:
        """Write that version under another key."""
        client, old, new = await self._ready(), self._prefix + old, self._prefix + new
        stamp, _ = self._records.parts(version)
        fresh = Fresh(value, self._records.lasting(ttl_ms), os.urandom(8), self._digest(owner))
        if not one_slot(client, old, new):
            return await self._move_apart(client, old, new, stamp, fresh)
        index, size = await self._listed(client, new, fresh, old)
        if size == 0:
            await self._records.scripts.take(self._replicas.sender(client), [old], [stamp])
            return Gone()
        args = [stamp, value, fresh.ttl_ms, fresh.token, fresh.owner]
        reply = await self._records.scripts.move(self._replicas.sender(client), [old, new, *index], args)
        refused = Taken() if reply == -1 else self._refused(reply)
        if refused is None:
            await self._sweep(client, fresh.owner, size or reply - 1)
        return refused or self._saved(fresh)

    async def touch(self, key: str, ttl_ms: int) -> bool:
        """Extend the lifetime of a live record to this at least."""
        client, ttl_ms = await self._ready(), self._records.lasting(ttl_ms)
        reply = await self._records.scripts.touch(client.execute_command, [self._prefix + key], [ttl_ms])
        if isinstance(reply, bytes):
            await self._index.extend(client, reply.decode(), ttl_ms)
        return bool(reply)

    async def destroy(self, key: str) -> bool:
        """Remove a record."""
        return bool(await self._records.scripts.destroy(self._replicas.sender(await self._ready()), [self._prefix + key]))

    async def purge(self, limit: int) -> int:
        """Remove nothing: the server removes what has expired."""
        return 0

    async def ping(self) -> None:
        """Ask whether the server is fit: make the calls that write, on keys of their own, and leave nothing.

        Raises: StoreUnfit where it is older than version 7, a replica, one node of a Cluster, or its user lacks a right.
        """
        client = await self._ready()
        if not self._fit:
            await examine(client, self._prefix)
        await self._probe(client)
        self._fit = True

    async def aclose(self) -> None:
        """Close the client that the store itself opened on this event loop."""
        await self._clients.aclose()

    @property
    def mixed(self) -> bool:
        """Whether ``keys`` may list what is no session at all: without a prefix, every key of the database begins with it."""
        return self._prefix == ""

    async def overlaps(self, other: object) -> bool:
        """Return whether what one lists may be the other's: of two prefixes in one database, one contains the other."""
        if not isinstance(other, RedisStore):
            return False
        mine, theirs = self._prefix, other._prefix
        if not (mine.startswith(theirs) or theirs.startswith(mine)):
            return False
        return await is_one_database(await self._ready(), await other._ready(), unknown=True)

    async def lists(self, other: object) -> bool:
        """Return whether ``keys`` lists what another store keeps as well, so that copies made there would be copied."""
        if not isinstance(other, RedisStore) or self._records.type != other._records.type or self._prefix == other._prefix:
            return False
        if not other._prefix.startswith(self._prefix):
            return False
        return await is_one_database(await self._ready(), await other._ready(), unknown=False)

    async def count(self) -> None:
        """Return ``None``: the server only counts all keys of the database."""

    async def keys(self, cursor: str | None, limit: int) -> tuple[list[str], str | None]:
        """List keys, by SCAN; the octets of one that is not UTF-8 as lone surrogates, as ``os.fsdecode`` gives them.

        Raises: NotImplementedError at a Cluster: its nodes are listed one by one.
        """
        return await scan(await self._ready(), self._prefix, self._records.type, cursor, limit)

    @owner_call
    async def sessions_of(self, owner: str) -> list[Owned]:
        """List the live sessions of an owner."""
        owned = self._digest(check_owner("sessions_of", owner))
        return await self._index.read(await self._ready(), owned)

    @owner_call
    async def destroy_all(self, owner: str, keep: str | None = None) -> int:
        """Remove every session of an owner but one."""
        check_keep(keep)
        owned = self._digest(check_owner("destroy_all", owner))
        client, kept = await self._ready(), None if keep is None else self._prefix + keep
        return await self._index.destroy(client, self._replicas.sender(client), owned, kept)

    async def _ready(self) -> Client:
        """Return the client, once it knows a Cluster's nodes."""
        client = self._clients.get()
        if isinstance(client, RedisCluster):
            # redis-py 8.1.0: of commands that meet at a client which knows no node yet, some fail with AttributeError.
            await client.initialize()
        return client

    async def _probe(self, client: Client) -> None:
        if not self._records.has_owners:
            return await probe(self)
        owner = secrets.token_hex(16)
        try:
            await probe(self, owner=owner)
        finally:
            # An index outlives the records that it lists.
            with contextlib.suppress(RedisError):
                await client.execute_command("UNLINK", self._index.key(self._digest(owner)))

    async def _create(self, client: Client, key: str, fresh: Fresh, index: list[str], size: int | None) -> bool:
        args = [fresh.value, fresh.ttl_ms, fresh.token, fresh.owner]
        reply = await self._records.scripts.create(client.execute_command, [key, *index], args)
        if reply:
            await self._sweep(client, fresh.owner, size or reply - 1)
        return bool(reply)

    async def _listed(self, client: Client, key: str, fresh: Fresh, source: str = "") -> tuple[list[str], int | None]:
        """Return the owner's index for the script that makes the record; where it cannot reach that, write there first.

        Answers with the index, or how many keys it holds now: 0 where the session that comes from ``source`` is to end.
        """
        if not fresh.owner:
            return [], None
        index = self._index.key(fresh.owner)
        if one_slot(client, key, index, *([source] if source else [])):
            return [index], None
        return [], await self._index.insert(client, fresh.owner, key, fresh.ttl_ms, source)

    async def _sweep(self, client: Client, owner: str, size: int) -> None:
        # The record is made: that its owner's index could not be swept is no reason to say that it failed.
        with contextlib.suppress(RedisError, StoreUnfit):
            await self._index.sweep(client, owner, size)

    async def _move_apart(self, client: Client, old: str, new: str, stamp: bytes, fresh: Fresh) -> Moved:
        """Move between slots: make the new one, remove the old one if it still is that version, else remove the new one."""
        found = await self._records.scripts.load(client.execute_command, [old], [0])
        if found is None:
            return Gone()
        conflict = Conflict(found[0], self._records.version(found[0], found[1], *found[3:]))
        if self._records.parts(conflict.version)[0] != stamp:
            return conflict
        index, size = await self._listed(client, new, fresh, old)
        if size == 0:
            await self._records.scripts.take(self._replicas.sender(client), [old], [stamp])
            return Gone()
        if not await self._create(client, new, fresh, index, size):
            return Taken()
        refused: Conflict | Gone | None = Gone()
        try:
            refused = self._refused(await self._records.scripts.take(self._replicas.sender(client), [old], [stamp]))
        finally:
            # Also where the removal failed: no session may stay under two keys. Cancelled or not, this is tried.
            if refused is not None:
                stamp, _ = self._records.parts(self._saved(fresh).version)
                await self._records.scripts.take(client.execute_command, [new], [stamp])
        return refused or self._saved(fresh)

    def _refused(self, reply: Any) -> Conflict | Gone | None:
        if isinstance(reply, list):
            return Conflict(reply[0], self._records.version(*reply))
        return None if reply else Gone()

    def _saved(self, fresh: Fresh) -> Saved:
        return Saved(self._records.version(fresh.value, fresh.token, fresh.owner.encode()))

    def _digest(self, owner: str | None) -> str:
        self._records.check_owner(owner)
        return "" if owner is None else self._index.digest(owner)
