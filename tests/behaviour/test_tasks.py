"""Several tasks of one request: what one asks for while another's call to the store is under way is neither lost nor undone."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gingersnap import Session, SessionUnavailable
from tests.asgi import Browser, Sessions
from tests.doubles import FailingStore
from tests.server_side.test_send_wrapper import place

Ask = Callable[[Session], Any]


async def seen_by(client: Sessions, jar: dict[str, str]) -> dict[str, Any]:
    """Say what the session of that jar holds, whatever became of it at the browser."""
    other = Sessions(store=client.browser.app.options.store, store_breaker=False)
    other.browser.jar = {**jar}
    return await other.data()


async def during(store: FailingStore, call: str, first: Any, then: Ask, session: Session) -> None:
    """Ask for something while ``first`` has the store make that call."""
    store.hang = {call}
    store.hanging.clear()
    task = asyncio.ensure_future(first)
    await store.hanging.wait()
    then(session)
    store.hang = set()
    store.released.set()
    await task


# What is under way, and the call that it has come to.
UNDER_WAY: dict[str, tuple[str, Ask]] = {
    "save": ("replace", lambda s: s.update(seen=1)),
    "move": ("move", lambda s: (s.update(seen=1), s.regenerate())),
}


@pytest.mark.parametrize("explicit", [True, False], ids=["commit", "response"])
@pytest.mark.parametrize("way", UNDER_WAY)
async def test_N01_a_logout_while_a_commit_is_under_way_ends_the_session(way: str, explicit: bool) -> None:
    store, client = await place()
    jar, (call, prepare) = {**client.jar}, UNDER_WAY[way]

    async def handler(session: Session) -> None:
        prepare(session)
        if explicit:
            await during(store, call, session.commit(), lambda s: s.logout(), session)
        else:
            asyncio.get_running_loop().create_task(meanwhile(session))

    async def meanwhile(session: Session) -> None:
        await store.hanging.wait()
        session.logout()
        store.hang = set()
        store.released.set()

    store.hang = set() if explicit else {call}
    answer = await client.do(handler)
    assert answer.status == 200
    assert await client.data() == {}
    assert await seen_by(client, jar) == {}
    assert len(store) == 0


MARKS: dict[str, tuple[Ask, Ask]] = {
    "login": (lambda s: s.login("ada"), lambda s: s.owner == "ada"),
    "max_age": (lambda s: setattr(s, "max_age", 60), lambda s: s.max_age == 60),
    "scalar": (lambda s: s.__setitem__("late", 1), lambda s: s.get("late") == 1),
    "nested": (lambda s: s.update(late=[1]), lambda s: s.get("late") == [1]),
    "delete": (lambda s: s.pop("n"), lambda s: "n" not in s),
    "replace": (lambda s: s.replace({"other": 1}), lambda s: dict(s) == {"other": 1}),
}


@pytest.mark.parametrize("mark", MARKS)
async def test_N02_what_is_asked_for_while_a_commit_is_under_way_comes_after_it(mark: str) -> None:
    store, client = await place()
    ask, holds = MARKS[mark]
    verdicts: list[Any] = []

    async def handler(session: Session) -> None:
        session["seen"] = 1
        await during(store, "replace", session.commit(), ask, session)

    await client.do(handler)
    await client.do(lambda s: verdicts.append((holds(s), s.get("seen") == 1 or mark == "replace")))
    assert verdicts == [(True, True)]


@pytest.mark.parametrize("mark", ["login", "regenerate"])
async def test_L03_a_new_id_that_is_asked_for_while_a_commit_is_under_way_kills_the_old_one(mark: str) -> None:
    store, client = await place()
    jar = {**client.jar}

    async def handler(session: Session) -> None:
        session["seen"] = 1
        await during(store, "replace", session.commit(), lambda s: s.login("ada") if mark == "login" else s.regenerate(), session)

    await client.do(handler)
    assert await client.data() == {"n": 1, "seen": 1}
    assert await seen_by(client, jar) == {}


async def test_N01_a_logout_after_a_commit_that_nobody_waited_for_ends_the_session() -> None:
    store, client = await place()
    jar = {**client.jar}
    store.hang = {"replace"}

    async def handler(session: Session) -> None:
        session["seen"] = 1
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(session.commit(), 0.001)
        session.logout()
        store.released.set()

    await client.do(handler)
    assert (await client.data(), await seen_by(client, jar), len(store)) == ({}, {}, 0)


async def test_a_write_that_a_failed_commit_did_not_make_is_made_by_the_next() -> None:
    store, client = await place()
    store.before = {"replace": OSError()}

    async def handler(session: Session) -> None:
        session["seen"] = 1
        with pytest.raises(SessionUnavailable):
            await session.commit()
        store.before = {}

    await client.do(handler)
    assert await client.data() == {"n": 1, "seen": 1}


ENDS: dict[str, tuple[Ask, dict[str, Any]]] = {
    "logout": (lambda s: s.logout(), {}),
    "logout, then filled": (lambda s: (s.logout(), s.update(new=1)), {"new": 1}),
    "replace": (lambda s: s.replace({"other": 1}), {"other": 1}),
}


@pytest.mark.parametrize("way", ["load", "reload"])
@pytest.mark.parametrize("end", ENDS)
async def test_N01_an_end_while_the_session_is_fetched_is_not_undone(way: str, end: str) -> None:
    store, client = await place(defer=way == "load")
    jar, (ask, left) = {**client.jar}, ENDS[end]

    async def handler(session: Session) -> None:
        await during(store, "load", session.load() if way == "load" else session.reload(), ask, session)

    async def look(scope: Any) -> None:
        seen.update(dict(await scope["session"].load()))

    await client.do(handler)
    seen: dict[str, Any] = {}
    await client.on_scope(look)
    assert seen == left
    assert await seen_by(client, jar) == (left if end == "replace" else {})
    assert len(store) == (1 if left else 0)


async def test_N01_a_logout_that_comes_before_a_reload_has_its_turn_stays() -> None:
    store, client = await place()
    jar = {**client.jar}
    store.hang = {"replace"}

    async def handler(session: Session) -> None:
        session["seen"] = 1
        commit = asyncio.ensure_future(session.commit())
        await store.hanging.wait()
        reload = asyncio.ensure_future(session.reload())
        await asyncio.sleep(0)
        session.logout()
        store.released.set()
        await asyncio.gather(commit, reload)

    await client.do(handler)
    assert (await client.data(), await seen_by(client, jar), len(store)) == ({}, {}, 0)


async def test_a_reload_that_fails_takes_nothing_back() -> None:
    store, client = await place()
    jar = {**client.jar}

    async def handler(session: Session) -> None:
        session.logout()
        store.before = {"load": OSError()}
        with pytest.raises(SessionUnavailable):
            await session.reload()
        store.before = {}

    assert (await client.do(handler)).status == 200
    assert (await client.data(), await seen_by(client, jar)) == ({}, {})


async def test_O01_several_tasks_that_meet_an_outage_are_one_503() -> None:
    store, client = await place()
    store.before = {"load": OSError()}

    async def handler(session: Session) -> None:
        async def touch() -> None:
            session.get("n")

        async with asyncio.TaskGroup() as group:
            group.create_task(touch())
            group.create_task(touch())

    assert (await client.do(handler)).status == 503


async def test_a_browser_that_is_gone_is_not_waited_for() -> None:
    store, client = await place()
    store.hang = {"replace"}
    other = Browser(client.browser.app)
    other.jar = {**client.jar}
    client.handler = lambda scope: scope["session"].update(seen=1)
    task = asyncio.create_task(other.get())
    await store.hanging.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(store) == 1
    store.released.set()
