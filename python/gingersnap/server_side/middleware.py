"""What the requests of one middleware share where sessions live in a store: it fetches them, and keeps their writes alive."""

import asyncio
import inspect
import logging
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from ..client_side.middleware import Setup
from ..config.options import SessionOptions
from ..dialects import RECORDS
from ..dialects.record import Dates, RecordCookie
from ..errors import ConfigError, SessionUnavailable, kind_of
from ..legacy.claim import LegacySession
from ..legacy.lazy_migration import LazyMigration, Migrated
from ..lifecycle import rules
from ..loop_tasks import LoopTasks
from ..option_types import StoreErrorPolicy
from ..records.guarded_store import GuardedStore
from ..records.id_transport import CookieTransport, KeyTransport, Transport
from ..records.ids import Ids
from ..records.purge import Purge
from ..server_side.first_step import run_or_detach
from ..session.scope_key import ScopeKey
from ..session.session import FETCHED, UNTOUCHED, Session, WatchedSession
from ..stores.plain import PlainStore
from ..stores.store import Store, name_of
from ..types import Loaded, Scope
from .context import BROWSER_MS, StoreContext
from .unloaded import DeferredSession, close

logger = logging.getLogger("gingersnap")

T = TypeVar("T")

_CALLS = ("load", "create", "replace", "move", "touch", "destroy")


def as_store(given: Any) -> Store | PlainStore:
    """Take a store as it is; wrap an object with koa's ``get``, ``set`` and ``destroy``."""
    if isinstance(given, PlainStore) or all(callable(getattr(given, call, None)) for call in _CALLS):
        store: Store | PlainStore = given
        return store
    return PlainStore(given)


