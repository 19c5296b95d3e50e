"""Save a session to its store: decide from its JSON what a commit does, one commit after the other."""

import logging

from .. import _core
from ..errors import ReservedKeyError, SessionTooLarge, SessionUnavailable
from ..lifecycle.before_save import run_before_save
from ..lifecycle.changes import is_late, is_same
from ..lifecycle.decision import decide
from ..lifecycle.facts import facts_of
from ..lifecycle.merge import brought
from ..lifecycle.state import EMPTY
from ..records.encoder import RecordEncoder, is_recent, too_large
from ..records.repository import BROWSER_MS
from ..session import UNTOUCHED, Session, WatchedSession
from .commit import Committer
from .fill import SessionFiller
from .parts import Parts
from .request_lock import RequestLock

logger = logging.getLogger("gingersnap")


class SessionSaver:
    """What saves one request's session."""

    def __init__(self, parts: Parts, filler: SessionFiller, lock: RequestLock) -> None:
        self._parts = parts
        self._filler = filler
        self._loader = filler.loader
        self._lock = lock
        self.status = filler.status
        self.state = filler.state
        self.record = filler.record

    def is_late(self, session: Session) -> bool:
        """Return whether anything was asked or changed since the commit; a session that is gone or not loaded asks for nothing."""
        return not self._is_closed() and is_late(self.state, session)

    def _is_closed(self) -> bool:
        status = self.status
        return status.abandoned or status.error is not None or status.availability == "deferred" or self._is_over()

    def _is_over(self) -> bool:
        """Return whether nothing is written because the session has ended elsewhere.

        A login begins another one. A logout under an id that was just replaced removes the client's cookie, as it does where it
        has loaded the session before that.
        """
        if not self.status.gone:
            return False
        mark = self.state.mark
        is_login = mark == "regenerate" and self.state.new_owner is not None
        return not is_login and not (self.status.availability == "superseded" and mark == "destroy")

    def is_idle(self, session: Session) -> bool:
        """Return whether nothing has to be written, without looking at the data where that is plain to see."""
        status, state, record = self.status, self.state, self.record
        if (status.availability != "ready" or status.abandoned or status.error is not None) and self._is_closed():
            return True
        options = state.options
        watched, renews = session.__class__ is WatchedSession, self._parts.policy.renews
        if state.mark is not None or (watched and session._wrote) or state.is_cookie_changed():
            return False
        if record.unmade is not None and not renews:
            # To be read, it needs no record: a cookie that is shown a thousand times is not to make a thousand.
            return is_same(session, state.body)
        if state.loaded is None:
            # With ``defer`` a session is not begun by a look at its object.
            wanted = session._touch > UNTOUCHED or not options.defer
            begins = options.allow_empty and not state.committed and wanted
            return watched and not dict.__len__(session) and not begins
        if record.exceeds_lifetime or (options.resave and not state.committed):
            return False
        if renews or record.key_index > 0:
            return options.lazy_rolling and not session.accessed
        return not session.accessed or is_same(session, state.body)

    def must_extend(self) -> bool:
        """Return whether a record that no request writes has to be kept for longer: of a session of the browser, say."""
        loaded, options, ttl_ms = self.state.loaded, self.state.options, self.record.ttl_ms
        dialect = options.dialect
        if loaded is None or (loaded.browser_session is not True and not dialect.touches_on_read):
            return False
        if self.status.abandoned or self.status.gone or self.record.unmade is not None:
            return False
        if dialect.touches_on_read:
            # express-session: each request does so.
            return not is_recent(ttl_ms, self._encoder().lasting_ms())
        if ttl_ms is None:
            return False
        if options.ttl is None:
            return ttl_ms < BROWSER_MS / 2
        # Under a preset a record is kept no longer than the application says; ours, for so long from its last use.
        return not dialect.accepts_any_name and ttl_ms < self._encoder().lasting_ms() / 2

    async def before_save(self, session: Session) -> None:
        """Run the application's hook if the session is about to be written."""
        await self._lock.wait_idle()
        if not self.is_idle(session):
            await run_before_save(self.state, session, self._text)

    async def commit(self, session: Session) -> None:
        """Decide whether the session is written, and write it; ``record.id_update`` is what the response tells the client then.

        Raises: UnserializableError, ReservedKeyError, SessionTooLarge; SessionUnavailable, SessionConflict. Nothing is
        told to the client then.
        """
        if self.status.availability == "superseded" and self._is_over() and dict.__len__(session) > 0:
            self._drop_superseded()
        if self._lock.busy or not self.is_idle(session) or self.must_extend():
            await self._parts.repository.run_to_completion(self._commit_exclusively(session))
        else:
            self.state.failed = False

    def _drop_superseded(self) -> None:
        """Report what a request wrote into a session after another one has just replaced its id."""
        logger.info("a request came with an id that a login had just replaced: what it changed is dropped")
        self.state.options.events.emit("gone", self.state.scope, "superseded")

    async def _commit_exclusively(self, session: Session) -> None:
        """Commit after the commit that is under way: its waiter may be gone, but not yet its write."""
        async with self._lock.exclusive():
            if not self.is_idle(session) or self.must_extend():
                await self._commit(session)

    async def _commit(self, session: Session) -> None:
        state = self.state
        state.failed = True
        self.status.ending = state.mark in ("destroy", "regenerate")
        if self.status.gone:
            self._begin_again(session)
        # Before the text: what a thread or another task writes after it is another change.
        wrote, session._wrote = session._wrote, False
        try:
            await self._write(session, self._text(session))
        except BaseException as error:
            session._wrote = session._wrote or wrote
            if isinstance(error, SessionUnavailable):
                self.status.reported_error = error
            raise
        state.failed = False

    async def _write(self, session: Session, body: bytes) -> None:
        """Decide from the session's JSON what to do, and do it."""
        state, record = self.state, self.record
        if not await self._know_record(session):
            return
        record.unmade = None
        facts = facts_of(
            state,
            body,
            touched=session.accessed,
            replaced=state.replaced,
            exceeds_lifetime=record.exceeds_lifetime,
            must_extend=self.must_extend(),
            touch_suffices=not self._loader.expiry_in_record and not record.outdated,
        )
        action, reason, withheld = decide(facts)
        if withheld:
            state.policy.warn_of_public()
        if reason is None:
            # An empty new session has no lifetime that could start again.
            state.mark = None
            if action == "keep":
                await self._extend_silently()
            return
        reserved = state.reserved_key(session, body)
        if reserved is not None:
            raise ReservedKeyError(reserved)
        self.status.ending = reason in ("destroy", "regenerate")
        if await self._committer().carry_out(session, body, action, reason) == "gone":
            self._drop_as_gone()
        self.status.reported_error = None

    async def _know_record(self, session: Session) -> bool:
        """Load or make the record of a session that no request has read or made yet; ``False``: nothing may be written."""
        state, record = self.state, self.record
        if self.status.replaced_before_load:
            await self._catch_up(session)
            if self.status.availability == "superseded" and self._is_over():
                self._drop_superseded()
                return False
            if self.status.gone:
                # A login begins another session.
                self.status.availability = "ready"
        elif record.legacy is not None:
            # Ended before any request has read it: its old record must not outlive it.
            await self._loader.fetch_legacy(record.legacy)
        if record.unmade is not None and state.mark != "destroy":
            await self._loader.make_record(record.unmade)
        return True

    async def _catch_up(self, session: Session) -> None:
        """Fetch the record of a session that was replaced before its load: what is written over must be known."""
        found = await self._loader.fetch()
        why = await self._loader.check(found)
        self.status.replaced_before_load = False
        why = why or self._loader.fill({}, found)
        if why is not None:
            data = dict.copy(session)
            self._filler.reject(session, why)
            dict.update(session, data)

    def _begin_again(self, session: Session) -> None:
        """After a login on a session that was deleted meanwhile: keep only the keys that this request changed."""
        state = self.state
        self.status.availability = "ready"
        text = self._text(session)
        steps = {} if state.increments is None else state.increments.steps(session)
        fresh = brought(state.body, text, atomic=state.options.atomic_keys, steps=steps)
        state.loaded = self.record.id = None
        dict.clear(session)
        dict.update(session, fresh)
        state.body = EMPTY

    def _drop_as_gone(self) -> None:
        """Drop the write: the session has ended, and the response says nothing of it, as another one may just have begun."""
        state, record = self.state, self.record
        self.status.availability, state.ends = "gone", False
        record.id_update, record.removals = None, ()
        logger.info("a session ended while a request was using it: what that request changed is dropped")
        state.options.events.emit("gone", state.scope, "", self._loader.fingerprint)

    async def _extend_silently(self) -> None:
        """Keep a record for another lifetime, or another day; no client has to be told."""
        try:
            await self._committer().extend()
        except SessionUnavailable:
            if self.state.options.on_store_error == "raise":
                raise

    async def end(self) -> None:
        """End what an application that failed had ended: a logout may not be lost with the rest of the request."""
        if self.state.ends or self._lock.replaced_meanwhile:
            await self._parts.repository.run_to_completion(self._end_exclusively())

    async def _end_exclusively(self) -> None:
        async with self._lock.exclusive():
            if self.state.ends and self.record.has_id:
                if self.record.legacy is not None:
                    await self._loader.fetch_legacy(self.record.legacy)
                await self._committer().delete()

    def _text(self, session: Session) -> bytes:
        try:
            return _core.dumps(session)
        except SessionTooLarge:
            raise too_large(self.state, session) from None

    def _encoder(self) -> RecordEncoder:
        return RecordEncoder(self._parts.repository, self.state, expiry_in_record=self._loader.expiry_in_record)

    def _committer(self) -> Committer:
        return Committer(self._parts, self._loader, self._lock, self._encoder())
