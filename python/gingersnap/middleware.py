"""The ASGI face: a session in the scope, its cookie on the response's first message."""

import logging
from collections.abc import Awaitable
from typing import Unpack

from .cookies import with_session
from .errors import ConfigError
from .options import OptionValues, SessionOptions, hide_keys
from .session import Session
from .setup import Setup
from .types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger("gingersnap")

# The messages that carry a response's headers: the last chance for a cookie.
_STARTS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
_GONE: Scope = {}


class SessionMiddleware:
    """Give every HTTP and WebSocket request a session: ``scope["session"]``, Starlette's ``request.session``.

    Takes options by name (README, "Options"), or one prepared ``SessionOptions``.

    Raises: ConfigError where an option is unknown or wrong.
    """

    def __init__(self, app: ASGIApp, options: SessionOptions | None = None, **given: Unpack[OptionValues]) -> None:
        given = hide_keys(given)
        if options is not None and given:
            raise ConfigError("options", "they came both prepared and by name", "use options.replace(...) to change prepared ones")
        self.app = app
        self.options = SessionOptions(**given) if options is None else options
        self._key = self.options.scope_key
        self._setup = Setup(self.options)
        self._warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        key = self._key
        if (scope["type"] != "http" and scope["type"] != "websocket") or (key in scope and self._is_second(scope)):
            await self.app(scope, receive, send)
            return
        scope[key] = session = self._setup.open(scope)
        if self.options.valid is not None:
            await self._setup.validate(session)

        def send_with_session(message: Message) -> Awaitable[None]:
            if not session._started and message["type"] in _STARTS:
                # Noted first: if the commit fails, the error page must still get out, without a session.
                session._started = True
                message = self._start(scope, session, message)
            return send(message)

        wrapped: Send = send_with_session
        if self.options.before_save is not None:
            wrapped = self._after_hook(scope, session, send)
        try:
            await self.app(scope, receive, wrapped)
            if self.options.auto_commit and (scope.get(key, session) is not session or self._setup.is_late(session)):
                self._report_late(scope, session)
        finally:
            # Scope and session hold each other: let the request's memory go at once, not at the next collection.
            session._scope = _GONE
            if session._conducted is not None:
                session._conducted.part()

    def _after_hook(self, scope: Scope, session: Session, send: Send) -> Send:
        """Run the application's hook before the response starts, where it may await."""

        async def send_after_hook(message: Message) -> None:
            if not session._started and message["type"] in _STARTS:
                # Noted first, as without a hook.
                session._started = True
                if self.options.auto_commit:
                    await self._setup.current(scope, session)._conduct().before_save(session)
                message = self._start(scope, session, message)
            await send(message)

        return send_after_hook

    def _start(self, scope: Scope, session: Session, message: Message) -> Message:
        """Commit, and give the message with the session's headers."""
        setup, options = self._setup, self.options
        if scope.get(self._key, session) is session and setup.is_idle(session):
            if not (options.cache_headers and session.accessed):
                return message
            return with_session(message, [], options, setup.format.name)
        context = setup.current(scope, session)._conduct()
        lines = context.commit(session) if options.auto_commit else context.prepared(session)
        if not lines and not session.accessed:
            return message
        return with_session(message, lines, options, setup.format.name)

    def _report_late(self, scope: Scope, session: Session) -> None:
        """Say which changes came after the cookie had gone, or without a response: they are lost, but not in silence."""
        try:
            keys = ", ".join(self._setup.current(scope, session)._conduct().late_keys(session))
        except TypeError as error:
            keys = str(error)
        if keys:
            when = "after the response had started" if session._started else "but no response was started"
            logger.error("the session changed %s, and the change is lost: %s", when, keys)
            self.options.events.emit("late_write", session._scope, keys)

    def _is_second(self, scope: Scope) -> bool:
        session = scope.get(self._key)
        # One that is done with belongs to an earlier try at the same scope.
        if not isinstance(session, Session) or session._scope is _GONE:
            return False
        if not self._warned:
            self._warned = True
            logger.warning("a second SessionMiddleware for scope[%r] does nothing; give it another scope_key and key", self._key)
        return True
