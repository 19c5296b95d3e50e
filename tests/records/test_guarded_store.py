"""The gate: every call to a store has its time, fails in one way, and is spared where the store is down."""

# Names bear the ids of requirements as they are written.

import asyncio
import logging
import time
from typing import Any

import pytest

from gingersnap import Event, SessionOptions, SessionUnavailable
from gingersnap.records.circuit_breaker import FAILURES, OPEN_S
from gingersnap.records.guarded_store import GuardedStore
from gingersnap.stores import MemoryStore
from tests.asgi import KEY, Sessions
from tests.doubles import FailingStore

SECRET = "Zx9-marker-of-a-secret"
FAR = 1e12


def gate_of(*, prompt: bool = False, **given: Any) -> tuple[GuardedStore, list[Event]]:
    events: list[Event] = []
    listeners = {"store_error": events.append, "store_recovered": events.append}
    return GuardedStore(SessionOptions(keys=[KEY], store=MemoryStore(), listeners=listeners, **given), prompt=prompt), events


async def answer() -> str:
    return "answer"


async def fail() -> str:
    raise OSError(SECRET)


async def hang() -> str:
    await asyncio.Event().wait()
    return "never"


async def failed(gate: GuardedStore, ask: Any = fail, deadline: float = FAR) -> SessionUnavailable:
    with pytest.raises(SessionUnavailable) as caught:
        await gate.call("load", deadline, ask, {})
    return caught.value


@pytest.mark.parametrize("prompt", [False, True])
async def test_an_answer_comes_through_as_it_is(prompt: bool) -> None:
    gate, events = gate_of(prompt=prompt)
    assert await gate.call("load", FAR, answer, {}) == "answer"
    assert events == []


@pytest.mark.parametrize(
    "error",
    [OSError(SECRET), TimeoutError(SECRET), TypeError(SECRET), KeyError(SECRET), Exception(), ExceptionGroup("g", [OSError()])],
)
async def test_O01_whatever_a_store_raises_is_one_error_with_its_cause(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    async def raising() -> None:
        raise error

    gate, events = gate_of()
    raised = await failed(gate, raising)
    await asyncio.sleep(0)
    assert (raised.__cause__, raised.call, raised.retry_after, raised.status_code) == (error, "load", 1, 503)
    assert [(event.name, event.detail) for event in events] == [("store_error", f"load: {type(error).__name__}")]
    told = f"the session store could not load a session: {type(error).__name__}"
    assert [record.getMessage() for record in caplog.records] == [told]
    assert str(raised) == f"{told}; try again in 1 s"
    assert SECRET not in caplog.text + str(raised) + repr(raised) + repr(events)


async def test_O01_a_call_that_takes_too_long_is_cut_off() -> None:
    gate, _ = gate_of()
    ended: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    raised = await failed(gate, slow, asyncio.get_running_loop().time() + 0.01)
    assert isinstance(raised.__cause__, TimeoutError)
    assert ended == ["cancelled"]


async def test_O01_a_time_that_is_over_lets_nothing_wait() -> None:
    gate, _ = gate_of()
    assert isinstance((await failed(gate, hang, 0.0)).__cause__, TimeoutError)


@pytest.mark.parametrize("prompt", [False, True])
async def test_O04_after_five_failures_the_store_is_left_alone(prompt: bool) -> None:
    gate, events = gate_of(prompt=prompt)
    asked: list[int] = []

    async def counting() -> None:
        asked.append(1)
        raise OSError

    for _ in range(FAILURES):
        assert (await failed(gate, counting)).__cause__ is not None
    for _ in range(100):
        spared = await failed(gate, counting)
        assert spared.__cause__ is None
        assert 4 <= spared.retry_after <= 6
    await asyncio.sleep(0)
    assert (len(asked), len(events)) == (FAILURES, FAILURES)


async def test_O04_without_a_breaker_the_store_is_asked_every_time() -> None:
    gate, events = gate_of(store_breaker=False)
    for _ in range(50):
        assert (await failed(gate)).__cause__ is not None
    assert await gate.call("load", FAR, answer, {}) == "answer"
    await asyncio.sleep(0)
    assert {event.name for event in events} == {"store_error"}


def pass_time(gate: GuardedStore) -> None:
    """Let the time go by for which a breaker is open."""
    gate._breaker._until = time.monotonic() - 1  # type: ignore[union-attr]


async def opened(**given: Any) -> tuple[GuardedStore, list[Event]]:
    gate, events = gate_of(**given)
    for _ in range(FAILURES):
        await failed(gate)
    assert (await failed(gate)).__cause__ is None
    await asyncio.sleep(0)
    events.clear()
    return gate, events


async def test_O04_it_recovers_by_one_probe_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    gate, events = await opened()
    pass_time(gate)
    caplog.clear()
    release = asyncio.Event()

    async def probe() -> str:
        await release.wait()
        return "answer"

    probing = asyncio.create_task(gate.call("load", FAR, probe, {"path": "/"}))
    await asyncio.sleep(0)
    for _ in range(3):
        waiting = await failed(gate, answer)
        assert (waiting.__cause__, waiting.retry_after) == (None, OPEN_S)
    release.set()
    assert await probing == "answer"
    assert await gate.call("load", FAR, answer, {}) == "answer"
    await asyncio.sleep(0)
    assert [(event.name, event.detail, event.scope) for event in events] == [("store_recovered", "load", {"path": "/"})]
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, "the session store answers again")
    ]