def check_loop() -> None:
    """See that asyncio runs: the drivers, time limits and shielded writes of a store are made of it.

    Raises: ConfigError where another event loop does.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        problem = "sessions in a store need asyncio, and this server runs another event loop, such as trio"
        cure = "run the server on asyncio (hypercorn: --worker-class asyncio), or leave out store= to keep sessions in the cookie"
        raise ConfigError("store", problem, cure) from None


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
        # How long an id that was replaced is remembered: one that a signature vouches for, where no other system shares the store.
        vouched = options.signed and options.external_key is None and not self.dialect.accepts_any_name
        self.regenerate_grace_ms = options.regenerate_grace_ms if vouched else 0
        self._running = LoopTasks()
        self._store = None if options.store is None else as_store(options.store)
        # Its own word alone: what inherits it may wait all the same.
        self._prompt = options.context_store is None and vars(type(self._store)).get("prompt", False) is True
        self.name = "the session store" if self._store is None else name_of(self._store)
        self.gate = GuardedStore(options, prompt=self._prompt, name=self.name)
        self.purge = Purge(self._store)
        self._warned_of_load = self._warned_of_id = False

    def expect_doubles(self) -> None:
        """See whether one client may have several cookies of the session's name, since its path or domain was changed."""
        super().expect_doubles()
        if self.doubles is not None and isinstance(self.transport, CookieTransport):
            self.transport.read = self.doubles.read

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

    async def take_over(self, claim: LegacySession, store: Store, scope: Scope) -> Migrated | str:
        """Make a session of an earlier configuration one of this; or say why it is none.

        Raises: SessionUnavailable where a store does not answer.
        """
        if self.formers is None:
            return "missed"
        # Cut short half way, it would be in the way of the client's next request.
        return await self._run_to_completion(LazyMigration(self, store, scope, self.formers).fetch(claim))

    async def make_taken(self, claim: LegacySession, taken: Migrated, store: Store, scope: Scope) -> None:
        """Make the record of a session that came in a cookie.

        Raises: SessionUnavailable where the store does not answer.
        """
        if self.formers is not None:
            await LazyMigration(self, store, scope, self.formers).make(claim, taken)

    def is_dated(self, store: Store) -> bool:
        """Say whether a record's own text tells when it ends."""
        return self.dialect.expiry_in_record or getattr(store, "dated", False)

    def ttl_ms(self, dates: Dates, body: bytes, *, dated: bool) -> int:
        """Say how long the store is to keep a record."""
        now_ms = self.now_ms()
        asked_ms = self.record.ttl_ms(body, dates, now_ms)
        if asked_ms is not None:
            return asked_ms
        return BROWSER_MS if dates.expire_ms is None else max(1, dates.expire_ms - now_ms + self.dialect.grace_ms)

    def opened(
        self, value: bytes, ttl_ms: int | None, into: dict[str, Any], *, dated: bool
    ) -> tuple[Loaded | None, RecordCookie | None, str | None]:
        """Read a record: what a session is made of, what it says of its cookie, and why it may not be one."""
        options, now_ms = self.options, self.now_ms()
        loaded, own = self.record.open(value, into, now_ms)
        if isinstance(loaded, str):
            return None, None, loaded
        body, index, fresh, expire, max_age, lasts, created, owner = loaded
        if own is not None:
            # Its own dates are as old as the last write: the store alone knows when it ends.
            expire = None if ttl_ms is None else now_ms + ttl_ms
            return (body, index, False, expire, max_age, lasts, created, owner), own, None
        if expire is None and ttl_ms is not None and lasts is not True:
            left_ms = ttl_ms - self.dialect.grace_ms
            # One request may have renewed a record whose lifetime another has shortened since it was loaded.
            expire = now_ms + (min(left_ms, max_age) if type(max_age) is int else left_ms)
        loaded = (body, index, fresh, expire, max_age, lasts, created, owner)
        browser_ok = options.max_age_ms is None
        return loaded, None, rules.check(expire, max_age, lasts, created, now_ms, browser_ok, options.absolute_ms)

    async def fetch(self, scope: Scope) -> tuple[Session, StoreContext]:
        """Fetch the session whose id came, or start a new one; whatever came, there is a session."""
        headers = scope["headers"]
        if type(headers) is not list:
            # ASGI gives an iterable: what is read here must still be there for the application.
            scope["headers"] = [*headers]
        self.purge.start()
        session: Session = WatchedSession()
        session._setup = self
        session._key = ScopeKey(self.options.scope_key)
        session._scope = scope
        session._touch = UNTOUCHED
        session._wrote = False
        session._started = False
        session._loaded = None
        session._conducted = context = StoreContext(self, scope, self.store_for(scope))
        found = self._find(scope)
        if isinstance(found, str):
            self._refuse(context, session, found)
        elif found is not None:
            context.claim(found)
            await self._fetch(context, session)
        elif self.options.defer:
            context.unasked = True
        return session, context

    def _find(self, scope: Scope) -> tuple[str, int] | LegacySession | str | None:
        """Find the id that came, or a session of an earlier configuration; or say why there is none."""
        found = self.transport.find(scope)
        if not isinstance(found, tuple):
            return self.earlier(scope, found, self.now_ms())
        if self.ids.is_id(found[0]):
            return found
        if self.options.dialect.accepts_any_name and not self._warned_of_id:
            # The other system signed it: its sessions are lost here, each time.
            self._warned_of_id = True
            logger.warning(
                "a signed session id is no id here because %s; its session is taken for a new one", self.ids.fault(found[0])
            )
        return self.earlier(scope, "missed", self.now_ms())

    async def _fetch(self, context: StoreContext, session: Session) -> None:
        if self.options.defer:
            context.deferred = True
            close(session, DeferredSession)
            return
        await context.fetch(session)

    def warn_of_forgotten_load(self, context: StoreContext, session: Session) -> None:
        """Log once that a new session was used without ``load``: that raises as soon as the client shows its id."""
        if (session._touch > FETCHED or context.committed) and not self._warned_of_load:
            self._warned_of_load = True
            logger.warning(
                "defer=True: a new session was used without `await session.load()`; "
                "once the client sends its id, that raises NotLoadedError: load it first in every request"
            )

    def _refuse(self, context: StoreContext, session: Session, why: str) -> None:
        if self.is_remnant(session._scope, why):
            return
        if why == "tampered" and self.options.drop_bad_signature:
            context.stale = self.format.signature_removal(self.is_encrypted(session._scope))
        context.refuse(session, why)

    async def error_policy(self, error: SessionUnavailable, scope: Scope) -> StoreErrorPolicy:
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

    async def run_to_completion(self, work: Coroutine[Any, Any, T]) -> T:
        """Carry out a write to its end or its time, whether or not the request is cancelled meanwhile."""
        # A store in this process waits for nothing, but for its turn and between two tries.
        return await (run_or_detach(work, self._begin) if self._prompt else self._run_to_completion(work))

    async def _run_to_completion(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.shield(self._begin(work))

    def _begin(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        return self._running.begin(work, _note_outcome)

    async def start(self) -> None:
        """Ask the store whether it is fit, before the application serves.

        Raises: whatever the store does, under ``strict_startup``; ConfigError without asyncio.
        """
        check_loop()
        self.purge.start()
        for former in [] if self.formers is None else self.formers.stores:
            await former.start()
        if self._store is None:
            return
        try:
            async with asyncio.timeout(self.options.store_timeout_s):
                await self._store.ping()
        except Exception as error:
            # A store is anybody's code.
            if self.options.strict_startup:
                raise
            logger.warning(
                "%s is not ready: %s; requests that need a session get 503; await store.ping() says why", self.name, kind_of(error)
            )

    async def stop(self) -> None:
        """Wait for this event loop's writes that are under way, and close what the store itself opened on it."""
        await self.purge.stop()
        # The writes of another event loop are its own to wait for; those of a closed one never end.
        self._running.drop_closed()
        if running := self._running.here():
            await asyncio.wait(running)
        stores = [*([] if self.formers is None else self.formers.stores)]
        async with AsyncExitStack() as stack:
            # Each is closed, whatever the others raise.
            if self._store is not None:
                stack.push_async_callback(self._store.aclose)
            for former in stores:
                stack.push_async_callback(former.stop)


def _note_outcome(task: "asyncio.Task[Any]") -> None:
    # If the request was cancelled, nothing else asks for the outcome; the gate has logged a failure.
    if not task.cancelled():
        task.exception()
