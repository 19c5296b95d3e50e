"""A session that lives in a store, on its way out: its record is made, written over, moved or removed, and the client told."""

import logging
from dataclasses import replace
from typing import Any

from .. import _core
from ..cookies.attributes import Attributes
from ..dialects.record import Dates, RecordCookie
from ..errors import SessionTooLarge, SessionUnavailable, UnserializableError, shown
from ..lifecycle import rules
from ..lifecycle.adopt import adopt
from ..lifecycle.increments import Increments
from ..lifecycle.merge import Steps, merge
from ..lifecycle.state import EMPTY
from ..records.id_transport import Word
from ..records.record_writer import AT_ONCE_MS, EncodedRecord, RecordWriter, StoredVersion
from ..session.session import Session
from ..stores.store import Conflict, Gone, Replaced, Saved, late_ms
from ..types import Loaded, Reason
from .load import Arrival

logger = logging.getLogger("gingersnap")

_LONG_AGO_MS = 1
# Why a record is written though its data is as it was.
_RENEWALS = ("rolling", "renew", "resave")


class Departure(Arrival):
    """What a commit does to a session's record. Source: koa-session ``ContextSession.save``, ``remove``."""

    def _text(self, session: Session) -> bytes:
        try:
            return _core.dumps(session)
        except SessionTooLarge:
            raise self._too_large(session) from None

    def _too_large(self, session: dict[str, Any]) -> SessionTooLarge:
        heavy = ", ".join(f"{shown(key)} ({octets} bytes)" for key, octets in self.heaviest(session)[:3])
        return SessionTooLarge("", f"more than {_core.MAX_TEXT} bytes of JSON; the largest keys are {heavy}")

    def _writer(self) -> RecordWriter:
        return RecordWriter(self._stored, self._store, self._scope)

    async def _carry_out(self, session: Session, body: bytes, reason: Reason) -> None:
        # What is incremented from here on is another increment, of what this commit writes.
        sent, self._increments = self._increments, Increments(body)
        try:
            await self._act(session, body, reason, sent.steps(_core.loads(body) or {}) if sent else {})
        except BaseException:
            if sent and self._increments is not None:
                sent.follow(self._increments)
                self._increments = sent
            raise
        if self._increments is not None and self._increments.text != self.body:
            self._increments = None

    async def _act(self, session: Session, body: bytes, reason: Reason, steps: Steps) -> None:
        writer = self._writer()
        if reason == "destroy" and (self._mark == "destroy" or self._replaced):
            await self._destroy(writer)
        elif self._loaded is None:
            await self._destroy_and_create(session, body, reason, writer)
        elif reason == "rotated" or (reason in ("rolling", "renew") and not self._dated and not self._outdated):
            await self._renew_expiry(session, body, reason, writer)
        elif reason in _RENEWALS and self._mark is None and body == self.body and not steps:
            await self._renew(session, body, reason, writer)
        else:
            await self._save(session, body, reason, writer, steps)

    async def _destroy(self, writer: RecordWriter) -> None:
        self.farewell = self._stored.farewell(None, self._scope)
        if (key := self.key) is not None:
            await writer.destroy(key)
        if self._dialect.clears_cookie == "always" or (self._dialect.clears_cookie == "came" and key is not None):
            self._set_id(None, None)
        self._settle(None, "destroy")
        self.id = None
        self._replaced = False

    async def _ended(self, writer: RecordWriter) -> None:
        """Take a record for ended that was just left a millisecond to live; one that keeps its own date is removed as well."""
        if getattr(self._store, "atomic", True):
            self.id = None
        await self._destroy(writer)

    async def _destroy_and_create(self, session: Session, body: bytes, reason: Reason, writer: RecordWriter) -> None:
        """Make a record; of a session that was ended and then filled, end the old one first."""
        if (key := self.key) is not None:
            await writer.destroy(key)
            self.id = None
        enclosed = self._enclosed(session, body)
        id = await writer.create(enclosed, self.owner)
        self._held = StoredVersion(None, enclosed.value)
        self._written(id, body, enclosed, reason)

    async def _renew_expiry(self, session: Session, body: bytes, reason: Reason, writer: RecordWriter) -> None:
        """Let the session live on: its expiry alone, never its data."""
        key, enclosed = self.key or "", self._enclosed(session, body)
        if reason == "rolling" and self._mark is None and self._is_fresh(enclosed):
            return
        try:
            # A cookie is sent for a session that lives now: another request may have ended it since it was loaded, or moved it.
            # A new signature is no renewal, but where each request is one.
            still = reason == "rotated" and not self._dialect.touches_on_read
            alive = await writer.touch(key, AT_ONCE_MS if still else enclosed.ttl_ms)
        except SessionUnavailable:
            # The session has its time as it was; the gate has told of the failure.
            if self._options.on_store_error == "raise":
                raise
            return
        if not alive:
            self._drop_as_gone()
        elif reason == "rotated":
            self._set_id(self.id, self.expire_ms)
            # From here on the newest key signs it.
            self._index = 0
        else:
            self._written(self.id or "", body, enclosed, reason)

    async def _renew(self, session: Session, body: bytes, reason: Reason, writer: RecordWriter) -> None:
        """Write a record as it is with a new date. Nothing is lost where that fails: the session has its time as it was."""
        try:
            await self._save(session, body, reason, writer, {})
        except SessionUnavailable:
            # The gate has told of the failure.
            if self._options.on_store_error == "raise":
                raise

    def _is_fresh(self, enclosed: EncodedRecord) -> bool:
        """Return whether an earlier request renewed a rolling session not long ago. Node's systems send the cookie each time."""
        if self._dialect.accepts_any_name or self._index > 0 or self._ttl_ms is None:
            return False
        return self._ttl_ms > enclosed.ttl_ms - late_ms(enclosed.life_ms or enclosed.ttl_ms)

    def _is_rolled(self, ttl_ms: int) -> bool:
        """Say whether the record was renewed not long ago."""
        return self._ttl_ms is not None and self._ttl_ms >= ttl_ms - late_ms(ttl_ms)

    def _lasting_ms(self) -> int:
        """Say how long a record is kept from now on that nobody writes."""
        return self._stored.ttl_ms(self._dates(), self.body, dated=self._dated)

    async def _keep(self) -> None:
        """Keep a record for another lifetime, or another day; nobody has to be told."""
        key = self.key
        if key is None:
            return
        try:
            ttl_ms = self._lasting_ms()
            await self._writer().touch(key, ttl_ms)
            self._ttl_ms = ttl_ms
        except SessionUnavailable:
            if self._options.on_store_error == "raise":
                raise

    async def _save(self, session: Session, body: bytes, reason: Reason, writer: RecordWriter, steps: Steps) -> None:
        """Write over the version that was loaded, merging what others wrote meanwhile."""
        known = self._held, self._loaded
        try:
            id, answer, enclosed, written = await self._write_over(session, body, reason, writer, steps)
        except BaseException:
            # A later try is to meet what others wrote once more, and not to take it for what it was made from.
            self._held, self._loaded = known
            raise
        if isinstance(answer, Gone):
            # What is kept of this request is what it changed itself, and nothing that it merged.
            await self._gone_while(session, body, reason, writer)
            return
        self._held = StoredVersion(answer.version, enclosed.value)
        if enclosed.ttl_ms == AT_ONCE_MS:
            await self._ended(writer)
            return
        if written != body:
            self._show_merged(session, body, written)
        self._written(id, written, enclosed, "changed" if reason == "destroy" else reason)

    async def _write_over(
        self, session: Session, body: bytes, reason: Reason, writer: RecordWriter, steps: Steps
    ) -> tuple[str, Saved | Gone, EncodedRecord, bytes]:
        """Write until no conflict is left; return the id, what became of the record, its text and the session's."""
        base, snapshot, moving, owner = self.body, body, reason == "regenerate", self.owner
        while True:
            enclosed = self._enclosed(session, body)
            if reason == "destroy" and body == EMPTY:
                # It was emptied key by key. Over the version that was read it ends at once; another request's write is merged.
                enclosed = replace(enclosed, value=self._ended_text(), ttl_ms=AT_ONCE_MS)
            earlier, self._unsure = self._unsure, enclosed.value if body == snapshot else None
            answer: Replaced
            if moving:
                id, answer = await writer.move(self.id or "", enclosed, self._held, owner)
            else:
                id, answer = self.id or "", await writer.replace(self.key or "", enclosed, self._held)
            self._unsure = None
            if not isinstance(answer, Conflict):
                return id, answer, enclosed, body
            if self._opened(answer.value, None, {})[1] == "expired":
                # Another request has ended it a moment ago: the store still has the record.
                return id, Gone(), enclosed, body
            if answer.value == earlier:
                # A try that was reported as failed had been carried out: merging it would add it twice.
                self._held = StoredVersion(answer.version, answer.value)
                continue
            self._options.events.emit("conflict", self._scope, reason, self._mark_of_id())
            now = await writer.again(self.key or "", answer)
            if isinstance(now, Gone):
                return id, now, enclosed, body
            base, body = self._reconciled(now, base, body, moving, steps)

    def _reconciled(self, answer: Conflict, base: bytes, body: bytes, moving: bool, steps: Steps) -> tuple[bytes, bytes]:
        """Make what is to be written over what somebody else wrote."""
        self._held = StoredVersion(answer.version, answer.value)
        theirs: dict[str, Any] = {}
        loaded, _ = self._opened(answer.value, None, theirs)
        if loaded is None:
            return base, body
        # What they set beside the data, as a lifetime, holds unless this request set its own.
        came = self._loaded
        self._loaded = (*loaded[:3], came[3] if came is not None else None, *loaded[4:])
        if self._replaced or self._options.on_conflict == "overwrite":
            return loaded[0], body
        was, mine, atomic = _core.loads(base) or {}, _core.loads(body) or {}, self._options.atomic_keys
        merged = merge(was, mine, theirs, atomic=atomic, mine_first=moving, steps=steps)
        try:
            return loaded[0], _core.dumps(merged)
        except SessionTooLarge:
            raise self._too_large(merged) from None

    def _show_merged(self, session: Session, snapshot: bytes, body: bytes) -> None:
        """Show the application what was written, with what it changed while that was under way.

        Where it has ended the session meanwhile, or put other data into it, nothing is shown: that data stays alone.
        """
        if self._replaced_meanwhile:
            return
        was, written, mine = _core.loads(snapshot) or {}, _core.loads(body) or {}, dict.copy(session)
        # What cannot be written is for the next commit to refuse: this one has been carried out.
        unfit = {key: mine.pop(key) for key in [*mine] if not _is_json(key, mine[key])}
        # A group that was changed meanwhile is this request's as a whole: its next commit writes it.
        later = self._increments.steps(mine) if self._increments else {}
        data = merge(was, mine, written, atomic=self._options.atomic_keys, mine_first=True, steps=later)
        adopt(session, {**data, **unfit})
        self._increments = Increments.over(body, later, data)

    async def _gone_while(self, session: Session, body: bytes, reason: Reason, writer: RecordWriter) -> None:
        """Drop the write of a session that another request ended meanwhile; a login begins a session of its own."""
        if reason != "regenerate" or self._owner is None:
            self._drop_as_gone()
            return
        self._options.events.emit("gone", self._scope, reason, self._mark_of_id())
        self._loaded = self.id = None
        fresh = _core.dumps(_brought(self.body, body))
        self._show_merged(session, body, fresh)
        await self._destroy_and_create(session, fresh, reason, writer)

    def _begin_anew(self, session: Session) -> None:
        """Make a login of a session that was found gone the beginning of another one."""
        self._gone = self._superseded = False
        fresh = _brought(self.body, self._text(session))
        self._loaded = self.id = None
        dict.clear(session)
        dict.update(session, fresh)
        self.body = EMPTY

    def _drop_as_gone(self) -> None:
        """Drop the write: the session has ended, and the response says nothing of it: another one may just have begun."""
        self._gone, self.ends = True, False
        self.word, self.farewell = None, []
        logger.info("a session ended while a request was using it: what that request changed is dropped")
        self._options.events.emit("gone", self._scope, "", self._mark_of_id())

    def _ended_text(self) -> bytes:
        """Return the text of a record that ends at once: a request that meets it before the store has dropped it must not go on."""
        return self._record.close(EMPTY, replace(self._dates(), expire_ms=_LONG_AGO_MS), self._own_cookie(), dated=True)

    def _enclosed(self, session: Session, body: bytes) -> EncodedRecord:
        """Write a record's text and say how long it lives."""
        dates = self._dates()
        self._own = own = self._own_cookie()
        value = self._record.close(body, dates, own, dated=self._dated)
        if len(value) > _core.MAX_TEXT:
            raise self._too_large(session)
        return EncodedRecord(
            value, self._stored.ttl_ms(dates, body, dated=self._dated), dates.expire_ms, dates.life_ms, dates.created_ms
        )

    def _dates(self) -> Dates:
        """Date the session's next end."""
        life_ms, created_ms, expire_ms = self.life_ms, self.created_ms, None
        if life_ms is not None:
            expire_ms = rules.next_expire(self._stored.now_ms(), life_ms, created_ms, self._options.absolute_ms)
        return Dates(expire_ms, life_ms, created_ms, self.owner, self.has_own_life, self._member())

    def _own_cookie(self) -> RecordCookie | None:
        """Give what the record is to say of its cookie: as it came, or as the options have it, and what was changed since."""
        own = self._own
        if own is None:
            own = self._record.fresh(self._stored.is_secure(self._scope))
        changed = None if self._cookie is None else self._cookie.changed()
        if own is None or changed is None:
            return own
        return self._record.changed(own, self._attributes_of(own), changed)

    def _attributes(self) -> Attributes:
        return super()._attributes() if self._own is None else self._attributes_of(self._own)

    def _attributes_of(self, own: RecordCookie) -> Attributes:
        return self._record.attributes(own, self._stored.is_secure(self._scope))

    def _written(self, id: str, body: bytes, enclosed: EncodedRecord, reason: Reason) -> None:
        """Take what was written as what is, and have the client told."""
        life_ms, changed = enclosed.life_ms, body != self.body or self._life is not None or self._cookie is not None
        is_told = (
            self._dialect.always_sends_cookie
            or id != self.id
            or self._index > 0
            or self._options.rolling
            or reason in ("renew", "rotated")
        )
        life = rules.life_members(life_ms, own=self.has_own_life)
        loaded: Loaded = (body, 0, True, enclosed.expire_ms, *life, enclosed.created_ms, self._member())
        self.id, self._ttl_ms, self._index = id, enclosed.ttl_ms, 0
        self._ttl_exceeds_lifetime = self._outdated = False
        if is_told or (changed and enclosed.expire_ms is not None):
            # koa: without maxAge the first cookie has no date.
            self._set_id(id, enclosed.expire_ms if self._options.dated or self._life is not None or self._came else None)
        self._replaced = False
        self._settle(loaded, reason)

    def _set_id(self, id: str | None, expire_ms: int | None) -> None:
        own = self._own_attributes()
        if own is None and self._own is not None:
            own = self._attributes_of(self._own)
        self.word = Word(id, expire_ms, self._stored.is_secure(self._scope), own)
        if id is not None:
            setup, source = self._stored, self._source
            self.farewell = setup.strays(self._scope) if source is None else setup.farewell(source, self._scope)
            self.farewell += self._left_behind()


def _brought(base: bytes, body: bytes) -> dict[str, Any]:
    """Return what a request added to a session or changed in it: all that a login keeps of one that has ended."""
    return merge(_core.loads(base) or {}, _core.loads(body) or {}, {})


def _is_json(key: str, value: Any) -> bool:
    try:
        _core.dumps({key: value})
    except UnserializableError:
        return False
    return True
