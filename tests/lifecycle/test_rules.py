"""Decisions: whether a session lives, when it ends next, and whether it is written."""

# Names bear the ids of requirements as they are written.

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gingersnap.lifecycle import rules

NOW = 1_795_521_895_000
DAY = 86_400_000
SKEW = rules.SKEW_MS
LARGEST = 2**53


def check(expire: object = None, max_age: object = None, lasts: object = None, created: object = None, **given: Any) -> str | None:
    """Ask about a session, by default without session-lifetime mode and without an absolute end."""
    return rules.check(expire, max_age, lasts, created, NOW, given.get("browser_ok", False), given.get("absolute_ms"))


@pytest.mark.parametrize(
    ("expire", "max_age", "verdict"),
    [
        (NOW + DAY, DAY, None),
        (NOW + 1, DAY, None),
        (NOW, DAY, None),
        (NOW - 1, DAY, "expired"),
        (0, DAY, "expired"),
        # Issued by a server whose clock is ahead.
        (NOW + DAY + 1, DAY, None),
        (NOW + DAY + SKEW, DAY, None),
        (NOW + DAY + SKEW + 1, DAY, "invalid"),
        (NOW + 400 * DAY, DAY, "invalid"),
        (LARGEST, DAY, "invalid"),
        (LARGEST, LARGEST, None),
        (LARGEST + 1, LARGEST, "invalid"),
        (LARGEST + 1, LARGEST + 1, "invalid"),
        (10**21 - 1, 10**21 - 1, "invalid"),
        (-1, DAY, "invalid"),
        (-NOW, DAY, "invalid"),
        # koa-session takes all of these for sessions that never end.
        (None, DAY, "invalid"),
        (None, None, "invalid"),
        ("never", DAY, "invalid"),
        (str(NOW + DAY), DAY, "invalid"),
        ("", DAY, "invalid"),
        (float(NOW + DAY), DAY, "invalid"),
        (NOW + 0.5, DAY, "invalid"),
        (True, DAY, "invalid"),
        (False, DAY, "invalid"),
        ([NOW + DAY], DAY, "invalid"),
        ({}, DAY, "invalid"),
        # Without a lifetime the session has its end all the same; with one that is none it was not written by us.
        (NOW - 1, None, "expired"),
        (NOW - 1, -DAY, "invalid"),
    ],
    ids=repr,
)
def test_L05_a_session_lives_by_its_own_end_alone(expire: object, max_age: object, verdict: str | None) -> None:
    assert check(expire, max_age) == verdict


@pytest.mark.parametrize("max_age", [None, -1, True, 1.5, "1", [], LARGEST + 1], ids=repr)
def test_L05_a_far_end_without_a_lifetime_that_explains_it_is_invalid(max_age: object) -> None:
    assert check(LARGEST, max_age) == "invalid"


@pytest.mark.parametrize(
    ("lasts", "browser_ok", "verdict"),
    [
        (True, True, None),
        (True, False, None),
        (None, True, None),
        (None, False, "invalid"),
        (False, False, "invalid"),
        (1, False, "invalid"),
        ("true", False, "invalid"),
        ([], False, "invalid"),
    ],
    ids=repr,
)
def test_L05_a_session_without_an_end_must_say_so_or_be_configured(lasts: object, browser_ok: bool, verdict: str | None) -> None:
    assert check(lasts=lasts, browser_ok=browser_ok) == verdict


@pytest.mark.parametrize(("expire", "verdict"), [(NOW - 1, "expired"), ("never", "invalid"), (NOW + 9 * DAY, "invalid")], ids=repr)
@pytest.mark.parametrize("lasts", [None, True])
def test_L05_a_session_marker_excuses_no_bad_end(lasts: object, expire: object, verdict: str) -> None:
    assert check(expire, DAY, lasts, browser_ok=True) == verdict


@pytest.mark.parametrize(
    ("created", "verdict"),
    [
        (NOW, None),
        (NOW - 7 * DAY, None),
        (NOW - 7 * DAY - 1, "expired"),
        (0, "expired"),
        (NOW + SKEW, None),
        (NOW + SKEW + 1, "invalid"),
        (-1, "invalid"),
        (LARGEST + 1, "invalid"),
        (True, "invalid"),
        (float(NOW), "invalid"),
        (str(NOW), "invalid"),
        ([], "invalid"),
        # A session of before absolute_age was set: it began, at the latest, when it was last issued.
        (None, None),
    ],
    ids=repr,
)
def test_an_absolute_end_counts_from_the_beginning(created: object, verdict: str | None) -> None:
    assert check(NOW + DAY, DAY, created=created, absolute_ms=7 * DAY) == verdict


def test_an_absolute_end_holds_for_sessions_that_end_with_the_browser() -> None:
    assert check(lasts=True, created=NOW - 7 * DAY, absolute_ms=7 * DAY) is None
    assert check(lasts=True, created=NOW - 7 * DAY - 1, absolute_ms=7 * DAY) == "expired"
    assert check(lasts=True, absolute_ms=7 * DAY) == "invalid"


