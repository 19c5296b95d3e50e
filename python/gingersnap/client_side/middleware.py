"""Serve requests with the session in its cookie: open it, and commit it as the response starts."""

import contextlib
import inspect
import logging
from collections.abc import Awaitable
from typing import Any

from .. import _core
from ..cookies.handshake import HandshakeWarning
from ..cookies.headers import with_session
from ..cookies.removals import is_remnant
from ..legacy.sources import LegacySession, LegacySources, Origin, format_for
from ..lifecycle.changes import is_late, is_same, late_keys
from ..lifecycle.policy import Policy
from ..lifecycle.scope_slot import ScopeSlot
from ..lifecycle.state import EMPTY
from ..session import READ, UNTOUCHED, Session, WatchedSession
from ..session.failed import fail
from ..session.scope_key import ScopeKey
from ..types import STARTS, ASGIApp, Message, Receive, Scope, Send, Snapshot
from .context import ContextSession, Parts

logger = logging.getLogger("gingersnap")


class CookieSessions:
    """What the requests of one middleware share."""

    def __init__(self, policy: Policy, slot: ScopeSlot) -> None:
        self.options = options = policy.options
        self.scope_key = options.scope_key
        self._policy = policy
        self._slot = slot
        self.format = format_for(options)
        self._legacy = LegacySources(policy, self.format)
        self._parts = Parts(policy, self.format, self._legacy, slot)
        self._handshake = HandshakeWarning()
        self._load = self.format.load if self._legacy.duplicates is None else self._legacy.duplicates.load
        # The lifetime of most sessions: those that have it and are fresh need no other check. -1: each needs one.
        usual = options.max_age_ms if options.dialect.has_expiry else None
        self._usual_ms = usual if options.absolute_ms is None else -1
        self._clock = options.clock

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        session = self.open(scope)
        if self.options.valid is not None:
            await self._validate(session)
        # Not before: where ``valid`` raises, the scope holds no session that it has not let pass.
        scope[session._key] = session

        def send_with_session(message: Message) -> Awaitable[None]:
            return send(self._start(scope, session, message) if message["type"] in STARTS else message)

        wrapped: Send = send_with_session
        if self.options.before_save is not None:
            wrapped = self._after_hook(scope, session, send)
        try:
            await app(scope, receive, wrapped)
            if self.options.auto_commit and (scope.get(session._key, session) is not session or self.is_late(session)):
                self._report(scope, session)
        except Exception:
            if self.options.auto_commit and scope["type"] == "http":
                try:
                    await self._end_after_error(scope, session, send)
                except Exception as error:
                    # The application's own exception is the one to be seen.
                    logger.error("a request that failed could not be answered: %s", type(error).__name__)
            fail(session, scope)
            raise
        finally:
            self._slot.release(scope, session)

    async def _end_after_error(self, scope: Scope, session: Session, send: Send) -> None:
        """Answer 500 with the removal of a session that a failed application had ended, if no response has started.

        A logout is not lost with the rest of the request. The exception goes on to the server, which logs it.
        """
        # A value that stands for no session is an error of its own, and what was asked before it holds.
        with contextlib.suppress(TypeError):
            self._slot.current(scope, session)
        self._slot.end_cleared(session)
        if session._conducted is None:
            return
        context = self._context(session)
        state = context.state
        has_response = state.answered if state.failed else session._started
        if not state.ends or has_response:
            return
        session._started = state.answered = True
        body = b"Internal Server Error"
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
        start: Message = {"type": "http.response.start", "status": 500, "headers": headers}
        await send(with_session(start, context.end(), self.options, self.format.name))
        await send({"type": "http.response.body", "body": body})

    def conduct(self, session: Session) -> ContextSession:
        """Make the context of a session that somebody needs more of than its data."""
        loaded = session._loaded
        return ContextSession(self._parts, session._scope, None if loaded is None else Snapshot._make(loaded))

    def _context(self, session: Session) -> ContextSession:
        """Return the context of a session, made if it has none yet."""
        context: Any = session._conducted
        made: ContextSession = self.conduct(session) if context is None else context
        session._conducted = made
        return made

    def report_failed(self, session: Session, keys: str) -> None:
        """Report what changed after the request had failed. Raises: SessionSealed under ``strict``."""
        self._slot.report_failed(session, keys)

    # On the way in.

    def open(self, scope: Scope) -> Session:
        """Load the session, or start a new one; whatever came, there is a session."""
        session = WatchedSession()
        session._opener = self
        session._key = ScopeKey(self.scope_key)
        session._scope = scope
        session._touch = UNTOUCHED
        session._wrote = False
        session._started = False
        session._conducted = session._loaded = None
        now_ms = int(self._clock() * 1000)
        headers = scope["headers"]
        if type(headers) is not list:
            # ASGI gives an iterable: what is read here must still be there for the application.
            scope["headers"] = headers = [*headers]
        loaded = self._load(headers, session, now_ms)
        why: str | None
        if isinstance(loaded, tuple):
            _, _, dates_ok, _, max_age, _, _, _ = loaded
            # A fresh session is one that the rules let pass, but for the absolute end.
            if dates_ok and max_age == self._usual_ms:
                session._loaded = loaded
                return session
            snapshot, _ = self._policy.by_option(Snapshot._make(loaded))
            why = self._policy.check(snapshot, now_ms)
            if why is None:
                session._loaded = snapshot
                return session
            dict.clear(session)
        else:
            why = loaded
        if self._legacy.sources:
            why = self._take_over(session, why, now_ms)
        if why is not None:
            self._reject(session, why)
        return session

    def _take_over(self, session: Session, why: str | None, now_ms: int) -> str | None:
        """Look for a session of an earlier configuration; return why there is none of either."""
        found = self._legacy.find(session._scope, why, now_ms)
        if not isinstance(found, LegacySession):
            return found
        snapshot = self._legacy.carried(found, session, now_ms)
        if snapshot is None:
            return "corrupt"
        session._loaded = snapshot
        self._context(session).origin = Origin(found.source, None)
        self.options.events.emit("accepted", session._scope, found.source.label)
        return None

    def _reject(self, session: Session, why: str) -> None:
        """Start a new session in place of what came, and emit why."""
        dict.clear(session)
        # With it goes what a context that was made already knows of it, its owner among that.
        session._loaded = session._conducted = None
        if is_remnant(self.format.name, self.options.max_header_bytes, session._scope, why):
            return
        if why == "tampered" and self.options.drop_bad_signature:
            # koa: a signature that does not verify is removed, by a line of its own.
            encrypted = self._policy.is_encrypted(session._scope)
            self._context(session).state.signature_removal = self.format.signature_removal(encrypted)
        self.options.events.emit(why, session._scope, why)

    async def _validate(self, session: Session) -> None:
        """Ask the application's ``valid``; a session that it refuses is replaced by a new one. Source: koa-session ``valid``."""
        if session._loaded is None or self.options.valid is None:
            return
        # A copy: the question is no access, and whatever it does to its data no change.
        verdict = self.options.valid(session._scope, _core.loads(session._loaded[0]) or {})
        if inspect.isawaitable(verdict):
            verdict = await verdict
        if not verdict:
            self._reject(session, "invalid")

    # On the way out.

    def _after_hook(self, scope: Scope, session: Session, send: Send) -> Send:
        """Run the application's hook before the response starts, where it may await."""

        async def send_after_hook(message: Message) -> None:
            if message["type"] in STARTS:
                if session._started:
                    message = self._start_again(session, message)
                else:
                    # Noted first, as without a hook.
                    session._started = True
                    try:
                        if self.options.auto_commit:
                            context = self._context(self._slot.current(scope, session))
                            context.state.response = message
                            await context.before_save(session)
                        message = self._commit(scope, session, message)
                    except Exception:
                        self._context(session).state.failed = True
                        raise
            await send(message)

        return send_after_hook

    def _start_again(self, session: Session, message: Message) -> Message:
        """Return the start of the answer that follows a failed commit, with the end that this commit was to carry out."""
        if session._conducted is None:
            return message
        context = self._context(session)
        context.state.answered = True
        if not context.state.failed or not context.state.ends:
            return message
        return with_session(message, context.end(), self.options, self.format.name)

    def _start(self, scope: Scope, session: Session, message: Message) -> Message:
        if session._started:
            return self._start_again(session, message)
        # Noted first: if the commit fails, the error page must still get out, without a session.
        session._started = True
        try:
            return self._commit(scope, session, message)
        except Exception:
            self._context(session).state.failed = True
            raise

    def _commit(self, scope: Scope, session: Session, message: Message) -> Message:
        """Commit, and return the message with the session's headers."""
        options = self.options
        unreplaced = scope.get(session._key, session) is session
        if unreplaced and self._is_idle(session):
            if not (options.cache_headers and session.accessed):
                return message
            return with_session(message, [], options, self.format.name)
        context = self._context(session if unreplaced else self._slot.current(scope, session))
        if context.state.another:
            self._slot.warn_of_shared_cookie(session, message)
        context.state.response = message
        lines = context.commit(session) if options.auto_commit else context.prepared(session)
        if lines:
            self._handshake.check(scope, message)
        if not lines and not session.accessed:
            return message
        return with_session(message, lines, options, self.format.name)

    def _is_idle(self, session: Session) -> bool:
        """Return whether nothing has to be written, without a context where that is plain to see."""
        loaded, watched = session._loaded, session.__class__ is WatchedSession
        if session._conducted is not None or (watched and session._wrote):
            return False
        if loaded is None:
            return watched and not dict.__len__(session)
        body, key_index, _, _, _, _, _, _ = loaded
        if self._policy.renews or key_index > 0:
            return self.options.lazy_rolling and not session.accessed
        # Asked for: it may have been read, or changed, by what calls none of its methods.
        return not session.accessed or is_same(session, body)

    def is_late(self, session: Session) -> bool:
        """Return whether a session was changed, or a mark set, since its response started."""
        if session._conducted is not None:
            return is_late(self._context(session).state, session)
        # A second comparison is spared where the session's own methods read scalars alone.
        watched = session.__class__ is WatchedSession and not session._wrote
        body = EMPTY if session._loaded is None else session._loaded[0]
        if watched and (not session.accessed or (session._touch == READ and not (self.options.strict and _has_containers(body)))):
            return False
        return not is_same(session, body)

    def _report(self, scope: Scope, session: Session) -> None:
        """Report what can reach the client no more. Raises: SessionSealed under ``strict``."""
        try:
            self._slot.current(scope, session)
        except TypeError as error:
            self._slot.report(session, str(error))
        else:
            self._slot.report(session, ", ".join(late_keys(self._context(session).state, session)))


def _has_containers(body: bytes) -> bool:
    """Return whether a session's text may have a list or a dict, which C code can take out without a call of the session's."""
    return b"[" in body or b"{" in body[1:]
