"""Merging: what two requests made of one session goes together key by key, and nothing comes out that nobody put in."""

# Names bear the ids of requirements as they are written.

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gingersnap import _core
from gingersnap.lifecycle.merge import brought, merge

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


def leaves(value: Any, path: tuple[str, ...] = ()) -> set[tuple[Any, ...]]:
    """Write what a value holds as paths with JSON: of dicts each member, of lists each item, wherever it stands in its list."""
    if isinstance(value, dict) and value:
        return set().union(*(leaves(member, (*path, key)) for key, member in value.items()))
    if isinstance(value, list) and value:
        return {(*path, "[]", _core.dumps({"": item})) for item in value}
    return {(*path, _core.dumps({"": value}))}


def names(value: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Name every key, at every level."""
    if not isinstance(value, dict):
        return set()
    return set().union({(*path, key) for key in value}, *(names(member, (*path, key)) for key, member in value.items()))


def without_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_lists(member) for key, member in value.items()}
    return len(value) if isinstance(value, list) else value


@campaign
@given(base=data, mine=data, theirs=data, how=modes)
def test_N05_nothing_comes_out_of_a_merge_that_neither_put_in(base: Any, mine: Any, theirs: Any, how: Any) -> None:
    merged = merge(base, mine, theirs, **how)
    assert names(merged) <= names(mine) | names(theirs)
    # A dict whose members were all deleted, by one and by the other, is left empty.
    emptied = {leaf for leaf in leaves(merged) if leaf[-1] == _core.dumps({"": {}})}
    assert leaves(merged) - emptied <= leaves(mine) | leaves(theirs)


@campaign
@given(base=data, mine=data, theirs=data, how=modes)
def test_N05_merging_the_result_again_changes_nothing(base: Any, mine: Any, theirs: Any, how: Any) -> None:
    merged = merge(base, mine, theirs, **how)
    # The result is what the next save is made from.
    assert _core.dumps(merge(theirs, merged, theirs, **how)) == _core.dumps(merged)
    assert _core.dumps(merge(merged, merged, merged, **how)) == _core.dumps(merged)
    # But for what is appended, it is the same whoever merges it once more.
    base, mine, theirs = without_lists(base), without_lists(mine), without_lists(theirs)
    merged = merge(base, mine, theirs, **how)
    assert _core.dumps(merge(base, mine, merged, **how)) == _core.dumps(merged)


def changes(was: Any, now: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Name what changed, as deep as dicts go."""
    if not (isinstance(was, dict) and isinstance(now, dict)):
        return set() if _core.dumps({"": was}) == _core.dumps({"": now}) else {path}
    found: set[tuple[str, ...]] = set()
    for key in {*was, *now}:
        inner = (*path, key)
        found |= changes(was[key], now[key], inner) if key in was and key in now else {inner}
    return found


def sorted_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


@st.composite
def edits_of_different_keys(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Make three sessions of dicts in dicts: one side changes what is under a and b, the other what is under c and d."""

    def tree(keys: str) -> st.SearchStrategy[dict[str, Any]]:
        return st.dictionaries(st.sampled_from(keys), scalars)

    base = {outer: {inner: draw(tree("abcd")) for inner in "xy"} for outer in "XY"}

    def edited(keys: str) -> dict[str, Any]:
        keep = {key for key in "abcd" if key not in keys}
        side = {
            outer: {inner: {**{k: v for k, v in leaf.items() if k in keep}, **draw(tree(keys))} for inner, leaf in inners.items()}
            for outer, inners in base.items()
        }
        side["X"].update(draw(tree(keys)))
        side.update(draw(tree(keys)))
        return side

    return base, edited("ab"), edited("cd")


@settings(campaign, max_examples=50)
@given(edits_of_different_keys())
def test_N05_changes_of_different_keys_are_all_kept_at_every_level_whoever_comes_first(sides: Any) -> None:
    base, mine, theirs = sides
    merged = merge(base, mine, theirs)
    assert sorted_text(merged) == sorted_text(merge(base, theirs, mine))
    # A member's order alone is no change of another.
    assert changes(base, merged) == changes(base, mine) | changes(base, theirs)


@campaign
@given(old=st.lists(values, max_size=2), mine=st.lists(values, max_size=2), theirs=st.lists(values, max_size=2), deep=st.booleans())
def test_N05_both_appends_are_kept_theirs_first(old: Any, mine: Any, theirs: Any, deep: bool) -> None:
    def session(value: Any) -> dict[str, Any]:
        return {"a": {"b": value}} if deep else {"a": value}

    merged = merge(session(old), session([*old, *mine]), session([*old, *theirs]))
    assert _core.dumps(merged) == _core.dumps(session([*old, *theirs, *mine]))


numbers = st.integers(-1000, 1000) | st.floats(-1000, 1000)


@campaign
@given(was=numbers | st.none(), mine=numbers, theirs=numbers)
def test_N05_increments_add_up_in_either_order(was: Any, mine: Any, theirs: Any) -> None:
    base, start = ({}, 0) if was is None else ({"n": was}, was)
    first = merge(base, {"n": start + mine}, {"n": start + theirs}, steps={"n": mine})["n"]
    second = merge(base, {"n": start + theirs}, {"n": start + mine}, steps={"n": theirs})["n"]
    assert (first, second) == (pytest.approx(start + mine + theirs), pytest.approx(first))


@campaign
@given(base=data, mine=data, theirs=data, first=st.booleans())
def test_N05_deletion_wins_at_every_level(base: Any, mine: Any, theirs: Any, first: bool) -> None:
    merged = merge(base, mine, theirs, mine_first=first)

    def look(was: Any, ours: Any, stored: Any, now: Any) -> None:
        for key in was:
            if key not in ours or key not in stored:
                assert key not in now
            elif all(isinstance(side[key], dict) for side in (was, ours, stored)):
                look(was[key], ours[key], stored[key], now[key])

    look(base, mine, theirs, merged)


def nested(depth: int, leaf: Any) -> dict[str, Any]:
    return {"d": nested(depth - 1, leaf)} if depth else leaf


def test_N05_a_merge_goes_as_deep_as_a_session_may() -> None:
    # A hundred levels are the most that JSON may have here.
    merged = merge(nested(97, {"n": 0}), nested(97, {"n": 0, "a": 1}), nested(97, {"n": 0, "b": 2}))
    assert _core.dumps(merged) == _core.dumps(nested(97, {"n": 0, "b": 2, "a": 1}))


@campaign
@given(base=data, side=data, how=modes)
def test_N05_a_side_that_changed_nothing_has_no_say(base: Any, side: Any, how: Any) -> None:
    assert texts(merge(base, base, side, **how)) == texts(side)
    assert texts(merge(base, side, base, **how)) == texts(side)
    # Where both did the same, it is done: but what both appended was appended twice.
    base, side = without_lists(base), without_lists(side)
    assert texts(merge(base, side, side, **how)) == texts(side)


@campaign
@given(base=data, mine=data, theirs=data, first=st.booleans())
def test_N05_without_a_group_each_key_is_decided_by_the_rules_alone(base: Any, mine: Any, theirs: Any, first: bool) -> None:
    merged, ours, stored = texts(merge(base, mine, theirs, mine_first=first)), texts(mine), texts(theirs)
    here, there = changed(base, mine), changed(base, theirs)
    for key in {*base, *mine, *theirs}:
        if key in base and (key not in mine or key not in theirs):
            wanted = None
        elif key in here & there and (type(mine[key]) in (dict, list)):
            # Those are looked at above.
            continue
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
    "both appended": ({"a": []}, {"a": [1]}, {"a": [2]}, {"a": [2, 1]}, {}),
    "both appended the same": ({"a": [0]}, {"a": [0, 1]}, {"a": [0, 1]}, {"a": [0, 1, 1]}, {}),
    "both began a list": ({}, {"a": [1]}, {"a": [2]}, {"a": [2, 1]}, {}),
    "both made a list of null": ({"a": None}, {"a": [1]}, {"a": [2]}, {"a": [2, 1]}, {}),
    "one took out, one appended": ({"a": [1, 2]}, {"a": [1]}, {"a": [1, 2, 3]}, {"a": [1]}, {}),
    "one put first, one appended": ({"a": [1]}, {"a": [1, 2]}, {"a": [0, 1]}, {"a": [1, 2]}, {}),
    "items that Python holds for equal": ({"a": [1]}, {"a": [1, 2]}, {"a": [True, 3]}, {"a": [1, 2]}, {}),
    "a handler's tuples are lists": ({"a": [1]}, {"a": (1, 2)}, {"a": [1, 3]}, {"a": [1, 3, 2]}, {}),
    "both changed a dict": ({"a": {}}, {"a": {"x": 1}}, {"a": {"y": 1}}, {"a": {"y": 1, "x": 1}}, {}),
    "both began a dict": ({}, {"a": {"x": 1}}, {"a": {"y": 1}}, {"a": {"y": 1, "x": 1}}, {}),
    "both made a dict of a number": ({"a": 1}, {"a": {"x": 1}}, {"a": {"y": 1}}, {"a": {"x": 1}}, {}),
    "a list and a dict": ({"a": []}, {"a": [1]}, {"a": {"y": 1}}, {"a": [1]}, {}),
    "inner, one name": ({"a": XY}, {"a": {"x": 2, "y": 1}}, {"a": {"x": 3, "y": 3}}, {"a": {"x": 2, "y": 3}}, {}),
    "inner, mine deleted, theirs changed": ({"a": XY}, {"a": {"y": 1}}, {"a": {"x": 2, "y": 1}}, {"a": {"y": 1}}, {}),
    "inner, theirs deleted, mine changed": ({"a": XY}, {"a": {"x": 2, "y": 1}}, {"a": {"y": 1}}, {"a": {"y": 1}}, {}),
    "inner, all deleted by both": ({"a": XY}, {"a": {"x": 1}}, {"a": {"y": 1}}, {"a": {}}, {}),
    "inner, null is a value": ({"a": XY}, {"a": {"x": None, "y": 1}}, {"a": {"x": 2, "y": 1}}, {"a": {"x": None, "y": 1}}, {}),
    "lists in dicts": ({"a": {"l": [1]}}, {"a": {"l": [1, 2]}}, {"a": {"l": [1, 3]}}, {"a": {"l": [1, 3, 2]}}, {}),
    "dicts in lists are one value": ({"a": [{}]}, {"a": [{"x": 1}]}, {"a": [{"y": 1}]}, {"a": [{"x": 1}]}, {}),
    "counted": ({"n": 1}, {"n": 2}, {"n": 5}, {"n": 6}, {"steps": {"n": 1}}),
    "counted, both new": ({}, {"n": 1}, {"n": 5}, {"n": 6}, {"steps": {"n": 1}}),
    "counted, theirs deleted": ({"n": 7}, {"n": 8}, {}, {"n": 1}, {"steps": {"n": 1}}),
    "counted, theirs is no number": ({"n": 1}, {"n": 2}, {"n": True}, {"n": 2}, {"steps": {"n": 1}}),
    "counted, theirs is a float": ({"n": 1}, {"n": 2}, {"n": 1.5}, {"n": 2.5}, {"steps": {"n": 1}}),
    "counted down by halves": ({"n": 1}, {"n": 0.5}, {"n": 3}, {"n": 2.5}, {"steps": {"n": -0.5}}),
    "counted in a group": ({"user": 1}, {"user": 2}, {"user": 9}, {"user": 9}, {"steps": {"user": 1}, "atomic": ATOMIC}),
    "a group is not merged": ({"user": []}, {"user": [1]}, {"user": [2]}, {"user": [2]}, {"atomic": ATOMIC}),
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


@pytest.mark.parametrize(
    ("was", "now", "kept"),
    [
        ({"user": "bob"}, {"user": "ann"}, {"user": "ann"}),
        ({"user": "bob", "secret": 1}, {"user": "bob", "secret": 1, "new": 2}, {"new": 2}),
        ({"a": 1}, {}, {}),
        ({"n": 1}, {"n": 1.0}, {"n": 1.0}),
        ({"cart": {"secret": 1, "x": 1}}, {"cart": {"secret": 1, "x": 2, "y": 3}}, {"cart": {"x": 2, "y": 3}}),
        ({"cart": {"secret": 1, "x": 1}}, {"cart": {"secret": 1}}, {}),
        ({"log": ["secret"]}, {"log": ["secret", "mine"]}, {"log": ["mine"]}),
        ({"log": ["a", "b"]}, {"log": ["b"]}, {"log": ["b"]}),
        ({"log": None}, {"log": ["mine"]}, {"log": ["mine"]}),
        ({"log": {"a": 1}}, {"log": ["mine"]}, {"log": ["mine"]}),
        ({"log": ["a"]}, {"log": {"b": 1}}, {"log": {"b": 1}}),
    ],
)
def test_a_login_keeps_what_its_request_set_in_a_session_that_has_ended(was: Any, now: Any, kept: Any) -> None:
    assert brought(_core.dumps(was), _core.dumps(now)) == kept


def test_a_login_keeps_a_group_whole_and_of_a_counter_the_steps() -> None:
    was, now = {"user": "bob", "role": "admin", "n": 7}, {"user": "ann", "role": "admin", "n": 9}
    kept = brought(_core.dumps(was), _core.dumps(now), atomic=("user", "role"), steps={"n": 2})
    assert kept == {"user": "ann", "role": "admin", "n": 2}
    unchanged = brought(_core.dumps(was), _core.dumps(was), atomic=("user", "role"))
    assert unchanged == {}


@pytest.mark.parametrize(
    ("theirs", "merged"),
    [
        # Each item of the base is there still, in its order, with items of others between.
        (["x", "a", "y", "b"], ["x", "a", "y", "b", "mine"]),
        (["b", "a"], ["a", "b", "mine"]),
        (["a"], ["a", "b", "mine"]),
    ],
)
def test_an_append_goes_to_a_list_that_is_a_merge_itself(theirs: list[str], merged: list[str]) -> None:
    base, mine = {"log": ["a", "b"]}, {"log": ["a", "b", "mine"]}
    assert merge(base, mine, {"log": theirs}, theirs_holds_base=True) == {"log": merged}
