"""The ASGI face: a session in the scope, its cookie on the response's first message."""

import logging
from collections.abc import Awaitable
from typing import Unpack

from .client_side.middleware import Setup
from .config.options import SessionOptions, hide_keys
from .cookies.headers import with_session
from .errors import ConfigError, kind_of
from .legacy.sources import LegacySources
from .lifecycle.markers import is_none
from .option_types import OptionValues
from .server_side.middleware import StoreSetup, check_loop
from .server_side.send_wrapper import STARTS, SendWrapper
from .session.failed import fail
from .session.session import Session
from .types import ASGIApp, Message, Receive, Scope, Send
from .validators import shape

logger = logging.getLogger("gingersnap")

DETACHED: Scope = {}


class SessionMiddleware:
    """Give every HTTP and WebSocket request a session: ``scope["session"]``, Starlette's ``request.session``.

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
        self.options = SessionOptions(**given) if options is None else options
        self._key = self.options.scope_key
        has_store = self.options.store is not None or self.options.context_store is not None
        self._stored = StoreSetup(self.options) if has_store else None
        self._setup = self._stored or Setup(self.options)
        if self.options.accept:
            self._setup.formers = LegacySources(self._setup)
        self._setup.expect_doubles()
        self._warned = self._looked = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        key = self._key
        if (
            (scope["type"] != "http" and scope["type"] != "websocket")
            or (key in scope and self._is_nested(scope))
            or (self.options.match_path and not _is_under(_asked_path(scope), self.options.path))
        ):
            await (self._live if scope["type"] == "lifespan" else self.app)(scope, receive, send)
            return
        if not self._looked:
            self._look_around(scope)
        if self._stored is not None:
            await self._serve(self._stored, scope, receive, send)
            return
        session = self._setup.open(scope)
        if self.options.valid is not None:
            await self._setup.validate(session)
        # Not before: where ``valid`` raises, the scope holds no session that it has not let pass.
        scope[session._key] = session

        def send_with_session(message: Message) -> Awaitable[None]:
            return send(self._start(scope, session, message) if message["type"] in STARTS else message)

        wrapped: Send = send_with_session
        if self.options.before_save is not None:
            wrapped = self._after_hook(scope, session, send)
        try:
            await self.app(scope, receive, wrapped)
            if self.options.auto_commit and (scope.get(session._key, session) is not session or self._setup.is_late(session)):
                self._report(scope, session)
        except Exception:
            fail(session)
            raise
        finally:
            # Scope and session hold each other: let the request's memory go at once, not at the next collection.
            # What the application may have left in its place is not to be taken for another middleware's, if it is tried again.
            session._scope = DETACHED
            scope[session._key] = session
            if session._conducted is not None:
                session._conducted.part()

    async def _serve(self, setup: StoreSetup, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection whose session lives in a store."""
        session, context = await setup.fetch(scope)
        scope[session._key] = session
        exchange = SendWrapper(setup, scope, session, context, send)
        try:
            await self.app(scope, receive, exchange.send)
            await exchange.finish()
        except BaseException as error:
            if not await exchange.failed(error):
                fail(session)
                raise
        finally:
            # Scope and session hold each other: let the request's memory go at once, not at the next collection.
            # What the application may have left in its place is not to be taken for another middleware's, if it is tried again.
            if context.unasked:
                setup.warn_of_forgotten_load(context, session)
            session._scope = DETACHED
            scope[session._key] = session
            context.part()

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the store before the application says that it serves, and close it when that is done."""
        unfit: Exception | None = None
        setup = self._stored
        if setup is None:
            await self.app(scope, receive, send)
            return

        async def send_with_store(message: Message) -> None:
            nonlocal unfit
            if unfit is not None:
                # The server has been told why already.
                return
            if message["type"] == "lifespan.startup.complete":
                try:
                    await setup.start()
                except Exception as error:
                    # strict_startup: whatever the store raises, the server is not to start.
                    unfit = error
                    # Its message may quote an address with a password, and servers log what they are told.
                    told = f"{setup.name} is not fit: {kind_of(error)}; `await store.ping()` says why"
                    if isinstance(error, ConfigError):
                        told = str(error)
                    await send({"type": "lifespan.startup.failed", "message": told})
                    # The application is to close what it has opened.
                    raise
            elif message["type"] == "lifespan.shutdown.complete":
                await setup.stop()
            await send(message)

        try:
            await self.app(scope, receive, send_with_store)
        except Exception as error:
            # Servers log what is raised, with an address in it for instance; this one knows already that it is not to start.
            if error is not unfit:
                raise

    def _after_hook(self, scope: Scope, session: Session, send: Send) -> Send:
        """Run the application's hook before the response starts, where it may await."""

        async def send_after_hook(message: Message) -> None:
            if message["type"] in STARTS:
                if session._started:
                    message = self._start_again(session, message)
                else:
                    # Noted first, as without a hook.
                    session._started = True
                    if self.options.auto_commit:
                        context = self._setup.current(scope, session)._conduct()
                        context.response = message
                        await context.before_save(session)
                    message = self._commit(scope, session, message)
            await send(message)

        return send_after_hook

    def _start_again(self, session: Session, message: Message) -> Message:
        """Return the start of the answer that follows a failed commit, with the end that this commit was to carry out."""
        context = session._conducted
        if context is None or not context.failed or not context.ends:
            return message
        lines = self._setup.conducted(session).end()
        return with_session(message, lines, self.options, self._setup.format.name)

    def _start(self, scope: Scope, session: Session, message: Message) -> Message:
        if session._started:
            return self._start_again(session, message)
        # Noted first: if the commit fails, the error page must still get out, without a session.
        session._started = True
        return self._commit(scope, session, message)

    def _commit(self, scope: Scope, session: Session, message: Message) -> Message:
        """Commit, and give the message with the session's headers."""
        setup, options = self._setup, self.options
        if scope.get(session._key, session) is session and setup.is_idle(session):
            if not (options.cache_headers and session.accessed):
                return message
            return with_session(message, [], options, setup.format.name)
        context = setup.conducted(setup.current(scope, session))
        setup.warn_of_shared_cookie(session, message)
        context.response = message
        lines = context.commit(session) if options.auto_commit else context.prepared(session)
        if lines:
            setup.handshake.check(scope, message)
        if not lines and not session.accessed:
            return message
        return with_session(message, lines, options, setup.format.name)

    def _report(self, scope: Scope, session: Session) -> None:
        """Say what can reach the client no more."""
        try:
            self._setup.current(scope, session)
        except TypeError as error:
            self._setup.report(session, str(error))
        else:
            self._setup.report(session, ", ".join(session._conduct().late_keys(session)))

    def _is_nested(self, scope: Scope) -> bool:
        """Say whether there is a session already, and once that there should be no other."""
        session = scope[self._key]
        # One that is done with belongs to an earlier try at the same scope, and None is no session.
        # By ``type``: another's guard of a session that is not loaded may raise for whatever it is asked, its ``__class__`` too.
        is_ours = issubclass(type(session), Session)
        if is_none(session) or (is_ours and session._scope is DETACHED):
            # Its key goes with it: the scope would keep that one, and not the one that knows of this session.
            del scope[self._key]
            return False
        if not is_ours:
            self._setup.warn_of_another("around")
        elif not self._warned:
            self._warned = True
            logger.warning("a second SessionMiddleware for scope[%r] does nothing; give it another scope_key and key", self._key)
        return True

    def _look_around(self, scope: Scope) -> None:
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
                options = other._setup.options
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
    """Say whether a client sends its cookie with a request for this path (RFC 6265 section 5.1.4)."""
    return path == cookie_path or path.startswith(cookie_path if cookie_path.endswith("/") else f"{cookie_path}/")
