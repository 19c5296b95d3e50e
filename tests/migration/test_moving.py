"""Sessions moved from store to store: each is at one of them alone, wherever the migration is killed."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gingersnap.migration import Progress
from gingersnap.migration.cli import main
from gingersnap.stores import MemoryStore, SQLiteStore
from tests.asgi import Sessions
from tests.migration.test_copying import LONG, Meanwhile, everything, filled, migrated

KEY = "key00000"


async def test_each_record_leaves_the_source_as_it_arrives(tmp_path: Path) -> None:
    source, target = await filled(300, SQLiteStore(tmp_path / "source")), SQLiteStore(tmp_path / "target")
    before = await everything(source)
    assert await migrated(source, target, batch=64, move=True) == {"copied": 300}
    assert await everything(target) == before
    assert await everything(source) == {}
    record = await target.load("key00123")
    assert record is not None
    assert LONG - 30_000 < (record.ttl_ms or 0) <= LONG
    await source.aclose()
    await target.aclose()


async def test_N01_a_logout_at_the_target_is_final() -> None:
    source, target = await filled(2), MemoryStore()
    await migrated(source, target, move=True)
    await target.destroy(KEY)
    assert await migrated(source, target, move=True) == {}
    assert [*await everything(target)] == ["key00001"]


async def test_owners_are_told_of_what_was_moved() -> None:
    source, target = MemoryStore(), MemoryStore()
    before, after = Sessions(store=source), Sessions(store=target)
    await before.do(lambda s: (s.update(n=1), s.login("ada")))
    await migrated(source, target, move=True)
    after.browser.jar = before.jar
    assert await after.data() == {"n": 1}
    assert (len(await target.sessions_of("ada")), len(await source.sessions_of("ada"))) == (1, 0)


@pytest.mark.parametrize(("value", "outcome"), [(b'{"n":0}', "same"), (b'{"mine":1}', "kept")])
async def test_what_the_target_has_stays_and_cannot_come_back(value: bytes, outcome: str) -> None:
    source, target = await filled(1), MemoryStore()
    await target.create(KEY, value, LONG)
    assert await migrated(source, target, move=True) == {outcome: 1}
    assert (await everything(source), await everything(target)) == ({}, {KEY: value})


async def test_a_dry_run_moves_nothing() -> None:
    source, target = await filled(3), MemoryStore()
    assert await migrated(source, target, move=True, dry_run=True) == {"copied": 3}
    assert (len(source), len(target)) == (3, 0)


async def test_a_key_that_is_listed_twice_is_moved_once() -> None:
    class Twice(MemoryStore):
        async def keys(self, cursor: str | None, limit: int) -> tuple[list[str], str | None]:
            keys, cursor = await super().keys(cursor, limit)
            return keys * 2, cursor

    source, target = await filled(20, Twice()), MemoryStore()
    assert await migrated(source, target, move=True) == {"copied": 20}
    assert len(target) == 20


class Life:
    """Calls that can be made until the last of them, which is made or not; then none."""

    def __init__(self, calls: int, made: bool) -> None:
        self.left, self.made = calls, made

    def store(self) -> Any:
        store: Any = MemoryStore()
        for name in ("load", "create", "move", "touch", "destroy", "keys"):
            setattr(store, name, self._mortal(getattr(store, name)))
        return store

    def _mortal(self, call: Callable[..., Any]) -> Callable[..., Any]:
        async def made(*args: Any, **named: Any) -> Any:
            self.left -= 1
            if self.left > 0 or (self.left == 0 and self.made):
                answer = await call(*args, **named)
            if self.left <= 0:
                raise OSError
            return answer

        return made


async def cut_off(life: Life, source: Any, target: Any, progress: Progress) -> bool:
    """Begin to move three records and one that cannot be read; tell whether the life ended before that was done."""
    life.left, calls = 1_000_000, life.left
    await filled(3, source)
    await source.create("odd", b"no JSON", LONG)
    life.left = calls
    try:
        await migrated(source, target, progress, move=True, batch=1)
    except OSError:
        life.left = 1_000_000
        return True
    return False


@pytest.mark.parametrize("made", [False, True], ids=["asked", "made"])
@pytest.mark.parametrize("ends", ["source", "target", "nowhere"])
async def test_N01_a_migration_that_is_killed_anywhere_loses_nothing_and_brings_nothing_back(ends: str, made: bool) -> None:
    seen = []
    for calls in range(1, 100):
        life, progress = Life(calls, made), Progress()
        source, target = life.store(), life.store()
        if not await cut_off(life, source, target, progress):
            break
        ended = ends != "nowhere" and await {"source": source, "target": target}[ends].destroy("key00002")
        await migrated(source, target, progress, move=True, batch=1)
        there = {key: value for key, value in (await everything(target)).items() if not key.startswith("gingersnap-")}
        assert there == {f"key{n:05}": b'{"n":%d}' % n for n in range(2 if ended else 3)}
        assert (await everything(source), progress.counts["unreadable"]) == ({"odd": b"no JSON"}, 1)
        seen.append(ended)
    assert len(seen) > 20
    assert set(seen) == ({False} if ends == "nowhere" else {False, True})


async def test_N02_a_write_while_a_session_is_moved_is_moved_too() -> None:
    source = await filled(1)

    async def write(_: Any) -> None:
        record = await source.load(KEY)
        await source.replace(KEY, b'{"n":"new"}', LONG, version=record.version)

    target = Meanwhile(write)
    assert await migrated(source, target, move=True) == {"copied": 1}
    assert (await everything(source), await everything(target)) == ({}, {KEY: b'{"n":"new"}'})


async def test_N01_a_logout_while_a_session_is_moved_is_final() -> None:
    source = await filled(1)
    target = Meanwhile(lambda _: source.destroy(KEY))
    assert await migrated(source, target, move=True) == {"ended": 1}
    assert (len(source), len(target)) == (0, 0)


async def test_what_was_being_moved_is_no_session_of_other_migrations() -> None:
    life = Life(1_000_000, True)
    source, target = life.store(), life.store()
    await filled(2, source)
    life.left = 10
    with contextlib.suppress(OSError):
        await migrated(source, target, move=True)
    life.left = 1_000_000
    marked = [key for store in (source, target) for key in await everything(store) if "moving" in key]
    assert marked
    other = MemoryStore()
    await migrated(source, other)
    await migrated(target, other)
    assert not any("moving" in key for key in await everything(other))


def test_the_command_goes_on_after_a_kill(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def fill() -> dict[str, bytes]:
        store = await filled(3_000, SQLiteStore(tmp_path / "source"))
        before = await everything(store)
        await store.aclose()
        return before

    async def log_out() -> set[str]:
        store = SQLiteStore(tmp_path / "target")
        ended = {key for key in await everything(store) if "moving" not in key and await store.destroy(key)}
        await store.aclose()
        return ended

    async def look(name: str) -> dict[str, bytes]:
        store = SQLiteStore(tmp_path / name)
        there = await everything(store)
        await store.aclose()
        return there

    before, file = asyncio.run(fill()), tmp_path / "progress"
    words = [
        f"sqlite:///{tmp_path / 'source'}",
        f"sqlite:///{tmp_path / 'target'}",
        "--move",
        "--batch",
        "50",
        "--resume",
        str(file),
    ]
    process = subprocess.Popen([sys.executable, "-m", "gingersnap", "migrate", *words], stdout=subprocess.DEVNULL)
    while process.poll() is None and not (file.exists() and json.loads(file.read_text())["counts"]):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    ended = asyncio.run(log_out())
    assert 50 <= len(ended) < 3_000
    assert main(["migrate", *words]) == 0
    assert asyncio.run(look("source")) == {}
    assert {key: value for key, value in asyncio.run(look("target")).items() if "moving" not in key} == {
        key: value for key, value in before.items() if key not in ended
    }
