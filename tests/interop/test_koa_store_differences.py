"""Where koa-session's external store and ours part on purpose: both values are pinned."""

import json
from typing import Any, get_args

import pytest

from gingersnap import HeaderKey
from tests.asgi import KEY, OLD_KEY
from tests.interop.koa_stores import DAY_MS, OURS, SHARED, UNKNOWN, Kind, Pair, Side, pair, sign, store
from tests.interop.node_and_ours import HEADER, VERBS, Koa, Ours

pytestmark = pytest.mark.interop

HOUR_MS = 3_600_000
REMOVED = "expires=Thu, 01 Jan 1970 00:00:00 GMT"

each_kind = pytest.mark.parametrize("kind", get_args(Kind))


# How long it lives, and under which id.


async def test_K13_a_session_of_the_browser_is_kept_while_it_is_used(peer, valkey) -> None:
    async with pair(peer, valkey, "redis", maxAge="session") as both:
        await both.do(["set", "n", 1])
        both.mine.client.pexpire(both.mine.jar["koa.sess"], 1000)

        answer = await both.ours.do(["see"])

        # not koa: there it is the store's to know that a session is in use, and the stores of npm do not.
        assert (answer.seen, answer.cookies) == ([{"n": 1}], [])
        assert both.mine.rows()[0][2] > DAY_MS - 5000


@each_kind
async def test_K30_the_id_is_known_once_there_is_one_here(peer, valkey, kind) -> None:
    async with pair(peer, valkey, kind) as both:
        theirs, ours = [(await side.do(["set", "n", 1], ["key"])).seen[0] for side in (both.koa, both.ours)]
        # not koa: it promises an id that need never be one.
        assert (theirs, ours) == (both.theirs.jar["koa.sess"], None)

        steps = [["regenerate"], ["commit"], ["key"]]
        theirs, ours = [(await side.do(*steps)).seen[0] for side in (both.koa, both.ours)]
        # not koa: it goes on telling the id that is dead.
        assert theirs != both.theirs.jar["koa.sess"]
        assert ours == both.mine.jar["koa.sess"]


async def test_K46_an_outage_harms_whoever_touches_the_session_here(peer, lone_valkey) -> None:
    async with store("redis", f"{lone_valkey.url}/{OURS}") as opened:
        both = Pair(peer, lone_valkey, opened)
        await both.do(["set", "n", 1])
        lone_valkey.kill()

        theirs = [(await both.koa.do(*steps)).error for steps in ([], [["see"]])]
        ours = []
        for both.ours.steps in ((), (["see"],)):
            ours.append((await both.ours.browser.get()).status)

        # not koa: pages that need no session need no store, and an outage is told as one.
        assert theirs == ["Internal Server Error"] * 2
        assert ours == [200, 503]
        for side in (both.koa, both.ours):
            side.browser.jar.clear()
            assert (await side.do(["see"])).seen == [{}]


@each_kind
async def test_K49_rotation_sends_both_cookies_in_full_here(peer, valkey, kind) -> None:
    async with pair(peer, valkey, kind, keys=(OLD_KEY,), maxAge=HOUR_MS) as both:
        await both.do(["set", "n", 1])
        both.make((KEY, OLD_KEY), maxAge=HOUR_MS)

        theirs, ours = (await both.koa.do()).cookies, (await both.ours.do()).cookies

        # not koa: a signature that loses its date is a second cookie, and outlives or outdies the first.
        assert theirs == [f"koa.sess.sig={sign('koa.sess=' + both.theirs.jar['koa.sess'])}; path=/; httponly"]
        id, attributes = both.mine.jar["koa.sess"], "; path=/; expires=Tue, 24 Nov 2026 13:04:55 GMT; httponly"
        assert ours == [f"koa.sess={id}{attributes}", f"koa.sess.sig={sign(f'koa.sess={id}')}{attributes}"]


@each_kind
async def test_K49_an_id_of_no_session_is_not_signed_anew_here(peer, valkey, kind) -> None:
    async with pair(peer, valkey, kind, keys=(KEY, OLD_KEY)) as both:
        for side in (both.theirs, both.mine):
            side.jar.update({"koa.sess": UNKNOWN, "koa.sess.sig": sign(f"koa.sess={UNKNOWN}", OLD_KEY)})

        theirs, ours = (await both.koa.do()).cookies, (await both.ours.do()).cookies

        # not koa: what stands for nothing needs no signature.
        assert [line.partition("=")[0] for line in theirs] == ["koa.sess.sig"]
        assert ours == []


