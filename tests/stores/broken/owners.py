"""Stores that mix up whose a session is."""

from gingersnap.stores import MemoryStore, Owned

from .table import fails


@fails("L10_sessions_of", "L10_an_owner_that_is_no_text", "any_string", "move_says", "L10_destroy_all_keeps")
class ListsTheSessionsOfAll(MemoryStore):
    async def sessions_of(self, owner):
        return [each for owner in [*self._owned] for each in await super(ListsTheSessionsOfAll, self).sessions_of(owner)]


@fails("L10_an_owner_that_is_no_text")
class AnswersForAnyOwner(MemoryStore):
    async def sessions_of(self, owner):
        return [] if not isinstance(owner, str) or not owner else await super().sessions_of(owner)


@fails("any_string")
class StripsOwners(MemoryStore):
    async def create(self, key, value, ttl_ms, *, owner=None):
        return await super().create(key, value, ttl_ms, owner=owner and owner.strip())


@fails("leave_the_owner")
class ReplaceForgetsTheOwner(MemoryStore):
    async def replace(self, key, value, ttl_ms, *, version):
        answer = await super().replace(key, value, ttl_ms, version=version)
        self._owned.clear()
        return answer


@fails("move_says")
class MoveKeepsTheOwner(MemoryStore):
    async def move(self, old, new, value, ttl_ms, *, version, owner=None):
        before = self._entries[old].owner
        return await super().move(old, new, value, ttl_ms, version=version, owner=before or owner)


@fails("what_has_ended", "move_says", "L10_destroy_all_ends")
class ListsWhatHasEnded(MemoryStore):
    async def sessions_of(self, owner):
        self.ever = {each.key: each for each in await super().sessions_of(owner)} | getattr(self, "ever", {})
        return [*self.ever.values()]

    async def create(self, key, value, ttl_ms, *, owner=None):
        made = await super().create(key, value, ttl_ms, owner=owner)
        self.ever = getattr(self, "ever", {}) | ({key: Owned(key, value, ttl_ms)} if owner else {})
        return made


@fails("L10_destroy_all_ends", "L10_no_session", "any_string")
class EndsAllButOne(MemoryStore):
    async def destroy_all(self, owner, keep=None):
        first = next(iter(self._owned.get(owner, [])), None)
        return await super().destroy_all(owner, keep=keep or first)


@fails("L10_destroy_all_keeps")
class KeepsNone(MemoryStore):
    async def destroy_all(self, owner, keep=None):
        return await super().destroy_all(owner)
