"""Events: who is told what became of a session, and that nobody else suffers from it."""

# Names bear the ids of requirements as they are written.

import asyncio
import gc
import hashlib
import logging
from typing import Any, get_args

import pytest

from gingersnap import ConfigError, Event, SessionOptions
from gingersnap.events import NAMES, EventName, Events
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, Clock, Sessions

SCOPE: dict[str, Any] = {"type": "http", "headers": [(b"cookie", b"koa.sess=s3cret")], "session": {"password": "s3cret"}}


def heard(*names: str) -> tuple[Events, list[Event]]:
    """Make events with a listener for each name, and the list that they fill."""
    calls: list[Event] = []
    return Events(dict.fromkeys(names, calls.append)), calls


def test_names_are_those_of_the_type() -> None:
    assert frozenset(get_args(EventName)) == NAMES
    assert {"missed", "expired", "invalid"} < NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_listener_hears_its_event_alone(name: str) -> None:
    events, calls = heard(name)
    for other in sorted(NAMES):
        events.emit(other, SCOPE, f"about {other}")
    assert calls == [Event(name, SCOPE, None, f"about {name}")]


def test_P02_a_key_is_told_where_there_is_one() -> None:
    events, calls = heard("saved")
    events.emit("saved", SCOPE, "changed", "0" * 64)
    events.emit("saved", SCOPE)
    assert [(event.key, event.detail) for event in calls] == [("0" * 64, "changed"), (None, "")]


def fingerprint_of(client: Sessions) -> str:
    return hashlib.sha256(client.jar["koa.sess"].encode()).hexdigest()


async def test_P02_a_session_in_a_store_is_told_by_the_hash_of_its_id_and_one_in_its_cookie_by_nothing() -> None:
    calls: list[Event] = []
    listeners = dict.fromkeys(NAMES, calls.append)
    stored, alone = Sessions(listeners=listeners, store=MemoryStore()), Sessions(listeners=listeners)
    await stored.do(lambda session: session.update(n=1))
    first = fingerprint_of(stored)
    await stored.do(lambda session: session.regenerate())
    id, second = stored.jar["koa.sess"], fingerprint_of(stored)
    await stored.do(lambda session: session.logout())
    told = [(event.name, event.key) for event in calls]
    assert told == [("created", first), ("saved", first), ("regenerated", second), ("destroyed", second)]
    assert id not in repr(calls)
    calls.clear()
    await alone.do(lambda session: session.update(n=1))
    assert [(event.name, event.key) for event in calls] == [("created", None), ("saved", None)]


@pytest.mark.parametrize("name", ["", "Expired", "expire", "session:expired", None, 5, b"expired", ("expired",)], ids=repr)
def test_an_event_that_there_is_not_is_refused(name: Any) -> None:
    with pytest.raises(ConfigError, match=r"there is no event .*; choose among accepted, conflict, corrupt, ") as caught:
        Events({}).on(name, print)
    assert caught.value.option == "listeners"
    with pytest.raises(ConfigError, match="there is no event"):
        SessionOptions(keys=[KEY], listeners={name: print})


@pytest.mark.parametrize("listener", [None, 5, "print", [print]], ids=repr)
def test_a_listener_that_cannot_be_called_is_refused(listener: Any) -> None:
    with pytest.raises(ConfigError, match="cannot be called; give a function of one event"):
        Events({}).on("expired", listener)
    with pytest.raises(ConfigError, match="cannot be called"):
        SessionOptions(keys=[KEY], listeners={"expired": listener})


def test_options_take_listeners_and_more_of_them_later() -> None:
    calls: list[str] = []
    options = SessionOptions(keys=[KEY], listeners={"saved": lambda event: calls.append("first")})
    options.on("saved", lambda event: calls.append("second"))
    options.events.emit("saved", SCOPE)
    assert calls == ["first", "second"]


def test_events_know_whether_anybody_listens() -> None:
    assert not Events({}).has_listeners
    assert Events({"saved": print}).has_listeners


def test_without_a_loop_listeners_are_called_at_once() -> None:
    events, calls = heard("saved")
    events.emit("saved", SCOPE, "changed")
    assert [(event.name, event.detail) for event in calls] == [("saved", "changed")]


async def test_on_a_loop_listeners_are_called_on_its_next_turn() -> None:
    events, calls = heard("saved")
    events.emit("saved", SCOPE)
    assert calls == []
    await asyncio.sleep(0)
    assert [event.name for event in calls] == ["saved"]


async def test_events_come_in_their_order() -> None:
    events, calls = heard("created", "saved")
    for at in range(5):
        events.emit("created", SCOPE, str(at))
        events.emit("saved", SCOPE, str(at))
    await asyncio.sleep(0)
    assert [event.detail for event in calls] == [str(at) for at in range(5) for _ in range(2)]


async def test_an_async_listener_is_awaited_to_its_end() -> None:
    done: list[str] = []

    async def listener(event: Event) -> None:
        await asyncio.sleep(0)
        done.append(event.name)

    events = Events({"saved": listener})
    events.emit("saved", SCOPE)
    await asyncio.sleep(0)
    # Nobody but Events holds the task.
    gc.collect()
    for _ in range(3):
        await asyncio.sleep(0)
    assert done == ["saved"]
    assert not events._running


