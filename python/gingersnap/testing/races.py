"""The promises that hold for every interleaving of several requests' calls."""

# ruff: noqa: N802 -- tests bear the ids of what they prove.

import asyncio
import json
import random
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from ..stores.store import Conflict, Gone, OwnerIndex, Record, Saved, Store, Taken
from .suite import LONG, SHORT, Suite, absent, answered, check, kept, made, new_key, new_keys, same, text, with_store


async def a_while(turns: int) -> None:
    """Yield to other tasks for a random number of turns of the event loop, fewer than that."""
    for _ in range(random.randrange(turns)):  # noqa: S311
        await asyncio.sleep(0)


async def together(*calls: Coroutine[Any, Any, Any]) -> list[Any]:
    """Run calls at the same time, begun in any order and a little apart; give the answers in the order of the calls."""

    async def begun(call: Coroutine[Any, Any, Any]) -> Any:
        await a_while(2 * len(calls))
        return await call

    # Stores that answer without waiting for anything run in the order in which they are begun: each order has its turn.
    answers = await asyncio.gather(*map(begun, calls), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return answers


class Races(Suite):
    """Calls that meet on one record, from one store and from another over the same data."""

    @asynccontextmanager
    async def _both(self, store: Store) -> AsyncIterator[tuple[Any, Any]]:
        if not self.atomic:
            pytest.skip("this store says that it is not atomic")
        async with self.other(store) as other:
            yield store, other

    @with_store
    async def test_N01_a_destroyed_session_never_comes_back(self, store: Store) -> None:
        async with self._both(store) as (a, b):
            for _ in range(self.races):
                key = new_key()
                version = (await made(a, key)).version
                late = a.replace(key, text(late=1), LONG, version=version)
                replaced, destroyed, *_ = await together(late, b.destroy(key), a.touch(key, 2 * LONG), b.load(key, roll=True))
                same(
                    destroyed, True, "destroy answers True where there was a live record, even if another request writes meanwhile"
                )
                await absent(b, key, "once destroy has answered, the session is not there, even if another request wrote meanwhile")
                if isinstance(replaced, Saved):
                    version = replaced.version
                answered(await a.replace(key, text(late=2), LONG, version=version), Gone, "replace after destroy")

    @with_store
    async def test_S03_of_several_creates_one_wins(self, store: Store) -> None:
        async with self._both(store) as (a, b):
            for turn in range(max(2, self.races // 10)):
                key, stores = new_key(), [a, b] * 4
                if turn % 2:
                    await a.create(key, text(old=1), 1)
                    await self.wait(SHORT)
                made_it = await together(*(each.create(key, text(n=n), LONG) for n, each in enumerate(stores)))
                same(sorted(made_it), [False] * 7 + [True], "of several creates of one key, exactly one answers True")
                await kept(a, key, text(n=made_it.index(True)), "what is there is of the create that answered True")

    @with_store
    async def test_N02_no_write_is_lost(self, store: Store) -> None:
        async with self._both(store) as (a, b):
            key = new_key()
            await made(a, key)
            await together(*(self._counts((a, b)[n % 2], key, f"writer{n}") for n in range(self.writers)))
            record = answered(await a.load(key), Record, "load of a live record")
            expected = {f"writer{n}": self.writes for n in range(self.writers)}
            same(json.loads(record.value), expected, "each write that answered Saved is there, whatever other requests wrote")

    async def _counts(self, store: Store, key: str, name: str) -> None:
        """Count up a member of one's own, as often as ``writes`` says, and keep what others wrote."""
        current: Any = answered(await store.load(key), Record, "load of a live record")
        for _ in range(self.writes):
            while True:
                data = json.loads(current.value)
                data[name] = data.get(name, 0) + 1
                # What a request does between its load and its save; a store that waits for nothing lets others in here.
                await a_while(3)
                answer = await store.replace(key, text(**data), LONG, version=current.version)
                if isinstance(answer, Saved):
                    current = Conflict(text(**data), answer.version)
                    break
                current = answered(answer, Conflict, "replace of a live record answers Saved or Conflict")

    @with_store
    async def test_N03_touch_and_rolling_lose_no_write(self, store: Store) -> None:
        async with self._both(store) as (a, b):
            for _ in range(self.races):
                key = new_key()
                version = (await made(a, key)).version
                write = a.replace(key, text(n=1), LONG, version=version)
                saved, *_ = await together(write, b.touch(key, 2 * LONG), b.load(key, roll=True))
                answered(saved, Saved, "replace over what was loaded, while others touch and roll")
                await kept(b, key, text(n=1), "touch and rolling loads leave what was written meanwhile")

    @with_store
    async def test_N04_move_replace_and_destroy_leave_one_successor(self, store: Store) -> None:
        async with self._both(store) as (a, b):
            for _ in range(self.races):
                old, new = new_keys(2)
                version = (await made(a, old)).version
                move = a.move(old, new, text(moved=1), LONG, version=version)
                moved, replaced, destroyed = await together(
                    move, b.replace(old, text(late=1), LONG, version=version), a.destroy(old)
                )
                saved = [isinstance(answer, Saved) for answer in (moved, replaced)]
                check(sum(saved) <= 1, "move and replace of one version: at most one is Saved", (moved, replaced))
                same(destroyed, not saved[0], "destroy finds the session unless it has been moved away")
                await absent(b, old, "after a move or a destroy, load of the old key answers None")
                if saved[0]:
                    await kept(b, new, text(moved=1), "a move that answered Saved is there under the new key")
                else:
                    await absent(b, new, "a move that did not answer Saved wrote nothing")

    @with_store
    async def test_N04_of_several_moves_of_one_session_one_wins(self, store: Store) -> None:
        async with self._both(store) as (a, b):
            for _ in range(max(2, self.races // 4)):
                old, *new = new_keys(5)
                version = (await made(a, old)).version
                moves = await together(
                    *((a, b)[n % 2].move(old, key, text(n=n), LONG, version=version) for n, key in enumerate(new))
                )
                won = [isinstance(answer, Saved) for answer in moves]
                same(sorted(won), [False, False, False, True], "of several moves of one session, exactly one is Saved")
                for n, key in enumerate(new):
                    if not won[n]:
                        answered(moves[n], Gone, "a move that came later than another")
                        await absent(a, key, "a move that answered Gone wrote nothing")
                await kept(b, new[won.index(True)], text(n=won.index(True)), "the move that is Saved is there under its key")

    @with_store
    async def test_N04_of_several_moves_to_one_key_one_wins(self, store: Store) -> None:
        async with self._both(store) as (a, b):
            for _ in range(max(2, self.races // 4)):
                new, *old = new_keys(5)
                versions = [(await made(a, key, text(n=n))).version for n, key in enumerate(old)]
                calls = enumerate(zip(old, versions, strict=True))
                moves = await together(
                    *((a, b)[n % 2].move(key, new, text(moved=n), LONG, version=version) for n, (key, version) in calls)
                )
                won = [isinstance(answer, Saved) for answer in moves]
                same(sorted(won), [False, False, False, True], "of several moves to one key, exactly one is Saved")
                for n, key in enumerate(old):
                    if not won[n]:
                        answered(moves[n], Taken, "a move to a key that another took first")
                        await kept(a, key, text(n=n), "a move that answered Taken leaves the old key as it was")
                await kept(b, new, text(moved=won.index(True)), "the move that is Saved is there under the new key")

    @with_store
    async def test_N04_whoever_looks_sees_a_moving_session_once(self, store: Store) -> None:
        async with self._both(store) as (a, b):
            for _ in range(max(2, self.races // 4)):
                old, new = new_keys(2)
                version = (await made(a, old)).version
                move = a.move(old, new, b"{}", LONG, version=version)
                await together(move, *(self._looks(each, old, new) for each in (a, b, b)))

    async def _looks(self, store: Store, old: str, new: str) -> None:
        for _ in range(3):
            if await store.load(new) is not None:
                await absent(store, old, "once a session is seen under the new key, it is not under the old one")
            if await store.load(old) is None:
                await kept(store, new, b"{}", "once a session has left the old key, it is under the new one")

    @with_store
    async def test_L10_no_session_slips_through_destroy_all(self, store: Store) -> None:
        async with self._both(store) as (a, b):
            if not isinstance(store, OwnerIndex):
                pytest.skip("this store has no index of owners")
            for _ in range(max(2, self.races // 2)):
                owner = new_key()
                old, new, third = new_keys(3)
                moving, written = await made(a, old, owner=owner), await made(a, third, owner=owner)
                move = a.move(old, new, text(), LONG, version=moving.version, owner=owner)
                await together(move, a.replace(third, text(), LONG, version=written.version), b.destroy_all(owner))
                for key in (old, new, third):
                    await absent(a, key, "a session that is moved or written meanwhile does not slip through destroy_all")
                same(await a.sessions_of(owner), [], "after destroy_all, sessions_of answers with an empty list")

    @with_store
    async def test_S05_a_cancelled_call_leaves_no_reply_to_the_next(self, store: Store) -> None:
        keys = [new_key() for _ in range(8)]
        for key in keys:
            await made(store, key, text(key=key))
        for _ in range(self.races):
            key = random.choice(keys)  # noqa: S311
            task = asyncio.ensure_future(store.load(key))
            await asyncio.sleep(random.choice((0, 0, 0.0001, 0.0003)))  # noqa: S311
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            other = random.choice(keys)  # noqa: S311
            await kept(store, other, text(key=other), "each reply belongs to its call, also after a call was cancelled")
