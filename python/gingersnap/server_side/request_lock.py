"""One load or commit of a session at a time; what the application asks for meanwhile is applied after it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class RequestLock:
    """The lock of one request's session."""

    replaced_meanwhile = False
    """Whether what is queued ends the session, or puts other data into it."""
    # Made once it is needed: most requests neither load twice nor commit.
    _lock: asyncio.Lock | None = None

    def __init__(self) -> None:
        self._queued: list[Callable[[], None]] = []

    @property
    def busy(self) -> bool:
        """Whether a load or a commit is under way."""
        return self._lock is not None and self._lock.locked()

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[None]:
        """Hold the session, so that what other tasks of the request ask for meanwhile is neither lost nor mixed up."""
        if self._lock is None:
            self._lock = asyncio.Lock()
        async with self._lock:
            try:
                yield
            finally:
                queued, self._queued, self.replaced_meanwhile = self._queued, [], False
                for change in queued:
                    change()

    def apply_or_queue(self, change: Callable[[], None], *, replaces: bool = False) -> None:
        """Apply a change, or queue it until the load or commit that is under way has ended.

        ``replaces``: it ends the session, or puts other data into it.
        """
        if not self.busy:
            change()
            return
        if replaces:
            self.replaced_meanwhile = True
        self._queued.append(change)

    async def wait_idle(self) -> None:
        """Wait for what is under way, so that it is known what became of it."""
        if self._lock is not None and self._lock.locked():
            async with self._lock:
                pass
