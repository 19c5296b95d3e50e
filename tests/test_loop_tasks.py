"""One event loop's state is not another's: what served on one is neither waited for nor kept by the next."""

import asyncio
import gc
import logging
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gingersnap import SessionMiddleware
from gingersnap.loop_tasks import LoopTasks
from gingersnap.stores import MemoryStore, SQLAlchemyStore, SQLiteStore
from tests.asgi import KEY, app_of, request
from tests.records.test_purge import lifespan, served

LOOPS = 5

STORES: dict[str, Callable[[Path], Any]] = {
    "memory": lambda folder: MemoryStore(),
    "sqlite": lambda folder: SQLiteStore(folder / "sessions.sqlite3"),
    "sqlalchemy": lambda folder: SQLAlchemyStore(f"sqlite+aiosqlite:///{folder / 'sessions.db'}"),
}


class Slow(MemoryStore):
    """A store that makes a record only once it is let; it knows which loops wait."""

    prompt = False

    def __init__(self) -> None:
        super().__init__()
        self.waiting = threading.Semaphore(0)
        self.release: list[Callable[[], Any]] = []
        self.ended: list[bool] = []

    async def create(self, *given: Any, **named: Any) -> bool:
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        self.release.append(lambda: loop.call_soon_threadsafe(event.set))
        self.waiting.release()
        await event.wait()
        made = await super().create(*given, **named)
        self.ended.append(made)
        return made


def write(scope: Any) -> None:
    scope["session"]["n"] = 1


def site(store: Any, **options: Any) -> SessionMiddleware:
    return SessionMiddleware(app_of(write), keys=[KEY], store=store, store_timeout=30, **options)


def on_loops(serve: Callable[[], Any], cancel: bool) -> list["weakref.ref[asyncio.AbstractEventLoop]"]:
    """Run a coroutine on some event loops, one after the other; each is closed as asyncio.run does, or just so."""
    loops = []
    for _ in range(LOOPS):
        loop = asyncio.new_event_loop()
        loops.append(weakref.ref(loop))
        if cancel:
            with asyncio.Runner(loop_factory=lambda loop=loop: loop) as runner:
                runner.run(serve())
        else:
            loop.run_until_complete(serve())
            loop.close()
        del loop
    gc.collect()
    return loops


@pytest.mark.parametrize("cancel", [True, False], ids=["run", "closed"])
@pytest.mark.parametrize("kind", STORES)
def test_an_event_loop_that_served_requests_is_freed_once_it_is_closed(
    kind: str, cancel: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = STORES[kind](tmp_path)
    app = site(store, listeners={"created": listener})

    async def serve() -> None:
        await request(app)
        # The listener's turn.
        await asyncio.sleep(0.001)
        if kind == "sqlalchemy":
            await store.aclose()

    loops = on_loops(serve, cancel)
    assert [loop() for loop in loops if loop() is not None] == []
    assert caplog.text == ""


async def listener(event: Any) -> None:
    """Take a task of its own."""


def test_a_loop_that_was_closed_while_a_write_ran_is_freed_by_the_next_write() -> None:
    store = Slow()
    app = site(store)

    async def begin() -> None:
        task = asyncio.ensure_future(request(app))
        await asyncio.to_thread(store.waiting.acquire)
        task.cancel()
        await asyncio.wait([task])

    loops = on_loops(begin, cancel=False)
    store.release.clear()

    async def serve() -> None:
        task = asyncio.ensure_future(request(app))
        await asyncio.to_thread(store.waiting.acquire)
        store.release.pop()()
        await task

    asyncio.run(serve())
    gc.collect()
    assert [loop() for loop in loops if loop() is not None] == []


async def shut_down(app: SessionMiddleware) -> list[str]:
    async def nothing() -> None:
        pass

    app.app = served
    return await asyncio.wait_for(lifespan(app, nothing), 30)


DONE = ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.fixture
def unfinished_writes() -> Iterator[None]:
    """Drop the writes of closed loops after the test: they never end, and asyncio logs that as they go."""
    yield
    logger = logging.getLogger("asyncio")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    gc.collect()
    logger.setLevel(level)


@pytest.mark.usefixtures("unfinished_writes")
def test_a_shutdown_does_not_wait_for_a_loop_that_is_closed() -> None:
    store = Slow()
    app = site(store)

    async def begin() -> None:
        task = asyncio.ensure_future(request(app))
        await asyncio.to_thread(store.waiting.acquire)
        task.cancel()
        await asyncio.wait([task])

    on_loops(begin, cancel=False)
    assert asyncio.run(shut_down(app)) == DONE


def test_a_shutdown_waits_for_the_writes_of_its_own_loop_alone() -> None:
    store = Slow()
    app = site(store)
    other = threading.Thread(target=lambda: asyncio.run(request(app)))
    other.start()
    store.waiting.acquire()

    async def mine() -> tuple[list[str], list[bool]]:
        task = asyncio.ensure_future(request(app))
        await asyncio.to_thread(store.waiting.acquire)
        task.cancel()
        await asyncio.wait([task])
        asyncio.get_running_loop().call_later(0.01, store.release[1])
        return await shut_down(app), [*store.ended]

    # Its own write has ended, though its request was cancelled; the other loop's goes on.
    assert asyncio.run(mine()) == (DONE, [True])
    store.release[0]()
    other.join()
    assert store.ended == [True, True]


async def test_a_task_is_held_until_it_is_done_and_no_longer() -> None:
    tasks, told = LoopTasks(), []

    async def work() -> int:
        await asyncio.sleep(0)
        return 1

    task = tasks.begin(work(), told.append)
    assert tasks.here() == [task]
    await task
    await asyncio.sleep(0)
    assert (tasks.here(), dict(tasks), told) == ([], {}, [task])
