"""The same requests at the same times get the same Set-Cookie lines, octet by octet, from koa-session and from us.

``both().do`` plays steps on both sides and compares; what a test itself asserts says what both did.
"""

import pytest

from tests.asgi import NOW

pytestmark = pytest.mark.interop

DAY = 86_400
HOUR = 3_600
HOUR_MS = HOUR * 1000


def dates(cookies: list[str]) -> list[str | None]:
    """Take the dates out of Set-Cookie lines."""
    return [line.partition("; expires=")[2].partition(";")[0] or None for line in cookies]


# What is written when.


@pytest.mark.parametrize("steps", [[], [["see"]], [["set", "a", 1], ["delete", "a"]], [["replace", {}]], [["commit"]]])
async def test_K38_a_new_empty_session_sends_nothing(both, steps) -> None:
    assert (await both().do(*steps)).cookies == []


@pytest.mark.parametrize("options", [{}, {"renew": True}, {"maxAge": HOUR_MS}, {"maxAge": "session"}])
async def test_K38_an_unchanged_session_sends_nothing(both, options) -> None:
    pair = both(**options)
    await pair.do(["set", "cart", [{"n": 1}]])

    for steps in ([], [["see"]], [["set", "cart", [{"n": 1}]]], [["push", ["cart"], 2], ["set", "cart", [{"n": 1}]]]):
        assert (await pair.do(*steps, after=60)).cookies == []


async def test_K37_a_deep_change_is_seen(both) -> None:
    pair = both()
    await pair.do(["set", "cart", {"items": [1]}])

    answer = await pair.do(["push", ["cart", "items"], 2], after=1)

    assert len(answer.cookies) == 2
    assert (await pair.do(["see"])).seen == [{"cart": {"items": [1, 2]}}]


async def test_K37_another_order_of_keys_is_a_change(both) -> None:
    pair = both()
    await pair.do(["replace", {"a": 1, "b": 2}])

    assert len((await pair.do(["delete", "a"], ["set", "a", 1])).cookies) == 2


@pytest.mark.parametrize(
    "value",
    ["", "é🍪\u2028", 0, -1.5, 1e21, 5e-324, 10**20, None, True, [], {}, [[{}]], {"__proto__": {"a": 1}}, "x" * 2500],
    ids=repr,
)
async def test_K35_both_write_the_same_octets(both, value) -> None:
    assert len((await both().do(["see"], ["set", 'k"e;y=', value])).cookies) == 2


# How long it lives.


async def test_K02_without_maxAge_the_first_cookie_has_no_date_and_the_next_has(both) -> None:
    pair = both()

    first = await pair.do(["set", "n", 1])
    second = await pair.do(["see"], ["set", "n", 2], after=5)

    assert dates(first.cookies) == [None, None]
    assert dates(second.cookies) == ["Wed, 25 Nov 2026 12:05:00 GMT"] * 2


@pytest.mark.parametrize("ms", [1000, 1500, 60_000, HOUR_MS, 30 * DAY * 1000, 400 * DAY * 1000])
async def test_K02_maxAge_dates_every_cookie(both, ms) -> None:
    pair = both(maxAge=ms)

    first = await pair.do(["set", "n", 1])
    second = await pair.do(["set", "n", 2], after=0.5)

    assert None not in dates(first.cookies + second.cookies)


async def test_K02_session_gives_no_date_ever(both) -> None:
    pair = both(maxAge="session")

    lines = []
    for after in (0, DAY, 500 * DAY):
        lines += (await pair.do(["see"], ["set", "at", after], after=after)).cookies

    assert dates(lines) == [None] * 6


async def test_K36_a_cookie_keeps_the_lifetime_it_was_written_with(both) -> None:
    old, new = both(maxAge=HOUR_MS), both(maxAge=60_000)
    await old.do(["set", "n", 1])
    new.koa.browser.jar, new.ours.browser.jar = old.koa.browser.jar, old.ours.browser.jar

    answer = await new.do(["see"], ["set", "n", 2], after=10)

    assert dates(answer.cookies) == ["Tue, 24 Nov 2026 13:05:05 GMT"] * 2


