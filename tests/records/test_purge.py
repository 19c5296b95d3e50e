"""The purge: expired records go in the background, in bounded batches, at no fixed time, and harm nobody."""

# Names bear the ids of requirements as they are written.

import asyncio
from typing import Any

import pytest

from gingersnap import SessionMiddleware
from gingersnap.records.purge import BATCH, Purge
from gingersnap.stores import MemoryStore, PlainStore
from tests.asgi import KEY, Clock, Sessions, app_of, request
from tests.stores.test_plain import Koa


class Purged(MemoryStore):
    """A real store that asks to be purged, and notes when it was."""

    purge_every: float = 0.002

    def __init__(self) -> None:
        self.clock = Clock()
        super().__init__(clock=self.clock)
        self.limits: list[int] = []
        self.faults: list[Exception] = []
        self.done = asyncio.Event()

    async def fill(self, count: int) -> None:
        for n in range(count):
            await self.create(f"key-{n}", b"{}", 1000)
        self.clock.now += 10

    async def purge(self, limit: int) -> int:
        self.limits.append(limit)
        if self.faults:
            raise self.faults.pop()
        purged = await super().purge(limit)
        if not self._entries:
            self.done.set()
        return purged


async def gone(store: Purged) -> None:
    """Wait until nothing is left, and the last round has ended."""
    await asyncio.wait_for(store.done.wait(), 30)
    await asyncio.sleep(0)


async def test_S06_a_round_removes_what_has_expired_batch_by_batch() -> None:
    store = Purged()
    await store.create("alive", b"{}", 60_000)
    await store.fill(2 * BATCH + 5)
    store.limits.clear()
    assert await Purge(store).once() == 2 * BATCH + 5
    assert (store.limits, list(store._entries)) == ([BATCH] * 3, ["alive"])


async def test_S06_others_have_their_turn_between_two_batches() -> None:
    store = Purged()
    await store.fill(3 * BATCH)
    left: list[int] = []

    async def watch() -> None:
        while store._entries:
            left.append(len(store._entries))
            await asyncio.sleep(0)

    await asyncio.gather(watch(), Purge(store).once())
    assert left == [3 * BATCH, 2 * BATCH, BATCH]


async def test_S06_an_exact_batch_is_followed_by_a_look_for_more() -> None:
    store = Purged()
    await store.fill(BATCH)
    store.limits.clear()
    assert await Purge(store).once() == BATCH
    assert len(store.limits) == 2


async def test_without_a_store_there_is_nothing_to_purge() -> None:
    purge = Purge(None)
    assert await purge.once() == 0
    purge.start()
    await purge.stop()


@pytest.mark.parametrize("store", [MemoryStore(), PlainStore(Koa()), None], ids=["memory", "plain", "none"])
async def test_a_store_that_asks_for_none_gets_none(store: Any) -> None:
    purge = Purge(store)
    purge.start()
    assert not purge._tasks


async def test_S06_it_goes_on_until_it_is_stopped() -> None:
    store = Purged()
    purge = Purge(store)
    purge.start()
    for _ in range(3):
        store.done.clear()
        await store.fill(10)
        await gone(store)
    await purge.stop()
    rounds = len(store.limits)
    await asyncio.sleep(0.02)
    assert len(store.limits) == rounds


async def test_starting_twice_is_starting_once() -> None:
    purge = Purge(Purged())
    purge.start()
    rounds = purge._tasks[asyncio.get_running_loop()]()
    purge.start()
    assert purge._tasks[asyncio.get_running_loop()]() is rounds
    await purge.stop()
    await purge.stop()
    purge.start()
    assert purge._tasks[asyncio.get_running_loop()]() is not rounds
    await purge.stop()


