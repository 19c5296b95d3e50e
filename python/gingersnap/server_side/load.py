"""A session that lives in a store, on its way in: which one came, what the store has of it, and whether it lives."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from ..dialects.record import RecordCookie
from ..errors import SessionUnavailable
from ..legacy.claim import LegacySession, Source
from ..legacy.lazy_migration import Migrated, is_unfinished
from ..lifecycle.increments import Increments, incremented
from ..lifecycle.rules import SKEW_MS
from ..lifecycle.state import EMPTY, Context
from ..records.id_transport import Word
from ..records.ids import fingerprint
from ..records.record_writer import StoredVersion
from ..session.session import Session, WatchedSession
from ..stores.store import Record, Store
from ..types import Loaded, Reason, Scope
from .unloaded import DegradedSession, UnavailableSession, close

if TYPE_CHECKING:
    from .middleware import StoreSetup

_NOTHING: Final = StoredVersion(None, b"")


class Arrival(Context):
    """What a store has of one request's session. Source: koa-session ``ContextSession.initFromExternal``."""

    _increments: Increments | None = None
    _pending: "tuple[LegacySession, Migrated] | None" = None
    """What came in an earlier configuration's cookie and has no record yet."""
    _unsure: bytes | None = None
    """The record's text that a failed commit may have written all the same."""

    def __init__(self, setup: "StoreSetup", scope: Scope, store: Store) -> None:
        super().__init__(setup, scope, None)
        self._stored = setup
        self._store = store
        self._dialect = setup.dialect
        self._record = setup.record
        self._dated = setup.is_dated(store)
        # What the record says of its cookie, where records do.
        self._own: RecordCookie | None = None
        # Whether the application left the session as it is.
        self._left = False
        self._index = 0
        self._held = _NOTHING
        self._ttl_ms: int | None = None
        self._replaced = False
        self._ttl_exceeds_lifetime = False
        # Whether the record has the lifetime of an earlier ``max_age``, so that a renewal writes it.
        self._outdated = False
        self._gone = False
        # Whether its id has just been replaced by another request.
        self._superseded = False
        self._error: SessionUnavailable | None = None
        # Whether an id came that the store was not asked about yet.
        self.deferred = False
        # Whether nothing came, and the application has not called ``load`` all the same, as ``defer`` asks of it.
        self.unasked = False
        # Whether it was replaced without that.
        self._replaced_before_load = False
        # The error that was handed to the application, until the store answers again.
        self.told: SessionUnavailable | None = None
        # Whether the commit that is under way, or failed, ends an id.
        self.ending = False
        self.word: Word | None = None
        # What removes the cookies of earlier configurations, with that word.
        self.farewell: list[bytes] = []
        # What came of an earlier configuration, until it was taken over, and then whose it was.
        self._claim: LegacySession | None = None
        self._source: Source | None = None
        self._committing = asyncio.Lock()
        # What was asked for while the store was being asked: it is carried out after that.
        self._queued: list[Callable[[], None]] = []
        # Whether that ends the session, or puts other data into it.
        self._replaced_meanwhile = False

    @asynccontextmanager
    async def _exclusive(self) -> AsyncIterator[None]:
        """Have the session for oneself, so that what other tasks of the request ask for meanwhile is neither lost nor mixed up."""
        async with self._committing:
            try:
                yield
            finally:
                later, self._queued, self._replaced_meanwhile = self._queued, [], False
                for change in later:
                    change()

    def _ask(self, change: Callable[[], None]) -> None:
        """Note a wish; after what is under way, if anything is."""
        if self._committing.locked():
            self._queued.append(change)
        else:
            change()

    async def wait_idle(self) -> None:
        """Wait for what is under way, so that it is known what became of it."""
        if self._committing.locked():
            async with self._committing:
                pass

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

    def claim(self, found: tuple[str, int] | LegacySession) -> None:
        """Take the id that came, signed by the key of that index, or a session of an earlier configuration; it is not read yet."""
        if isinstance(found, tuple):
            self.id, self._index = found
        else:
            self._claim = found

    async def load(self, session: Session) -> None:
        """Fetch the session where that was put off, or was tried and failed."""
        self.unasked = False
        failed = self._error
        if self.deferred or (failed is not None and (self.id is not None or self._claim is not None)):
            # Two tasks of one request may ask at once: neither goes on before the session is there, or both were told why not.
            async with self._exclusive():
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
            word = await self._stored.error_policy(error, self._scope)
            close(session, DegradedSession if word == "anonymous" else UnavailableSession)
            return
        why = await self._verdict(record)
        if session.__class__ is not WatchedSession:
            # It was put off, or is tried again.
            self._error = self.told = None
            self.degraded = False
        why = self._fill_or_miss(session, record, why)
        if why is None:
            return
        if why == "corrupt" and self._options.on_store_error == "raise":
            self._error = SessionUnavailable("read a record that is no session", store=self._stored.name)
            close(session, UnavailableSession)

    async def _read(self) -> Record | str:
        """Ask for the session's record; or say why there is none."""
        if self._claim is not None:
            return await self._read_earlier(self._claim)
        key, store = self._stored.ids.key(self.id or ""), self._store
        deadline = asyncio.get_running_loop().time() + self._stored.load_s
        # The load itself renews nothing, rolling or not: the time that is left tells how long the session was idle.
        # A connection that died unnoticed is no failure of the request.
        record = (await self._stored.gate.sure("load", deadline, partial(store.load, key), self._scope))[0]
        if record is not None:
            return record
        if self._stored.regenerate_grace_ms:
            # A signature vouches for the id, so that only what was a session costs this second call.
            ask = partial(store.load, self._stored.ids.grace_key(self.id or ""))
            if (await self._stored.gate.sure("load", deadline, ask, self._scope))[0] is not None:
                return "superseded"
        found = self._stored.earlier(self._scope, "missed", self._stored.now_ms())
        return await self._read_earlier(found) if isinstance(found, LegacySession) else "missed"

    async def _read_earlier(self, claim: LegacySession) -> Record | str:
        """Take over a session of an earlier configuration; the response is to carry its new id, and to remove its old cookie."""
        self._claim = claim
        taken = await self._stored.take_over(claim, self._store, self._scope)
        self._claim = None
        if isinstance(taken, str):
            # The same cookie may be of the next one.
            following = self._stored.earlier(self._scope, taken, self._stored.now_ms(), claim.former)
            return await self._read_earlier(following) if isinstance(following, LegacySession) else taken
        # As if an older key had signed it: it is to be sent anew.
        self.id, self._index = taken.id, 1
        self._source = Source(claim.former, taken.own)
        if claim.former.stored is None:
            # A cookie can be shown any number of times: its record is made once a request uses the session.
            self._pending = claim, taken
        else:
            self._options.events.emit("accepted", self._scope, claim.former.label, self._mark_of_id())
        return taken.record

    async def _make_pending(self, pending: tuple[LegacySession, Migrated]) -> None:
        """Make the record of a session that came in an earlier configuration's cookie."""
        claim, taken = pending
        await self._stored.make_taken(claim, taken, self._store, self._scope)
        self._pending = None
        self._options.events.emit("accepted", self._scope, claim.former.label, self._mark_of_id())

    def _fill_or_miss(self, session: Session, record: Record | str, why: str | None) -> str | None:
        """Fill the session from a record, or make it a new one and say why; ``why``: the application refuses it.

        Where another task has ended it meanwhile, or put other data into it, that stays.
        """
        into: dict[str, Any] = {}
        if not self._replaced_meanwhile:
            session.__class__ = WatchedSession
            dict.clear(session)
            into = session
        why = why or self._take(into, record)
        if why is not None:
            self._miss(why)
            dict.clear(into)
        return why

    async def _verdict(self, record: Record | str) -> str | None:
        """Ask the application's ``valid``, before anything is filled from the record. Source: koa-session ``valid``.

        If ``valid`` raises, the session is as it was before.
        """
        if self._options.valid is None or isinstance(record, str):
            return None
        data: dict[str, Any] = {}
        loaded, _, why = self._stored.opened(record.value, record.ttl_ms, data, dated=self._dated)
        if loaded is None or why is not None or (self._stored.formers is not None and is_unfinished(data)):
            return None
        # A copy: the question is no access, and whatever it does to its data no change.
        verdict = self._options.valid(self._scope, data)
        return None if (await verdict if inspect.isawaitable(verdict) else verdict) else "invalid"

    def _take(self, into: dict[str, Any], record: Record | str) -> str | None:
        """Fill a dict from a record and be its session's context, or say why it is no session."""
        if isinstance(record, str):
            return record
        loaded, verdict = self._opened(record.value, record.ttl_ms, into)
        if loaded is None or verdict is not None:
            return verdict or "corrupt"
        if self._stored.formers is not None and is_unfinished(into):
            # The id of a session that has ended, while one under the same id is being taken over: whoever shows it has none.
            return "missed"
        self._base = self._loaded = loaded
        self.body, self._ttl_ms = loaded[0], record.ttl_ms
        self._held = StoredVersion(record.version, record.value)
        self._index = loaded[1]
        # A session of the browser that is to get an end gets it by a write.
        self._ttl_exceeds_lifetime = self._exceeds_lifetime(loaded, record.ttl_ms) or (self._outdated and loaded[5] is True)
        self._came, self.is_new = True, False
        return None

    def _exceeds_lifetime(self, loaded: Loaded, ttl_ms: int | None) -> bool:
        """Say whether a record is kept for longer than its session's own lifetime says."""
        life_ms = loaded[4]
        if self._own is not None or self._dated or ttl_ms is None or type(life_ms) is not int:
            return False
        return ttl_ms - self._dialect.grace_ms > life_ms + SKEW_MS

    def _opened(self, value: bytes, ttl_ms: int | None, into: dict[str, Any]) -> tuple[Loaded | None, str | None]:
        """Read a record: what a session is made of, and why it may not be one."""
        loaded, self._own, why = self._stored.opened(value, ttl_ms, into, dated=self._dated)
        if loaded is None:
            return None, why
        loaded, self._outdated = self._stored.by_option((loaded[0], self._index, *loaded[2:]))
        has_ended = type(loaded[3]) is int and loaded[3] < self._stored.now_ms()
        return loaded, why or ("expired" if has_ended else None)

    def refuse(self, session: Session, why: str) -> None:
        """Start a new session in place of what came, and say why. Its id is not used again, its record left as it is."""
        dict.clear(session)
        self._miss(why)

    def _miss(self, why: str) -> None:
        self._options.events.emit(why, self._scope, why, self._mark_of_id())
        self.id = self._ttl_ms = self._base = self._loaded = self._own = None
        self.body, self.is_new, self._came, self._ttl_exceeds_lifetime = EMPTY, True, False, False
        # A login has just given the client another id, which no new one may take the place of.
        self._superseded = why == "superseded"
        self._gone = self._gone or self._superseded

    def refused(self, *, ending: bool = False) -> SessionUnavailable:
        """Give the error that whoever touches the session gets; ``ending``: who wanted to end it, or give it a new id."""
        self.ending = self.ending or ending
        error = self._error or SessionUnavailable("load", store=self._stored.name)
        # Raised anew each time: a traceback grows with every frame that it is raised through.
        self.told = again = SessionUnavailable(error.call, error.retry_after, error.store)
        again.__cause__ = error.__cause__
        return again

    # What a session asks and tells.

    def mark(self, reason: Reason) -> None:
        """Note what the application wants at the commit; the weightier wish wins."""
        self._ask(partial(super().mark, reason))

    def _login(self, owner: str) -> None:
        self._ask(partial(super()._login, owner))

    def _live_for(self, life: int | Literal["session"]) -> None:
        self._ask(partial(super()._live_for, life))

    def replace(self) -> None:
        """Note that all of the data was put there on purpose, so that nothing is to be merged into it."""
        self._replaced_meanwhile = self._committing.locked()
        self._ask(self._replace)

    def _replace(self) -> None:
        self._replaced = True
        self._replaced_before_load, self.deferred = self._replaced_before_load or self.deferred, False

    def increment(self, session: dict[str, Any], key: str, by: int | float) -> int | float:
        """Return what an increment makes of a key, and note it for a merge."""
        value = incremented(session, key, by)
        if self._increments is None:
            self._increments = Increments(self.body)
        self._increments.add(session, key, by, value)
        return value

    def destroy(self) -> None:
        """Note the end; nothing has to be read for that."""
        self._replaced_meanwhile = self._committing.locked()
        self._ask(self._end)

    def _end(self) -> None:
        super().destroy()
        self._replaced_before_load = self.deferred = False
        self._own = None

    def leave(self) -> None:
        """Note that the session is left as it is."""
        self._ask(self._leave)

    def _leave(self) -> None:
        self.forget()
        self._left = True

    def forget(self) -> None:
        """Take back whatever was asked for since the last commit."""
        super().forget()
        self._replaced = False
        self._increments = self._unsure = None

    async def reload(self, session: Session) -> None:
        """Fetch what is there now, in place of what was not committed."""
        ending = self.ends
        async with self._exclusive():
            if self.ends and not ending:
                # Another task has ended it while this one waited for its turn: that is not taken back.
                return
            try:
                await self._reload(session)
            except SessionUnavailable as error:
                self.told = error
                raise

    async def _reload(self, session: Session) -> None:
        if self.id is None and self._claim is None:
            self.forget()
            dict.clear(session)
            return
        # What was asked for is forgotten once there is something to go on with.
        record = await self._read()
        why = await self._verdict(record)
        self.forget()
        self.deferred = self._replaced_before_load = False
        self._error = self.told = None
        self.degraded = self._gone = False
        self._fill_or_miss(session, record, why)
