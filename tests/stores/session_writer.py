"""One process of several that write the same session: ``python -m tests.stores.session_writer KIND ADDRESS JAR WRITES NUMBER``."""

import asyncio
import json
import sys
import time
from collections import Counter
from contextlib import aclosing
from typing import Any

from gingersnap import SessionMiddleware
from tests.asgi import KEY, Browser, app_of
from tests.stores.shipped_stores import open_store
from tests.stores.store_contents import counted

PATIENCE_S = 30
"""Time enough for a store that is well, on a machine that is busy: what is refused here is refused for what others wrote."""


async def main(name: str, address: str, jar: str, writes: int, number: int) -> None:
    """Write one key in each request; a request that got 503 is made again, as its Retry-After asks for."""
    slowest_ms, most_tries = 0.0, 0
    began: list[float] = []
    statuses: Counter[int] = Counter()
    refused: Counter[str] = Counter()

    def note(scope: Any, error: Exception) -> str:
        refused[type(error).__name__] += 1
        return "unavailable"

    def write_key(scope: Any) -> None:
        scope["session"][scope["write"]] = 1

    def timed(app: Any) -> Any:
        """Note how long a save takes: from the hook before it to the response that waits for it."""

        async def outer(scope: Any, receive: Any, send: Any) -> None:
            async def note_start(message: Any) -> None:
                if message["type"] == "http.response.start":
                    scope["took_ms"].append((time.perf_counter() - began.pop()) * 1000)
                await send(message)

            await app(scope, receive, note_start)

        return outer

    async with aclosing(open_store(name, address)) as store:
        calls = counted(store)
        options: dict[str, Any] = {"keys": [KEY], "store": store, "on_store_error": note, "store_timeout": PATIENCE_S}
        options["before_save"] = lambda scope, session: began.append(time.perf_counter())
        browser = Browser(timed(SessionMiddleware(app_of(write_key), **options)))
        browser.jar = json.loads(jar)
        for write in range(writes):
            while True:
                took_ms: list[float] = []
                calls.clear()
                status = (await browser.get(write=f"w{number}.{write}", took_ms=took_ms)).status
                most_tries = max(most_tries, calls["replace"])
                statuses[status] += 1
                if status == 200:
                    slowest_ms = max(slowest_ms, *took_ms)
                    break
                assert status == 503
    print(json.dumps({"slowest_ms": slowest_ms, "most_tries": most_tries, "answers": statuses, "refused": refused}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
