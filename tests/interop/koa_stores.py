"""koa-session's external store and ours: two sides with a database each, or several that share one and a client."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import redis
import redis.asyncio

from gingersnap import _core
from gingersnap.stores.redis.store import RedisStore
from tests.asgi import KEY, NOW
from tests.interop.node_and_ours import Answer, Koa, Ours, Peer
from tests.stores.servers.valkey import Server

Kind = Literal["redis", "plain"]
Row = tuple[str, bytes, int]
"""A record: the name of its id, its octets, and how many milliseconds it has."""

DAY_MS = 86_400_000
THEIRS, OURS, SHARED = 1, 2, 3
"""The databases of a pair's two sides, and of those that share one."""
NEAR_MS = 2000
"""How far apart two records may end whose sides were asked one after the other."""
UNKNOWN = "0f3a1c5e-0000-4000-8000-000000000000"


class KoaStyleStore:
    """A store as one would write it for koa-session, over redis-py."""

    def __init__(self, url: str) -> None:
        self.client = redis.asyncio.Redis.from_url(url)

    async def get(self, key: str, max_age: Any, *, rolling: bool, scope: Any) -> Any:
        text = await self.client.get(key)
        return None if text is None else json.loads(text)

    async def set(self, key: str, session: Any, max_age: Any, *, rolling: bool, changed: bool, scope: Any) -> None:
        text = json.dumps(session, separators=(",", ":"), ensure_ascii=False)
        await self.client.set(key, text, px=DAY_MS if max_age == "session" else round(max_age * 1000))

    async def destroy(self, key: str, *, scope: Any) -> None:
        await self.client.delete(key)


@asynccontextmanager
async def store(kind: Kind, url: str) -> AsyncIterator[Any]:
    """Open a store over what Koa writes: ours, or an application's own."""
    opened: Any = RedisStore(url, layout="koa-redis") if kind == "redis" else KoaStyleStore(url)
    try:
        yield opened
    finally:
        await (opened if kind == "redis" else opened.client).aclose()


def sign(pair: str, key: str = KEY) -> str:
    """Sign ``name=value`` as Koa does."""
    return str(_core.Keygrip([key.encode()], "sha1").sign(pair.encode()))


def carry(jar: dict[str, str], client: str, key: str) -> None:
    """Do to a client's cookies what a program says: programs.Client."""
    if client in ("lose", "unknown"):
        jar.clear()
    if client == "unknown":
        jar.update({"koa.sess": UNKNOWN, "koa.sess.sig": sign(f"koa.sess={UNKNOWN}", key)})
    elif client == "forge" and "koa.sess.sig" in jar:
        jar["koa.sess.sig"] = "x" * 27
    elif client == "strip":
        jar.pop("koa.sess.sig", None)


class Side:
    """One side's browser and database, with names in place of ids, in the order in which they came."""

    def __init__(self, port: int, database: int) -> None:
        self.jar: dict[str, str] = {}
        self.client = redis.Redis(port=port, db=database)
        self.client.flushdb()
        self._names: dict[str, str] = {}

    def name(self, id: str) -> str:
        return self._names.setdefault(id, f"id {len(self._names)}")

    def told(self, answer: Answer, keys: tuple[str, ...]) -> Answer:
        """Put names in place of ids, and of each signature which key made it."""
        cookies = [self._line(line, answer.cookies, keys) for line in answer.cookies]
        return Answer(cookies, answer.seen, answer.error)

    def _line(self, line: str, lines: list[str], keys: tuple[str, ...]) -> str:
        name, value, attributes = re.fullmatch("([^=]*)=([^;]*)(.*)", line).groups()
        if value and name.endswith(".sig"):
            of = name.removesuffix(".sig")
            pair = next((other.partition(";")[0] for other in lines if other.startswith(f"{of}=")), f"{of}={self.jar.get(of)}")
            value = f"by key {[sign(pair, key) for key in keys].index(value)}"
        return f"{name}={self.name(value) if re.match('[0-9a-f-]{36}', value) else value}{attributes}"

    def rows(self) -> list[Row]:
        """Read what the database holds; an id that no client was told of has no name."""
        ids = self.client.keys()
        pipe = self.client.pipeline(transaction=False)
        for id in ids:
            pipe.get(id).pttl(id)
        found = pipe.execute()
        names = [self._names.get(id.decode(), "") for id in ids]
        return sorted(zip(names, found[::2], found[1::2], strict=True))


class Pair:
    """koa-session and us, made with the same options and told the same things, each over a database of its own."""

    def __init__(self, peer: Peer, server: Server, store: Any, keys: tuple[str, ...] = (KEY,), **options: Any) -> None:
        self.peer, self.port, self.store = peer, server.port, store
        self.theirs, self.mine = Side(server.port, THEIRS), Side(server.port, OURS)
        self.make(keys, **options)

    def make(self, keys: tuple[str, ...], **options: Any) -> None:
        """Make both anew, with other keys or options; their browsers keep their cookies."""
        self.keys = keys
        self.koa = Koa(self.peer, keys=[*keys], redis=[self.port, THEIRS], **options)
        self.ours = Ours(keys=[*keys], store=self.store, **options)
        self.koa.browser.jar, self.ours.browser.jar = self.theirs.jar, self.mine.jar

    def carry(self, client: str) -> None:
        """Do the same to both clients' cookies."""
        for side in (self.theirs, self.mine):
            carry(side.jar, client, self.keys[0])

    async def do(self, *steps: list[Any], after: float = 0) -> Answer:
        """Take the steps on both sides; see that both answer the same, and that their stores hold the same then."""
        theirs = await self.koa.do(*steps, now=NOW + after)
        ours = await self.ours.do(*steps, now=NOW + after)
        told = self.mine.told(ours, self.keys)
        assert told == self.theirs.told(theirs, self.keys)
        self.compare()
        return told

    def compare(self) -> list[Row]:
        """See that both stores hold the same records, for as long."""
        kept, held = self.theirs.rows(), self.mine.rows()
        assert [(name, text) for name, text, _ in held] == [(name, text) for name, text, _ in kept]
        for (_, _, theirs_ms), (_, _, ours_ms) in zip(kept, held, strict=True):
            assert abs(ours_ms - theirs_ms) < NEAR_MS
        return held


@asynccontextmanager
async def pair(peer: Peer, server: Server, kind: Kind, **options: Any) -> AsyncIterator[Pair]:
    """Give both sides, ours over a store of that kind."""
    async with store(kind, f"{server.url}/{OURS}") as opened:
        yield Pair(peer, server, opened, **options)
