"""Remove expired records in the background, where the store's server does not: in bounded batches, at no fixed time."""

import asyncio
import contextlib
import logging
import random
import weakref
from collections.abc import Awaitable, Callable
from typing import Final

from ..errors import kind_of
from ..stores.plain import PlainStore
from ..stores.store import Store

logger = logging.getLogger("gingersnap")

BATCH: Final = 1000
"""How many records one call removes at most."""


class Purge:
    """The background work of one middleware, on each event loop that serves it."""

    def __init__(self, store: Store | PlainStore | None) -> None:
        self._store = store
        self._every_s: float | None = getattr(store, "purge_every", None)
        # Weak on both sides: rounds hold their loop, which would outlive its end in here.
        self._tasks: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[_Rounds]] = weakref.WeakKeyDictionary()

    def start(self) -> None:
        """Begin, unless it has begun on this event loop."""
        if self._every_s is None:
            return
        loop = asyncio.get_running_loop()
        rounds = self._tasks.get(loop)
        if rounds is None or rounds() is None:
            self._tasks[loop] = weakref.ref(_Rounds(self.once, self._every_s))

    async def stop(self) -> None:
        """End on this event loop; ``start`` may follow."""
        found = self._tasks.pop(asyncio.get_running_loop(), None)
        rounds = None if found is None else found()
        if rounds is not None:
            await rounds.stop()

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


class _Rounds:
    """The rounds on one event loop. Between two of them a timer of the loop alone holds this, and goes with the loop."""

    def __init__(self, once: Callable[[], Awaitable[int]], every_s: float) -> None:
        self._once = once
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None
        self._wait()

    async def stop(self) -> None:
        """End, in the middle of a round too."""
        self._timer.cancel()
        task = self._task
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _wait(self) -> None:
        # The processes of a site, started together, do not purge together.
        wait_s = random.uniform(0.5, 1.5) * self._every_s  # noqa: S311 (no secret)
        self._timer = asyncio.get_running_loop().call_later(wait_s, self._begin)

    def _begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            await self._once()
        except Exception as error:
            # A store is anybody's code; the next time may be better.
            logger.warning("expired sessions could not be purged: %s", kind_of(error))
        self._task = None
        self._wait()
