"""A commit that meets another request's write: what its own request asks for meanwhile holds."""

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gingersnap import Event, Session, SessionMiddleware
from gingersnap.records.record_writer import RecordWriter
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, Browser, Sessions
from tests.doubles import FailingStore
from tests.server_side.test_send_wrapper import place

Ask = Callable[[Session], Any]


async def in_conflict(store: FailingStore, client: Sessions, call: str, prepare: Ask, theirs: Ask, then: Ask) -> None:
    """Commit in one request; as that commit comes to ``call``, let another request write, and ask for something."""
    jar = {**client.jar}

    async def handler(session: Session) -> None:
        prepare(session)
        store.hang = {call}
        store.hanging.clear()
        task = asyncio.ensure_future(session.commit())
        await store.hanging.wait()
        store.hang = set()
        other = Sessions(store=store)
        other.browser.jar = {**jar}
        await other.do(theirs)
        then(session)
        store.released.set()
        await task

    await client.do(handler)


def wrote(session: Session) -> None:
    session["mine"] = 1


def theirs(session: Session) -> None:
    session.update(theirs=1, role="admin")


THEN: dict[str, tuple[Ask, dict[str, Any]]] = {
    "logout": (lambda session: session.logout(), {}),
    "logout, then filled": (lambda session: (session.logout(), session.update(new=1)), {"new": 1}),
    "replace": (lambda session: session.replace({"new": 1}), {"new": 1}),
    "clear": (lambda session: session.clear(), {}),
    "a key": (lambda session: session.update(new=1), {"n": 1, "theirs": 1, "role": "admin", "mine": 1, "new": 1}),
    "a deletion": (lambda session: session.pop("n"), {"theirs": 1, "role": "admin", "mine": 1}),
}


@pytest.mark.parametrize("then", THEN)
async def test_N02_what_is_asked_for_during_a_conflict_holds(then: str) -> None:
    store, client = await place()
    ask, left = THEN[then]
    await in_conflict(store, client, "replace", wrote, theirs, ask)
    assert await client.data() == left
    assert len(store) == (1 if left else 0)


async def test_N02_a_key_set_while_a_login_of_an_ended_session_is_under_way_is_kept() -> None:
    store, client = await place()
    await in_conflict(
        store,
        client,
        "move",
        lambda session: (session.update(user="ada"), session.login("ada")),
        lambda session: session.logout(),
        lambda session: session.update(meanwhile=1),
    )
    assert await client.data() == {"user": "ada", "meanwhile": 1}


async def test_N02_a_list_that_a_handler_holds_stays_the_sessions() -> None:
    store, client = await place()
    await client.do(lambda session: session.update(cart=[1], deep={"a": [1]}))
    held: dict[str, Any] = {}
    await in_conflict(
        store,
        client,
        "replace",
        lambda session: (held.update(cart=session["cart"], deep=session["deep"]["a"]), wrote(session)),
        lambda session: (session["cart"].append(2), session["deep"]["a"].append(2)),
        lambda session: held.update(seen=1),
    )
    # The handler's own objects show what the other request wrote; what it appends next is the session's.
    assert (held["cart"], held["deep"]) == ([1, 2], [1, 2])


async def test_N05_a_group_that_was_changed_meanwhile_stays_together() -> None:
    store, client = await place(atomic_keys={"user", "role"})
    await client.do(lambda session: session.update(user="ada", role="reader"))
    await in_conflict(
        store,
        client,
        "replace",
        wrote,
        lambda session: session.update(user="bob", role="admin"),
        lambda session: session.update(user="eve"),
    )
    seen = await client.data()
    assert (seen["user"], seen["role"]) in {("eve", "reader"), ("bob", "admin")}


async def test_N02_what_cannot_be_written_meanwhile_is_refused_by_the_next_commit_and_loses_no_login() -> None:
    store, client = await place()
    jar = {**client.jar}

    async def handler(session: Session) -> None:
        session.login("ada")
        store.hang = {"move"}
        task = asyncio.ensure_future(session.commit())
        await store.hanging.wait()
        store.hang = set()
        other = Sessions(store=store)
        other.browser.jar = {**jar}
        await other.do(theirs)
        session["bad"] = object()
        store.released.set()
        await task
        del session["bad"]

    await client.do(handler)
    assert await client.data() == {"n": 1, "theirs": 1, "role": "admin"}


