"""The client that RedisStore talks through: the one it was given, or one for each event loop that it opens itself."""

import asyncio
import contextlib
import logging
from typing import Any, TypeAlias

from redis.asyncio import ConnectionPool, Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from ...errors import ConfigError, StoreUnfit
from ..cures import UNSET
from .faults import unfit

logger = logging.getLogger("gingersnap")

Client: TypeAlias = Redis | RedisCluster

_SLOTS = 64
"""In how many places of a Cluster a client is tried that may know one node alone."""

# What a URL is opened with, where its options do not say otherwise.
# - The middleware times each call: a timeout of the driver's own costs 10 us a call and changes nothing.
# - It also tries again, once. What the driver tries again at once is a connection that turned out to be dead.
# - Beyond 50 connections one process gains nothing: who comes then waits for one.
# - RESP2 needs no greeting, and with it the driver looks whether a connection is clean before each use. RESP3 gives that up.
_OPTIONS: dict[str, Any] = {
    "socket_timeout": None,
    "socket_connect_timeout": 5,
    "max_connections": 50,
    "protocol": 2,
}


class _Bounded(Redis):
    """A client that waits for a connection where all are in use; redis-py's pool that does so costs 10 us a call more."""

    room: asyncio.Semaphore

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        async with self.room:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]


class Given:
    """A client of somebody else's, who closes it himself."""

    def __init__(self, client: Client) -> None:
        self._client = client
        _refuse_text(client)

    @property
    def place(self) -> str:
        """Where the server is."""
        return _place(self._client)

    def get(self) -> Client:
        """Return the client."""
        return self._client

    async def aclose(self) -> None:
        """Close nothing."""


class Opened:
    """A client for each running event loop, opened when it is first asked for: connections belong to the loop they began on."""

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        self._url = url
        self._options = _OPTIONS | options
        self._clients: dict[asyncio.AbstractEventLoop, Redis] = {}
        try:
            client = self._open()
        except (TypeError, ValueError):
            # The driver's own message may have the password in it.
            raise ConfigError("client", "its URL or options cannot be used", "give redis://, rediss:// or unix://") from None
        _refuse_text(client)
        self.place = _place(client)

    def get(self) -> Client:
        """Return the running loop's client."""
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            self._clients = {loop: client for loop, client in self._clients.items() if not loop.is_closed()}
            client = self._clients[loop] = self._open()
        return client

    async def aclose(self) -> None:
        """Close the running loop's client; the next call opens another."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    def _open(self) -> Any:
        pool = ConnectionPool.from_url(self._url, **{"retry": Retry(NoBackoff(), 1)} | self._options)
        client: Any = _Bounded.from_pool(pool)
        client.room = asyncio.Semaphore(pool.max_connections)
        return client


def opened(client: Client | ConnectionPool | str, options: dict[str, Any]) -> Given | Opened:
    """Check what a store was given.

    Raises: ConfigError where it is none of those, or answers with ``str``.
    """
    if isinstance(client, str):
        return Opened(client, options)
    if isinstance(client, ConnectionPool):
        return Given(Redis(connection_pool=client))
    if isinstance(client, Redis | RedisCluster):
        return Given(client)
    cure = "give a Redis, RedisCluster or ConnectionPool of redis.asyncio, or a URL" + (f": {UNSET}" if client is None else "")
    raise ConfigError("client", f"it cannot be a {type(client).__module__}.{type(client).__qualname__}", cure)


def _refuse_text(client: Client) -> None:
    if client.get_encoder().decode_responses:
        problem = "it decodes what it reads, and sessions are octets"
        raise ConfigError("client", problem, "make a client without decode_responses=True")


def _place(client: Client) -> str:
    """Return where a client's server is: host and port, the path of a socket, or a Sentinel's name of it."""
    if isinstance(client, RedisCluster):
        return ", ".join([*client.nodes_manager.startup_nodes][:3])
    pool: Any = client.connection_pool
    known = pool.connection_kwargs
    if name := getattr(pool, "service_name", None):
        return f"sentinel: {name}"
    return str(known.get("path") or f"{known.get('host', 'localhost')}:{known.get('port', 6379)}")


def one_slot(client: Client, *keys: str) -> bool:
    """Return whether one script can have these keys."""
    return not isinstance(client, RedisCluster) or len({client.keyslot(key) for key in keys}) == 1


async def examine(client: Client, prefix: str) -> None:
    """Look whether a server is fit: raises where it is too old or one node of a Cluster, warns where it may throw sessions out.

    What it keeps to itself is not held against it.
    """
    if not isinstance(client, RedisCluster):
        await _refuse_node(client, prefix)
    try:
        info = await client.info()
    except ResponseError:
        return
    version = str(info.get("redis_version", ""))
    major = version.partition(".")[0]
    if major.isdigit() and int(major) < 7:
        raise StoreUnfit(f"RedisStore needs Redis 7 or Valkey, and this server is Redis {version}: upgrade it")
    policy = str(info.get("maxmemory_policy", ""))
    if policy.startswith("allkeys-"):
        cure = "set it to noeviction or volatile-ttl"
        logger.warning("Redis throws sessions out when its memory is full: its maxmemory-policy is %s; %s", policy, cure)


async def _refuse_node(client: Redis, prefix: str) -> None:
    """Refuse one node of a Cluster, which has a part of the keys: those that it has not it would refuse later, one by one."""
    pipe = client.pipeline(transaction=False)
    for number in range(_SLOTS):
        pipe.execute_command("EXISTS", f"{prefix}{{{number}}}probe")
    answers = await sent(client, pipe)
    faults = [answer for answer in answers if isinstance(answer, RedisError)]
    if faults:
        raise unfit(faults[0]) or faults[0]


async def sent(client: Client, pipe: Any) -> list[Any]:
    """Send a pipeline; errors are among the answers. Raised by the pipeline, one would have the command in its message."""
    async with client.room if isinstance(client, _Bounded) else contextlib.nullcontext():
        answers: list[Any] = await pipe.execute(raise_on_error=False)
    return answers


async def database(client: Client) -> tuple[str, int] | None:
    """Name what a client reads and writes, by a name that replicas share; ``None`` where that cannot be told."""
    if not isinstance(client, Redis):
        return None
    try:
        replicated = (await client.info("replication")).get("master_replid")
    except ResponseError:
        return None
    return (str(replicated), int(client.connection_pool.connection_kwargs.get("db") or 0)) if replicated else None
