"""Where express-session and we part on purpose: both values are pinned."""

import re
from functools import partial
from typing import Any

import pytest

from gingersnap import ConfigError, SessionOptions
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, NOW
from tests.interop import system_options
from tests.interop.node_and_ours import FAILED, Answer, Peer
from tests.interop.paired_applications import MakePair, Pair, pair
from tests.interop.system_options import EXPRESS
from tests.stores.servers.valkey import Server

pytestmark = pytest.mark.interop

LEAN = {"resave": False, "allow_empty": False}


@pytest.fixture
def make(express: Peer, valkey: Server) -> MakePair:
    """Give what makes both sides."""
    return partial(pair, EXPRESS, express, valkey)


async def each(both: Pair, *steps: list[Any], after: float = 0, **given: Any) -> tuple[Answer, Answer]:
    """Take the steps on both sides, theirs and ours, and compare nothing."""
    theirs = await both.original().do(*steps, now=NOW + after, **given)
    ours = await both.ours().do(*steps, now=NOW + after, **given)
    for side, answer in ((both.theirs, theirs), (both.mine, ours)):
        answer.cookies = side.told(answer.cookies, both.keys)
    return theirs, ours


async def test_E10_a_Secure_cookie_over_http_is_sent_here(make: MakePair, caplog: pytest.LogCaptureFixture) -> None:
    async with make(secure=True) as both:
        theirs, ours = await each(both, ["set", "n", 1])
        # Not theirs: a session that is dropped in silence is hard to find.
        assert (theirs.cookies, theirs.error) == ([], None)
        assert ours.cookies == ["connect.sid=id 0 by key 0; Path=/; HttpOnly; Secure"]
        assert "a request came over plain http" in caplog.text


async def test_E11_a_proxy_that_is_trusted_is_believed_over_tls_too_here(express_by_tls: Peer, valkey: Server) -> None:
    async with pair(EXPRESS, express_by_tls, valkey, secure="auto") as both:
        both.scope = {"scheme": "https"}
        theirs, ours = await each(both, ["set", "n", 1], https="http")
        # Not theirs: what counts is how the client came, and a proxy may speak TLS to the application.
        assert ["; Secure" in answer.cookies[0] for answer in (theirs, ours)] == [True, False]


async def test_E08_a_date_for_every_session_is_no_option_here(make: MakePair) -> None:
    async with make(**LEAN) as both:
        theirs = both.original()
        theirs.setup["expires"] = (NOW + 600) * 1000
        [line] = (await theirs.do(["set", "n", 1], now=NOW)).cookies
        # Not theirs: once that date is past, every session is.
        assert "Expires=Tue, 24 Nov 2026 12:14:55 GMT" in line
    with pytest.raises(ConfigError, match="expires"):
        SessionOptions(keys=[KEY], preset="express", store=MemoryStore(), expires=1)  # type: ignore[call-arg]


async def test_E33_a_lifetime_is_told_whole_and_a_date_is_not_set_here(make: MakePair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        system_options.OURS,
        "life",
        lambda scope, seen: seen.append([scope["session"].max_age, round(scope["session"].expires_at - NOW)]),
    )
    async with make(max_age=3600, **LEAN) as both:
        await both.do(["set", "n", 1])
        theirs, ours = await each(both, ["life"], after=10)
        # Not theirs: `maxAge` there is what is left, `originalMaxAge` the lifetime.
        assert theirs.seen == [[3_590_000, 3_600_000, int(NOW + 3600) * 1000]]
        # The end is the store's to tell, and that has a clock of its own.
        assert ours.seen == [[3600.0, pytest.approx(3610, abs=2)]]
        shared = both.original(both.mine)
        # A date that Express sets is a lifetime from then on, to both.
        await shared.do(["expires", (NOW + 610) * 1000], ["set", "n", 2], now=NOW + 10)
        assert (await both.ours().do(["life"], now=NOW + 10)).seen == [[600.0, pytest.approx(610, abs=2)]]
        with pytest.raises(AttributeError, match="no 'expires'"):
            await both.ours().do(["cookie", "expires", NOW], now=NOW)


