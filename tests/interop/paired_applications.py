"""Two sides that are told the same, each with a client and a database of its own, or that take turns at one of both."""

import random
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import redis

from gingersnap.stores.redis.store import RedisStore
from tests.asgi import KEY, NOW
from tests.interop.koa_stores import NEAR_MS, OURS, SHARED, THEIRS, Row
from tests.interop.node_and_ours import Answer, Peer
from tests.interop.system_options import LINE, Given, Keys, Mine, System, Theirs
from tests.stores.servers.valkey import Server

FOR_EVER = -1
"""The lifetime of a record that has none."""


@asynccontextmanager
async def store(system: System, server: Server | None, database: int) -> AsyncIterator[RedisStore | None]:
    """Open a store over what the system's own store writes, if it has one."""
    if server is None:
        yield None
        return
    opened = RedisStore(f"{server.url}/{database}", layout="connect-redis" if system.preset == "express" else "koa-redis")
    try:
        yield opened
    finally:
        await opened.aclose()


class Side:
    """One side's client and database, with names in place of ids, in the order in which they came."""

    def __init__(self, system: System, server: Server | None, database: int) -> None:
        self.system = system
        self.jar: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.database = None if server is None else (server.port, database)
        self.client = None if server is None else redis.Redis(port=server.port, db=database)
        if self.client is not None:
            self.client.flushdb()

    @property
    def record(self) -> str | None:
        """The key of the record of the id that the client has."""
        id = self.system.id_in(self.jar)
        return None if self.client is None or id is None else f"{self.system.prefix}{id}"

    def is_live(self) -> bool:
        return self.client is not None and self.record is not None and bool(self.client.exists(self.record))

    def carry(self, client: str, key: str) -> None:
        """Do to the client's cookies, or to its record, what a program says."""
        self.system.carry(self.jar, client, key)
        if self.client is None or self.record is None:
            return
        if client == "expire":
            self.client.delete(self.record)
        elif client == "age" and (left_ms := self.client.pttl(self.record)) > 1:
            self.client.pexpire(self.record, left_ms // 2)

    def told(self, lines: list[str], keys: Keys) -> list[str]:
        """Put names in place of ids, and of each signature which key made it."""
        return lines if self.system.prefix is None else [self._line(line, keys) for line in lines]

    def _line(self, line: str, keys: Keys) -> str:
        match = LINE.fullmatch(line)
        assert match is not None
        name, value, attributes = match.groups()
        if "01 Jan 1970" in line:
            # Not theirs: koa-generic-session ends a cookie by `path` alone.
            return f"{name} ends"
        id = self.system.id_in({**self.jar, self.system.key: value} if name == self.system.key else self.jar) or ""
        if name == self.system.key:
            self.names.setdefault(id, f"id {len(self.names)}")
        signed = [self.system.cookies(id, key)[name] == value for key in keys]
        return f"{name}={self.names[id]} by key {signed.index(True)}{attributes}"

    def rows(self) -> list[Row]:
        """Read what the database holds; an id that no client was told of has no name."""
        if self.client is None:
            return []
        keys = self.client.keys()
        pipe = self.client.pipeline(transaction=False)
        for key in keys:
            pipe.get(key).pttl(key)
        found = pipe.execute()
        prefix = self.system.prefix or ""
        assert all(key.decode().startswith(prefix) for key in keys)
        names = [self.names.get(key.decode().removeprefix(prefix), "") for key in keys]
        return sorted(zip(names, found[::2], found[1::2], strict=True))


class Pair:
    """The original and us. ``dice``: our side is the original's too, whose requests go at random to either."""

    def __init__(
        self,
        system: System,
        peer: Peer,
        server: Server | None = None,
        store: Any = None,
        dice: random.Random | None = None,
        **options: Any,
    ) -> None:
        self.system = system = replace(system, key=options.get("key", system.key), prefix=options.get("prefix", system.prefix))
        self.peer, self.store, self.dice = peer, store, dice
        self.options: Given = options
        self.keys: Keys = (KEY,)
        self.theirs = Side(system, server, THEIRS)
        self.mine = Side(system, server, OURS if dice is None else SHARED)
        # Whether our side has yet to answer a cookie of an older key.
        self.turned = False
        # What a server says of the connection to ours.
        self.scope: Given = {}

    def carry(self, client: str) -> None:
        """Do the same to both clients; "rotate": have both sides get a newer key."""
        if client == "rotate":
            self.keys = (f"{KEY}{len(self.keys)}", *self.keys)
            self.turned = True
        for side in (self.theirs, self.mine):
            side.carry(client, self.keys[0])

    def original(self, side: Side | None = None) -> Theirs:
        side = side or self.theirs
        return Theirs(self.system, self.peer, self.keys, self.options, side.jar, side.database)

    def ours(self) -> Mine:
        return Mine(self.system, self.keys, self.options, self.mine.jar, self.store, self.scope)

    async def do(self, *steps: list[Any], after: float = 0, **given: Any) -> Answer:
        """Take the steps on both sides; see that both answer the same, and that their stores hold the same then."""
        was_live = self.theirs.is_live()
        turn = self.ours() if self.dice is None or self.dice.random() < 0.5 else self.original(self.mine)
        theirs = await self.original().do(*steps, now=NOW + after, **given)
        ours = await turn.do(*steps, now=NOW + after, **given)
        kept, told = self.theirs.told(theirs.cookies, self.keys), self.mine.told(ours.cookies, self.keys)
        assert (ours.seen, ours.error) == (theirs.seen, theirs.error)
        if not was_live and (ended := [f"{self.system.key} ends", f"{self.system.key}.sig ends"]) == kept:
            # Not theirs: koa-generic-session takes back an id that it does not find.
            kept, told = [], [] if told == ended and self.dice is not None else told
            self.mine.jar.clear()
        assert self._unturned(told, kept) == kept
        self.compare()
        return Answer(told, ours.seen, ours.error)

    def _unturned(self, told: list[str], kept: list[str]) -> list[str]:
        """Leave out what ours alone says to an older key: the cookie, by the newest."""
        if not told or not self.turned:
            return told
        self.turned = False
        return kept if not kept and all(" by key 0" in line for line in told) else told

    def compare(self) -> list[Row]:
        """See that both stores hold the same records, for as long."""
        kept, held = self.theirs.rows(), self.mine.rows()
        assert [(name, text) for name, text, _ in held] == [(name, text) for name, text, _ in kept]
        for (_, _, theirs_ms), (_, _, ours_ms) in zip(kept, held, strict=True):
            # Not theirs: koa-generic-session keeps a session of the browser for ever.
            assert theirs_ms == FOR_EVER or abs(ours_ms - theirs_ms) < NEAR_MS
        return held


@asynccontextmanager
async def pair(system: System, peer: Peer, server: Server, **options: Any) -> AsyncIterator[Pair]:
    """Give both sides, ours over a store of its own."""
    async with store(system, server, OURS) as opened:
        yield Pair(system, peer, server, opened, **options)


def left_s(both: Pair) -> int:
    """Say how long both records have, in seconds."""
    [(_, _, left_ms)] = both.compare()
    return round(left_ms / 1000)


MakePair = partial[AbstractAsyncContextManager[Pair]]
"""What makes both sides of a test."""
