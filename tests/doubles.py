"""Real stores in memory that a test can look into, stop, or have fail: what they keep and answer is MemoryStore's."""

import asyncio
from collections.abc import Iterable
from typing import Any

from gingersnap.stores import MemoryStore

CALLS = ("load", "create", "replace", "move", "touch", "destroy")


class RecordingStore(MemoryStore):
    """Note each call and its keys. ``calls``: the calls in their order, a rolling load as ``load+roll``."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.calls: list[str] = []
        self.keys_asked: list[str] = []

    def noted(self) -> list[str]:
        """Return the calls since the last time."""
        calls, self.calls = self.calls, []
        return calls


class FailingStore(MemoryStore):
    """Fail calls, before or after they are carried out, or have them hang until ``released``.

    ``before``: the exception of each call that fails, while it is there. ``after``: exceptions of calls that are carried out
    first, one for each call. ``hang``: calls that wait; with ``answers`` they are carried out before they wait.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.before: dict[str, Exception] = {}
        self.after: dict[str, list[Exception]] = {}
        self.hang: set[str] = set()
        self.answers = False
        self.calls: list[str] = []
        self.hanging = asyncio.Event()
        self.released = asyncio.Event()

    def fail(self, *calls: str, error: Exception | None = None) -> None:
        """Have these calls fail from here on; all of them, where none is named."""
        self.before |= dict.fromkeys(calls or CALLS, error or OSError("down"))

    @property
    def down(self) -> bool:
        """Whether calls fail. Setting it has every load fail, or none and no other call."""
        return bool(self.before)

    @down.setter
    def down(self, down: bool) -> None:
        self.before.clear()
        if down:
            self.fail("load")


def failing(calls: Iterable[str]) -> FailingStore:
    """Make a store whose calls of these names fail."""
    store = FailingStore()
    store.fail(*calls)
    return store


def _recording(name: str) -> Any:
    async def call(self: RecordingStore, key: str, *given: Any, **named: Any) -> Any:
        self.calls.append(name + ("+roll" if named.get("roll") else ""))
        self.keys_asked += [key, given[0]] if name == "move" else [key]
        return await getattr(MemoryStore, name)(self, key, *given, **named)

    return call


def _failing(name: str) -> Any:
    async def call(self: FailingStore, *given: Any, **named: Any) -> Any:
        self.calls.append(name)
        hangs = name in self.hang
        if hangs and not self.answers:
            self.hanging.set()
            await self.released.wait()
        if name in self.before:
            raise self.before[name]
        answer = await getattr(MemoryStore, name)(self, *given, **named)
        if hangs and self.answers:
            self.hanging.set()
            await self.released.wait()
        if self.after.get(name):
            raise self.after[name].pop()
        return answer

    return call


for _name in CALLS:
    setattr(RecordingStore, _name, _recording(_name))
    setattr(FailingStore, _name, _failing(_name))