async def test_O04_a_probe_that_fails_or_hangs_opens_it_again() -> None:
    for probe in (fail, hang):
        gate, _ = await opened()
        pass_time(gate)
        assert (await failed(gate, probe, asyncio.get_running_loop().time() + 0.01)).__cause__ is not None
        assert (await failed(gate, answer)).__cause__ is None


async def test_O04_a_probe_whose_request_was_cancelled_holds_nobody_back() -> None:
    gate, _ = await opened()
    pass_time(gate)
    probing = asyncio.create_task(gate.call("load", FAR, hang, {}))
    await asyncio.sleep(0)
    probing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probing
    assert await gate.call("load", FAR, answer, {}) == "answer"


async def test_O04_a_probe_whose_coroutine_was_closed_holds_nobody_back() -> None:
    # As where its event loop ended, and the next one serves the same application.
    gate, _ = await opened()
    pass_time(gate)

    class Pause:
        def __await__(self) -> Any:
            yield

    async def suspended() -> None:
        await Pause()

    probing = gate.call("load", FAR, suspended, {})
    probing.send(None)
    probing.close()
    assert await gate.call("load", FAR, answer, {}) == "answer"


async def test_a_cancelled_call_is_no_failure() -> None:
    gate, events = gate_of()
    for _ in range(3 * FAILURES):
        task = asyncio.create_task(gate.call("load", FAR, hang, {}))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await gate.call("load", FAR, answer, {}) == "answer"
    assert events == []


async def test_O04_an_outage_from_its_begin_to_its_end() -> None:
    store = FailingStore()
    client = Sessions(store=store)
    await client.do(lambda s: s.update(n=1))
    assert await client.data() == {"n": 1}
    jar = dict(client.jar)
    store.down = True
    store.calls.clear()
    waits = []
    for _ in range(50):
        response = await client.do(lambda s: s.get("n"))
        assert (response.status, response.cookies) == (503, [])
        waits.append(response.get("retry-after"))
    # Who asks is told when to come again: at once where the store was tried, later where it is spared.
    assert waits[:FAILURES] == ["1"] * FAILURES
    assert set(waits[FAILURES:]) <= {"5", "6"}
    # The first of them twice: it might have been the connection alone.
    assert store.calls.count("load") == FAILURES + 1
    # Routes that do not look at the session are served as ever.
    assert (await client.do(lambda s: None)).status == 200
    store.down = False
    assert (await client.do(lambda s: s.get("n"))).status == 503
    pass_time(client.browser.app._sessions.repository.guard)  # type: ignore[attr-defined]
    assert await client.data() == {"n": 1}
    assert client.jar == jar


async def test_O04_a_new_client_is_served_while_the_store_is_down_as_long_as_it_stores_nothing() -> None:
    store = FailingStore()
    client = Sessions(store=store)
    store.down = True
    for _ in range(2 * FAILURES):
        assert (await client.do(lambda s: s.get("n"))).status == 200
    assert store.calls.count("load") == 0
