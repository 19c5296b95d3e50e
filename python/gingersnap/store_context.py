"""Conduct a session that lives in a store: fetch it, and at the commit write it, move it or end it."""

import asyncio
import inspect
import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from . import _core, rules
from .claim import Claim, Source
from .closed import DegradedSession, UnavailableSession, close
from .context import EMPTY, Context, is_same
from .cookies import Attributes
from .errors import ReservedKeyError, SessionTooLarge, SessionUnavailable
from .formats.record import Dates, OwnCookie
from .ids import fingerprint
from .merge import merge
from .session import FETCHED, READ, UNTOUCHED, WROTE, Session, WatchedSession
from .stores.store import Conflict, Gone, Record, Replaced, Saved, Store, late_ms
from .transport import Word
from .types import Loaded, Reason, Scope
from .writer import Enclosed, Held, Writer

if TYPE_CHECKING:
    from .store_setup import StoreSetup

logger = logging.getLogger("gingersnap")

BROWSER_MS: Final = 86_400_000
"""How long a session that ends with its browser is kept from one request to the next."""
_AT_ONCE_MS: Final = 1
_NOTHING: Final = Held(None, b"")


class StoreContext(Context):
    """What is known of one request's session in a store. Source: koa-session ``ContextSession``, external mode."""

    def __init__(self, setup: "StoreSetup", scope: Scope, store: Store) -> None:
        super().__init__(setup, scope, None)
        self._stored = setup
        self._store = store
        self._habits = setup.habits
        self._record = setup.record
        self._dated = setup.is_dated(store)
        # What the record says of its cookie, where records do.
        self._own: OwnCookie | None = None
        # Whether the application left the session as it is.
        self._left = False
        self._index = 0
        self._held = _NOTHING
        self._ttl_ms: int | None = None
        self._whole = False
        self._gone = False
        self._error: SessionUnavailable | None = None
        # Whether an id came that the store was not asked about yet.
        self.deferred = False
        # Whether it was replaced without that.
        self._unread = False
        # The error that was handed to the application, until the store answers again.
        self.told: SessionUnavailable | None = None
        # Whether the commit that is under way, or failed, ends an id.
        self.ending = False
        self.word: Word | None = None
        # What removes the cookies of earlier configurations, with that word.
        self.farewell: list[bytes] = []
        # What came of an earlier configuration, until it was taken over, and then whose it was.
        self._claim: Claim | None = None
        self._source: Source | None = None
        self._committing = asyncio.Lock()

    @property
    def gone(self) -> bool:
        """Whether the session was found to have ended."""
        return self._gone

    @property
    def key(self) -> str | None:
        """The key in the store."""
        return None if self.id is None else self._stored.ids.key(self.id)

    def _mark_of_id(self) -> str | None:
        return None if self.id is None else fingerprint(self.id)

    # On the way in.

    def claim(self, found: tuple[str, int] | Claim) -> None:
        """Take the id that came, signed by the key of that index, or a session of an earlier configuration; it is not read yet."""
        if isinstance(found, tuple):
            self.id, self._index = found
        else:
            self._claim = found

    async def load(self, session: Session) -> None:
        """Fetch the session where that was put off, or was tried and failed."""
        failed = self._error
        if self.deferred or (failed is not None and (self.id is not None or self._claim is not None)):
            # Two tasks of one request may ask at once: neither goes on before the session is there, or both were told why not.
            async with self._committing:
                if self.deferred or (failed is not None and self._error is failed):
                    await self.fetch(session)
                    self.deferred = False
        if session.__class__ is UnavailableSession:
            raise self.refused()

    async def fetch(self, session: Session) -> None:
        """Ask the store for the session. Whatever it says or fails to say, there is a session."""
        try:
            record = await self._read()
        except SessionUnavailable as error:
            self._error = error
            self.degraded = True
            word = await self._stored.word_for(error, self._scope)
            close(session, DegradedSession if word == "anonymous" else UnavailableSession)
            return
        if session.__class__ is not WatchedSession:
            # It was put off, or is tried again.
            self._error = self.told = None
            self.degraded = False
            session.__class__ = WatchedSession
            dict.clear(session)
        why = await self._receive(session, record)
        if why is None:
            return
        self.refuse(session, why)
        if why == "corrupt" and self._options.on_store_error == "raise":
            self._error = SessionUnavailable("read a record that is no session")
            close(session, UnavailableSession)

    async def _read(self) -> Record | str:
        """Ask for the session's record; or say why there is none."""
        if self._claim is not None:
            return await self._read_earlier(self._claim)
        key, store = self._stored.ids.key(self.id or ""), self._store
        deadline = asyncio.get_running_loop().time() + self._stored.load_s
        rolls = self._stored.rolls and not self._dated
        ask = partial(store.load, key, roll=True) if rolls else partial(store.load, key)
        # A connection that died unnoticed costs nobody a request.
        record = (await self._stored.gate.sure("load", deadline, ask, self._scope))[0]
        if record is not None:
            return record
        found = self._stored.earlier(self._scope, "missed", self._stored.now_ms())
        return await self._read_earlier(found) if isinstance(found, Claim) else "missed"

    async def _read_earlier(self, claim: Claim) -> Record | str:
        """Take over a session of an earlier configuration; the response is to carry its new id, and to remove its old cookie."""
        self._claim = claim
        taken = await self._stored.take_over(claim, self._store, self._scope)
        self._claim = None
        if isinstance(taken, str):
            return taken
        # As if an older key had signed it: it is to be sent anew.
        self.id, self._index = taken.id, 1
        self._source = Source(claim.former, taken.own)
        self._options.events.emit("accepted", self._scope, claim.former.label, self._mark_of_id())
        return taken.record

    async def _receive(self, into: dict[str, Any], record: Record | str) -> str | None:
        """Fill a dict from a record and be its session's context, or say why it is no session."""
        why = record if isinstance(record, str) else self._take(into, record)
        return "invalid" if why is None and not await self._is_valid() else why

    async def _is_valid(self) -> bool:
        """Ask the application's ``valid``. Source: koa-session ``valid``."""
        if self._options.valid is None:
            return True
        # A copy: the question is no access, and whatever it does to its data no change.
        verdict = self._options.valid(self._scope, _core.loads(self.body) or {})
        return bool(await verdict if inspect.isawaitable(verdict) else verdict)

    def _take(self, into: dict[str, Any], record: Record) -> str | None:
        """Fill a dict from a record and be its session's context, or say why it is no session."""
        loaded, verdict = self._opened(record.value, record.ttl_ms, into)
        if loaded is None or verdict is not None:
            return verdict or "corrupt"
        self._base = self._loaded = loaded
        self.body, self._ttl_ms = loaded[0], record.ttl_ms
        self._held = Held(record.version, record.value)
        self._came, self.is_new = True, False
        return None

    def _opened(self, value: bytes, ttl_ms: int | None, into: dict[str, Any]) -> tuple[Loaded | None, str | None]:
        """Read a record: what a session is made of, and why it may not be one."""
        loaded, self._own, why = self._stored.opened(value, ttl_ms, into, dated=self._dated)
        return None if loaded is None else (loaded[0], self._index, *loaded[2:]), why

    def refuse(self, session: Session, why: str) -> None:
        """Start a new session in place of what came, and say why. Its id is not used again, its record left as it is."""
        dict.clear(session)
        self._options.events.emit(why, self._scope, why, self._mark_of_id())
        self.id = self._ttl_ms = self._base = self._loaded = self._own = None
        self.body, self.is_new, self._came = EMPTY, True, False

    def refused(self, *, ending: bool = False) -> SessionUnavailable:
        """Give the error that whoever touches the session gets; ``ending``: who wanted to end it, or give it a new id."""
        self.ending = self.ending or ending
        error = self._error or SessionUnavailable("load")
        # Raised anew each time: a traceback grows with every frame that it is raised through.
        self.told = again = SessionUnavailable(error.call, error.retry_after)
        again.__cause__ = error.__cause__
        return again

    # What a session asks and tells.

    def replace(self) -> None:
        """Note that all of the data was put there on purpose, so that nothing is to be merged into it."""
        self._whole = True
        self._unread, self.deferred = self._unread or self.deferred, False

    def destroy(self) -> None:
        """Note the end; nothing has to be read for that."""
        super().destroy()
        self._unread = self.deferred = False
        self._own = None

    def leave(self) -> None:
        """Note that the session is left as it is."""
        self.forget()
        self._left = True

    def forget(self) -> None:
        """Take back whatever was asked for since the last commit."""
        super().forget()
        self._whole = False

    async def reload(self, session: Session) -> None:
        """Fetch what is there now, in place of what was not committed."""
        async with self._committing:
            await self._reload(session)

    async def _reload(self, session: Session) -> None:
        self.forget()
        self.deferred = self._unread = False
        if self.id is None and self._claim is None:
            dict.clear(session)
            return
        record = await self._read()
        self._error = self.told = None
        self.degraded = self._gone = False
        if session.__class__ is not Session:
            session.__class__ = WatchedSession
        dict.clear(session)
        why = await self._receive(session, record)
        if why is not None:
            self.refuse(session, why)

    # On the way out.

    def is_idle(self, session: Session) -> bool:
        """Say whether nothing has to be written, without looking at the data where that is plain to see."""
        if self._error is not None or self.deferred or self._left or (self._gone and not self._is_login()):
            return True
        watched = session.__class__ is WatchedSession
        if self._mark is not None or (watched and session._touch == WROTE):
            return False
        if self._loaded is None:
            # With ``defer`` nobody has a session who does not ask for it.
            wanted = session._touch > UNTOUCHED or not self._options.defer
            fresh = self._options.allow_empty and not self.committed and wanted
            return watched and not dict.__len__(session) and not fresh
        if self._stored.renews or self._index > 0 or (self._options.resave and not self.committed):
            return False
        return (watched and session._touch != FETCHED) or is_same(session, self.body)

    def _ages(self) -> bool:
        """Say whether a record that nobody writes has to be kept for longer: of a session that ends with its browser, say."""
        loaded = self._loaded
        if loaded is None or self._left or self._gone:
            return False
        if self._habits.touches:
            # express-session: each request does so.
            return not self._is_rolled(self._lasting_ms())
        # Where the application says how long a record is kept, it is kept no longer.
        return loaded[5] is True and self._options.ttl is None and self._ttl_ms is not None and self._ttl_ms < BROWSER_MS / 2

    async def commit_now(self, session: Session) -> None:
        """Commit on the application's own word."""
        self._stored.current(self._scope, session)
        if session._started and self.is_stuck(session):
            raise RuntimeError("session.commit: the response has started, so no new id can reach the client; commit before that")
        await self.before_save(session)
        await self.commit(session)

    def is_stuck(self, session: Session) -> bool:
        """Say whether a commit would make an id that no response can carry any more."""
        refilled = self._mark == "destroy" and dict.__len__(session) > 0
        return self.is_late(session) and (self.id is None or self._mark == "regenerate" or refilled)

    def is_late(self, session: Session) -> bool:
        """Say whether anything was asked or changed since the commit; what is gone or closed asks for nothing."""
        closed = self.deferred or self._left or self._error is not None or (self._gone and not self._is_login())
        return not closed and super().is_late(session)

    def _is_login(self) -> bool:
        return self._mark == "regenerate" and self._owner is not None

    async def before_save(self, session: Session) -> None:
        """Run the application's hook if the session is about to be written."""
        if not self.is_idle(session):
            await super().before_save(session)

    async def commit(self, session: Session) -> None:
        """Decide whether the session is written, and write it; ``word`` is what the response has to tell then.

        Raises: UnserializableError, ReservedKeyError, SessionTooLarge; SessionUnavailable, SessionConflict. Nothing is
        told to the client then.
        """
        if self._committing.locked() or not self.is_idle(session) or self._ages():
            await self._stored.shielded(self._in_turn(session))

    async def _in_turn(self, session: Session) -> None:
        """Commit after whatever commit is under way: its waiter may be gone, but not yet its write."""
        async with self._committing:
            if not self.is_idle(session) or self._ages():
                await self._commit(session)

    async def settled(self) -> None:
        """Wait for a commit that is under way, so that the response knows what became of it."""
        async with self._committing:
            pass

    async def _commit(self, session: Session) -> None:
        self.failed = True
        self.ending = self._mark in ("destroy", "regenerate")
        if self._gone:
            self._begin_anew(session)
        body = self._text(session)
        if self._unread:
            await self._catch_up(session)
        reason = self._reason(body)
        if reason is None:
            # An empty new session has no lifetime that could start again.
            self._mark = None
            if self._ages():
                await self._keep()
        if reason is not None:
            reserved = self._reserved(session) if self._habits.raw or b'"_' in body else None
            if reserved is not None:
                raise ReservedKeyError(reserved)
            self.ending = reason in ("destroy", "regenerate")
            try:
                await self._carry_out(session, body, reason)
            except SessionUnavailable as error:
                self.told = error
                raise
            self.told = None
        if type(session) is WatchedSession and session._touch == WROTE:
            session._touch = READ
        self.failed = False

    async def _catch_up(self, session: Session) -> None:
        """Fetch the record of a session that was replaced unread: what is written over must be known."""
        record = await self._read()
        self._unread = False
        why = await self._receive({}, record)
        if why is not None:
            data = dict.copy(session)
            self.refuse(session, why)
            dict.update(session, data)

    async def end(self) -> None:
        """End what an application that failed had ended: a logout may not be lost with the rest of the request."""
        if self._mark == "destroy":
            await self._stored.shielded(self._end_in_turn())

    async def _end_in_turn(self) -> None:
        async with self._committing:
            if self._mark == "destroy" and (self.id is not None or self._claim is not None):
                await self._destroy(self._writer())

    def _text(self, session: Session) -> bytes:
        try:
            return _core.dumps(session)
        except SessionTooLarge:
            raise self._too_large(session) from None

    def _too_large(self, session: Session) -> SessionTooLarge:
        heavy = ", ".join(f"{key} ({octets} bytes)" for key, octets in self.heaviest(session)[:3])
        return SessionTooLarge("", f"more than {_core.MAX_TEXT} bytes of JSON; the largest keys are {heavy}")

    def _writer(self) -> Writer:
        return Writer(self._stored, self._store, self._scope)

    async def _carry_out(self, session: Session, body: bytes, reason: Reason) -> None:
        writer = self._writer()
        if reason == "destroy" and (self._mark == "destroy" or self._whole):
            await self._destroy(writer)
        elif self._loaded is None:
            await self._destroy_and_create(session, body, reason, writer)
        elif reason == "rotated" or (reason in ("rolling", "renew") and not self._dated):
            await self._prolong(session, body, reason, writer)
        else:
            await self._save(session, body, reason, writer)

    async def _destroy(self, writer: Writer) -> None:
        if self._claim is not None:
            # Where nobody has read it yet: its old record must not outlive it.
            await self._read_earlier(self._claim)
        self.farewell = self._stored.farewell(None, self._scope)
        if (key := self.key) is not None:
            await writer.destroy(key)
        if self._habits.clears == "always" or (self._habits.clears == "came" and key is not None):
            self._say(None, None)
        self._settle(None, "destroy")
        self.id = None
        self._whole = False

    async def _ended(self, writer: Writer) -> None:
        """Take a record for ended that was just left a millisecond to live; one that keeps its own date is removed as well."""
        if getattr(self._store, "atomic", True):
            self.id = None
        await self._destroy(writer)

    async def _destroy_and_create(self, session: Session, body: bytes, reason: Reason, writer: Writer) -> None:
        """Make a record; of a session that was ended and then filled, end the old one first."""
        if (key := self.key) is not None:
            await writer.destroy(key)
            self.id = None
        enclosed = self._enclosed(session, body)
        id = await writer.create(enclosed, self.owner)
        self._held = Held(None, enclosed.value)
        self._written(id, body, enclosed, reason)

    async def _prolong(self, session: Session, body: bytes, reason: Reason, writer: Writer) -> None:
        """Let the session live on: its expiry alone, never its data."""
        key, enclosed = self.key, self._enclosed(session, body)
        if reason == "rotated" or key is None:
            self._say(self.id, self.expire_ms)
            # From here on the newest key signs it.
            self._index = 0
            return
        if self._mark is None and reason == "rolling" and self._is_rolled(enclosed.ttl_ms):
            alive = True
        else:
            try:
                alive = await writer.touch(key, enclosed.ttl_ms)
            except SessionUnavailable:
                # The session has its time as it was; the gate has told of the failure.
                if self._options.on_store_error == "raise":
                    raise
                return
        if alive:
            self._written(self.id or "", body, enclosed, reason)
        else:
            self._lose()

    def _is_rolled(self, ttl_ms: int) -> bool:
        """Say whether the load has renewed the record already, or it was renewed just now."""
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

    async def _save(self, session: Session, body: bytes, reason: Reason, writer: Writer) -> None:
        """Write over the version that was loaded, merging what others wrote meanwhile."""
        key, base, snapshot = self.key or "", self.body, body
        moving = reason == "regenerate"
        owner = self.owner
        while True:
            enclosed = self._enclosed(session, body)
            if reason == "destroy" and body == EMPTY:
                # It was emptied key by key. Over the version that was read it ends at once; another request's write is merged.
                enclosed = replace(enclosed, ttl_ms=_AT_ONCE_MS)
            answer: Replaced
            if moving:
                id, answer = await writer.move(self.id or "", enclosed, self._held, owner)
            else:
                id, answer = self.id or "", await writer.replace(key, enclosed, self._held)
            if isinstance(answer, Saved):
                break
            if isinstance(answer, Gone):
                await self._gone_while(session, base, body, reason, writer)
                return
            self._options.events.emit("conflict", self._scope, reason, self._mark_of_id())
            base, body = self._reconciled(answer, base, body, moving)
            await writer.pause()
        self._held = Held(answer.version, enclosed.value)
        if enclosed.ttl_ms == _AT_ONCE_MS:
            await self._ended(writer)
            return
        if body != snapshot:
            self._adopt(session, snapshot, body)
        self._written(id, body, enclosed, "changed" if reason == "destroy" else reason)

    def _reconciled(self, answer: Conflict, base: bytes, body: bytes, moving: bool) -> tuple[bytes, bytes]:
        """Make what is to be written over what somebody else wrote."""
        self._held = Held(answer.version, answer.value)
        theirs: dict[str, Any] = {}
        loaded, _ = self._opened(answer.value, None, theirs)
        if loaded is None:
            return base, body
        # What they set beside the data, as a lifetime, holds unless this request set its own.
        came = self._loaded
        self._loaded = (*loaded[:3], came[3] if came is not None else None, *loaded[4:])
        if self._whole or self._options.on_conflict == "overwrite":
            return loaded[0], body
        merged = merge(
            _core.loads(base) or {}, _core.loads(body) or {}, theirs, atomic=self._options.atomic_keys, mine_first=moving
        )
        return loaded[0], _core.dumps(merged)

    def _adopt(self, session: Session, snapshot: bytes, body: bytes) -> None:
        """Show the application what was written, with what it changed while that was under way."""
        was, written = _core.loads(snapshot) or {}, _core.loads(body) or {}
        mine = dict.copy(session)
        data = merge(was, mine, written)
        dict.clear(session)
        # What says the same stays the object that it is: a handler may hold it, and go on writing to it.
        dict.update(session, {key: mine[key] if _says(mine, key) == _says(data, key) else data[key] for key in data})

    async def _gone_while(self, session: Session, base: bytes, body: bytes, reason: Reason, writer: Writer) -> None:
        """Meet the end of a session that somebody else ended meanwhile."""
        if reason != "regenerate" or self._owner is None:
            self._lose()
            return
        self._options.events.emit("gone", self._scope, reason, self._mark_of_id())
        self._keep_own(session, base, body)
        await self._destroy_and_create(session, self._text(session), reason, writer)

    def _begin_anew(self, session: Session) -> None:
        """Make a login of a session that was found gone the beginning of another one."""
        self._gone = False
        self._keep_own(session, self.body, self._text(session))
        self.body = EMPTY

    def _keep_own(self, session: Session, base: bytes, body: bytes) -> None:
        """Keep of an ended session what this request itself brought, and nothing of what was ended. A login is a beginning."""
        fresh = merge(_core.loads(base) or {}, _core.loads(body) or {}, {})
        self._loaded = self.id = None
        dict.clear(session)
        dict.update(session, fresh)

    def _lose(self) -> None:
        """Drop the write: the session has ended, and the response says nothing of it: another one may just have begun."""
        self._gone = True
        self.word, self.farewell = None, []
        logger.info("a session ended while a request was using it: what that request changed is dropped")
        self._options.events.emit("gone", self._scope, "", self._mark_of_id())

    def _enclosed(self, session: Session, body: bytes) -> Enclosed:
        """Write a record's text and say how long it lives."""
        dates = self._dates()
        self._own = own = self._own_cookie()
        value = self._record.close(body, dates, own, dated=self._dated)
        if len(value) > _core.MAX_TEXT:
            raise self._too_large(session)
        return Enclosed(
            value, self._stored.ttl_ms(dates, body, dated=self._dated), dates.expire_ms, dates.life_ms, dates.created_ms
        )

    def _dates(self) -> Dates:
        """Date the session's next end."""
        life_ms, created_ms, expire_ms = self.life_ms, self.created_ms, None
        if life_ms is not None:
            expire_ms = rules.next_expire(self._stored.now_ms(), life_ms, created_ms, self._options.absolute_ms)
        return Dates(expire_ms, life_ms, created_ms, self.owner)

    def _own_cookie(self) -> OwnCookie | None:
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

    def _attributes_of(self, own: OwnCookie) -> Attributes:
        return self._record.attributes(own, self._stored.is_secure(self._scope))

    def _written(self, id: str, body: bytes, enclosed: Enclosed, reason: Reason) -> None:
        """Take what was written as what is, and have the client told."""
        life_ms, changed = enclosed.life_ms, body != self.body or self._life is not None or self._cookie is not None
        is_told = self._habits.again or id != self.id or self._index > 0 or self._options.rolling or reason in ("renew", "rotated")
        loaded: Loaded = (body, 0, True, enclosed.expire_ms, life_ms, life_ms is None or None, enclosed.created_ms, self.owner)
        self.id, self._ttl_ms, self._index = id, enclosed.ttl_ms, 0
        if is_told or (changed and enclosed.expire_ms is not None):
            # koa: without maxAge the first cookie has no date.
            self._say(id, enclosed.expire_ms if self._options.dated or self._life is not None or self._came else None)
        self._whole = False
        self._settle(loaded, reason)

    def _say(self, id: str | None, expire_ms: int | None) -> None:
        own = None if self._cookie is None else self._cookie.changed()
        if own is None and self._own is not None:
            own = self._attributes_of(self._own)
        self.word = Word(id, expire_ms, self._stored.is_secure(self._scope), own)
        if self._source is not None and id is not None:
            self.farewell = self._stored.farewell(self._source, self._scope)


def _says(data: dict[str, Any], key: str) -> bytes | None:
    return _core.dumps({key: data[key]}) if key in data else None
