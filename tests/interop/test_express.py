"""express-session over connect-redis, and our preset of its name: the same answers, and the same records.

``Pair.do`` plays steps on both sides and compares; what a test itself asserts says what both did.
"""

import json
import re
from functools import partial
from typing import Any
from urllib.parse import unquote

import pytest

from tests.asgi import KEY, NOW
from tests.interop.generated_system_programs import SEEDS, play
from tests.interop.koa_stores import OURS
from tests.interop.node_and_ours import Peer
from tests.interop.paired_applications import MakePair, Pair, left_s, pair, store
from tests.interop.system_options import EXPRESS, UNKNOWN
from tests.stores.servers.valkey import Server

pytestmark = pytest.mark.interop

# As nearly everybody has it.
LEAN = {"resave": False, "allow_empty": False}
DATED = "; Path=/; Expires=Tue, 24 Nov 2026 13:04:55 GMT; HttpOnly"


@pytest.fixture
def make(express: Peer, valkey: Server) -> MakePair:
    """Give what makes both sides."""
    return partial(pair, EXPRESS, express, valkey)


def half(both: Pair) -> None:
    """Let half of both records' time go."""
    both.carry("age")


# Generated.


@pytest.mark.usefixtures("silent")
async def test_E17_programs_are_the_same_on_both_sides(express: Peer, valkey: Server) -> None:
    async with store(EXPRESS, valkey, OURS) as opened:
        for seed in SEEDS:
            await play(partial(Pair, EXPRESS, express, valkey, opened), "express", seed)


# Its cookie.


async def test_E02_E03_the_id_is_signed_by_the_first_key(make: MakePair) -> None:
    async with make(max_age=3600) as both:
        both.carry("rotate")
        assert (await both.do(["set", "n", 1])).cookies == [f"connect.sid=id 0 by key 0{DATED}"]
        for side in (both.theirs, both.mine):
            assert re.fullmatch(r"s%3A[\w-]{32}\.[\w%]{43,}", side.jar["connect.sid"])


async def test_E01_its_name_may_be_another(make: MakePair) -> None:
    async with make(key="sid", **LEAN) as both:
        assert (await both.do(["set", "n", 1])).cookies == ["sid=id 0 by key 0; Path=/; HttpOnly"]
        assert (await both.do(["see"])).seen == [{"n": 1}]


async def test_E05_ids_may_be_the_application_s(make: MakePair) -> None:
    async with make(**LEAN) as both:
        theirs = both.original()
        theirs.setup["genid"] = "Made.by-us"
        both.options = {**both.options, "genid": lambda scope: "Made.by-us"}
        lines = [(await turn.do(["set", "n", 1], now=NOW)).cookies for turn in (theirs, both.ours())]
        assert lines[0] == lines[1]
        assert lines[0][0].startswith("connect.sid=s%3AMade.by-us.")
        assert both.theirs.client is not None
        assert both.theirs.client.keys() == [b"sess:Made.by-us"]
        both.theirs.names = both.mine.names = {"Made.by-us": "id 0"}
        assert (await both.do(["see"])).seen == [{"n": 1}]


async def test_E06_by_default_the_cookie_is_one_of_the_browser(make: MakePair) -> None:
    async with make() as both:
        assert (await both.do()).cookies == ["connect.sid=id 0 by key 0; Path=/; HttpOnly"]
        [(_, value, _)] = both.compare()
        assert value == b'{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}}'


@pytest.mark.parametrize(
    "options",
    [
        {"path": "/app", "domain": "example.com", "priority": "high", "same_site": "strict", "http_only": False},
        {"secure": True, "same_site": "none", "partitioned": True},
        {"same_site": "lax", "secure": False},
        {"max_age": 0.5},
    ],
    ids=str,
)
async def test_E08_E34_each_attribute_is_sent_and_stored(make: MakePair, options: Any) -> None:
    async with make(**options) as both:
        for path in ("/app", "/app/x"):
            assert len((await both.do(["set", "at", path], path=path, https=True)).cookies) == (
                path == "/app" or "max_age" in options
            )


