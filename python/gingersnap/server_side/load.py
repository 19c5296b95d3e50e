"""Load a session from its store: fetch its record, decode it, ask the application, fill the session."""

import asyncio
import inspect
from functools import partial
from typing import Any

from ..legacy.lazy_migration import LazyMigration, Migrated, is_unfinished
from ..legacy.sources import LegacySession, Origin
from ..lifecycle.rules import SKEW_MS
from ..lifecycle.state import SessionState
from ..records.ids import fingerprint
from ..records.record_writer import StoredVersion
from ..stores.store import Record, Store
from ..types import Snapshot
from .parts import Parts
from .record_state import RecordState


class SessionLoader:
    """The loads of one request. Source: koa-session ``ContextSession.initFromExternal``."""

    def __init__(self, parts: Parts, store: Store, state: SessionState, record: RecordState) -> None:
        self._parts = parts
        self.store = store
        self.state = state
        self.record = record
        self.expiry_in_record = parts.repository.has_expiry_in_record(store)

    @property
    def fingerprint(self) -> str | None:
        """What events may tell of the session's id."""
        return None if self.record.id is None else fingerprint(self.record.id)

    @property
    def store_name(self) -> str:
        """What errors and logs call the store."""
        return self._parts.repository.name

    # Fetch.

    async def fetch(self) -> Record | str:
        """Return the session's record, or why there is none.

        Raises: SessionUnavailable where the store does not answer.
        """
        if self.record.legacy is not None:
            return await self.fetch_legacy(self.record.legacy)
        repository, scope, id = self._parts.repository, self.state.scope, self.record.id or ""
        deadline = asyncio.get_running_loop().time() + repository.load_s
        # The load itself renews nothing, rolling or not: the time that is left tells how long the session was idle.
        # A connection that died unnoticed is no failure of the request.
        ask = partial(self.store.load, repository.ids.key(id))
        record = (await repository.guard.call_retrying("load", deadline, ask, scope))[0]
        if record is not None:
            return record
        if repository.regenerate_grace_ms:
            # A signature vouches for the id, so that only what was a session costs this second call.
            ask = partial(self.store.load, repository.ids.grace_key(id))
            if (await repository.guard.call_retrying("load", deadline, ask, scope))[0] is not None:
                return "superseded"
        found = self._parts.legacy.find(scope, "missed", self._parts.policy.now_ms())
        return await self.fetch_legacy(found) if isinstance(found, LegacySession) else "missed"

    async def fetch_legacy(self, legacy: LegacySession) -> Record | str:
        """Move a session of an earlier configuration; the response carries its new id, and removes its old cookie."""
        parts, record, scope = self._parts, self.record, self.state.scope
        record.legacy = legacy
        migration = LazyMigration(parts.repository, self.store, scope, parts.legacy)
        # Cut short half way, it would be in the way of the client's next request.
        taken = await parts.repository.run_as_task(migration.fetch(legacy))
        record.legacy = None
        if isinstance(taken, str):
            # The same cookie may be of the next one.
            following = parts.legacy.find(scope, taken, parts.policy.now_ms(), legacy.source)
            return await self.fetch_legacy(following) if isinstance(following, LegacySession) else taken
        # As if an older key had signed it: it is sent again.
        record.id, record.key_index = taken.id, 1
        record.origin = Origin(legacy.source, taken.cookie)
        if legacy.source.repository is None:
            # A cookie can be shown any number of times: its record is made once a request uses the session.
            record.unmade = legacy, taken
        else:
            self._announce(legacy)
        return taken.record

    async def make_record(self, unmade: tuple[LegacySession, Migrated]) -> None:
        """Make the record of a session that came in an earlier configuration's cookie.

        Raises: SessionUnavailable where the store does not answer.
        """
        legacy, taken = unmade
        parts = self._parts
        await LazyMigration(parts.repository, self.store, self.state.scope, parts.legacy).make(legacy, taken)
        self.record.unmade = None
        self._announce(legacy)

    def _announce(self, legacy: LegacySession) -> None:
        self.state.options.events.emit("accepted", self.state.scope, legacy.source.label, self.fingerprint)

    # Check.

    async def check(self, found: Record | str) -> str | None:
        """Ask the application's ``valid``, before anything is filled from the record. Source: koa-session ``valid``.

        Return ``"invalid"`` where it refuses the session. If ``valid`` raises, the session is as it was before.
        """
        valid = self.state.options.valid
        if valid is None or isinstance(found, str):
            return None
        data: dict[str, Any] = {}
        snapshot, _, why = self._parts.repository.decode(found.value, found.ttl_ms, data, expiry_in_record=self.expiry_in_record)
        if snapshot is None or why is not None or (self._parts.legacy.sources and is_unfinished(data)):
            return None
        # A copy: the question is no access, and whatever it does to its data no change.
        verdict = valid(self.state.scope, data)
        return None if (await verdict if inspect.isawaitable(verdict) else verdict) else "invalid"

    # Decode and fill.

    def decode(self, value: bytes, ttl_ms: int | None, into: dict[str, Any]) -> tuple[Snapshot | None, str | None]:
        """Read a record's text: its session, and why it may not be one."""
        state, record = self.state, self.record
        snapshot, state.record_cookie, why = self._parts.repository.decode(
            value, ttl_ms, into, expiry_in_record=self.expiry_in_record
        )
        if snapshot is None:
            return None, why
        if record.key_index != snapshot.key_index:
            snapshot = snapshot._replace(key_index=record.key_index)
        snapshot, record.outdated = self._parts.policy.by_option(snapshot)
        has_ended = type(snapshot.expire) is int and snapshot.expire < self._parts.policy.now_ms()
        return snapshot, why or ("expired" if has_ended else None)

    def fill(self, into: dict[str, Any], found: Record | str) -> str | None:
        """Fill a dict from a record and take it as what came, or return why it is no session."""
        if isinstance(found, str):
            return found
        state, record = self.state, self.record
        snapshot, verdict = self.decode(found.value, found.ttl_ms, into)
        if snapshot is None or verdict is not None:
            return verdict or "corrupt"
        if self._parts.legacy.sources and is_unfinished(into):
            # The id of a session that has ended, while one under the same id is taken over: a client that shows it has none.
            return "missed"
        state.fill(snapshot)
        record.ttl_ms, record.version = found.ttl_ms, StoredVersion(found.version, found.value)
        record.key_index = snapshot.key_index
        # A session of the browser that is to get an end gets it by a write.
        record.exceeds_lifetime = self._exceeds_lifetime(snapshot, found.ttl_ms) or (
            record.outdated and snapshot.browser_session is True
        )
        return None

    def _exceeds_lifetime(self, snapshot: Snapshot, ttl_ms: int | None) -> bool:
        """Return whether a record is kept for longer than its session's own lifetime says."""
        life_ms = snapshot.max_age
        if self.state.record_cookie is not None or self.expiry_in_record or ttl_ms is None or type(life_ms) is not int:
            return False
        return ttl_ms - self.state.options.dialect.grace_ms > life_ms + SKEW_MS

    def miss(self, why: str) -> None:
        """Begin a new session in place of what came, and emit why. Its id is not used again, its record left as it is."""
        self.state.options.events.emit(why, self.state.scope, why, self.fingerprint)
        self.record.forget()
        self.state.miss()
