"""One worker process of the store bench: ``python -m benches.store_worker KIND ADDRESS ACTION SECONDS``, told by a line to begin.

It answers ``ready``, waits for a line, serves requests of ``CLIENTS`` clients for so long, and prints their times as JSON.
"""

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack, aclosing
from typing import Any, Final

from benches import cases
from benches.apps import SCOPE, App, app_of
from gingersnap import SessionMiddleware
from tests.stores.shipped_stores import open_store

CLIENTS: Final = 4
"""How many clients each worker serves at a time; each has a session of its own."""
ACTIONS: Final = {
    "read": (lambda scope: scope["session"].get("user"), {}),
    "changed": (lambda scope: scope["session"].update(seen=scope["count"]), {}),
    "rolling": (lambda scope: scope["session"].get("user"), {"rolling": True}),
}
STARSESSIONS: Final = "starsessions"


async def wrap(kind: str, address: str, app: App, rolling: bool, stack: AsyncExitStack) -> App:
    """Put the middleware of a contender around an application."""
    if kind != STARSESSIONS:
        store = await stack.enter_async_context(aclosing(open_store(kind, address)))
        return SessionMiddleware(app, keys=[cases.KEY.decode()], store=store, rolling=rolling)
    import redis.asyncio
    import starsessions
    from starsessions.stores.redis import RedisStore

    url, _, prefix = address.partition("#")
    client = await stack.enter_async_context(aclosing(redis.asyncio.from_url(url)))
    # Their README: autoload in place of load_session in each handler.
    autoload = starsessions.SessionAutoloadMiddleware(app)
    store = RedisStore(connection=client, prefix=prefix)
    return starsessions.SessionMiddleware(autoload, store=store, lifetime=86_400, rolling=rolling)


async def receive() -> dict[str, Any]:
    """Give an empty body."""
    return {"type": "http.request", "body": b"", "more_body": False}


class Client:
    """One client with one session."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._headers: list[cases.Header] = []
        self._count = 0
        self.times: list[float] = []

    async def _send(self, message: Any) -> None:
        if message.get("status", 200) != 200:
            raise RuntimeError(f"a request was answered with {message['status']}")
        lines = [value for name, value in message.get("headers", ()) if name.lower() == b"set-cookie"]
        if lines:
            self._headers = [(b"cookie", b"; ".join(line.partition(b";")[0] for line in lines))]

    @property
    def has_session(self) -> bool:
        """Whether it has been given a cookie."""
        return bool(self._headers)

    async def request(self) -> None:
        """Make one request and note how long it took."""
        self._count += 1
        begun = time.perf_counter()
        await self._app({**SCOPE, "headers": self._headers, "count": self._count}, receive, self._send)
        self.times.append(time.perf_counter() - begun)


async def main(kind: str, address: str, action: str, seconds: float) -> None:
    """Prepare, wait for the word, measure, report."""
    handler, options = ACTIONS[action]
    current: list[Any] = [lambda scope: scope["session"].update(cases.PAYLOAD)]
    async with AsyncExitStack() as stack:

        def handle(scope: Any) -> None:
            current[0](scope)

        app = await wrap(kind, address, app_of(handle), bool(options), stack)
        clients = [Client(app) for _ in range(CLIENTS)]
        for client in clients:
            await client.request()
        if not all(client.has_session for client in clients):
            raise RuntimeError("a client got no session")
        current[0] = handler
        for client in clients:
            for _ in range(50):
                await client.request()
            client.times.clear()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        end = time.perf_counter() + seconds

        async def serve(client: Client) -> None:
            while time.perf_counter() < end:
                await client.request()

        await asyncio.gather(*(serve(client) for client in clients))
    print(json.dumps([time for client in clients for time in client.times]))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])))
