"""Where koa-session and we part on purpose: both values are pinned."""

import base64
import json
from typing import Any

import pytest

from gingersnap import ConfigError, SessionOptions
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, OLD_KEY
from tests.interop.node_and_ours import FAILED, Koa, Ours, Peer
from tests.interop.test_koa_forged import DATA, cookie_of, pair, sign, signed

pytestmark = pytest.mark.interop

HOUR_MS = 3_600_000


def data_in(side: Koa | Ours) -> dict:
    """Read the data and dates that a side's jar holds, without either side's help."""
    return json.loads(base64.b64decode(side.browser.jar["koa.sess"]))


# On purpose.


async def test_K49_rotation_sends_both_cookies_in_full_here(peer: Peer) -> None:
    options = {"maxAge": HOUR_MS, "domain": "example.com", "sameSite": "lax"}
    old = Koa(peer, keys=[OLD_KEY], **options)
    await old.do(["replace", DATA])

    koa = await Koa(peer, keys=[KEY, OLD_KEY], **options).read(old.browser.header())
    ours = await Ours(keys=[KEY, OLD_KEY], **options).read(old.browser.header())

    value = old.browser.jar["koa.sess"]
    attributes = "; path=/; expires=Tue, 24 Nov 2026 13:04:55 GMT; domain=example.com; samesite=lax; httponly"
    assert koa.cookies == [f"koa.sess.sig={sign(value)}; path=/; httponly"]
    # not koa: a signature that loses its date and domain is a second cookie, and outlives or shadows the first.
    assert ours.cookies == [f"koa.sess={value}{attributes}", f"koa.sess.sig={sign(value)}{attributes}"]


async def test_K25_an_empty_dict_without_a_look_empties_the_session_here(both) -> None:
    sides = both()
    await sides.do(["set", "n", 1])

    theirs = await sides.koa.do(["replace", {}])
    ours = await sides.ours.do(["replace", {}])

    # not koa: what the application put in place of its session is what it meant.
    assert theirs.cookies == []
    assert len(ours.cookies) == 2
    assert (await sides.koa.do(["see"])).seen == [{"n": 1}]
    assert (await sides.ours.do(["see"])).seen == [{}]


@pytest.mark.parametrize("verb", ["save", "regenerate", "commit"])
async def test_a_session_cookie_that_is_written_twice_in_a_request_stays_one_here(both, verb) -> None:
    sides = both(maxAge="session")
    steps = [["see"], ["set", "n", 1], [verb]]

    await sides.koa.do(*steps)
    await sides.ours.do(*steps)

    # not koa: its first write deletes the lifetime from the request's options, its second one then takes the default day.
    assert data_in(sides.koa)["_maxAge"] == 86_400_000
    assert data_in(sides.ours) == {"n": 1, "_session": True}


@pytest.mark.parametrize("verb", ["save", "regenerate", "commit"])
async def test_a_change_that_is_taken_back_after_a_write_is_written_here(both, verb) -> None:
    sides = both()
    await sides.do(["set", "n", 1])
    steps = [["set", "n", 2], [verb], ["set", "n", 1]]

    await sides.koa.do(*steps)
    await sides.ours.do(*steps)

    # not koa: it goes on comparing with what came, so the last word of the application is lost.
    assert data_in(sides.koa)["n"] == 2
    assert data_in(sides.ours)["n"] == 1


@pytest.mark.parametrize("verb", ["save", "regenerate"])
async def test_K04_without_autoCommit_save_and_regenerate_wait_for_the_commit_here(both, verb) -> None:
    sides = both(autoCommit=False)

    theirs = await sides.koa.do(["set", "n", 1], [verb])
    ours = await sides.ours.do(["set", "n", 1], [verb])

    # not koa: they are marks here, and nothing but a commit writes.
    assert len(theirs.cookies) == 2
    assert ours.cookies == []


@pytest.mark.parametrize("text", ["[1,2]", '"text"', "7", "true"])
async def test_K42_signed_JSON_that_is_no_object_is_no_session_here(peer: Peer, text: str) -> None:
    header = signed(base64.b64encode(text.encode()).decode())

    theirs = await Koa(peer, keys=[KEY]).read(header)
    ours = await Ours(keys=[KEY]).read(header)

    # not koa: it copies whatever `for (key in value)` gives; a session is an object.
    assert theirs.seen == [{"0": 1, "1": 2} if text == "[1,2]" else dict(zip("0123", "text", strict=True)) if '"' in text else {}]
    assert ours.seen == [{}]


