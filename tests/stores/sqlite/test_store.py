"""SQLiteStore: the contract, and what is SQLite's own: the file, processes, threads, and the plug that is pulled."""

import asyncio
import gc
import json
import os
import random
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from gingersnap.errors import ConfigError
from gingersnap.stores import Conflict, Gone, Owned, Record, Saved, SQLiteStore, Taken
from gingersnap.testing import StoreContract
from tests.asgi import Clock

ROOT = Path(__file__).parents[3]
TTL_MS = 60_000
KILLS = 100 if os.environ.get("GINGERSNAP_LONG") else 20


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sessions.db"


@asynccontextmanager
async def opened(path, **options):
    store = SQLiteStore(path, **options)
    try:
        yield store
    finally:
        await store.aclose()


def connected(path):
    """Look into the file past the store."""
    return closing(sqlite3.connect(path, isolation_level=None))


def python(*arguments):
    """Start a Python that takes every warning for an error."""
    command = [sys.executable, "-W", "error", *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def ended(process):
    """Let a process end well, and give what it printed."""
    out, err = process.communicate(timeout=100)
    assert (process.returncode, err) == (0, "")
    return out


class TestContract(StoreContract):
    has_owners = True

    @pytest.fixture(autouse=True)
    def setting(self, path, clock):
        self.path, self.clock = path, clock

    def store(self):
        return opened(self.path, clock=self.clock)

    def other(self, store):
        return opened(self.path, clock=self.clock)

    async def wait(self, ms):
        self.clock.now += ms / 1000


class TestContractByTheRealClock(StoreContract):
    """One store for all, as in one process."""

    races = 20

    @pytest.fixture(autouse=True)
    def setting(self, path):
        self.path = path

    def store(self):
        return opened(self.path)


async def test_each_call_answers_what_it_finds(path, clock: Clock) -> None:
    async with opened(path, clock=clock) as store:
        assert await store.load("a") is None
        assert await store.create("a", b"1", TTL_MS, owner="ann") is True
        assert await store.create("a", b"2", TTL_MS) is False
        version = (await store.load("a")).version
        assert await store.load("a") == Record(b"1", version, TTL_MS)
        assert await store.replace("a", b"2", TTL_MS, version=version) == Saved(version + 1)
        assert await store.replace("a", b"3", TTL_MS, version=version) == Conflict(b"2", version + 1)
        assert await store.replace("b", b"3", TTL_MS, version=version) == Gone()
        await store.create("b", b"9", TTL_MS)
        assert await store.move("a", "b", b"3", TTL_MS, version=version + 1) == Taken()
        assert await store.move("a", "c", b"3", TTL_MS, version=version) == Conflict(b"2", version + 1)
        assert await store.move("a", "c", b"3", TTL_MS, version=version + 1, owner="ann") == Saved(version + 2)
        assert await store.move("a", "d", b"4", TTL_MS, version=version + 2) == Gone()
        assert await store.sessions_of("ann") == [Owned("c", b"3", TTL_MS)]
        assert (await store.touch("a", TTL_MS), await store.touch("c", TTL_MS)) == (False, True)
        assert (await store.destroy("a"), await store.destroy("b")) == (False, True)
        assert (await store.destroy_all("ann", keep="c"), await store.destroy_all("ann")) == (0, 1)
        assert (await store.purge(10), await store.ping()) == (0, None)


async def test_S06_an_expired_record_is_absent_from_its_last_millisecond_on(path, clock: Clock) -> None:
    async with opened(path, clock=clock) as store:
        await store.create("a", b"1", 1000)
        clock.now += 0.999
        assert (await store.load("a")).ttl_ms == 1
        clock.now += 0.001
        assert await store.load("a") is None


async def test_S06_purge_lets_others_write_in_between(path, clock: Clock) -> None:
    async with opened(path, clock=clock) as store:
        await asyncio.gather(*(store.create(f"k{n}", b"1", 1000) for n in range(350)))
        clock.now += 1
        purge = asyncio.create_task(store.purge(300))
        await asyncio.sleep(0)
        await store.create("another", b"1", TTL_MS)
        assert not purge.done()
        assert await purge == 300
        assert await store.purge(300) == 50
        with connected(path) as db:
            assert db.execute("SELECT id FROM session").fetchall() == [("another",)]


async def test_N03_reading_writes_nothing_until_a_tenth_of_the_lifetime_has_gone(path, clock: Clock) -> None:
    async with opened(path, clock=clock) as store:
        await store.create("a", b"1", TTL_MS)
        with connected(path) as db:
            [[before]] = db.execute("PRAGMA data_version").fetchall()
            clock.now += TTL_MS / 10 / 1000
            for _ in range(1000):
                await store.load("a", roll=True)
            await store.touch("a", 1)
            assert db.execute("PRAGMA data_version").fetchall() == [(before,)]
            clock.now += 0.001
            assert (await store.load("a", roll=True)).ttl_ms == TTL_MS
            assert db.execute("PRAGMA data_version").fetchall() != [(before,)]


@pytest.mark.parametrize(
    ("option", "options"),
    [
        ("path", {"path": ""}),
        ("path", {"path": ":memory:"}),
        ("path", {"path": b"sessions.db"}),
        ("path", {"path": None}),
        ("purge_every", {"purge_every": 0}),
        ("purge_every", {"purge_every": "300"}),
        ("busy_timeout", {"busy_timeout": -1}),
        ("busy_timeout", {"busy_timeout": float("nan")}),
    ],
)
def test_wrong_options_are_refused(option: str, options) -> None:
    with pytest.raises(ConfigError) as error:
        SQLiteStore(**{"path": "sessions.db", **options})
    assert error.value.option == option


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("sqlite:///x.db", "it is a URL; give the path of a file alone"),
        ("sqlite+aiosqlite:///x.db", "it is a URL; give the path of a file alone"),
        ("file:///tmp/x.db", "it is a URL; give the path of a file alone"),
        ("no-such/x.db", "the directory that it names does not exist; make the directory first"),
        (".", "it is a directory; give the path of a file in it"),
    ],
)
def test_a_path_that_can_be_none_is_refused_at_once(given: str, said: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=f"^path: {said}"):
        SQLiteStore(given)
    assert not [*tmp_path.iterdir()]


