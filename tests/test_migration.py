"""Sessions copied from store to store while both are in use."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gingersnap import ConfigError
from gingersnap.cli import main, open_store
from gingersnap.migration import Migration, Outcome, Progress, masked
from gingersnap.stores import MemoryStore, PlainStore, RedisStore, SQLAlchemyStore, SQLiteStore
from tests.asgi import Sessions

LONG = 60_000


async def filled(number: int, store: Any = None) -> Any:
    store = MemoryStore() if store is None else store
    for index in range(number):
        await store.create(f"key{index:05}", b'{"n":%d}' % index, LONG)
    return store


async def migrated(source: Any, target: Any, progress: Progress | None = None, **options: Any) -> Counter[str]:
    progress = progress or Progress()
    async for _ in Migration(source, target, **options).run(progress):
        pass
    assert progress.phase == "done"
    return progress.counts


async def everything(store: Any) -> dict[str, bytes]:
    keys, cursor = await store.keys(None, 1_000_000)
    assert cursor is None
    return {key: record.value for key in keys if (record := await store.load(key)) is not None}


async def test_every_record_is_copied_with_the_time_it_has(tmp_path: Path) -> None:
    source, target = await filled(1_000), SQLiteStore(tmp_path / "target")
    assert await migrated(source, target, batch=64) == {"copied": 1_000}
    assert await everything(target) == await everything(source)
    record = await target.load("key00500")
    assert record is not None
    assert LONG - 30_000 < (record.ttl_ms or 0) <= LONG
    await target.aclose()


async def test_the_sessions_of_an_application_go_on() -> None:
    source, target = MemoryStore(), MemoryStore()
    before, after = Sessions(store=source), Sessions(store=target)
    await before.do(lambda s: (s.update(n=1), s.login("ada")))
    await migrated(source, target)
    after.browser.jar = before.jar
    assert await after.data() == {"n": 1}
    assert len(await target.sessions_of("ada")) == 1


async def test_a_second_run_finds_everything_there() -> None:
    source, target = await filled(10), MemoryStore()
    await migrated(source, target)
    assert await migrated(source, target) == {"same": 10}


@pytest.mark.parametrize(("overwrite", "outcome", "value"), [(False, "kept", b'{"mine":1}'), (True, "replaced", b'{"n":0}')])
async def test_S03_what_the_target_has_is_only_replaced_where_that_is_asked_for(
    overwrite: bool, outcome: Outcome, value: bytes
) -> None:
    source, target = await filled(1), MemoryStore()
    await target.create("key00000", b'{"mine":1}', LONG)
    assert await migrated(source, target, overwrite=overwrite) == {outcome: 1}
    assert await everything(target) == {"key00000": value}


@pytest.mark.parametrize("value", [b"", b"no JSON", b"[1]", b'{"a":1,"a":2}', b"\xff"], ids=repr)
async def test_what_cannot_be_read_is_named_and_stays(value: bytes) -> None:
    source, target, progress = await filled(2), MemoryStore(), Progress()
    await source.create("odd-one-and-its-secret", value, LONG)
    assert await migrated(source, target, progress) == {"copied": 2, "unreadable": 1}
    assert progress.unreadable == [masked("odd-one-and-its-secret")]
    assert "secret" not in progress.unreadable[0]
    assert len(source) == 3
    named = Progress()
    await migrated(source, target, named, show_keys=True)
    assert named.unreadable == ["odd-one-and-its-secret"]


async def test_what_has_expired_is_counted(tmp_path: Path) -> None:
    now = [1_000.0]
    source, target = SQLiteStore(tmp_path / "source", clock=lambda: now[0]), MemoryStore()
    await source.create("old", b"{}", 10)
    await source.create("new", b"{}", LONG)
    now[0] += 1
    assert await migrated(source, target) == {"copied": 1, "expired": 1}
    await source.aclose()


async def test_a_dry_run_writes_nothing() -> None:
    source, target = await filled(3), MemoryStore()
    await target.create("key00000", b'{"n":0}', LONG)
    await target.create("key00001", b'{"mine":1}', LONG)
    await target.create("stray", b"{}", LONG)
    before = await everything(target)
    counts = await migrated(source, target, dry_run=True, overwrite=True, prune=True)
    assert counts == {"same": 1, "replaced": 1, "copied": 1, "pruned": 1}
    assert await everything(target) == before


async def test_what_the_source_has_no_more_is_pruned_where_that_is_asked_for() -> None:
    source, target = await filled(3), MemoryStore()
    await migrated(source, target)
    await source.destroy("key00001")
    assert await migrated(source, target) == {"same": 2}
    assert await migrated(source, target, prune=True) == {"same": 2, "pruned": 1}
    assert [*await everything(target)] == ["key00000", "key00002"]


class Meanwhile(MemoryStore):
    """A target whose first ``create`` is followed by what somebody else does at that moment."""

    def __init__(self, then: Callable[["Meanwhile"], Any]) -> None:
        super().__init__()
        self.then: Any = then

    async def create(self, key: str, value: bytes, ttl_ms: int, *, owner: str | None = None) -> bool:
        made = await super().create(key, value, ttl_ms, owner=owner)
        if made and self.then is not None:
            then, self.then = self.then, None
            await then(self)
        return made


async def test_N01_a_logout_while_a_session_is_copied_is_final() -> None:
    source = await filled(1)
    target = Meanwhile(lambda _: source.destroy("key00000"))
    assert await migrated(source, target) == {"ended": 1}
    assert await everything(target) == {}


async def test_N02_a_write_while_a_session_is_copied_is_copied_too() -> None:
    source = await filled(1)

    async def write(_: Any) -> None:
        record = await source.load("key00000")
        await source.replace("key00000", b'{"n":"new"}', LONG, version=record.version)

    target = Meanwhile(write)
    assert await migrated(source, target) == {"copied": 1}
    assert await everything(target) == {"key00000": b'{"n":"new"}'}


async def test_N02_what_the_target_s_users_write_meanwhile_stays() -> None:
    source = await filled(1)

    async def write(target: Any) -> None:
        old, new = await source.load("key00000"), await target.load("key00000")
        await source.replace("key00000", b'{"n":"old"}', LONG, version=old.version)
        await target.replace("key00000", b'{"n":"new"}', LONG, version=new.version)

    target = Meanwhile(write)
    await migrated(source, target)
    assert await everything(target) == {"key00000": b'{"n":"new"}'}


class Failing(MemoryStore):
    """A target that refuses the record of one key."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key: str | None = key
        self.created: list[str] = []

    async def create(self, key: str, value: bytes, ttl_ms: int, *, owner: str | None = None) -> bool:
        if key == self.key:
            raise BrokenPipeError
        self.created.append(key)
        return await super().create(key, value, ttl_ms, owner=owner)


