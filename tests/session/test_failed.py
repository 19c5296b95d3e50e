"""What an error page outside of the middleware puts into the session of a request that failed."""

import asyncio
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
    "clear": (lambda session: session.clear(), "user, cart, half"),
    "logout": (lambda session: session.logout(), "(mark)"),
    "nested": (lambda session: session["cart"].append(1), "cart"),
    "nested, by get": (lambda session: session.get("cart").append(1), "cart"),
    "past its methods": (lambda session: dict.__setitem__(session, "user", "eve"), "user"),
    "cookie": (lambda session: setattr(session.cookie, "domain", "example.com"), "(cookie)"),
}


def site(change: Callable[[Any], object], **options: Any) -> Browser:
    async def login(request: Request) -> PlainTextResponse:
        request.session.update(user="ann", cart=[])
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


async def fails(client: Browser) -> None:
    """Send a request in a task of its own, as servers run it; return after the task has ended."""
    try:
        await asyncio.create_task(client.get("/boom"))
    finally:
        await asyncio.sleep(0)


@pytest.mark.parametrize("options", SIDES.values(), ids=SIDES)
@pytest.mark.parametrize(("change", "keys"), CHANGES.values(), ids=CHANGES)
async def test_a_change_in_an_error_page_is_reported(
    change: Any, keys: str, options: Any, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Event] = []
    client = site(change, listeners={"late_write": heard.append}, **options())
    await client.get("/login")
    with pytest.raises(ZeroDivisionError):
        await fails(client)
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
        await fails(client)
    assert seen == [("ann", {"user": "ann", "cart": [], "half": "done"}, 3)]
    assert caplog.text == ""


async def test_strict_raises_in_the_error_page() -> None:
    client = site(lambda session: session.update(flash=1), strict=True)
    await client.get("/login")
    with pytest.raises(SessionSealed):
        await client.get("/boom")


@pytest.mark.parametrize("value", [None, {"flash": "sorry"}])
@pytest.mark.parametrize("options", SIDES.values(), ids=SIDES)
async def test_another_value_in_the_scope_is_reported(value: Any, options: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def boom(request: Request) -> PlainTextResponse:
        raise ZeroDivisionError

    async def sorry(request: Request, error: Exception) -> PlainTextResponse:
        request.scope["session"] = value
        return PlainTextResponse("sorry", 500)

    middleware = [Middleware(SessionMiddleware, keys=[KEY], **options())]
    client = Browser(Starlette(routes=[Route("/boom", boom)], middleware=middleware, exception_handlers={500: sorry}))
    with pytest.raises(ZeroDivisionError):
        await fails(client)
    assert "the change is lost: (another value in the scope)" in caplog.text
