"""Increments: parallel requests that count all count, and what else a request does with the number is heeded."""

# Names bear the ids of requirements as they are written.

from typing import Any

import pytest

from gingersnap import SessionConflict, SessionUnavailable, UnserializableError
from gingersnap.lifecycle.increments import Increments
from gingersnap.stores import MemoryStore
from tests.asgi import Sessions


class Pausing(MemoryStore):
    """A real store that lets a test in before or after a write, or loses its reply."""

    prompt = False
    before: Any = None
    after: Any = None

    def __init__(self) -> None:
        super().__init__()
        self.meets: list[Any] = []
        """What comes before each move in turn."""

    async def move(self, *given: Any, **named: Any) -> Any:
        if self.meets and (meet := self.meets.pop(0)) is not None:
            await meet()
        return await super().move(*given, **named)

    async def replace(self, *given: Any, **named: Any) -> Any:
        before, after = self.before, self.after
        self.before = self.after = None
        if before is not None:
            await before()
        answer = await super().replace(*given, **named)
        if after is not None:
            await after()
        return answer


def two(**options: Any) -> tuple[Pausing, Sessions, Sessions]:
    store = Pausing()
    return store, Sessions(store=store, **options), Sessions(store=store, **options)


async def beside(one: Sessions, mine: Any, theirs: Any, other: Sessions) -> None:
    """Have a request of another browser with the same session come between a request's own work and its commit."""

    async def handler(scope: Any) -> None:
        mine(scope["session"])
        other.jar.update(one.jar)
        await other.do(theirs)

    await one.on_scope(handler)


def put(value: Any) -> Any:
    return lambda s: s.__setitem__("n", value)


def count(by: Any = 1) -> Any:
    return lambda s: s.increment("n", by)


# Name: what the session had, what mine does, what theirs does meanwhile, and what is left.
CASES: dict[str, tuple[dict[str, Any], Any, Any, dict[str, Any]]] = {
    "both count": ({"n": 1}, count(), count(), {"n": 3}),
    "both begin to count": ({"m": 0}, count(), count(5), {"m": 0, "n": 6}),
    "two in one request": ({"n": 1}, lambda s: (s.increment("n"), s.increment("n", 2)), count(), {"n": 5}),
    "halves": ({"n": 1}, count(0.5), count(), {"n": 2.5}),
    "down": ({"n": 5}, count(-2), count(-1), {"n": 2}),
    "theirs sets it": ({"n": 1}, count(), put(10), {"n": 11}),
    "mine sets it after": ({"n": 1}, lambda s: (s.increment("n"), put(7)(s)), count(), {"n": 7}),
    "mine sets it before": ({"n": 1}, lambda s: (put(7)(s), s.increment("n")), count(), {"n": 8}),
    "mine sets it between": ({"n": 1}, lambda s: (s.increment("n"), put(7)(s), s.increment("n")), count(), {"n": 8}),
    "mine removes it after": ({"n": 1, "m": 0}, lambda s: (s.increment("n"), s.pop("n")), count(), {"m": 0}),
    "theirs removes it": ({"n": 7, "m": 0}, count(2), lambda s: s.pop("n"), {"n": 2, "m": 0}),
    "theirs makes text of it": ({"n": 1}, count(), put("x"), {"n": 2}),
    "theirs makes a bool of it": ({"n": 1}, count(), put(True), {"n": 2}),
    "mine replaces all": ({"n": 1}, lambda s: (s.increment("n"), s.replace({"n": 2})), count(), {"n": 2}),
    "mine replaces all, then counts": ({"n": 1}, lambda s: (s.replace({"n": 2}), s.increment("n")), count(), {"n": 3}),
    "mine empties it, then counts": ({"n": 5}, lambda s: (s.clear(), s.increment("n")), count(), {"n": 1}),
    "mine ends it, then counts": ({"n": 1}, lambda s: (s.destroy(), s.increment("n")), count(), {"n": 1}),
    "mine logs in": ({"n": 1}, lambda s: (s.increment("n"), s.login("ada")), count(), {"n": 3}),
    "mine counts by nothing": ({"n": 1}, count(0), count(), {"n": 2}),
}


@pytest.mark.parametrize(("had", "mine", "theirs", "left"), CASES.values(), ids=CASES)
async def test_N02_an_increment_is_carried_out_at_the_merge(had: Any, mine: Any, theirs: Any, left: Any) -> None:
    _, one, other = two()
    await one.do(lambda s: s.update(had))
    await beside(one, mine, theirs, other)
    assert await one.data() == left


