"""Conduct a session that lives in its cookie: decide at the commit, and return its Set-Cookie lines."""

import logging
from dataclasses import dataclass
from typing import Any, Final

from .. import _core
from ..cookies.format import Cookie, CookieFormat
from ..cookies.remembered import with_member
from ..cookies.removals import with_removals
from ..dialects.record import with_own_life
from ..errors import CookieTooLarge, ReservedKeyError, SessionError, SessionTooLarge
from ..legacy.sources import LegacySources, Origin
from ..lifecycle import rules
from ..lifecycle.before_save import run_before_save
from ..lifecycle.changes import has_changed, heaviest, is_late
from ..lifecycle.decision import RENEWALS, decide
from ..lifecycle.facts import facts_of
from ..lifecycle.increments import incremented
from ..lifecycle.policy import Policy
from ..lifecycle.scope_slot import ScopeSlot
from ..lifecycle.state import SessionState
from ..session.session import Session
from ..types import Reason, Scope, Snapshot

logger = logging.getLogger("gingersnap")

_STARTED: Final = "session.commit: the response has started, so its cookie can no longer change; commit before that"


@dataclass(frozen=True, slots=True)
class Parts:
    """What the contexts of one middleware share."""

    policy: Policy
    format: CookieFormat
    legacy: LegacySources
    slot: ScopeSlot


