"""Copy the records of the source one by one, then remove from the target the records that the source lacks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeAlias

from .. import _core
from ..errors import ConfigError
from ..stores.store import KeyIndex, Record, Saved, Store
from .moving import MARK, Mover, lasting_ms, owned_by
from .progress import Outcome, Progress, masked, shown
from .target import Refused, Target, see_apart, see_ends

Do: TypeAlias = Callable[[str], Awaitable[Outcome | None]]
_FOLLOWS: Final = 5
"""How often a record is copied again because it changed during the copy."""
_AT_ONCE: Final = 16
_LIVE: Final[tuple[Outcome, ...]] = ("copied", "replaced", "same", "kept", "refused")
"""The outcomes of records in the source: if there are none, the source is the wrong one, or empty."""


class Migration:
    """Copy all records from ``source`` to ``target``: keys and octets unchanged, with the remaining lifetime.

    A record that the target already has stays; with ``overwrite`` it is replaced if it differs. Until the last run is done, the
    application must use only the source: a session that ended in the target before that is copied again.

    ``move`` removes each record from the source once it is copied, so that no record is copied twice, whichever store a user is
    served from, and wherever a migration is killed and resumed; run one at a time. ``prune`` removes from the target, at the end,
    the records that the source no longer has. Neither is allowed with an empty prefix in Redis. ``dry_run`` writes nothing.
    ``batch``: how many keys are listed at a time. ``show_keys``: name unreadable and refused records by their keys; under the
    layouts of other systems these are the ids of sessions, so they are shortened otherwise.

    Raises: ConfigError where a store cannot tell what it holds, or an option does not go with the stores or with another.
    """

    def __init__(
        self,
        source: Store,
        target: Store,
        *,
        overwrite: bool = False,
        prune: bool = False,
        move: bool = False,
        dry_run: bool = False,
        batch: int = 200,
        show_keys: bool = False,
    ) -> None:
        if move and (overwrite or prune):
            raise ConfigError("move", "it goes with neither overwrite nor prune", "leave out one of them")
        for name, store in (("source", source), *((("target", target),) if prune else ())):
            if not isinstance(store, KeyIndex):
                cure = "take a store that has the calls count and keys, as those of gingersnap.stores for SQL, Redis and memory"
                raise ConfigError(name, f"{type(store).__name__} cannot tell what it holds", cure)
        for option, name, store in (("prune", "target", target if prune else None), ("move", "source", source if move else None)):
            if getattr(store, "mixed", False):
                problem = f"the prefix of the {name} is empty, so its keys may be other applications' too"
                raise ConfigError(option, problem, f"leave it out, and remove from the {name} by hand what has to go")
        self.source: Any = source
        self.target: Any = target
        self._target = Target(target, dry_run=dry_run)
        self._mover = Mover(source, self._target) if move and not dry_run else None
        self._removes = prune or move
        self._overwrite = overwrite
        self._prune = prune
        self._dry_run = dry_run
        self._batch = batch
        self._show_keys = show_keys

    async def run(self, progress: Progress) -> AsyncIterator[Progress]:
        """Go on from where it was, and tell after each batch.

        Raises: whatever the stores do; what was told is done by then, and can be gone on with. ConfigError where ``prune`` or
        ``move`` would remove what it must not, for source and target overlap, or the source has nothing to go by; and where the
        source lists the copies themselves.
        """
        if self._removes and progress.phase != "done":
            await see_apart(self.source, self.target, dry_run=self._dry_run)
        await see_ends(self.source, self.target)
        if progress.phase == "copying":
            if self._mover is not None:
                # What was moved is not there any more, and what was being moved may be listed before the cursor.
                progress.begin_again()
            async for _ in self._each(self.source, progress, self._take):
                yield progress
            if self._prune and not any(progress.counts[outcome] for outcome in _LIVE):
                problem = "the source holds no session, and the target would hold none either"
                raise ConfigError("prune", problem, "see whether it is the right source: its database, layout, table and prefix")
            progress.phase = "pruning" if self._prune else "done"
        if progress.phase == "pruning":
            async for _ in self._each(self.target, progress, self._pruned):
                yield progress
            progress.phase = "done"
        yield progress

    async def _each(self, store: Any, progress: Progress, do: Do) -> AsyncIterator[None]:
        while True:
            listed, cursor = await store.keys(progress.cursor, self._batch)
            # Redis may list a key twice, and two tasks must not copy one record at a time.
            keys = [*dict.fromkeys(listed)]
            for start in range(0, len(keys), _AT_ONCE):
                part = keys[start : start + _AT_ONCE]
                # None is left behind where one fails: the stores may be closed next.
                outcomes = await asyncio.gather(*(do(key) for key in part), return_exceptions=True)
                for key, outcome in zip(part, outcomes, strict=True):
                    if isinstance(outcome, BaseException):
                        raise outcome
                    if outcome is not None:
                        progress.note(outcome, shown(key) if self._show_keys else masked(key))
            progress.cursor = cursor
            yield
            if cursor is None:
                return

    async def _take(self, key: str) -> Outcome | None:
        if key.startswith(MARK):
            return None if self._mover is None else await self._mover.finish(key)
        if not key.isascii():
            return "unreadable"
        record = await self.source.load(key)
        if record is None:
            return "expired"
        if _core.loads_record(record.value) is None:
            return "unreadable"
        try:
            return await (self._copy(key, record) if self._mover is None else self._mover.move(key, record))
        except Refused:
            return "refused"

    async def _copy(self, key: str, record: Record) -> Outcome:
        outcome = await self._write(key, record)
        if self._dry_run or outcome not in ("copied", "replaced"):
            return outcome
        return await self._follow(key, record) or outcome

    async def _write(self, key: str, record: Record) -> Outcome:
        target = self._target
        there = await target.ask(lambda store: store.load(key), record) if self._dry_run else None
        if there is None and (self._dry_run or await self._create(key, record)):
            return "copied"
        there = there or await target.ask(lambda store: store.load(key), record)
        if there is None:
            # It ended there at this moment: an outcome of its own.
            return "kept"
        if there.value == record.value:
            if not self._dry_run:
                await target.ask(lambda store: store.touch(key, lasting_ms(record)), record)
            return "same"
        if not self._overwrite:
            return "kept"
        return "replaced" if self._dry_run or await self._replace(key, record, there) else "kept"

    async def _create(self, key: str, record: Record) -> bool:
        owned = owned_by(self.target, _core.loads_record(record.value) or {})
        made: bool = await self._target.ask(lambda store: store.create(key, record.value, lasting_ms(record), **owned), record)
        return made

    async def _replace(self, key: str, record: Record, there: Record) -> bool:
        answer = await self._target.ask(
            lambda store: store.replace(key, record.value, lasting_ms(record), version=there.version), record
        )
        return isinstance(answer, Saved)

    async def _follow(self, key: str, record: Record) -> Outcome | None:
        """Look whether the source still has what was copied: what it has ended ends in the target, what it has changed changes."""
        for _ in range(_FOLLOWS):
            again = await self.source.load(key)
            if again is None:
                await self.target.destroy(key)
                return "ended"
            if again.value == record.value:
                return None
            there = await self.target.load(key)
            if there is None or there.value != record.value:
                # A user of the target has changed it since.
                return None
            await self._replace(key, again, there)
            record = again
        return None

    async def _pruned(self, key: str) -> Outcome | None:
        """Remove a record that could be a session, and is none of the source's."""
        if key.startswith(MARK) or not _is_key(key) or await self.source.load(key) is not None:
            return None
        there = await self.target.load(key)
        if there is None or _core.loads_record(there.value) is None:
            return None
        if not self._dry_run:
            await self.target.destroy(key)
        return "pruned"


def _is_key(key: str) -> bool:
    """Return whether a session can have the key: `stores.store.Store`."""
    return 0 < len(key) <= 300 and all("!" <= character <= "~" for character in key)