@pytest.mark.parametrize(
    ("expire", "max_age", "created", "begun"),
    [
        (NOW + DAY, DAY, NOW - 5, NOW - 5),
        (NOW + DAY, DAY, 0, 0),
        (NOW + DAY, DAY, None, NOW),
        (NOW + DAY, DAY, "x", None),
        (NOW + DAY, DAY, -1, None),
        (NOW + DAY, None, None, None),
        (None, DAY, None, None),
        (True, DAY, None, None),
    ],
    ids=repr,
)
def test_a_session_began_as_it_says_or_as_its_dates_show(
    expire: object, max_age: object, created: object, begun: int | None
) -> None:
    assert rules.birth(expire=expire, max_age=max_age, created=created) == begun


@pytest.mark.parametrize(
    ("max_age_ms", "created_ms", "absolute_ms", "end_ms"),
    [
        (DAY, None, None, NOW + DAY),
        (DAY, NOW, None, NOW + DAY),
        (DAY, None, 7 * DAY, NOW + DAY),
        (DAY, NOW, 7 * DAY, NOW + DAY),
        (DAY, NOW - 6 * DAY, 7 * DAY, NOW + DAY),
        (DAY, NOW - 6 * DAY - 1, 7 * DAY, NOW + DAY - 1),
        (DAY, NOW - 7 * DAY, 7 * DAY, NOW),
        (DAY, NOW, DAY - 1, NOW + DAY - 1),
        (1, NOW, 1, NOW + 1),
    ],
    ids=repr,
)
def test_the_next_end_is_an_idle_lifetime_away_but_never_past_the_absolute_one(
    max_age_ms: int, created_ms: int | None, absolute_ms: int | None, end_ms: int
) -> None:
    assert rules.next_expire(NOW, max_age_ms, created_ms, absolute_ms) == end_ms


anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.integers(), max_size=1)
facts = st.tuples(anything, anything, anything, anything)


@settings(derandomize=True, deadline=None, max_examples=1_000)
@given(facts=facts, now_ms=st.integers(0, 2**53), browser_ok=st.booleans(), absolute_ms=st.none() | st.integers(1, 2**53))
def test_L05_whatever_came_the_verdict_is_a_word(facts: Any, now_ms: int, browser_ok: bool, absolute_ms: int | None) -> None:
    verdict = rules.check(*facts, now_ms, browser_ok, absolute_ms)
    assert verdict in (None, "expired", "invalid")
    if verdict is None and facts[0] is not None:
        assert type(facts[0]) is int
        assert now_ms <= facts[0] <= 2**53


@settings(derandomize=True, deadline=None, max_examples=500)
@given(
    now_ms=st.integers(0, 2**50),
    max_age_ms=st.integers(1, 2**45),
    absolute_ms=st.none() | st.integers(1, 2**45),
    browser_ok=st.booleans(),
)
def test_a_session_lives_from_its_issue_to_its_end(now_ms: int, max_age_ms: int, absolute_ms: int | None, browser_ok: bool) -> None:
    end_ms = rules.next_expire(now_ms, max_age_ms, now_ms, absolute_ms)
    at = [now_ms, end_ms, end_ms + 1]
    verdicts = [rules.check(end_ms, max_age_ms, None, now_ms, when, browser_ok, absolute_ms) for when in at]
    assert verdicts == [None, None, "expired"]


@pytest.mark.parametrize(
    ("expire", "max_age", "created", "option", "end"),
    [
        (NOW + 30 * DAY, 30 * DAY, None, DAY, NOW + DAY),
        (NOW + 30 * DAY, 30 * DAY, None, 30 * DAY, None),
        (NOW + DAY, DAY, None, 30 * DAY, None),
        (NOW + DAY, DAY, None, None, None),
        (None, 30 * DAY, None, DAY, None),
        ("never", 30 * DAY, None, DAY, None),
        (NOW + DAY, True, None, DAY, None),
        # Cut by an absolute end: it was renewed no earlier than it began, and no later than its end.
        (NOW + 10 * DAY, 30 * DAY, NOW, DAY, NOW + DAY),
        (NOW + DAY // 2, 30 * DAY, NOW, DAY, NOW + DAY // 2),
    ],
)
def test_L04_a_shorter_option_counts_from_the_last_renewal(expire: Any, max_age: Any, created: Any, option: Any, end: Any) -> None:
    assert rules.earlier_end(expire, max_age, created, option) == end


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("life_ms", [1, DAY, None])
def test_a_lifetime_says_whose_it_is(life_ms: int | None, own: bool) -> None:
    max_age, lasts = rules.life_members(life_ms, own_life=own)
    assert rules.has_own_life(max_age, lasts) is own
    assert (lasts is True) is (life_ms is None)
