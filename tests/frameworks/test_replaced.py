"""A response that a 503 replaces ends in every framework, an endless one too, and nothing is logged of it."""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import fastapi
import litestar
import litestar.response
import pytest
import quart
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from gingersnap import SessionMiddleware
from gingersnap.types import ASGIApp
from tests.asgi import KEY, request
from tests.doubles import failing


def options() -> dict[str, Any]:
    return {"keys": [KEY], "store": failing(["create"]), "store_breaker": False}


async def endless() -> AsyncIterator[bytes]:
    """Stream without ever waiting."""
    for _ in itertools.count():
        yield b"x"


def starlette_apps() -> list[ASGIApp]:
    async def short(request: Request) -> Response:
        request.session["n"] = 1
        return PlainTextResponse("ok")

    async def stream(request: Request) -> Response:
        request.session["n"] = 1
        return StreamingResponse(endless())

    async def passing_on(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        return response

    routes = [Route("/short", short), Route("/stream", stream)]
    inner = Middleware(BaseHTTPMiddleware, dispatch=passing_on)
    return [
        Starlette(routes=routes, middleware=[Middleware(SessionMiddleware, **options())]),
        Starlette(routes=routes, middleware=[Middleware(SessionMiddleware, **options()), inner]),
        SessionMiddleware(Starlette(routes=routes), **options()),
    ]


def fastapi_apps() -> list[ASGIApp]:
    app = fastapi.FastAPI()
    app.add_middleware(SessionMiddleware, **options())

    @app.get("/short")
    async def short(request: fastapi.Request) -> dict[str, Any]:
        request.session["n"] = 1
        return {}

    @app.get("/stream")
    async def stream(request: fastapi.Request) -> Response:
        request.session["n"] = 1
        return StreamingResponse(endless())

    return [app]


def litestar_apps() -> list[ASGIApp]:
    @litestar.get("/short")
    async def short(request: litestar.Request[Any, Any, Any]) -> str:
        request.scope["session"]["n"] = 1
        return "ok"

    @litestar.get("/stream")
    async def stream(request: litestar.Request[Any, Any, Any]) -> litestar.response.Stream:
        request.scope["session"]["n"] = 1
        return litestar.response.Stream(endless())

    return [SessionMiddleware(litestar.Litestar([short, stream], openapi_config=None), **options())]


def quart_apps() -> list[ASGIApp]:
    app = quart.Quart(__name__)

    @app.get("/short")
    async def short() -> str:
        quart.request.scope["session"]["n"] = 1
        return "ok"

    @app.get("/stream")
    async def stream() -> Any:
        quart.request.scope["session"]["n"] = 1
        return endless(), 200

    return [SessionMiddleware(app, **options())]


@pytest.mark.parametrize("path", ["/short", "/stream"])
@pytest.mark.parametrize("version", ["2.3", "2.4"])
@pytest.mark.parametrize("apps", [starlette_apps, fastapi_apps, litestar_apps, quart_apps])
async def test_O01_a_replaced_response_ends_in_every_framework(
    apps: Callable[[], list[ASGIApp]], version: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    for app in apps():
        async with asyncio.timeout(30):
            response = await request(app, path=path, asgi={"version": "3.0", "spec_version": version}, state={})
        assert response.status == 503
        assert [message["type"] for message in response.messages] == ["http.response.start", "http.response.body"]
    # The store's failure is told, and nothing besides.
    told = {record.name for record in caplog.records if record.levelno >= logging.WARNING}
    assert told <= {"gingersnap"}
