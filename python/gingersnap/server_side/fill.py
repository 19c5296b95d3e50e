"""Fill a session from its store: at the request's beginning, by ``load`` where that was put off, again by ``reload``."""

from typing import Any

from ..errors import SessionUnavailable
from ..session import Session, WatchedSession
from ..stores.store import Record
from .error_policy import error_policy
from .load import SessionLoader
from .request_lock import RequestLock
from .status import Status
from .unloaded import DegradedSession, UnavailableSession, make_unloaded


class SessionFiller:
    """What fills one request's session."""

    def __init__(self, loader: SessionLoader, status: Status, lock: RequestLock) -> None:
        self.loader = loader
        self.status = status
        self._lock = lock
        self.state = loader.state
        self.record = loader.record

    async def load(self, session: Session) -> None:
        """Fetch the session where that was put off, or was tried and failed. Raises: SessionUnavailable."""
        self.status.unasked = False
        failed = self.status.error
        if self.status.availability == "deferred" or (failed is not None and self.record.has_id):
            # Two tasks of one request may ask at once: neither goes on before the session is there, or both were told why not.
            async with self._lock.exclusive():
                if self.status.availability == "deferred" or (failed is not None and self.status.error is failed):
                    await self.fetch(session)
        if session.__class__ is UnavailableSession:
            raise self.unavailable_error()

    async def fetch(self, session: Session) -> None:
        """Ask the store for the session. Whatever it answers or fails to answer, there is a session."""
        try:
            found = await self.loader.fetch()
        except SessionUnavailable as error:
            policy = await error_policy(self.state.options, error, self.state.scope)
            self._make_unavailable(session, error, anonymous=policy == "anonymous")
            return
        why = await self.loader.check(found)
        if session.__class__ is not WatchedSession:
            # It was put off, or is tried again.
            self.status.error = self.status.reported_error = None
        if self.status.availability in ("deferred", "unavailable", "degraded"):
            self.status.availability = "ready"
        why = self._fill_or_miss(session, found, why)
        if why == "corrupt" and self.state.options.on_store_error == "raise":
            unfit = SessionUnavailable("read a record that is no session", store=self.loader.store_name)
            self._make_unavailable(session, unfit, anonymous=False)

    def _make_unavailable(self, session: Session, error: SessionUnavailable, *, anonymous: bool) -> None:
        self.status.error = error
        self.status.availability = "degraded" if anonymous else "unavailable"
        make_unloaded(session, DegradedSession if anonymous else UnavailableSession)

    def _fill_or_miss(self, session: Session, found: Record | str, why: str | None) -> str | None:
        """Fill the session from a record, or make it a new one and return why; ``why``: the application refuses it.

        Where another task has ended it meanwhile, or put other data into it, that stays.
        """
        into: dict[str, Any] = {}
        if not self._lock.replaced_meanwhile:
            session.__class__ = WatchedSession
            dict.clear(session)
            into = session
        why = why or self.loader.fill(into, found)
        if why is not None:
            self._miss(why)
            dict.clear(into)
        return why

    def reject(self, session: Session, why: str) -> None:
        """Start a new session in place of what came, and emit why."""
        dict.clear(session)
        self._miss(why)

    def _miss(self, why: str) -> None:
        self.loader.miss(why)
        if why == "superseded":
            # A login has just given the client another id, which no new one may take the place of.
            self.status.availability = "superseded"
        elif self.status.availability == "superseded":
            self.status.availability = "gone"

    async def reload(self, session: Session) -> None:
        """Fetch what is there now, in place of what was not committed. Raises: SessionUnavailable."""
        ending = self.state.ends
        async with self._lock.exclusive():
            if self.state.ends and not ending:
                # Another task has ended it while this one waited for its turn: that is not taken back.
                return
            try:
                await self._reload(session)
            except SessionUnavailable as error:
                self.status.reported_error = error
                raise

    async def _reload(self, session: Session) -> None:
        if not self.record.has_id:
            self.forget()
            dict.clear(session)
            return
        # What was asked for is forgotten once there is something to go on with.
        found = await self.loader.fetch()
        why = await self.loader.check(found)
        self.forget()
        self.status.replaced_before_load = False
        self.status.error = self.status.reported_error = None
        self.status.availability = "ready"
        self._fill_or_miss(session, found, why)

    def forget(self) -> None:
        """Undo what was asked for since the last commit."""
        self.state.forget()
        self.record.unsure = None

    def unavailable_error(self, *, ending: bool = False) -> SessionUnavailable:
        """Return the error for code that touches the session; ``ending``: code that ends it, or gives it a new id."""
        self.status.ending = self.status.ending or ending
        error = self.status.error or SessionUnavailable("load", store=self.loader.store_name)
        # A new one each time: a traceback grows with every frame that an error is raised through.
        self.status.reported_error = again = SessionUnavailable(error.call, error.retry_after, error.store)
        again.__cause__ = error.__cause__
        return again