def test_a_store_without_a_file_is_memory_s() -> None:
    with pytest.raises(ConfigError, match="MemoryStore"):
        SQLiteStore(":memory:")


async def test_a_path_is_that_of_the_moment_it_was_given(path, monkeypatch) -> None:
    monkeypatch.chdir(path.parent)
    async with opened("file:sessions.db?mode=memory") as store:
        monkeypatch.chdir("/")
        await store.ping()
    assert [each.name for each in path.parent.iterdir()] == ["file:sessions.db?mode=memory"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
async def test_the_files_are_their_owner_s_alone(path) -> None:
    async with opened(path) as store:
        await store.create("a", b"1", TTL_MS)
        files = sorted(path.parent.iterdir())
        assert [each.name for each in files] == ["sessions.db", "sessions.db-shm", "sessions.db-wal"]
        assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}


async def test_what_is_acknowledged_is_on_the_disk(path) -> None:
    async with opened(path) as store:
        asked = "PRAGMA journal_mode", "PRAGMA synchronous", "PRAGMA fullfsync"
        for thread in (store._reader, store._writer):
            answers = [await thread.do(lambda db, each=each: db.execute(each).fetchall()) for each in asked]
            assert answers == [[("wal",)], [(2,)], [(1,)]]


WRONG = {
    "is no SQLite file": None,
    "belongs to another program": ["CREATE TABLE session(id TEXT PRIMARY KEY)"],
    "schema of another version": ["PRAGMA user_version=2"],
    "another version": ["DROP INDEX session_exp"],
}


@pytest.mark.parametrize("problem", WRONG)
async def test_a_file_of_another_kind_is_told_and_left_as_it_is(path, problem: str) -> None:
    if WRONG[problem] is None:
        path.write_bytes(b"no database\n" * 100)
    else:
        if "version" in problem:
            async with opened(path) as store:
                await store.ping()
        with connected(path) as db:
            for statement in WRONG[problem]:
                db.execute(statement)
    before = path.read_bytes()
    async with opened(path) as store:
        for call in (store.ping, lambda: store.load("a"), lambda: store.create("a", b"1", TTL_MS)):
            with pytest.raises(RuntimeError, match=problem):
                await call()
    assert path.read_bytes() == before


