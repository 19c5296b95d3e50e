"""Serve requests with the session in a store: fetch it, hold the response until it is safe, and look after the store."""

import logging

from ..cookies.handshake import HandshakeWarning
from ..cookies.removals import is_remnant
from ..errors import ConfigError, kind_of
from ..legacy.sources import LegacySession, LegacySources, format_for
from ..lifecycle.policy import Policy
from ..lifecycle.scope_slot import ScopeSlot
from ..records.id_transport import CookieTransport, transport_for
from ..records.repository import Repository
from ..session import FETCHED, UNTOUCHED, Session, WatchedSession
from ..session.failed import fail
from ..session.scope_key import ScopeKey
from ..types import ASGIApp, Message, Receive, Scope, Send
from .context import ContextSession
from .parts import Parts
from .send_wrapper import SendWrapper
from .unloaded import DeferredSession, make_unloaded

logger = logging.getLogger("gingersnap")


class StoredSessions:
    """What the requests of one middleware share, its store among it."""

    def __init__(self, policy: Policy, slot: ScopeSlot) -> None:
        self.options = options = policy.options
        self.scope_key = options.scope_key
        format = format_for(options)
        legacy = LegacySources(policy, format)
        transport = transport_for(options, format)
        if legacy.duplicates is not None and isinstance(transport, CookieTransport):
            transport.read = legacy.duplicates.read
        self.repository = Repository(policy)
        self._parts = Parts(policy, format, legacy, slot, self.repository, transport, HandshakeWarning())
        self._warned_of_load = self._warned_of_id = False

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        session, context = await self.fetch(scope)
        scope[session._key] = session
        wrapper = SendWrapper(self._parts, scope, session, context, send)
        try:
            await app(scope, receive, wrapper.send)
            await wrapper.finish()
        except BaseException as error:
            if not await wrapper.failed(error):
                fail(session, scope)
                raise
        finally:
            if context.status.unasked:
                self._warn_of_forgotten_load(context, session)
            self._parts.slot.release(scope, session)

    def conduct(self, session: Session) -> ContextSession:
        """Raise TypeError: a session in a store is made with its context."""
        raise TypeError("a session in a store is made with its context")

    def report_failed(self, session: Session, keys: str) -> None:
        """Report what changed after the request had failed. Raises: SessionSealed under ``strict``."""
        self._parts.slot.report_failed(session, keys)

    # On the way in.

    async def fetch(self, scope: Scope) -> tuple[Session, ContextSession]:
        """Fetch the session of the id that came, or start a new one; whatever came, there is a session."""
        headers = scope["headers"]
        if type(headers) is not list:
            # ASGI gives an iterable: what is read here must still be there for the application.
            scope["headers"] = [*headers]
        self.repository.purge.start()
        session: Session = WatchedSession()
        session._opener = self
        session._key = ScopeKey(self.scope_key)
        session._scope = scope
        session._touch = UNTOUCHED
        session._wrote = False
        session._started = False
        session._loaded = None
        session._conducted = context = ContextSession(self._parts, scope)
        found = self._find(scope)
        if isinstance(found, str):
            self._reject(context, session, found)
        elif found is not None:
            context.expect(found)
            if self.options.defer:
                context.status.availability = "deferred"
                make_unloaded(session, DeferredSession)
            else:
                await context.filler.fetch(session)
        elif self.options.defer:
            context.status.unasked = True
        return session, context

    def _find(self, scope: Scope) -> tuple[str, int] | LegacySession | str | None:
        """Find the id that came, or a session of an earlier configuration; or return why there is none."""
        legacy, ids, now_ms = self._parts.legacy, self.repository.ids, self._parts.policy.now_ms
        found = self._parts.transport.find(scope)
        if not isinstance(found, tuple):
            return legacy.find(scope, found, now_ms()) if legacy.sources else found
        if ids.is_id(found[0]):
            return found
        if self.options.dialect.accepts_any_name and not self._warned_of_id:
            # The other system signed it: its sessions are lost here, each time.
            self._warned_of_id = True
            logger.warning("a signed session id is no id here because %s; its session is taken for a new one", ids.fault(found[0]))
        return legacy.find(scope, "missed", now_ms())

    def _reject(self, context: ContextSession, session: Session, why: str) -> None:
        """Start a new session in place of what came, and emit why."""
        format = self._parts.format
        if is_remnant(format.name, self.options.max_header_bytes, session._scope, why):
            return
        if why == "tampered" and self.options.drop_bad_signature:
            encrypted = self._parts.policy.is_encrypted(session._scope)
            context.state.signature_removal = format.signature_removal(encrypted)
        context.filler.reject(session, why)

    def _warn_of_forgotten_load(self, context: ContextSession, session: Session) -> None:
        """Log once that a new session was used without ``load``: that raises as soon as the client shows its id."""
        if (session._touch > FETCHED or context.state.committed) and not self._warned_of_load:
            self._warned_of_load = True
            logger.warning(
                "defer=True: a new session was used without `await session.load()`; "
                "once the client sends its id, that raises NotLoadedError: load it first in every request"
            )

    # The store.

    async def serve_lifespan(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the store before the application says that it serves, and close it when that is done."""
        unfit: Exception | None = None

        async def send_with_store(message: Message) -> None:
            nonlocal unfit
            if unfit is not None:
                # The server has been told why already.
                return
            if message["type"] == "lifespan.startup.complete":
                try:
                    await self.start()
                except Exception as error:
                    # strict_startup: whatever the store raises, the server is not to start.
                    unfit = error
                    await send({"type": "lifespan.startup.failed", "message": self._startup_failure(error)})
                    # The application is to close what it has opened.
                    raise
            elif message["type"] == "lifespan.shutdown.complete":
                await self.stop()
            await send(message)

        try:
            await app(scope, receive, send_with_store)
        except Exception as error:
            # Servers log what is raised, with an address in it for instance; this one knows already that it is not to start.
            if error is not unfit:
                raise

    def _startup_failure(self, error: Exception) -> str:
        if isinstance(error, ConfigError):
            return str(error)
        # Its message may quote an address with a password, and servers log what they are told.
        return f"{self.repository.name} is not fit: {kind_of(error)}; `await store.ping()` says why"

    async def start(self) -> None:
        """Ask the stores whether they are fit. Raises: what they raise, under ``strict_startup``; ConfigError without asyncio."""
        for repository in self._parts.legacy.repositories:
            await repository.start()
        await self.repository.start()

    async def stop(self) -> None:
        """Wait for this event loop's writes that are under way, and close what the stores opened on it."""
        await self.repository.stop(*self._parts.legacy.repositories)
