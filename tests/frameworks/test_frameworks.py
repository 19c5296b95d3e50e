"""The same middleware in the frameworks that people use, each by its own way of asking for the session."""

import asyncio
from collections.abc import Callable
from typing import Any

import fastapi
import litestar
import pytest
import quart
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from gingersnap import Session, SessionMiddleware
from gingersnap.types import ASGIApp
from tests.asgi import KEY, Browser, Sessions, request
from tests.doubles import failing


def starlette_app() -> ASGIApp:
    async def count(request: Request) -> JSONResponse:
        request.session["views"] = request.session.get("views", 0) + 1
        return JSONResponse(dict(request.session))

    return Starlette(routes=[Route("/", count)], middleware=[Middleware(SessionMiddleware, keys=[KEY])])


def mounted_app() -> ASGIApp:
    inner = starlette_app()
    return Starlette(routes=[Mount("/app", inner)])


def sync_app() -> ASGIApp:
    def count(request: Request) -> JSONResponse:
        request.session["views"] = request.session.get("views", 0) + 1
        return JSONResponse(request.session)

    return Starlette(routes=[Route("/", count)], middleware=[Middleware(SessionMiddleware, keys=[KEY])])


def fastapi_app() -> ASGIApp:
    app = fastapi.FastAPI()
    app.add_middleware(SessionMiddleware, keys=[KEY])

    @app.get("/")
    async def count(request: fastapi.Request) -> dict[str, Any]:
        request.session["views"] = request.session.get("views", 0) + 1
        return request.session

    return app


def litestar_app() -> ASGIApp:
    @litestar.get("/")
    async def count(request: litestar.Request[Any, Any, Any]) -> dict[str, Any]:
        session = request.scope["session"]
        assert isinstance(session, Session)
        session["views"] = session.get("views", 0) + 1
        return dict(session)

    return SessionMiddleware(litestar.Litestar([count], openapi_config=None), keys=[KEY])


def quart_app() -> ASGIApp:
    app = quart.Quart(__name__)

    @app.get("/")
    async def count() -> dict[str, Any]:
        session = quart.request.scope["session"]
        session["views"] = session.get("views", 0) + 1
        return dict(session)

    return SessionMiddleware(app, keys=[KEY])


def bare_app() -> ASGIApp:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["views"] = views = scope["session"].get("views", 0) + 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'{"views":%d}' % views})

    return SessionMiddleware(app, keys=[KEY])


APPS: dict[str, tuple[Callable[[], ASGIApp], str]] = {
    "starlette": (starlette_app, "/"),
    "starlette, mounted": (mounted_app, "/app/"),
    "starlette, sync handler on a thread": (sync_app, "/"),
    "fastapi": (fastapi_app, "/"),
    "litestar": (litestar_app, "/"),
    "quart": (quart_app, "/"),
    "bare": (bare_app, "/"),
}


@pytest.mark.parametrize("name", APPS)
async def test_session_counts_views(name: str) -> None:
    make, path = APPS[name]
    client = Browser(make())
    bodies = [(await client.get(path, raw_path=path.encode())).body.strip().replace(b" ", b"") for _ in range(3)]
    assert bodies == [b'{"views":1}', b'{"views":2}', b'{"views":3}']


async def test_starlette_varies_by_cookie_when_the_handler_asks_for_the_session_alone() -> None:
    async def look(request: Request) -> JSONResponse:
        return JSONResponse(request.session is not None)

    app = Starlette(routes=[Route("/", look)], middleware=[Middleware(SessionMiddleware, keys=[KEY])])
    assert (await request(app)).get("vary") == "Cookie"


async def test_what_a_native_serializer_sees_is_the_data() -> None:
    import orjson

    seen: list[Any] = []

    async def look(request: Request) -> JSONResponse:
        seen.append(orjson.loads(orjson.dumps(request.session)))
        request.session.update(cart={"items": [1]})
        return JSONResponse(None)

    client = Browser(Starlette(routes=[Route("/", look)], middleware=[Middleware(SessionMiddleware, keys=[KEY])]))
    await client.get()
    await client.get()
    assert seen == [{}, {"cart": {"items": [1]}}]


@pytest.mark.parametrize("accepts", [False, True])
def test_O01_an_outage_of_the_store_is_told_to_a_websocket_s_client(accepts: bool) -> None:
    from websockets.exceptions import ConnectionClosed, InvalidStatus
    from websockets.sync.client import connect

    from tests.frameworks.server import serve

    async def chat(websocket: WebSocket) -> None:
        if accepts:
            await websocket.accept()
        websocket.session.get("n")

    store = failing(["load"])
    app = Starlette(routes=[WebSocketRoute("/chat", chat)])
    app.add_middleware(SessionMiddleware, keys=[KEY], store=store)
    client = Sessions(store=store)
    asyncio.run(client.do(lambda s: s.update(n=1)))
    headers = {"cookie": client.browser.header()}
    with serve(app) as address:
        if accepts:
            with connect(f"ws://{address}/chat", additional_headers=headers) as websocket, pytest.raises(ConnectionClosed):
                websocket.recv()
            assert websocket.close_code == 1013
            return
        with pytest.raises(InvalidStatus) as refused:
            connect(f"ws://{address}/chat", additional_headers=headers)
        assert (refused.value.response.status_code, refused.value.response.headers["retry-after"]) == (503, "1")


def test_websocket_reads_the_session_of_the_page() -> None:
    from tests.frameworks.server import serve

    async def log_in(request: Request) -> JSONResponse:
        request.session.login("ada")
        return JSONResponse(None)

    async def chat(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_json({"owner": websocket.session.owner})
        await websocket.close()

    routes = [Route("/login", log_in), WebSocketRoute("/chat", chat)]
    app = Starlette(routes=routes, middleware=[Middleware(SessionMiddleware, keys=[KEY])])
    with serve(app) as address:
        import httpx
        from websockets.sync.client import connect

        with httpx.Client() as client:
            client.get(f"http://{address}/login").raise_for_status()
            cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        with connect(f"ws://{address}/chat", additional_headers={"cookie": cookies}) as websocket:
            assert websocket.recv() == '{"owner":"ada"}'


def test_real_server_and_real_client_keep_a_session() -> None:
    import httpx

    from tests.frameworks.server import serve

    with serve(starlette_app()) as address, httpx.Client(base_url=f"http://{address}") as client:
        assert [client.get("/").json() for _ in range(3)] == [{"views": 1}, {"views": 2}, {"views": 3}]
