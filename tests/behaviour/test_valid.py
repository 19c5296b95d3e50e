"""The option ``valid``: what becomes of a session while the application's own question fails."""

from typing import Any

import pytest

from gingersnap import SessionMiddleware
from gingersnap.stores import MemoryStore
from gingersnap.types import ASGIApp, Receive, Scope, Send
from tests.asgi import KEY, Browser, app_of


class Down:
    """A question that fails once when it is told to, and refuses a session of ``banned`` otherwise."""

    def __init__(self) -> None:
        self.failing = False

    async def __call__(self, scope: Scope, data: Any) -> bool:
        if self.failing:
            self.failing = False
            raise ConnectionError
        return bool(data.get("user") != "banned")


def twice(app: ASGIApp) -> ASGIApp:
    """Dispatch the same scope again after a question that failed, as an outer retry does."""

    async def retry(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except ConnectionError:
            await app(scope, receive, send)

    return retry


def at(handler: Any, valid: Down, **options: Any) -> Browser:
    """Make a browser whose application logs in under ``/login`` and calls ``handler(session)`` elsewhere."""

    async def serve(scope: Scope) -> None:
        session = scope["session"]
        if scope["path"] != "/login":
            await handler(session)
            return
        await session.load()
        session["user"] = "banned"

    return Browser(twice(SessionMiddleware(app_of(serve), keys=[KEY], valid=valid, **options)))


@pytest.mark.parametrize("options", [{}, {"store": MemoryStore()}], ids=["cookie", "store"])
async def test_a_session_whose_question_failed_is_not_left_in_the_scope(options: Any) -> None:
    seen: list[Any] = []

    async def handler(session: Any) -> None:
        seen.append((dict(session), session.is_new))

    valid = Down()
    client = at(handler, valid, **options)
    await client.get("/login")
    valid.failing = True
    await client.get()
    assert seen == [({}, True)]


async def test_load_whose_question_failed_hands_nothing_out_and_can_be_tried_again() -> None:
    seen: list[Any] = []

    async def handler(session: Any) -> None:
        with pytest.raises(ConnectionError):
            await session.load()
        with pytest.raises(RuntimeError):
            session.get("user")
        seen.append(dict(await session.load()))

    valid = Down()
    client = at(handler, valid, store=MemoryStore(), defer=True)
    await client.get("/login")
    valid.failing = True
    await client.get()
    assert seen == [{}]


async def test_reload_whose_question_failed_takes_nothing_back() -> None:
    seen: list[Any] = []

    async def handler(session: Any) -> None:
        session["mine"] = session.get("mine", 0) + 1
        if session.is_new:
            return
        valid.failing = True
        with pytest.raises(ConnectionError):
            await session.reload()
        seen.append(dict(session))

    valid = Down()
    client = at(handler, valid, store=MemoryStore())
    for _ in range(3):
        await client.get()
    assert seen == [{"mine": 2}, {"mine": 3}]