async def test_it_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    source, target, file = await filled(100), Failing("key00055"), tmp_path / "progress"

    async def run() -> None:
        progress = Progress()
        async for _ in Migration(source, target, batch=10).run(progress):
            progress.save(file, "this")

    with pytest.raises(BrokenPipeError):
        await run()
    target.key = None
    again = Progress.load(file, "this")
    assert (again.cursor, again.seen) == ("key00049", 50)
    await migrated(source, target, again, batch=10)
    assert again.counts["copied"] + again.counts["same"] == 100
    assert await everything(target) == await everything(source)
    assert not any(target.created.count(key) > 1 for key in list(await everything(source))[:50])


async def test_progress_of_another_migration_is_refused(tmp_path: Path) -> None:
    Progress().save(tmp_path / "progress", "one")
    with pytest.raises(ConfigError, match=r"^resume: it is of a migration between other stores"):
        Progress.load(tmp_path / "progress", "other")
    (tmp_path / "progress").write_text("[")
    with pytest.raises(ConfigError, match=r"^resume: it is no file of a migration"):
        Progress.load(tmp_path / "progress", "one")


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_store_that_cannot_tell_what_it_holds_is_refused(side: str) -> None:
    class Plain:
        def get(self, key: str, max_age: object = None) -> None: ...
        def set(self, key: str, session: object, max_age: object = None) -> None: ...
        def destroy(self, key: str) -> None: ...

    with pytest.raises(ConfigError, match=rf"^{side}: PlainStore cannot tell what it holds"):
        Migration(**{"source": MemoryStore(), "target": MemoryStore(), side: PlainStore(Plain())}, prune=True)


