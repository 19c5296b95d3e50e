"""The records of one configuration: its store behind the guard, its ids, and what a record says of its session."""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, Final, TypeVar

from ..dialects import RECORDS
from ..dialects.record import Dates, RecordCookie
from ..errors import ConfigError, kind_of
from ..lifecycle.policy import Policy
from ..loop_tasks import LoopTasks
from ..stores.plain import PlainStore
from ..stores.store import Store, name_of
from ..types import Scope, Snapshot
from .first_step import run_or_detach
from .guarded_store import GuardedStore
from .ids import Ids
from .purge import Purge

logger = logging.getLogger("gingersnap")

T = TypeVar("T")

BROWSER_MS: Final = 86_400_000
"""How long a session that ends with its browser is kept from one request to the next."""
_CALLS: Final = ("load", "create", "replace", "move", "touch", "destroy")


def as_store(given: Any) -> Store | PlainStore:
    """Return a store as it is; wrap an object with koa's ``get``, ``set`` and ``destroy``."""
    if isinstance(given, PlainStore) or all(callable(getattr(given, call, None)) for call in _CALLS):
        store: Store | PlainStore = given
        return store
    return PlainStore(given)


def check_loop() -> None:
    """Check that asyncio runs: the drivers, time limits and shielded writes of a store are made of it.

    Raises: ConfigError where another event loop does.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        problem = "sessions in a store need asyncio, and this server runs another event loop, such as trio"
        cure = "run the server on asyncio (hypercorn: --worker-class asyncio), or leave out store= to keep sessions in the cookie"
        raise ConfigError("store", problem, cure) from None


class Repository:
    """What the requests of one configuration share of its store."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.options = options = policy.options
        self.ids = Ids(options)
        self.record = RECORDS[options.preset](options)
        # A load gets half of what the writes of a commit get together: 1, 2 and at most 3 seconds, unless it is set otherwise.
        self.load_s = options.store_timeout_s / 2
        # How long an id that was replaced is remembered: one that a signature vouches for, where no other system shares the store.
        vouched = options.signed and options.external_key is None and not options.dialect.accepts_any_name
        self.regenerate_grace_ms = options.regenerate_grace_ms if vouched else 0
        self._running = LoopTasks()
        self._store = None if options.store is None else as_store(options.store)
        # Its own claim alone: a class that inherits it may wait all the same.
        self._prompt = options.context_store is None and vars(type(self._store)).get("prompt", False) is True
        self.name = "the session store" if self._store is None else name_of(self._store)
        self.guard = GuardedStore(options, prompt=self._prompt, name=self.name)
        self.purge = Purge(self._store)

    def store_for(self, scope: Scope) -> Store:
        """Return the store that serves this request. Source: koa-session ``ContextStore``."""
        store = self._store
        if self.options.context_store is not None:
            store = as_store(self.options.context_store(scope))
        if isinstance(store, PlainStore):
            return store.serving(scope, rolling=self.options.rolling, max_age_ms=self.options.max_age_ms)
        if store is None:
            raise ConfigError("store", "there is none", "pass store=... or context_store=...")
        return store

    def has_expiry_in_record(self, store: Store) -> bool:
        """Return whether a record's own text tells when it ends."""
        return self.options.dialect.expiry_in_record or getattr(store, "expiry_in_record", False)

    def ttl_ms(self, dates: Dates, body: bytes, *, expiry_in_record: bool) -> int:
        """Return how long the store is to keep a record."""
        now_ms = self.policy.now_ms()
        asked_ms = self.record.ttl_ms(body, dates, now_ms)
        if asked_ms is not None:
            return asked_ms
        return BROWSER_MS if dates.expire_ms is None else max(1, dates.expire_ms - now_ms + self.options.dialect.grace_ms)

    def decode(
        self, value: bytes, ttl_ms: int | None, into: dict[str, Any], *, expiry_in_record: bool
    ) -> tuple[Snapshot | None, RecordCookie | None, str | None]:
        """Read a record: its session, what it says of its cookie, and why it may not be one."""
        now_ms = self.policy.now_ms()
        loaded, record_cookie = self.record.open(value, into, now_ms)
        if isinstance(loaded, str):
            return None, None, loaded
        body, key_index, dates_ok, expire, max_age, browser_session, created, owner = loaded
        if record_cookie is not None:
            # Its own dates are as old as the last write: the store alone knows when it ends.
            expire = None if ttl_ms is None else now_ms + ttl_ms
            return Snapshot(body, key_index, False, expire, max_age, browser_session, created, owner), record_cookie, None
        if expire is None and ttl_ms is not None and browser_session is not True:
            left_ms = ttl_ms - self.options.dialect.grace_ms
            # One request may have renewed a record after another one shortened its lifetime.
            expire = now_ms + (min(left_ms, max_age) if type(max_age) is int else left_ms)
        snapshot = Snapshot(body, key_index, dates_ok, expire, max_age, browser_session, created, owner)
        return snapshot, None, self.policy.check(snapshot, now_ms)

    async def run_to_completion(self, work: Coroutine[Any, Any, T]) -> T:
        """Carry out a write to its end or its time, whether or not the request is cancelled meanwhile."""
        # A store in this process waits for nothing, but for its turn and between two tries.
        return await (run_or_detach(work, self._begin) if self._prompt else self.run_as_task(work))

    async def run_as_task(self, work: Coroutine[Any, Any, T]) -> T:
        """Carry out work as a task that a cancelled request does not end."""
        return await asyncio.shield(self._begin(work))

    def _begin(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        return self._running.begin(work, _note_outcome)

    async def start(self) -> None:
        """Ask the store whether it is fit, before the application serves.

        Raises: what the store raises, under ``strict_startup``; ConfigError without asyncio.
        """
        check_loop()
        self.purge.start()
        if self._store is None:
            return
        try:
            async with asyncio.timeout(self.options.store_timeout_s):
                await self._store.ping()
        except Exception as error:
            # A store may raise anything.
            if self.options.strict_startup:
                raise
            logger.warning(
                "%s is not ready: %s; requests that need a session get 503; await store.ping() says why", self.name, kind_of(error)
            )

    async def stop(self, *others: "Repository") -> None:
        """Wait for this event loop's writes that are under way, and close what the store itself opened on it; so of ``others``."""
        await self.purge.stop()
        # The writes of another event loop are its own to wait for; those of a closed one never end.
        self._running.drop_closed()
        if running := self._running.here():
            await asyncio.wait(running)
        async with AsyncExitStack() as stack:
            # Each is closed, whatever the others raise.
            if self._store is not None:
                stack.push_async_callback(self._store.aclose)
            for other in others:
                stack.push_async_callback(other.stop)


def _note_outcome(task: "asyncio.Task[Any]") -> None:
    # If the request was cancelled, nothing else asks for the outcome; the guard has logged a failure.
    if not task.cancelled():
        task.exception()
