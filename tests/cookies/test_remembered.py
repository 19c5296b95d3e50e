"""The cookie's attributes that an application set hold for the session's later responses."""

from typing import Any

import pytest

from gingersnap import Accept
from gingersnap.cookies.remembered import attributes_of, member_of, owner_of, with_member
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, OLD_KEY, Clock, Sessions
from tests.jars import Client

LATER = 4_102_444_800
HOST = "www.example.com"
PLACES: dict[str, dict[str, Any]] = {
    "own": {},
    "session": {"max_age": "session"},
    "encrypt": {"encrypt": True},
    "memory": {"store": MemoryStore},
    "memory, rolling": {"store": MemoryStore, "rolling": True},
}


def site_of(place: str, **more: Any) -> Sessions:
    given = {**PLACES[place]}
    if "store" in given:
        given["store"] = given["store"]()
    return Sessions(**given, **more)


def widen(session: Any) -> None:
    session["n"] = session.get("n", 0) + 1
    session.cookie.domain = "example.com"
    session.cookie.path = "/app"


def count(session: Any) -> Any:
    session["n"] = session.get("n", 100) + 1
    return session["n"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("late", [False, True])
async def test_later_writes_and_the_removal_are_where_the_cookie_is(place: str, late: bool) -> None:
    clock = Clock()
    site, client = site_of(place, clock=clock), Client(HOST, bis=True)
    heard: list[str] = []
    site.browser.app.options.on("duplicate", lambda event: heard.append(event.name))  # type: ignore[attr-defined]
    if late:
        # One that has a cookie in the usual place already: that is removed.
        await client.ask(site, lambda session: session.update(n=0), "/app/page")
    await client.ask(site, widen, "/app/page")
    where = {key[1:] for key in client.jar}
    assert where == {("example.com", "/app", True)}
    for n in (2, 3):
        clock.now += 4000
        assert await client.ask(site, count, "/app/page") == n
    assert await client.ask(site, lambda session: (session.cookie.domain, session.cookie.path), "/app/page") == (
        "example.com",
        "/app",
    )
    await client.ask(site, lambda session: session.regenerate(), "/app/page")
    assert {key[1:] for key in client.jar} == where
    await client.ask(site, lambda session: session.destroy(), "/app/page")
    assert (client.jar, heard) == ({}, [])


@pytest.mark.parametrize("place", PLACES)
async def test_it_goes_with_the_owner_and_a_lifetime_of_its_own(place: str) -> None:
    site, client = site_of(place), Client(HOST)
    await client.ask(site, widen, "/app")
    await client.ask(site, lambda session: (session.login("ann"), setattr(session, "max_age", 60)), "/app")
    await client.ask(site, count, "/app")
    seen = await client.ask(site, lambda session: (session.owner, session.max_age, session.cookie.path, dict(session)), "/app")
    assert seen == ("ann", 60, "/app", {"n": 2})


async def test_an_owner_is_taken_over_without_the_attributes_of_the_old_cookie() -> None:
    client = Client(HOST)
    before = Sessions(keys=[OLD_KEY])
    await client.ask(before, lambda session: (session.login("ann"), setattr(session.cookie, "same_site", "strict")))
    after = Sessions(keys=[KEY], accept=[Accept(keys=[OLD_KEY], until=LATER)])
    assert await client.ask(after, lambda session: session.owner) == "ann"


async def test_the_koa_preset_remembers_nothing_as_koa_does() -> None:
    site = Sessions(preset="koa")
    await site.do(widen)
    lines = (await site.do(count)).cookies
    assert all("path=/;" in line and "domain" not in line for line in lines)


@pytest.mark.parametrize("member", [None, 1, "ann", {}, {"owner": 1}, {"cookie": 1}, {"cookie": {"path": "x;y", "domain": 1}}])
def test_what_makes_no_sense_is_as_usual(member: Any) -> None:
    usual = Sessions().browser.app._sessions.format._plain[False]  # type: ignore[attr-defined]
    assert attributes_of(member, usual) == usual
    assert owner_of(member) == ("ann" if member == "ann" else None)
    assert member_of("ann", usual, usual) == "ann"
    assert with_member(b"{}", "ann") == b"{}"


def leave(session: Any) -> None:
    session.cookie.domain = "example.com"
    session.logout()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("bis", [False, True])
async def test_a_logout_that_sets_another_place_removes_the_cookie_that_came(place: str, bis: bool) -> None:
    """A middleware inside of ours may set ``session.cookie`` in each request: sessions of before that are elsewhere."""
    site, client = site_of(place), Client(HOST, bis=bis)
    await client.ask(site, lambda session: session.update(n=1))
    await client.ask(site, leave)
    assert await client.ask(site, dict) == {}
    assert client.jar == {}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("bis", [False, True])
async def test_a_place_that_is_left_is_left_by_every_commit_of_the_request(place: str, bis: bool) -> None:
    site, client = site_of(place), Client(HOST, bis=bis)
    await client.ask(site, lambda session: session.update(n=1))

    async def twice(scope: Any) -> None:
        scope["session"].cookie.domain = "example.com"
        scope["session"]["n"] = 2
        await scope["session"].commit()
        scope["session"]["n"] = 3

    site.browser.jar.clear()
    headers = [(b"host", HOST.encode()), (b"cookie", client.header("/").encode())]
    client.take(await site.on_scope(twice, headers=headers))
    assert await client.ask(site, dict) == {"n": 3}
    assert {key[1] for key in client.jar} == {"example.com"}


@pytest.mark.parametrize("place", PLACES)
async def test_the_first_logout_after_a_domain_was_added_removes_the_hosts_cookie(place: str) -> None:
    """It came alone, so that nothing tells whether it is the host's or the domain's."""
    options = {**PLACES[place], "keys": [KEY]}
    if "store" in options:
        options["store"] = options["store"]()
    before, after, client = Sessions(**options), Sessions(**options, domain="example.com"), Client(HOST, bis=True)
    await client.ask(before, lambda session: session.update(n=1))
    await client.ask(after, lambda session: session.logout())
    assert await client.ask(after, dict) == {}
    assert client.jar == {}


@pytest.mark.parametrize("place", [place for place in PLACES if "rolling" not in place])
async def test_a_look_at_the_cookies_attributes_writes_nothing(place: str) -> None:
    site = site_of(place)
    await site.do(lambda session: session.update(n=1))
    seen: list[Any] = []
    assert (await site.do(lambda session: seen.append(session.cookie.domain))).cookies == []
    assert seen == [None]
