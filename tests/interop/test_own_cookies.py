"""What a record says of its own session's cookie, however oddly it says that: no session is lost for it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.asgi import KEY, NOW
from tests.interop.paired_applications import Pair, pair
from tests.interop.system_options import EXPRESS, KOA_GENERIC, System
from tests.stores.servers.valkey import Server

pytestmark = pytest.mark.interop

LEAN = {"express": {"resave": False, "allow_empty": False}, "koa-generic": {}}
LIFE = {"express": "originalMaxAge", "koa-generic": "maxAge"}
DATE = "2026-11-24T13:04:55.000Z"


@pytest.fixture(params=[EXPRESS, KOA_GENERIC], ids=lambda system: system.preset)
def system(request: pytest.FixtureRequest) -> Any:
    """Give each system whose records hold a cookie."""
    return request.param


@asynccontextmanager
async def kept(request: Any, valkey: Server, system: System, said: Any, **options: Any) -> AsyncIterator[Pair]:
    """Give both sides a session whose record says this of its cookie."""
    peer = request.getfixturevalue(system.preset.replace("-", "_"))
    dated = {LIFE[system.preset]: 3_600_000, **({"expires": DATE} if system is EXPRESS else {}), "httpOnly": True, "path": "/"}
    async with pair(system, peer, valkey, **LEAN[system.preset], **options) as both:
        for side in (both.theirs, both.mine):
            assert side.client is not None
            side.jar.update(system.cookies("known", KEY))
            side.names["known"] = "id 0"
            record = {"cookie": {**dated, **said}, "user": "ann"}
            side.client.set(f"{system.prefix}known", json.dumps(record, separators=(",", ":")), px=3_600_000)
        yield both


SAME: list[dict[str, Any]] = [
    *({"domain": domain} for domain in (".example.com", "example.com", "", None)),
    *({"sameSite": word} for word in ("", None, True, False, "Lax", "STRICT", "none")),
    *({"priority": word} for word in ("", None, "High", "low")),
    *({"httpOnly": word} for word in (False, None, 0, "yes")),
    *({"partitioned": word} for word in (True, False, None)),
    *({"secure": word} for word in (False, None, 0)),
    {"path": "/app"},
    {"extra": {"deep": [1]}},
]


@pytest.mark.parametrize("said", SAME, ids=repr)
async def test_E08_E33_G04_what_a_record_says_of_its_cookie_is_sent(
    request: Any, valkey: Server, system: System, said: dict[str, Any]
) -> None:
    async with kept(request, valkey, system, said) as both:
        answer = await both.do(["see"], ["set", "n", 1])
        assert answer.seen == [{"user": "ann"}]
        assert len(answer.cookies) == (1 if system is EXPRESS else 2)
        assert (await both.do(["see"])).seen == [{"user": "ann", "n": 1}]


@pytest.mark.parametrize("change", [["httpOnly", False], ["path", "/app"], ["sameSite", "lax"]], ids=repr)
async def test_E33_G04_an_attribute_can_be_set_beside_others_that_do_not_agree(
    request: Any, valkey: Server, system: System, change: Any
) -> None:
    async with kept(request, valkey, system, {"sameSite": "none", "secure": False}) as both:
        for n in (1, 2):
            assert (await both.do(["set", "n", n], ["cookie", *change])).cookies


@pytest.mark.parametrize(
    ("system", "said"),
    [
        (KOA_GENERIC, {"maxAge": 0}),
        *((KOA_GENERIC, {"maxAge": word}) for word in (None, False)),
        (EXPRESS, {"originalMaxAge": None, "expires": None}),
    ],
    ids=repr,
)
async def test_E33_G04_a_lifetime_may_be_that_of_the_browser(request: Any, valkey: Server, system: System, said: Any) -> None:
    async with kept(request, valkey, system, said, max_age="session") as both:
        for n in (1, 2):
            answer = await both.do(["see"], ["set", "n", n])
            assert answer.seen[0]["user"] == "ann"
            assert not any("expires" in line.lower() for line in answer.cookies)


@pytest.mark.parametrize("domain", [".example.com", "example.com"])
async def test_E08_G04_K11_a_domain_may_have_a_dot_before_it(request: Any, valkey: Server, system: System, domain: str) -> None:
    async with kept(request, valkey, system, {}, domain=domain) as both:
        both.carry("lose")
        assert all(f"domain={domain};" in f"{line};".lower() for line in (await both.do(["set", "n", 1])).cookies)


# Where we part on purpose.


async def test_E33_a_cookie_that_says_false_for_its_date_is_not_sent_with_each_change_here(request: Any, valkey: Server) -> None:
    async with kept(request, valkey, EXPRESS, {"originalMaxAge": False, "expires": False}) as both:
        theirs, ours = [await turn.do(["see"], ["set", "n", 1], now=NOW) for turn in (both.original(), both.ours())]
        # Not theirs: it has no date, as one that says null, whose cookie Express does not send again.
        assert (theirs.seen, theirs.cookies != [], ours.cookies) == (ours.seen, True, [])
        both.compare()


FORBIDDEN: list[dict[str, Any]] = [
    *({"path": path} for path in ("", None, "app", "/a\n", "/é", 5)),
    *({"domain": domain} for domain in ("a b", "a\r\nb", "..a", {}, 5)),
    *({"sameSite": word} for word in ("bogus", "auto", 5, {"a": 1})),
    *({"priority": word} for word in ("urgent", 7)),
]


@pytest.mark.parametrize("said", FORBIDDEN, ids=ascii)
async def test_E08_G04_what_cannot_be_sent_is_as_the_options_have_it_here(
    request: Any, valkey: Server, system: System, said: dict[str, Any]
) -> None:
    options: dict[str, Any] = {"path": "/", "domain": "example.org", "same_site": "strict", "priority": "low"}
    async with kept(request, valkey, system, said, **options) as both:
        [name] = said
        usual = {"path": "path=/;", "domain": "domain=example.org", "sameSite": "samesite=strict", "priority": "priority=low"}[name]
        theirs, ours = [await turn.do(["see"], ["set", "n", 1], now=NOW) for turn in (both.original(), both.ours())]
        # Not theirs: it answers 500, or sends no path, or what browsers ignore.
        assert not any(usual in line.lower() for line in theirs.cookies)
        assert ours.seen == [{"user": "ann"}]
        assert ours.cookies
        assert all(usual in line.lower() for line in ours.cookies)
        # The record keeps what it said.
        [(_, value, _)] = both.mine.rows()
        assert json.loads(value)["cookie"][name] == said[name]
