"""What an application sends after a 503 went out in place of its response: dropped, and before long it is told."""

# Names bear the ids of requirements as they are written.

import asyncio
from typing import Any

import pytest

from gingersnap import SessionMiddleware
from gingersnap.types import Receive, Scope, Send
from tests.asgi import KEY, Response, request
from tests.doubles import failing

START = {"type": "http.response.start", "status": 200, "headers": []}
PIECE = {"type": "http.response.body", "body": b"x", "more_body": True}
END = {"type": "http.response.body", "body": b"x"}


class WebSocketDisconnect(Exception):  # noqa: N818 (as Starlette's own)
    """What Starlette makes of an OSError of ``send``."""


async def ask(sends: Any, **scope: Any) -> Response:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["session"]["n"] = 1
        await sends(send)

    return await request(SessionMiddleware(app, keys=[KEY], store=failing(["create"]), store_breaker=False), **scope)


@pytest.mark.parametrize("pieces", [0, 1, 5])
async def test_O01_a_short_response_that_is_replaced_hears_nothing_of_it(pieces: int) -> None:
    async def sends(send: Send) -> None:
        for message in (START, *[PIECE] * pieces, END):
            await send({**message})
        done.append(pieces)

    done: list[int] = []
    response = await ask(sends)
    assert (response.status, len(response.messages), done) == (503, 2, [pieces])


async def test_O01_an_endless_response_that_is_replaced_holds_no_loop_and_is_told_to_stop() -> None:
    turns: list[int] = []

    async def sends(send: Send) -> None:
        await send({**START})
        loop = asyncio.get_running_loop()
        try:
            while True:
                loop.call_soon(turns.append, 1)
                before = len(turns)
                await send({**PIECE})
                # Whatever else the loop had to do was done meanwhile.
                assert len(turns) > before
        except OSError as error:
            told.append(str(error))
            raise

    told: list[str] = []
    response = await ask(sends)
    assert (response.status, len(response.messages)) == (503, 2)
    assert "stop sending" in told[0]


async def _bare(send: Send) -> None:
    await send({**START})
    while True:
        await send({**PIECE})


async def _in_a_group(send: Send) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_bare(send))


async def _wrapped(send: Send) -> None:
    try:
        await _in_a_group(send)
    except ExceptionGroup as error:
        raise RuntimeError("the response had started") from error


async def _as_a_disconnect(send: Send) -> None:
    try:
        await _bare(send)
    except OSError:
        raise WebSocketDisconnect  # noqa: B904 (as Starlette does)


@pytest.mark.parametrize("sends", [_bare, _in_a_group, _wrapped, _as_a_disconnect])
async def test_O01_what_send_raised_comes_back_unseen_by_the_server(sends: Any) -> None:
    assert (await ask(sends)).status == 503


async def _fails(send: Send) -> None:
    await send({**START})
    raise ValueError("its own")


async def _fails_while_told(send: Send) -> None:
    try:
        await _bare(send)
    except OSError:
        raise ValueError("its own")  # noqa: B904 (as a fault in a handler comes)


async def _fails_beside(send: Send) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_bare(send))
        group.create_task(_fails(send))


@pytest.mark.parametrize("sends", [_fails, _fails_while_told, _fails_beside])
async def test_an_exception_of_the_application_s_own_is_seen_after_a_503(sends: Any) -> None:
    with pytest.raises((ValueError, ExceptionGroup)):
        await ask(sends)


async def test_O01_a_websocket_that_was_refused_ends_as_well() -> None:
    async def sends(send: Send) -> None:
        await send({"type": "websocket.accept"})
        while True:
            await send({"type": "websocket.send", "text": "x"})

    response = await ask(sends, type="websocket")
    assert [message["type"] for message in response.messages] == ["websocket.close"]