@pytest.mark.parametrize(
    "spell", [lambda value: value.rstrip("="), lambda value: f"{value[:8]} {value[8:]}"], ids=["unpadded", "blank in it"]
)
async def test_base64_has_one_spelling_here(peer: Peer, spell) -> None:
    value, _ = await cookie_of(peer, "koa")
    header = signed(spell(value))

    theirs = await Koa(peer, keys=[KEY]).read(header)
    ours = await Ours(keys=[KEY]).read(header)

    # not koa: nobody writes another spelling, so whoever sends one did not get it from us.
    assert theirs.seen == [DATA]
    assert ours.seen == [{}]


@pytest.mark.parametrize(
    "header",
    [
        "koa.sess={value} ; koa.sess.sig={sig}",
        "koa.sess = {value}; koa.sess.sig = {sig} ",
        "\tkoa.sess={value};\tkoa.sess.sig={sig}",
    ],
)
async def test_W04_blanks_around_a_pair_are_no_part_of_it_here(peer: Peer, header: str) -> None:
    value, sig = await cookie_of(peer, "koa")
    header = header.format(value=value, sig=sig)

    theirs = await Koa(peer, keys=[KEY]).read(header)
    ours = await Ours(keys=[KEY]).read(header)

    # not koa: RFC 6265bis section 5.6 trims blanks and tabs; `cookies` knows of spaces in front of a name alone.
    assert theirs.seen == [{}]
    assert ours.seen == [DATA]


async def test_K48_an_empty_value_with_a_signature_is_no_cookie_here(peer: Peer) -> None:
    header = pair("", "A" * 27)

    theirs = await Koa(peer, keys=[KEY]).read(header)
    ours = await Ours(keys=[KEY]).read(header)

    # not koa: an empty value is what a removed cookie looks like; it is not worth an answer.
    assert theirs.cookies == ["koa.sess.sig=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly"]
    assert ours.cookies == []


@pytest.mark.parametrize("options", [{}, {"maxAge": 60_000}], ids=["without maxAge", "with another maxAge"])
async def test_K25_K36_a_session_replaced_unread_keeps_its_lifetime_here(both, options) -> None:
    old, new = both(**({"maxAge": HOUR_MS} if options else {})), both(**options)
    await old.do(["set", "n", 1])
    new.koa.browser.jar, new.ours.browser.jar = old.koa.browser.jar, old.ours.browser.jar

    await new.koa.do(["replace", {"n": 2}])
    await new.ours.do(["replace", {"n": 2}])

    # not koa: whether a lifetime outlives a change of the option does not hang on whether the session was read before.
    assert data_in(new.koa)["_maxAge"] == options.get("maxAge", 86_400_000)
    assert data_in(new.ours)["_maxAge"] == (HOUR_MS if options else 86_400_000)


@pytest.mark.parametrize("first", [[], [["null"]]], ids=["at once", "after null"])
async def test_K25_a_session_replaced_unread_by_the_same_is_unchanged_here(both, first) -> None:
    sides = both(maxAge=HOUR_MS)
    await sides.do(["set", "n", 1])

    theirs = await sides.koa.do(*first, ["replace", {"n": 1}])
    ours = await sides.ours.do(*first, ["replace", {"n": 1}])

    # not koa: it cannot compare with what it did not read.
    assert len(theirs.cookies) == 2
    assert ours.cookies == []


async def test_K24_K25_null_and_then_an_empty_dict_unread_empties_the_session_here(both) -> None:
    sides = both(maxAge=HOUR_MS)
    await sides.do(["set", "n", 1])

    theirs = await sides.koa.do(["null"], ["replace", {}])
    ours = await sides.ours.do(["null"], ["replace", {}])

    # not koa: the old data would survive.
    assert theirs.cookies == []
    assert len(ours.cookies) == 2


BAD = [
    ("path", "/a;b"), ("path", "/a\nb"), ("path", "/\x7f"), ("path", "/é"), ("path", "/<"),
    ("domain", "a b"), ("domain", "-a.com"), ("domain", "é.com"), ("domain", "a..b"), ("domain", "a;b"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD, ids=ascii)
async def test_R08_attributes_that_cookies_refuses_are_refused_at_construction_here(peer: Peer, name: str, value: str) -> None:
    # cookies 0.9.2 looks at each line that it writes: 500 at the first response that sets one.
    theirs = await Koa(peer, keys=[KEY], **{name: value}).do(["set", "n", 1])
    assert (theirs.cookies, theirs.error) == ([], FAILED)
    for preset in ("koa", "koa-generic", "cookie-session", "express"):
        given: Any = {"keys": [KEY], "preset": preset, name: value}
        if preset in ("koa-generic", "express"):
            given["store"] = MemoryStore()
        if value == "/<":
            # Not theirs: RFC 6265 allows it, and cookie-session's 0.9.1 sends it.
            assert SessionOptions(**given).path == value
        else:
            with pytest.raises(ConfigError, match=name):
                SessionOptions(**given)
