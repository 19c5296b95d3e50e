"""koa-generic-session over koa-redis, and our preset of its name: the same answers, and the same records.

``Pair.do`` plays steps on both sides and compares; what a test itself asserts says what both did.
"""

import json
import re
from functools import partial
from typing import Any

import pytest

from gingersnap import HeaderKey
from tests.asgi import NOW
from tests.interop import system_options
from tests.interop.generated_system_programs import SEEDS, play
from tests.interop.koa_stores import OURS
from tests.interop.node_and_ours import FAILED, HEADER, Peer
from tests.interop.paired_applications import MakePair, Pair, left_s, pair, store
from tests.interop.system_options import KOA_GENERIC, UNKNOWN
from tests.stores.servers.valkey import Server

pytestmark = pytest.mark.interop

DATED = "; path=/; expires=Wed, 25 Nov 2026 12:04:55 GMT; httponly"


@pytest.fixture
def make(koa_generic: Peer, valkey: Server) -> MakePair:
    """Give what makes both sides."""
    return partial(pair, KOA_GENERIC, koa_generic, valkey)


# What is saved.


@pytest.mark.parametrize(
    ("name", "value"), [("path", "/app"), ("httpOnly", False), ("sameSite", "lax"), ("domain", "example.com"), ("path", "/")]
)
@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("last", [[], [["commit"]]])
async def test_R02_a_change_of_the_cookie_alone_is_saved_and_sent(
    make: MakePair, name: str, value: Any, begun: bool, last: list[Any]
) -> None:
    async with make() as both:
        if begun:
            await both.do(["set", "n", 1])
        answer = await both.do(["cookie", name, value], *last, after=10)
        # The same value is no change.
        assert bool(answer.cookies) == (value != "/")
        if begun and value != "/":
            await both.do(["set", "n", 2], after=20)


# Generated.


@pytest.mark.usefixtures("silent")
async def test_G20_programs_are_the_same_on_both_sides(koa_generic: Peer, valkey: Server) -> None:
    async with store(KOA_GENERIC, valkey, OURS) as opened:
        for seed in SEEDS:
            await play(partial(Pair, KOA_GENERIC, koa_generic, valkey, opened), "koa-generic", seed)


# Its cookie and its record.


async def test_G01_G04_the_id_is_signed_and_the_record_holds_its_cookie(make: MakePair) -> None:
    async with make() as both:
        lines = (await both.do(["set", "n", 1])).cookies
        assert lines == [f"koa.sid=id 0 by key 0{DATED}", f"koa.sid.sig=id 0 by key 0{DATED}"]
        cookie = b'{"httpOnly":true,"path":"/","overwrite":true,"signed":true,"maxAge":86400000}'
        [(_, value, _)] = both.compare()
        assert value == b'{"cookie":' + cookie + b',"n":1}'
        for side in (both.theirs, both.mine):
            assert re.fullmatch(r"[\w-]{32}", side.jar["koa.sid"])
            assert side.client is not None
            assert side.client.keys() == [b"koa:sess:" + side.jar["koa.sid"].encode()]


async def test_G01_its_name_may_be_another(make: MakePair) -> None:
    async with make(key="sid") as both:
        assert (await both.do(["set", "n", 1])).cookies == [f"sid=id 0 by key 0{DATED}", f"sid.sig=id 0 by key 0{DATED}"]
        assert (await both.do(["see"])).seen == [{"n": 1}]


@pytest.mark.parametrize("prefix", ["app:", ""])
async def test_G01_the_prefix_of_its_records_may_be_another(make: MakePair, prefix: str) -> None:
    async with make(prefix=prefix) as both:
        await both.do(["set", "n", 1])
        for side in (both.theirs, both.mine):
            assert side.client is not None
            assert side.client.keys() == [prefix.encode() + side.jar["koa.sid"].encode()]
        assert (await both.do(["see"])).seen == [{"n": 1}]


