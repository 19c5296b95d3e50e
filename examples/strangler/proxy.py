"""The proxy in front: what has moved goes to FastAPI, everything else to Express. nginx and Caddy do this as well."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, request_response

MOVED = ("/account", "/api")
"""Move a route: write its path here."""

# RFC 9110 section 7.6.1: what is said to the next hop alone. What we say of the client ourselves, nobody else says.
HOP = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
OURS = {b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto"}


def create_proxy(express: str, fastapi: str) -> Starlette:
    """Make the proxy for two addresses."""

    async def forward(request: Request) -> Response:
        url = httpx.URL(fastapi if is_moved(request.url.path) else express).copy_with(raw_path=target(request))
        body = request.stream() if {"content-length", "transfer-encoding"} & {*request.headers} else None
        try:
            answer = await request.app.state.transport.handle_async_request(
                httpx.Request(request.method, url, headers=forwarded(request), content=body)
            )
        except httpx.TransportError as error:
            return PlainTextResponse(f"No answer from {url.host}:{url.port} ({type(error).__name__})\n", 502)
        response = StreamingResponse(passed(answer), answer.status_code)
        # As they came: a Set-Cookie line each.
        response.raw_headers = end_to_end(answer.headers.raw)
        return response

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        # Not httpx.AsyncClient: that keeps a jar, and would send one visitor's cookies with another's requests.
        async with httpx.AsyncHTTPTransport() as app.state.transport:
            yield

    return Starlette(routes=[Mount("/", request_response(forward))], lifespan=lifespan)


def is_moved(path: str) -> bool:
    """Say whether a path is FastAPI's."""
    return any(path == moved or path.startswith(f"{moved}/") for moved in MOVED)


def target(request: Request) -> bytes:
    """Give path and query as the client spelt them."""
    query: bytes = request.scope["query_string"]
    return request.scope["raw_path"] + (b"?" + query if query else b"")


def forwarded(request: Request) -> list[tuple[bytes, bytes]]:
    """Give the headers that go on, and who the client is and how it came."""
    came = [(name, value) for name, value in end_to_end(request.headers.raw) if name not in OURS]
    return [
        *came,
        (b"x-forwarded-for", (request.client.host if request.client else "unknown").encode()),
        (b"x-forwarded-host", request.headers.get("host", "").encode("latin-1")),
        (b"x-forwarded-proto", request.url.scheme.encode()),
    ]


def end_to_end(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Leave out what is for one hop alone, and what ``Connection`` names."""
    lower = [(name.lower(), value) for name, value in headers]
    named = {word.strip().lower() for name, value in lower if name == b"connection" for word in value.split(b",")}
    return [(name, value) for name, value in lower if name not in HOP | named]


async def passed(answer: httpx.Response) -> AsyncIterator[bytes]:
    """Pass a body on as it comes, encoded as it is."""
    try:
        async for part in answer.aiter_raw():
            yield part
    finally:
        await answer.aclose()