@pytest.mark.parametrize(("was", "now"), [("session", HOUR_MS), (HOUR_MS, "session"), ("session", None), (None, "session")])
async def test_K36_a_cookie_stays_a_session_cookie_or_not_as_it_was_written(both, was, now) -> None:
    old = both(**({"maxAge": was} if was else {}))
    new = both(**({"maxAge": now} if now else {}))
    await old.do(["set", "n", 1])
    new.koa.browser.jar, new.ours.browser.jar = old.koa.browser.jar, old.ours.browser.jar

    answer = await new.do(["see"], ["set", "n", 2], after=10)

    assert (None in dates(answer.cookies)) == (was == "session")


@pytest.mark.parametrize(("after", "alive"), [(HOUR - 1, True), (HOUR, True), (HOUR + 1, False), (DAY, False)])
async def test_K40_an_expired_session_is_a_new_one_and_its_cookie_stays(both, after, alive) -> None:
    pair = both(maxAge=HOUR_MS)
    await pair.do(["set", "n", 1])

    answer = await pair.do(["see"], after=after)

    assert answer.seen == [{"n": 1} if alive else {}]
    assert answer.cookies == []


async def test_K40_an_expired_session_begins_anew_with_the_option_s_lifetime(both) -> None:
    pair = both()
    await pair.do(["set", "n", 1])
    await pair.do(["see"], ["set", "n", 2])

    answer = await pair.do(["see"], ["set", "n", 3], after=DAY + 1)

    assert answer.seen == [{}]
    assert dates(answer.cookies) == [None, None]


# What writes without a change.


@pytest.mark.parametrize("max_age", [None, HOUR_MS, "session"])
async def test_K07_rolling_writes_a_session_that_was_accessed(both, max_age) -> None:
    pair = both(rolling=True, **({"maxAge": max_age} if max_age else {}))
    await pair.do(["set", "n", 1])

    assert len((await pair.do(["see"], after=10)).cookies) == 2
    assert len((await pair.do(["see"], after=20)).cookies) == 2


async def test_K07_rolling_leaves_an_untouched_session_alone(both) -> None:
    pair = both(rolling=True)
    await pair.do(["set", "n", 1])

    assert (await pair.do(after=10)).cookies == []


async def test_K07_rolling_never_writes_a_new_empty_session(both) -> None:
    assert (await both(rolling=True).do(["see"])).cookies == []


async def test_K07_rolling_keeps_a_session_alive(both) -> None:
    pair = both(rolling=True, maxAge=HOUR_MS)
    await pair.do(["set", "n", 1])

    for turn in range(1, 6):
        assert (await pair.do(["see"], after=turn * 3000)).seen == [{"n": 1}]


@pytest.mark.parametrize(("after", "written"), [(1, 0), (HOUR / 2, 0), (HOUR / 2 + 1, 2), (HOUR, 2), (HOUR + 1, 0)])
async def test_K08_renew_writes_in_the_second_half_of_a_life(both, after, written) -> None:
    pair = both(renew=True, maxAge=HOUR_MS)
    await pair.do(["set", "n", 1])

    assert len((await pair.do(["see"], after=after)).cookies) == written


async def test_K08_renew_leaves_an_untouched_session_alone(both) -> None:
    pair = both(renew=True, maxAge=HOUR_MS)
    await pair.do(["set", "n", 1])

    assert (await pair.do(after=HOUR - 1)).cookies == []


async def test_K08_renew_has_nothing_to_do_for_a_session_without_an_end(both) -> None:
    pair = both(renew=True, maxAge="session")
    await pair.do(["set", "n", 1])

    assert (await pair.do(["see"], after=100 * DAY)).cookies == []


async def test_K08_renew_without_maxAge_knows_the_default_day(both) -> None:
    pair = both(renew=True)
    await pair.do(["set", "n", 1])

    assert (await pair.do(["see"], after=DAY / 2 - 1)).cookies == []
    assert len((await pair.do(["see"], after=DAY / 2 + 1)).cookies) == 2


# What an application does to it.


@pytest.mark.parametrize("steps", [[["null"]], [["see"], ["null"]], [["set", "n", 2], ["null"]], [["null"], ["see"]]])
async def test_K24_null_removes_the_cookie_with_a_valid_signature(both, steps) -> None:
    pair = both()
    await pair.do(["set", "n", 1])

    answer = await pair.do(*steps)

    assert dates(answer.cookies) == ["Thu, 01 Jan 1970 00:00:00 GMT"] * 2
    assert answer.cookies[0].startswith("koa.sess=; ")
    assert (await pair.do(["see"])).seen == [{}]


async def test_K24_null_removes_a_cookie_that_never_was(both) -> None:
    assert len((await both().do(["null"])).cookies) == 2