@each_kind
@pytest.mark.parametrize("verb", ["save", "regenerate"])
async def test_K04_without_autoCommit_save_and_regenerate_wait_for_the_commit_here(peer, valkey, kind, verb) -> None:
    async with pair(peer, valkey, kind, autoCommit=False) as both:
        await both.koa.do(["set", "n", 1], [verb])
        await both.ours.do(["set", "n", 1], [verb])

        # not koa: they are marks here, and nothing but a commit writes.
        assert (len(both.theirs.rows()), len(both.mine.rows())) == (1, 0)


@each_kind
@pytest.mark.parametrize("verb", ["save", "regenerate", "commit"])
async def test_a_session_of_the_browser_that_is_written_twice_in_a_request_stays_one_here(peer, valkey, kind, verb) -> None:
    async with pair(peer, valkey, kind, maxAge="session") as both:
        steps = [["set", "n", 1], [verb]]
        await both.koa.do(*steps)
        await both.ours.do(*steps)

        [(_, theirs, _)], [(_, ours, _)] = both.theirs.rows(), both.mine.rows()
        # not koa: its first write deletes the lifetime from the request's options, its second one then takes the default day.
        assert json.loads(theirs)["_maxAge"] == DAY_MS
        assert json.loads(ours) == {"n": 1, "_session": True}


# An id that travels otherwise.


@each_kind
async def test_K15_an_id_in_a_header_goes_both_ways(peer, valkey, kind) -> None:
    url = f"{valkey.url}/{SHARED}"
    async with store(kind, url) as opened:
        side = Side(valkey.port, SHARED)
        koa = Koa(peer, keys=[KEY], redis=[valkey.port, SHARED], header=HEADER)
        ours = Ours(keys=[KEY], store=opened, external_key=HeaderKey(HEADER))
        for one, other in ((koa, ours), (ours, koa)):
            first = await one.do(["set", "n", 1])
            assert (first.cookies, side.client.exists(first.token)) == ([], 1)

            second = await other.do(["see"], ["set", "n", 2], token=first.token)
            assert (second.seen, second.cookies, second.token) == ([{"n": 1}], [], first.token)
            third = await one.do(["see"], token=first.token)
            assert (third.seen, third.cookies, third.token) == ([{"n": 2}], [], None)


async def test_K15_the_end_of_a_session_is_told_where_its_id_was_here(peer, valkey) -> None:
    async with store("redis", f"{valkey.url}/{SHARED}") as opened:
        side = Side(valkey.port, SHARED)
        koa = Koa(peer, keys=[KEY], redis=[valkey.port, SHARED], header=HEADER)
        ours = Ours(keys=[KEY], store=opened, external_key=HeaderKey(HEADER))
        theirs = await koa.do(["null"], token=(await koa.do(["set", "n", 1])).token)
        mine = await ours.do(["null"], token=(await ours.do(["set", "n", 1])).token)

        # not koa: it expires a cookie that it never set.
        assert [REMOVED in line for line in theirs.cookies] == [True, True]
        assert (theirs.token, mine.cookies, mine.token) == (None, [], "")
        assert side.rows() == []


# What another request does meanwhile.


@each_kind
async def test_what_koa_writes_meanwhile_is_merged_here(peer, valkey, kind, monkeypatch) -> None:
    async with store(kind, f"{valkey.url}/{SHARED}") as opened:
        side = Side(valkey.port, SHARED)
        koa, ours = Koa(peer, keys=[KEY], redis=[valkey.port, SHARED]), Ours(keys=[KEY], store=opened)
        koa.browser.jar = ours.browser.jar = side.jar
        await koa.do(["set", "a", 1])
        monkeypatch.setitem(VERBS, "meanwhile", lambda scope, seen: koa.do(["set", "theirs", 1], ["delete", "a"]))

        await ours.do(["set", "mine", 1], ["meanwhile"])

        # not koa: there the last of two requests takes it all.
        assert (await koa.do(["see"])).seen == [{"theirs": 1, "mine": 1}]


