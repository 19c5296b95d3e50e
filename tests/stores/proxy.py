"""A TCP proxy before a real server, which fails on purpose: the outages of the tests, in a thread and an event loop of its own."""

import asyncio
import socket
import struct
import threading
from typing import Literal, Self, get_args

Mode = Literal["pass", "refuse", "reset", "hang", "half", "drop", "slow"]

CHUNK_BYTES = 1 << 18


class Proxy:
    """Stand before ``server``, a host and a port, from ``with`` on; blocking and asyncio tests alike may steer it from any thread.

    ``mode`` holds from the moment that its assignment returns:

    - ``pass``: passes all on.
    - ``refuse``: nobody listens, and open connections are closed; another mode listens on the same port again.
    - ``reset``: open connections and new ones get an RST.
    - ``hang``: accepts and reads; passes nothing on and answers nothing. A connection that lost octets so never works again.
    - ``half``: passes a request on, then the first half of the reply (1 octet at least), and closes.
    - ``drop``: passes a request on, waits until the server has done it, and closes without a reply.
    - ``slow``: waits ``delay`` seconds before each reply.

    A request is a chunk of octets from a client: a login and a prepared statement's parts count too, so connect and warm up first.
    A reply is the chunk after it; the mode that its request met settles what becomes of it. What a server says unasked, as MySQL's
    greeting, ``half`` and ``drop`` let pass.

    ``connections`` and ``requests`` count what came, whatever became of it; ``bytes`` counts what both sides sent.
    """

    host = "127.0.0.1"

    def __init__(self, server: tuple[str, int], *, delay: float = 0.1) -> None:
        self.server = server
        self.delay = delay
        self.connections = self.requests = self.bytes = 0
        self._mode: Mode = "pass"
        self._planned: dict[int, Mode] = {}
        self._links: dict[asyncio.Task[None], _Link] = {}
        self._listener: socket.socket | None = None

    def __enter__(self) -> Self:
        # Bound but never listening, it keeps the port ours while nobody listens: no other socket may be given it meanwhile.
        self._holder = _bound(self.host, 0)
        self.port: int = self._holder.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self.mode = "pass"
        return self

    def __exit__(self, *_: object) -> None:
        self.mode = "refuse"
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._holder.close()

    @property
    def mode(self) -> Mode:
        """What happens to requests and connections now."""
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        if mode not in get_args(Mode):
            raise ValueError(f"no such mode: {mode!r}")
        asyncio.run_coroutine_threadsafe(self._switch(mode), self._loop).result()

    def next(self, mode: Mode) -> None:
        """Treat the next request so, whatever the mode, and only that one."""
        self.after(0, mode)

    def after(self, n: int, mode: Mode) -> None:
        """Treat one request so, once ``n`` others have come. Raises: ValueError for ``refuse``, which no request can meet."""
        if mode not in get_args(Mode) or mode == "refuse":
            raise ValueError(f"no mode of a request: {mode!r}")
        self._planned[self.requests + n + 1] = mode

    async def _switch(self, mode: Mode) -> None:
        self._mode = mode
        if mode == "refuse" and self._listener:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        elif mode != "refuse" and not self._listener:
            self._listener = _bound(self.host, self.port)
            self._listener.listen()
            self._loop.add_reader(self._listener, self._accept, self._listener)
        if mode in ("refuse", "reset"):
            await self._end_links(reset=mode == "reset")

    async def _end_links(self, *, reset: bool) -> None:
        links = dict(self._links)
        for task, link in links.items():
            if reset:
                link.reset()
            task.cancel()
        await asyncio.gather(*links, return_exceptions=True)

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        self.connections += 1
        link = _Link(self, client)
        task = self._loop.create_task(link.run())
        self._links[task] = link
        # Here and not in the task: one that is cancelled before its first step would leave its sockets open.
        task.add_done_callback(lambda task: self._links.pop(task).close())

    def _fate(self, pending: Mode | None) -> Mode:
        """Say what becomes of the request that has just come. A request in several chunks keeps the fault of an earlier one."""
        self.requests += 1
        planned = self._planned.pop(self.requests, None)
        return planned or (self._mode if pending in (None, "pass") else pending)


class _Over(Exception):  # noqa: N818 (an end, not an error)
    """Ends both directions of a link."""


class _Link:
    """A client's connection, and the one to the server that belongs to it."""

    def __init__(self, proxy: Proxy, client: socket.socket) -> None:
        self._proxy, self._client, self._loop = proxy, client, proxy._loop
        self._server = socket.socket()
        # What becomes of the reply that is due; None where none is.
        self._fault: Mode | None = None
        self._hung = proxy.mode == "hang"

    async def run(self) -> None:
        """Pass both ways until one ends."""
        try:
            for end in (self._client, self._server):
                end.setblocking(False)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._proxy.mode == "reset":
                return self.reset()
            async with asyncio.TaskGroup() as ways:
                if not self._hung:
                    await self._loop.sock_connect(self._server, self._proxy.server)
                    ways.create_task(self._replies())
                ways.create_task(self._requests())
        except* (OSError, _Over):
            pass

    def reset(self) -> None:
        """Let the client's connection close with an RST, and lose what it has not sent."""
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close(self) -> None:
        """Close both connections."""
        self._client.close()
        self._server.close()

    async def _requests(self) -> None:
        while data := await self._loop.sock_recv(self._client, CHUNK_BYTES):
            self._proxy.bytes += len(data)
            self._fault = self._proxy._fate(self._fault)
            if self._fault == "reset":
                self.reset()
                raise _Over
            self._hung = self._hung or self._fault == "hang"
            if not self._hung:
                await self._loop.sock_sendall(self._server, data)
        # The server closes in turn, and that ends the link; one that was never connected raises here, which ends it too.
        self._server.shutdown(socket.SHUT_WR)

    async def _replies(self) -> None:
        while data := await self._loop.sock_recv(self._server, CHUNK_BYTES):
            self._proxy.bytes += len(data)
            fault, self._fault = self._fault, None
            if fault == "slow" or (fault is None and self._proxy.mode == "slow"):
                await asyncio.sleep(self._proxy.delay)
            if fault == "drop":
                # No request comes after this one: a server that closes now has finished it, its commit too.
                self._server.shutdown(socket.SHUT_WR)
            self._hung = self._hung or fault == "drop" or self._proxy.mode == "hang"
            if not self._hung:
                sent = data[: max(1, len(data) // 2)] if fault == "half" else data
                await self._loop.sock_sendall(self._client, sent)
                if fault == "half":
                    raise _Over
        raise _Over


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    bound.setblocking(False)
    return bound
