"""What a commit does, from plain facts: each action with its reason, and what goes before what."""

import itertools
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gingersnap.lifecycle.decision import RENEWALS, Decision, Facts, decide, reason_to_save

DAY = 86_400_000

LIVE = Facts(
    changed=False,
    empty=False,
    asked=None,
    exists=True,
    committed=False,
    login=False,
    replaced=False,
    rotated=False,
    rolls=False,
    renews=False,
    left_ms=DAY,
    max_age_ms=DAY,
    public=False,
    exceeds_lifetime=False,
    must_extend=False,
    touch_suffices=True,
    keep_empty=False,
    allow_empty=False,
    resave=False,
)
"""A session that came, and that no request has touched since."""
NEW = replace(LIVE, exists=False, empty=True, left_ms=None)
"""An empty new session."""
FILLED = replace(NEW, empty=False, changed=True)
EMPTIED = replace(LIVE, empty=True, changed=True)
NOTHING = Decision("nothing", None, False)


def of(facts: Facts, **given: Any) -> tuple[str, str | None]:
    action, reason, _ = decide(replace(facts, **given))
    return action, reason


@pytest.mark.parametrize(
    ("facts", "given", "action", "reason"),
    [
        # A session that came.
        (LIVE, {}, "nothing", None),
        (LIVE, {"changed": True}, "replace", "changed"),
        (LIVE, {"asked": "force"}, "replace", "force"),
        (LIVE, {"asked": "regenerate"}, "move", "regenerate"),
        (LIVE, {"asked": "regenerate", "changed": True}, "move", "regenerate"),
        (LIVE, {"rolls": True}, "touch", "rolling"),
        (LIVE, {"asked": "rolling"}, "touch", "rolling"),
        (LIVE, {"rotated": True}, "touch", "rotated"),
        (LIVE, {"renews": True, "left_ms": 1}, "touch", "renew"),
        (LIVE, {"resave": True}, "replace", "resave"),
        (LIVE, {"resave": True, "rolls": True}, "replace", "resave"),
        (LIVE, {"resave": True, "rotated": True}, "replace", "resave"),
        (LIVE, {"resave": True, "changed": True}, "replace", "changed"),
        (LIVE, {"resave": True, "committed": True}, "nothing", None),
        # A record whose text says when it ends is renewed by a write; a new signature needs none.
        (LIVE, {"rolls": True, "touch_suffices": False}, "replace", "rolling"),
        (LIVE, {"renews": True, "left_ms": 1, "touch_suffices": False}, "replace", "renew"),
        (LIVE, {"rotated": True, "touch_suffices": False}, "touch", "rotated"),
        # A record that the store keeps for too long is written, whatever else is due.
        (LIVE, {"exceeds_lifetime": True}, "replace", "resave"),
        (LIVE, {"exceeds_lifetime": True, "rolls": True}, "replace", "resave"),
        (LIVE, {"exceeds_lifetime": True, "rotated": True}, "replace", "resave"),
        (LIVE, {"exceeds_lifetime": True, "changed": True}, "replace", "changed"),
        (LIVE, {"must_extend": True}, "keep", None),
        (LIVE, {"must_extend": True, "rolls": True}, "touch", "rolling"),
        # Its end.
        (LIVE, {"asked": "destroy", "exists": False, "empty": True, "changed": True}, "delete", "destroy"),
        (LIVE, {"asked": "destroy", "exists": False, "changed": True}, "create", "regenerate"),
        (LIVE, {"asked": "destroy", "exists": False, "changed": True, "login": True}, "create", "regenerate"),
        # Emptied key by key, it gives way to another request's write; emptied by clear(), it does not.
        (EMPTIED, {}, "replace", "destroy"),
        (EMPTIED, {"replaced": True}, "delete", "destroy"),
        (EMPTIED, {"keep_empty": True}, "replace", "changed"),
        (EMPTIED, {"login": True, "asked": "regenerate"}, "move", "regenerate"),
        (EMPTIED, {"asked": "force"}, "replace", "destroy"),
        (EMPTIED, {"asked": "regenerate"}, "replace", "destroy"),
        # One that came empty stays as it is.
        (LIVE, {"empty": True}, "nothing", None),
        (LIVE, {"empty": True, "rolls": True}, "touch", "rolling"),
        # A new one.
        (NEW, {}, "nothing", None),
        (NEW, {"asked": "rolling"}, "nothing", None),
        (NEW, {"rolls": True}, "nothing", None),
        (NEW, {"allow_empty": True}, "create", "changed"),
        (NEW, {"allow_empty": True, "committed": True}, "nothing", None),
        (NEW, {"asked": "force"}, "create", "force"),
        (NEW, {"asked": "regenerate"}, "create", "regenerate"),
        (NEW, {"asked": "regenerate", "login": True}, "create", "regenerate"),
        (NEW, {"asked": "destroy"}, "delete", "destroy"),
        (NEW, {"must_extend": True}, "keep", None),
        (FILLED, {}, "create", "changed"),
        (FILLED, {"resave": True}, "create", "changed"),
        (FILLED, {"asked": "regenerate"}, "create", "regenerate"),
    ],
    ids=repr,
)
def test_what_a_commit_does(facts: Facts, given: dict[str, Any], action: str, reason: str | None) -> None:
    assert of(facts, **given) == (action, reason)


