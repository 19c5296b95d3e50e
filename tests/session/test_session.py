"""The session as an application sees it."""

import copy
import json
import pickle
from typing import Any

import pytest

from gingersnap import CookieTooLarge, Session
from gingersnap.stores import MemoryStore
from tests.asgi import NOW, Clock, Sessions


async def test_is_a_dict_in_every_way() -> None:
    def handler(session: Session) -> None:
        session.update(a=1, b=[2])
        assert isinstance(session, dict)
        assert json.loads(json.dumps(session)) == {"a": 1, "b": [2]}
        assert {**session} == dict(session) == session | {} == copy.deepcopy(session) == {"a": 1, "b": [2]}
        assert type(pickle.loads(pickle.dumps(session))) is dict

    await Sessions().do(handler)


async def test_untouched_copies_are_plain_dicts_too() -> None:
    client = Sessions()
    await client.do(lambda session: session.update(a=1, b=[2]))
    for duplicate in (copy.copy, copy.deepcopy, dict, lambda s: pickle.loads(pickle.dumps(s)), lambda s: {**s}):
        seen: list[Any] = []
        await client.do(lambda session, duplicate=duplicate, seen=seen: seen.append(duplicate(session)))
        assert seen == [{"a": 1, "b": [2]}]
        assert type(seen[0]) is dict


async def test_P01_repr_shows_no_data() -> None:
    client = Sessions()
    await client.do(lambda session: session.update(secret="hunter2"))
    seen: list[str] = []
    await client.do(lambda session: seen.append(repr(session) + str(session) + f"{session}"))
    assert "hunter2" not in seen[0]
    assert "1 keys" in seen[0]


async def test_knows_whether_it_is_new_populated_and_changed() -> None:
    client = Sessions()
    seen: list[tuple[bool, bool, bool]] = []

    def look(session: Session) -> None:
        seen.append((session.is_new, session.populated, session.changed))

    def handler(session: Session) -> None:
        look(session)
        session["n"] = 1
        look(session)

    await client.do(handler)
    await client.do(look)
    assert seen == [(True, False, False), (True, True, True), (False, True, False)]


async def test_save_writes_an_unchanged_session() -> None:
    client = Sessions()
    await client.do(lambda session: session.update(n=1))
    assert len((await client.do(lambda session: session.save())).cookies) == 2


async def test_touch_starts_the_lifetime_again(clock: Clock) -> None:
    client = Sessions(clock=clock, max_age=100)
    await client.do(lambda session: session.update(n=1))
    clock.now += 60
    await client.do(lambda session: session.touch())
    clock.now += 60
    assert await client.data() == {"n": 1}


async def test_regenerate_keeps_the_data() -> None:
    client = Sessions()
    await client.do(lambda session: session.update(n=1))
    assert len((await client.do(lambda session: session.regenerate())).cookies) == 2
    assert await client.data() == {"n": 1}


async def test_login_binds_an_owner_until_logout() -> None:
    client = Sessions()
    owners: list[Any] = []
    await client.do(lambda session: session.login("ada"))
    await client.do(lambda session: owners.append(session.owner))
    await client.do(lambda session: session.update(n=1))
    await client.do(lambda session: owners.append(session.owner))
    await client.do(lambda session: session.logout())
    await client.do(lambda session: owners.append(session.owner))
    assert owners == ["ada", "ada", None]


@pytest.mark.parametrize(("owner", "given"), [("", "an empty one"), (None, "NoneType"), (5, "int")])
async def test_login_takes_a_str(owner: Any, given: str) -> None:
    with pytest.raises(TypeError, match=f"owner must be a non-empty str, not {given};"):
        await Sessions().do(lambda session: session.login(owner))


async def test_destroyed_and_filled_again_is_a_new_session() -> None:
    client = Sessions(absolute_age=1000)
    await client.do(lambda session: (session.login("ada"), session.update(n=1)))
    await client.do(lambda session: (session.destroy(), session.update(flash="bye")))
    owners: list[Any] = []
    await client.do(lambda session: owners.append(session.owner))
    assert await client.data() == {"flash": "bye"}
    assert owners == [None]


async def test_reload_takes_changes_back() -> None:
    client = Sessions()
    await client.do(lambda session: session.update(n=1))

    async def handler(session: Session) -> None:
        session["n"] = 2
        assert await session.reload() is session
        assert dict(session) == {"n": 1}
        assert await session.load() is session

    assert (await client.do(handler)).cookies == []


async def test_max_age_is_seconds_and_sticks(clock: Clock) -> None:
    client = Sessions(clock=clock, max_age=100)
    seen: list[Any] = []
    await client.do(lambda session: (session.update(n=1), setattr(session, "max_age", 1000), seen.append(session.max_age)))
    clock.now += 900
    await client.do(lambda session: seen.extend([session.max_age, session.expires_at]))
    assert seen == [1000, 1000, NOW + 1000]
    clock.now += 101
    assert await client.data() == {}


async def test_max_age_session_ends_with_the_browser() -> None:
    client = Sessions()
    response = await client.do(lambda session: (session.update(n=1), setattr(session, "max_age", "session")))
    assert not any("expires" in line for line in response.cookies)
    seen: list[Any] = []
    await client.do(lambda session: seen.extend([session.max_age, session.expires_at, dict(session)]))
    assert seen == ["session", None, {"n": 1}]


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), "forever", None, True, 401 * 86_400])
async def test_max_age_refuses_what_is_no_lifetime(wrong: Any) -> None:
    with pytest.raises(ValueError, match="max_age"):
        await Sessions().do(lambda session: setattr(session, "max_age", wrong))


