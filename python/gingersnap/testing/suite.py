"""The common part of the contract: the store under test, how a test runs, and how it reports a broken promise."""

import asyncio
import inspect
import json
import reprlib
import secrets
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import wraps
from typing import Any, Final, TypeVar, cast

from ..stores.store import Record, Saved, Store

LONG: Final = 60_000
"""A lifetime that no test outlives, in milliseconds."""

SHORT: Final = 20
"""A lifetime to wait for, in milliseconds."""

SLACK: Final = 10_000
"""How many milliseconds a slow machine may take between two calls."""

S = TypeVar("S", bound="Suite")
T = TypeVar("T")


class Suite:
    """The settings of a subclass: ``store`` is required, the others are optional."""

    has_owners: bool | None = None
    """Whether the store keeps an index of owners; ``None``: whether it has ``sessions_of`` and ``destroy_all``."""

    atomic: bool = True
    """``False`` where the store's own ``atomic`` is; there the races are not run."""

    races: int = 100
    """How often each race is run."""

    writers: int = 8
    """How many write one session at a time."""

    writes: int = 25
    """How often each of them writes."""

    def store(self) -> AbstractAsyncContextManager[Store]:
        """Return an empty store, ready for use; one for each test."""
        raise NotImplementedError(f"{type(self).__name__}.store() is to give an async context manager around a fresh store")

    def other(self, store: Store) -> AbstractAsyncContextManager[Store]:
        """Return a second store over the same data, as another process has it, for the races; by default the same store."""
        return nullcontext(store)

    def read_only(self, store: Store) -> AbstractAsyncContextManager[None]:
        """Have the store refuse writes meanwhile, as a replica does; left out, what it promises then is not tested."""
        raise NotImplementedError

    async def wait(self, ms: int) -> None:
        """Sleep; a store with a settable clock may set it instead."""
        await asyncio.sleep(ms / 1000)


def with_store(test: Callable[[S, Store], Awaitable[None]]) -> Callable[[S], None]:
    """Run a test on an event loop and a store of its own."""

    async def with_fresh_store(suite: S) -> None:
        async with suite.store() as store:
            await test(suite, store)

    @wraps(test)
    def run(self: S) -> None:
        asyncio.run(with_fresh_store(self))

    # pytest takes the names of its fixtures from the signature, and `wraps` leads it to that of the test.
    run.__signature__ = inspect.Signature([inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)])  # type: ignore[attr-defined]
    return run


def new_keys(count: int) -> list[str]:
    """Make keys as the middleware does, with one hash tag: a session may move from each to each."""
    tag = secrets.token_hex(2)
    return [f"{{{tag}}}{secrets.token_hex(32)}" for _ in range(count)]


def new_key() -> str:
    """Make a key."""
    return new_keys(1)[0]


def text(**data: object) -> bytes:
    """Write a session as the middleware does."""
    return json.dumps(data, separators=(",", ":")).encode()


def check(holds: bool, promise: str, got: object) -> None:
    """Fail a test with what was promised and what came instead."""
    __tracebackhide__ = True
    if not holds:
        raise AssertionError(f"{promise}; got {reprlib.repr(got)}")


def same(got: object, expected: object, promise: str) -> None:
    """Fail a test unless both are equal, and of one type."""
    __tracebackhide__ = True
    check(type(got) is type(expected) and got == expected, f"{promise}: expected {reprlib.repr(expected)}", got)


def answered(got: object, kind: type[T], promise: str) -> T:
    """Fail a test unless that is the kind of answer; give the answer."""
    __tracebackhide__ = True
    check(isinstance(got, kind), f"{promise}: expected {kind.__name__}", got)
    check(getattr(got, "version", kind) is not None, "a version is never None", got)
    return cast("T", got)


def lasts(ttl_ms: int | None, expected: int, promise: str, *, slack: int = SLACK) -> int:
    """Fail a test unless that is what is left of a lifetime that began a moment ago; give it."""
    __tracebackhide__ = True
    promise = f"{promise}: expected {expected} ms, less what the test took"
    check(ttl_ms is not None and expected - slack <= ttl_ms <= expected, promise, ttl_ms)
    return cast("int", ttl_ms)


async def made(store: Any, key: str, value: bytes = b"{}", ttl_ms: int = LONG, *, owner: str | None = None) -> Record:
    """Create a record and load it."""
    __tracebackhide__ = True
    # A store without owners has no such argument.
    named = {} if owner is None else {"owner": owner}
    same(await store.create(key, value, ttl_ms, **named), True, "create makes a record where there is none, and answers True")
    return await kept(store, key, value, "load answers with what create was given")


async def kept(store: Store, key: str, value: bytes, promise: str) -> Record:
    """Load a record that must be there with that value."""
    __tracebackhide__ = True
    record = answered(await store.load(key), Record, promise)
    same(record.value, value, promise)
    return record


async def absent(store: Store, key: str, promise: str) -> None:
    """Look for a record that must not be there."""
    __tracebackhide__ = True
    same(await store.load(key), None, promise)


async def expired(suite: Suite, store: Any, key: str, *, owner: str | None = None) -> Any:
    """Leave an expired record under the key, and give the version that it had."""
    record = await made(store, key, text(old=1), owner=owner)
    saved = answered(
        await store.replace(key, text(old=2), SHORT, version=record.version), Saved, "replace writes over that version"
    )
    await suite.wait(2 * SHORT)
    return saved.version