@pytest.mark.parametrize(
    ("left_ms", "max_age_ms", "renewed"),
    [
        (DAY, DAY, False),
        (DAY // 2, DAY, False),
        (DAY // 2 - 1, DAY, True),
        (0, DAY, True),
        (-1, DAY, True),
        # Odd lifetimes have their half between two milliseconds.
        (1, 3, True),
        (2, 3, False),
        # A session that ends with the browser has no half.
        (None, DAY, False),
        (0, None, False),
    ],
)
def test_renew_begins_at_half_of_the_lifetime(left_ms: int | None, max_age_ms: int | None, renewed: bool) -> None:
    assert of(LIVE, renews=True, left_ms=left_ms, max_age_ms=max_age_ms) == (("touch", "renew") if renewed else ("nothing", None))
    assert decide(replace(LIVE, renews=False, left_ms=left_ms, max_age_ms=max_age_ms)) == NOTHING


@pytest.mark.parametrize("asked", ["force", "regenerate"])
def test_what_the_application_asked_for_goes_before_all_else(asked: str) -> None:
    for changed, rolls, renews, rotated, resave in itertools.product((False, True), repeat=5):
        facts = {"changed": changed, "rolls": rolls, "renews": renews, "rotated": rotated, "resave": resave, "left_ms": 0}
        assert of(LIVE, asked=asked, **facts)[1] == asked


def test_reasons_have_their_order() -> None:
    order = {"changed": "changed", "rolls": "rolling", "renews": "renew", "rotated": "rotated"}
    for count in range(1, 5):
        for chosen in itertools.combinations(order, count):
            assert of(LIVE, left_ms=0, **dict.fromkeys(chosen, True))[1] == order[chosen[0]]


@pytest.mark.parametrize("due", [{"rolls": True}, {"renews": True, "left_ms": 0}, {"rotated": True}])
def test_a_public_response_renews_nothing_and_that_is_said(due: dict[str, Any]) -> None:
    assert decide(replace(LIVE, **due, public=True)) == Decision("nothing", None, True)
    assert decide(replace(LIVE, **due, public=True, must_extend=True)) == Decision("keep", None, True)
    assert decide(replace(LIVE, **due, public=True, resave=True)) == Decision("nothing", None, True)


def test_a_public_response_saves_no_session_again() -> None:
    assert decide(replace(LIVE, public=True, resave=True)) == Decision("nothing", None, True)


@pytest.mark.parametrize("given", [{"changed": True}, {"asked": "force"}, {"asked": "regenerate"}, {"asked": "rolling"}, {}])
def test_a_public_response_carries_what_was_asked_and_changed(given: dict[str, Any]) -> None:
    assert decide(replace(LIVE, **given, public=True)) == decide(replace(LIVE, **given))


def test_the_hook_hears_of_no_write_that_shortens_a_record_alone() -> None:
    assert reason_to_save(replace(LIVE, exceeds_lifetime=True)) == (None, False)


@pytest.mark.parametrize("due", [{}, {"rolls": True}, {"renews": True, "left_ms": 0}, {"rotated": True}])
def test_a_public_response_shortens_no_record(due: dict[str, Any]) -> None:
    assert decide(replace(LIVE, exceeds_lifetime=True, **due)) == Decision("replace", "resave", False)
    assert decide(replace(LIVE, exceeds_lifetime=True, public=True, **due)) == Decision("nothing", None, bool(due))


flags = {name: st.booleans() for name in (field.name for field in fields(Facts)) if name not in ("asked", "left_ms", "max_age_ms")}
anything = st.builds(
    Facts,
    asked=st.sampled_from([None, "rolling", "force", "regenerate", "destroy"]),
    left_ms=st.none() | st.integers(-DAY, 2 * DAY),
    max_age_ms=st.none() | st.integers(1, DAY),
    **flags,
)


@settings(derandomize=True, deadline=None, max_examples=3_000)
@given(facts=anything)
def test_whatever_the_facts_an_action_fits_its_reason(facts: Facts) -> None:
    action, reason, withheld = decide(facts)
    assert (reason is None) is (action in ("nothing", "keep"))
    assert (action == "keep") is (reason is None and facts.must_extend)
    if action == "move":
        assert reason == "regenerate"
    if action == "delete":
        assert reason == "destroy"
    if action in ("touch", "replace", "move"):
        assert facts.exists
    if action == "touch":
        assert reason in RENEWALS
    if facts.changed or facts.asked not in (None, "rolling"):
        # What an application wanted is never dropped in silence.
        assert action not in ("nothing", "keep", "touch") or (facts.empty and not facts.exists)
    if withheld:
        assert facts.public
