"""Locks for the writers of one process, for stores that cannot compare and swap, and the warning of what they do not prevent."""

import asyncio
import logging
import weakref
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeAlias

logger = logging.getLogger("gingersnap")

_Locks: TypeAlias = "weakref.WeakValueDictionary[str, asyncio.Lock]"

_warned: set[str] = set()


class KeyLocks:
    """One lock for each key that is being written, on each event loop, whichever store of a kind writes it."""

    def __init__(self) -> None:
        # By the loop itself: the `id` of one that is closed comes again.
        self._loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Locks] = weakref.WeakKeyDictionary()

    def __len__(self) -> int:
        return sum(len(locks) for locks in self._loops.values())

    def of(self, key: str) -> asyncio.Lock:
        """Return the lock of a key; it is forgotten with its last holder."""
        locks = self._here()
        lock = locks.get(key)
        if lock is None:
            lock = locks[key] = asyncio.Lock()
        return lock

    @asynccontextmanager
    async def taken(self, *keys: str) -> AsyncIterator[None]:
        """Keep others of this event loop from writing these keys."""
        async with AsyncExitStack() as stack:
            # In one order, so that no two wait for each other.
            for key in sorted({*keys}):
                await stack.enter_async_context(self.of(key))
            yield

    async def settled(self, key: str) -> None:
        """Wait while another call writes that key: a reader sees a session that moves once."""
        lock = self._here().get(key)
        if lock is not None:
            async with lock:
                pass

    def _here(self) -> _Locks:
        return self._loops.setdefault(asyncio.get_running_loop(), weakref.WeakValueDictionary())


def warn_once(kind: str) -> None:
    """Warn once for each kind of store that it cannot compare and swap."""
    if kind not in _warned:
        _warned.add(kind)
        logger.warning("the session store %s cannot compare and swap: several processes may lose writes, and undo a logout", kind)
