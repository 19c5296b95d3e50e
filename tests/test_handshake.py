"""Servers that drop the headers of ``websocket.accept``."""

from typing import Any

import pytest

from gingersnap import SessionMiddleware
from gingersnap.stores import MemoryStore
from tests.asgi import KEY

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
