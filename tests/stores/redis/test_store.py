"""RedisStore on Valkey 9, on Redis 7 and on a Cluster: the contract, and what is Redis's own."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis, RedisCluster
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from gingersnap import SessionOptions
from gingersnap.errors import ConfigError
from gingersnap.stores import Conflict, Gone, OwnerIndex, RedisStore, Saved, Taken
from gingersnap.stores.redis.scripts import NATIVE
from gingersnap.testing import StoreContract
from tests.asgi import KEY, Sessions
from tests.stores.node_layouts import NodeContract
from tests.stores.proxy import Proxy
from tests.stores.redis_sites import LONG, Site, Stepped, bare_key, new_key
from tests.stores.servers.valkey import Server


class OnServer(StoreContract):
    """Over a URL; the second store has a client of its own."""

    server: Server
    layout = "native"

    @asynccontextmanager
    async def store(self) -> AsyncIterator[RedisStore]:
        self.server.ask("FLUSHALL")
        async with self.other(None) as store:
            yield store

    @asynccontextmanager
    async def other(self, store: RedisStore | None) -> AsyncIterator[RedisStore]:
        store = RedisStore.from_url(self.server.url, layout=self.layout)
        yield store
        await store.aclose()


class TestValkey(OnServer):
    has_owners = True

    @pytest.fixture(autouse=True)
    def on(self, valkey: Server) -> None:
        self.server = valkey


class TestRedis7(OnServer):
    has_owners = True

    @pytest.fixture(autouse=True)
    def on(self, redis7: Server) -> None:
        self.server = redis7


class TestConnectRedis(OnServer, NodeContract):
    layout = "connect-redis"

    @pytest.fixture(autouse=True)
    def on(self, valkey: Server) -> None:
        self.server = valkey


class TestKoaRedis(TestConnectRedis):
    layout = "koa-redis"


class TestCluster(StoreContract):
    has_owners = True

    @pytest.fixture(autouse=True)
    def on(self, redis_cluster: list[Server]) -> None:
        self.nodes = redis_cluster

    @asynccontextmanager
    async def store(self) -> AsyncIterator[RedisStore]:
        for node in self.nodes:
            node.ask("FLUSHALL")
        async with self.other(None) as store:
            yield store

    @asynccontextmanager
    async def other(self, store: RedisStore | None) -> AsyncIterator[RedisStore]:
        async with RedisCluster.from_url(self.nodes[0].url) as client:
            yield RedisStore(client)


@pytest.mark.parametrize("owner", [None, "ann"])
async def test_each_call_is_one_round_trip(valkey: Server, owner: str | None) -> None:
    with Proxy(("127.0.0.1", valkey.port)) as proxy:
        store = RedisStore.from_url(f"redis://{proxy.host}:{proxy.port}")

        async def trips(call: Awaitable[Any]) -> int:
            before = proxy.requests
            await call
            return proxy.requests - before

        for known in (False, True):
            old, new = [new_key("aaaa") for _ in range(2)]
            made = await trips(store.create(old, b"{}", LONG, owner=owner))
            loaded = [await trips(store.load(old)), await trips(store.load(old, roll=True))]
            version = (await store.load(old)).version
            replaced = await trips(store.replace(old, b"1", LONG, version=version))
            version = (await store.load(old)).version
            moved = await trips(store.move(old, new, b"2", LONG, version=version, owner=owner))
            # An owner's index, which no call is told of here, is made to live as long in a second one.
            touched = await trips(store.touch(new, 2 * LONG)) - (owner is not None)
            again = await trips(store.touch(new, LONG))
            ended = await trips(store.destroy(new))
            assert not known or [made, *loaded, replaced, moved, touched, again, ended] == [1] * 8
        await store.aclose()


async def test_a_script_that_the_server_forgot_is_sent_again(redis_site: Site) -> None:
    old, new, bare = new_key("aaaa"), new_key("aaaa"), bare_key()

    def forget() -> None:
        for server in redis_site.servers:
            server.ask("SCRIPT", "FLUSH")

    async with redis_site.store() as store:
        forget()
        assert await store.create(old, b"0", LONG, owner="ann")
        forget()
        record = await store.load(old)
        assert record is not None
        forget()
        saved = await store.replace(old, b"1", LONG, version=record.version)
        assert isinstance(saved, Saved)
        forget()
        saved = await store.move(old, new, b"2", LONG, version=saved.version, owner="ann")
        assert isinstance(saved, Saved)
        forget()
        assert isinstance(await store.move(new, bare, b"3", LONG, version=saved.version, owner="ann"), Saved)
        forget()
        assert await store.touch(bare, 2 * LONG)
        forget()
        assert [each.key for each in await store.sessions_of("ann")] == [bare]
        forget()
        assert await store.destroy_all("ann") == 1


async def test_a_call_that_the_driver_sends_again_knows_its_own_work(redis_site: Site) -> None:
    old, new = "{aaaa}old", "{aaaa}new"
    async with redis_site.store(), redis_site.client() as client:
        send = client.execute_command
        assert [await NATIVE.create(send, [old], ["0", LONG, "v0", ""]) for _ in range(2)] == [1, 1]
        assert [await NATIVE.replace(send, [old], ["v0", "1", LONG, "v1"]) for _ in range(2)] == [1, 1]
        assert [await NATIVE.move(send, [old, new], ["v1", "2", LONG, "v2", ""]) for _ in range(2)] == [1, 1]
        # Another's is another's, all the same.
        assert await NATIVE.create(send, [new], ["0", LONG, "other", ""]) == 0
        assert await NATIVE.replace(send, [new], ["v0", "1", LONG, "other"]) == [b"2", b"v2", None]
        assert await NATIVE.move(send, [old, new], ["v1", "2", LONG, "other", ""]) == 0


async def test_a_restarted_server_is_found_again(lone_valkey: Server) -> None:
    store = RedisStore.from_url(lone_valkey.url)
    key = new_key()
    await store.create(key, b"{}", LONG)
    lone_valkey.kill()
    with pytest.raises(RedisConnectionError):
        await store.load(key)
    lone_valkey.start()
    assert await store.load(key) is None
    assert await store.create(key, b"{}", LONG)
    await store.aclose()


async def test_a_lifetime_below_a_millisecond_is_one(redis_site: Site) -> None:
    async with redis_site.store() as store:
        key = new_key()
        assert await store.create(key, b"{}", 0)
        assert await store.create(new_key(), b"{}", -5)


async def test_errors_name_no_key_and_no_value(redis_site: Site) -> None:
    key, other = new_key("aaaa"), new_key("aaaa")
    async with redis_site.store(wait_replicas=1) as store:
        assert await store.create(key, b"{}", LONG)
        version = (await store.load(key)).version
        index = store._index.key(store._digest("aaaa"))
        redis_site.ask("LPUSH", index, "list", key=index)
        for call in (
            lambda: store.create(other, b"secret", LONG, owner="aaaa"),
            lambda: store.move(key, other, b"secret", LONG, version=version, owner="aaaa"),
        ):
            with pytest.raises(ResponseError) as caught:
                await call()
            assert "WRONGTYPE" in str(caught.value)
            assert key not in str(caught.value)
            assert "secret" not in str(caught.value)


FOREIGN = {
    "list": ("LPUSH", "a job"),
    "set": ("SADD", "one"),
    "stream": ("XADD", "*", "name", "word"),
    "string": ("SET", "a word"),
    "hash": ("HSET", "name", "word"),
}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("layout", ["native", "connect-redis", "koa-redis"])
async def test_S05_what_somebody_else_keeps_under_a_key_is_no_record_and_stays(redis_site: Site, layout: str, kind: str) -> None:
    if kind == ("hash" if layout == "native" else "string"):
        return
    key, other = new_key("aaaa"), new_key("aaaa")
    async with redis_site.store(layout=layout) as store:
        stored = store._prefix + key
        verb, *given = FOREIGN[kind]
        redis_site.ask(verb, stored, *given, key=stored)
        before = redis_site.ask("DUMP", stored, key=stored)
        assert await store.create(other, b"{}", LONG)
        version = (await store.load(other)).version
        assert [await store.load(key), await store.load(key, roll=True)] == [None, None]
        assert await store.create(key, b"{}", LONG) is False
        assert await store.replace(key, b"{}", LONG, version=version) == Gone()
        assert await store.move(key, new_key("aaaa"), b"{}", LONG, version=version) == Gone()
        assert await store.move(other, key, b"{}", LONG, version=version) == Taken()
        assert await store.touch(key, LONG) is False
        assert await store.destroy(key) is False
        assert (redis_site.ask("DUMP", stored, key=stored), redis_site.ask("PTTL", stored, key=stored)) == (before, -1)


async def test_S05_a_cancelled_call_leaves_no_reply_behind(valkey_site: Site) -> None:
    async with valkey_site.store():
        store = RedisStore.from_url(valkey_site.servers[0].url, max_connections=4)
        keys = [new_key() for _ in range(32)]
        for key in keys:
            await store.create(key, key.encode(), LONG)

        async def ask(key: str) -> None:
            for _ in range(40):
                task = asyncio.create_task(store.load(key))
                for _ in range(random.randrange(12)):
                    await asyncio.sleep(0)
                task.cancel()
                answer = (await asyncio.gather(task, return_exceptions=True))[0]
                assert isinstance(answer, asyncio.CancelledError) or answer.value == key.encode()

        await asyncio.gather(*(ask(key) for key in keys))
        assert [(await store.load(key)).value for key in keys] == [key.encode() for key in keys]
        await store.aclose()


@pytest.mark.parametrize(("layout", "key"), [("connect-redis", "sess:4711"), ("koa-redis", "4711")])
async def test_a_record_of_node_is_a_string_of_whole_seconds(redis_site: Site, layout: str, key: str) -> None:
    async with redis_site.store(layout=layout) as store:
        redis_site.ask("SET", key, '{"cookie":{}}', "PX", LONG, key=key)
        record = await store.load("4711")
        assert record.value == record.version == b'{"cookie":{}}'
        await store.replace("4711", b'{"views":1}', LONG + 1, version=record.version)
        assert redis_site.ask("GET", key, key=key) == b'{"views":1}'
        assert LONG < redis_site.ask("PTTL", key, key=key) <= LONG + 1000
        assert isinstance(await store.replace("4711", b"", LONG, version=record.version), Conflict)


async def test_a_record_of_node_that_never_ends_stays_so(redis_site: Site) -> None:
    async with redis_site.store(layout="koa-redis") as store:
        redis_site.ask("SET", "koa:sess:1", "{}", key="koa:sess:1")
        assert (await store.load("koa:sess:1", roll=True)).ttl_ms is None
        assert await store.touch("koa:sess:1", LONG)
        assert redis_site.ask("PTTL", "koa:sess:1", key="koa:sess:1") == -1


async def test_disable_ttl_gives_no_record_an_end(redis_site: Site) -> None:
    async with redis_site.store(layout="connect-redis", disable_ttl=True) as store:
        await store.ping()
        assert await store.create("1", b"{}", LONG)
        assert not await store.create("1", b"{}", LONG)
        version = (await store.load("1")).version
        version = (await store.replace("1", b'{"n":1}', LONG, version=version)).version
        assert await store.touch("1", LONG)
        assert redis_site.ask("PTTL", "sess:1", key="sess:1") == -1
        # Node's own end stays as it is.
        redis_site.ask("SET", "sess:2", "{}", "PX", LONG, key="sess:2")
        assert await store.touch("2", 2 * LONG)
        assert 0 < redis_site.ask("PTTL", "sess:2", key="sess:2") <= LONG
        await store.move("1", "3", b'{"n":2}', LONG, version=version)
        assert redis_site.ask("PTTL", "sess:3", key="sess:3") == -1
        assert await store.load("1") is None
        record = await store.load("3")
        assert (record.value, record.ttl_ms) == (b'{"n":2}', None)
        # What is to end at once does.
        await store.replace("3", b"{}", 1, version=record.version)
        await asyncio.sleep(0.02)
        assert await store.load("3") is None


def test_disable_ttl_is_for_connect_redis_alone() -> None:
    with pytest.raises(ConfigError, match="disable_ttl"):
        RedisStore.from_url("redis://h", disable_ttl=True)


async def test_a_record_of_node_rolls_by_touch(redis_site: Site) -> None:
    async with redis_site.store(layout="koa-redis") as store:
        await store.create("a", b"{}", LONG)
        assert (await store.load("a", roll=True)).ttl_ms <= LONG
        assert await store.touch("a", 2 * LONG)
        assert (await store.load("a")).ttl_ms > LONG


async def test_a_record_of_node_has_no_owner(valkey_site: Site) -> None:
    async with valkey_site.store(layout="koa-redis") as store:
        assert not isinstance(store, OwnerIndex)
        with pytest.raises(ConfigError, match="owner"):
            await store.create("a", b"{}", LONG, owner="ann")


@pytest.mark.parametrize("layout", ["native", "connect-redis"])
async def test_between_slots_a_move_gives_the_same_answers(cluster_site: Site, layout: str) -> None:
    async with cluster_site.store(layout=layout) as store:
        old, new, taken = "a", "b", "c"
        for key in (old, taken):
            await store.create(key, key.encode(), LONG)
        first = (await store.load(old)).version
        saved = await store.replace(old, b"2", LONG, version=first)
        conflict = await store.move(old, new, b"3", LONG, version=first)
        assert conflict == Conflict(b"2", saved.version)
        assert await store.move(old, taken, b"3", LONG, version=saved.version) == Taken()
        assert await store.move("never", new, b"3", LONG, version=saved.version) == Gone()
        assert await store.load(new) is None
        moved = await store.move(old, new, b"3", LONG, version=saved.version)
        record = await store.load(new)
        assert (record.value, record.version) == (b"3", moved.version)
        assert await store.load(old) is None
        assert await store.move(old, "d", b"4", LONG, version=moved.version) == Gone()


@pytest.mark.parametrize("nth", range(4))
async def test_between_slots_a_move_that_fails_leaves_one_session(cluster_site: Site, nth: int) -> None:
    """Whichever of its four commands fails, the session is under the old key or nowhere, and never under two."""

    async def cut() -> None:
        raise RedisConnectionError("cut")

    async with cluster_site.store() as store, cluster_site.client(Stepped) as client:
        await store.create("a", b"1", LONG, owner="ann")
        version = (await store.load("a")).version
        client.nth, client.step = nth, cut
        with pytest.raises(RedisConnectionError):
            await RedisStore(client).move("a", "b", b"2", LONG, version=version, owner="ann")
        assert [each.key for each in await store.sessions_of("ann")] == ["a"]
        assert await store.destroy_all("ann") == 1
        assert await store.load("b") is None


async def test_between_slots_parallel_moves_leave_one_successor(cluster_site: Site) -> None:
    async with cluster_site.store() as store:
        for _ in range(50):
            old, *new = [bare_key() for _ in range(5)]
            await store.create(old, b"0", LONG)
            version = (await store.load(old)).version
            answers = await asyncio.gather(*(store.move(old, key, b"1", LONG, version=version) for key in new))
            alive = [key for key in [old, *new] if await store.load(key)]
            assert alive == [key for key, answer in zip(new, answers, strict=True) if isinstance(answer, Saved)]
            assert len(alive) == 1


async def test_removals_wait_for_replicas(lone_valkey: Server, replica: Server, caplog: pytest.LogCaptureFixture) -> None:
    old, new = new_key("aaaa"), new_key("aaaa")
    store = RedisStore.from_url(lone_valkey.url, wait_replicas=1)
    assert await store.create(old, b"0", LONG, owner="ann")
    version = (await store.load(old)).version
    assert isinstance(await store.move(old, new, b"1", LONG, version=version, owner="ann"), Saved)
    assert replica.ask("EXISTS", f"gingersnap:{old}", f"gingersnap:{new}") == 1
    os.kill(replica.process.pid, signal.SIGSTOP)
    # What the primary has done is done. The second time there is nothing to remove, and no less to wait for.
    assert [await store.destroy_all("ann") for _ in range(2)] == [1, 0]
    assert [await store.destroy(new) for _ in range(2)] == [False, False]
    os.kill(replica.process.pid, signal.SIGCONT)
    assert await store.destroy_all("ann") == 0
    assert replica.ask("DBSIZE") == 1  # the index
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", f"RedisStore: a removal is done at the primary, but a failover could undo it: {LACKING}"),
        ("WARNING", "RedisStore: 1 of 1 replicas acknowledge removals again"),
    ]
    await store.aclose()


LACKING = "0 of 1 replicas have acknowledged within 500 ms"


async def test_a_login_and_a_logout_that_no_replica_acknowledges_are_done(lone_valkey: Server) -> None:
    async with aclosing(RedisStore.from_url(lone_valkey.url, wait_replicas=1)) as store:
        client = Sessions(store=store)
        await client.do(lambda s: s.update(n=1))
        old = {**client.jar}
        assert (await client.do(lambda s: s.login("ada"))).status == 200
        assert client.jar != old
        assert await client.data() == {"n": 1}
        jar = {**client.jar}
        assert (await client.do(lambda s: s.logout())).status == 200
        assert client.jar == {}
        for gone in (old, jar):
            client.browser.jar = {**gone}
            assert await client.data() == {}


async def test_a_user_who_may_not_wait_is_told_and_served(lone_valkey: Server, caplog: pytest.LogCaptureFixture) -> None:
    lone_valkey.ask("ACL", "SETUSER", "hasty", "on", "nopass", "~*", "+@all", "-wait")
    async with Redis.from_url(lone_valkey.url, username="hasty", password="x") as client:
        store, key = RedisStore(client, wait_replicas=1), new_key()
        await store.create(key, b"{}", LONG)
        assert await store.destroy(key)
    assert "its user may not run WAIT; grant the commands and keys that docs/stores.md lists" in caplog.text


async def test_too_little_time_to_wait_for_replicas_is_refused(valkey: Server) -> None:
    store = RedisStore(valkey.url, wait_replicas=1)
    for seconds in (0.9, timedelta(milliseconds=999)):
        with pytest.raises(ConfigError, match=r"^store_timeout: with wait_replicas .+; give 1\.0 or more"):
            SessionOptions(keys=[KEY], store=store, store_timeout=seconds)
    assert SessionOptions(keys=[KEY], store=store, store_timeout=1)


async def test_a_cluster_without_replicas_does_not_wait_for_one_in_vain(cluster_site: Site) -> None:
    async with cluster_site.store(wait_replicas=1) as store:
        key = new_key()
        await store.create(key, b"0", LONG)
        assert await store.destroy(key)
        assert await store.load(key) is None


async def test_calls_that_meet_at_a_cluster_nobody_has_asked_before_all_succeed(cluster_site: Site) -> None:
    for _ in range(5):
        async with cluster_site.client() as client:
            store = RedisStore(client)
            made = (store.create(new_key(), b"{}", LONG, owner=str(number % 7)) for number in range(50))
            assert await asyncio.gather(*made) == [True] * 50