@pytest.mark.parametrize("options", [{"maxAge": HOUR_MS}, {"maxAge": "session"}, {"rolling": True}, {"renew": True}])
async def test_K24_null_is_null_with_any_lifetime(both, options) -> None:
    pair = both(**options)
    await pair.do(["set", "n", 1])

    assert dates((await pair.do(["null"])).cookies) == ["Thu, 01 Jan 1970 00:00:00 GMT"] * 2


async def test_K24_null_and_then_a_new_one(both) -> None:
    pair = both(maxAge=HOUR_MS)
    await pair.do(["set", "n", 1])

    answer = await pair.do(["null"], ["replace", {"fresh": True}])

    assert len(answer.cookies) == 2
    assert (await pair.do(["see"])).seen == [{"fresh": True}]


@pytest.mark.parametrize("steps", [[["delete", "n"]], [["see"], ["replace", {}]]])
async def test_K39_an_emptied_session_is_written_empty(both, steps) -> None:
    pair = both()
    await pair.do(["set", "n", 1])

    answer = await pair.do(*steps, after=1)

    assert len(answer.cookies) == 2
    assert "1970" not in answer.cookies[0]
    assert (await pair.do(["see"], after=2)).seen == [{}]


async def test_K39_an_emptied_session_is_still_a_session(both) -> None:
    pair = both(rolling=True)
    await pair.do(["set", "n", 1])
    await pair.do(["delete", "n"])

    assert len((await pair.do(["see"], after=3)).cookies) == 2


async def test_K25_another_dict_replaces_the_data(both) -> None:
    pair = both(maxAge=HOUR_MS)
    await pair.do(["replace", {"a": 1, "b": 2}])

    answer = await pair.do(["see"], ["replace", {"c": 3}], ["set", "d", 4], after=1)

    assert len(answer.cookies) == 2
    assert (await pair.do(["see"])).seen == [{"c": 3, "d": 4}]


async def test_K25_the_same_dict_again_is_no_change(both) -> None:
    pair = both()
    await pair.do(["replace", {"a": 1}])

    assert (await pair.do(["see"], ["replace", {"a": 1}], after=1)).cookies == []


@pytest.mark.parametrize("ms", [60_000, 30 * DAY * 1000, "session"])
@pytest.mark.parametrize("options", [{}, {"maxAge": HOUR_MS}, {"maxAge": "session"}])
async def test_K29_a_session_s_own_maxAge_is_written_and_stays(both, options, ms) -> None:
    pair = both(**options)
    await pair.do(["set", "n", 1])

    answer = await pair.do(["see"], ["max_age", ms], after=10)

    assert len(answer.cookies) == 2
    assert (dates(answer.cookies)[0] is None) == (ms == "session")
    assert len((await pair.do(["see"], ["set", "n", 2], after=20)).cookies) == 2


@pytest.mark.parametrize("ms", [60_000, "session"])
async def test_K29_a_session_s_own_maxAge_is_written_for_a_new_empty_one_too(both, ms) -> None:
    pair = both()

    answer = await pair.do(["max_age", ms])

    assert len(answer.cookies) == 2
    assert (await pair.do(["see"])).seen == [{}]


@pytest.mark.parametrize("verb", ["regenerate", "save"])
@pytest.mark.parametrize("options", [{}, {"maxAge": HOUR_MS}, {"rolling": True}])
async def test_K31_K32_save_and_regenerate_write_an_unchanged_session(both, verb, options) -> None:
    pair = both(**options)
    await pair.do(["set", "n", 1])

    answer = await pair.do(["see"], [verb], after=10)

    assert len(answer.cookies) == 2
    assert (await pair.do(["see"], after=11)).seen == [{"n": 1}]


@pytest.mark.parametrize("verb", ["regenerate", "save"])
async def test_K31_K32_save_and_regenerate_write_a_new_empty_session(both, verb) -> None:
    assert len((await both().do([verb])).cookies) == 2


@pytest.mark.parametrize("verb", ["regenerate", "save", "commit"])
async def test_K32_what_changes_after_them_is_written_too(both, verb) -> None:
    pair = both()

    answer = await pair.do(["set", "a", 1], [verb], ["set", "b", 2])

    assert len(answer.cookies) == 2
    assert (await pair.do(["see"])).seen == [{"a": 1, "b": 2}]


