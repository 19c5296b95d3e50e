"""What an error page outside of the middleware puts into the session of a request that failed."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from gingersnap import SessionMiddleware
from gingersnap.errors import SessionSealed
from gingersnap.events import Event
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, Browser

SIDES: dict[str, Callable[[], dict[str, Any]]] = {"cookie": dict, "store": lambda: {"store": MemoryStore()}}
CHANGES: dict[str, tuple[Callable[[Any], object], str]] = {
    "set": (lambda session: session.__setitem__("flash", "sorry"), "flash"),
    "delete": (lambda session: session.pop("user"), "user"),
    "update": (lambda session: session.update(flash="sorry", user="eve"), "user, flash"),
    "clear": (lambda session: session.clear(), "user, half"),
    "logout": (lambda session: session.logout(), "(mark)"),
}


def site(change: Callable[[Any], object], **options: Any) -> Browser:
    async def login(request: Request) -> PlainTextResponse:
        request.session["user"] = "ann"
        return PlainTextResponse("welcome")

    async def boom(request: Request) -> PlainTextResponse:
        request.session["half"] = "done"
        raise ZeroDivisionError

    async def sorry(request: Request, error: Exception) -> PlainTextResponse:
        change(request.session)
        return PlainTextResponse("sorry", 500)

    return Browser(
        Starlette(
            routes=[Route("/login", login), Route("/boom", boom)],
            middleware=[Middleware(SessionMiddleware, keys=[KEY], **options)],
            exception_handlers={500: sorry},
        )
    )


@pytest.mark.parametrize("options", SIDES.values(), ids=SIDES)
@pytest.mark.parametrize(("change", "keys"), CHANGES.values(), ids=CHANGES)
async def test_a_change_in_an_error_page_is_reported(
    change: Any, keys: str, options: Any, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Event] = []
    client = site(change, listeners={"late_write": heard.append}, **options())
    await client.get("/login")
    with pytest.raises(ZeroDivisionError):
        await client.get("/boom")
    told = [record.getMessage() for record in caplog.records if record.name == "gingersnap"]
    assert told == [f"the session changed after its request had failed, and the change is lost: {keys}"]
    await client.get("/login")
    assert [(event.detail, event.scope["path"]) for event in heard] == [(keys, "/boom")]


@pytest.mark.parametrize("options", SIDES.values(), ids=SIDES)
async def test_a_look_in_an_error_page_is_no_change(options: Any, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Any] = []
    client = site(lambda session: seen.append((session.get("user"), dict(session), len(session))), **options())
    await client.get("/login")
    with pytest.raises(ZeroDivisionError):
        await client.get("/boom")
    assert seen == [("ann", {"user": "ann", "half": "done"}, 2)]
    assert caplog.text == ""


async def test_strict_raises_in_the_error_page() -> None:
    client = site(lambda session: session.update(flash=1), strict=True)
    await client.get("/login")
    with pytest.raises(SessionSealed):
        await client.get("/boom")