class Hasty(asyncio.SelectorEventLoop):
    """An event loop on which every wait is noted, and over at once."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def call_at(self, when: float, callback: Any, *args: Any, **named: Any) -> Any:
        now = self.time()
        self.waits.append(when - now)
        return super().call_at(now, callback, *args, **named)


def test_S06_the_processes_of_a_site_do_not_purge_together() -> None:
    async def serve() -> None:
        store = Purged()
        store.purge_every = 100.0
        purge = Purge(store)
        purge.start()
        while len(store.limits) < 100:  # noqa: ASYNC110 (there is no event for a round that finds nothing)
            await asyncio.sleep(0)
        await purge.stop()

    with asyncio.Runner(loop_factory=Hasty) as runner:
        runner.run(serve())
        waits = runner.get_loop().waits  # type: ignore[attr-defined]
    assert len(waits) >= 100
    assert all(49.9 <= seconds <= 150 for seconds in waits)
    # Drawn evenly: in 100 of them both thirds are met but for one time in 10^17.
    assert min(waits) < 83 < 117 < max(waits)


async def test_a_failure_is_told_and_the_next_round_comes(caplog: pytest.LogCaptureFixture) -> None:
    secret = "Zx9-marker-of-a-secret"
    store = Purged()
    store.faults = [OSError(secret), ValueError(secret)]
    await store.create("key", b"{}", 1000)
    store.clock.now += 10
    store.limits.clear()
    purge = Purge(store)
    purge.start()
    await gone(store)
    await purge.stop()
    assert [record.getMessage() for record in caplog.records] == [
        "expired sessions could not be purged: ValueError",
        "expired sessions could not be purged: OSError",
    ]
    assert secret not in caplog.text


async def test_S06_requests_alone_start_it() -> None:
    store = Purged()
    client = Sessions(store=store, max_age=1, clock=store.clock)
    await client.do(lambda s: s.update(n=1))
    assert len(store) == 1
    store.clock.now += 60
    await gone(store)
    assert len(store) == 0
    await client.browser.app._sessions.repository.purge.stop()  # type: ignore[attr-defined]


async def lifespan(app: Any, between: Any) -> list[str]:
    """Run an application from its start to its end."""
    sent: list[str] = []
    steps = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> Any:
        step = next(steps)
        if step == "lifespan.shutdown":
            await between()
        return {"type": step}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await app({"type": "lifespan"}, receive, send)
    return sent


async def served(scope: Any, receive: Any, send: Any) -> None:
    for _ in range(2):
        message = await receive()
        await send({"type": message["type"] + ".complete"})


async def test_S06_it_begins_and_ends_with_the_application() -> None:
    store = Purged()
    app = SessionMiddleware(served, keys=[KEY], store=store)

    async def between() -> None:
        store.done.clear()
        await store.fill(10)
        await gone(store)

    assert await lifespan(app, between) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert not app._sessions.repository.purge._tasks
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


def test_S06_on_another_event_loop_it_begins_again() -> None:
    store = None
    app: Any = None

    async def serve() -> bool:
        nonlocal store, app
        if store is None:
            store = Purged()
            app = SessionMiddleware(app_of(lambda scope: None), keys=[KEY], store=store)
        # An event of the loop that waits for it.
        store.done = asyncio.Event()
        await store.fill(10)
        await request(app)
        await gone(store)
        return True

    assert [asyncio.run(serve()) for _ in range(2)] == [True, True]


async def test_a_purge_that_hangs_holds_nobody_up() -> None:
    class Hanging(Purged):
        entered = False

        async def purge(self, limit: int) -> int:
            # What a create removes on its way is no round.
            if limit != BATCH:
                return 0
            self.entered = True
            self.done.set()
            await asyncio.Event().wait()
            return 0

    store = Hanging()
    client = Sessions(store=store)
    await client.do(lambda s: s.update(n=1))
    await gone(store)
    assert store.entered
    assert await client.data() == {"n": 1}
    await asyncio.wait_for(client.browser.app._sessions.stop(), 30)  # type: ignore[attr-defined]
