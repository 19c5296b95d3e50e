"""Servers that drop the headers of ``websocket.accept``."""

from typing import Any

import pytest

from gingersnap import SessionMiddleware
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, Browser

DAPHNE: dict[str, Any] = {"asgi": {"version": "3.0"}, "client": ["127.0.0.1", 1], "server": ["127.0.0.1", 2]}
GRANIAN: dict[str, Any] = {
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "client": ("127.0.0.1", "1"),
    "extensions": {"http.response.pathsend": {}, "websocket.http.response": {}},
}
UVICORN: dict[str, Any] = {
    "asgi": {"version": "3.0", "spec_version": "2.4"},
    "client": ("127.0.0.1", 1),
    "extensions": {"websocket.http.response": {}},
}


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize(
    ("server", "change", "warnings"),
    [(DAPHNE, True, 1), (GRANIAN, True, 1), (UVICORN, True, 0), ({}, True, 0), (DAPHNE, False, 0)],
    ids=["daphne", "granian", "uvicorn", "unknown", "unchanged"],
)
async def test_a_cookie_that_cannot_reach_the_client_is_told_of_once(
    server: Any, change: bool, warnings: int, stored: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if change:
            scope["session"]["n"] = 1
        await send({"type": "websocket.accept"})

    async def send(message: Any) -> None:
        return None

    given: Any = {"store": MemoryStore()} if stored else {}
    middleware = SessionMiddleware(app, keys=[KEY], **given)
    for _ in range(2):
        await middleware({"type": "websocket", "path": "/", "headers": [], **server}, None, send)  # type: ignore[arg-type]
    assert caplog.text.count("sends no headers with websocket.accept") == warnings


@pytest.mark.parametrize("wish", ["login", "regenerate"])
async def test_no_id_is_moved_in_a_handshake_whose_answer_will_not_carry_it(wish: str, caplog: pytest.LogCaptureFixture) -> None:
    store, seen = MemoryStore(), []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        session = scope["session"]
        if scope["type"] == "websocket":
            _ = session.login("ada") if wish == "login" else session.regenerate()
            await send({"type": "websocket.accept"})
            return
        seen.append(dict(session))
        session["n"] = 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    user = Browser(SessionMiddleware(app, keys=[KEY], store=store, regenerate_grace=0))
    await user.get()
    await user.get(type="websocket", **DAPHNE)
    await user.get()
    assert seen == [{}, {"n": 1}]
    assert caplog.text.count("sends no headers with websocket.accept") == 1
    assert "the change is lost" in caplog.text


async def test_a_session_begun_in_such_a_handshake_leaves_no_record() -> None:
    store = MemoryStore()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["n"] = 1
        await send({"type": "websocket.accept"})

    await Browser(SessionMiddleware(app, keys=[KEY], store=store)).get(type="websocket", **GRANIAN)
    assert len(store) == 0