async def test_G09_ids_may_be_the_application_s(make: MakePair) -> None:
    async with make() as both:
        theirs = both.original()
        theirs.setup["genid"] = "Made.by-us"

        async def genid(scope: Any) -> str:
            return "Made.by-us"

        both.options = {"genid": genid}
        lines = [(await turn.do(["set", "n", 1], now=NOW)).cookies for turn in (theirs, both.ours())]
        assert lines[0] == lines[1]
        assert lines[0][0].startswith("koa.sid=Made.by-us;")
        both.theirs.names = both.mine.names = {"Made.by-us": "id 0"}
        assert (await both.do(["see"])).seen == [{"n": 1}]


async def test_G10_a_hook_may_change_a_session_that_is_saved(make: MakePair) -> None:
    async with make() as both:
        theirs = both.original()
        theirs.setup["before"] = "saved"
        both.options = {"before_save": lambda scope, session: session.update(saved=True)}
        for steps in ([], [["see"]], [["set", "n", 1]]):
            lines = [(await turn.do(*steps, now=NOW)).cookies for turn in (theirs, both.ours())]
            assert len(lines[0]) == len(lines[1])
        both.options = {}
        for side in (both.theirs, both.mine):
            side.names[side.jar["koa.sid"]] = "id 0"
        assert (await both.do(["see"])).seen == [{"n": 1, "saved": True}]


@pytest.mark.parametrize(
    "options",
    [
        {"path": "/app", "domain": "example.com", "priority": "high", "same_site": "strict", "http_only": False},
        {"secure": True, "same_site": "none", "partitioned": True},
        {"max_age": 60, "secure": False},
        {"same_site": "lax", "max_age": 0.5},
    ],
    ids=str,
)
async def test_G04_each_attribute_is_sent_and_stored(make: MakePair, options: Any) -> None:
    async with make(**options) as both:
        for path in ("/app", "/app/x"):
            assert len((await both.do(["set", "at", path], path=path, https=True)).cookies) == 2


async def test_G04_the_connection_says_each_time_whether_the_cookie_is_Secure(make: MakePair) -> None:
    async with make(rolling=True) as both:
        for https in (True, False, True):
            lines = (await both.do(["set", "n", https], https=https)).cookies
            assert ["; secure" in line for line in lines] == [https, https]


async def test_G04_a_session_s_cookie_can_be_changed(make: MakePair) -> None:
    async with make() as both:
        await both.do(["set", "n", 1])
        steps = [["cookie", "httpOnly", False], ["cookie", "sameSite", "strict"], ["set", "n", 2]]
        assert all(line.endswith("GMT; samesite=strict") for line in (await both.do(*steps)).cookies)
        # It is kept with the session.
        assert all(line.endswith("GMT; samesite=strict") for line in (await both.do(["set", "n", 3])).cookies)


@pytest.mark.parametrize(
    ("options", "s"), [({"max_age": 60}, 60), ({}, 86_400), ({"ttl": 600}, 600), ({"max_age": 60, "ttl": 1.5}, 2)]
)
async def test_G03_the_store_keeps_it_as_long_as_ttl_says_or_else_its_cookie(make: MakePair, options: Any, s: int) -> None:
    async with make(**options) as both:
        await both.do(["set", "n", 1])
        assert left_s(both) == s


async def test_G03_ttl_may_ask_the_session(make: MakePair) -> None:
    async with make() as both:
        for s in (60, 120):
            theirs = both.original()
            theirs.setup["ttl"] = "ms"
            both.options = {"ttl": lambda data: data["ms"] / 1000}
            for turn in (theirs, both.ours()):
                await turn.do(["set", "ms", s * 1000], now=NOW)
            assert [round(side.rows()[0][2] / 1000) for side in (both.theirs, both.mine)] == [s, s]


async def test_G03_what_ttl_says_holds_from_the_last_write(make: MakePair) -> None:
    async with make(max_age="session", ttl=600) as both:
        await both.do(["set", "n", 1])
        both.carry("age")
        await both.do(["see"])
        assert left_s(both) == 300


