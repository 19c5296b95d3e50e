"""A session that is brought to other data keeps the containers that a handler holds."""

from typing import Any

import pytest

from gingersnap.lifecycle.adopt import adopt


@pytest.mark.parametrize(
    ("have", "data"),
    [
        ({}, {"n": 1}),
        ({"n": 1}, {}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": 1, "b": 2}, {"a": 1, "c": 3, "b": 2}),
        ({"a": [1, {"x": [1]}]}, {"a": [1, {"x": [1, 2]}, 3]}),
        ({"a": {"x": 1}}, {"a": [1]}),
        ({"a": [1, 2, 3]}, {"a": [1]}),
        ({"a": 1}, {"a": 1.0}),
        ({"a": True}, {"a": 1}),
    ],
)
def test_a_dict_says_what_the_data_says_in_its_order(have: dict[str, Any], data: dict[str, Any]) -> None:
    adopt(have, data)
    assert have == data
    assert [*have] == [*data]
    assert repr(have) == repr(data)


def test_lists_and_dicts_stay_the_same_objects() -> None:
    items: list[Any] = [1, {"x": 1}]
    inner, have = items[1], {"items": items, "n": 1}
    adopt(have, {"n": 2, "items": [1, {"x": 2}, 3]})
    assert have["items"] is items
    assert items[1] is inner
    assert inner == {"x": 2}