def broken(event: Event) -> None:
    raise LookupError("mine")


async def broken_later(event: Event) -> None:
    await asyncio.sleep(0)
    raise LookupError("mine")


@pytest.mark.parametrize("listener", [broken, broken_later])
async def test_a_listener_that_fails_is_logged_and_harms_nobody(listener: Any, caplog: pytest.LogCaptureFixture) -> None:
    events, calls = heard("saved")
    events.on("saved", listener)
    events.on("saved", calls.append)
    events.emit("saved", SCOPE)
    for _ in range(4):
        await asyncio.sleep(0)
    assert len(calls) == 2
    [record] = caplog.records
    assert (record.name, record.levelno, record.getMessage()) == (
        "gingersnap",
        logging.ERROR,
        "a listener for the event 'saved' failed",
    )
    assert record.exc_info is not None


def test_without_a_loop_a_listener_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    events, calls = heard("saved")
    Events.on(events, "saved", broken)
    events.emit("saved", SCOPE)
    assert len(calls) == 1
    assert [record.getMessage() for record in caplog.records] == ["a listener for the event 'saved' failed"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_listener_may_stop_the_program(stop: type[BaseException]) -> None:
    def stopping(event: Event) -> None:
        raise stop

    with pytest.raises(stop):
        Events({"saved": stopping}).emit("saved", SCOPE)


def test_events_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Event("saved", SCOPE).name = "destroyed"  # type: ignore[misc]


def test_P01_repr_of_an_event_shows_no_cookie_and_no_data() -> None:
    assert "s3cret" not in repr(Event("saved", SCOPE, detail="changed"))


def test_P01_a_failing_listeners_log_shows_no_cookie_and_no_data(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    Events({"saved": broken}).emit("saved", SCOPE)
    assert "failed" in caplog.text
    assert "s3cret" not in caplog.text


async def provoke(name: str, clock: Clock, listener: Any) -> str:  # noqa: C901 (a case for each event)
    """Bring an event about, and give the id that none may tell."""
    store = MemoryStore(clock=clock)
    client = Sessions(store=store, clock=clock, max_age=60, listeners={name: listener})
    await client.do(lambda s: s.update(secret="s3cret"))
    ids: list[str] = []
    await client.do(lambda s: ids.append(s.external_key))
    key = next(iter(store._entries))
    match name:
        case "tampered":
            client.jar["koa.sess"] += "x"
        case "duplicate":
            second = Sessions(store=store)
            await second.do(lambda s: s.update(n=1))
            pairs = [f"{name}={value}" for jar in (client.jar, second.jar) for name, value in jar.items()]
            headers = [(b"cookie", "; ".join(pairs).encode())]
            client.jar.clear()
            await client.browser.get(headers=headers)
        case "missed":
            await store.destroy(key)
        case "corrupt":
            record = await store.load(key)
            assert record is not None
            await store.replace(key, b'["s3cret"]', 60_000, version=record.version)
        case "invalid":
            client.browser.app.options.__dict__["valid"] = lambda scope, data: False
        case "gone":
            await client.do(lambda s: (s.update(n=1), store._drop(key)))
        case "conflict":
            await client.on_scope(lambda scope: conflict(scope["session"], store, key))
        case "destroyed":
            await client.do(lambda s: s.logout())
        case "regenerated":
            await client.do(lambda s: s.regenerate())
        case "saved":
            await client.do(lambda s: s.update(secret="an0ther"))
    await client.do(lambda s: s.get("secret"))
    return ids[0]


async def conflict(session: Any, store: MemoryStore, key: str) -> None:
    """Write a session that somebody else has written since."""
    record = await store.load(key)
    assert record is not None
    await store.replace(key, record.value.replace(b"s3cret", b"theirs"), 60_000, version=record.version)
    session["n"] = 1


@pytest.mark.parametrize(
    "name",
    ["tampered", "duplicate", "missed", "corrupt", "invalid", "gone", "conflict", "destroyed", "regenerated", "saved", "created"],
)
async def test_P02_each_event_tells_a_hash_at_most(name: str) -> None:
    heard: list[Event] = []
    id = await provoke(name, Clock(), heard.append)
    assert {event.name for event in heard} == {name}
    for event in heard:
        told = f"{event.key} {event.detail} {event!r}"
        assert id not in told
        assert "s3cret" not in told
        # The hash of an id that is not told itself is of no use to whoever reads it.
        assert event.key in (None, hashlib.sha256(id.encode()).hexdigest()) or name in ("regenerated", "created")


async def test_P02_an_expired_session_is_told() -> None:
    heard: list[Event] = []
    clock = Clock()
    client = Sessions(clock=clock, max_age=60, listeners={"expired": heard.append})
    await client.do(lambda s: s.update(secret="s3cret"))
    clock.now += 61
    await client.do(lambda s: s.get("secret"))
    assert [(event.name, event.key) for event in heard] == [("expired", None)]
