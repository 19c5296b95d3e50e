"""Calls that are cancelled at random instants, and whether each answer still belongs to the call that got it."""

import asyncio
import itertools
import random
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tests.stores.histories import Call, History, Model, after

CLIENTS: Final = 8
CALLS: Final = 12
"""How many calls a client makes on the same two keys: what it cancelled may come to pass as long as they are in use."""
CUT: Final = "cut"
"""What a call gave that ended by being cancelled: whether it is carried out, and when, nobody knows."""

WITHIN_S: Final = (0.0005, 0.002, 0.008)
"""Within how many seconds a call is cancelled: some calls of every store are under way then, and some are done."""


@dataclass
class Tally:
    """What all clients of a store count together. No two calls write the same number, so that each tells whose it is."""

    calls: int = 0
    cut: int = 0
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))


async def until_cut(tally: Tally, store: Any, cuts: int) -> None:
    """Have clients call at the same time, until that many calls were cut. Raises: AssertionError at what no outcome explains."""

    async def client(name: int) -> None:
        for turn in itertools.count():
            # A store whose calls are never cut is not to be called for ever.
            if tally.cut >= cuts or tally.calls >= 20 * cuts:
                break
            await Episode(turn * CLIENTS + name, [store], tally=tally).happen()

    await asyncio.gather(*(client(name) for name in range(CLIENTS)))


async def cut_at_random(call: Coroutine[Any, Any, Any], chance: random.Random) -> Any:
    """Make a call that is cancelled at a random instant, unless it is done by then. Give its answer, or ``CUT``."""
    within_s = chance.choice(WITHIN_S) * chance.random()
    try:
        match chance.randrange(8):
            case 0 | 1:
                async with asyncio.timeout(within_s):
                    return await call
            case 2 | 3:
                return await asyncio.wait_for(call, within_s)
            case 4 | 5:
                task = asyncio.create_task(call)
                await asyncio.sleep(within_s)
            case 6:
                task = asyncio.create_task(call)
                await asyncio.sleep(within_s)
                # Again and again, as anyio's scopes do, and as a client that goes away just when the time is up.
                while not task.done():
                    task.cancel()
                    await asyncio.sleep(0)
            case _:
                task = asyncio.create_task(call)
                # None: it has not even begun.
                for _ in range(chance.randrange(12)):
                    await asyncio.sleep(0)
        task.cancel()
        return await task
    except (asyncio.CancelledError, TimeoutError):
        return CUT


@dataclass
class Episode(History):
    """What one client does on two keys of its own, and what may be under them: it never learns what became of a cut call."""

    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.numbers = self.tally.numbers
        self.worlds = {World((None, None))}

    async def happen(self) -> bool:
        """Make the calls, some of which are cut; look at both keys at last."""
        seen: dict[int, tuple[int, Any]] = {}
        for _ in range(CALLS):
            name = self.random.choice(["load", "roll", "replace", "replace", "touch", "move", "destroy", "create", "create"])
            await self._ask(name, self.random.randrange(2), seen, cuts=self.random.random() < 0.6)
        for key in (0, 1):
            await self._ask("load", key, seen, cuts=False)
        return True

    async def _ask(self, name: str, key: int, seen: dict[int, tuple[int, Any]], *, cuts: bool) -> None:
        writes, (over, version) = next(self.numbers), seen.get(key, (None, None))
        if over is None and name in {"replace", "move"}:
            name = "load"
        call: Any = self._call(self.stores[0], name, key, writes, version)
        answer = await (cut_at_random(call, self.random) if cuts else call)
        self.tally.calls += 1
        if answer == CUT:
            self.tally.cut += 1
        else:
            answer = self._told(answer, seen, 1 - key if name == "move" else key, key, writes)
        call = Call(0, name, key, answer, len(self.calls), len(self.calls), over, writes)
        self.calls.append(call)
        self.worlds = {world.cut(call) for world in self.worlds} if answer == CUT else explained(self.worlds, call)
        assert self.worlds, f"nothing that the cut calls may have done explains the last answer of {self}"


@dataclass(frozen=True)
class World:
    """What may be the case: what is under the keys, and which calls that were cut may still be carried out."""

    model: Model
    pending: frozenset[Call] = frozenset()

    def cut(self, call: Call) -> "World":
        """Go on with one more that was cut; to read it has no effect."""
        return self if call.name in {"load", "roll", "touch"} else replace(self, pending=self.pending | {call})

    def nexts(self) -> "Iterator[World]":
        """Carry out one of those that may be. One that would change nothing may as well be carried out later."""
        for call in self.pending:
            then = _carried_out(self.model, call)
            if then != self.model:
                yield World(then, self.pending - {call})


def explained(worlds: set[World], call: Call) -> set[World]:
    """Give those worlds in which a call has that answer: of what was cut, anything may have come before it."""
    found, left = set(worlds), [*worlds]
    while left:
        for world in left.pop().nexts():
            if world not in found:
                found.add(world)
                left.append(world)
    then = {World(model, world.pending) for world in found if (model := after(world.model, call)) is not None}
    # Where the same is under the keys, more that may still come explains more.
    return {world for world in then if not any(world.model == other.model and world.pending < other.pending for other in then)}


def _carried_out(model: Model, call: Call) -> Model:
    """Give the model after a call whose answer nobody saw."""
    answers = (True, False, "saved", "gone", "taken", ("conflict", model[call.key]))
    thens = (after(model, replace(call, answer=answer)) for answer in answers)
    return next(then for then in thens if then is not None)
