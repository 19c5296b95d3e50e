"""What RedisStore may be given, what it opens and closes, and which servers it takes."""

import asyncio
import logging
import subprocess
import sys
from typing import Any

import pytest
import redis
from redis.asyncio import ConnectionPool, Redis, RedisCluster, Sentinel

from gingersnap.errors import ConfigError
from gingersnap.stores import OwnerIndex, RedisStore
from tests.stores.redis_sites import LONG, Site, new_key
from tests.stores.servers.valkey import Server

URL = "redis://:hush-hush@127.0.0.1:1"


def text_pool() -> ConnectionPool:
    return ConnectionPool.from_url(URL, decode_responses=True)


REFUSED: list[tuple[str, Any, dict[str, Any]]] = [
    ("client", lambda: None, {}),
    ("client", lambda: redis.Redis.from_url(URL), {}),
    ("client", lambda: "http://127.0.0.1", {}),
    ("client", lambda: "", {}),
    ("client", lambda: URL + "?socket_timeout=soon", {}),
    ("client", lambda: URL, {"max_connections": -1}),
    ("client", lambda: URL + "?decode_responses=True", {}),
    ("client", lambda: URL, {"decode_responses": True}),
    ("client", lambda: Redis.from_url(URL, decode_responses=True), {}),
    ("client", text_pool, {}),
    ("client", lambda: RedisCluster.from_url(URL, decode_responses=True), {}),
    ("socket_timeout", lambda: Redis.from_url(URL), {"socket_timeout": 1}),
    ("layout", lambda: URL, {"layout": "hash"}),
    ("prefix", lambda: URL, {"prefix": b"sess:"}),
    ("wait_replicas", lambda: URL, {"wait_replicas": -1}),
    ("wait_replicas", lambda: URL, {"wait_replicas": True}),
    ("wait_replicas", lambda: URL, {"wait_replicas": "1"}),
]


@pytest.mark.parametrize(("option", "client", "options"), REFUSED)
async def test_what_cannot_be_used_is_refused_at_once(option: str, client: Any, options: dict[str, Any]) -> None:
    given = client()
    with pytest.raises(ConfigError) as caught:
        RedisStore(given, **options)
    assert caught.value.option == option
    assert "hush" not in str(caught.value)
    if isinstance(given, RedisCluster):
        given._initialize = False  # it never began, and would warn that it was not closed
        await given.aclose()


@pytest.mark.parametrize("layout", ["plain", "connect-pg-simple", "", None, []])
def test_a_layout_that_is_none_is_told_with_those_that_there_are(layout: Any) -> None:
    with pytest.raises(ConfigError, match="'native', 'connect-redis', 'koa-redis'"):
        RedisStore(URL, layout=layout)


def test_a_subclass_has_the_layout_that_it_is_given() -> None:
    class Mine(RedisStore):
        pass

    assert isinstance(Mine(URL), OwnerIndex)
    assert type(Mine(URL, layout="koa-redis")) is Mine
    assert not isinstance(Mine(URL, layout="koa-redis"), OwnerIndex)


async def test_a_pool_and_a_client_stay_their_owners(valkey: Server) -> None:
    pool = ConnectionPool.from_url(valkey.url)
    client = Redis(connection_pool=pool)
    for given in (pool, client):
        store = RedisStore(given)
        key = new_key()
        await store.create(key, b"{}", LONG)
        await store.aclose()
        assert pool._available_connections[0].is_connected
        assert await store.load(key)
    await pool.aclose()


async def test_a_client_of_a_sentinel_just_works(lone_valkey: Server, sentinel: Server) -> None:
    watcher = Sentinel([("127.0.0.1", sentinel.port)])
    async with watcher.master_for("sessions") as client:
        store = RedisStore(client)
        key = new_key()
        assert await store.create(key, b"{}", LONG, owner="ann")
        assert [each.key for each in await store.sessions_of("ann")] == [key]
        await store.ping()
    for each in watcher.sentinels:
        await each.aclose()
    assert lone_valkey.ask("DBSIZE") == 2


def test_a_store_made_of_a_url_serves_one_event_loop_after_another(valkey: Server) -> None:
    store, key = RedisStore.from_url(valkey.url), new_key()

    async def one(index: int) -> None:
        assert await store.create(key, b"{}", LONG) == (index == 0)
        assert await asyncio.gather(*(store.load(key) for _ in range(20)))
        await store.aclose()
        await store.aclose()
        assert await store.load(key)
        await store.aclose()

    for index in range(3):
        asyncio.run(one(index))
    assert store._clients._clients == {}


async def test_more_calls_than_connections_wait_their_turn(valkey: Server) -> None:
    store = RedisStore.from_url(valkey.url, max_connections=2)
    keys = [new_key() for _ in range(100)]
    assert all(await asyncio.gather(*(store.create(key, b"{}", LONG) for key in keys)))
    assert len(store._clients.get().connection_pool._available_connections) == 2
    await store.aclose()


@pytest.mark.parametrize("protocol", [2, 3])
async def test_either_protocol_will_do(redis_site: Site, protocol: int) -> None:
    async with redis_site.client(protocol=protocol) as client:
        store = RedisStore(client)
        key = new_key()
        assert await store.create(key, b"{}", LONG, owner=key)
        assert (await store.load(key)).value == b"{}"
        assert await store.destroy_all(key) == 1
        await store.ping()


async def test_ping_asks_whether_the_server_is_fit_once(redis_site: Site) -> None:
    async with redis_site.store() as store:
        before = redis_site.calls("info")
        asked = len(redis_site.servers)
        await store.ping()
        after = redis_site.calls("info")
        await store.ping()
        # Counting asks for INFO too, once a server.
        assert (after - before - asked, redis_site.calls("info") - after - asked) == (1, 0)


async def test_ping_refuses_a_server_without_what_touch_needs(valkey: Server) -> None:
    class Old(Redis):
        async def info(self, *args: Any, **options: Any) -> Any:
            return {"redis_version": "6.2.14"}

    async with Old.from_url(valkey.url) as client:
        for _ in range(2):
            with pytest.raises(RuntimeError, match=r"6\.2\.14: upgrade"):
                await RedisStore(client).ping()


async def test_ping_warns_once_of_a_server_that_throws_sessions_out(lone_valkey: Server, caplog: pytest.LogCaptureFixture) -> None:
    lone_valkey.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    async with Redis.from_url(lone_valkey.url) as client:
        store = RedisStore(client)
        with caplog.at_level(logging.WARNING, "gingersnap"):
            await store.ping()
            await store.ping()
    assert [record.name for record in caplog.records] == ["gingersnap"]
    assert "allkeys-lru" in caplog.text


async def test_ping_does_not_mind_a_server_that_keeps_to_itself(lone_valkey: Server) -> None:
    lone_valkey.ask("ACL", "SETUSER", "shy", "on", "nopass", "~*", "+@all", "-info", "-config")
    async with Redis.from_url(lone_valkey.url, username="shy", password="x") as client:
        await RedisStore(client).ping()


def test_a_missing_driver_names_the_cure() -> None:
    code = "import sys; sys.modules['redis'] = None; from gingersnap.stores import RedisStore"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stderr.splitlines()[-1] == "ImportError: RedisStore needs redis-py: pip install 'gingersnap[redis]'"
