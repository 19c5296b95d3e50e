"""Hold background tasks, for each event loop separately."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class LoopTasks(dict[asyncio.AbstractEventLoop, set[asyncio.Task[Any]]]):
    """The running tasks of each event loop: asyncio may collect a task that nothing refers to before it is done.

    A task refers to its loop. Tasks of closed loops never end; they are dropped when another loop starts its first task.
    """

    def begin(self, work: Coroutine[Any, Any, T], done: Callable[[asyncio.Task[T]], None] | None = None) -> asyncio.Task[T]:
        """Start a task on the running loop; ``done`` is called with the task when it ends.

        Raises: RuntimeError if no asyncio loop runs.
        """
        loop = asyncio.get_running_loop()
        task = loop.create_task(work)
        tasks = self.get(loop)
        if tasks is None:
            self.drop_closed()
            tasks = self[loop] = set()
        tasks.add(task)
        task.add_done_callback(self._forget)
        if done is not None:
            task.add_done_callback(done)
        return task

    def here(self) -> list[asyncio.Task[Any]]:
        """Return the running loop's tasks."""
        return [*self.get(asyncio.get_running_loop(), ())]

    def drop_closed(self) -> None:
        """Drop the tasks of closed loops."""
        for loop in [*self]:
            if loop.is_closed():
                self.pop(loop, None)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        loop = task.get_loop()
        tasks = self.get(loop)
        if tasks is not None:
            tasks.discard(task)
            if not tasks:
                self.pop(loop, None)