@pytest.mark.parametrize(
    "wish", [lambda session: session.login("ada"), lambda session: session.regenerate()], ids=["login", "regenerate"]
)
@pytest.mark.parametrize("fails", [False, True], ids=["done", "failed"])
async def test_an_answer_after_a_timeout_waits_for_the_commit_that_was_under_way(wish: Ask, fails: bool) -> None:
    store = FailingStore()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["handler"](scope["session"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def impatient(scope: Any, receive: Any, send: Any) -> None:
        task = asyncio.ensure_future(app(scope, receive, send))
        if store.hang:
            await store.hanging.wait()
            task.cancel()
        await asyncio.wait([task])
        if task.cancelled():
            asyncio.get_running_loop().call_later(0.01, store.released.set)
            await send({"type": "http.response.start", "status": 504, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    user = Browser(SessionMiddleware(impatient, keys=[KEY], store=store))
    await user.get(handler=lambda session: session.update(n=1))
    old = {**user.jar}
    store.hang = {"move"}
    store.before = {"move": OSError()} if fails else {}
    answer = await user.get(handler=wish)
    store.hang, store.before = set(), {}
    seen: dict[str, Any] = {}
    await user.get(handler=lambda session: seen.update(dict(session)))
    assert (answer.status, user.jar == old, seen) == (503 if fails else 504, fails, {"n": 1})


@pytest.mark.parametrize("options", [{}, {"trust_proxy": True}], ids=["scheme", "proxy"])
async def test_a_write_that_outlives_its_request_still_knows_the_connection(options: dict[str, Any]) -> None:
    events: list[Event] = []
    saved = asyncio.Event()
    store, client = await place(
        listeners={"saved": lambda event: (events.append(event), event.scope.get("path") == "/cut" and saved.set())}, **options
    )
    jar = {**client.jar}
    other = Browser(client.browser.app)
    other.jar = {**jar}
    client.handler = lambda scope: scope["session"].update(mine=1)
    store.hang = {"replace"}
    task = asyncio.create_task(other.get(path="/cut"))
    await store.hanging.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    store.hang = set()
    second = Sessions(store=store)
    second.browser.jar = {**jar}
    await second.do(theirs)
    store.released.set()
    async with asyncio.timeout(5):
        await saved.wait()
    assert [event.scope["path"] for event in events if event.scope["path"] == "/cut"] == ["/cut"]
    assert await client.data() == {"n": 1, "theirs": 1, "role": "admin", "mine": 1}


async def test_a_cancelled_commit_goes_on_after_its_pause_in_a_store_that_never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    store, paused = MemoryStore(), asyncio.Event()
    client = Sessions(store=store)
    await client.do(lambda session: session.update(n=1))
    jar, pause = {**client.jar}, RecordWriter.pause

    async def longer(writer: RecordWriter) -> None:
        paused.set()
        await asyncio.sleep(0)
        await pause(writer)

    monkeypatch.setattr(RecordWriter, "pause", longer)

    async def handler(scope: Any) -> None:
        other = Sessions(store=store)
        other.browser.jar = {**jar}
        await other.do(theirs)
        scope["session"]["mine"] = 1

    user = Browser(client.browser.app)
    user.jar = {**jar}
    client.handler = handler
    task = asyncio.create_task(user.get())
    await paused.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(200):
        await asyncio.sleep(0.001)
        if "mine" in await client.data():
            break
    assert await client.data() == {"n": 1, "theirs": 1, "role": "admin", "mine": 1}


@pytest.mark.parametrize("options", [{}, {"store": MemoryStore()}], ids=["cookie", "store"])
async def test_a_commit_whose_hook_lets_the_response_start_is_refused(options: dict[str, Any]) -> None:
    refused: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def hook(*_: Any) -> None:
            if not started:
                started.append(1)
                await send({"type": "http.response.start", "status": 200, "headers": []})
                scope["session"]["late"] = 1

        hooks[:] = [hook]
        started: list[int] = []
        scope["session"].regenerate()
        scope["session"]["n"] = 1
        try:
            await scope["session"].commit()
        except RuntimeError as error:
            refused.append(str(error))
        await send({"type": "http.response.body", "body": b""})

    hooks: list[Any] = []
    user = Browser(SessionMiddleware(app, keys=[KEY], before_save=lambda scope, session: hooks[0](), **options))
    await user.get()
    assert len(refused) == (0 if options else 1)


@pytest.mark.parametrize("options", [{}, {"store": MemoryStore}], ids=["cookie", "store"])
async def test_what_a_thread_writes_during_a_commit_is_saved_by_the_next(options: dict[str, Any]) -> None:
    options = {name: make() for name, make in options.items()}
    client = Sessions(**options)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(1) as pool:
            for count in range(300):
                client.browser.jar = {}
                await client.do(lambda session: session.update(n=0))

                async def handler(session: Session, count: int = count) -> None:
                    session["n"] = 1
                    late = asyncio.get_running_loop().run_in_executor(pool, write, session, count % 40)
                    await session.commit()
                    await late

                await client.do(handler)
                assert await client.data() == {"n": 1, **{f"late{number}": number for number in range(20)}, "nested": {"a": 1}}
    finally:
        sys.setswitchinterval(interval)


def write(session: Session, delay: int) -> None:
    for _ in range(delay):
        pass
    for number in range(20):
        session[f"late{number}"] = number
        session.get("n")
    session.setdefault("nested", {})["a"] = 1


class Still(FailingStore):
    """A store whose records outlive their lifetime by a while, as those of a busy server do."""

    async def replace(self, key: str, value: bytes, ttl_ms: int, *, version: Any) -> Any:
        return await FailingStore.replace(self, key, value, max(ttl_ms, 60_000), version=version)


@pytest.mark.parametrize("meets", ["a conflict", "a load"])
async def test_N01_an_emptied_session_is_revived_by_no_request_that_meets_its_last_record(meets: str) -> None:
    store = Still()
    client = Sessions(store=store)
    await client.do(lambda session: session.update(n=1))
    old = {**client.jar}
    events: list[str] = []
    other = Sessions(store=store, listeners={name: (lambda event: events.append(event.name)) for name in ("gone", "expired")})
    other.browser.jar = {**old}

    async def late(session: Session) -> None:
        await client.do(lambda first: first.pop("n"))
        session["late"] = 1

    if meets == "a conflict":
        await other.do(late)
    else:
        await client.do(lambda session: session.pop("n"))
        await other.do(lambda session: session.touch())
    assert events == ["gone" if meets == "a conflict" else "expired"]
    client.browser.jar = old
    assert await client.data() == {}
