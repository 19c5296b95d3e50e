"""Move a session of an earlier configuration into the current store: once, and for good, though many requests ask at once."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

from .. import _core
from ..cookies.attributes import Attributes
from ..cookies.remembered import owner_of
from ..errors import SessionUnavailable
from ..records.repository import Repository
from ..stores.store import OwnerIndex, Record, Saved, Store
from ..types import Scope, Snapshot
from .sources import LegacySession, LegacySources

logger = logging.getLogger("gingersnap")

T = TypeVar("T")

# What tells how far a session has come under its new key. JSON, since some stores hold nothing else, and spell it their way.
_CLAIMED: Final = "gingersnap/claimed"
_MOVED: Final = "gingersnap/moved"
_MARK: Final = b',"gingersnap/moved":true}'
_LEASE_MS: Final = 10_000
"""How long a claim holds, in milliseconds: a process that died with one blocks no other for longer."""
_PAUSE_S: Final = 0.02
"""How far apart, in seconds, a request looks whether another one has done."""


def is_unfinished(data: dict[str, Any]) -> bool:
    """Return whether a record is no session yet: one that is only claimed, or moved and not yet used."""
    # Past the session's own methods: this look is no access.
    return dict.__contains__(data, _CLAIMED) or dict.__contains__(data, _MOVED)


@dataclass(frozen=True, slots=True)
class Migrated:
    """A session as it is in the current store. ``record.version`` is ``None`` where it was made in one step.

    ``cookie``: what the old record said of its session's cookie, where it did.
    """

    id: str = field(repr=False)
    record: Record
    cookie: Attributes | None


class OldRecord:
    """A session's record in an earlier configuration's store."""

    def __init__(self, repository: Repository, id: str, scope: Scope, deadline: float) -> None:
        self.repository = repository
        self._store = repository.store_for(scope)
        self._key = repository.ids.key(id)
        self._scope = scope
        self._deadline = deadline

    async def load(self) -> Record | None:
        """Read it."""
        return await self._ask("load", partial(self._store.load, self._key))

    async def destroy(self) -> None:
        """Remove it."""
        await self._ask("destroy", partial(self._store.destroy, self._key))

    async def _ask(self, call: str, ask: Callable[[], Awaitable[T]]) -> T:
        return (await self.repository.guard.call_retrying(call, self._deadline, ask, self._scope))[0]


class LazyMigration:
    """One request's try.

    The new id follows from the old one, so that parallel requests meet at one key. There a session is *claimed*: the request that
    made the claim looks whether the old record is still there, and only then notes the session as *moved*, which no request can do
    twice: the request that meets a moved session removes the old record before it uses the session. So a session without an old
    record has been taken over already or has ended, and a request that has read the old record before that can bring nothing back,
    wherever it stops.
    """

    def __init__(self, repository: Repository, store: Store, scope: Scope, sources: LegacySources) -> None:
        self._repository = repository
        self._store = store
        self._scope = scope
        self._sources = sources
        self._deadline = asyncio.get_running_loop().time() + repository.load_s

    async def fetch(self, legacy: LegacySession) -> Migrated | str:
        """Move a session into the current store, or return why there is none.

        Raises: SessionUnavailable where a store does not answer; nothing is lost then, and the next request tries again.
        """
        stored = legacy.source.repository
        if stored is None or legacy.id is None:
            return self.preview(legacy)
        old = OldRecord(stored, legacy.id, self._scope, self._deadline)
        ids = [self._repository.ids.derived(digest) for digest in legacy.source.derive(self._repository.options.keys, legacy.id)]
        while asyncio.get_running_loop().time() < self._deadline:
            for id in ids:
                record = await self._load(id)
                if record is not None:
                    finished = await self._finished(id, record, old)
                    if finished is not None:
                        return finished
                    break
            else:
                answer = await self._move(legacy, old, ids[0])
                if answer is not None:
                    return answer
            await asyncio.sleep(_PAUSE_S)
        raise SessionUnavailable("load", store=self._repository.name)

    def preview(self, legacy: LegacySession) -> Migrated | str:
        """Return the record that a session in a cookie is to have; it is not made yet.

        Two clients may show the same data, and so the same cookie: each gets an id of its own.
        """
        record = None if legacy.snapshot is None else self._written(legacy, legacy.data, legacy.snapshot)
        if record is None:
            return "corrupt"
        return Migrated(self._repository.ids.derived(secrets.token_bytes(32)), record, None)

    async def make(self, legacy: LegacySession, taken: Migrated) -> None:
        """Make that record."""
        await self._create(taken.id, taken.record, legacy.snapshot)

    async def _finished(self, id: str, record: Record, old: OldRecord) -> Migrated | None:
        """Return a session that was moved, its old record gone; ``None`` where it has to be looked at again."""
        data = _core.loads_record(record.value) or {}
        if _CLAIMED in data:
            # Another request is about to move it.
            return None
        if data.pop(_MOVED, None) is not True:
            return Migrated(id, record, None)
        await old.destroy()
        text, ttl_ms = _core.dumps_record(data), record.ttl_ms or 1
        ask = partial(self._store.replace, self._repository.ids.key(id), text, ttl_ms, version=record.version)
        answer = await self._call("replace", ask)
        return Migrated(id, Record(text, answer.version, ttl_ms), None) if isinstance(answer, Saved) else None

    async def _move(self, legacy: LegacySession, old: OldRecord, id: str) -> Migrated | str | None:
        """Claim the new key, and move the old record there; ``None`` where another request was quicker."""
        read = await self._read(legacy, old)
        if isinstance(read, str):
            return read
        claimed = Record(_core.dumps({_CLAIMED: True}), None, _LEASE_MS)
        if not await self._create(id, claimed, read[1]):
            return None
        held = await self._load(id)
        # It may have been taken over, and have ended, since it was read: before that was claimed.
        read = await self._read(legacy, old)
        if held is None or _CLAIMED not in (_core.loads_record(held.value) or {}):
            return None
        key = self._repository.ids.key(id)
        if isinstance(read, str):
            await self._call("destroy", partial(self._store.destroy, key))
            return read
        record, _, cookie = read
        moved, ttl_ms = record.value[:-1] + (_MARK if record.value != b"{}" else _MARK[1:]), record.ttl_ms or 1
        answer = await self._call("replace", partial(self._store.replace, key, moved, ttl_ms, version=held.version))
        if not isinstance(answer, Saved):
            return None
        done = await self._finished(id, Record(moved, answer.version, ttl_ms), old)
        return None if done is None else Migrated(id, done.record, cookie)

    async def _read(self, legacy: LegacySession, old: OldRecord) -> tuple[Record, Snapshot, Attributes | None] | str:
        """Read the old record, and write what the current configuration makes of it; or say why it is no session."""
        found = await old.load()
        if found is None:
            return "missed"
        data: dict[str, Any] = {}
        snapshot, record_cookie, why = old.repository.decode(found.value, found.ttl_ms, data, expiry_in_record=False)
        if snapshot is None or why is not None:
            return why or "corrupt"
        record = self._written(legacy, data, snapshot)
        if record is None:
            return "corrupt"
        cookie = None
        if record_cookie is not None:
            cookie = old.repository.record.attributes(record_cookie, secure=old.repository.policy.is_secure(self._scope))
        return record, snapshot, cookie

    def _written(self, legacy: LegacySession, data: dict[str, Any], loaded: Snapshot) -> Record | None:
        """Write the record that the current configuration has of a session; ``None`` where its data does not fit."""
        repository, policy = self._repository, self._repository.policy
        body = self._sources.fitted(legacy, data, {})
        if body is None:
            return None
        dates, expiry_in_record = self._sources.dates(loaded, policy.now_ms()), repository.has_expiry_in_record(self._store)
        value = repository.record.close(
            body, dates, repository.record.new_cookie(policy.is_secure(self._scope)), expiry_in_record=expiry_in_record
        )
        if len(value) > _core.MAX_TEXT:
            logger.error("accept: a session of %s is too large for the current layout: it stays where it is", legacy.source.label)
            return None
        return Record(value, None, repository.ttl_ms(dates, body, expiry_in_record=expiry_in_record))

    async def _load(self, id: str) -> Record | None:
        return await self._call("load", partial(self._store.load, self._repository.ids.key(id)))

    async def _create(self, id: str, record: Record, loaded: Snapshot | None) -> bool:
        owner = None if loaded is None or not self._repository.options.dialect.has_metadata else owner_of(loaded.owner)
        owned = {"owner": owner} if isinstance(owner, str) and isinstance(self._store, OwnerIndex) else {}
        ask = partial(self._store.create, self._repository.ids.key(id), record.value, record.ttl_ms or 1, **owned)
        return await self._call("create", ask)

    async def _call(self, call: str, ask: Callable[[], Awaitable[T]]) -> T:
        return (await self._repository.guard.call_retrying(call, self._deadline, ask, self._scope))[0]
