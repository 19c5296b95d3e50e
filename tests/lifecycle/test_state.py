"""The state of one session: what came, what was asked for, and what is left of both after an end or a commit."""

import asyncio
from typing import Any

import pytest

from gingersnap import Event, SessionOptions
from gingersnap.lifecycle.policy import Policy
from gingersnap.lifecycle.state import EMPTY, SessionState
from gingersnap.types import Snapshot
from tests.asgi import KEY, NOW, Clock

NOW_MS = int(NOW * 1000)
HOUR = 3_600_000
BODY = b'{"n":1}'
SCOPE: dict[str, Any] = {"type": "http", "scheme": "http", "headers": [], "session": object()}


def snapshot(**given: Any) -> Snapshot:
    facts = Snapshot(BODY, 0, True, NOW_MS + HOUR, 24 * HOUR, None, None, "ada")
    return facts._replace(**given)


def state(came: Snapshot | None = None, **options: Any) -> SessionState:
    return SessionState(Policy(SessionOptions(keys=[KEY], clock=Clock(), **options)), SCOPE, came)


def test_a_new_session_has_nothing() -> None:
    new = state()
    assert (new.is_new, new.existed, new.body, new.owner, new.expire_ms, new.mark) == (True, False, EMPTY, None, None, None)
    assert new.life_ms == 24 * HOUR


def test_a_session_that_came_has_what_it_was_written_with() -> None:
    came = state(snapshot())
    assert (came.is_new, came.existed, came.body, came.owner, came.expire_ms) == (False, True, BODY, "ada", NOW_MS + HOUR)


@pytest.mark.parametrize(
    ("marks", "stays"),
    [
        (["rolling", "force"], "force"),
        (["force", "rolling"], "force"),
        (["regenerate", "force"], "regenerate"),
        (["destroy", "regenerate", "rolling"], "destroy"),
    ],
)
def test_the_weightier_mark_wins(marks: list[Any], stays: str) -> None:
    asked = state(snapshot())
    for mark in marks:
        asked.add_mark(mark)
    assert asked.mark == stays


def test_an_end_leaves_nothing_of_the_session_and_remembers_that_it_came() -> None:
    ended = state(snapshot())
    ended.login("bob")
    ended.live_for(5)
    ended.destroy()
    assert (ended.mark, ended.ends, ended.loaded, ended.owner, ended.life) == ("destroy", True, None, None, None)
    assert ended.base == snapshot()
    assert ended.existed


def test_what_was_asked_for_can_be_taken_back() -> None:
    asked = state(snapshot())
    asked.destroy()
    asked.replaced = True
    asked.login("bob")
    asked.forget()
    assert (asked.mark, asked.ends, asked.replaced, asked.owner, asked.loaded) == (None, False, False, "ada", snapshot())


@pytest.mark.parametrize(
    ("life", "came", "options", "expected"),
    [
        (None, None, {}, (24 * HOUR, False)),
        (HOUR, None, {}, (HOUR, True)),
        ("session", None, {}, (None, True)),
        # Written with the option's lifetime: a change of the option reaches it.
        (None, snapshot(max_age=HOUR), {}, (24 * HOUR, False)),
        # Written with one that the application set.
        (None, snapshot(max_age=HOUR, browser_session=False), {}, (HOUR, True)),
        (None, snapshot(max_age=0, browser_session=True), {}, (None, True)),
        # koa notes none, and keeps what a session was written with.
        (None, snapshot(max_age=HOUR), {"preset": "koa"}, (HOUR, False)),
        (HOUR, snapshot(), {"preset": "koa"}, (HOUR, False)),
        # A lifetime that passes the longest is cut.
        (None, snapshot(max_age=10**12, browser_session=False), {}, (400 * 24 * HOUR, True)),
    ],
)
def test_how_long_a_session_lives(life: Any, came: Any, options: dict[str, Any], expected: tuple[int | None, bool]) -> None:
    lives = state(came, **options)
    lives.life = life
    assert lives.lifetime() == expected
    assert (lives.life_ms, lives.has_own_life) == expected


@pytest.mark.parametrize(("mark", "event"), [("changed", "saved"), ("regenerate", "regenerated"), ("rolling", "renewed")])
async def test_a_commit_settles_what_was_asked_and_emits_its_event(mark: Any, event: str) -> None:
    events: list[Event] = []
    new = state(listeners={"created": events.append, event: events.append})
    new.live_for(HOUR)
    new.add_mark("force")
    new.settle(snapshot(), mark, "fingerprint")
    # Events come on the loop's next turn.
    await asyncio.sleep(0)
    assert (new.is_new, new.committed, new.mark, new.life, new.body) == (False, True, None, None, BODY)
    assert [(each.name, each.key) for each in events] == [("created", "fingerprint"), (event, "fingerprint")]


def test_a_detached_state_keeps_the_connection_and_not_the_session() -> None:
    detached = state()
    detached.detach()
    assert "session" in SCOPE
    assert detached.scope == {name: value for name, value in SCOPE.items() if name != "session"}
