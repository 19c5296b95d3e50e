"""Make a store of any object with koa's ``get``, ``set`` and ``destroy``. It cannot be atomic, and says so once."""

import asyncio
import contextlib
import inspect
import weakref
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from .. import _core
from ..errors import ConfigError, SessionError, UnstorableError
from ..types import Scope
from .key_locks import KeyLocks, warn_once
from .probe import TTL_MS, probe
from .store import Conflict, Gone, Moved, Record, Replaced, Saved, Taken

_NO_SESSION: Final = b""
# In the place of a request's scope, where there is none.
_NO_REQUEST: Final[Scope] = {
    "type": "http",
    "method": "GET",
    "scheme": "http",
    "path": "/",
    "raw_path": b"/",
    "root_path": "",
    "query_string": b"",
    "http_version": "1.1",
    "headers": [],
    "server": None,
    "client": None,
    "state": {},
}
_turns: Final = KeyLocks()
# Classes with methods that are known to fit: ``context_store`` may make an object for each request.
_checked: Final[weakref.WeakSet[type]] = weakref.WeakSet()

# How each method is called: the text of it, and arguments of that kind.
_CALLS: Final[dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]]] = {
    "get": ("get(key, max_age, *, rolling, scope)", ("", 1.0), {"rolling": False, "scope": {}}),
    "set": (
        "set(key, session, max_age, *, rolling, changed, scope)",
        ("", {}, 1.0),
        {"rolling": False, "changed": True, "scope": {}},
    ),
    "destroy": ("destroy(key, *, scope)", ("",), {"scope": {}}),
}


class PlainStore:
    """A store over ``store``, which has these methods, sync or async, as koa-session's stores have them:

    ``get(key, max_age, *, rolling, scope)``: the session as a dict, ``None`` where there is none;
    ``set(key, session, max_age, *, rolling, changed, scope)``; ``destroy(key, *, scope)``.
    ``max_age`` is seconds, or ``"session"``. Sessions hold their dates, as koa-session's do. Source: koa-session ``opts.store``.

    Between what it reads and what it writes another process may write: within one process its calls are atomic, but across
    processes an update can be lost. ``threads=True`` runs sync methods in threads, where they would hold up the event loop.

    Raises: ConfigError where a method is missing or cannot be called so.
    """

    atomic = False
    expiry_in_record = True

    def __init__(self, store: Any, *, threads: bool = False) -> None:
        for call in _CALLS:
            if not callable(getattr(store, call, None)):
                raise ConfigError("store", f"{type(store).__name__} has no method {call}", "give it get, set and destroy")
        if type(store) not in _checked:
            for call in _CALLS:
                _check(store, call)
            _checked.add(type(store))
        self._store = store
        self.threads = threads
        self.place = type(store).__name__
        warn_once(type(store).__name__)

    def serving(self, scope: Scope, *, rolling: bool, max_age_ms: int | None) -> "PlainCalls":
        """Return the store for one request."""
        return PlainCalls(self, scope, rolling, "session" if max_age_ms is None else max_age_ms / 1000)

    async def ask(self, call: str, *given: Any, **named: Any) -> Any:
        """Make a call of the object's own, sync or async."""
        method = getattr(self._store, call)
        if self.threads and not inspect.iscoroutinefunction(method):
            answer = await asyncio.to_thread(method, *given, **named)
        else:
            answer = method(*given, **named)
        return await answer if inspect.isawaitable(answer) else answer

    async def ping(self) -> None:
        """Ask whether the object takes a session, which does not stay. Raises: whatever the object does."""
        await probe(self.serving(_NO_REQUEST, rolling=False, max_age_ms=TTL_MS), reads=False)

    async def purge(self, limit: int) -> int:
        """Remove nothing: the maker of the object sees to that."""
        return 0

    async def aclose(self) -> None:
        """Close nothing: it opened nothing."""


def _check(store: Any, call: str) -> None:
    """Refuse a method that could not be called, in any request."""
    text, given, named = _CALLS[call]
    try:
        signature = inspect.signature(getattr(store, call))
    except (TypeError, ValueError):
        # One that is written in C may not tell.
        return
    try:
        signature.bind(*given, **named)
    except TypeError as error:
        problem = f"{type(store).__name__}.{call} cannot be called as koa-session's stores are: {error}"
        raise ConfigError("store", problem, f"give it the arguments of {text}, or wrap it in a class that has them") from None


