"""cookie-session and our preset of its name: the same answers, octet by octet.

``Pair.do`` plays steps on both sides and compares; what a test itself asserts says what both did.
"""

import base64
from functools import partial
from typing import Any

import pytest

from gingersnap import ConfigError, CookieTooLarge, SessionOptions
from tests.asgi import KEY, NOW
from tests.interop.generated_system_programs import SEEDS, play
from tests.interop.koa_stores import sign
from tests.interop.node_and_ours import Peer
from tests.interop.paired_applications import Pair
from tests.interop.system_options import COOKIE_SESSION

pytestmark = pytest.mark.interop

MakePair = partial[Pair]
REMOVED = "; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly"


@pytest.fixture
def make(cookie_session: Peer) -> MakePair:
    """Give what makes both sides."""
    return partial(Pair, COOKIE_SESSION, cookie_session)


def put(both: Pair, text: bytes) -> None:
    """Give both clients a well signed cookie of that text."""
    value = base64.b64encode(text).decode()
    for side in (both.theirs, both.mine):
        side.jar.update({"session": value, "session.sig": sign(f"session={value}")})


def text_in(jar: dict[str, str]) -> bytes:
    return base64.b64decode(jar["session"])


# Generated.


@pytest.mark.usefixtures("silent")
async def test_J07_programs_are_the_same_on_both_sides(make: MakePair) -> None:
    for seed in SEEDS:
        await play(make, "cookie-session", seed)


# Row by row.


async def test_J01_J09_the_cookie_is_bare_JSON_with_a_signature_of_the_first_key(make: MakePair) -> None:
    both = make(max_age=60)
    both.carry("rotate")
    lines = (await both.do(["set", "a", 1])).cookies
    dated = "; path=/; expires=Tue, 24 Nov 2026 12:05:55 GMT; httponly"
    signature = sign("session=eyJhIjoxfQ==", both.keys[0])
    assert lines == [f"session=eyJhIjoxfQ=={dated}", f"session.sig={signature}{dated}"]
    # It says nothing of its end: who has it can show it for ever.
    assert (await both.do(["see"], after=30 * 86_400)).seen == [{"a": 1}]


@pytest.mark.parametrize(
    "options",
    [
        {"path": "/app", "domain": "example.com", "priority": "high", "same_site": "strict", "http_only": False},
        {"secure": True, "same_site": "none", "partitioned": True},
        {"secure": False},
        {"domain": ".example.com"},
        {"max_age": 0.5},
    ],
    ids=str,
)
async def test_J03_each_attribute_is_sent(make: MakePair, options: Any) -> None:
    both = make(**options)
    assert len((await both.do(["set", "n", 1], https=True)).cookies) == 2
    assert len((await both.do(["null"], https=True)).cookies) == 2


async def test_J01_its_name_may_be_another(make: MakePair) -> None:
    both = make(key="s")
    assert [line.partition("=")[0] for line in (await both.do(["set", "n", 1])).cookies] == ["s", "s.sig"]
    assert (await both.do(["see"])).seen == [{"n": 1}]


async def test_J01_keys_may_be_a_Keygrip_of_another_digest(make: MakePair) -> None:
    both = make(algorithm="sha256")
    assert len((await both.do(["set", "n", 1])).cookies[1].partition(";")[0]) == len("session.sig=") + 43
    assert (await both.do(["see"])).seen == [{"n": 1}]
    both.carry("forge")
    assert (await both.do(["see"])).seen == [{}]


@pytest.mark.filterwarnings("ignore:signed=False")
async def test_J02_a_cookie_need_not_be_signed(make: MakePair) -> None:
    both = make(signed=False)
    assert (await both.do(["set", "n", 1])).cookies == ["session=eyJuIjoxfQ==; path=/; httponly"]
    assert (await both.do(["see"])).seen == [{"n": 1}]
    assert (await both.do(["null"])).cookies == [f"session={REMOVED}"]


@pytest.mark.parametrize("unsigned", ["strip", "forge"])
async def test_J04_an_unread_session_that_is_replaced_is_written(make: MakePair, unsigned: str) -> None:
    for client in ("as it is", "lose", unsigned):
        both = make()
        await both.do(["set", "n", 1])
        both.carry(client)
        assert len((await both.do(["replace", {"m": 2}], ["see"])).cookies) == 2


async def test_J05_options_change_for_one_request(make: MakePair) -> None:
    both = make(max_age=60)
    lines = (await both.do(["set", "n", 1], ["cookie", "httpOnly", False], ["cookie", "sameSite", "strict"])).cookies
    assert lines[0].endswith("; samesite=strict")
    assert (await both.do(["set", "n", 2])).cookies[0].endswith("; httponly")


