"""The promises of each call of a store, one call at a time."""

# ruff: noqa: N802 -- tests bear the ids of what they prove.

from collections.abc import Coroutine
from typing import Any

from ..stores.store import Conflict, Gone, Record, Saved, Store, Taken
from .suite import LONG, Suite, absent, answered, check, kept, made, new_key, new_keys, same, text, with_store

PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))

VALUES = [b"", b"{}", bytes(range(256)), '{"name":"Zoë 🍪"}'.encode(), b'{"blob":"' + b"x" * (66 * 1024) + b'"}']

KEYS = ["a", "A", "b", PRINTABLE, PRINTABLE[::-1], "k_1", "k%1", "kx1", "k*1", "{Yp0x}" + "0" * 64, "{Yp0x}" + "0" * 63 + "1"]
KEYS += ["k" * 299 + end for end in "aAb"] + ["k" * 299]


def answers_at_once(call: Coroutine[Any, Any, Any]) -> bool:
    """Return whether a call ends without yielding to other tasks."""
    try:
        call.send(None)
    except StopIteration:
        return True
    call.close()
    return False


class Calls(Suite):
    """Values, keys, versions, and the answers of each call."""

    @with_store
    async def test_load_answers_none_where_there_is_no_record(self, store: Store) -> None:
        await absent(store, new_key(), "load answers None where there is no record")
        same(await store.load(new_key(), roll=True), None, "load(roll=True) answers None where there is no record")

    @with_store
    async def test_any_octets_come_back_as_they_were(self, store: Store) -> None:
        for value in VALUES:
            key = new_key()
            record = await made(store, key, value)
            rolled = answered(await store.load(key, roll=True), Record, "load(roll=True) of a live record")
            same((rolled.value, rolled.version), (value, record.version), "a rolling load answers with the same data and version")
            await store.replace(key, value[::-1], LONG, version=record.version)
            await kept(store, key, value[::-1], "load answers with the octets that replace was given")

    @with_store
    async def test_keys_differ_by_a_single_character_or_its_case(self, store: Store) -> None:
        for index, key in enumerate(KEYS):
            same(await store.create(key, text(n=index), LONG), True, f"{key!r} is a key of its own: create makes a record")
        for index, key in enumerate(KEYS):
            await kept(store, key, text(n=index), f"{key!r} is a key of its own, with its own record")
        for key in KEYS:
            same(await store.destroy(key), True, f"{key!r} is a key of its own: destroy removes its record and no other")
            await absent(store, key, f"destroy({key!r}) removes the record")

    @with_store
    async def test_S03_create_never_overwrites(self, store: Store) -> None:
        key = new_key()
        record = await made(store, key, text(n=1))
        same(await store.create(key, text(n=2), LONG), False, "create answers False where a live record has the key")
        still = await kept(store, key, text(n=1), "create leaves a live record as it was")
        same(still.version, record.version, "create leaves the version of a live record as it was")

    @with_store
    async def test_replace_writes_over_the_version_that_was_loaded(self, store: Store) -> None:
        key = new_key()
        record = await made(store, key)
        first = answered(await store.replace(key, text(n=1), LONG, version=record.version), Saved, "replace over what was loaded")
        loaded = await kept(store, key, text(n=1), "load answers with what replace was given")
        same(loaded.version, first.version, "replace answers with the version that the record has now")
        answered(await store.replace(key, text(n=2), LONG, version=first.version), Saved, "replace over the version it answered")
        await kept(store, key, text(n=2), "load answers with what replace was given last")

    @with_store
    async def test_replace_never_creates(self, store: Store) -> None:
        key, other = new_keys(2)
        version = (await made(store, other)).version
        answered(await store.replace(key, text(n=1), LONG, version=version), Gone, "replace of what never was")
        await absent(store, key, "replace never creates")
        await store.destroy(other)
        answered(await store.replace(other, text(n=1), LONG, version=version), Gone, "replace of what was destroyed")
        await absent(store, other, "replace never brings back what was destroyed")

    @with_store
    async def test_replace_of_an_old_version_answers_with_what_is_there(self, store: Store) -> None:
        key = new_key()
        old = (await made(store, key)).version
        await store.replace(key, text(mine=1), LONG, version=old)
        for _ in range(2):
            conflict = answered(await store.replace(key, text(late=1), LONG, version=old), Conflict, "replace of an old version")
            same(conflict.value, text(mine=1), "Conflict tells the value that is there now")
            await kept(store, key, text(mine=1), "a replace that met a conflict wrote nothing")
        promise = "replace over the version that Conflict told"
        answered(await store.replace(key, text(both=1), LONG, version=conflict.version), Saved, promise)

    @with_store
    async def test_a_version_is_not_that_of_a_later_record_of_the_same_key(self, store: Store) -> None:
        key, new = new_keys(2)
        old = (await made(store, key, text(n=1))).version
        await store.destroy(key)
        await made(store, key, text(n=2))
        promise = "the version of a record that was destroyed is none of the next one under its key"
        answered(await store.replace(key, text(n=3), LONG, version=old), Conflict, promise)
        answered(await store.move(key, new, text(n=3), LONG, version=old), Conflict, promise)
        await kept(store, key, text(n=2), "a call that met a conflict wrote nothing")

    @with_store
    async def test_L03_after_a_move_the_old_key_has_nothing(self, store: Store) -> None:
        old, new, third = new_keys(3)
        version = (await made(store, old)).version
        saved = answered(await store.move(old, new, text(n=1), LONG, version=version), Saved, "move of what was loaded")
        await absent(store, old, "after a move, load of the old key answers None")
        same(await store.load(old, roll=True), None, "after a move, a rolling load of the old key answers None")
        for late in (version, saved.version):
            answered(await store.replace(old, text(), LONG, version=late), Gone, "after a move, replace of the old key")
            answered(await store.move(old, third, text(), LONG, version=late), Gone, "after a move, move of the old key")
        same(await store.touch(old, LONG), False, "after a move, touch of the old key answers False")
        same(await store.destroy(old), False, "after a move, destroy of the old key answers False")
        await absent(store, third, "a move that answered Gone wrote nothing")
        moved = await kept(store, new, text(n=1), "after a move, the new key has what move was given")
        same(moved.version, saved.version, "move answers with the version that the record has now")
        answered(await store.replace(new, text(n=2), LONG, version=saved.version), Saved, "replace over the version it answered")

    @with_store
    async def test_move_of_an_old_version_changes_nothing(self, store: Store) -> None:
        old, new = new_keys(2)
        version = (await made(store, old)).version
        saved = answered(await store.replace(old, text(mine=1), LONG, version=version), Saved, "replace over what was loaded")
        conflict = answered(await store.move(old, new, text(late=1), LONG, version=version), Conflict, "move of an old version")
        same(conflict.value, text(mine=1), "Conflict tells the value that is there now")
        same(conflict.version, saved.version, "Conflict tells the version that is there now")
        await kept(store, old, text(mine=1), "a move that met a conflict leaves the old key as it was")
        await absent(store, new, "a move that met a conflict does not write the new key")
        answered(await store.move(old, new, text(), LONG, version=conflict.version), Saved, "move of what Conflict told")

    @with_store
    async def test_move_to_a_key_that_is_taken_changes_nothing(self, store: Store) -> None:
        old, new = new_keys(2)
        mine, theirs = await made(store, old, text(mine=1)), await made(store, new, text(theirs=1))
        answered(await store.move(old, new, text(n=1), LONG, version=mine.version), Taken, "move to a key with a live record")
        still = await kept(store, old, text(mine=1), "a move that answered Taken leaves the old key as it was")
        same(still.version, mine.version, "a move that answered Taken leaves the version of the old key")
        still = await kept(store, new, text(theirs=1), "a move that answered Taken leaves the new key as it was")
        same(still.version, theirs.version, "a move that answered Taken leaves the version of the new key")

    @with_store
    async def test_a_key_is_free_again_once_its_record_went(self, store: Store) -> None:
        old, new = new_keys(2)
        version = (await made(store, old)).version
        await store.move(old, new, text(n=1), LONG, version=version)
        await made(store, old, text(n=2))
        await store.destroy(new)
        await made(store, new, text(n=3))
        await kept(store, old, text(n=2), "a record that was made under the old key of a move is its own")

    @with_store
    async def test_N03_touch_writes_no_data(self, store: Store) -> None:
        key = new_key()
        same(await store.touch(key, LONG), False, "touch answers False where there is no record")
        await absent(store, key, "touch never creates")
        record = await made(store, key, text(n=1))
        same(await store.touch(key, 2 * LONG), True, "touch answers True where there is a live record")
        still = await kept(store, key, text(n=1), "touch leaves the data as it is")
        same(still.version, record.version, "touch leaves the version as it is")
        answered(await store.replace(key, text(n=2), LONG, version=record.version), Saved, "replace after a touch")

    @with_store
    async def test_destroy_removes_a_record_once(self, store: Store) -> None:
        key, neighbour = new_keys(2)
        same(await store.destroy(key), False, "destroy answers False where there is no record")
        await made(store, neighbour, text(n=1))
        await made(store, key)
        same(await store.destroy(key), True, "destroy answers True where there was a live record")
        await absent(store, key, "after destroy, load answers None")
        same(await store.touch(key, LONG), False, "after destroy, touch answers False")
        same(await store.destroy(key), False, "destroy answers False the second time")
        await kept(store, neighbour, text(n=1), "destroy removes one record alone")

    @with_store
    async def test_a_store_answers_when_asked_and_can_be_closed_and_used_again(self, store: Any) -> None:
        same(await store.ping(), None, "ping answers None")
        for _ in range(2):
            same(await store.aclose(), None, "aclose answers None, the second time too")
        same(await store.ping(), None, "ping answers None after aclose")
        await made(store, new_key(), text(n=1))

    @with_store
    async def test_what_a_store_says_of_itself_can_be_used(self, store: Any) -> None:
        every = getattr(store, "purge_every", None)
        number = isinstance(every, int | float) and not isinstance(every, bool) and every > 0
        check(every is None or number, "purge_every is a number of seconds above 0, or left out", every)
        same(getattr(store, "atomic", True), self.atomic, "`atomic` of the store and of its contract are the same")
        if getattr(store, "prompt", False):
            self._prompt(store, new_key(), new_key())

    def _prompt(self, store: Any, key: str, new: str) -> None:
        calls = [store.create(key, b"{}", LONG), store.load(key), store.load(key, roll=True), store.touch(key, LONG)]
        calls += [store.replace(key, b"{}", LONG, version=""), store.move(key, new, b"{}", LONG, version="")]
        for call in [*calls, store.destroy(key), store.purge(1), store.ping()]:
            check(answers_at_once(call), "no call of a store with `prompt` waits for anything", call.__qualname__)
