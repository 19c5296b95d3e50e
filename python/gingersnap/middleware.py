"""The ASGI face: one middleware for both places where a session can live."""

import logging
from typing import Unpack

from .client_side.middleware import CookieSessions
from .config.options import SessionOptions, hide_keys
from .errors import ConfigError
from .lifecycle.markers import is_none
from .lifecycle.policy import Policy
from .lifecycle.scope_slot import DETACHED, ScopeSlot
from .option_types import OptionValues
from .records.repository import Repository, check_loop
from .server_side.middleware import StoredSessions
from .session import Session
from .types import ASGIApp, Receive, Scope, Send
from .validators import shape

logger = logging.getLogger("gingersnap")


class SessionMiddleware:
    """Add a session to every HTTP and WebSocket request: ``scope["session"]``, Starlette's ``request.session``.

    Takes options by name (README, "Options"), or one prepared ``SessionOptions``.

    Raises: ConfigError where an option is unknown or wrong.
    """

    def __init__(self, app: ASGIApp, options: SessionOptions | None = None, **given: Unpack[OptionValues]) -> None:
        given = hide_keys(given)
        if options is not None and not isinstance(options, SessionOptions):
            # What came in the options' place may be the keys: it is not to stay in a local of this frame.
            kind, options = shape(options), None
            raise ConfigError("options", f"it cannot be {kind}", "pass keys=[...], and every other option by its name too")
        if options is not None and given:
            raise ConfigError("options", "they came both prepared and by name", "use options.replace(...) to change prepared ones")
        self.app = app
        self.options = options = SessionOptions(**given) if options is None else options
        self._key = options.scope_key
        self._slot = ScopeSlot(options)
        self._sessions: StoredSessions | CookieSessions
        self._stored: Repository | None = None
        if options.store is None and options.context_store is None:
            self._sessions = CookieSessions(Policy(options), self._slot)
        else:
            self._sessions = StoredSessions(Policy(options), self._slot)
            self._stored = self._sessions.repository
        self._warned = self._looked = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        key = self._key
        if scope["type"] not in ("http", "websocket"):
            await self._pass_on(scope, receive, send)
        elif (key in scope and self._is_nested(scope)) or (
            self.options.match_path and not _is_under(_asked_path(scope), self.options.path)
        ):
            await self.app(scope, receive, send)
        else:
            if not self._looked:
                self._warn_of_shared_cookie(scope)
            await self._sessions.serve(self.app, scope, receive, send)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve what has no session; the store starts and stops with the application."""
        if scope["type"] == "lifespan" and isinstance(self._sessions, StoredSessions):
            await self._sessions.serve_lifespan(self.app, scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _is_nested(self, scope: Scope) -> bool:
        """Return whether there is a session already, and log once that there should be no other."""
        session = scope[self._key]
        # One that is done with belongs to an earlier try at the same scope, and None is no session.
        # By ``type``: another's guard of a session that is not loaded may raise for whatever it is asked, its ``__class__`` too.
        is_ours = issubclass(type(session), Session)
        if is_none(session) or (is_ours and session._scope is DETACHED):
            # Its key goes with it: the scope would keep that one, and not the one that knows of this session.
            del scope[self._key]
            return False
        if not is_ours:
            self._slot.warn_of_another("around")
        elif not self._warned:
            self._warned = True
            logger.warning("a second SessionMiddleware for scope[%r] does nothing; give it another scope_key and key", self._key)
        return True

    def _warn_of_shared_cookie(self, scope: Scope) -> None:
        """Look, at the first request, at the event loop, and warn of a middleware around this one that has the same cookie.

        Raises: ConfigError where a store would be used without asyncio; at each request then.
        """
        if self._stored is not None:
            check_loop()
        self._looked = True
        if self.options.external_key is not None:
            return
        for other in scope.values():
            if issubclass(type(other), Session) and other._scope is not DETACHED:
                options = other._opener.options
                if options.external_key is None and options.key == self.options.key:
                    text = "scope[%r] and scope[%r] are two sessions with one cookie, %r: give each middleware a key of its own"
                    logger.warning(text, options.scope_key, self._key, options.key)


def _asked_path(scope: Scope) -> str:
    """Return the path that the client asked for: with ``root_path``, which a proxy, a server or a framework may keep apart.

    ASGI has it in front of ``path``, yet a proxy that strips it leaves it out, and so did servers and mounts before 2024.
    """
    path: str = scope["path"]
    root = scope.get("root_path", "").strip("/")
    return path if not root or f"{path}/".startswith(f"/{root}/") else f"/{root}{path}"


def _is_under(path: str, cookie_path: str) -> bool:
    """Return whether a client sends its cookie with a request for this path (RFC 6265 section 5.1.4)."""
    return path == cookie_path or path.startswith(cookie_path if cookie_path.endswith("/") else f"{cookie_path}/")