async def test_J06_new_changed_and_populated_are_told(make: MakePair) -> None:
    both = make()
    for steps, flags in (
        ([["set", "n", 1]], [True, True, True]),
        ([["see"]], [False, False, True]),
        ([["set", "n", 2]], [False, True, True]),
        ([["set", "n", 3], ["set", "n", 2]], [False, False, True]),
        ([["delete", "n"]], [False, True, False]),
    ):
        assert (await both.do(*steps, ["flags"])).seen[-1] == flags


async def test_J07_an_emptied_session_is_written_as_such(make: MakePair) -> None:
    both = make()
    await both.do(["set", "n", 1])
    assert (await both.do(["delete", "n"])).cookies[0] == "session=e30=; path=/; httponly"
    assert (await both.do(["see"])).seen == [{}]


@pytest.mark.parametrize("steps", [[], [["see"]], [["set", "n", 1], ["delete", "n"]], [["replace", {}]]])
async def test_J07_a_new_empty_session_is_not_written(make: MakePair, steps: Any) -> None:
    assert (await make().do(*steps)).cookies == []


@pytest.mark.parametrize("steps", [[["null"]], [["see"], ["null"], ["see"]]])
async def test_J08_null_removes_both_cookies_be_there_any_or_not(make: MakePair, steps: Any) -> None:
    both = make()
    for _ in range(2):
        lines = (await both.do(*steps)).cookies
        assert [line.partition("=")[2].partition(";")[0] for line in lines] == ["", sign("session=")]
        assert all(line.endswith(REMOVED) for line in lines)
        await both.do(["set", "n", 1])


@pytest.mark.parametrize("text", [b"", b"no JSON", b'{"cut":', b"\xff"])
async def test_J10_what_cannot_be_read_is_a_new_session_in_silence(make: MakePair, text: bytes) -> None:
    both = make()
    put(both, text)
    answer = await both.do(["see"])
    assert (answer.seen, answer.cookies) == ([{}], [])


@pytest.mark.parametrize("steps", [[["see"]], [["set", "n", 1]], [["set", "n", 2], ["set", "n", 1]]])
async def test_J12_an_unchanged_session_is_never_sent_again(make: MakePair, steps: Any) -> None:
    both = make(max_age=60)
    await both.do(["set", "n", 1])
    assert (await both.do(*steps, after=59)).cookies == []


async def test_J10_koa_session_s_cookie_under_its_name_is_a_session_with_its_dates_for_data(make: MakePair) -> None:
    both = make()
    put(both, b'{"n":1,"_expire":1795608295000,"_maxAge":86400000}')
    assert (await both.do(["see"])).seen == [{"n": 1, "_expire": 1795608295000, "_maxAge": 86400000}]
    assert (await both.do(["set", "n", 2])).cookies != []


# Where we part on purpose.


@pytest.mark.parametrize(("theirs", "ours"), [("httpOnly", "http_only"), ("overwrite", "overwrite"), ("signed", "signed")])
async def test_J02_null_is_no_word_for_the_default_here(make: MakePair, theirs: str, ours: Any) -> None:
    both = make()
    turn = both.original()
    turn.setup["options"][theirs] = None
    assert (await turn.do(["set", "n", 1], now=NOW)).cookies == (await both.ours().do(["set", "n", 1], now=NOW)).cookies
    # Not theirs: a wrong value is a mistake, and is found before the first request.
    with pytest.raises(ConfigError, match=f"^{ours}: "):
        SessionOptions(keys=[KEY], preset="cookie-session", **{ours: None})


@pytest.mark.parametrize("steps", [[], [["set", "n", 1], ["delete", "n"]]])
async def test_J06_a_new_empty_session_is_not_changed_here(make: MakePair, steps: Any) -> None:
    both = make()
    theirs = await both.original().do(*steps, ["flags"], now=NOW)
    ours = await both.ours().do(*steps, ["flags"], now=NOW)
    # Not theirs: nothing of it differs from what would be loaded, and neither side sends it.
    assert (theirs.seen, ours.seen) == ([[True, True, False]], [[True, False, False]])
    assert theirs.cookies == ours.cookies == []


async def test_J03_a_date_for_every_session_is_no_option_here(make: MakePair) -> None:
    theirs = make().original()
    theirs.setup["expires"] = (NOW + 600) * 1000
    # Not theirs: once that date is past, every session is.
    assert "expires=Tue, 24 Nov 2026 12:14:55 GMT" in (await theirs.do(["set", "n", 1], now=NOW)).cookies[0]
    with pytest.raises(ConfigError, match="expires"):
        SessionOptions(keys=[KEY], preset="cookie-session", expires=1)  # type: ignore[call-arg]