async def test_E19_a_path_that_only_begins_alike_has_no_session_here(make: MakePair) -> None:
    async with make(path="/app", **LEAN) as both:
        theirs, ours = await each(both, ["see"], path="/apple")
        # Not theirs: no client sends the cookie there (RFC 6265 section 5.1.4).
        assert (theirs.seen, ours.seen) == ([{}], [None])


async def test_E21_a_failing_read_harms_whoever_touches_the_session_here(express: Peer, lone_valkey: Server) -> None:
    async with pair(EXPRESS, express, lone_valkey, **LEAN) as both:
        await both.do(["set", "n", 1])
        lone_valkey.ask("ACL", "SETUSER", "default", "-get")
        theirs = [(await both.original().do(*steps, now=NOW)).error for steps in ([], [["see"]])]
        ours, status = both.ours(), []
        ours.seen = []
        for ours.steps in ((), (["see"],)):
            status.append((await ours.browser.get()).status)
        # Not theirs: pages that need no session need no store, and an outage is told as one.
        assert (theirs, status) == ([FAILED, FAILED], [200, 503])


async def test_E26_a_write_that_fails_is_told_here(express: Peer, lone_valkey: Server) -> None:
    async with pair(EXPRESS, express, lone_valkey, **LEAN) as both:
        await both.do(["set", "n", 1])
        # The server is there, and writes nothing: theirs would wait for one that is gone.
        lone_valkey.ask("CONFIG", "SET", "maxmemory", "1")
        lone_valkey.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
        theirs = await both.original().do(["set", "n", 2], now=NOW)
        ours = both.ours()
        ours.steps, ours.seen = (["set", "n", 2],), []
        # Not theirs: it answers 200 and tells an error handler afterwards.
        assert theirs.error is None
        assert (await ours.browser.get()).status == 503


@pytest.mark.parametrize("text", ['{"n":1}', "[]", "no JSON"])
async def test_E23_a_record_that_is_no_session_is_a_new_one_here(make: MakePair, text: str) -> None:
    async with make(**LEAN) as both:
        await both.do(["set", "n", 1])
        for side in (both.theirs, both.mine):
            assert side.client is not None
            side.client.set(side.record, text)
        theirs, ours = await each(both, ["see"])
        # Not theirs: a record never makes a 5xx.
        assert theirs.error == FAILED
        assert (ours.seen, ours.error) == ([{}], None)


async def test_E24_a_lifetime_that_is_set_is_saved_and_sent_here(make: MakePair) -> None:
    async with make(max_age=3600, resave=False) as both:
        await both.do(["set", "n", 1])
        theirs, ours = await each(both, ["max_age", 60_000])
        # Not theirs: it looks at the data alone.
        assert theirs.cookies == []
        assert ours.cookies == ["connect.sid=id 0 by key 0; Path=/; Expires=Tue, 24 Nov 2026 12:05:55 GMT; HttpOnly"]
        texts = [side.rows()[0][1] for side in (both.theirs, both.mine)]
        assert [b'"originalMaxAge":60000' in text for text in texts] == [False, True]


async def test_E27_regenerate_keeps_the_data_here(make: MakePair) -> None:
    async with make(**LEAN) as both:
        await both.do(["set", "n", 1])
        ours = both.ours()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            scope["session"].regenerate()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        ours.browser.app.app = app
        await ours.browser.get()
        await both.original().do(["regenerate"], now=NOW)
        # Not theirs: what a login needs is another id, and the cart of before.
        assert [answer.seen for answer in await each(both, ["see"])] == [[{}], [{"n": 1}]]


async def test_E27_a_lifetime_of_its_own_outlives_regenerate_here(make: MakePair) -> None:
    async with make(max_age=3600, **LEAN) as both:
        await both.do(["set", "n", 1], ["max_age", 60_000])
        theirs, ours = await each(both, ["regenerate"], ["set", "n", 2])
        assert "13:04:55" in theirs.cookies[0]
        # Not theirs: it is the same session under another id.
        assert "12:05:55" in ours.cookies[0]


