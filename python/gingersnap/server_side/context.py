"""Conduct a session that lives in a store: decide at the commit whether it is written, one commit after the other."""

import logging
from typing import Final

from ..errors import ReservedKeyError, SessionUnavailable
from ..lifecycle.state import RENEWALS, is_same
from ..session.session import UNTOUCHED, Session, WatchedSession
from .commit import Departure

logger = logging.getLogger("gingersnap")

BROWSER_MS: Final = 86_400_000
"""How long a session that ends with its browser is kept from one request to the next."""


class StoreContext(Departure):
    """What is known of one request's session in a store. Source: koa-session ``ContextSession``, external mode."""

    def is_idle(self, session: Session) -> bool:
        """Say whether nothing has to be written, without looking at the data where that is plain to see."""
        if self._error is not None or self.deferred or self._left or self._is_over():
            return True
        watched = session.__class__ is WatchedSession
        if self._mark is not None or (watched and session._wrote) or self._is_cookie_changed():
            return False
        if self._pending is not None and not self._stored.renews:
            # To be read, it needs no record: a cookie that is shown a thousand times is not to make a thousand.
            return is_same(session, self.body)
        if self._loaded is None:
            # With ``defer`` a session is not begun by a look at its object.
            wanted = session._touch > UNTOUCHED or not self._options.defer
            fresh = self._options.allow_empty and not self.committed and wanted
            return watched and not dict.__len__(session) and not fresh
        if self._ttl_exceeds_lifetime or (self._options.resave and not self.committed):
            return False
        if self._stored.renews or self._index > 0:
            return self._options.lazy_rolling and not session.accessed
        return not session.accessed or is_same(session, self.body)

    def _must_extend(self) -> bool:
        """Say whether a record that nobody writes has to be kept for longer: of a session that ends with its browser, say."""
        loaded = self._loaded
        if loaded is None or self._left or self._gone or self._pending is not None:
            return False
        if self._dialect.touches_on_read:
            # express-session: each request does so.
            return not self._is_rolled(self._lasting_ms())
        if loaded[5] is not True or self._ttl_ms is None:
            return False
        if self._options.ttl is None:
            return self._ttl_ms < BROWSER_MS / 2
        # Under a preset a record is kept no longer than the application says; ours, for so long from its last use.
        return not self._dialect.accepts_any_name and self._ttl_ms < self._lasting_ms() / 2

    async def commit_now(self, session: Session) -> None:
        """Commit on the application's own word."""
        self._stored.current(self._scope, session)
        await self.wait_idle()
        self._refuse_stuck(session)
        await self.before_save(session)
        # The application's hook may have let the response start.
        self._refuse_stuck(session)
        await self.commit(session)

    def _refuse_stuck(self, session: Session) -> None:
        if session._started and self.is_stuck(session):
            raise RuntimeError("session.commit: the response has started, so no new id can reach the client; commit before that")

    def is_stuck(self, session: Session) -> bool:
        """Say whether a commit would make an id that no response can carry any more."""
        refilled = self._mark == "destroy" and dict.__len__(session) > 0
        return self.is_late(session) and (self.id is None or self._pending is not None or self._mark == "regenerate" or refilled)

    def is_late(self, session: Session) -> bool:
        """Say whether anything was asked or changed since the commit; what is gone or closed asks for nothing."""
        closed = self.deferred or self._left or self._error is not None or self._is_over()
        return not closed and super().is_late(session)

    def _is_login(self) -> bool:
        return self._mark == "regenerate" and self._owner is not None

    def _is_over(self) -> bool:
        """Return whether nothing is written because the session has ended elsewhere.

        A login begins another one. A logout under an id that was just replaced removes the client's cookie, as it does where it
        has loaded the session before that.
        """
        return self._gone and not self._is_login() and not (self._superseded and self._mark == "destroy")

    async def before_save(self, session: Session) -> None:
        """Run the application's hook if the session is about to be written."""
        await self.wait_idle()
        if not self.is_idle(session):
            await super().before_save(session)

    async def commit(self, session: Session) -> None:
        """Decide whether the session is written, and write it; ``word`` is what the response has to tell then.

        Raises: UnserializableError, ReservedKeyError, SessionTooLarge; SessionUnavailable, SessionConflict. Nothing is
        told to the client then.
        """
        if self._superseded and self._is_over() and dict.__len__(session) > 0:
            self._drop()
        if self._committing.locked() or not self.is_idle(session) or self._must_extend():
            await self._stored.run_to_completion(self._in_turn(session))

    def _drop(self) -> None:
        """Tell of what a request wrote into a session whose id another one has just replaced."""
        logger.info("a request came with an id that a login had just replaced: what it changed is dropped")
        self._options.events.emit("gone", self._scope, "superseded")

    async def _in_turn(self, session: Session) -> None:
        """Commit after whatever commit is under way: its waiter may be gone, but not yet its write."""
        async with self._exclusive():
            if not self.is_idle(session) or self._must_extend():
                await self._commit(session)

    async def _commit(self, session: Session) -> None:
        self.failed = True
        self.ending = self._mark in ("destroy", "regenerate")
        if self._gone:
            self._begin_anew(session)
        # Before the text: what a thread or another task writes after it is another change.
        wrote, session._wrote = session._wrote, False
        try:
            await self._write(session, self._text(session))
        except BaseException as error:
            session._wrote = session._wrote or wrote
            if isinstance(error, SessionUnavailable):
                self.told = error
            raise
        self.failed = False

    async def _write(self, session: Session, body: bytes) -> None:
        """Do with a session of that text what is to be done."""
        if self._replaced_before_load:
            await self._catch_up(session)
            if self._superseded and self._is_over():
                self._drop()
                return
            # A login begins another session.
            self._gone = self._superseded = False
        elif self._claim is not None:
            # Ended before anybody has read it: its old record must not outlive it.
            await self._read_earlier(self._claim)
        if self._pending is not None and self._mark != "destroy":
            await self._make_pending(self._pending)
        self._pending = None
        reason = self._reason(body, touched=session.accessed)
        if self._ttl_exceeds_lifetime and (reason is None or reason in RENEWALS):
            # Only a write shortens the time that a record has.
            reason = "resave"
        if reason is None:
            # An empty new session has no lifetime that could start again.
            self._mark = None
            if self._must_extend():
                await self._keep()
            return
        reserved = self._reserved(session) if self._dialect.accepts_any_name or b'"_' in body else None
        if reserved is not None:
            raise ReservedKeyError(reserved)
        self.ending = reason in ("destroy", "regenerate")
        await self._carry_out(session, body, reason)
        self.told = None

    async def _catch_up(self, session: Session) -> None:
        """Fetch the record of a session that was replaced unread: what is written over must be known."""
        record = await self._read()
        why = await self._verdict(record)
        self._replaced_before_load = False
        why = why or self._take({}, record)
        if why is not None:
            data = dict.copy(session)
            self.refuse(session, why)
            dict.update(session, data)

    async def end(self) -> None:
        """End what an application that failed had ended: a logout may not be lost with the rest of the request."""
        if self.ends or self._replaced_meanwhile:
            await self._stored.run_to_completion(self._end_in_turn())

    async def _end_in_turn(self) -> None:
        async with self._exclusive():
            if self.ends and (self.id is not None or self._claim is not None):
                if self._claim is not None:
                    await self._read_earlier(self._claim)
                await self._destroy(self._writer())
