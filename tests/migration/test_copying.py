"""Sessions copied from store to store while the source is in use."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gingersnap import ConfigError
from gingersnap.migration import Migration, Outcome, Progress, masked
from gingersnap.stores import MemoryStore, PlainStore, SQLiteStore
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
    """A target where the first copy of ``key00000`` is followed by what somebody else does at that moment."""

    def __init__(self, then: Callable[["Meanwhile"], Any]) -> None:
        super().__init__()
        self.then: Any = then

    async def create(self, key: str, value: bytes, ttl_ms: int, *, owner: str | None = None) -> bool:
        made = await super().create(key, value, ttl_ms, owner=owner)
        if made and key.endswith("key00000") and self.then is not None:
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


class Refusing(MemoryStore):
    """A target that cannot hold some records, or from some moment on none at all."""

    def __init__(self, refuses: Callable[["Refusing", str], bool]) -> None:
        super().__init__()
        self.refuses = refuses
        self.asked: list[str] = []

    async def create(self, key: str, value: bytes, ttl_ms: int, *, owner: str | None = None) -> bool:
        self.asked.append(key)
        if self.refuses(self, key):
            raise ValueError
        return await super().create(key, value, ttl_ms, owner=owner)


@pytest.mark.parametrize("move", [False, True])
async def test_what_the_target_cannot_hold_is_named_and_stays(move: bool) -> None:
    source, progress = await filled(40), Progress()
    target = Refusing(lambda _, key: key.endswith(("key00007", "key00030")))
    assert await migrated(source, target, progress, move=move) == {"copied": 38, "refused": 2}
    assert progress.refused == [masked("key00007"), masked("key00030")]
    assert len(target) == 38
    assert len(source) == (2 if move else 40)


@pytest.mark.parametrize("move", [False, True])
async def test_a_target_that_takes_no_more_stops_it(move: bool) -> None:
    source, target, progress = await filled(40), Refusing(lambda store, _: len(store) >= 20), Progress()
    with pytest.raises(ValueError, match=r"^$"):
        await migrated(source, target, progress, move=move)
    assert progress.refused == []
    target.refuses = lambda *_: False
    await migrated(source, target, progress, move=move)
    assert len(await everything(target)) == 40


async def test_a_call_that_fails_once_is_no_refusal() -> None:
    source, target = await filled(3), Refusing(lambda store, key: store.asked.count(key) == 1 and key == "key00001")
    assert await migrated(source, target) == {"copied": 3}


async def test_a_dry_run_does_not_try_what_the_target_holds() -> None:
    class Blind(Refusing):
        async def load(self, key: str, *, roll: bool = False) -> Any:
            if key == "key00001":
                raise ValueError
            return await super().load(key, roll=roll)

    target = Blind(lambda *_: False)
    assert await migrated(await filled(3), target, dry_run=True) == {"copied": 2, "refused": 1}
    assert target.asked == []


@pytest.mark.parametrize("key", ["\u00e9", "\udce9\udcff", "\u202ekey"], ids=ascii)
async def test_a_key_that_is_not_ascii_is_named_and_stays(key: str) -> None:
    source, target, progress = await filled(1), MemoryStore(), Progress()
    await source.create(key, b"{}", LONG)
    assert await migrated(source, target, progress, show_keys=True) == {"copied": 1, "unreadable": 1}
    assert progress.unreadable == [ascii(key)[1:-1]]
    assert masked(key).isascii()


@pytest.mark.parametrize("records", [{}, {"odd": b"no JSON"}], ids=["empty", "unreadable"])
async def test_nothing_is_pruned_where_the_source_holds_no_session(records: dict[str, bytes]) -> None:
    source, target, progress = MemoryStore(), await filled(3), Progress()
    for key, value in records.items():
        await source.create(key, value, LONG)
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"^prune: the source holds no session"):
            await migrated(source, target, progress, prune=True)
    assert len(target) == 3


async def test_only_what_can_be_a_session_is_pruned() -> None:
    source, target = await filled(1), await filled(1)
    for key in ("a stray", "x" * 301, "\u00e9"):
        await target.create(key, b"{}", LONG)
    await target.create("settings", b"[1]", LONG)
    await target.create("stray", b"{}", LONG)
    assert await migrated(source, target, prune=True) == {"same": 1, "pruned": 1}
    assert len(target) == 5


@pytest.mark.parametrize("options", [{"prune": True}, {"move": True}], ids=lambda options: next(iter(options)))
async def test_nothing_is_removed_where_source_and_target_are_one(options: dict[str, bool], tmp_path: Path) -> None:
    source, target = await filled(3, SQLiteStore(tmp_path / "one")), SQLiteStore(tmp_path / "one")
    with pytest.raises(ConfigError, match=r"^target: it is the source by another name"):
        await migrated(source, target, **options)
    assert [*await everything(source)] == ["key00000", "key00001", "key00002"]
    await source.aclose()
    await target.aclose()


@pytest.mark.parametrize("other", ["overwrite", "prune"])
def test_move_goes_with_neither_overwrite_nor_prune(other: str) -> None:
    with pytest.raises(ConfigError, match=r"^move: it goes with neither overwrite nor prune"):
        Migration(MemoryStore(), MemoryStore(), move=True, **{other: True})


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_X08_progress_is_its_owner_s_alone(tmp_path: Path) -> None:
    (tmp_path / "progress.new").touch(0o644)
    Progress().save(tmp_path / "progress", "one")
    assert (tmp_path / "progress").stat().st_mode & 0o777 == 0o600


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
        def get(self, key: str, max_age: object = None, **_: object) -> None: ...
        def set(self, key: str, session: object, max_age: object = None, **_: object) -> None: ...
        def destroy(self, key: str, **_: object) -> None: ...

    with pytest.raises(ConfigError, match=rf"^{side}: PlainStore cannot tell what it holds"):
        Migration(**{"source": MemoryStore(), "target": MemoryStore(), side: PlainStore(Plain())}, prune=True)
