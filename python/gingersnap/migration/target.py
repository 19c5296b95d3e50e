"""The target store of a migration: check that it is not the source, and tell refused records from a failing store."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from ..errors import ConfigError
from ..stores.store import Record, Store

T = TypeVar("T")

_PROBE: Final = "gingersnap-probe-"
_PROBE_MS: Final = 60_000
"""How long a probe record lives if it is not removed, in milliseconds."""


class Refused(Exception):  # noqa: N818 (an outcome, as those of `Outcome`)
    """The target takes other records, and not this one."""


class Target:
    """The calls of the target. One that fails is made twice; between, and at the end, the store has to take another record."""

    def __init__(self, store: Store, *, dry_run: bool) -> None:
        self.store: Any = store
        self._dry_run = dry_run

    async def ask(self, call: Callable[[Any], Awaitable[T]], record: Record) -> T:
        """Make a call about a record.

        Raises: Refused where the record is at fault; what the store raises, where the store is.
        """
        for _ in range(2):
            try:
                return await call(self.store)
            except OSError:
                # The way to the store, and not what was sent on it.
                raise
            except Exception as error:
                if not await self._takes_others(len(record.value)):
                    raise
                failed = error
        raise Refused from failed

    async def _takes_others(self, size: int) -> bool:
        """Write a record that anybody could hold, as large as the one that failed: a store that is full fails too."""
        try:
            if self._dry_run:
                await self.store.ping()
            else:
                key = new_probe()
                await self.store.create(key, b'{"probe":"%s"}' % (b"x" * max(0, size - 12)), _PROBE_MS)
                await self.store.destroy(key)
        except Exception:
            return False
        return True


async def see_apart(source: Any, target: Any, *, dry_run: bool) -> None:
    """See that nothing in the target is the source's own, before anything is removed from either.

    Raises: ConfigError where it may be.
    """
    overlaps = getattr(target, "overlaps", None)
    if overlaps is not None and await overlaps(source):
        problem = "one prefix contains the other, and they are or may be in the same database of Redis"
        raise ConfigError("target", problem, "leave out prune and move, or copy into another database first")
    if dry_run:
        return
    key = new_probe()
    await target.create(key, b"{}", _PROBE_MS)
    try:
        mine = await source.load(key)
    finally:
        await target.destroy(key)
    if mine is not None:
        raise ConfigError("target", "it is the source by another name", "name another store, layout, table or prefix")


async def see_ends(source: Any, target: Any) -> None:
    """See that the source does not list what is copied, or copies of copies would be made.

    Raises: ConfigError where it does.
    """
    lists = getattr(source, "lists", None)
    if lists is not None and await lists(target):
        problem = "its prefix begins with the source's, in the same database of Redis: copies would be copied"
        raise ConfigError("target", problem, "name another database, or another prefix")


def new_probe() -> str:
    """Make a key that no session has."""
    return _PROBE + secrets.token_hex(16)
