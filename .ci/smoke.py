"""Try an installed wheel: one session, there and back, with nothing but the standard library.

Where GINGERSNAP_PURE=1 is not set, the native core has to be the one that answers.
"""

import asyncio
import os
import sys

import gingersnap
from gingersnap import SessionMiddleware, _core
from gingersnap.types import Message, Receive, Scope, Send

KEY = "a-key-for-this-try-al0ne-and-n0-0ther"


async def app(scope: Scope, _receive: Receive, send: Send) -> None:
    """Count the visits of a session."""
    scope["session"]["visits"] = scope["session"].get("visits", 0) + 1
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % scope["session"]["visits"]})


async def request(cookie: bytes) -> list[Message]:
    """Send one request, and give what came back."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "scheme": "https", "headers": [(b"cookie", cookie)]}
    await SessionMiddleware(app, keys=[KEY])(scope, receive, send)
    return sent


async def main() -> None:
    """Visit twice."""
    first = await request(b"")
    lines = [value for name, value in first[0]["headers"] if name == b"set-cookie"]
    second = await request(b"; ".join(line.split(b";")[0] for line in lines))
    bodies = [message["body"] for message in (first[1], second[1])]
    if bodies != [b"1", b"2"]:
        raise SystemExit(f"the session was lost: {bodies}")
    wanted = "pure" if os.environ.get("GINGERSNAP_PURE") == "1" or sys.implementation.name != "cpython" else "native"
    if wanted != _core.BACKEND:
        raise SystemExit(f"the {_core.BACKEND} core answered, not the {wanted} one")
    print(f"gingersnap {gingersnap.__version__}, {_core.BACKEND} core, {gingersnap.__file__}: ok")  # noqa: T201


asyncio.run(main())