async def test_E28_an_ended_session_is_an_empty_one_here(make: MakePair) -> None:
    async with make(**LEAN) as both:
        await both.do(["set", "n", 1])
        theirs, ours = await each(both, ["destroy"], ["see"])
        assert (theirs.seen, ours.seen) == ([None], [{}])
        theirs, ours = await each(both, ["set", "n", 1], ["destroy"], ["set", "n", 2])
        # Not theirs: what is put there after the end is another session.
        assert theirs.error is not None
        assert ours.cookies == ["connect.sid=id 1 by key 0; Path=/; HttpOnly"]


async def test_E29_reload_without_a_record_gives_an_empty_session_here(make: MakePair) -> None:
    async with make(**LEAN) as both:
        theirs, ours = await each(both, ["set", "n", 1], ["reload"], ["see"])
        assert (theirs.seen, theirs.error) == ([], "failed to load session")
        assert (ours.seen, ours.error) == ([{}], None)


async def test_E30_save_of_a_new_empty_session_is_told_here(make: MakePair) -> None:
    async with make(**LEAN) as both:
        theirs, ours = await each(both, ["save"])
        # Not theirs: a record whose id nobody knows is of no use.
        assert [len(side.rows()) for side in (both.theirs, both.mine)] == [1, 1]
        assert (len(theirs.cookies), len(ours.cookies)) == (0, 1)


async def test_E30_save_stores_the_date_of_its_own_time_here(make: MakePair) -> None:
    async with make(max_age=3600, **LEAN) as both:
        await both.do(["set", "n", 1])
        await each(both, ["save"], after=60)
        texts = [side.rows()[0][1] for side in (both.theirs, both.mine)]
        # Not theirs: it writes the date that it has read, unless touch() comes first.
        assert [b"13:04:55" in text for text in texts] == [True, False]
        assert b"13:05:55" in texts[1]


async def test_a_session_of_a_request_that_failed_is_saved_but_not_told_here(make: MakePair) -> None:
    async with make(**LEAN) as both:
        theirs, ours = await each(both, ["set", "n", 1], ["fail"])
        # Not theirs: Express's last error handler answers through the same response, ours stands outside.
        assert (len(theirs.cookies), ours.cookies) == (1, [])
        assert theirs.error == ours.error == FAILED
        assert [len(side.rows()) for side in (both.theirs, both.mine)] == [1, 1]


async def test_X05_an_older_key_has_the_cookie_sent_in_full_here(make: MakePair) -> None:
    for resave in (True, False):
        async with make(max_age=3600, resave=resave) as both:
            await both.do(["set", "n", 1])
            both.carry("rotate")
            theirs, ours = await each(both, ["see"])
            # Not theirs: there a session that nobody changes keeps the old signature for ever.
            assert theirs.cookies == []
            # Where only the store knows the date, its own clock has begun to run.
            line = "connect.sid=id 0 by key 0; Path=/; Expires=Tue, 24 Nov 2026 13:04:5[345] GMT; HttpOnly"
            assert [re.fullmatch(line, told) is not None for told in ours.cookies] == [True]


async def test_what_express_writes_meanwhile_is_merged_here(make: MakePair, monkeypatch: pytest.MonkeyPatch) -> None:
    async with make(**LEAN) as both:
        await both.do(["set", "a", 1])
        shared = both.original(both.mine)
        monkeypatch.setitem(
            system_options.OURS, "meanwhile", lambda scope, seen: shared.do(["set", "theirs", 1], ["delete", "a"], now=NOW)
        )
        await both.ours().do(["set", "mine", 1], ["meanwhile"], now=NOW)
        # Not theirs: there the last of two requests takes it all.
        assert (await shared.do(["see"], now=NOW)).seen == [{"theirs": 1, "mine": 1}]


@pytest.mark.parametrize("verb", ["destroy", "regenerate"])
async def test_a_session_that_express_ends_meanwhile_is_not_revived_here(
    make: MakePair, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make(**LEAN) as both:
        await both.do(["set", "a", 1])
        other = both.original(both.mine)
        other.browser.jar = dict(both.mine.jar)
        monkeypatch.setitem(system_options.OURS, "meanwhile", lambda scope, seen: other.do([verb], now=NOW))
        answer = await both.ours().do(["set", "mine", 1], ["meanwhile"], now=NOW)
        assert (answer.cookies, both.mine.is_live()) == ([], False)