@each_kind
@pytest.mark.parametrize("verb", ["null", "regenerate"])
async def test_a_session_that_koa_ends_meanwhile_is_not_revived_here(peer, valkey, kind, verb, monkeypatch) -> None:
    async with store(kind, f"{valkey.url}/{SHARED}") as opened:
        side = Side(valkey.port, SHARED)
        koa, ours = Koa(peer, keys=[KEY], redis=[valkey.port, SHARED]), Ours(keys=[KEY], store=opened)
        await koa.do(["set", "a", 1])
        side.jar.update(koa.browser.jar)
        ours.browser.jar = side.jar
        monkeypatch.setitem(VERBS, "meanwhile", lambda scope, seen: koa.do([verb]))

        answer = await ours.do(["set", "mine", 1], ["meanwhile"])

        assert answer.cookies == []
        assert side.client.exists(side.jar["koa.sess"]) == 0


async def test_a_session_that_is_ended_meanwhile_is_revived_by_koa(peer, valkey) -> None:
    side = Side(valkey.port, SHARED)
    koa = Koa(peer, keys=[KEY], redis=[valkey.port, SHARED])
    koa.browser.jar = side.jar
    await koa.do(["set", "a", 1])

    await koa.do(["set", "b", 1], ["drop"])

    assert (await koa.do(["see"])).seen == [{"a": 1, "b": 1}]


# Records that nobody here would have written.


RECORDS: dict[str, tuple[str, Any]] = {
    "an array": ("[1,2]", {"0": 1, "1": 2}),
    "a text": ('"ab"', {"0": "a", "1": "b"}),
    "a number": ("7", {}),
    "an end that is no integer": ('{"n":1,"_expire":1795521999000.5,"_maxAge":3600000}', {"n": 1}),
    "an end far beyond its lifetime": ('{"n":1,"_expire":1795529999000,"_maxAge":60000}', {"n": 1}),
    "more than 64 KiB": (json.dumps({"n": "x" * 65_600, "_session": True}), {"n": "x" * 65_600}),
    "more than 10,000 values": (json.dumps({"n": [0] * 10_000, "_session": True}), {"n": [0] * 10_000}),
}


@each_kind
@pytest.mark.parametrize(("text", "koa_sees"), RECORDS.values(), ids=RECORDS)
async def test_K42_a_record_that_is_no_session_here(peer, valkey, kind, text, koa_sees) -> None:
    async with pair(peer, valkey, kind) as both:
        for side in (both.theirs, both.mine):
            side.jar.update({"koa.sess": UNKNOWN, "koa.sess.sig": sign(f"koa.sess={UNKNOWN}")})
            side.client.set(UNKNOWN, text)

        theirs, ours = await both.koa.do(["see"]), await both.ours.do(["see"])

        assert theirs.seen == [koa_sees]
        assert (ours.seen, ours.cookies) == ([{}], [])


@pytest.mark.parametrize(
    ("text", "error", "seen"), [("{", "Internal Server Error", []), ('{"n":2,"n":1,"_session":true}', None, [{"n": 1}])]
)
async def test_K42_a_record_that_is_no_clean_JSON_is_a_new_session_here(peer, valkey, text, error, seen) -> None:
    async with pair(peer, valkey, "redis") as both:
        for side in (both.theirs, both.mine):
            side.jar.update({"koa.sess": UNKNOWN, "koa.sess.sig": sign(f"koa.sess={UNKNOWN}")})
            side.client.set(UNKNOWN, text)

        theirs = await both.koa.do(["see"])

        assert (theirs.error, theirs.seen) == (error, seen)
        assert (await both.ours.do(["see"])).seen == [{}]


async def test_names_of_numbers_keep_their_place_here(peer, valkey) -> None:
    async with pair(peer, valkey, "redis", maxAge="session") as both:
        for side in (both.koa, both.ours):
            await side.do(["set", "b", 1], ["set", "7", 2])

        # not koa: JavaScript's objects put them first.
        assert [text for _, text, _ in both.theirs.rows()] == [b'{"7":2,"b":1,"_session":true}']
        assert [text for _, text, _ in both.mine.rows()] == [b'{"b":1,"7":2,"_session":true}']
