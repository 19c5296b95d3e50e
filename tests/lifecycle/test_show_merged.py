"""What was written is shown to the application, with what it changed while that was under way."""

from typing import Any

import pytest

from gingersnap.lifecycle.increments import Increments
from gingersnap.lifecycle.show_merged import show_merged


@pytest.mark.parametrize(
    ("before", "written", "now", "shown"),
    [
        # Nothing was changed meanwhile: the other request's write is shown.
        (b'{"a":1}', b'{"a":1,"b":2}', {"a": 1}, {"a": 1, "b": 2}),
        (b'{"a":1,"c":1}', b'{"c":1}', {"a": 1, "c": 1}, {"c": 1}),
        # What was set meanwhile stays.
        (b'{"a":1}', b'{"a":1,"b":2}', {"a": 5}, {"a": 5, "b": 2}),
        (b'{"a":1}', b'{"a":2}', {"a": 1, "c": 3}, {"a": 2, "c": 3}),
        # What was deleted meanwhile stays deleted.
        (b'{"a":1,"c":1}', b'{"a":1,"b":2,"c":1}', {"c": 1}, {"b": 2, "c": 1}),
    ],
)
def test_both_changes_are_there(before: bytes, written: bytes, now: dict[str, Any], shown: dict[str, Any]) -> None:
    show_merged(now, before, written, atomic=(), increments=None)
    assert now == shown


def test_a_value_that_cannot_be_written_stays_for_the_next_commit_to_refuse() -> None:
    unfit = object()
    now = {"a": 1, "bad": unfit}
    show_merged(now, b'{"a":1}', b'{"a":1,"b":2}', atomic=(), increments=None)
    assert now == {"a": 1, "b": 2, "bad": unfit}


def test_an_increment_made_meanwhile_counts_over_what_was_written() -> None:
    increments = Increments(b'{"n":1}')
    now: dict[str, Any] = {"n": 1}
    increments.add(now, "n", 2, 3)
    now["n"] = 3
    left = show_merged(now, b'{"n":1}', b'{"n":11}', atomic=(), increments=increments)
    assert now == {"n": 13}
    assert left.steps(now) == {"n": 2}


def test_a_group_changed_meanwhile_is_this_requests_as_a_whole() -> None:
    now = {"user": "bob", "role": "guest"}
    show_merged(now, b'{"user":"ada","role":"guest"}', b'{"user":"eve","role":"admin"}', atomic=("user", "role"), increments=None)
    assert now == {"user": "bob", "role": "guest"}
