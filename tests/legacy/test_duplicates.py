"""Several cookies of one name, all good, since ``path`` or ``domain`` was changed."""

from typing import Any

import pytest

from gingersnap import Accept
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, Clock, Sessions
from tests.jars import CLIENTS, Client

LATER = 4_102_444_800
HOST = "www.example.com"

MOVES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "domain added": ({}, {"domain": "example.com"}),
    "domain of the host added": ({}, {"domain": HOST}),
    "domain removed": ({"domain": "example.com"}, {}),
    "a shorter path": ({"path": "/app"}, {}),
    "a longer path": ({}, {"path": "/app"}),
    "both": ({}, {"path": "/app", "domain": "example.com"}),
}
LAYOUTS: dict[str, dict[str, Any]] = {
    "own": {},
    "session": {"max_age": "session"},
    "encrypt": {"encrypt": True},
    "koa": {"preset": "koa"},
    "starlette": {"preset": "starlette"},
    "cookie-session": {"preset": "cookie-session"},
    "store": {"store": True},
    "express": {"preset": "express", "store": True},
}


class Site:
    """An application before its cookie moved and after, and a client that has a session of before."""

    def __init__(self, client: str, layout: str, move: str, *, accept: bool = True) -> None:
        self.heard: list[str] = []
        self.clock = Clock()
        given = {**LAYOUTS[layout], "keys": [KEY]}
        if "store" in given:
            given["store"] = MemoryStore(clock=self.clock)
        old, new = MOVES[move]
        listeners = {name: lambda event: self.heard.append(event.name) for name in ("duplicate", "tampered", "missed")}
        accepted = [Accept(**{**given, **old}, until=LATER)] if accept else []
        self.before = Sessions(**{**given, **old, "clock": self.clock})
        self.after = Sessions(**{**given, **new, "accept": accepted, "clock": self.clock, "listeners": listeners})
        self.client = Client(HOST, **CLIENTS[client])

    async def ask(self, look: Any) -> Any:
        self.clock.now += 0.01
        return await self.client.ask(self.after, look, "/app/page")


def login(session: Any) -> None:
    session.regenerate()
    session.update(user="ann", n=0)


def count(session: Any) -> Any:
    session["n"] = session.get("n", 100) + 1
    return session["n"]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("move", MOVES)
async def test_a_login_outlives_a_cookie_that_moves(client: str, layout: str, move: str) -> None:
    site = Site(client, layout, move)
    await site.client.ask(site.before, login, "/app/page")
    assert [await site.ask(dict) for _ in range(2)] == [{"user": "ann", "n": 0}] * 2
    assert [await site.ask(count) for _ in range(3)] == [1, 2, 3]
    await site.ask(login)
    assert [await site.ask(count) for _ in range(3)] == [1, 2, 3]
    await site.ask(lambda session: session.destroy())
    assert await site.ask(dict) == {}
    assert site.heard == []


@pytest.mark.parametrize("layout", ["own", "encrypt", "store"])
async def test_a_domain_that_is_added_explains_two_cookies(layout: str) -> None:
    site = Site("RFC 6265bis", layout, "domain added", accept=False)
    await site.client.ask(site.before, login, "/app/page")
    assert [await site.ask(count) for _ in range(3)] == [1, 2, 3]
    # With a store both hold the same id.
    assert len({key[1] for key in site.client.jar}) == 1
    await site.ask(lambda session: session.destroy())
    assert (await site.ask(dict), site.heard) == ({}, [])


@pytest.mark.parametrize(
    ("options", "refused"),
    [({}, True), ({"path": "/app"}, True), ({"domain": "example.com"}, False), ({"encrypt": True}, True)],
)
async def test_C04_two_that_verify_are_refused_unless_something_explains_them(options: dict[str, Any], refused: bool) -> None:
    # A sibling host can plant a cookie beside one of this host alone, and write over one of the whole domain.
    users = {}
    clock = Clock()
    for user in ("ann", "eve"):
        site = Sessions(**options, clock=clock)
        await site.do(lambda session, user=user: session.update(user=user), path="/app")
        users[user] = [f"{name}={value}" for name, value in site.jar.items()]
        clock.now += 1
    header = "; ".join([*users["eve"], *users["ann"]]).encode()
    for later in (0, LATER):
        accept = [Accept(keys=[KEY], path="/other", until=1)] if later == 0 else []
        site = Sessions(**options, accept=accept, clock=clock)
        seen: list[Any] = []
        await site.do(lambda session, seen=seen: seen.append(dict(session)), headers=[(b"cookie", header)], path="/app")
        assert seen == [{} if refused else {"user": "eve"}]


async def test_what_nobody_signed_beside_it_changes_nothing() -> None:
    site = Site("RFC 6265bis", "own", "domain added")
    await site.client.ask(site.after, login)
    site.client.jar[("koa.sess", HOST, "/", False)] = "forged"
    assert [await site.ask(dict) for _ in range(2)] == [{"user": "ann", "n": 0}] * 2
