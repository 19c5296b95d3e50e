"""One process of several that write the same session: ``python -m tests.stores.session_writer KIND ADDRESS JAR WRITES NUMBER``."""

import asyncio
import json
import sys
import time
from contextlib import aclosing

from gingersnap import SessionMiddleware
from tests.asgi import KEY, Browser, app_of
from tests.stores.kinds import open_store


async def main(name: str, address: str, jar: str, writes: int, number: int) -> None:
    """Write one key in each request; a request that got 503 is made again, as its Retry-After asks for."""
    slowest_ms, refused = 0.0, 0
    async with aclosing(open_store(name, address)) as store:
        app = SessionMiddleware(app_of(lambda scope: scope["session"].__setitem__(scope["write"], 1)), keys=[KEY], store=store)
        browser = Browser(app)
        browser.jar = json.loads(jar)
        for write in range(writes):
            while True:
                begun = time.perf_counter()
                response = await browser.get(write=f"w{number}.{write}")
                if response.status == 200:
                    slowest_ms = max(slowest_ms, (time.perf_counter() - begun) * 1000)
                    break
                refused += 1
    print(json.dumps({"slowest_ms": slowest_ms, "refused": refused}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
