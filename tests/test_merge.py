"""Merging: what two requests made of one session goes together key by key, and nothing comes out that nobody put in."""

# Names bear the ids of requirements as they are written.

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gingersnap import _core
from gingersnap.merge import merge

ATOMIC = frozenset({"user", "role"})
NAMES = ["user", "role", "cart", "n", "m", ""]

# Values that Python holds for the same, though JSON writes them apart, are drawn often.
scalars = st.sampled_from([0, 1, 1.0, True, False, None, "", "1", -0.0, 0.0])
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner), max_leaves=4
)
data = st.dictionaries(st.sampled_from(NAMES), values)
modes = st.fixed_dictionaries({"atomic": st.sampled_from([frozenset(), ATOMIC, frozenset(NAMES)]), "mine_first": st.booleans()})
campaign = settings(max_examples=200, derandomize=True, database=None, deadline=None)


def texts(session: dict[str, Any]) -> dict[str, bytes]:
    """Write each value as JSON: there 1, 1.0 and true are three."""
    return {key: _core.dumps({key: value}) for key, value in session.items()}


def changed(base: dict[str, Any], side: dict[str, Any]) -> set[str]:
    was, now = texts(base), texts(side)
    return {key for key in was.keys() | now.keys() if was.get(key) != now.get(key)}


@campaign
@given(base=data, mine=data, theirs=data, how=modes)
def test_N05_every_value_of_a_merge_is_one_of_two(base: Any, mine: Any, theirs: Any, how: Any) -> None:
    merged = texts(merge(base, mine, theirs, **how))
    assert all(value in (texts(mine).get(key), texts(theirs).get(key)) for key, value in merged.items())


@campaign
@given(base=data, mine=data, theirs=data, how=modes)
def test_N05_merging_the_result_again_changes_nothing(base: Any, mine: Any, theirs: Any, how: Any) -> None:
    merged = merge(base, mine, theirs, **how)
    assert _core.dumps(merge(base, mine, merged, **how)) == _core.dumps(merged)
    # Nor does it where the result is what the next save is made from.
    assert _core.dumps(merge(theirs, merged, theirs, **how)) == _core.dumps(merged)


@campaign
@given(base=data, side=data, how=modes)
def test_N05_a_side_that_changed_nothing_has_no_say(base: Any, side: Any, how: Any) -> None:
    assert texts(merge(base, base, side, **how)) == texts(side)
    assert texts(merge(base, side, base, **how)) == texts(side)
    assert texts(merge(base, side, side, **how)) == texts(side)


@campaign
@given(base=data, mine=data, theirs=data, first=st.booleans())
def test_N05_deletion_wins(base: Any, mine: Any, theirs: Any, first: bool) -> None:
    deleted = {key for key in base if key not in mine or key not in theirs}
    assert deleted.isdisjoint(merge(base, mine, theirs, mine_first=first))


@campaign
@given(base=data, mine=data, theirs=data, first=st.booleans())
def test_N05_without_a_group_each_key_is_decided_by_the_rules_alone(base: Any, mine: Any, theirs: Any, first: bool) -> None:
    merged, ours, stored = texts(merge(base, mine, theirs, mine_first=first)), texts(mine), texts(theirs)
    here, there = changed(base, mine), changed(base, theirs)
    for key in {*base, *mine, *theirs}:
        if key in base and (key not in mine or key not in theirs):
            wanted = None
        elif key in here:
            wanted = ours.get(key)
        else:
            wanted = stored.get(key)
        assert merged.get(key) == wanted, (key, here, there)


@campaign
@given(base=data, mine=data, theirs=data, first=st.booleans())
def test_N05_atomic_keys_come_from_one_side_together(base: Any, mine: Any, theirs: Any, first: bool) -> None:
    def group(session: dict[str, Any]) -> dict[str, bytes]:
        return {key: text for key, text in texts(session).items() if key in ATOMIC}

    merged = group(merge(base, mine, theirs, atomic=ATOMIC, mine_first=first))
    here, there = changed(base, mine) & ATOMIC, changed(base, theirs) & ATOMIC
    assert merged == (group(mine) if here and (first or not there) else group(theirs))


