"""What an application puts into the scope is its session, whatever stands around: middlewares that read it, threads, streams."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import litestar
import pytest
import quart
from fastapi import Depends, FastAPI, Request
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.endpoints import HTTPEndpoint
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, StreamingResponse

from gingersnap import SessionMiddleware
from tests.asgi import KEY, Browser

PUT = {"user": "ann"}
api = FastAPI()


def depends(request: Request) -> None:
    request.scope["session"] = {**PUT}


async def depends_with_yield(request: Request) -> AsyncIterator[None]:
    request.scope["session"] = {**PUT}
    yield


@api.get("/dependency", dependencies=[Depends(depends)])
def by_dependency() -> int:
    return 1


@api.get("/yield", dependencies=[Depends(depends_with_yield)])
async def by_yield() -> int:
    return 1


@api.get("/thread")
def in_a_thread(request: Request) -> int:
    request.scope["session"] = {**PUT}
    return 1


@api.get("/async")
async def in_the_loop(request: Request) -> int:
    request.scope["session"] = {**PUT}
    return 1


@api.get("/stream")
async def before_a_stream(request: Request) -> StreamingResponse:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"x"

    request.scope["session"] = {**PUT}
    return StreamingResponse(pieces())


@api.get("/update")
async def by_update(request: Request) -> int:
    request.scope.update(session={**PUT})
    return 1


@api.get("/helper")
async def by_a_helper(request: Request) -> int:
    depends(request)
    return 1


class Endpoint(HTTPEndpoint):
    async def get(self, request: Request) -> JSONResponse:
        self.scope["session"] = {**PUT}
        return JSONResponse(1)


class Reading(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: Any) -> Any:
        request.session["seen"] = request.session.get("user")
        return await call_next(request)


class Backend(AuthenticationBackend):
    async def authenticate(self, conn: Any) -> tuple[AuthCredentials, SimpleUser]:
        return AuthCredentials([]), SimpleUser(str(conn.session.get("user")))


@litestar.get("/set")
async def by_litestar(request: litestar.Request[Any, Any, Any]) -> str:
    request.set_session({**PUT})
    return "ok"


flask_like = quart.Quart("quart")


@flask_like.get("/quart")
async def by_quart() -> str:
    quart.request.scope["session"] = {**PUT}  # type: ignore[typeddict-unknown-key]
    return "ok"


api.add_route("/endpoint", Endpoint)
api.add_middleware(Reading)
api.add_middleware(GZipMiddleware)
api.add_middleware(CORSMiddleware, allow_origins=["*"])
api.add_middleware(AuthenticationMiddleware, backend=Backend())
APPS: dict[str, Any] = {
    **dict.fromkeys(("/dependency", "/yield", "/thread", "/async", "/stream", "/update", "/helper", "/endpoint"), api),
    "/set": litestar.Litestar([by_litestar]),
    "/quart": flask_like,
}


@pytest.mark.parametrize(("path", "app"), APPS.items(), ids=APPS)
async def test_it_replaces_the_session(path: str, app: Any, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Any] = []

    async def look(scope: Any, receive: Any, send: Any) -> None:
        seen.append(dict(scope["session"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    client = Browser(SessionMiddleware(app, keys=[KEY]))
    response = await asyncio.create_task(client.get(path))
    client.app = SessionMiddleware(look, keys=[KEY])
    await client.get()
    assert (response.status, seen) == (200, [PUT])
    assert [record for record in caplog.records if record.name == "gingersnap"] == []
