"""The writer: a call that broke down is made again once, and what became of the first is found out."""

# Names bear the ids of requirements as they are written.

import asyncio
import contextlib
from typing import Any

import pytest

from gingersnap import Event, SessionConflict, SessionOptions, SessionUnavailable
from gingersnap.lifecycle.policy import Policy
from gingersnap.records.record_writer import TRIES, EncodedRecord, RecordWriter, StoredVersion
from gingersnap.records.repository import Repository
from gingersnap.stores import Conflict, Gone, MemoryStore, Saved, Taken
from tests.asgi import KEY, Sessions

CALLS = ("load", "create", "replace", "move", "touch", "destroy")


class Faulty(MemoryStore):
    """A real store whose calls break down as they are told: before they are carried out, or after, as a lost reply does."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: dict[str, list[str]] = {}
        self.calls: list[str] = []
        self.between: Any = None

    def breaks(self, call: str, *when: str) -> None:
        self.faults[call] = [*when]


def _faulty(name: str) -> Any:
    async def call(self: Faulty, *given: Any, **named: Any) -> Any:
        self.calls.append(name)
        faults = self.faults.get(name)
        fault = faults.pop(0) if faults else ""
        if fault == "before":
            raise ConnectionError("refused")
        if fault == "late":
            raise TimeoutError
        answer = await getattr(MemoryStore, name)(self, *given, **named)
        if fault == "after":
            if self.between is not None:
                await self.between()
            raise ConnectionError("reset")
        return answer

    return call


for _name in CALLS:
    setattr(Faulty, _name, _faulty(_name))

ONE, TWO, THREE = (EncodedRecord(b'{"n":%d}' % n, 60_000, None, 60_000, None) for n in (1, 2, 3))


def writer_of(store: Any, **given: Any) -> RecordWriter:
    setup = Repository(Policy(SessionOptions(keys=[KEY], store=store, **{"store_breaker": False, "regenerate_grace": 0, **given})))
    return RecordWriter(setup, store, {"type": "http"})


async def written(store: Faulty, writer: RecordWriter) -> tuple[str, str, StoredVersion]:
    """Make a record; give its id, its key and what is known of it."""
    id = await writer.create(ONE, None)
    key = writer._repository.ids.key(id)
    store.calls.clear()
    return id, key, StoredVersion(await version_of(store, key), ONE.value)


async def version_of(store: MemoryStore, key: str) -> Any:
    record = await MemoryStore.load(store, key)
    assert record is not None
    return record.version


def values(store: MemoryStore) -> list[bytes]:
    return [entry.value for entry in store._entries.values()]


@pytest.mark.parametrize(
    ("faults", "calls"),
    [([], ["create"]), (["before"], ["create", "create"]), (["after"], ["create", "create", "load"])],
    ids=["well", "refused", "reply lost"],
)
async def test_O01_a_create_is_made_once_whatever_became_of_its_reply(faults: list[str], calls: list[str]) -> None:
    store = Faulty()
    store.breaks("create", *faults)
    writer = writer_of(store)
    id = await writer.create(ONE, None)
    assert (store.calls, values(store)) == (calls, [ONE.value])
    assert list(store._entries) == [writer._repository.ids.key(id)]


@pytest.mark.parametrize("faults", [["before", "before"], ["after", "before"], ["before", "after"], ["after", "after"]])
@pytest.mark.parametrize("call", ["create", "replace", "move", "destroy"])
async def test_O01_after_two_breakdowns_it_gives_up(call: str, faults: list[str]) -> None:
    store = Faulty()
    writer = writer_of(store)
    id, key, held = await written(store, writer)
    store.breaks(call, *faults, "never")
    ask = {
        "create": lambda: writer.create(TWO, None),
        "replace": lambda: writer.replace(key, TWO, held),
        "move": lambda: writer.move(id, TWO, held, None),
        "destroy": lambda: writer.destroy(key),
    }[call]
    with pytest.raises(SessionUnavailable) as caught:
        await ask()
    assert isinstance(caught.value.__cause__, ConnectionError)
    assert (store.calls, store.faults[call]) == ([call, call], ["never"])


async def test_S03_a_create_that_broke_down_takes_no_record_for_its_own_that_is_not() -> None:
    # The first try is lost on its way, and before the second somebody else has the very id.
    store = Faulty()
    given = iter(["same", "other"])
    writer = writer_of(store, genid=lambda scope: next(given))
    await MemoryStore.create(store, writer._repository.ids.key("same"), TWO.value, 60_000)
    store.breaks("create", "before")
    assert await writer.create(ONE, None) == "other"
    assert sorted(values(store)) == sorted([ONE.value, TWO.value])


@pytest.mark.parametrize(
    ("faults", "calls"),
    [([], ["replace"]), (["before"], ["replace", "replace"]), (["after"], ["replace", "replace"])],
    ids=["well", "refused", "reply lost"],
)
async def test_O01_a_replace_whose_reply_was_lost_is_no_conflict(faults: list[str], calls: list[str]) -> None:
    store = Faulty()
    writer = writer_of(store)
    _, key, held = await written(store, writer)
    store.breaks("replace", *faults)
    answer = await writer.replace(key, TWO, held)
    assert answer == Saved(await version_of(store, key))
    assert (store.calls, values(store)) == (calls, [TWO.value])
    # The version that it tells is the one that the next write asks for.
    assert isinstance(await writer.replace(key, THREE, StoredVersion(answer.version, TWO.value)), Saved)


async def test_N02_a_replace_whose_reply_was_lost_does_not_cover_somebody_elses() -> None:
    store = Faulty()
    writer = writer_of(store)
    _, key, held = await written(store, writer)
    store.breaks("replace", "after")

    async def other() -> None:
        version = await version_of(store, key)
        assert isinstance(await MemoryStore.replace(store, key, THREE.value, 60_000, version=version), Saved)

    store.between = other
    assert await writer.replace(key, TWO, held) == Conflict(THREE.value, await version_of(store, key))
    assert values(store) == [THREE.value]


async def test_N02_somebody_elses_write_of_the_very_same_is_a_conflict() -> None:
    store = Faulty()
    writer = writer_of(store)
    _, key, held = await written(store, writer)
    first = await writer.replace(key, TWO, held)
    assert isinstance(first, Saved)
    assert await writer_of(store).replace(key, TWO, held) == Conflict(TWO.value, first.version)


async def test_N01_a_replace_whose_reply_was_lost_does_not_revive_what_was_ended() -> None:
    store = Faulty()
    writer = writer_of(store)
    _, key, held = await written(store, writer)
    store.breaks("replace", "after")
    store.between = lambda: MemoryStore.destroy(store, key)
    assert await writer.replace(key, TWO, held) == Gone()
    assert values(store) == []


@pytest.mark.parametrize(
    ("faults", "calls"),
    [([], ["move"]), (["before"], ["move", "move"]), (["after"], ["move", "move", "load"])],
    ids=["well", "refused", "reply lost"],
)
async def test_L03_a_move_whose_reply_was_lost_is_found_out(faults: list[str], calls: list[str]) -> None:
    store = Faulty()
    writer = writer_of(store)
    id, key, held = await written(store, writer)
    store.breaks("move", *faults)
    new_id, answer = await writer.move(id, TWO, held, "ada")
    new_key = writer._repository.ids.key(new_id)
    assert (answer, new_id != id, new_key != key) == (Saved(await version_of(store, new_key)), True, True)
    assert (store.calls, list(store._entries), values(store)) == (calls, [new_key], [TWO.value])
    assert [owned.key for owned in await store.sessions_of("ada")] == [new_key]


async def test_L03_a_move_of_a_session_that_somebody_ended_is_gone() -> None:
    store = Faulty()
    writer = writer_of(store)
    id, key, held = await written(store, writer)
    await MemoryStore.destroy(store, key)
    for faults in ([], ["before"]):
        store.breaks("move", *faults)
        assert (await writer.move(id, TWO, held, None))[1] == Gone()
    assert values(store) == []


async def test_L03_a_move_that_went_half_way_is_not_taken_for_done() -> None:
    class Halves(Faulty):
        """A store that cannot move at once, and cannot remove the old record."""

        async def move(self, old: str, new: str, value: bytes, ttl_ms: int, *, version: Any, owner: str | None = None) -> Any:
            if not await MemoryStore.create(self, new, value, ttl_ms, owner=owner):
                return Taken()
            raise ConnectionError

    store = Halves()
    writer = writer_of(store)
    id, key, held = await written(store, writer)
    store.breaks("destroy", "before", "before")
    with pytest.raises(SessionUnavailable):
        await writer.move(id, TWO, held, None)
    new_id, answer = await writer.move(id, TWO, held, None)
    assert isinstance(answer, Saved)
    # The old id is dead.
    assert await MemoryStore.load(store, key) is None
    assert (await MemoryStore.load(store, writer._repository.ids.key(new_id))) is not None


async def test_S03_a_move_to_a_taken_id_tries_another() -> None:
    store = Faulty()
    given = iter(["old", "taken", "free"])
    writer = writer_of(store, genid=lambda scope: next(given))
    id, _, held = await written(store, writer)
    await MemoryStore.create(store, writer._repository.ids.key("taken"), THREE.value, 60_000)
    new_id, answer = await writer.move(id, TWO, held, None)
    assert (new_id, type(answer)) == ("free", Saved)
    assert sorted(values(store)) == [TWO.value, THREE.value]


@pytest.mark.parametrize("faults", [["before"], ["after"]])
async def test_O01_a_destroy_that_broke_down_is_made_again(faults: list[str]) -> None:
    store = Faulty()
    writer = writer_of(store)
    _, key, _ = await written(store, writer)
    store.breaks("destroy", *faults)
    await writer.destroy(key)
    assert (store.calls, values(store)) == (["destroy", "destroy"], [])


async def test_a_touch_is_not_made_again() -> None:
    store = Faulty()
    writer = writer_of(store)
    _, key, _ = await written(store, writer)
    store.breaks("touch", "before")
    with pytest.raises(SessionUnavailable):
        await writer.touch(key, 60_000)
    assert store.calls == ["touch"]
    assert await writer.touch(key, 60_000)


@pytest.mark.parametrize("call", ["create", "replace", "move", "destroy"])
async def test_what_took_too_long_is_not_made_again(call: str) -> None:
    store = Faulty()
    writer = writer_of(store)
    id, key, held = await written(store, writer)
    store.breaks(call, "late")
    with pytest.raises(SessionUnavailable):
        await {
            "create": lambda: writer.create(TWO, None),
            "replace": lambda: writer.replace(key, TWO, held),
            "move": lambda: writer.move(id, TWO, held, None),
            "destroy": lambda: writer.destroy(key),
        }[call]()
    assert store.calls == [call]


async def test_O04_what_the_breaker_held_back_is_not_tried_again() -> None:
    store = Faulty()
    writer = writer_of(store, store_breaker=True)
    store.breaks("destroy", *["before"] * 50)
    for _ in range(10):
        with pytest.raises(SessionUnavailable):
            await writer.destroy("key")
    # The first was tried twice, and none since it failed again.
    assert store.calls == ["destroy"] * 6


async def test_a_version_that_create_did_not_tell_is_looked_up() -> None:
    store = Faulty()
    writer = writer_of(store)
    id, key, _ = await written(store, writer)
    fresh = StoredVersion(None, ONE.value)
    saved = await writer.replace(key, TWO, fresh)
    assert isinstance(saved, Saved)
    assert store.calls == ["load", "replace"]
    # Somebody else has written it since: that is met as any other conflict.
    assert await writer.replace(key, THREE, fresh) == Conflict(TWO.value, saved.version)
    assert await writer.move(id, THREE, fresh, None) == (id, Conflict(TWO.value, saved.version))
    await MemoryStore.destroy(store, key)
    assert await writer.replace(key, THREE, fresh) == Gone()
    assert await writer.move(id, THREE, fresh, None) == (id, Gone())
    assert values(store) == []


async def test_N06_it_pauses_ten_times_at_most() -> None:
    writer = writer_of(Faulty())
    for _ in range(TRIES - 1):
        with contextlib.suppress(SessionConflict):
            await writer.pause()
    with pytest.raises(SessionConflict, match="other requests kept writing this session"):
        await writer.pause()


async def test_N06_under_raise_it_does_not_pause_at_all() -> None:
    with pytest.raises(SessionConflict):
        await writer_of(Faulty(), on_conflict="raise").pause()


async def test_N06_its_patience_ends_with_the_time_of_a_commit() -> None:
    # The first try has taken a second: of two there is time for none after another pause, of ten there is.
    for timeout_s, outcome in ((2, pytest.raises(SessionConflict)), (10, contextlib.nullcontext())):
        writer = writer_of(Faulty(), store_timeout=timeout_s)
        writer._begun -= 1
        writer._deadline -= 1
        with outcome:
            await writer.pause()


# --- As an application meets it.


async def place(**options: Any) -> tuple[Faulty, Sessions, list[Event]]:
    store, events = Faulty(), []
    names = ("created", "saved", "regenerated", "destroyed", "conflict", "gone", "store_error")
    client = Sessions(store=store, store_breaker=False, listeners=dict.fromkeys(names, events.append), **options)
    await client.do(lambda s: s.update(n=1))
    events.clear()
    store.calls.clear()
    return store, client, events


@pytest.mark.parametrize("fault", ["before", "after"])
@pytest.mark.parametrize(
    ("handler", "call", "event", "left"),
    [
        (lambda s: s.update(n=2), "replace", "saved", {"n": 2}),
        (lambda s: s.regenerate(), "move", "regenerated", {"n": 1}),
        (lambda s: s.login("ada"), "move", "regenerated", {"n": 1}),
        (lambda s: s.logout(), "destroy", "destroyed", {}),
        (lambda s: (s.destroy(), s.update(m=1)), "create", "regenerated", {"m": 1}),
    ],
    ids=["save", "regenerate", "login", "logout", "start anew"],
)
async def test_O01_a_breakdown_is_nothing_to_the_client(fault: str, handler: Any, call: str, event: str, left: Any) -> None:
    store, client, events = await place()
    store.breaks(call, fault)
    response = await client.do(handler)
    assert (response.status, store.calls.count(call)) == (200, 2)
    assert [each.name for each in events] == ["store_error", event]
    assert await client.data() == left
    assert len(store) == bool(left)


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_O01_a_first_session_whose_reply_was_lost_is_one_record(fault: str) -> None:
    store = Faulty()
    client = Sessions(store=store, store_breaker=False)
    store.breaks("create", fault)
    assert len((await client.do(lambda s: s.update(n=1))).cookies) == 2
    assert await client.data() == {"n": 1}
    assert len(store) == 1


async def test_N02_a_lost_reply_and_another_writer_lose_no_key() -> None:
    store, client, events = await place()
    other = Sessions(store=store)
    other.jar.update(client.jar)
    store.breaks("replace", "after")

    async def write() -> None:
        store.between = None
        await other.do(lambda s: s.update(theirs=1))

    store.between = write
    await client.do(lambda s: s.update(mine=1))
    assert await client.data() == {"n": 1, "mine": 1, "theirs": 1}
    assert [event.name for event in events] == ["store_error", "conflict", "saved"]


@pytest.mark.parametrize(
    "handler", [lambda s: s.update(n=2), lambda s: s.regenerate(), lambda s: s.logout()], ids=["save", "regenerate", "logout"]
)
async def test_O03_a_write_goes_on_where_its_client_does_not_wait(handler: Any) -> None:
    class Waiting(MemoryStore):
        entered: asyncio.Event
        leave: asyncio.Event

    def waiting(name: str) -> Any:
        async def call(self: Waiting, *given: Any, **named: Any) -> Any:
            self.entered.set()
            await self.leave.wait()
            return await getattr(MemoryStore, name)(self, *given, **named)

        return call

    for name in ("replace", "move", "destroy"):
        setattr(Waiting, name, waiting(name))
    store = Waiting()
    store.entered, store.leave = asyncio.Event(), asyncio.Event()
    client = Sessions(store=store)
    await client.do(lambda s: s.update(n=1))
    before = dict(store._entries)
    value = values(store)
    task = asyncio.create_task(client.do(handler))
    await store.entered.wait()
    task.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert values(store) == value
    store.leave.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(5):
        await asyncio.sleep(0)
    assert list(store._entries) != list(before) or values(store) != value
