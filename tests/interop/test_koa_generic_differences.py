"""Where koa-generic-session and we part on purpose: both values are pinned."""

from functools import partial
from typing import Any

import pytest

from tests.asgi import NOW
from tests.interop import system_options
from tests.interop.koa_stores import DAY_MS
from tests.interop.node_and_ours import FAILED, Answer, Peer
from tests.interop.paired_applications import FOR_EVER, MakePair, Pair, pair
from tests.interop.system_options import KOA_GENERIC, Theirs
from tests.stores.servers.valkey import Server

pytestmark = pytest.mark.interop

ENDED = "; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly"


@pytest.fixture
def make(koa_generic: Peer, valkey: Server) -> MakePair:
    """Give what makes both sides."""
    return partial(pair, KOA_GENERIC, koa_generic, valkey)


async def each(both: Pair, *steps: list[Any], after: float = 0, **given: Any) -> tuple[Answer, Answer]:
    """Take the steps on both sides, theirs and ours, and compare nothing."""
    theirs = await both.original().do(*steps, now=NOW + after, **given)
    return theirs, await both.ours().do(*steps, now=NOW + after, **given)


def lives_ms(both: Pair) -> list[int]:
    return [side.rows()[0][2] for side in (both.theirs, both.mine)]


async def test_G03_a_session_of_the_browser_is_kept_for_a_day_here(make: MakePair) -> None:
    async with make(max_age="session") as both:
        theirs, ours = await each(both, ["set", "n", 1])
        # Not theirs: a store that forgets nothing fills up.
        assert lives_ms(both) == [FOR_EVER, pytest.approx(DAY_MS, abs=5000)]
        assert all("expires" not in line for line in theirs.cookies + ours.cookies)


async def test_G03_a_date_in_a_session_s_own_cookie_is_kept_but_not_looked_at_here(make: MakePair) -> None:
    async with make() as both:
        shared = both.original(both.mine)
        await shared.do(["set", "n", 1], ["expires", (NOW + 600) * 1000], now=NOW)
        [(_, value, left_ms)] = both.mine.rows()
        assert (b'"expires":"2026-11-24T12:14:55.000Z"' in value, round(left_ms / 1000)) == (True, 600)
        await both.ours().do(["set", "n", 2], now=NOW)
        # Not theirs: the lifetime alone says how long a session lives.
        [(_, value, left_ms)] = both.mine.rows()
        assert (b'"expires":"2026-11-24T12:14:55.000Z"' in value, round(left_ms / 1000)) == (True, 86_400)


@pytest.mark.parametrize("client", ["unknown", "expire"])
async def test_G10_an_id_that_is_not_found_is_not_taken_back_here(make: MakePair, client: str) -> None:
    async with make() as both:
        await both.do(["set", "n", 1])
        both.carry(client)
        theirs, ours = await each(both, ["see"])
        # Not theirs: a store that lost a record for a moment should not log everybody out.
        assert [line.partition("=")[0] for line in theirs.cookies] == ["koa.sid", "koa.sid.sig"]
        assert ours.cookies == []


async def test_G10_an_invalid_session_is_not_taken_back_here(make: MakePair, koa_generic: Peer) -> None:
    async with make() as both:
        await both.do(["set", "bad", 1])
        theirs = both.original()
        theirs.setup["valid"] = "bad"
        both.options = {"valid": lambda scope, session: "bad" not in session}
        told, ours = await theirs.do(["see"], now=NOW), await both.ours().do(["see"], now=NOW)
        assert told.seen == ours.seen == [{}]
        assert (len(told.cookies), ours.cookies) == (2, [])


async def test_G11_an_outage_harms_whoever_touches_the_session_here(koa_generic: Peer, lone_valkey: Server) -> None:
    async with pair(KOA_GENERIC, koa_generic, lone_valkey) as both:
        await both.do(["set", "n", 1])
        lone_valkey.ask("CONFIG", "SET", "maxmemory", "1")
        theirs = await both.original().do(["set", "n", 2], now=NOW)
        ours = both.ours()
        ours.steps, ours.seen = (["set", "n", 2],), []
        # Not theirs: it is told as what it is, and when to try again.
        assert (theirs.error, (await ours.browser.get()).status) == (FAILED, 503)


async def test_G14_a_path_that_only_begins_alike_has_no_session_here(make: MakePair) -> None:
    async with make(path="/s") as both:
        theirs, ours = await each(both, ["see"], path="/sxyz")
        # Not theirs: no client sends the cookie there (RFC 6265 section 5.1.4).
        assert (theirs.seen, ours.seen) == ([{}], [None])


async def test_G16_a_cookie_ends_where_it_was_set_here(make: MakePair) -> None:
    async with make(path="/app", domain="example.com", same_site="lax") as both:
        await both.do(["set", "n", 1], path="/app")
        theirs, ours = await each(both, ["null"], path="/app")
        assert theirs.cookies[0] == f"koa.sid={ENDED}"
        # Not theirs: a removal of another path or domain removes another cookie.
        at = "; path=/app; expires=Thu, 01 Jan 1970 00:00:00 GMT; domain=example.com; samesite=lax; httponly"
        assert ours.cookies[0] == f"koa.sid={at}"


