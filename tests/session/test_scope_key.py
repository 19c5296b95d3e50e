"""The session's key in the scope: it knows whether the session was asked for, whatever read it then."""

import asyncio
import copy
import json
import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import fastapi
import litestar
import msgspec
import orjson
import pydantic
import pytest
import quart

from gingersnap import SessionMiddleware, SessionSealed
from gingersnap.session.scope_key import AskedKey, ScopeKey
from gingersnap.stores import MemoryStore
from gingersnap.types import ASGIApp, Scope
from tests.asgi import KEY, Browser, Sessions

SIDES: dict[str, Callable[[], dict[str, Any]]] = {"cookie": dict, "store": lambda: {"store": MemoryStore()}}
by_side = pytest.mark.parametrize("options", SIDES.values(), ids=SIDES)

# Ways that call none of the session's methods.
READS: dict[str, Callable[[Any], object]] = {
    "orjson": orjson.dumps,
    "msgspec": msgspec.json.encode,
    "msgspec.to_builtins": msgspec.to_builtins,
    "pydantic": pydantic.TypeAdapter(dict[str, Any]).validate_python,
    "json": json.dumps,
    "dict.items": lambda session: [*dict.items(session)],
    "dict.get": lambda session: dict.get(session, "user"),
    "format_map": "{user}".format_map,
}
COPIES: dict[str, Callable[[Scope], Any]] = {
    "the scope": lambda scope: scope,
    "dict": dict,
    "unpacked": lambda scope: {**scope},
    "copy": lambda scope: scope.copy(),
    "copy.copy": copy.copy,
    "merged": lambda scope: {"more": 1} | scope,
    "keywords": lambda scope: dict(**scope),
}


async def begun(**options: Any) -> Sessions:
    client = Sessions(**options)
    await client.do(lambda session: session.update(user="ada", cart=[1]))
    return client


@by_side
@pytest.mark.parametrize("read", READS.values(), ids=READS)
async def test_C07_what_calls_no_method_varies_by_cookie_and_writes_nothing(read: Any, options: Any) -> None:
    client = await begun(**options())
    response = await client.do(read)
    assert (response.get("vary"), response.cookies) == ("Cookie", [])


@by_side
@pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
async def test_C07_asking_a_copy_of_the_scope_varies_by_cookie(duplicate: Any, options: Any) -> None:
    client = await begun(**options())
    assert (await client.on_scope(duplicate)).headers == []
    for ask in (lambda scope: scope["session"], lambda scope: scope.get("session"), lambda scope: "session" in scope):
        assert (await client.on_scope(lambda scope, ask=ask: ask(duplicate(scope)))).get("vary") == "Cookie"


@by_side
@pytest.mark.parametrize("first", [lambda s: None, lambda s: s.get("user"), lambda s: s.mark_accessed(), len], ids=str)
async def test_L08_a_list_that_was_reached_behind_the_methods_is_watched(first: Any, options: Any) -> None:
    client = await begun(**options())

    def handler(session: Any) -> None:
        first(session)
        [*dict.values(session)][1].append(2)

    await client.do(handler)
    assert await client.data() == {"user": "ada", "cart": [1, 2]}


@by_side
async def test_L08_a_write_behind_the_methods_is_saved(options: Any) -> None:
    client = await begun(**options())
    await client.do(lambda session: dict.__setitem__(session, "user", "eve"))
    assert (await client.data())["user"] == "eve"


async def test_a_late_change_behind_the_methods_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    kept: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        kept.extend(dict.values(scope["session"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if kept:
            kept[1].append(2)
        await send({"type": "http.response.body", "body": b""})

    client = await begun()
    client.browser.app = SessionMiddleware(app, keys=[KEY])
    await client.browser.get()
    assert "the change is lost: cart" in caplog.text


@pytest.mark.parametrize("found", [None, "a session that is done"])
async def test_a_key_that_is_there_already_does_not_hide_ours(found: Any) -> None:
    client = await begun()
    if found is not None:
        done: list[Any] = []
        await client.on_scope(lambda scope: done.append(scope["session"]))
        [found] = done
    assert (await client.on_scope(lambda scope: None, session=found)).headers == []
    assert (await client.on_scope(lambda scope: scope["session"], session=found)).get("vary") == "Cookie"


async def test_another_key_in_the_scope_works_alike() -> None:
    client = Browser(SessionMiddleware(_two(), keys=[KEY], scope_key="mine"))
    await client.get("/write")
    assert (await client.get("/other")).headers == []
    assert (await client.get("/mine")).get("vary") == "Cookie"


def _two() -> ASGIApp:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/write":
            scope["mine"]["n"] = 1
        scope.get(scope["path"][1:])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return app


def _fastapi() -> ASGIApp:
    app = fastapi.FastAPI()
    app.get("/")(lambda: "untouched")
    return app


def _litestar() -> ASGIApp:
    @litestar.get("/")
    async def untouched() -> str:
        return "untouched"

    return litestar.Litestar([untouched], openapi_config=None)


def _quart() -> ASGIApp:
    app = quart.Quart(__name__)

    @app.get("/")
    async def untouched() -> str:
        return "untouched"

    return app


@pytest.mark.parametrize("make", [_fastapi, _litestar, _quart])
async def test_C07_frameworks_do_not_ask_for_it_by_themselves(make: Any) -> None:
    client = await begun()
    client.browser.app = SessionMiddleware(make(), keys=[KEY])
    response = await client.browser.get()
    assert (response.status, response.get("vary")) == (200, None)


def test_it_is_the_string_that_it_says() -> None:
    key = ScopeKey("session")
    assert {key: 1} == {"session": 1}
    assert (type(key), key == "session", key != "other", key == "session") == (AskedKey, True, True, True)
    assert (hash(key), json.dumps({key: 1}), pickle.loads(pickle.dumps(key))) == (hash("session"), '{"session": 1}', "session")


FIRST = {
    "no method": (lambda session: None, ["cart"]),
    "a method": (lambda session: session.get("user"), []),
    "past a method": (lambda session: dict.get(session, "user"), ["cart"]),
}


@pytest.mark.parametrize(("first", "told"), FIRST.values(), ids=FIRST)
@pytest.mark.parametrize("strict", [False, True])
async def test_a_late_change_of_a_list_that_c_code_took_out_is_reported(first: Any, told: list[str], strict: bool) -> None:
    """Where a method of the session was called too, ``strict`` alone pays for the second comparison."""

    class Shop(msgspec.Struct):
        cart: Any

    heard: list[str] = []
    client = await begun(strict=strict, listeners={"late_write": lambda event: heard.append(event.detail)})

    async def app(scope: Any, receive: Any, send: Any) -> None:
        first(scope["session"])
        cart = msgspec.convert(scope["session"], Shop).cart
        await send({"type": "http.response.start", "status": 200, "headers": []})
        cart.append(2)
        await send({"type": "http.response.body", "body": b""})

    browser = Browser(SessionMiddleware(app, client.browser.app.options))  # type: ignore[attr-defined]
    browser.jar.update(client.jar)
    with suppress(SessionSealed):
        await browser.get()
    await asyncio.sleep(0)
    assert heard == (["cart"] if strict else told)