# --- The command.


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["migrate", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    async def fill() -> None:
        store = await filled(250, SQLiteStore(tmp_path / "source"))
        await store.create("odd-one-and-its-secret", b"no JSON", LONG)
        await store.aclose()

    asyncio.run(fill())
    return f"sqlite:///{tmp_path / 'source'}", f"sqlite:///{tmp_path / 'target'}"


def test_the_command_copies_and_says_what_became_of_all(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, *files, "--dry-run")
    assert (code, err) == (0, "")
    assert "nothing was written" in out
    code, out, err = run(capsys, *files)
    assert (code, err) == (0, "")
    assert "       250  copied" in out
    assert "         1  unreadable, left where they are" in out
    assert f"unreadable: {masked('odd-one-and-its-secret')}" in out
    code, out, _ = run(capsys, *files, "--show-keys", "--batch", 7)
    assert (code, "       250  there already" in out, "unreadable: odd-one-and-its-secret" in out) == (0, True, True)


def test_the_command_goes_on_with_what_it_noted(files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "progress"
    assert run(capsys, *files, "--resume", file)[0] == 0
    assert json.loads(file.read_text())["phase"] == "done"
    code, out, _ = run(capsys, *files, "--resume", file)
    assert (code, "       250  copied" in out) == (0, True)
    code, _, err = run(capsys, *files, "--resume", file, "--overwrite")
    assert (code, err.startswith("gingersnap: resume: it is of a migration between other stores")) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sqlite:///a", "sqlite:///a"], "target: it is the source"),
        (["nonsense", "sqlite:///a"], "store: it is neither a URL nor a Python name"),
        (["no.such.module:store", "sqlite:///a"], "No module named 'no'"),
        (["gingersnap:nothing", "sqlite:///a"], "has no attribute 'nothing'"),
        (["sqlite:///a", "sqlite:///b", "--from-layout", "koa-redis"], "layout: SQLiteStore has no such option"),
        (["sqlite:///a", "redis://localhost", "--to-layout", "connect"], "layout: "),
        (["sqlite:///a", "sqlite:///b", "--batch", "0"], "batch: it is not positive"),
    ],
    ids=lambda case: " ".join(case) if isinstance(case, list) else case,
)
def test_what_cannot_be_done_is_said(arguments: list[str], words: str, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert words in err


def test_a_store_that_fails_is_told_without_its_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "source").write_bytes(b"no database " * 100)
    code, _, err = run(capsys, f"sqlite:///{tmp_path / 'source'}", f"sqlite:///{tmp_path / 'target'}")
    assert (code, err) == (1, "gingersnap: a store failed: RuntimeError; with --resume FILE it goes on from there\n")


def test_a_store_is_named_by_its_url_or_a_python_name(tmp_path: Path) -> None:
    assert isinstance(open_store("redis://localhost:1", None, None, "p:"), RedisStore)
    assert isinstance(open_store("mysql+asyncmy://u@localhost/d", "express-mysql-session", "t", None), SQLAlchemyStore)
    assert isinstance(open_store("gingersnap.stores:MemoryStore", None, None, None), MemoryStore)
    assert type(open_store("postgresql://u@localhost/d", "connect-pg-simple", None, None)).__name__ == "NodePostgresStore"


def test_python_m_gingersnap_is_the_command(files: tuple[str, str]) -> None:
    command = [sys.executable, "-m", "gingersnap", "migrate", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "250  copied" in done.stdout
