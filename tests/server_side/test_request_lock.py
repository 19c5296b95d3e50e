"""One load or commit at a time: what is asked meanwhile is applied after it, in its order."""

import asyncio

import pytest

from gingersnap.server_side.request_lock import RequestLock


async def test_a_change_is_applied_at_once_while_nothing_is_under_way() -> None:
    lock, seen = RequestLock(), []
    lock.apply_or_queue(lambda: seen.append(1), replaces=True)
    assert seen == [1]
    assert not lock.busy
    assert not lock.replaced_meanwhile


async def test_changes_are_queued_until_the_end_and_keep_their_order() -> None:
    lock, seen = RequestLock(), []
    async with lock.exclusive():
        assert lock.busy
        lock.apply_or_queue(lambda: seen.append(1))
        lock.apply_or_queue(lambda: seen.append(2))
        assert seen == []
    assert seen == [1, 2]
    assert not lock.busy


async def test_a_change_that_replaces_is_known_until_the_end() -> None:
    lock = RequestLock()
    async with lock.exclusive():
        lock.apply_or_queue(lambda: None)
        assert not lock.replaced_meanwhile
        lock.apply_or_queue(lambda: None, replaces=True)
        lock.apply_or_queue(lambda: None)
        assert lock.replaced_meanwhile
    assert not lock.replaced_meanwhile


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError])
async def test_changes_are_applied_though_the_work_failed(error: type[BaseException]) -> None:
    lock, seen = RequestLock(), []

    async def fail() -> None:
        async with lock.exclusive():
            lock.apply_or_queue(lambda: seen.append(1), replaces=True)
            raise error

    with pytest.raises(error):
        await fail()
    assert seen == [1]
    assert not lock.busy
    assert not lock.replaced_meanwhile


async def test_one_holder_at_a_time_and_changes_come_between_two() -> None:
    lock, seen = RequestLock(), []

    async def hold(name: str) -> None:
        async with lock.exclusive():
            seen.append(f"{name} in")
            await asyncio.sleep(0)
            lock.apply_or_queue(lambda: seen.append(f"{name} asked"))
            seen.append(f"{name} out")

    await asyncio.gather(hold("a"), hold("b"))
    assert seen == ["a in", "a out", "a asked", "b in", "b out", "b asked"]


async def test_who_waits_goes_on_once_the_work_has_ended() -> None:
    lock, seen = RequestLock(), []
    await lock.wait_idle()

    async def work() -> None:
        async with lock.exclusive():
            await asyncio.sleep(0)
            seen.append("work")

    async def wait() -> None:
        await asyncio.sleep(0)
        await lock.wait_idle()
        seen.append("waited")

    await asyncio.gather(work(), wait())
    assert seen == ["work", "waited"]
