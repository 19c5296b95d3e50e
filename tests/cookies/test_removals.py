"""Lines that remove other cookies: in which order, and which of them at all."""

from typing import Any

import pytest

from gingersnap import Accept
from gingersnap.cookies.removals import with_removals
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, OLD_KEY, Sessions
from tests.jars import CLIENTS, Client

LATER = 4_102_444_800
GONE = "; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT"


@pytest.mark.parametrize(
    ("cookies", "own", "others", "sent"),
    [
        # Removals first: a client may know the two as one.
        ("old=1", ["new=1; path=/"], ["old=" + GONE], ["old=" + GONE, "new=1; path=/"]),
        # What did not come is not removed, also where only its signature did not.
        ("", ["new=1; path=/"], ["old=" + GONE], ["new=1; path=/"]),
        ("old=1", ["new=1; path=/"], ["old.sig=" + GONE, "old=" + GONE], ["old=" + GONE, "new=1; path=/"]),
        ("older=1; bold=1", ["new=1; path=/"], ["old=" + GONE], ["new=1; path=/"]),
        # The same cookie is set, not removed: by its own words, or to a client by RFC 6265.
        ("s=1", ["s=2; path=/"], ["s=" + GONE], ["s=2; path=/"]),
        ("s=1", ["s=2; path=/; Domain=.shop.example"], ["s=" + GONE], ["s=2; path=/; Domain=.shop.example"]),
        ("s=1", ["s=2; path=/"], ["s=" + GONE + "; domain=SHOP.example"], ["s=2; path=/"]),
        # Where both came, the client knows two.
        (
            "s=1; s=2",
            ["s=3; path=/; domain=shop.example"],
            ["s=" + GONE],
            ["s=" + GONE, "s=3; path=/; domain=shop.example"],
        ),
        ("s=1", ["s=2; path=/"], ["s=" + GONE + "; domain=example"], ["s=" + GONE + "; domain=example", "s=2; path=/"]),
        ("s=1", ["s=2; path=/"], ["s=; path=/app"], ["s=; path=/app", "s=2; path=/"]),
    ],
)
def test_removals_go_first_and_alone_where_something_came(cookies: str, own: list[str], others: list[str], sent: list[str]) -> None:
    scope: Any = {"headers": [(b"host", b"Shop.example:8000"), (b"cookie", cookies.encode())]}
    lines = with_removals([line.encode() for line in own], [line.encode() for line in others], scope)
    assert [line.decode() for line in lines] == sent


@pytest.mark.parametrize(
    ("cookies", "sent"),
    [
        ("s=1; old=1", ["old=", "s="]),
        ("old=1", ["old="]),
        ("s=1", ["s="]),
        ("", ["s="]),
        ("old=1; s.sig=1", ["old="]),
        ("s=1; old=1; old.sig=1", ["old=", "s="]),
    ],
)
def test_a_client_that_heeds_the_last_removal_alone_is_left_without_the_session(cookies: str, sent: list[str]) -> None:
    scope: Any = {"headers": [(b"cookie", cookies.encode())]}
    lines = with_removals([b"s=" + GONE.encode()], [b"old=" + GONE.encode()], scope, ending=True)
    assert [line.decode().removesuffix(GONE) for line in lines] == sent


LAYOUTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "own": ({}, {}),
    "encrypt": ({}, {"encrypt": True}),
    "koa": ({"preset": "koa"}, {"preset": "koa"}),
    "starlette": ({"preset": "starlette"}, {"preset": "starlette"}),
    "cookie-session": ({"preset": "cookie-session"}, {"preset": "cookie-session"}),
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("layout", [*LAYOUTS, "own to store", "express"])
@pytest.mark.parametrize("domains", [(None, "localhost"), ("localhost", None)])
async def test_a_takeover_to_the_domain_of_the_host_keeps_the_session(client: str, layout: str, domains: Any) -> None:
    old, new = LAYOUTS.get(layout, ({}, {"store": MemoryStore()}))
    if layout == "express":
        store = MemoryStore()
        old = new = {"preset": "express", "store": store}
    before = Sessions(**{**old, "keys": [OLD_KEY], "domain": domains[0]})
    accept = [Accept(**{**old, "keys": [OLD_KEY], "domain": domains[0]}, until=LATER)]
    after = Sessions(**{**new, "keys": [KEY], "domain": domains[1], "accept": accept})
    jar = Client(**CLIENTS[client])
    await jar.ask(before, lambda session: session.update(n=1))
    assert [await jar.ask(after, dict) for _ in range(3)] == [{"n": 1}] * 3


# --- What a client has left of a removed cookie.


@pytest.mark.parametrize("options", [{}, {"encrypt": True}, {"preset": "koa"}, {"preset": "starlette"}, {"store": True}])
@pytest.mark.parametrize("rest", ["{}=null", '{}=""', "{}=", "{}=null; {}="])
async def test_an_emptied_cookie_is_not_tampered(options: dict[str, Any], rest: str) -> None:
    heard: list[str] = []
    given = {**options, "store": MemoryStore()} if "store" in options else options
    listeners = {name: lambda event: heard.append(event.name) for name in ("tampered", "corrupt", "missed", "duplicate")}
    site = Sessions(**given, key="s", listeners=listeners)
    seen: list[Any] = []
    await site.do(lambda s: seen.append((dict(s), s.is_new)), headers=[(b"cookie", rest.replace("{}", "s").encode())])
    assert (seen, heard) == ([({}, True)], [])


@pytest.mark.parametrize("options", [{}, {"preset": "koa"}, {"preset": "cookie-session"}, {"store": True}])
@pytest.mark.parametrize("forged", [False, True])
async def test_a_value_without_its_signature_is_not_tampered(options: dict[str, Any], forged: bool) -> None:
    heard: list[str] = []
    given = {**options, "store": MemoryStore()} if "store" in options else options
    site = Sessions(**given, key="s", listeners={"tampered": lambda event: heard.append(event.name)})
    await site.do(lambda s: s.update(n=1))
    site.jar["s.sig"] = "x" * 43 if forged else ""
    assert await site.data() == {}
    assert heard == (["tampered"] if forged else [])
