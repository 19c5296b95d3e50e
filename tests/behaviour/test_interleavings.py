"""Two tasks of one request and a second request, in an order that a seed chooses: what was asked for last holds."""

import asyncio
import os
import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from gingersnap import Session
from gingersnap.stores import MemoryStore
from tests.asgi import Sessions

PROGRAMS = int(os.environ.get("GINGERSNAP_INTERLEAVINGS", "150"))
STEPS = (
    "set",
    "set",
    "set",
    "append",
    "delete",
    "login",
    "regenerate",
    "logout",
    "replace",
    "clear",
    "commit",
    "commit",
    "commit",
    "wait",
)


class Slow:
    """A MemoryStore whose calls let other tasks run, before and after, as often as the seed says."""

    def __init__(self, rng: random.Random) -> None:
        self.inner = MemoryStore()
        self.purge_every = None
        self._rng = rng

    async def sessions_of(self, owner: str) -> Any:
        return await self.inner.sessions_of(owner)

    async def destroy_all(self, owner: str, *, keep: str | None = None) -> int:
        return await self.inner.destroy_all(owner, keep=keep)

    async def pause(self) -> None:
        for _ in range(self._rng.randrange(4)):
            await asyncio.sleep(0)


def _slow(name: str) -> Any:
    async def call(self: Slow, *args: Any, **named: Any) -> Any:
        await self.pause()
        answer = await getattr(self.inner, name)(*args, **named)
        await self.pause()
        return answer

    return call


for _name in ("load", "create", "replace", "move", "touch", "destroy", "purge", "ping", "aclose"):
    setattr(Slow, _name, _slow(_name))


@dataclass
class Wanted:
    """What the steps of a request ask the session to be, in the order in which they were taken."""

    keys: set[str] = field(default_factory=lambda: {"first"})
    gone: set[str] = field(default_factory=set)
    items: list[int] = field(default_factory=list)
    ended: bool = False
    moved: bool = False
    cut_after: int = -1
    """How many writes the other request had done when this one last dropped all data; -1: it never did."""

    def cut(self, done: int, *, ended: bool) -> None:
        self.gone |= self.keys
        self.keys, self.items, self.cut_after = set(), [], done
        self.ended = self.ended or ended


class Program:
    """One run."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.store = Slow(self.rng)
        self.client = Sessions(store=self.store)
        self.wanted = Wanted()
        self.count = 0
        self.written: list[str] = []

    async def task(self, session: Session) -> None:
        for _ in range(self.rng.randrange(1, 7)):
            await self.step(session, self.rng.choice(STEPS))
            if self.rng.random() < 0.5:
                await asyncio.sleep(0)

    async def step(self, session: Session, step: str) -> None:
        wanted, done = self.wanted, len(self.written)
        self.count += 1
        key = f"k{self.count}"
        if step == "set":
            session[key] = self.count
            wanted.keys.add(key)
        elif step == "append":
            session.setdefault("items", []).append(self.count)
            wanted.items.append(self.count)
        elif step == "delete" and wanted.keys:
            key = self.rng.choice(sorted(wanted.keys))
            session.pop(key, None)
            wanted.keys.discard(key)
            wanted.gone.add(key)
            # Emptied, a session ends at its next commit; another request's write is dropped then.
            wanted.moved = wanted.moved or not (wanted.keys or wanted.items)
        elif step in ("login", "regenerate"):
            wanted.moved = True
            _ = session.login("ada") if step == "login" else session.regenerate()
        elif step == "logout":
            session.logout()
            wanted.cut(done, ended=True)
        elif step in ("replace", "clear"):
            _ = session.replace({key: 1}) if step == "replace" else session.clear()
            wanted.cut(done, ended=False)
            wanted.keys |= {key} if step == "replace" else set()
        elif step == "commit":
            await session.commit()
        else:
            await self.store.pause()

    async def other(self, jar: dict[str, str]) -> None:
        """Write as another request of the same session."""
        user = Sessions(store=self.store)
        for number in range(self.rng.randrange(1, 6)):
            await self.store.pause()
            user.browser.jar = {**jar}
            await user.do(lambda session, key=f"theirs{number}": session.__setitem__(key, 1))
            self.written.append(f"theirs{number}")

    async def run(self) -> dict[str, Any] | None:
        """Return what the session holds afterwards; ``None`` where the request lost its races and was answered by a 503."""
        await self.client.do(lambda session: session.update(first=1))
        jar = {**self.client.jar}

        async def handler(session: Session) -> None:
            # The other request has the session from before whatever these do, or meets its end: it makes none of its own.
            await asyncio.gather(self.task(session), self.task(session), self.other(jar))

        answer = await self.client.do(handler)
        if answer.status == 503:
            return None
        seen = await self.client.data()
        old = Sessions(store=self.store)
        old.browser.jar = {**jar}
        before = await old.data()
        if self.wanted.ended:
            assert before == {}, "the id of a session that was logged out is alive"
        return seen


def check(seen: dict[str, Any], wanted: Wanted, written: list[str]) -> None:
    assert wanted.keys <= seen.keys(), f"lost: {wanted.keys - seen.keys()}"
    assert not wanted.gone & seen.keys(), f"came back: {wanted.gone & seen.keys()}"
    assert [item for item in seen.get("items", []) if item in wanted.items] == wanted.items
    assert set(seen.get("items", [])) == set(wanted.items)
    foreign = {key for key in seen if key.startswith("theirs")}
    if wanted.ended:
        assert not foreign, "another request's data came back after a logout"
    elif wanted.cut_after >= 0:
        assert not foreign & set(written[: wanted.cut_after]), "what was replaced was merged"
    elif not wanted.moved:
        assert foreign == set(written), "another request's write was lost"


@pytest.mark.parametrize("block", range(5))
async def test_N02_what_is_asked_for_last_holds(block: int) -> None:
    refused = 0
    for seed in range(block * PROGRAMS, (block + 1) * PROGRAMS):
        program = Program(seed)
        seen = await program.run()
        if seen is None:
            refused += 1
            continue
        try:
            check(seen, program.wanted, program.written)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}; the session holds {seen}; {program.wanted}") from error
    assert refused <= PROGRAMS // 20