@pytest.mark.parametrize("path", ["/app", "/app/", "/app/x", "/", "/ap"])
async def test_G14_the_path_of_the_cookie_says_which_requests_have_a_session(make: MakePair, path: str) -> None:
    async with make(path="/app") as both:
        assert (await both.do(["see"], path=path)).seen == [{} if path.startswith("/app") else None]


@pytest.mark.parametrize("client", ["unknown", "forge", "strip", "expire"])
async def test_G10_an_id_of_no_session_is_never_used(make: MakePair, client: str) -> None:
    async with make() as both:
        await both.do(["set", "n", 1])
        both.carry(client)
        assert (await both.do(["see"])).seen == [{}]
        assert len((await both.do(["set", "n", 2])).cookies) == 2
        assert UNKNOWN not in both.theirs.names
        assert UNKNOWN not in both.mine.names


async def test_G13_an_id_in_a_header_goes_both_ways(make: MakePair) -> None:
    async with make() as both:
        both.theirs.database, both.theirs.client = both.mine.database, both.mine.client
        theirs = both.original()
        theirs.setup["header"] = HEADER
        both.options = {"external_key": HeaderKey(HEADER)}
        ours = both.ours()
        for one, other in ((theirs, ours), (ours, theirs)):
            first = await one.do(["set", "n", 1], now=NOW)
            assert (first.cookies, len(first.token or "")) == ([], 32)
            token = first.token or ""
            second = await other.do(["see"], ["set", "n", 2], now=NOW, token=token)
            assert (second.seen, second.cookies, second.token) == ([{"n": 1}], [], token)
            third = await one.do(["see"], ["null"], now=NOW, token=token)
            assert (third.seen, third.cookies, third.token) == ([{"n": 2}], [], "")
            assert both.mine.rows() == []


# What is written when.


@pytest.mark.parametrize("steps", [[], [["see"]], [["set", "n", 2], ["set", "n", 1]]])
async def test_G20_an_unchanged_session_is_neither_stored_nor_told(make: MakePair, steps: Any) -> None:
    async with make() as both:
        await both.do(["set", "n", 1])
        both.carry("age")
        assert (await both.do(*steps, after=60)).cookies == []
        assert left_s(both) == 43_200


@pytest.mark.parametrize("steps", [[], [["see"]]])
async def test_G06_rolling_stores_and_tells_a_loaded_session(make: MakePair, steps: Any) -> None:
    async with make(rolling=True) as both:
        assert (await both.do(*steps)).cookies == []
        await both.do(["set", "n", 1])
        both.carry("age")
        assert len((await both.do(*steps, after=60)).cookies) == 2
        assert left_s(both) == 86_400


@pytest.mark.parametrize("allow_empty", [True, False])
async def test_G07_a_new_empty_session_is_stored_and_told_where_that_is_wanted(make: MakePair, allow_empty: bool) -> None:
    async with make(allow_empty=allow_empty) as both:
        assert len((await both.do(["see"])).cookies) == 2 * allow_empty
        assert len(both.compare()) == allow_empty
        assert (await both.do(["see"])).cookies == []


@pytest.mark.parametrize("ms", [60_000, 7_200_000])
async def test_G20_a_lifetime_that_is_set_is_saved_and_sent(make: MakePair, ms: int) -> None:
    async with make() as both:
        await both.do(["set", "n", 1])
        assert len((await both.do(["max_age", ms])).cookies) == 2
        assert left_s(both) == ms / 1000
        await both.do(["set", "n", 2], after=10)
        assert left_s(both) == ms / 1000


# What a handler can do.


async def test_G08_a_deferred_session_is_there_once_it_is_waited_for(make: MakePair) -> None:
    async with make(defer=True) as both:
        assert (await both.do()).cookies == []
        assert len((await both.do(["load"], ["set", "n", 1])).cookies) == 2
        assert (await both.do(["load"], ["see"])).seen == [{"n": 1}]
        assert len((await both.do(["load"], ["set", "n", 2])).cookies) == 2
        assert (await both.do(["load"], ["see"])).seen == [{"n": 2}]


