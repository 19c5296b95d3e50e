"""Values in the scope that stand for no session."""

import dataclasses
import enum
import inspect
from typing import Any

import litestar
import litestar.types
import msgspec
import pydantic_core
import pytest

from gingersnap import SessionMiddleware
from gingersnap.lifecycle.markers import is_none
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, Browser, Sessions, app_of, request


class Empty:
    """Litestar's marker before version 2."""


class Colour(enum.Enum):
    """An enum whose members say nothing of a session."""

    RED = 1


MARKERS = [
    *(None, Empty, Empty(), litestar.types.Empty, msgspec.UNSET, pydantic_core.PydanticUndefined),
    *(dataclasses.MISSING, inspect.Parameter.empty),
]


@pytest.mark.parametrize("marker", MARKERS, ids=repr)
def test_a_marker_is_known_by_its_name(marker: Any) -> None:
    assert is_none(marker)


@pytest.mark.parametrize("value", [{}, 0, "", "empty", False, object(), Colour.RED, type("empty", (dict,), {})()], ids=repr)
def test_other_values_stand_for_themselves(value: Any) -> None:
    assert not is_none(value)


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("marker", MARKERS, ids=repr)
async def test_a_marker_in_the_scope_ends_the_session(marker: Any, stored: bool) -> None:
    store = MemoryStore() if stored else None
    client = Sessions(store=store)
    await client.do(lambda session: session.update(n=1))
    await client.on_scope(lambda scope: scope.__setitem__("session", marker))
    assert (client.jar, [] if store is None else [*store._entries]) == ({}, [])


@pytest.mark.parametrize("stored", [False, True])
async def test_a_marker_before_the_request_is_no_session_of_another_middleware(
    stored: bool, caplog: pytest.LogCaptureFixture
) -> None:
    options: Any = {"store": MemoryStore()} if stored else {}
    app = SessionMiddleware(app_of(lambda scope: scope["session"].update(n=1)), keys=[KEY], **options)
    assert len((await request(app, session=litestar.types.Empty)).cookies) == 2
    assert caplog.text == ""


@pytest.mark.parametrize("stored", [False, True])
async def test_clear_session_of_litestar_is_a_logout(stored: bool) -> None:
    @litestar.get("/login")
    async def login(request: litestar.Request[Any, Any, Any]) -> None:
        request.set_session({"user": "ada"})

    @litestar.get("/logout")
    async def logout(request: litestar.Request[Any, Any, Any]) -> None:
        request.clear_session()

    @litestar.get("/")
    async def who(request: litestar.Request[Any, Any, Any]) -> dict[str, Any]:
        return dict(request.session)

    options: Any = {"store": MemoryStore()} if stored else {}
    client = Browser(SessionMiddleware(litestar.Litestar([login, logout, who], openapi_config=None), keys=[KEY], **options))
    await client.get("/login", raw_path=b"/login")
    assert (await client.get()).body == b'{"user":"ada"}'
    assert (await client.get("/logout", raw_path=b"/logout")).status == 200
    assert (client.jar, (await client.get()).body) == ({}, b"{}")