async def test_a_file_that_is_emptied_in_use_is_told(path) -> None:
    async with opened(path) as store:
        await store.ping()
        with connected(path) as db:
            for statement in ("DROP TABLE session", "PRAGMA user_version=0", "PRAGMA application_id=0"):
                db.execute(statement)
        with pytest.raises(RuntimeError, match="emptied"):
            await store.ping()


async def test_an_empty_file_becomes_a_store(path) -> None:
    path.touch()
    async with opened(path) as store:
        await store.ping()


async def test_a_store_heals_once_its_folder_is_there(path) -> None:
    (path.parent / "sub").mkdir()
    async with opened(path.parent / "sub" / path.name) as store:
        (path.parent / "sub").rmdir()
        with pytest.raises(FileNotFoundError):
            await store.ping()
        (path.parent / "sub").mkdir()
        await store.ping()


async def test_a_call_that_fails_does_not_fail_those_it_shares_a_commit_with(path) -> None:
    async with opened(path) as store:
        await store.ping()
        calls = [store.create(f"k{n}", "text" if n == 5 else b"1", TTL_MS) for n in range(10)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(answers.pop(5), sqlite3.IntegrityError)
        assert answers == [True] * 9
        assert [await store.load(f"k{n}") is None for n in range(10)] == [n == 5 for n in range(10)]


async def test_O01_a_lock_that_is_held_fails_writes_and_no_reads(path) -> None:
    async with opened(path, busy_timeout=0.05) as store:
        await store.create("a", b"1", TTL_MS)
        with connected(path) as db:
            db.execute("BEGIN IMMEDIATE")
            answers = await asyncio.gather(*(store.create(key, b"1", TTL_MS) for key in "bcd"), return_exceptions=True)
            assert [type(each) for each in answers] == [sqlite3.OperationalError] * 3
            assert (await store.load("a")).value == b"1"
        assert await store.create("b", b"1", TTL_MS) is True


async def test_S05_a_call_that_is_cancelled_before_its_turn_writes_nothing(path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def clock():
        begun.set()
        go_on.wait()
        return time.time()

    async with opened(path, clock=clock) as store:
        first = asyncio.create_task(store.create("first", b"1", TTL_MS))
        await asyncio.to_thread(begun.wait)
        second = asyncio.create_task(store.create("second", b"1", TTL_MS))
        third = asyncio.create_task(store.create("third", b"1", TTL_MS))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.sleep(0)
        go_on.set()
        assert await asyncio.gather(first, third) == [True, True]
        assert second.cancelled()
        assert await store.load("second") is None


def test_event_loops_in_several_threads_share_a_store(path) -> None:
    store, wrong = SQLiteStore(path), []

    async def work(name):
        keys = [f"{name}-{n}" for n in range(50)]
        await asyncio.gather(*(store.create(key, key.encode(), TTL_MS) for key in keys))
        records = await asyncio.gather(*map(store.load, keys))
        wrong.extend(key for key, record in zip(keys, records, strict=True) if record.value != key.encode())

    threads = [threading.Thread(target=asyncio.run, args=(work(name),)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(store.aclose())
    assert wrong == []
    with connected(path) as db:
        assert db.execute("SELECT count(*) FROM session").fetchall() == [(200,)]


async def test_a_store_that_is_dropped_ends_its_threads(path) -> None:
    store = SQLiteStore(path)
    await store.ping()
    threads = [each._thread for each in (store._reader, store._writer)]
    del store
    gc.collect()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_a_loop_that_was_closed_is_no_trouble(path) -> None:
    store = SQLiteStore(path)

    async def leave():
        task = asyncio.create_task(store.create("a", b"1", TTL_MS))
        await asyncio.sleep(0)
        return task

    loop = asyncio.new_event_loop()
    task = loop.run_until_complete(leave())
    task._log_destroy_pending = False
    loop.close()
    assert asyncio.run(store.create("b", b"1", TTL_MS))
    asyncio.run(store.aclose())


USED = """
import asyncio, os, sys
from gingersnap.stores import SQLiteStore
store = SQLiteStore(sys.argv[1])
"""

UNCLOSED = USED + 'asyncio.run(store.create("a", b"1", 60_000))'


def test_the_interpreter_ends_with_a_store_unclosed(path) -> None:
    ended(python("-c", UNCLOSED, path))
    with connected(path) as db:
        assert db.execute("SELECT id FROM session").fetchall() == [("a",)]


FORKED = (
    USED
    + """
asyncio.run(store.create("before", b"1", 60_000))
pid = os.fork()
if pid == 0:
    if os.path.exists("/proc/self/fd"):
        inherited = [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]
        assert os.path.realpath(sys.argv[1]) not in inherited
assert asyncio.run(asyncio.wait_for(store.load("before"), 60)) is not None
asyncio.run(store.create(f"after-{pid == 0}", b"1", 60_000))
if pid == 0:
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
asyncio.run(store.aclose())
"""
)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_shares_no_connection(path) -> None:
    ended(python("-c", FORKED, path))
    with connected(path) as db:
        rows = db.execute("SELECT id FROM session ORDER BY id").fetchall()
    assert rows == [("after-False",), ("after-True",), ("before",)]


READY = USED + 'print(flush=True); sys.stdin.readline(); asyncio.run(store.create(sys.argv[2], b"1", 60_000))'


def test_several_processes_create_the_file_at_once(path) -> None:
    processes = [python("-c", READY, path, n) for n in range(8)]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        ended(process)
    with connected(path) as db:
        assert db.execute("SELECT count(*) FROM session").fetchall() == [(8,)]


COUNTED = (
    USED
    + """
import json
from gingersnap.stores import Saved
async def main(name):
    current = await store.load("k")
    for _ in range(100):
        while True:
            data = json.loads(current.value)
            data[name] = data.get(name, 0) + 1
            answer = await store.replace("k", json.dumps(data).encode(), 60_000, version=current.version)
            current = await store.load("k")
            if isinstance(answer, Saved):
                break
store = SQLiteStore(sys.argv[1], busy_timeout=60)
asyncio.run(main(sys.argv[2]))
"""
)


async def test_N02_eight_processes_lose_no_write(path) -> None:
    async with opened(path) as store:
        await store.create("k", b"{}", 10**7)
        processes = [python("-c", COUNTED, path, f"w{n}") for n in range(8)]
        for process in processes:
            await asyncio.to_thread(ended, process)
        assert json.loads((await store.load("k")).value) == {f"w{n}": 100 for n in range(8)}


class Killed:
    """Writers on one file, what each has said, and what must be there: for each key, a value of a set."""

    def __init__(self, path, seed: int) -> None:
        self.path, self.random, self.count = path, random.Random(seed), 0
        self.allowed: dict[str, set[str]] = {}
        self.acknowledged = 0

    def start(self) -> subprocess.Popen[str]:
        self.count += 1
        command = [sys.executable, "-m", "tests.stores.sqlite_writer", self.path, f"writer{self.count}"]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    def kill(self, writer: subprocess.Popen[str]) -> None:
        """Kill it a moment after its first word, and hear what it said."""
        first = writer.stdout.readline()
        time.sleep(self.random.uniform(0, 0.03))
        writer.kill()
        with writer:
            said = [first, *writer.stdout]
        pending: dict[str, str] = {}
        # A line that was cut short says nothing.
        for word, key, *value in (line.split() for line in said if line.endswith("\n")):
            if word == "write":
                [pending[key]] = value
            else:
                self.acknowledged += 1
                self.allowed[key] = {pending.pop(key)}
        for key, value in pending.items():
            self.allowed[key] = self.allowed.get(key, {"-"}) | {value}

    def check(self) -> None:
        with connected(self.path) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            there = {key: value.decode() for key, value in db.execute("SELECT id, data FROM session")}
        wrong = {key: (there.get(key, "-"), values) for key, values in self.allowed.items() if there.get(key, "-") not in values}
        assert wrong == {}


async def test_S04_acknowledged_writes_survive_kill_9(path) -> None:
    async with opened(path) as store:
        await store.ping()
    killed = Killed(path, seed=4)
    living = killed.start()
    try:
        # There are always two: one dies while the other writes, and goes on after the recovery.
        for _ in range(KILLS):
            dying, living = living, killed.start()
            killed.kill(dying)
            killed.check()
    finally:
        killed.kill(living)
    killed.check()
    assert killed.acknowledged > KILLS
    print(f"{killed.count} kills, {killed.acknowledged} acknowledged writes, 0 lost")
