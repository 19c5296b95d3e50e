"""Run a coroutine at once as far as it waits for nothing, and what is left of it as a task of its own."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


async def run_or_detach(work: Coroutine[Any, Any, T], begin: Callable[[Coroutine[Any, Any, T]], "asyncio.Task[T]"]) -> T:
    """Return what a coroutine returns; once it has begun, a cancelled caller does not end it.

    A coroutine that never waits costs no task. From its first wait on it is the task that ``begin`` makes.
    """
    try:
        waiting = work.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    return await asyncio.shield(begin(_rest(work, waiting)))


async def _rest(work: Coroutine[Any, Any, T], waiting: Any) -> T:
    return await _Rest(work, waiting)


class _Rest(Generic[T]):
    """A coroutine that was begun elsewhere, with what it waits for."""

    def __init__(self, work: Coroutine[Any, Any, T], waiting: Any) -> None:
        self._work = work
        self._waiting = waiting

    def __await__(self) -> Generator[Any, Any, T]:
        work, waiting = self._work, self._waiting
        try:
            while True:
                try:
                    sent = yield waiting
                except BaseException as error:
                    waiting = work.throw(error)
                else:
                    waiting = work.send(sent)
        except StopIteration as done:
            value: T = done.value
            return value