async def test_G17_a_session_that_was_reloaded_still_rolls_here(make: MakePair) -> None:
    async with make(rolling=True) as both:
        await both.do(["set", "n", 1])
        theirs, ours = await each(both, ["set", "n", 2], ["reload"])
        # Not theirs: to take back a change is not to forbid what every response does.
        assert (theirs.cookies, len(ours.cookies)) == ([], 2)


async def test_G19_regenerate_keeps_the_data_and_the_lifetime_here(make: MakePair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(system_options.OURS, "regenerate", lambda scope, seen: scope["session"].regenerate())
    async with make() as both:
        await both.do(["set", "n", 1], ["max_age", 60_000])
        theirs, ours = await each(both, ["regenerate"], ["set", "m", 2], ["see"])
        # Not theirs: what a login needs is another id, and the cart of before.
        assert (theirs.seen, ours.seen) == ([{"m": 2}], [{"n": 1, "m": 2}])
        assert ["12:05:55" in answer.cookies[0] for answer in (theirs, ours)] == [False, True]


async def test_G19_a_session_that_was_emptied_and_moved_is_kept_here(make: MakePair) -> None:
    async with make() as both:
        await both.do(["set", "n", 1])
        theirs, ours = await each(both, ["regenerate"])
        # Not theirs: its new session is as good as none, and it takes the cookie back.
        assert theirs.cookies[0] == f"koa.sid={ENDED}"
        assert [len(side.rows()) for side in (both.theirs, both.mine)] == [0, 1]
        assert "expires=Wed, 25 Nov 2026" in ours.cookies[0]


async def test_G22_a_deferred_session_of_a_request_that_failed_is_saved_here(make: MakePair) -> None:
    async with make(defer=True) as both:
        await both.do(["load"], ["set", "n", 1])
        theirs, ours = await each(both, ["load"], ["set", "n", 2], ["fail"])
        assert theirs.error == ours.error == FAILED
        # Not theirs: without `defer` they do as we do in both cases.
        assert [b'"n":2' in side.rows()[0][1] for side in (both.theirs, both.mine)] == [False, True]


@pytest.mark.parametrize("data", [{}, {"m": 2}])
async def test_G21_another_object_in_place_of_the_session_keeps_its_cookie_here(
    make: MakePair, data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(system_options.OURS, "bare", system_options.OURS["replace"])
    async with make() as both:
        await both.do(["set", "n", 1])
        theirs, ours = await each(both, ["bare", data])
        # Not theirs: an unsigned cookie opens nothing, and its record stays for ever.
        assert theirs.cookies == [f"koa.sid={both.theirs.jar['koa.sid']}; path=/; httponly"]
        assert len(ours.cookies) == 2
        assert lives_ms(both) == [FOR_EVER, pytest.approx(DAY_MS, abs=5000)]
        assert b'"cookie"' in both.mine.rows()[0][1]


async def test_G04_a_Secure_cookie_over_http_is_sent_here(make: MakePair, caplog: pytest.LogCaptureFixture) -> None:
    async with make(secure=True) as both:
        theirs, ours = await each(both, ["set", "n", 1])
        # Not theirs: a missing header of a proxy must not take a site down.
        assert (theirs.error, ours.error, len(ours.cookies)) == (FAILED, None, 2)
        assert "a request came over plain http" in caplog.text


@pytest.mark.parametrize("name", ["signed", "overwrite"])
async def test_G04_whether_a_cookie_is_signed_is_said_by_the_options_alone_here(make: MakePair, name: str) -> None:
    async with make() as both:
        await both.do(["set", "n", 1])
        theirs = await both.original(both.mine).do(["cookie", name, False], ["set", "n", 2], now=NOW)
        ours = await both.ours().do(["set", "n", 3], now=NOW)
        # Not theirs: a cookie that is not signed is one that nobody reads again.
        assert (len(theirs.cookies), len(ours.cookies)) == (1 if name == "signed" else 2, 2)
        # The record keeps what it said.
        assert f'"{name}":false'.encode() in both.mine.rows()[0][1]
        with pytest.raises(AttributeError, match=f"no '{name}'"):
            await both.ours().do(["cookie", name, False], now=NOW)


async def test_X05_an_older_key_has_both_cookies_sent_in_full_here(make: MakePair) -> None:
    async with make(same_site="lax") as both:
        await both.do(["set", "n", 1])
        both.carry("rotate")
        theirs, ours = await each(both, ["see"])
        assert [line.partition(";")[2] for line in theirs.cookies] == [" path=/; httponly"]
        # Not theirs: a signature that loses its date is a second cookie, and outlives or outdies the first.
        assert len(ours.cookies) == 2
        assert all("expires=Wed, 25 Nov 2026 12:04:5" in line and "samesite=lax" in line for line in ours.cookies)


async def test_what_koa_writes_meanwhile_is_merged_here(make: MakePair, monkeypatch: pytest.MonkeyPatch) -> None:
    async with make() as both:
        await both.do(["set", "a", 1])
        shared: Theirs = both.original(both.mine)
        monkeypatch.setitem(
            system_options.OURS, "meanwhile", lambda scope, seen: shared.do(["set", "theirs", 1], ["delete", "a"], now=NOW)
        )
        await both.ours().do(["set", "mine", 1], ["meanwhile"], now=NOW)
        # Not theirs: there the last of two requests takes it all.
        assert (await shared.do(["see"], now=NOW)).seen == [{"theirs": 1, "mine": 1}]