@pytest.mark.parametrize("https", [False, True])
async def test_E09_auto_asks_the_connection_once(make: MakePair, https: bool) -> None:
    async with make(secure="auto", same_site="auto", max_age=3600) as both:
        [line] = (await both.do(["set", "n", 1], https=https)).cookies
        assert line.endswith("; Secure; SameSite=None" if https else "; HttpOnly; SameSite=Lax")
        await both.do(["set", "n", 2], https=True)


FORWARDED = {
    "https": True,
    "http": False,
    "https, http": True,
    "http, https": False,
    " HTTPS ,http": True,
    "https2": False,
    ",https": False,
}


@pytest.mark.parametrize(("words", "secure"), FORWARDED.items(), ids=FORWARDED)
async def test_E11_the_first_of_the_forwarded_protocols_counts(make: MakePair, words: str, secure: bool) -> None:
    async with make(secure="auto") as both:
        [line] = (await both.do(["set", "n", 1], https=words)).cookies
        assert ("; Secure" in line) == secure


@pytest.mark.parametrize("trust", [False, None])
async def test_E11_without_trust_nothing_that_is_forwarded_counts(make: MakePair, trust: Any) -> None:
    async with make(secure="auto", trust_proxy=trust) as both:
        [line] = (await both.do(["set", "n", 1], https=True)).cookies
        assert "; Secure" not in line


@pytest.mark.parametrize("trust", [False, None])
@pytest.mark.parametrize("words", ["http", "https", False])
async def test_E11_a_connection_of_tls_is_secure_by_itself(express_by_tls: Peer, valkey: Server, words: Any, trust: Any) -> None:
    async with pair(EXPRESS, express_by_tls, valkey, secure="auto", trust_proxy=trust) as both:
        both.scope = {"scheme": "https"}
        [line] = (await both.do(["set", "n", 1], https=words)).cookies
        assert "; Secure" in line


@pytest.mark.parametrize("path", ["/app", "/app/", "/app/x"])
async def test_E19_requests_within_the_path_have_a_session(make: MakePair, path: str) -> None:
    async with make(path="/app") as both:
        assert (await both.do(["see"], path=path)).seen == [{}]


@pytest.mark.parametrize("path", ["/", "/ap", "/other"])
async def test_E19_requests_outside_of_the_path_have_none(make: MakePair, path: str) -> None:
    async with make(path="/app") as both:
        assert (await both.do(["see"], path=path)).seen == [None]
        assert both.compare() == []


FORGED = {
    "as it is": ("connect.sid={value}", True),
    "the first of two": ("connect.sid={value}; connect.sid=s%3Ax.y", True),
    "the second of two": ("connect.sid=s%3Ax.y; connect.sid={value}", False),
    "blanks around": ("a=1;  connect.sid = {value} ; b", True),
    "in quotes": ('connect.sid="{value}"', True),
    "plain": ("connect.sid={plain}", True),
    "small hex": ("connect.sid={small}", True),
    "another name": ("Connect.sid={value}", False),
    "no mark": ("connect.sid={bare}", False),
    "cut": ("connect.sid={cut}", False),
    "padded": ("connect.sid={value}%3D", False),
    "of the other alphabet": ("connect.sid={other}", False),
    "broken escape": ("connect.sid={value}%", False),
    "empty": ("connect.sid=", False),
}


@pytest.mark.parametrize(("spelling", "opens"), FORGED.values(), ids=FORGED)
async def test_E22_a_cookie_opens_on_both_sides_or_on_neither(make: MakePair, spelling: str, opens: bool) -> None:
    async with make(**LEAN) as both:
        # A signature with a character of the one alphabet alone.
        for number in range(1000):
            value = EXPRESS.cookies(f"known-{number}", KEY)["connect.sid"]
            if "%2B" in value:
                break
        for side in (both.theirs, both.mine):
            assert side.client is not None
            side.client.set(f"sess:known-{number}", b'{"cookie":{"path":"/"},"n":1}')
            side.jar["connect.sid"] = value
            side.names[f"known-{number}"] = "id 0"
        small = value.replace("%3A", "%3a").replace("%2B", "%2b").replace("%2F", "%2f")
        given = {
            "value": value,
            "plain": unquote(value),
            "small": small,
            "other": value.replace("%2B", "-"),
            "bare": value[4:],
            "cut": value[:-1],
        }
        header = spelling.format(**given)
        theirs = both.peer.ask(both.original().setup, [["see"]], cookie=header)
        ours = both.ours()
        ours.jar.clear()
        ours.steps, ours.seen = (["see"],), []
        await ours.browser.get(headers=[(b"cookie", header.encode())])
        assert theirs.seen == ours.seen == [{"n": 1} if opens else {}]


