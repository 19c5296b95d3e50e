"""Commit a session to its store: carry out what was decided, and note what the response tells the client."""

import logging
from dataclasses import replace
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from .. import _core
from ..cookies.attributes import Attributes
from ..errors import SessionTooLarge, SessionUnavailable
from ..lifecycle import rules
from ..lifecycle.decision import Action
from ..lifecycle.increments import Increments
from ..lifecycle.merge import Steps, brought, merge
from ..lifecycle.show_merged import show_merged
from ..lifecycle.state import EMPTY
from ..records.encoder import RecordEncoder, too_large
from ..records.id_transport import IdUpdate
from ..records.record_writer import AT_ONCE_MS, EncodedRecord, RecordWriter, StoredVersion
from ..session.session import Session
from ..stores.store import Conflict, Gone, Replaced, Saved
from ..types import Reason, Snapshot
from .load import SessionLoader
from .parts import Parts
from .request_lock import RequestLock

logger = logging.getLogger("gingersnap")

Outcome: TypeAlias = Literal["done", "gone"]
"""What became of a commit; ``gone``: another request has ended the session meanwhile."""

# Why a record is written though its data is as it was.
_RENEWALS: Final = ("rolling", "renew", "resave")


class _Over(NamedTuple):
    """What was written over a record."""

    id: str
    answer: Saved | Gone
    encoded: EncodedRecord
    body: bytes