@pytest.mark.parametrize("preset", ["koa", "express", "koa-generic"])
async def test_N02_records_of_every_layout_are_merged_by_what_they_hold(preset: str) -> None:
    _, one, other = two(preset=preset)
    await one.do(lambda s: s.update(n=1, cart=[1]))
    await beside(
        one,
        lambda s: (s.increment("n"), s["cart"].append(2)),
        lambda s: (s.increment("n"), s["cart"].append(3)),
        other,
    )
    data = await one.data()
    assert (data["n"], data["cart"]) == (3, [1, 3, 2])


async def test_N02_an_increment_in_an_atomic_group_moves_with_it() -> None:
    _, one, other = two(atomic_keys=["n", "role"])
    await one.do(lambda s: s.update(n=1, role="guest"))
    await beside(one, count(), lambda s: s.update(role="admin"), other)
    assert await one.data() == {"n": 1, "role": "admin"}


async def test_an_increment_tells_the_sum_and_after_the_commit_what_was_written() -> None:
    _, one, other = two()
    await one.do(lambda s: s.update(n=1))
    seen: list[Any] = []

    async def handler(scope: Any) -> None:
        session = scope["session"]
        seen.append(session.increment("n", by=2))
        other.jar.update(one.jar)
        await other.do(count(10))
        await session.commit()
        seen.append(session["n"])
        seen.append(session.increment("n"))

    await one.on_scope(handler)
    assert (seen, await one.data()) == ([3, 13, 14], {"n": 14})


async def test_an_increment_made_while_a_commit_meets_another_write_counts_as_well() -> None:
    store, one, other = two()
    await one.do(lambda s: s.update(n=1, m=1))

    async def handler(scope: Any) -> None:
        session = scope["session"]
        session.increment("n")
        other.jar.update(one.jar)
        await other.do(lambda s: (s.increment("n", 10), s.increment("m", 10)))

        async def meanwhile() -> None:
            session.increment("n", 100)
            session.increment("m", 100)

        store.before = meanwhile
        await session.commit()
        assert dict(session) == {"n": 112, "m": 111}
        # And once more, over what others write after that.
        await other.do(lambda s: (s.increment("n", 1000), s.increment("m", 1000)))

    await one.on_scope(handler)
    assert await one.data() == {"n": 1112, "m": 1111}


async def test_an_increment_whose_commit_failed_is_carried_out_by_the_next() -> None:
    store, one, other = two(store_breaker=False)
    await one.do(lambda s: s.update(n=1))

    async def handler(scope: Any) -> None:
        session = scope["session"]
        session.increment("n")

        async def down() -> None:
            session.increment("n", 10)
            raise TimeoutError

        store.before = down
        with pytest.raises(SessionUnavailable):
            await session.commit()
        other.jar.update(one.jar)
        await other.do(count(100))

    await one.on_scope(handler)
    assert await one.data() == {"n": 112}


async def test_what_a_failed_commit_wrote_all_the_same_is_not_added_twice() -> None:
    store, one, _ = two(store_breaker=False)
    await one.do(lambda s: s.update(n=1, cart=[1]))

    async def handler(scope: Any) -> None:
        session = scope["session"]
        session.increment("n")
        session["cart"].append(2)

        async def slow() -> None:
            raise TimeoutError

        store.after = slow
        with pytest.raises(SessionUnavailable):
            await session.commit()
        session.increment("n")
        await session.commit()

    await one.on_scope(handler)
    assert await one.data() == {"n": 3, "cart": [1, 2]}


async def test_N02_a_commit_that_is_tried_again_after_a_conflict_covers_nobodys_write() -> None:
    _, one, other = two(on_conflict="raise")
    await one.do(lambda s: s.update(n=1))

    async def handler(scope: Any) -> None:
        session = scope["session"]
        session["mine"] = 1
        other.jar.update(one.jar)
        await other.do(lambda s: s.update(theirs=1))
        for _ in range(2):
            with pytest.raises(SessionConflict):
                await session.commit()
        await session.reload()

    await one.on_scope(handler)
    assert await one.data() == {"n": 1, "theirs": 1}