@pytest.mark.parametrize("client", ["unknown", "forge", "strip", "expire"])
async def test_E22_an_id_of_no_session_is_never_used(make: MakePair, client: str) -> None:
    async with make(**LEAN) as both:
        await both.do(["set", "n", 1])
        both.carry(client)
        answer = await both.do(["see"])
        assert (answer.seen, answer.cookies) == ([{}], [])
        assert len((await both.do(["set", "n", 2])).cookies) == 1
        assert UNKNOWN not in both.theirs.names
        assert UNKNOWN not in both.mine.names


@pytest.mark.parametrize("word", ["dark", "dark mode", "a/../b", "é"])
async def test_X08_a_word_that_was_signed_for_another_cookie_is_no_id(make: MakePair, word: str) -> None:
    async with make(**LEAN) as both:
        for side in (both.theirs, both.mine):
            side.jar.update(EXPRESS.cookies(word, KEY))
        assert (await both.do(["see"], ["set", "n", 1])).seen == [{}]
        assert [name for name, _, _ in both.compare()] == ["id 0"]
        assert word not in {**both.theirs.names, **both.mine.names}


# What is written when.


@pytest.mark.parametrize("resave", [True, False])
async def test_E12_E31_resave_writes_what_is_unchanged(make: MakePair, resave: bool) -> None:
    async with make(resave=resave, max_age=3600) as both:
        await both.do(["set", "n", 1])
        [(_, before, _)] = both.compare()
        for steps in ([], [["see"]], [["touch"]]):
            assert (await both.do(*steps, after=60)).cookies == []
        [(_, after, _)] = both.compare()
        assert (before != after) == resave


@pytest.mark.parametrize("allow_empty", [True, False])
async def test_E13_a_new_empty_session_is_stored_and_told_where_that_is_wanted(make: MakePair, allow_empty: bool) -> None:
    for resave in (True, False):
        async with make(allow_empty=allow_empty, resave=resave) as both:
            for steps in ([], [["see"]], [["touch"]], [["set", "n", 1], ["delete", "n"]]):
                both.carry("lose")
                assert len((await both.do(*steps)).cookies) == allow_empty
            assert len(both.compare()) == (4 if allow_empty else 0)


@pytest.mark.parametrize("allow_empty", [True, False])
@pytest.mark.parametrize("max_age", ["session", 3600])
async def test_E14_rolling_sends_the_cookie_of_a_loaded_session(make: MakePair, allow_empty: bool, max_age: Any) -> None:
    async with make(rolling=True, resave=False, allow_empty=allow_empty, max_age=max_age) as both:
        assert len((await both.do()).cookies) == allow_empty
        await both.do(["set", "n", 1])
        for after in (1, 2):
            assert len((await both.do(["see"], after=after)).cookies) == 1


@pytest.mark.parametrize("unset", ["keep", "destroy"])
async def test_E15_null_leaves_or_ends_it_and_the_cookie_stays(make: MakePair, unset: str) -> None:
    async with make(unset=unset, rolling=True) as both:
        await both.do(["set", "n", 1])
        assert (await both.do(["set", "n", 2], ["null"], ["see"])).cookies == []
        assert (await both.do(["see"])).seen == [{"n": 1} if unset == "keep" else {}]
        # A new one is not begun.
        both.carry("lose")
        before = both.compare()
        assert (await both.do(["null"])).cookies == []
        assert len(both.compare()) == len(before)


@pytest.mark.parametrize(("max_age", "cookies"), [("session", 0), (3600, 1)])
async def test_E16_a_change_is_told_where_the_cookie_has_a_date(make: MakePair, max_age: Any, cookies: int) -> None:
    async with make(max_age=max_age, **LEAN) as both:
        assert len((await both.do(["set", "n", 1])).cookies) == 1
        assert len((await both.do(["set", "n", 2], after=1)).cookies) == cookies


