"""What the requests of one middleware share where sessions live in a store: it fetches them, and keeps their writes alive."""

import asyncio
import inspect
import logging
from collections.abc import Coroutine
from typing import Any

from .closed import DeferredSession, close
from .errors import ConfigError, SessionUnavailable
from .formats import RECORDS
from .gate import Gate
from .ids import Ids
from .options import SessionOptions, StoreErrorWord
from .purge import Purge
from .session import UNTOUCHED, Session, WatchedSession
from .setup import Setup
from .store_context import StoreContext
from .stores.plain import PlainStore
from .stores.store import Store
from .transport import CookieTransport, KeyTransport, Transport
from .types import Scope

logger = logging.getLogger("gingersnap")

_CALLS = ("load", "create", "replace", "move", "touch", "destroy")


def as_store(given: Any) -> Store | PlainStore:
    """Take a store as it is; wrap an object with koa's ``get``, ``set`` and ``destroy``."""
    if isinstance(given, PlainStore) or all(callable(getattr(given, call, None)) for call in _CALLS):
        store: Store | PlainStore = given
        return store
    return PlainStore(given)


class StoreSetup(Setup):
    """What all requests of one middleware share, its store among it."""

    def __init__(self, options: SessionOptions) -> None:
        super().__init__(options)
        self.ids = Ids(options)
        self.record = RECORDS[options.preset](options)
        self.transport: Transport
        if options.external_key is None:
            self.transport = CookieTransport(options, self.format)
        else:
            self.transport = KeyTransport(options, options.external_key)
        # A load gets half of what the writes of a commit get together: 1, 2 and at most 3 seconds, unless it is set otherwise.
        self.load_s = options.store_timeout_s / 2
        # Whether a load renews the record: an absolute end, which only the session's own data tells, forbids that.
        self.rolls = options.rolling and options.absolute_ms is None and not self.habits.own_cookie
        self._running: set[asyncio.Task[None]] = set()
        self._store = None if options.store is None else as_store(options.store)
        # Its own word alone: what inherits it may wait all the same.
        self._prompt = options.context_store is None and vars(type(self._store)).get("prompt", False) is True
        self.gate = Gate(options, prompt=self._prompt)
        self.purge = Purge(self._store)

    def store_for(self, scope: Scope) -> Store:
        """Give the store that serves this request. Source: koa-session ``ContextStore``."""
        store = self._store
        if self.options.context_store is not None:
            store = as_store(self.options.context_store(scope))
        if isinstance(store, PlainStore):
            return store.serving(scope, rolling=self.options.rolling, max_age_ms=self.options.max_age_ms)
        if store is None:
            raise ConfigError("store", "there is none", "pass store=... or context_store=...")
        return store

    async def fetch(self, scope: Scope) -> tuple[Session, StoreContext]:
        """Fetch the session whose id came, or start a new one; whatever came, there is a session."""
        headers = scope["headers"]
        if type(headers) is not list:
            # ASGI gives an iterable: what is read here must still be there for the application.
            scope["headers"] = [*headers]
        self.purge.start()
        session: Session = WatchedSession()
        session._setup = self
        session._scope = scope
        session._touch = UNTOUCHED
        session._started = False
        session._loaded = None
        session._conducted = context = StoreContext(self, scope, self.store_for(scope))
        found = self.transport.find(scope)
        if isinstance(found, str):
            self._refuse(context, session, found)
        elif found is not None:
            id, index = found
            if self.ids.is_id(id):
                context.claim(id, index)
                await self._fetch(context, session)
            else:
                context.refuse(session, "missed")
        return session, context

    async def _fetch(self, context: StoreContext, session: Session) -> None:
        if self.options.defer:
            context.deferred = True
            close(session, DeferredSession)
            return
        await context.fetch(session)

    def _refuse(self, context: StoreContext, session: Session, why: str) -> None:
        if why == "tampered" and self.options.drop_bad_signature:
            context.stale = self.format.signature_removal(self.is_encrypted(session._scope))
        context.refuse(session, "tampered" if why == "unsigned" else why)

    async def word_for(self, error: SessionUnavailable, scope: Scope) -> StoreErrorWord:
        """Ask what is to become of a request whose store failed."""
        word = self.options.on_store_error
        if not callable(word):
            return word
        try:
            answer = word(scope, error)
            if inspect.isawaitable(answer):
                answer = await answer
        except Exception as failure:
            # The application's own function: a request that never touches its session must not suffer from it.
            logger.error("on_store_error raised %s: it is taken for 'unavailable'", type(failure).__name__)
            return "unavailable"
        if answer in ("unavailable", "raise", "anonymous"):
            return answer
        logger.error("on_store_error gave neither 'unavailable' nor 'raise' nor 'anonymous': it is taken for 'unavailable'")
        return "unavailable"

    async def shielded(self, work: Coroutine[Any, Any, Any]) -> None:
        """Carry out a write to its end or its time, whether or not somebody still waits for it."""
        if self._prompt:
            await work
            return
        task = asyncio.create_task(work)
        # A task that nobody holds may be collected before it is done.
        self._running.add(task)
        task.add_done_callback(self._done)
        await asyncio.shield(task)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        # Where the one who waited was cancelled, nobody else asks for the outcome; the gate has told of it.
        if not task.cancelled():
            task.exception()

    async def start(self) -> None:
        """Ask the store whether it is fit, before the application serves.

        Raises: whatever the store does, under ``strict_startup``.
        """
        self.purge.start()
        if self._store is None:
            return
        try:
            async with asyncio.timeout(self.options.store_timeout_s):
                await self._store.ping()
        except Exception as error:
            # A store is anybody's code.
            if self.options.strict_startup:
                raise
            logger.warning("the session store is not ready: %s; requests that need a session get 503", type(error).__name__)

    async def stop(self) -> None:
        """Let the writes that are under way end, and close what the store itself opened."""
        await self.purge.stop()
        if self._running:
            await asyncio.wait([*self._running])
        if self._store is not None:
            await self._store.aclose()