@pytest.mark.parametrize("verb", ["regenerate", "save"])
async def test_K31_K32_save_and_regenerate_keep_a_session_cookie_one(both, verb) -> None:
    pair = both(maxAge="session")
    await pair.do(["set", "n", 1])

    answer = await pair.do(["see"], [verb], after=10)

    assert dates(answer.cookies) == [None, None]
    assert len((await pair.do(["see"], ["set", "n", 2], after=20)).cookies) == 2


@pytest.mark.parametrize(("last", "count"), [([], 0), ([["commit"]], 2)])
async def test_K04_without_autoCommit_only_a_commit_writes(both, last, count) -> None:
    answer = await both(autoCommit=False).do(["set", "n", 1], *last)

    assert len(answer.cookies) == count


# What the lines say.


@pytest.mark.parametrize(
    ("options", "https"),
    [
        ({}, False),
        ({}, True),
        ({"httpOnly": False}, False),
        ({"sameSite": "lax"}, False),
        ({"sameSite": "strict"}, True),
        ({"sameSite": "none", "secure": True}, True),
        ({"secure": True}, True),
        ({"secure": False}, True),
        ({"domain": "example.com"}, False),
        ({"domain": ".example.com"}, False),
        ({"path": "/app"}, False),
        ({"priority": "high"}, False),
        ({"partitioned": True, "secure": True}, True),
        ({"key": "sid"}, False),
        ({"key": "koa:sess"}, False),
        ({"key": "__Host-sid", "secure": True}, True),
        ({"signed": False}, False),
        ({"maxAge": HOUR_MS, "domain": "a.example", "path": "/x", "priority": "low", "sameSite": "lax", "httpOnly": False}, True),
    ],
    ids=repr,
)
async def test_K11_W02_attributes_come_in_koa_s_order_when_it_is_set_and_when_it_is_removed(both, options, https) -> None:
    pair = both(**options)
    count = 2 if options.get("signed", True) else 1

    assert len((await pair.do(["set", "n", 1], https=https)).cookies) == count
    assert len((await pair.do(["see"], ["set", "n", 2], https=https)).cookies) == count
    assert (await pair.do(["see"], https=https)).seen == [{"n": 2}]
    assert len((await pair.do(["null"], https=https)).cookies) == count


async def test_W02_koa_s_own_lines_are_lower_case_without_samesite_and_dated_by_expires_alone(both) -> None:
    cookies = (await both(maxAge=HOUR_MS).do(["set", "n", 1])).cookies

    assert [line.split("; ")[1:] for line in cookies] == [["path=/", "expires=Tue, 24 Nov 2026 13:04:55 GMT", "httponly"]] * 2
    assert [line.split("=")[0] for line in cookies] == ["koa.sess", "koa.sess.sig"]


async def test_W02_dates_are_cut_to_the_second_below(both) -> None:
    pair = both(maxAge=1000)

    assert dates((await pair.do(["set", "n", 1], after=0.875)).cookies) == ["Tue, 24 Nov 2026 12:04:56 GMT"] * 2


# A long life.


async def test_a_life_of_many_requests_is_the_same_on_both_sides(both) -> None:
    pair = both(renew=True, maxAge=HOUR_MS)
    life = [
        (0, []),
        (1, [["see"]]),
        (2, [["set", "cart", {"items": []}], ["set", "user", None]]),
        (3, [["push", ["cart", "items"], {"id": 1, "price": 9.99}], ["set", "user", "Żółć"]]),
        (4, []),
        (5, [["see"], ["regenerate"]]),
        (2000, [["see"]]),
        (4000, [["see"]]),
        (4001, [["max_age", 10 * HOUR_MS]]),
        (4002 + HOUR, [["see"], ["delete", "cart"]]),
        (4002 + 9 * HOUR, [["see"]]),
        (4002 + 13 * HOUR, [["see"], ["max_age", "session"]]),
        (NOW, [["see"], ["set", "user", ""]]),
        (NOW + 1, [["null"]]),
        (NOW + 2, [["see"]]),
        (NOW + 3, [["replace", {"again": 1}]]),
        (NOW + 4 + HOUR, [["see"]]),
    ]

    written = [len((await pair.do(*steps, after=after)).cookies) for after, steps in life]

    assert written == [0, 0, 2, 2, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 2, 0]


@pytest.mark.parametrize("ms", [1001, 1003, 1005])
async def test_K02_a_lifetime_keeps_its_milliseconds(both, ms) -> None:
    await both(maxAge=ms).do(["set", "n", 1])