async def test_N01_a_login_that_merged_before_it_met_a_logout_keeps_nothing_of_what_was_ended() -> None:
    store, one, other = two()
    await one.do(lambda s: s.update(n=1, secret=1))

    async def handler(scope: Any) -> None:
        scope["session"].update(user="ada", n=2)
        scope["session"].login("ada")
        other.jar.update(one.jar)
        await other.do(lambda s: s.update(theirs="secret"))
        await other.do(lambda s: s.update(theirs="secret too"))
        store.meets = [None, lambda: other.do(lambda s: s.logout())]

    await one.on_scope(handler)
    assert (await one.data(), len(store)) == ({"n": 2, "user": "ada"}, 1)


async def test_a_reload_takes_increments_back() -> None:
    _, one, other = two()
    await one.do(lambda s: s.update(n=1))

    async def handler(scope: Any) -> None:
        scope["session"].increment("n", 50)
        await scope["session"].reload()
        scope["session"].increment("n")
        other.jar.update(one.jar)
        await other.do(count(10))

    await one.on_scope(handler)
    assert await one.data() == {"n": 12}


@pytest.mark.parametrize("options", [{}, {"store": MemoryStore}], ids=["cookie", "store"])
async def test_an_increment_is_a_change_like_any(options: Any) -> None:
    client = Sessions(**{name: make() for name, make in options.items()})
    response = await client.do(count())
    assert response.cookies
    assert await client.data() == {"n": 1}
    await client.do(lambda s: (s["n"], s.increment("n", 0.5), s.increment("deep")))
    assert await client.data() == {"n": 1.5, "deep": 1}


@pytest.mark.parametrize("options", [{}, {"store": MemoryStore}], ids=["cookie", "store"])
@pytest.mark.parametrize(
    ("key", "by", "error", "says"),
    [
        ("text", 1, TypeError, "increment: 'text' holds a str, not a number"),
        ("flag", 1, TypeError, "'flag' holds a bool"),
        ("none", 1, TypeError, "'none' holds a NoneType"),
        ("n", True, TypeError, "increment: by must be an int or a float, not bool"),
        ("n", "1", TypeError, "by must be an int or a float, not str"),
        (1, 1, TypeError, "increment: key must be a str, not int"),
        ("n", float("nan"), UnserializableError, "n: "),
        ("n", 10**21, UnserializableError, "n: an int of more than 21 digits"),
        ("big", 1e308, UnserializableError, "big: "),
        ("half", 10**400, UnserializableError, "half: "),
    ],
)
async def test_an_increment_that_cannot_be_names_the_key_and_changes_nothing(
    options: Any, key: Any, by: Any, error: Any, says: str
) -> None:
    client = Sessions(**{name: make() for name, make in options.items()})
    data = {"text": "secret-word", "flag": True, "none": None, "n": 1, "big": 1.7e308, "half": 0.5}
    await client.do(lambda s: s.update(data))

    def handler(session: Any) -> None:
        with pytest.raises(error) as caught:
            session.increment(key, by)
        assert says in str(caught.value)
        assert "secret-word" not in str(caught.value)

    await client.do(handler)
    assert await client.data() == data


async def test_a_sum_that_only_the_merge_makes_too_large_names_the_key() -> None:
    store, one, other = two()
    await one.do(lambda s: s.update(n=1))

    async def handler(scope: Any) -> None:
        scope["session"].increment("n")
        other.jar.update(one.jar)
        await other.do(count(10**21 - 2))
        with pytest.raises(UnserializableError, match="n: an int of more than 21 digits"):
            await scope["session"].commit()
        await scope["session"].reload()

    await one.on_scope(handler)
    assert await one.data() == {"n": 10**21 - 1}
    assert len(store) == 1


@pytest.mark.parametrize("assigned", ["before", "after"])
def test_increments_that_follow_others_are_none_where_the_key_was_assigned_to(assigned: str) -> None:
    first, second = Increments(b'{"n":1}'), Increments(b'{"n":3}')
    first.add({"n": 5 if assigned == "before" else 1}, "n", 2, 3)
    second.add({"n": 9 if assigned == "after" else 3}, "n", 1, 4)
    first.follow(second)
    assert first.steps({"n": 4}) == {}


def test_increments_that_follow_others_are_added() -> None:
    first, second = Increments(b'{"n":1}'), Increments(b'{"n":3}')
    first.add({"n": 1}, "n", 2, 3)
    second.add({"n": 3}, "n", 1, 4)
    second.add({"n": 4}, "m", 5, 5)
    first.follow(second)
    assert first.steps({"n": 4, "m": 5}) == {"n": 3, "m": 5}