@campaign
@given(base=data, mine=data, theirs=data, how=modes)
def test_N05_the_order_is_theirs_and_then_what_is_new_of_mine(base: Any, mine: Any, theirs: Any, how: Any) -> None:
    merged = [*merge(base, mine, theirs, **how)]
    assert merged == [key for key in [*theirs, *(key for key in mine if key not in theirs)] if key in merged]


@campaign
@given(base=data, mine=data, theirs=data, how=modes)
def test_what_is_merged_is_left_as_it_was(base: Any, mine: Any, theirs: Any, how: Any) -> None:
    before = [_core.dumps(each) for each in (base, mine, theirs)]
    merge(base, mine, theirs, **how).clear()
    assert [_core.dumps(each) for each in (base, mine, theirs)] == before


@pytest.mark.parametrize(
    ("was", "now"), [(1, 1.0), (1, True), (0, False), (1.0, True), (0.0, -0.0), ([1], [True]), ({"a": 0}, {"a": 0.0})]
)
def test_N05_numbers_and_booleans_that_python_holds_for_equal_are_changes(was: Any, now: Any) -> None:
    # Theirs did not change it, mine did, and the other way round.
    for base, side in ((was, now), (now, was)):
        if _core.dumps({"k": base}) == _core.dumps({"k": side}):
            continue
        for merged in (merge({"k": base}, {"k": side}, {"k": base}), merge({"k": base}, {"k": base}, {"k": side})):
            assert _core.dumps(merged) == _core.dumps({"k": side})


XY = {"x": 1, "y": 1}
CASES: dict[str, tuple[Any, Any, Any, Any, dict[str, Any]]] = {
    # Name: base, mine, theirs, merged, how.
    "two new keys": ({}, {"a": 1}, {"b": 2}, {"b": 2, "a": 1}, {}),
    "both new, one name": ({}, {"a": 1}, {"a": 2}, {"a": 1}, {}),
    "both changed": ({"a": 0}, {"a": 1}, {"a": 2}, {"a": 1}, {}),
    "both deleted": ({"a": 0}, {}, {}, {}, {}),
    "mine deleted, theirs changed": ({"a": 0}, {}, {"a": 2}, {}, {}),
    "theirs deleted, mine changed": ({"a": 0}, {"a": 1}, {}, {}, {}),
    "null is a value": ({"a": 0}, {"a": None}, {"a": 0}, {"a": None}, {}),
    "lists are not mixed": ({"a": []}, {"a": [1]}, {"a": [2]}, {"a": [1]}, {}),
    "dicts are not mixed": ({"a": {}}, {"a": {"x": 1}}, {"a": {"y": 1}}, {"a": {"x": 1}}, {}),
    "a member's order is a change": ({"a": XY}, {"a": {"y": 1, "x": 1}}, {"a": XY}, {"a": {"y": 1, "x": 1}}, {}),
    "group, mine alone": ({"user": 1}, {"user": 1, "role": 2}, {"user": 1}, {"user": 1, "role": 2}, {"atomic": ATOMIC}),
    "group, theirs alone": ({"user": 1}, {"user": 1}, {"user": 1, "role": 2}, {"user": 1, "role": 2}, {"atomic": ATOMIC}),
    "group, both": ({"user": 1}, {"user": 2}, {"user": 1, "role": 9}, {"user": 1, "role": 9}, {"atomic": ATOMIC}),
    "group, both, a login": ({"user": 1}, {"user": 2}, {"user": 1, "role": 9}, {"user": 2}, {"atomic": ATOMIC, "mine_first": True}),
    "group, theirs deleted": ({"user": 1, "role": 1}, {"user": 1, "role": 2}, {"role": 1}, {"role": 1}, {"atomic": ATOMIC}),
    "group, mine deleted": ({"user": 1, "role": 1}, {}, {"user": 1, "role": 1}, {}, {"atomic": ATOMIC}),
}  # fmt: skip


@pytest.mark.parametrize(("base", "mine", "theirs", "merged", "how"), CASES.values(), ids=CASES)
def test_N05_merge(base: Any, mine: Any, theirs: Any, merged: Any, how: Any) -> None:
    assert _core.dumps(merge(base, mine, theirs, **how)) == _core.dumps(merged)
