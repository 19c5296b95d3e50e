"""What a commit that merged another request's write shows its own request: each item is still the one that a handler holds."""

from collections.abc import Callable
from typing import Any

import pytest

from gingersnap import Session, UnserializableError, _core
from gingersnap.lifecycle.adopt import adopt
from gingersnap.lifecycle.merge import merge
from gingersnap.lifecycle.show_merged import show_merged
from tests.asgi import Sessions
from tests.behaviour.test_conflicts import in_conflict
from tests.doubles import FailingStore

Change = Callable[[list[Any]], Any]


def at(path: str, session: dict[str, Any]) -> list[Any]:
    """Return the list at a path."""
    value: Any = session
    for name in path.split("."):
        value = value[name]
    assert isinstance(value, list)
    return value


@pytest.mark.parametrize("path", ["items", "cart.items"])
@pytest.mark.parametrize("base", [[], ["a"], [1, {"a": []}]])
@pytest.mark.parametrize("call", ["replace", "move"])
async def test_an_append_during_a_commit_that_merges_keeps_the_other_requests_append(path: str, base: list[Any], call: str) -> None:
    store = FailingStore()
    client = Sessions(store=store)
    await client.do(lambda session: session.update({"items": base, "cart": {"items": base}}))

    def mine(session: Session) -> None:
        at(path, session).append("mine")
        if call == "move":
            session.regenerate()

    await in_conflict(
        store,
        client,
        call,
        mine,
        lambda session: at(path, session).append("theirs"),
        lambda session: at(path, session).append("later"),
    )
    assert at(path, await client.data()) == [*base, "theirs", "mine", "later"]


async def test_an_item_that_a_handler_holds_stays_its_own_after_a_merge() -> None:
    store = FailingStore()
    client = Sessions(store=store)
    await client.do(lambda session: session.update(items=[{"name": "old", "quantity": 1}]))
    other = Sessions(store=store)

    async def handler(session: Session) -> None:
        old, item = session["items"][0], {"name": "mine", "quantity": 1}
        session["items"].append(item)
        other.jar.update(client.jar)
        await other.do(lambda session: session["items"].append({"name": "theirs", "quantity": 1}))
        await session.commit()
        item["quantity"], old["quantity"] = 5, 3

    await client.do(handler)
    held = [(item["name"], item["quantity"]) for item in (await client.data())["items"]]
    assert held == [("old", 3), ("theirs", 1), ("mine", 5)]


CHANGES: dict[str, tuple[list[Any], Change, list[Any]]] = {
    "another item in front": ([0, 1, 2], lambda items: items.append(3), [0, 1, 2, 3]),
    "an item removed by the other": ([2], lambda items: items.append(3), [1, 2, 3]),
    "items in another order": ([2, 1], lambda items: items.append(3), [1, 2, 3]),
    "an item removed by mine": ([0, 1, 2], lambda items: items.pop(), [1]),
    "another kind of number": ([1.0, 2], lambda items: items.append(3), [1, 2, 3]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_list_changed_meanwhile_takes_in_what_was_written_where_that_has_all_its_items(name: str) -> None:
    written, change, left = CHANGES[name]
    session = {"n": [1, 2]}
    change(session["n"])
    show_merged(session, b'{"n":[1,2]}', _core.dumps({"n": written}), atomic=(), increments=None)
    assert session == {"n": left}


def test_a_merge_of_two_requests_takes_lists_for_appended_to_by_their_beginning_alone() -> None:
    assert merge({"n": [1]}, {"n": [1, 2]}, {"n": [0, 1]}) == {"n": [1, 2]}


def test_items_alike_stay_in_their_order_and_a_changed_one_stays_the_same_object() -> None:
    first, second, third = {"a": 1}, {"a": 1}, {"b": 1}
    session: dict[str, Any] = {"n": [first, second, third]}
    adopt(session, {"n": [{"a": 1}, {"a": 1}, {"b": 2}, {"a": 1}]})
    assert session == {"n": [{"a": 1}, {"a": 1}, {"b": 2}, {"a": 1}]}
    assert [one is two for one, two in zip(session["n"], (first, second, third), strict=False)] == [True, True, True]


async def test_a_list_that_is_no_json_yet_stays_as_it_is_over_a_merge_and_the_next_commit_refuses_it() -> None:
    store = FailingStore()
    client = Sessions(store=store)
    await client.do(lambda session: session.update(items=[1]))

    def later(session: Session) -> None:
        session["unfit"] = [object()]

    with pytest.raises(UnserializableError, match="unfit"):
        await in_conflict(
            store, client, "replace", lambda session: session["items"].append(2), lambda session: session["items"].append(3), later
        )
    assert await client.data() == {"items": [1, 3, 2]}
