"""What a user of the server needs to be allowed: the commands that docs/stores.md lists, and no key outside of the prefix."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gingersnap import Session, StoreUnfit
from gingersnap.stores import Gone, RedisStore, Saved
from tests.asgi import Sessions
from tests.stores.redis_sites import LONG, Site, new_key
from tests.stores.servers.valkey import Server

DOCS = (Path(__file__).parents[3] / "docs" / "stores.md").read_text()
CATEGORIES = ("+@read", "+@write", "+@scripting", "+@connection")
LISTED = re.search(r"ACL SETUSER gingersnap [^`]*?(\+[^`]*)`", DOCS)
COMMANDS = tuple(LISTED[1].split()) if LISTED else ()


@pytest.fixture(params=["valkey", "redis7"])
def server(request: pytest.FixtureRequest) -> Server:
    """Give Valkey 9 and Redis 7."""
    found: Server = request.getfixturevalue(request.param)
    return found


@asynccontextmanager
async def limited(server: Server, *rules: str, prefix: str = "site:", **options: Any) -> AsyncIterator[RedisStore]:
    """Give the store of a user who has these rights alone."""
    name = f"user-{secrets.token_hex(4)}"
    server.ask("ACL", "SETUSER", name, "on", ">pw", "resetkeys", "resetchannels", "-@all", f"~{prefix}*", *rules)
    url = server.url.replace("//", f"//{name}:pw@")
    async with aclosing(RedisStore.from_url(url, prefix=prefix, **options)) as store:
        yield store
    server.ask("ACL", "DELUSER", name)


async def use(store: Any, **owned: Any) -> None:
    """Make every call once."""
    await store.ping()
    old, new = new_key("ab"), new_key("ab")
    assert await store.create(old, b"{}", LONG, **owned)
    record = await store.load(old, roll=True)
    saved = await store.replace(old, b"[]", LONG, version=record.version)
    moved = await store.move(old, new, b"{}", LONG, version=saved.version, **owned)
    assert isinstance(moved, Saved)
    assert await store.touch(new, 2 * LONG)
    if owned:
        assert [each.key for each in await store.sessions_of(owned["owner"])] == [new]
        assert await store.destroy_all(owned["owner"]) == 1
        assert isinstance(await store.replace(new, b"{}", LONG, version=moved.version), Gone)
    else:
        assert await store.destroy(new)
    cursor = None
    while (cursor := (await store.keys(cursor, 1000))[1]) is not None:
        # The server has other tests' keys as well.
        pass


def test_the_docs_list_commands() -> None:
    assert {"+evalsha", "+eval", "+hset", "+unlink", "+zadd"} <= {*COMMANDS}
    assert "+time" not in COMMANDS


@pytest.mark.parametrize("rules", [CATEGORIES, COMMANDS], ids=["categories", "commands"])
async def test_every_call_is_made_with_the_rights_of_the_docs(server: Server, rules: tuple[str, ...]) -> None:
    async with limited(server, *rules) as store:
        await use(store, owner=secrets.token_hex(8))
    for layout in ("connect-redis", "koa-redis"):
        async with limited(server, *rules, layout=layout) as store:
            await use(store)


async def test_a_site_logs_in_and_out_with_the_rights_of_the_docs(server: Server) -> None:
    async with limited(server, *COMMANDS) as store:
        client = Sessions(store=store, rolling=True)

        async def everywhere(session: Session) -> None:
            assert len(await store.sessions_of("ada")) == 1
            assert await store.destroy_all("ada", keep=session.store_key) == 0

        asks: list[Any] = [lambda s: s.update(n=1), lambda s: s.login("ada"), lambda s: s.update(n=2), everywhere]
        assert [(await client.do(ask)).status for ask in asks] == [200] * 4
        assert (await client.do(lambda s: s.logout())).status == 200
        assert await store.load(client.jar.get("koa.sess", "")) is None


@pytest.mark.parametrize(
    "lacks", ["evalsha", "hset", "hmget", "pexpire", "pexpiretime", "unlink", "rename", "zadd", "zrange", "zscore", "zcard"]
)
async def test_ping_names_the_command_that_a_user_lacks(valkey: Server, lacks: str) -> None:
    valkey.ask("FLUSHALL")
    async with limited(valkey, *COMMANDS, f"-{lacks}") as store:
        with pytest.raises(
            StoreUnfit, match=f"its user may not run {lacks.upper()}; grant the commands and keys that docs/stores.md"
        ):
            await store.ping()
    assert lacks in ("evalsha", "unlink") or valkey.ask("KEYS", "site:*probe*") == []


async def test_ping_tells_of_a_user_without_rights_on_the_prefix(server: Server) -> None:
    async with limited(server, *COMMANDS, prefix="site:") as store:
        store._prefix = "other:"
        with pytest.raises(StoreUnfit, match="its user may not run"):
            await store.ping()


async def test_no_key_outside_of_the_prefix_is_asked_for(valkey_site: Site) -> None:
    async with valkey_site.store(prefix="site:") as store:
        server = valkey_site.servers[0]
        server.ask("FLUSHALL")
        await asyncio.gather(*(use(store, owner=secrets.token_hex(8)) for _ in range(3)))
        found: Any = server.ask("KEYS", "*")
        assert len(found) == 3
        assert [key for key in found if not key.startswith(b"site:")] == []


async def test_waiting_for_replicas_needs_one_right_more(lone_valkey: Server, replica: Server) -> None:
    async with limited(lone_valkey, *COMMANDS, "+wait", wait_replicas=1) as store:
        await use(store, owner="ann")


async def test_a_cluster_needs_two_rights_more(cluster_site: Site) -> None:
    assert "+cluster|slots +command`" in DOCS
    for server in cluster_site.servers:
        server.ask("ACL", "SETUSER", "few", "on", ">pw", "resetkeys", "-@all", "~site:*", *COMMANDS, "+cluster|slots", "+command")
    try:
        async with cluster_site.client(username="few", password="pw") as client:
            store = RedisStore(client, prefix="site:")
            await store.ping()
            assert await store.create(new_key(), b"{}", LONG, owner="bob")
            assert await store.destroy_all("bob") == 1
    finally:
        for server in cluster_site.servers:
            server.ask("ACL", "DELUSER", "few")
