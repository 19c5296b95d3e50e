"""Conduct a session that lives in its cookie: decide at the commit, hand out the lines."""

import logging
from typing import TYPE_CHECKING, Final

from .. import _core
from ..cookies.format import Cookie
from ..cookies.remembered import with_member
from ..cookies.removals import with_removals
from ..dialects.record import with_own_life
from ..errors import CookieTooLarge, ReservedKeyError, SessionError, SessionTooLarge
from ..legacy.claim import Source
from ..lifecycle import rules
from ..lifecycle.state import RENEWALS, Context
from ..session.session import Session
from ..types import Loaded, Reason, Scope

if TYPE_CHECKING:
    from .middleware import Setup


logger = logging.getLogger("gingersnap")

_STARTED: Final = "session.commit: the response has started, so its cookie can no longer change; commit before that"


class CookieContext(Context):
    """What is known of one request's session in a cookie. Source: koa-session ``ContextSession``."""

    source: Source | None = None
    """The earlier configuration that the session was taken over from, where it was."""

    def __init__(self, setup: "Setup", scope: Scope, loaded: Loaded | None) -> None:
        super().__init__(setup, scope, loaded)
        self._format = setup.format
        self.lines: list[bytes] = []

    def commit(self, session: Session) -> list[bytes]:
        """Decide whether the session is written and give its Set-Cookie lines; none where it is not.

        Raises: UnserializableError, ReservedKeyError, CookieTooLarge; nothing is sent then.
        """
        self.failed = True
        # Before the text: what a thread writes after it is a late change.
        wrote, session._wrote = session._wrote, False
        try:
            self._commit(session)
        except BaseException:
            session._wrote = session._wrote or wrote
            raise
        self.failed = False
        return self.prepared(session)

    def _commit(self, session: Session) -> None:
        body = self._text(session)
        reason = self._reason(body, touched=session.accessed)
        if reason == "destroy":
            self._remove()
        elif reason is not None:
            problem = self._write(session, body, reason)
            if problem is not None:
                # A traceback shows the locals of its frames: not this one.
                del body
                raise problem
        else:
            # An empty new session has no lifetime that could start again.
            self._mark = None

    def end(self) -> list[bytes]:
        """Return the lines that remove the cookie of a session that a failed commit was to end; none where it ends nothing."""
        if self.ends:
            self._remove()
            return self.lines
        return []

    def _remove(self) -> None:
        lines, farewell = self._format.removal(self._own_cookie()), self._setup.farewell(None, self._scope)
        self.lines = with_removals(lines, farewell, self._scope, ending=True)
        self._settle(None, "destroy")

    def prepared(self, session: Session) -> list[bytes]:
        """Give the lines of the last commit, or what a touched session sends without one."""
        return self.lines or (self.stale if session.accessed else [])

    def _text(self, session: Session) -> bytes:
        try:
            return _core.dumps(session)
        except SessionTooLarge:
            raise self._too_large(None, session) from None

    def _write(self, session: Session, body: bytes, reason: Reason) -> SessionError | None:
        """Write the session: its lines, and what a later request would load; or say why it cannot be."""
        options, setup = self._options, self._setup
        reserved = self._reserved(session) if options.dialect.accepts_any_name or b'"_' in body else None
        if reserved is not None:
            return ReservedKeyError(reserved)
        life_ms, created_ms, owner, own = self.life_ms, self.created_ms, self.owner, self.has_own_life
        if life_ms is None:
            expire_ms = None
        elif reason == "rotated" and self.expire_ms is not None:
            # A new signature is no renewal: the session ends when it was to end.
            expire_ms = self.expire_ms
        else:
            expire_ms = rules.next_expire(setup.now_ms(), life_ms, created_ms, options.absolute_ms)
        # koa: without maxAge the first cookie has no date; a session that came has its lifetime and gets one.
        dated = options.dated or self._life is not None or self._came
        text = with_own_life(body, life_ms) if own else body
        member = self._member()
        envelope = (expire_ms, life_ms, created_ms, owner if member is owner else None)
        lines = self._format.write(self._own_cookie(), with_member(text, member), envelope, dated)
        if isinstance(lines, int) and reason in RENEWALS:
            # It came as it is, in another layout or signed otherwise: nobody's page fails for that.
            logger.error("a session that nobody changed is too large to be sent anew: its cookie stays as it is")
            return None
        if isinstance(lines, int):
            return self._too_large(lines, session)
        if self.source is not None or setup.doubles is not None or self._cookie is not None:
            farewell = setup.strays(self._scope) if self.source is None else setup.farewell(self.source, self._scope)
            lines = with_removals(lines, [*farewell, *self._left_behind()], self._scope)
        self.lines = lines
        self._settle((body, 0, True, expire_ms, *rules.life_members(life_ms, own=own), created_ms, member), reason)
        return None

    def _too_large(self, size: int | None, session: Session) -> CookieTooLarge:
        """Say which keys are the heaviest; ``None``: the text alone is too large."""
        sizes = self.heaviest(session)
        total = sum(octets for _, octets in sizes) if size is None else size
        return CookieTooLarge(total, self._options.max_cookie_bytes, sizes[:3])

    def _own_cookie(self) -> Cookie:
        return self._format.cookie(self._setup.is_secure(self._scope), self._own_attributes())

    async def commit_now(self, session: Session) -> None:
        """Commit before the response starts, on the application's own word."""
        if session._started:
            raise RuntimeError(_STARTED)
        self._setup.current(self._scope, session)
        await self.before_save(session)
        # The application's hook may have let the response start, whose own commit has written what there was then.
        if session._started and self.is_late(session):
            raise RuntimeError(_STARTED)
        if not session._started:
            self.commit(session)