async def test_L04_absolute_age_ends_a_rolling_session(clock: Clock) -> None:
    client = Sessions(clock=clock, max_age=100, absolute_age=250, rolling=True)
    await client.do(lambda session: session.update(n=1))
    for _ in range(4):
        clock.now += 60
        seen: list[Any] = []
        await client.do(lambda session, seen=seen: seen.extend([session.created_at, session.expires_at, dict(session)]))
        assert seen[0] == NOW
        assert seen[1] <= NOW + 250
        assert seen[2] == {"n": 1}
    clock.now += 60
    assert await client.data() == {}


async def test_login_begins_the_absolute_age_anew(clock: Clock) -> None:
    client = Sessions(clock=clock, max_age=100, absolute_age=150)
    await client.do(lambda session: session.update(n=1))
    clock.now += 90
    await client.do(lambda session: session.login("ada"))
    clock.now += 90
    seen: list[Any] = []
    await client.do(lambda session: seen.append(session.created_at))
    assert seen == [NOW + 90]


async def test_absolute_age_turned_on_later_counts_from_the_last_issue(clock: Clock) -> None:
    before = Sessions(clock=clock, max_age=1000)
    await before.do(lambda session: session.update(n=1))
    after = Sessions(clock=clock, max_age=1000, absolute_age=100)
    after.jar.update(before.jar)
    clock.now += 50
    assert await after.data() == {"n": 1}
    clock.now += 51
    assert await after.data() == {}


async def test_session_in_its_cookie_has_no_key_and_is_never_degraded() -> None:
    seen: list[Any] = []
    await Sessions().do(lambda session: seen.extend([session.external_key, session.degraded, session.owner]))
    assert seen == [None, False, None]


async def test_expired_session_is_new(clock: Clock) -> None:
    events: list[Any] = []
    client = Sessions(clock=clock, max_age=10, listeners={"expired": events.append})
    await client.do(lambda session: session.update(n=1))
    clock.now += 10.002
    response = await client.do(lambda session: events.append(dict(session)))
    assert response.cookies == []
    assert {} in events
    assert [event.name for event in events if event] == ["expired"]


async def test_reload_takes_marks_back_after_a_failed_commit(clock: Clock) -> None:
    client = Sessions(max_cookie_bytes=300, clock=clock, max_age=600, renew=True)
    await client.do(lambda session: session.update(n=1))
    clock.now += 400

    async def handler(session: Session) -> None:
        session.login("b" * 200)
        session.max_age = 5
        with pytest.raises(CookieTooLarge, match="_owner"):
            await session.commit()
        await session.reload()
        assert (session.owner, session.max_age, session.expires_at) == (None, 600, clock.now + 200)

    # What is left is the renewal that was due.
    assert len((await client.do(handler)).cookies) == 2
    assert await client.data() == {"n": 1}


@pytest.mark.parametrize("mark", ["", "touch", "save", "regenerate", "max_age"])
@pytest.mark.parametrize("empty", ["clear", "replace", "pop", "scope"])
async def test_emptied_session_is_removed_whatever_was_asked_beside(empty: str, mark: str) -> None:
    client = Sessions()
    await client.do(lambda session: (session.login("ada"), session.update(n=1)))

    def handler(scope: Any) -> None:
        session = scope["session"]
        if mark == "max_age":
            session.max_age = 60
        elif mark:
            getattr(session, mark)()
        if empty == "scope":
            scope["session"] = {}
        else:
            {"clear": session.clear, "replace": lambda: session.replace({}), "pop": lambda: session.pop("n")}[empty]()

    await client.on_scope(handler)
    assert client.jar == {}


async def test_login_of_an_empty_session_lasts() -> None:
    client = Sessions()
    owners: list[Any] = []
    await client.do(lambda session: (session.update(n=1), session.clear(), session.login("ada")))
    await client.do(lambda session: owners.append(session.owner))
    assert owners == ["ada"]


@pytest.mark.parametrize(
    "look", ["is_new", "populated", "changed", "max_age", "expires_at", "created_at", "owner", "cookie"], ids=str
)
async def test_C07_asking_for_a_property_varies_by_cookie(look: str) -> None:
    client = Sessions()
    await client.do(lambda session: session.update(n=1))
    assert (await client.do(lambda session: getattr(session, look))).get("vary") == "Cookie"


@pytest.mark.parametrize("stored", [False, True])
async def test_touch_gives_an_empty_new_session_no_cookie(stored: bool, caplog: pytest.LogCaptureFixture) -> None:
    client = Sessions(strict=True, **({"store": MemoryStore()} if stored else {}))
    assert (await client.do(lambda session: session.touch())).cookies == []
    # It was asked for in time: nothing is late.
    assert caplog.text == ""


async def test_touch_with_a_change_is_told_as_a_change() -> None:
    events: list[Any] = []
    client = Sessions(listeners={"saved": events.append, "renewed": events.append})
    await client.do(lambda session: (session.touch(), session.update(n=1)))
    assert [event.name for event in events] == ["saved"]


async def test_logout_then_login_is_a_new_session() -> None:
    client = Sessions()
    await client.do(lambda session: (session.login("ada"), session.update(n=1)))
    await client.do(lambda session: (session.logout(), session.login("bob")))
    owners: list[Any] = []
    await client.do(lambda session: owners.extend([session.owner, dict(session)]))
    assert owners == ["bob", {}]
