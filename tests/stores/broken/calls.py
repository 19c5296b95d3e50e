"""Stores with a call that does not do what it promises."""

import asyncio
import types

from gingersnap.stores import Record, Saved

from .table import Broken, fails


@fails("load_answers_none")
class MakesUpARecord(Broken):
    async def load(self, key, *, roll=False):
        return await super().load(key, roll=roll) or Record(b"{}", "", 1)


@fails("any_octets")
class StoresText(Broken):
    def _put(self, key, value, ttl_ms):
        return super()._put(key, value.decode("utf-8", "replace").encode(), ttl_ms)


@fails("any_octets")
class StoresNoMoreThan64KiB(Broken):
    def _put(self, key, value, ttl_ms):
        return super()._put(key, value[: 64 * 1024], ttl_ms)


@fails("keys_differ")
class IgnoresCase(Broken):
    async def create(self, key, value, ttl_ms):
        return await super().create(key.lower(), value, ttl_ms)

    async def load(self, key, *, roll=False):
        return await super().load(key.lower(), roll=roll)


@fails("keys_differ")
class CutsKeys(Broken):
    async def create(self, key, value, ttl_ms):
        return await super().create(key[:255], value, ttl_ms)

    async def load(self, key, *, roll=False):
        return await super().load(key[:255], roll=roll)


@fails("S03_create_never_overwrites", "S03_of_several_creates")
class CreatesOverARecord(Broken):
    async def create(self, key, value, ttl_ms):
        return bool(self._put(key, value, ttl_ms))


@fails("replace_writes_over_the_version")
class AnswersWithTheOldVersion(Broken):
    async def replace(self, key, value, ttl_ms, *, version):
        answer = await super().replace(key, value, ttl_ms, version=version)
        return Saved(version) if isinstance(answer, Saved) else answer


@fails("replace_writes_over_the_version")
class HasNoVersions(Broken):
    def _put(self, key, value, ttl_ms):
        super()._put(key, value, ttl_ms)
        self.rows[key] = (value, None, *self.rows[key][2:])
        return Saved(None)


@fails("replace_never_creates", "N01_", "L03_", "expired_record_is_absent_for_replace", "replace_of_an_old_version", "N02_")
class ReplaceIsAnUpsert(Broken):
    async def replace(self, key, value, ttl_ms, *, version):
        return self._put(key, value, ttl_ms)


@fails("replace_of_an_old_version", "move_of_an_old_version", "version_is_not_that_of_a_later")
class ForgetsTheVersion(Broken):
    def _refused(self, key, version):
        row = self._live(key)
        return super()._refused(key, row and row[1])


@fails("version_is_not_that_of_a_later")
class CountsVersionsFromOne(Broken):
    def _put(self, key, value, ttl_ms):
        row = self._live(key)
        super()._put(key, value, ttl_ms)
        self.rows[key] = (value, row[1] + 1 if row else 1, *self.rows[key][2:])
        return Saved(self.rows[key][1])


@fails("L03_", "N04_move_replace", "N04_whoever", "N04_of_several_moves_of_one")
class MoveIsACopy(Broken):
    async def move(self, old, new, value, ttl_ms, *, version):
        row = self.rows.get(old)
        answer = await super().move(old, new, value, ttl_ms, version=version)
        if isinstance(answer, Saved):
            self.rows[old] = row
        return answer


@fails("move_to_a_key_that_is_taken", "N04_of_several_moves_to_one")
class MovesOverARecord(Broken):
    async def move(self, old, new, value, ttl_ms, *, version):
        if not self._refused(old, version):
            self.rows.pop(new, None)
        return await super().move(old, new, value, ttl_ms, version=version)


@fails("key_is_free_again")
class KeepsTombstones(Broken):
    async def destroy(self, key):
        return await self.touch(key, 10**9) and not self.rows.update({key: (b"", "", 0, 10**12)})

    async def load(self, key, *, roll=False):
        record = await super().load(key, roll=roll)
        return record if record and record.version else None


@fails("N03_touch_writes_no_data")
class TouchCreates(Broken):
    async def touch(self, key, ttl_ms):
        return bool(self._live(key) or self._put(key, b"{}", ttl_ms))


@fails("N03_touch_writes_no_data", "N03_touch_and_rolling", "rolling_load_starts")
class TouchMakesAVersion(Broken):
    async def touch(self, key, ttl_ms):
        return bool((row := self._live(key)) and self._put(key, row[0], ttl_ms))


@fails("destroy_removes_a_record_once", "L03_", "expired_record_is_absent_for_touch_and_destroy", "N04_move_replace")
class DestroyAlwaysSaysYes(Broken):
    async def destroy(self, key):
        return await super().destroy(key) or True


@fails("store_answers_when_asked")
class CannotBeUsedAgain(Broken):
    async def aclose(self):
        self.rows = types.MappingProxyType({})

    async def create(self, key, value, ttl_ms):
        return isinstance(self.rows, dict) and await super().create(key, value, ttl_ms)


@fails("what_a_store_says")
class PurgesEveryWord(Broken):
    purge_every = "60"


@fails("what_a_store_says")
class SaysThatItIsPrompt(Broken):
    prompt = True

    async def ping(self):
        await asyncio.sleep(0)


@fails("what_a_store_says")
class SaysThatItIsNotAtomic(Broken):
    atomic = False
