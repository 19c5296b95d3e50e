"""Stores that are wrong about time."""

from gingersnap.stores import Record, Saved

from .table import Broken, fails


@fails("record_tells_how_long")
class TellsSeconds(Broken):
    async def load(self, key, *, roll=False):
        record = await super().load(key, roll=roll)
        return record and Record(record.value, record.version, record.ttl_ms // 1000)


@fails("record_tells_how_long")
class CountsIn32Bits(Broken):
    def _put(self, key, value, ttl_ms):
        return super()._put(key, value, min(ttl_ms, 2**31 - 1))


@fails("touch_lengthens", "rolling_load_never_shortens")
class TouchShortens(Broken):
    async def touch(self, key, ttl_ms):
        return bool(self._live(key)) and not self.end(key, ttl_ms)


@fails("absent_for_load", "of_a_millisecond")
class LoadsWhatHasExpired(Broken):
    async def load(self, key, *, roll=False):
        row = self.rows.get(key)
        return row and Record(row[0], row[1], 1)


@fails("absent_for_load", "of_a_millisecond", "S06_purge")
class ExpiresBySeconds(Broken):
    def _put(self, key, value, ttl_ms):
        return super()._put(key, value, max(ttl_ms, 1000))


@fails("absent_for_load")
class RollsWhatHasExpired(Broken):
    async def load(self, key, *, roll=False):
        if roll and key in self.rows:
            self.end(key, self.rows[key][2])
        return await super().load(key)


@fails("absent_for_replace")
class ReplacesWhatHasExpired(Broken):
    def _refused(self, key, version):
        if key in self.rows:
            self.end(key, 1000)
        return super()._refused(key, version)


@fails("absent_for_touch_and_destroy")
class TouchesWhatHasExpired(Broken):
    async def touch(self, key, ttl_ms):
        return key in self.rows and not self.end(key, ttl_ms)


@fails("absent_for_touch_and_destroy")
class DestroysWhatHasExpired(Broken):
    async def destroy(self, key):
        return bool(self.rows.pop(key, None))


@fails("absent_for_create", "S03_of_several_creates")
class WillNotCreateOverWhatHasExpired(Broken):
    async def create(self, key, value, ttl_ms):
        return key not in self.rows and bool(self._put(key, value, ttl_ms))


@fails("not_in_the_way_of_a_move")
class WillNotMoveOverWhatHasExpired(Broken):
    async def move(self, old, new, value, ttl_ms, *, version):
        if new in self.rows:
            self.end(new, 1000)
        return await super().move(old, new, value, ttl_ms, version=version)


@fails("rolling_load_starts")
class NeverRolls(Broken):
    async def load(self, key, *, roll=False):
        return await super().load(key)


@fails("rolling_load_starts")
class RollsInItsAnswerAlone(Broken):
    async def load(self, key, *, roll=False):
        record = await super().load(key)
        return Record(record.value, record.version, self.rows[key][2]) if record and roll else record


@fails("rolling_load_starts")
class RollsByTheFirstLifetime(Broken):
    async def replace(self, key, value, ttl_ms, *, version):
        first = self.rows.get(key)
        answer = await super().replace(key, value, ttl_ms, version=version)
        if isinstance(answer, Saved):
            self.rows[key] = (*self.rows[key][:2], first[2], self.rows[key][3])
        return answer


@fails("S06_purge")
class PurgesWithoutALimit(Broken):
    async def purge(self, limit):
        return await super().purge(10**6)


@fails("S06_purge")
class PurgesNothing(Broken):
    async def purge(self, limit):
        return 0


@fails("S06_purge")
class PurgesTheLiving(Broken):
    async def purge(self, limit):
        dead = await super().purge(limit)
        self.rows.clear()
        return dead
