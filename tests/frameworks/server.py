"""A real server on a free loopback port, for as long as a test needs it."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Literal

import uvicorn

from gingersnap.types import ASGIApp


@contextlib.contextmanager
def serve(app: ASGIApp, lifespan: Literal["on", "off"] = "off") -> Iterator[str]:
    """Serve ``app`` from a thread; gives host and port."""
    # asyncio turns Nagle's algorithm off for sockets that say TCP: without that each answer waits 40 ms for an ACK.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    started = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            started.set()

    config = uvicorn.Config(app, log_level="warning", ws="websockets-sansio", lifespan=lifespan)
    server = Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        assert started.wait(20)
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
