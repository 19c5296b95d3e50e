"""Copy the sessions of one store into another while both are in use: what ``gingersnap migrate`` does."""

import asyncio
import hashlib
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from . import _core
from .checks import LONGEST_AGE
from .errors import ConfigError
from .stores.store import KeyIndex, OwnerIndex, Record, Saved, Store

Outcome: TypeAlias = Literal["copied", "replaced", "same", "kept", "ended", "expired", "unreadable", "pruned"]
"""What became of a record: ``same``, it was there already, as it is; ``kept``, the target has another of its own, which stays;
``ended``, it was removed while it was being copied; ``unreadable``, it is no JSON object, and stays where it is; ``pruned``, the
target had one that the source has no more."""

Do: TypeAlias = Callable[[str], Awaitable[Outcome | None]]
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
NAMED: Final = 100
"""How many unreadable records are named, at most."""
_FOLLOWS: Final = 5
"""How often a record is copied anew that changes while it is copied."""
_AT_ONCE: Final = 16
_FOR_GOOD_MS: Final = LONGEST_AGE * 1000
"""How long a record is kept that the source keeps for good, in milliseconds."""


@dataclass(slots=True)
class Progress:
    """How far a migration has come; ``cursor`` is where the next batch begins."""

    cursor: str | None = None
    phase: Literal["copying", "pruning", "done"] = "copying"
    counts: Counter[str] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)

    @property
    def seen(self) -> int:
        """How many records were looked at."""
        return self.counts.total()

    def save(self, path: Path, identity: str) -> None:
        """Write it to a file, whole or not at all."""
        text = json.dumps({"identity": identity, "cursor": self.cursor, "phase": self.phase, **self._told()})
        temporary = path.with_name(path.name + ".new")
        temporary.write_text(text, "utf-8")
        os.replace(temporary, path)

    def _told(self) -> dict[str, Any]:
        return {"counts": dict(self.counts), "unreadable": self.unreadable}

    @classmethod
    def load(cls, path: Path, identity: str) -> "Progress":
        """Read it from a file; a new one where there is no file.

        Raises: ConfigError where the file is of another migration, or of something else.
        """
        try:
            said = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError):
            raise ConfigError("resume", "it is no file of a migration", "give another path") from None
        if not isinstance(said, dict) or said.get("identity") != identity:
            raise ConfigError("resume", "it is of a migration between other stores, or with other options", "give another path")
        return cls(said["cursor"], said["phase"], Counter(said["counts"]), said["unreadable"])


class Migration:
    """One copying of all records from ``source`` to ``target``: keys and octets as they are, and as long as they have.

    A record that the target has already is left there, but with ``overwrite`` replaced where it is another one. ``prune`` removes
    from the target, at the end, what the source has no more: only while nobody uses the target yet. ``dry_run`` writes nothing.
    ``batch``: how many keys are asked for at a time. ``show_keys``: name unreadable records by their keys; under the layouts of
    other systems these are the ids of sessions, so they are cut short otherwise.

    Raises: ConfigError where the source cannot tell what it holds.
    """

    def __init__(
        self,
        source: Store,
        target: Store,
        *,
        overwrite: bool = False,
        prune: bool = False,
        dry_run: bool = False,
        batch: int = 200,
        show_keys: bool = False,
    ) -> None:
        for name, store in (("source", source), *((("target", target),) if prune else ())):
            if not isinstance(store, KeyIndex):
                cure = "take a store that has the calls count and keys, as those of gingersnap.stores for SQL, Redis and memory"
                raise ConfigError(name, f"{type(store).__name__} cannot tell what it holds", cure)
        self.source = source
        self.target = target
        self._overwrite = overwrite
        self._prune = prune
        self._dry_run = dry_run
        self._batch = batch
        self._show_keys = show_keys

    async def run(self, progress: Progress) -> AsyncIterator[Progress]:
        """Go on from where it was, and tell after each batch.

        Raises: whatever the stores do; what was told is done by then, and can be gone on with.
        """
        if progress.phase == "copying":
            async for _ in self._each(self.source, progress, self._copy):
                yield progress
            progress.phase = "pruning" if self._prune else "done"
        if progress.phase == "pruning":
            async for _ in self._each(self.target, progress, self._pruned):
                yield progress
            progress.phase = "done"
        yield progress

    async def _each(self, store: Any, progress: Progress, do: Do) -> AsyncIterator[None]:
        while True:
            keys, cursor = await store.keys(progress.cursor, self._batch)
            for start in range(0, len(keys), _AT_ONCE):
                part = keys[start : start + _AT_ONCE]
                # None is left behind where one fails: the stores may be closed next.
                outcomes = await asyncio.gather(*(do(key) for key in part), return_exceptions=True)
                for key, outcome in zip(part, outcomes, strict=True):
                    if isinstance(outcome, BaseException):
                        raise outcome
                    self._note(progress, key, outcome)
            progress.cursor = cursor
            yield
            if cursor is None:
                return

    def _note(self, progress: Progress, key: str, outcome: Outcome | None) -> None:
        if outcome is not None:
            progress.counts[outcome] += 1
        if outcome == "unreadable" and len(progress.unreadable) < NAMED:
            progress.unreadable.append(key if self._show_keys else masked(key))

    async def _copy(self, key: str) -> Outcome:
        record = await self.source.load(key)
        if record is None:
            return "expired"
        data = _core.loads(record.value)
        if data is None:
            return "unreadable"
        outcome = await self._write(key, record, data)
        if self._dry_run or outcome not in ("copied", "replaced"):
            return outcome
        return await self._follow(key, record) or outcome

    async def _write(self, key: str, record: Record, data: dict[str, Any]) -> Outcome:
        there = await self.target.load(key) if self._dry_run else None
        if there is None and (self._dry_run or await self._create(key, record, data)):
            return "copied"
        there = there or await self.target.load(key)
        if there is None:
            # It ended there this moment: that is a word of its own.
            return "kept"
        if there.value == record.value:
            if not self._dry_run:
                await self.target.touch(key, _ttl_ms(record))
            return "same"
        if not self._overwrite:
            return "kept"
        if self._dry_run:
            return "replaced"
        answer = await self.target.replace(key, record.value, _ttl_ms(record), version=there.version)
        return "replaced" if isinstance(answer, Saved) else "kept"

    async def _create(self, key: str, record: Record, data: dict[str, Any]) -> bool:
        owner = data.get("_owner")
        owned = {"owner": owner} if isinstance(owner, str) and owner and isinstance(self.target, OwnerIndex) else {}
        return await self.target.create(key, record.value, _ttl_ms(record), **owned)

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
                # Whoever uses the target has gone on with it.
                return None
            await self.target.replace(key, again.value, _ttl_ms(again), version=there.version)
            record = again
        return None

    async def _pruned(self, key: str) -> Outcome | None:
        if await self.source.load(key) is not None or await self.target.load(key) is None:
            return None
        if not self._dry_run:
            await self.target.destroy(key)
        return "pruned"


def masked(key: str) -> str:
    """Name a record so that who reads the name cannot use it as a session's id."""
    return f"{key[:6]}... (SHA-256 {hashlib.sha256(key.encode('utf-8')).hexdigest()[:16]})"


def _ttl_ms(record: Record) -> int:
    return _FOR_GOOD_MS if record.ttl_ms is None else max(1, record.ttl_ms)
