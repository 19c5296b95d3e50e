"""Random histories of several clients on one store, and whether some order of their calls explains every answer."""

import asyncio
import itertools
import random
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from gingersnap.stores import Conflict, Gone, Record, Saved, Taken
from gingersnap.testing.suite import LONG, new_keys

Model: TypeAlias = tuple[int | None, int | None]
"""What a store holds under each of two keys: the number that is the value, or ``None`` where there is no record."""

Answer: TypeAlias = bool | int | str | tuple[str, int] | None
"""``load``: a number or ``None``; ``replace`` and ``move``: a word, a conflict with the number that is there; else a bool."""

NAMES = ["load", "roll", "replace", "replace", "touch", "move", "destroy", "create"]


@dataclass(frozen=True)
class Call:
    """A call of one client; it took effect at one moment between ``begin`` and ``end``.

    Each write writes a number that no other one of its history writes, so that a version is told by the number it is of:
    ``over`` is what the client believes to replace or to move, ``writes`` what a call that writes would leave.
    """

    client: int
    name: str
    key: int
    answer: Answer
    begin: int
    end: int
    over: int | None = None
    writes: int | None = None


def after(model: Model, call: Call) -> Model | None:
    """Give the model after a call, or ``None`` where the call could not have had that answer at that moment."""
    now, other = model[call.key], model[1 - call.key]
    match call.name:
        case "load" | "roll":
            return model if call.answer == now else None
        case "touch":
            return model if call.answer == (now is not None) else None
        case "create" if now is None:
            return _put(model, call.key, call.writes) if call.answer is True else None
        case "create":
            return model if call.answer is False else None
        case "destroy":
            return _put(model, call.key, None) if call.answer == (now is not None) else None
    return _replaced(model, call, now, taken=call.name == "move" and other is not None)


def _replaced(model: Model, call: Call, now: int | None, *, taken: bool) -> Model | None:
    if now is None:
        return model if call.answer == "gone" else None
    # A move that meets both a conflict and a key that is taken may answer either.
    if call.answer in (("conflict", now) if now != call.over else None, "taken" if taken else None):
        return model
    if call.answer != "saved" or now != call.over or taken:
        return None
    return _put(model, call.key, call.writes) if call.name == "replace" else _put((None, None), 1 - call.key, call.writes)


def _put(model: Model, key: int, number: int | None) -> Model:
    return (number, model[1]) if key == 0 else (model[0], number)


def linearizable(calls: list[Call], model: Model) -> bool:
    """Tell whether in some order, each call at one moment between its begin and its end, the model answers as the store did.

    Source: Wing and Gong, 1993; what was tried is remembered, as in Lowe, 2017.
    """
    tried: set[tuple[int, Model]] = set()

    def explains(done: int, model: Model) -> bool:
        left = [(1 << index, call) for index, call in enumerate(calls) if not done >> index & 1]
        if not left or (done, model) in tried:
            return not left
        tried.add((done, model))
        # The next one began before any that is left had ended.
        first_end = min(call.end for _, call in left)
        nexts = [(done | bit, after(model, call)) for bit, call in left if call.begin < first_end]
        return any(then is not None and explains(done, then) for done, then in nexts)

    return explains(0, model)


@dataclass
class History:
    """One history, and what makes it: a seed, the stores that the clients call by turns, two keys of one hash tag."""

    seed: int
    stores: list[Any]
    keys: list[str] = field(default_factory=lambda: new_keys(2))
    calls: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.moments, self.numbers = itertools.count(), itertools.count(1)

    async def happen(self) -> bool:
        """Let two to four clients call at the same time, mostly on a session that each has loaded; tell if it is explained."""
        seen, model = {}, (None, None)
        if self.random.random() < 0.9:
            await self.stores[0].create(self.keys[0], b"0", LONG)
            record = await self.stores[0].load(self.keys[0])
            seen, model = {0: (0, record.version)}, (0, None)
        await asyncio.gather(*(self._client(client, {**seen}) for client in range(self.random.randint(2, 4))))
        return linearizable(self.calls, model)

    async def _client(self, client: int, seen: dict[int, tuple[int, Any]]) -> None:
        """Make a few calls. ``seen``: the number and the version that this client saw last under each key."""
        for _ in range(self.random.randint(2, 4)):
            for _ in range(self.random.randrange(4)):
                await asyncio.sleep(0)
            name, key, writes = self.random.choice(NAMES), self.random.randrange(2), next(self.numbers)
            over, version = seen.get(key, (None, None))
            if over is None and name in {"replace", "move"}:
                name = "load"
            call = self._call(self.stores[client % len(self.stores)], name, key, writes, version)
            begin = next(self.moments)
            answer = self._told(await call, seen, 1 - key if name == "move" else key, key, writes)
            self.calls.append(Call(client, name, key, answer, begin, next(self.moments), over, writes))

    def _call(self, store: Any, name: str, key: int, writes: int, version: Any) -> Awaitable[Any]:
        at, to, value = self.keys[key], self.keys[1 - key], str(writes).encode()
        match name:
            case "load" | "roll":
                return store.load(at, roll=name == "roll")
            case "create":
                return store.create(at, value, LONG)
            case "replace":
                return store.replace(at, value, LONG, version=version)
            case "move":
                return store.move(at, to, value, LONG, version=version)
            case "touch":
                return store.touch(at, LONG)
        return store.destroy(at)

    @staticmethod
    def _told(answer: Any, seen: dict[int, tuple[int, Any]], written: int, read: int, writes: int) -> Answer:
        match answer:
            case Saved(version):
                seen[written] = writes, version
                return "saved"
            case Record(value, version, _):
                seen[read] = int(value), version
                return int(value)
            case Conflict(value, version):
                seen[read] = int(value), version
                return "conflict", int(value)
            case Gone():
                return "gone"
            case Taken():
                return "taken"
        return answer

    def __str__(self) -> str:
        lines = [f"seed {self.seed}:", *map(str, sorted(self.calls, key=lambda call: call.begin))]
        return "\n    ".join(lines)