class PlainCalls:
    """The calls of one request to a plain store, in the shape of ``Store``. A version is the data that was read."""

    atomic = False
    expiry_in_record = True

    def __init__(self, plain: PlainStore, scope: Scope, rolling: bool, max_age: float | str) -> None:
        self._plain = plain
        self._scope = scope
        self._rolling = rolling
        self._max_age = max_age
        # Calls in threads, which cannot be stopped.
        self._running: set[asyncio.Future[Any]] = set()

    async def load(self, key: str, *, roll: bool = False) -> Record | None:
        """Read a record. How long it has is in it."""
        data = await self._ask("get", key, self._max_age, rolling=self._rolling)
        if data is None:
            return None
        value = _text(data)
        return Record(value, value, None)

    async def create(self, key: str, value: bytes, ttl_ms: int) -> bool:
        """Make a record, unless there is one."""
        async with self._exclusive(key):
            if await self.load(key) is not None:
                return False
            await self._set(key, value, ttl_ms, changed=True)
        return True

    async def replace(self, key: str, value: bytes, ttl_ms: int, *, version: Any) -> Replaced:
        """Write over a record that is as it was."""
        async with self._exclusive(key):
            record = await self.load(key)
            if record is None:
                return Gone()
            if record.version != version:
                return Conflict(record.value, record.version)
            await self._set(key, value, ttl_ms, changed=_body(value) != _body(record.value))
        return Saved(value)

    async def move(self, old: str, new: str, value: bytes, ttl_ms: int, *, version: Any) -> Moved:
        """Write it under another key. For a moment both are there; where the old one stays, the new one goes again."""
        async with self._exclusive(old):
            record = await self.load(old)
            if record is None:
                return Gone()
            if record.version != version:
                return Conflict(record.value, record.version)
            if new == old or not await self.create(new, value, ttl_ms):
                return Taken()
            try:
                await self._ask("destroy", old)
            except Exception:
                await self._take_back(old, new)
                raise
        return Saved(value)

    async def _take_back(self, old: str, new: str) -> None:
        """Remove what a move has made, if the old one is still there: the reply alone may have been lost."""
        with contextlib.suppress(Exception):
            if await self.load(old) is not None:
                await self._ask("destroy", new)

    async def touch(self, key: str, ttl_ms: int) -> bool:
        """Write a record as it is, with a new lifetime: there is no other way."""
        async with self._exclusive(key):
            record = await self.load(key)
            if record is None:
                return False
            await self._set(key, record.value, ttl_ms, changed=False)
        return True

    async def destroy(self, key: str) -> bool:
        """Remove a record."""
        async with self._exclusive(key):
            await self._ask("destroy", key)
        return True

    async def purge(self, limit: int) -> int:
        """Remove nothing."""
        return await self._plain.purge(limit)

    async def ping(self) -> None:
        """Ask nothing."""

    async def aclose(self) -> None:
        """Close nothing."""

    async def _set(self, key: str, value: bytes, ttl_ms: int, *, changed: bool) -> None:
        data = _core.loads_record(value)
        if data is None:
            raise UnstorableError("", "a plain store holds JSON objects alone")
        # koa: the word 'session' goes to the store as it is.
        max_age: float | str = "session" if data.get("_session") is True else ttl_ms / 1000
        try:
            await self._ask("set", key, data, max_age, rolling=self._rolling, changed=changed)
        except UnicodeEncodeError:
            # Half of a surrogate pair, which JSON can hold and UTF-8 cannot: it is the client's, and no outage.
            raise UnstorableError("", "the store writes UTF-8, which has no place for half of a surrogate pair") from None

    async def _ask(self, call: str, *given: Any, **named: Any) -> Any:
        asking = self._plain.ask(call, *given, scope=self._scope, **named)
        if not self._plain.threads:
            return await asking
        task = asyncio.ensure_future(asking)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    @contextlib.asynccontextmanager
    async def _exclusive(self, key: str) -> AsyncIterator[None]:
        """Keep the rest of this process off a key until a call is over, and the thread too that it may leave behind."""
        lock = _turns.of(key)
        await lock.acquire()
        try:
            yield
        finally:
            left = [*self._running]
            if left:
                asyncio.gather(*left, return_exceptions=True).add_done_callback(lambda _: lock.release())
            else:
                lock.release()


def _text(data: object) -> bytes:
    """Write what the object gave as JSON; what is no session becomes a text that is none."""
    if not isinstance(data, Mapping):
        return _NO_SESSION
    try:
        return _core.dumps_record(dict(data))
    except SessionError:
        return _NO_SESSION


def _body(value: bytes) -> bytes:
    """Return a session's text without its envelope: in it 1, 1.0 and true are three values."""
    data = _core.loads_record(value) or {}
    return _core.dumps_record({name: member for name, member in data.items() if name not in _core.RESERVED})
