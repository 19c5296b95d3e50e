"""The place of the session in the ASGI scope: what the application left there, and changes that no response can carry."""

import logging
from typing import Final, Literal, cast

from ..config.options import SessionOptions
from ..errors import SessionSealed
from ..session.session import Session
from ..types import Message, Scope
from .inner_middleware import is_of_another
from .markers import is_none

logger = logging.getLogger("gingersnap")

DETACHED: Final[Scope] = {}
"""The scope of a session after its request."""


class ScopeSlot:
    """``scope[scope_key]`` of the requests of one middleware."""

    def __init__(self, options: SessionOptions) -> None:
        self.options = options
        self._warned_of_another = self._warned_of_cookie = False

    def current(self, scope: Scope, session: Session) -> Session:
        """Return the session as the application left it: as it was, with another dict's data, or ended by ``None`` or a marker.

        Raises: TypeError for anything else. Source: koa-session ``set``.
        """
        value: object = scope.get(session._key, session)
        if value is session:
            return session
        if self._is_of_another(scope, session, value):
            # A middleware within this one has put it there for its own part of the application, and writes or ends it itself.
            return session
        if is_none(value):
            if self.options.unset == "keep":
                session._conduct().leave()
            else:
                session.destroy()
        elif issubclass(type(value), dict):
            session.replace(cast("dict[str, object]", value))
        else:
            key = self.options.scope_key
            raise TypeError(f'scope["{key}"]: it can only be set to a dict or None, not {type(value).__name__}')
        scope[session._key] = session
        return session

    def end_cleared(self, session: Session) -> None:
        """End the session of a failed request that ``clear()`` has emptied: that is the logout of many applications."""
        context = session._conducted
        if context is None or self.options.keep_empty:
            return
        if context.state.cleared and context.state.existed and not dict.__len__(session):
            session.destroy()

    def release(self, scope: Scope, session: Session) -> None:
        """Part the scope and the session at the end of a request.

        They hold each other: so the request's memory goes at once, not at the next collection. What the application may have left
        in the session's place is not taken for another middleware's, if the scope is tried again.
        """
        session._scope = DETACHED
        scope[session._key] = session
        if session._conducted is not None:
            session._conducted.state.detach()

    def _is_of_another(self, scope: Scope, session: Session, value: object) -> bool:
        """Return whether what is in the scope is the session of a middleware within this one, and warn of that once."""
        context = session._conducted
        if context is not None and context.state.another:
            return True
        # None is an end, whatever code sets it.
        if value is None or not is_of_another(scope, self.options.scope_key, value):
            return False
        session._conduct().state.another = True
        self.warn_of_another("within")
        return True

    def warn_of_another(self, place: Literal["around", "within"]) -> None:
        """Log once that the session in the scope is that of another session middleware."""
        if not self._warned_of_another:
            self._warned_of_another = True
            within = ", within this one" if place == "within" else ""
            cure = "; if it means to replace this session, let it call session.replace(...)" if within else ""
            logger.warning(
                "another session middleware is installed too (Starlette's?)%s, and the session in scope[%r] is its: "
                "remove it, or give this one another scope_key and key%s",
                within,
                self.options.scope_key,
                cure,
            )

    def warn_of_shared_cookie(self, session: Session, message: Message) -> None:
        """Log once that a middleware within this one sets the cookie that this one's session is in."""
        context, options = session._conducted, self.options
        if context is None or not context.state.another or self._warned_of_cookie or options.external_key is not None:
            return
        start = f"{options.key}=".encode()
        if any(name.lower() == b"set-cookie" and value.startswith(start) for name, value in message.get("headers", ())):
            self._warned_of_cookie = True
            logger.error(
                "another session middleware within this one sets the cookie %r too, so that a login there ends the session here: "
                "give one of them another name, or let that part use this session (sqladmin: backend.middlewares = [])",
                options.key,
            )

    def report(self, session: Session, keys: str) -> None:
        """Log the changes that came after the cookie had gone, or without a response: they are lost, but not in silence.

        Raises: SessionSealed under ``strict``.
        """
        if keys:
            when = "after the response had started" if session._started else "but no response was started"
            logger.error("the session changed %s, and the change is lost: %s", when, keys)
            self._report_lost(session._scope, keys)

    def report_failed(self, session: Session, keys: str) -> None:
        """Log what changed after a request had failed: no response of this middleware can carry it.

        Raises: SessionSealed under ``strict``.
        """
        if keys and session._conducted is not None:
            logger.error("the session changed after its request had failed, and the change is lost: %s", keys)
            self._report_lost(session._conducted.state.scope, keys)

    def _report_lost(self, scope: Scope, keys: str) -> None:
        self.options.events.emit("late_write", scope, keys)
        if self.options.strict:
            raise SessionSealed(keys)
