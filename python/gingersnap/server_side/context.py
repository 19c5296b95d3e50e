"""Conduct a session that lives in a store: what its application asks is applied between one load or commit and the next."""

from functools import partial
from typing import Any

from ..errors import SessionUnavailable
from ..legacy.sources import LegacySession
from ..lifecycle.changes import has_changed
from ..lifecycle.state import SessionState
from ..session import Session
from ..types import Reason, Scope
from .fill import SessionFiller
from .load import SessionLoader
from .parts import Parts
from .record_state import RecordState
from .request_lock import RequestLock
from .save import SessionSaver
from .status import Status


class ContextSession:
    """One request's session in a store. Source: koa-session ``ContextSession``, external mode."""

    def __init__(self, parts: Parts, scope: Scope) -> None:
        self._parts = parts
        self.status = Status()
        self.state = SessionState(parts.policy, scope, None, parts.repository.record)
        self.record = RecordState()
        self._lock = RequestLock()
        loader = SessionLoader(parts, parts.repository.store_for(scope), self.state, self.record)
        self.filler = SessionFiller(loader, self.status, self._lock)
        self.saver = SessionSaver(parts, self.filler, self._lock)

    @property
    def id(self) -> str | None:
        """The session's id, a secret; ``None``: it has none yet."""
        return self.record.id

    @property
    def key(self) -> str | None:
        """The key in the store."""
        return None if self.record.id is None else self._parts.repository.ids.key(self.record.id)

    @property
    def gone(self) -> bool:
        """Whether the session was found to have ended, or its id to have been replaced."""
        return self.status.gone

    @property
    def degraded(self) -> bool:
        """Whether the session stands in for one that the store could not give."""
        return self.status.error is not None

    # What a session asks.

    def mark(self, reason: Reason) -> None:
        """Note what the application wants at the commit; the weightier mark wins."""
        self._lock.apply_or_queue(partial(self.state.add_mark, reason))

    def set_max_age(self, value: Any) -> None:
        """Note the lifetime that the application set. Raises: ConfigError where it is none."""
        self._lock.apply_or_queue(partial(self.state.live_for, self.state.read_life(value)))

    def increment(self, session: Session, key: str, by: int | float) -> int | float:
        """Return what an increment makes of a key, and note it for a merge. Raises: TypeError, UnserializableError."""
        return self.state.increment(session, key, by)

    def login(self, owner: str) -> None:
        """Note a new owner. Raises: TypeError where the layout has no place for one."""
        self.state.check_login()
        self._lock.apply_or_queue(partial(self.state.login, owner))

    def destroy(self) -> None:
        """Note the end; nothing has to be read for that."""
        self._lock.apply_or_queue(self._destroy, replaces=True)

    def _destroy(self) -> None:
        self.state.destroy()
        self.status.replaced_before_load = False
        self.status.use_unread()

    def replace(self) -> None:
        """Note that all of the data was put there on purpose, so that nothing is merged into it."""
        self._lock.apply_or_queue(self._replace, replaces=True)

    def _replace(self) -> None:
        self.state.replaced = True
        self.status.replaced_before_load = self.status.replaced_before_load or self.status.availability == "deferred"
        self.status.use_unread()

    def has_changed(self, session: Session) -> bool:
        """Return whether the session differs from what came, or was last committed."""
        return has_changed(self.state, session)

    def leave(self) -> None:
        """Note that the session is left as it is. Source: express-session ``unset: 'keep'``."""
        self._lock.apply_or_queue(self._leave)

    def _leave(self) -> None:
        self.filler.forget()
        self.status.abandoned = True

    def expect(self, found: tuple[str, int] | LegacySession) -> None:
        """Note the id that came, signed by the key of that index, or a session of an earlier configuration; it is not read yet."""
        if isinstance(found, tuple):
            self.record.id, self.record.key_index = found
        else:
            self.record.legacy = found

    async def commit_now(self, session: Session) -> None:
        """Commit as the application asks for it. Raises: RuntimeError where no response can carry the new id any more."""
        self._parts.slot.current(self.state.scope, session)
        await self.wait_idle()
        self._check_not_stuck(session)
        await self.saver.before_save(session)
        # The application's hook may have let the response start.
        self._check_not_stuck(session)
        await self.saver.commit(session)

    def _check_not_stuck(self, session: Session) -> None:
        if session._started and self.is_stuck(session):
            raise RuntimeError("session.commit: the response has started, so no new id can reach the client; commit before that")

    def is_stuck(self, session: Session) -> bool:
        """Return whether a commit would make an id that no response can carry any more."""
        state, record = self.state, self.record
        refilled = state.mark == "destroy" and dict.__len__(session) > 0
        needs_id = record.id is None or record.unmade is not None or state.mark == "regenerate" or refilled
        return self.saver.is_late(session) and needs_id

    async def wait_idle(self) -> None:
        """Wait for the load or commit that is under way."""
        await self._lock.wait_idle()

    def unavailable_error(self, *, ending: bool = False) -> SessionUnavailable:
        """Return the error for code that touches the session; ``ending``: code that ends it, or gives it a new id."""
        return self.filler.unavailable_error(ending=ending)

    async def load(self, session: Session) -> None:
        """Fetch the session where that was put off, or was tried and failed. Raises: SessionUnavailable."""
        await self.filler.load(session)

    async def reload(self, session: Session) -> None:
        """Fetch what is there now, in place of what was not committed. Raises: SessionUnavailable."""
        await self.filler.reload(session)