@pytest.mark.parametrize("text", [b'{"constructor":1,"isNew":2,"a":3}', b'{ "a": 3 }'])
async def test_J10_what_is_spelled_otherwise_is_not_sent_anew_here(make: MakePair, text: bytes) -> None:
    both = make()
    put(both, text)
    theirs = await both.original().do(["see"], now=NOW)
    ours = await both.ours().do(["see"], now=NOW)
    # Keys that an object of JavaScript has already are shown by neither side.
    assert theirs.seen == ours.seen == [{"a": 3}]
    # Not theirs: who only looks changes nothing.
    assert (len(theirs.cookies), ours.cookies) == (2, [])


@pytest.mark.parametrize("steps", [[["replace", {}]], [["see"], ["replace", {}]]])
async def test_J07_an_empty_session_in_place_of_another_empties_it_here(make: MakePair, steps: Any) -> None:
    both = make()
    await both.do(["set", "n", 1])
    theirs = await both.original().do(*steps, now=NOW)
    ours = await both.ours().do(*steps, now=NOW)
    # Not theirs: the old data would survive.
    assert (theirs.cookies, len(ours.cookies)) == ([], 2)
    assert (text_in(both.theirs.jar), text_in(both.mine.jar)) == (b'{"n":1}', b"{}")


async def test_J07_the_same_data_put_in_place_of_it_is_no_change_here(make: MakePair) -> None:
    both = make()
    await both.do(["set", "n", 1])
    theirs = await both.original().do(["see"], ["replace", {"n": 1}], now=NOW)
    ours = await both.ours().do(["see"], ["replace", {"n": 1}], now=NOW)
    # Not theirs: there every object is new.
    assert (len(theirs.cookies), ours.cookies) == (2, [])


async def test_J11_a_Secure_cookie_over_http_is_sent_here(make: MakePair, caplog: pytest.LogCaptureFixture) -> None:
    both = make(secure=True)
    theirs = await both.original().do(["set", "n", 1], now=NOW)
    ours = await both.ours().do(["set", "n", 1], now=NOW)
    # Not theirs: a session that is dropped in silence is hard to find.
    assert (theirs.cookies, theirs.error, len(ours.cookies)) == ([], None, 2)
    assert "a request came over plain http" in caplog.text


async def test_J12_a_cookie_that_browsers_would_drop_is_refused_here(make: MakePair) -> None:
    both = make()
    theirs = await both.original().do(["set", "a", "x" * 5000], now=NOW)
    assert len(theirs.cookies[0]) > 6000
    with pytest.raises(CookieTooLarge, match="the largest keys are a"):
        await both.ours().do(["set", "a", "x" * 5000], now=NOW)


async def test_X05_an_older_key_has_both_cookies_sent_in_full_here(make: MakePair) -> None:
    both = make(max_age=60, same_site="lax")
    await both.do(["set", "n", 1])
    both.carry("rotate")
    theirs = await both.original().do(["see"], now=NOW)
    ours = await both.ours().do(["see"], now=NOW)
    signature = sign("session=" + both.mine.jar["session"], both.keys[0])
    assert theirs.cookies == [f"session.sig={signature}; path=/; httponly"]
    dated = "; path=/; expires=Tue, 24 Nov 2026 12:05:55 GMT; samesite=lax; httponly"
    # Not theirs: a signature that loses its date is a second cookie, and outlives or outdies the first.
    assert ours.cookies == [f"session={both.mine.jar['session']}{dated}", f"session.sig={signature}{dated}"]


async def test_a_max_age_that_is_set_is_sent_by_itself_here(make: MakePair) -> None:
    both = make()
    await both.do(["set", "n", 1])
    theirs = await both.original().do(["max_age", 60_000], now=NOW)
    ours = await both.ours().do(["max_age", 60_000], now=NOW)
    # Not theirs: a lifetime that somebody sets is meant.
    assert (theirs.cookies, len(ours.cookies)) == ([], 2)


async def test_a_session_of_a_request_that_failed_is_not_sent_here(make: MakePair) -> None:
    both = make()
    theirs = await both.original().do(["set", "n", 1], ["fail"], now=NOW)
    ours = await both.ours().do(["set", "n", 1], ["fail"], now=NOW)
    # Not theirs: Express's last error handler answers through the same response.
    assert (len(theirs.cookies), ours.cookies) == (2, [])
    assert theirs.error == ours.error