class Committer:
    """One commit. Source: koa-session ``ContextSession.save``, ``remove``."""

    def __init__(self, parts: Parts, loader: SessionLoader, lock: RequestLock, encoder: RecordEncoder) -> None:
        self._parts = parts
        self._loader = loader
        self._state = loader.state
        self._record = loader.record
        self._lock = lock
        self._encoder = encoder
        self._writer = RecordWriter(parts.repository, loader.store, loader.state.scope)

    async def carry_out(self, session: Session, body: bytes, action: Action, reason: Reason) -> Outcome:
        """Do what was decided; ``body``: the session's text.

        Raises: SessionUnavailable, SessionConflict, SessionTooLarge; nothing is told to the client then.
        """
        state = self._state
        # What is incremented from here on is another increment, of what this commit writes.
        sent, state.increments = state.increments, Increments(body)
        try:
            outcome = await self._act(session, body, action, reason, sent.steps(_core.loads(body) or {}) if sent else {})
        except BaseException:
            state.keep_increments(sent)
            raise
        if outcome == "gone":
            state.keep_increments(sent)
        elif state.increments is not None and state.increments.text != state.body:
            state.increments = None
        return outcome

    async def _act(self, session: Session, body: bytes, action: Action, reason: Reason, steps: Steps) -> Outcome:
        if action == "delete":
            await self.delete()
            return "done"
        if action == "create":
            return await self._create(session, body, reason)
        if action == "touch":
            return await self._touch(session, body, reason)
        if reason in _RENEWALS and self._state.mark is None and body == self._state.body and not steps:
            return await self._renew(session, body, reason)
        return await self._save(session, body, reason, steps)

    async def extend(self) -> None:
        """Keep a record that no request writes for another lifetime, or another day. Raises: SessionUnavailable."""
        if self._record.id is not None:
            lasting_ms = self._encoder.lasting_ms()
            await self._writer.touch(self._key(), lasting_ms)
            self._record.ttl_ms = lasting_ms

    async def delete(self) -> None:
        """End the session: its record first, since attributes that do not agree raise, then its cookie as the dialect has it."""
        parts, record, dialect = self._parts, self._record, self._state.options.dialect
        if record.id is not None:
            await self._writer.destroy(parts.repository.ids.key(record.id))
        record.removals = [*parts.legacy.removals(None, self._state.scope), *self._removal_left()]
        if dialect.clears_cookie == "always" or (dialect.clears_cookie == "came" and record.id is not None):
            self._set_id(None, None, self._state.cookie_override())
        self._state.settle(None, "destroy", self._loader.fingerprint)
        record.id = None
        self._state.replaced = False

    async def _create(self, session: Session, body: bytes, reason: Reason) -> Outcome:
        """Make a record; of a session that was ended and then filled, end the old one first."""
        record = self._record
        if record.id is not None:
            await self._writer.destroy(self._parts.repository.ids.key(record.id))
            record.id = None
        encoded = self._encoder.encode(session, body)
        id = await self._writer.create(encoded, self._state.owner)
        record.version = StoredVersion(None, encoded.value)
        self._written(id, body, encoded, reason)
        return "done"

    async def _touch(self, session: Session, body: bytes, reason: Reason) -> Outcome:
        """Renew the session's expiry alone, never its data."""
        state, record, dialect = self._state, self._record, self._state.options.dialect
        encoded = self._encoder.encode(session, body)
        life_ms = encoded.life_ms or encoded.ttl_ms
        if (
            reason == "rolling"
            and state.mark is None
            and not dialect.accepts_any_name
            and record.was_renewed(encoded.ttl_ms, life_ms)
        ):
            return "done"
        try:
            # A cookie is sent for a session that lives now: another request may have ended it since it was loaded, or moved it.
            # A new signature is no renewal, but where each request is one.
            still = reason == "rotated" and not dialect.touches_on_read
            alive = await self._writer.touch(self._key(), AT_ONCE_MS if still else encoded.ttl_ms)
        except SessionUnavailable:
            # The session has its time as it was; the guard has logged the failure.
            if state.options.on_store_error == "raise":
                raise
            return "done"
        if not alive:
            return "gone"
        if reason == "rotated":
            self._set_id(record.id, state.expire_ms, encoded.cookie)
            # From here on the newest key signs it.
            record.key_index = 0
        else:
            self._written(record.id or "", body, encoded, reason)
        return "done"

    async def _renew(self, session: Session, body: bytes, reason: Reason) -> Outcome:
        """Write a record as it is with a new date. Nothing is lost where that fails: the session has its time as it was."""
        try:
            return await self._save(session, body, reason, {})
        except SessionUnavailable:
            # The guard has logged the failure.
            if self._state.options.on_store_error == "raise":
                raise
            return "done"

    async def _save(self, session: Session, body: bytes, reason: Reason, steps: Steps) -> Outcome:
        """Write over the version that was loaded, merging what others wrote meanwhile."""
        state, record = self._state, self._record
        known = record.version, state.loaded
        try:
            id, answer, encoded, written = await self._write_over(session, body, reason, steps)
        except BaseException:
            # A later try is to meet what others wrote once more, and not to take it for what it was made from.
            record.version, state.loaded = known
            raise
        if isinstance(answer, Gone):
            # What is kept of this request is what it changed itself, and nothing that it merged.
            return await self._gone_meanwhile(session, body, reason, steps)
        record.version = StoredVersion(answer.version, encoded.value)
        if encoded.ttl_ms == AT_ONCE_MS:
            await self._ended()
            return "done"
        if written != body:
            self._show_merged(session, body, written)
        if reason == "destroy":
            # Another request has filled it again.
            reason = "changed" if id == record.id else "regenerate"
        self._written(id, written, encoded, reason)
        return "done"

    async def _ended(self) -> None:
        """End a session after its record was left a millisecond to live; a record that keeps its own date is removed as well."""
        if getattr(self._loader.store, "atomic", True):
            self._record.id = None
        await self.delete()

    async def _write_over(self, session: Session, body: bytes, reason: Reason, steps: Steps) -> _Over:
        """Write until no conflict is left."""
        state, record, writer = self._state, self._record, self._writer
        base, snapshot, owner = state.body, body, state.owner
        # An emptied session ends under its old id; where a merge fills it again, it gets the new id that was asked for.
        regenerates = "regenerate" in (reason, state.mark)
        while True:
            encoded = self._encoder.encode(session, body)
            ends = reason == "destroy" and body == EMPTY
            if ends:
                # Emptied key by key: replace the record with a 1 ms lifetime, conditional on the version, so that a concurrent
                # write still wins by merge.
                encoded = replace(encoded, value=self._encoder.ended_text(), ttl_ms=AT_ONCE_MS)
            earlier, record.unsure = record.unsure, encoded.value if body == snapshot else None
            answer: Replaced
            if regenerates and not ends:
                id, answer = await writer.move(record.id or "", encoded, record.version, owner)
            else:
                id, answer = record.id or "", await writer.replace(self._key(), encoded, record.version)
            record.unsure = None
            if not isinstance(answer, Conflict):
                return _Over(id, answer, encoded, body)
            if self._loader.decode(answer.value, None, {})[1] == "expired":
                # Another request has ended it a moment ago: the store still has the record.
                return _Over(id, Gone(), encoded, body)
            if answer.value == earlier:
                # A try that was reported as failed had been carried out: merging it would add it twice.
                record.version = StoredVersion(answer.version, answer.value)
                continue
            state.options.events.emit("conflict", state.scope, reason, self._loader.fingerprint)
            now = await writer.again(self._key(), answer)
            if isinstance(now, Gone):
                return _Over(id, now, encoded, body)
            base, body = self._merged(now, base, body, regenerates, steps)

    def _merged(self, answer: Conflict, base: bytes, body: bytes, regenerates: bool, steps: Steps) -> tuple[bytes, bytes]:
        """Return what another request wrote, and what is written over it."""
        state = self._state
        self._record.version = StoredVersion(answer.version, answer.value)
        theirs: dict[str, Any] = {}
        snapshot, _ = self._loader.decode(answer.value, None, theirs)
        if snapshot is None:
            return base, body
        # What they set beside the data, as a lifetime, holds unless this request set its own.
        state.loaded = snapshot._replace(expire=None if state.loaded is None else state.loaded.expire)
        if state.replaced or state.options.on_conflict == "overwrite":
            return snapshot.body, body
        was, mine, atomic = _core.loads(base) or {}, _core.loads(body) or {}, state.options.atomic_keys
        merged = merge(was, mine, theirs, atomic=atomic, mine_first=regenerates, steps=steps)
        try:
            return snapshot.body, _core.dumps(merged)
        except SessionTooLarge:
            raise too_large(state, merged) from None

    def _show_merged(self, session: Session, before: bytes, written: bytes) -> None:
        """Show the application what was written, with what it changed while that was under way.

        Where it has ended the session meanwhile, or put other data into it, nothing is shown: that data stays alone.
        """
        if not self._lock.replaced_meanwhile:
            self._state.increments = show_merged(
                session, before, written, atomic=self._state.options.atomic_keys, increments=self._state.increments
            )

    async def _gone_meanwhile(self, session: Session, body: bytes, reason: Reason, steps: Steps) -> Outcome:
        """Drop the write of a session that another request ended meanwhile; a login begins a session of its own."""
        state = self._state
        if reason != "regenerate" or state.new_owner is None:
            return "gone"
        state.options.events.emit("gone", state.scope, reason, self._loader.fingerprint)
        state.loaded = self._record.id = None
        fresh = _core.dumps(brought(state.body, body, atomic=state.options.atomic_keys, steps=steps))
        self._show_merged(session, body, fresh)
        return await self._create(session, fresh, reason)

    def _written(self, id: str, body: bytes, encoded: EncodedRecord, reason: Reason) -> None:
        """Note what was written, and what the response tells the client."""
        state, record, options = self._state, self._record, self._state.options
        changed = body != state.body or state.life is not None or state.set_cookie is not None
        sends_id = options.dialect.always_sends_cookie or id != record.id or record.key_index > 0
        sends_id = sends_id or options.rolling or reason in ("renew", "rotated")
        life = rules.life_members(encoded.life_ms, own_life=encoded.own_life)
        snapshot = Snapshot(body, 0, True, encoded.expire_ms, *life, encoded.created_ms, encoded.member)
        record.id, record.ttl_ms, record.key_index = id, encoded.ttl_ms, 0
        record.exceeds_lifetime = record.outdated = False
        if sends_id or (changed and encoded.expire_ms is not None):
            # koa: without maxAge the first cookie has no date.
            has_expires = options.cookie_has_expires or state.life is not None or state.existed
            self._set_id(id, encoded.expire_ms if has_expires else None, encoded.cookie)
        state.replaced = False
        state.settle(snapshot, reason, self._loader.fingerprint)

    def _set_id(self, id: str | None, expire_ms: int | None, cookie: Attributes | None) -> None:
        """Note what the response tells the client of the session's id; ``cookie``: the attributes that the application set."""
        state, record, legacy = self._state, self._record, self._parts.legacy
        if cookie is None and state.record_cookie is not None:
            cookie = state.attributes_in(state.record_cookie)
        record.id_update = IdUpdate(id, expire_ms, state.policy.is_secure(state.scope), cookie)
        if id is not None:
            origin = record.origin
            record.removals = legacy.strays(state.scope) if origin is None else legacy.removals(origin, state.scope)
            record.removals = [*record.removals, *self._removal_left()]

    def _removal_left(self) -> list[bytes]:
        """Return the lines that remove the cookie from where it came, if the application has set another place for it."""
        format, left = self._parts.format, self._state.place_left()
        return [] if left is None else format.removal(format.cookie(*left))

    def _key(self) -> str:
        return "" if self._record.id is None else self._parts.repository.ids.key(self._record.id)
