"""Remove expired records in the background, where the store's server does not: in bounded batches, at no fixed time."""

import asyncio
import contextlib
import logging
import random
import weakref
from typing import Final

from .stores.plain import PlainStore
from .stores.store import Store

logger = logging.getLogger("gingersnap")

BATCH: Final = 1000
"""How many records one call removes at most."""


class Purge:
    """The background work of one middleware, on each event loop that serves it."""

    def __init__(self, store: Store | PlainStore | None) -> None:
        self._store = store
        self._every_s: float | None = getattr(store, "purge_every", None)
        self._tasks: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[None]] = weakref.WeakKeyDictionary()

    def start(self) -> None:
        """Begin, unless it has begun on this event loop."""
        if self._every_s is None:
            return
        loop = asyncio.get_running_loop()
        if loop not in self._tasks:
            self._tasks[loop] = loop.create_task(self._run(self._every_s))

    async def stop(self) -> None:
        """End on this event loop; ``start`` may follow."""
        task = self._tasks.pop(asyncio.get_running_loop(), None)
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self, every_s: float) -> None:
        while True:
            # The processes of a site, started together, do not purge together.
            await asyncio.sleep(random.uniform(0.5, 1.5) * every_s)  # noqa: S311 (no secret)
            try:
                await self.once()
            except Exception as error:
                # A store is anybody's code; the next time may be better.
                logger.warning("expired sessions could not be purged: %s", type(error).__name__)

    async def once(self) -> int:
        """Remove what has expired, batch by batch, and tell how many."""
        total = 0
        while self._store is not None:
            purged = await self._store.purge(BATCH)
            total += purged
            if purged < BATCH:
                break
            await asyncio.sleep(0)
        return total