@pytest.mark.parametrize(
    ("options", "s"), [({"max_age": 3600}, 3600), ({}, 86_400), ({"ttl": 600}, 600), ({"max_age": 0.5, "ttl": 600}, 1)]
)
async def test_E17_an_unchanged_session_is_renewed_in_the_store_alone(make: MakePair, options: Any, s: int) -> None:
    async with make(**LEAN, **options) as both:
        await both.do(["set", "n", 1])
        assert left_s(both) == s
        half(both)
        assert (await both.do()).cookies == []
        assert left_s(both) == s


@pytest.mark.parametrize("ms", [60_000, 7_200_000, "session"])
async def test_E24_E33_a_session_has_a_lifetime_of_its_own(make: MakePair, ms: Any) -> None:
    async with make(max_age=3600, **LEAN) as both:
        await both.do(["set", "n", 1])
        await both.do(["set", "n", 2], ["max_age", ms])
        assert left_s(both) == (86_400 if ms == "session" else ms / 1000)
        await both.do(["set", "n", 3], after=10)
        half(both)
        await both.do(after=20)
        assert left_s(both) == (86_400 if ms == "session" else ms / 1000)


async def test_E33_a_session_s_cookie_can_be_changed(make: MakePair) -> None:
    async with make(max_age=3600, **LEAN) as both:
        await both.do(["set", "n", 1])
        steps = [["set", "n", 2], ["cookie", "httpOnly", False], ["cookie", "sameSite", "strict"]]
        [line] = (await both.do(*steps)).cookies
        assert line.endswith("GMT; SameSite=Strict")
        # It is kept with the session.
        [line] = (await both.do(["set", "n", 3])).cookies
        assert line.endswith("GMT; SameSite=Strict")


# What a handler can do.


@pytest.mark.parametrize("options", [LEAN, {}, {"max_age": 3600}], ids=str)
async def test_E27_regenerate_begins_an_empty_session_under_a_new_id(make: MakePair, options: Any) -> None:
    async with make(**options) as both:
        await both.do(["set", "n", 1])
        assert len((await both.do(["regenerate"], ["see"], ["set", "m", 2])).cookies) == 1
        assert [name for name, _, _ in both.compare()] == ["id 1"]
        # Even if nothing is put into it.
        assert len((await both.do(["regenerate"])).cookies) == 1
        assert (await both.do(["see"])).seen == [{}]
        both.carry("lose")
        assert len((await both.do(["regenerate"])).cookies) == 1


async def test_E28_the_cookie_of_an_ended_session_stays_and_opens_nothing(make: MakePair) -> None:
    async with make(**LEAN) as both:
        await both.do(["set", "n", 1])
        for _ in range(2):
            assert (await both.do(["set", "n", 2], ["destroy"])).cookies == []
            assert both.compare() == []
        assert (len(both.theirs.jar), len(both.mine.jar)) == (1, 1)
        assert (await both.do(["see"])).seen == [{}]


@pytest.mark.parametrize("options", [LEAN, {}], ids=str)
async def test_E29_reload_takes_back_what_was_changed(make: MakePair, options: Any) -> None:
    async with make(**options) as both:
        await both.do(["set", "n", 1])
        assert (await both.do(["set", "n", 2], ["reload"], ["see"])).seen == [{"n": 1}]
        assert (await both.do(["reload"], ["set", "n", 3])).error is None
        assert (await both.do(["see"])).seen == [{"n": 3}]


@pytest.mark.parametrize("options", [LEAN, {}], ids=str)
async def test_E30_save_writes_what_is_unchanged(make: MakePair, options: Any) -> None:
    async with make(**options, max_age=3600) as both:
        await both.do(["set", "n", 1])
        assert (await both.do(["touch"], ["save"], after=60)).cookies == []
        [(_, value, _)] = both.compare()
        assert json.loads(value)["cookie"]["expires"] == "2026-11-24T13:05:55.000Z"
        assert (await both.do(["touch"], ["save"], ["set", "n", 2], after=70)).cookies != []


async def test_E32_a_loaded_session_knows_its_id(make: MakePair) -> None:
    async with make(**LEAN) as both:
        await both.do(["set", "n", 1])
        for side, turn in ((both.theirs, both.original()), (both.mine, both.ours())):
            assert (await turn.do(["id"], now=0)).seen == [EXPRESS.id_in(side.jar)]