async def test_G08_a_session_that_nobody_waits_for_is_not_fetched(make: MakePair) -> None:
    async with make(defer=True, rolling=True) as both:
        await both.do(["load"], ["set", "n", 1])
        assert (await both.do()).cookies == []


async def test_G15_a_loaded_session_knows_its_id(make: MakePair) -> None:
    async with make() as both:
        await both.do(["set", "n", 1])
        for side, turn in ((both.theirs, both.original()), (both.mine, both.ours())):
            assert (await turn.do(["id"], now=NOW)).seen == [side.jar["koa.sid"]]


async def test_G16_null_ends_a_session_and_its_cookies(make: MakePair) -> None:
    async with make() as both:
        # A new one has none.
        assert (await both.do(["null"])).cookies == []
        await both.do(["set", "n", 1])
        assert (await both.do(["null"], ["see"])).cookies == ["koa.sid ends", "koa.sid.sig ends"]
        assert both.compare() == []
        assert both.theirs.jar == both.mine.jar == {}


async def test_G17_save_is_forced(make: MakePair) -> None:
    async with make() as both:
        await both.do(["set", "n", 1])
        both.carry("age")
        assert len((await both.do(["save"], after=60)).cookies) == 2
        assert left_s(both) == 86_400
        both.carry("lose")
        assert len((await both.do(["save"])).cookies) == 2


@pytest.mark.parametrize("steps", [[["set", "n", 2], ["reload"]], [["max_age", 60_000], ["reload"]]])
async def test_G17_save_is_forbidden_as_reload_takes_changes_back(make: MakePair, steps: Any) -> None:
    async with make() as both:
        await both.do(["set", "n", 1])
        both.carry("age")
        assert (await both.do(*steps)).cookies == []
        assert left_s(both) == 43_200
        assert (await both.do(["see"])).seen == [{"n": 1}]


async def test_G18_what_is_saved_at_once_is_there_before_the_response(make: MakePair, monkeypatch: pytest.MonkeyPatch) -> None:
    async with make() as both:

        async def stored(scope: Any, seen: list[Any]) -> None:
            record = await both.store.load(f"koa:sess:{scope['session'].external_key}")
            seen.append(json.loads(record.value)["n"])

        monkeypatch.setitem(system_options.OURS, "stored", stored)
        assert (await both.do(["set", "n", 1], ["commit"], ["stored"])).seen == [1]
        assert (await both.do(["set", "n", 2], ["stored"], ["commit"], ["stored"])).seen == [1, 2]


async def test_G18_what_is_saved_at_once_is_told_once(make: MakePair) -> None:
    async with make() as both:
        assert len((await both.do(["set", "n", 1], ["commit"])).cookies) == 2
        assert len((await both.do(["set", "n", 2], ["commit"], ["set", "m", 3])).cookies) == 2
        assert (await both.do(["commit"])).cookies == []
        [(_, value, _)] = both.compare()
        assert json.loads(value)["m"] == 3


async def test_G19_regenerate_begins_a_session_under_a_new_id(make: MakePair) -> None:
    async with make() as both:
        await both.do(["set", "n", 1])
        answer = await both.do(["regenerate"], ["see"], ["set", "m", 2], ["see"])
        assert answer.seen == [{}, {"m": 2}]
        assert answer.cookies[0].startswith("koa.sid=id 1 ")
        assert [name for name, _, _ in both.compare()] == ["id 1"]


async def test_G22_a_failing_application_s_session_is_saved_and_its_cookie_lost(make: MakePair) -> None:
    async with make() as both:
        answer = await both.do(["set", "n", 1], ["fail"])
        assert (answer.cookies, answer.error) == ([], FAILED)
        assert [name for name, _, _ in both.compare()] == [""]