class ContextSession:
    """One request's session in a cookie. Source: koa-session ``ContextSession``."""

    origin: Origin | None = None
    """The earlier configuration that the session came from, where it did."""
    id = key = None
    gone = degraded = False

    def __init__(self, parts: Parts, scope: Scope, snapshot: Snapshot | None) -> None:
        self.state = SessionState(parts.policy, scope, snapshot)
        self._parts = parts
        self.lines: list[bytes] = []
        """The Set-Cookie lines of the last commit."""

    # What a session asks.

    def mark(self, reason: Reason) -> None:
        """Note what the application wants at the commit; the weightier mark wins."""
        self.state.add_mark(reason)

    def set_max_age(self, value: Any) -> None:
        """Note the lifetime that the application set. Raises: ConfigError where it is none."""
        self.state.live_for(self.state.read_life(value))

    def increment(self, session: Session, key: str, by: int | float) -> int | float:
        """Return what an increment makes of a key. Raises: TypeError, UnserializableError."""
        return incremented(session, key, by)

    def login(self, owner: str) -> None:
        """Note a new owner. Raises: TypeError where the layout has no place for one."""
        self.state.check_login()
        self.state.login(owner)

    def destroy(self) -> None:
        """Note the end."""
        self.state.destroy()

    def replace(self) -> None:
        """Note nothing: a cookie is always written as a whole."""

    def has_changed(self, session: Session) -> bool:
        """Return whether the session differs from what came, or was last committed."""
        return has_changed(self.state, session)

    def leave(self) -> None:
        """Raise NotImplementedError: ``unset="keep"`` needs a store."""
        raise NotImplementedError

    def unavailable_error(self, *, ending: bool = False) -> Exception:
        """Raise NotImplementedError: a cookie is always there."""
        raise NotImplementedError

    async def load(self, session: Session) -> None:
        """Return at once: the session is there."""

    async def reload(self, session: Session) -> None:
        """Undo what was not committed."""
        self.state.forget()
        session.replace(_core.loads(self.state.body) or {})

    async def commit_now(self, session: Session) -> None:
        """Commit before the response starts, as the application asks for it. Raises: RuntimeError once it has started."""
        if session._started:
            raise RuntimeError(_STARTED)
        self._parts.slot.current(self.state.scope, session)
        await self.before_save(session)
        # The application's hook may have let the response start: its own commit has written what there was then.
        if session._started and is_late(self.state, session):
            raise RuntimeError(_STARTED)
        if not session._started:
            self.commit(session)

    # On the way out.

    async def before_save(self, session: Session) -> None:
        """Run the application's hook if the session is about to be written."""
        await run_before_save(self.state, session, self._text)

    def commit(self, session: Session) -> list[bytes]:
        """Decide whether the session is written, and return its Set-Cookie lines; none where it is not.

        Raises: UnserializableError, ReservedKeyError, CookieTooLarge; nothing is sent then.
        """
        self.state.failed = True
        # Before the text: what a thread writes after it is a late change.
        wrote, session._wrote = session._wrote, False
        try:
            self._commit(session)
        except BaseException:
            session._wrote = session._wrote or wrote
            raise
        self.state.failed = False
        return self.prepared(session)

    def _commit(self, session: Session) -> None:
        state, body = self.state, self._text(session)
        rotated = state.loaded is not None and state.loaded.key_index > 0
        may_wait = rotated and self.origin is None and self._parts.legacy.duplicates is None and state.options.dialect.guards_caches
        facts = facts_of(state, body, touched=session.accessed, replaced=True, may_wait=may_wait)
        action, reason, withheld = decide(facts)
        if withheld:
            state.policy.warn_of_public()
        if reason is None:
            # An empty new session has no lifetime that could start again.
            state.mark = None
        elif action == "delete":
            self._remove()
        else:
            problem = self._write(session, body, reason)
            if problem is not None:
                # A traceback shows the locals of its frames: not this one.
                del body
                raise problem

    def end(self) -> list[bytes]:
        """Return the lines that remove the cookie of a session that a failed commit was to end; none where it ends nothing."""
        if self.state.ends:
            self._remove()
            return self.lines
        return []

    def prepared(self, session: Session) -> list[bytes]:
        """Return the lines of the last commit, or what a touched session sends without one."""
        return self.lines or ([*self.state.signature_removal] if session.accessed else [])

    def _remove(self) -> None:
        format, scope = self._parts.format, self.state.scope
        lines, others = format.removal(self._cookie()), self._parts.legacy.removals(None, scope)
        left = self.state.place_left()
        if left is not None:
            # The cookie that came is where it was, and its removal goes last: curl 7.88 carries out no other.
            lines, others = format.removal(format.cookie(*left)), [*others, *lines]
        self.lines = with_removals(lines, others, scope, ending=True)
        self.state.settle(None, "destroy")

    def _write(self, session: Session, body: bytes, reason: Reason) -> SessionError | None:
        """Write the session's lines, and note what a later request would load; return why that cannot be."""
        state, parts = self.state, self._parts
        options, policy = state.options, parts.policy
        reserved = state.reserved_key(session, body)
        if reserved is not None:
            return ReservedKeyError(reserved)
        (life_ms, own_life), created_ms, owner = state.lifetime(), state.created_ms, state.owner
        expire_ms = None
        if reason == "rotated" and life_ms is not None:
            # A new signature is no renewal: the session ends when it was to end.
            expire_ms = state.expire_ms
        if expire_ms is None and life_ms is not None:
            expire_ms = rules.next_expire(policy.now_ms(), life_ms, created_ms, options.absolute_ms)
        # koa: without maxAge the first cookie has no date; a session that came has its lifetime and gets one.
        has_expires = options.cookie_has_expires or state.life is not None or state.existed
        override = state.cookie_override()
        member = owner if override is None else state.owner_member(override)
        text = with_own_life(body, life_ms) if own_life else body
        cookie = parts.format.cookie(policy.is_secure(state.scope), override)
        envelope = (expire_ms, life_ms, created_ms, owner if member is owner else None)
        lines = parts.format.write(cookie, with_member(text, member), envelope, has_expires)
        if isinstance(lines, int):
            if reason not in RENEWALS:
                return self._too_large(lines, session)
            # It came as it is, in another layout or signed otherwise: no page fails for that.
            logger.error("an unchanged session is too large to be sent again: its cookie stays as it is")
            return None
        if self.origin is not None or parts.legacy.duplicates is not None or state.has_cookie:
            lines = self._with_removals(lines)
        self.lines = lines
        life = rules.life_members(life_ms, own_life=own_life)
        state.settle(Snapshot(body, 0, True, expire_ms, *life, created_ms, member), reason)
        return None

    def _with_removals(self, lines: list[bytes]) -> list[bytes]:
        state, format, legacy = self.state, self._parts.format, self._parts.legacy
        removals = legacy.strays(state.scope) if self.origin is None else legacy.removals(self.origin, state.scope)
        left = state.place_left()
        if left is not None:
            removals = [*removals, *format.removal(format.cookie(*left))]
        return with_removals(lines, removals, state.scope)

    def _cookie(self) -> Cookie:
        return self._parts.format.cookie(self.state.policy.is_secure(self.state.scope), self.state.cookie_override())

    def _text(self, session: Session) -> bytes:
        try:
            return _core.dumps(session)
        except SessionTooLarge:
            raise self._too_large(None, session) from None

    def _too_large(self, size: int | None, session: Session) -> CookieTooLarge:
        """Return the error with the heaviest keys; ``size`` ``None``: the text alone is too large."""
        sizes = heaviest(self.state, session)
        total = sum(octets for _, octets in sizes) if size is None else size
        return CookieTooLarge(total, self.state.options.max_cookie_bytes, sizes[:3])
