"""Move a record so that a migration that is killed at any point, and resumed later, neither loses nor restores it.

1. The target gets a copy under a marked key, which no session has.
2. The source's record, if it is still the version that was copied, moves under a marked key: from then on it belongs to the target.
3. The copy moves to its own key. Only now can users of the target have it, and end it.
4. The source's marked record is removed.

A marked record in the source means that step 2 was done: if the copy is still marked, step 3 was not; else it was.
"""

import hashlib
from typing import Any, Final

from .. import _core
from ..errors import SessionError
from ..stores.store import Gone, OwnerIndex, Record, Saved, Taken
from ..validators import LONGEST_AGE
from .progress import Outcome
from .target import Target

MARK: Final = "gingersnap-moving~"
_FOLLOWS: Final = 100
"""How often a record is copied again because it changed during the copy."""
_FOR_GOOD_MS: Final = LONGEST_AGE * 1000
"""The lifetime in the target of a record without an expiry in the source, in milliseconds."""


class Mover:
    """Moves records from ``source``, which must be another place than the target."""

    def __init__(self, source: Any, target: Target) -> None:
        self._source = source
        self._target = target

    async def move(self, key: str, record: Record) -> Outcome:
        """Move a record that can be read; what the target has of its own under the key stays, and the source's goes all the same.

        Raises: Refused where the target cannot hold it; then the source has it still.
        """
        for _ in range(_FOLLOWS):
            same = await self._stage(key, record)
            marker = _core.dumps({"moving": key})
            answer = await self._source.move(key, _marked(key), marker, lasting_ms(record), version=record.version)
            if isinstance(answer, Saved):
                return await self._reveal(key, same)
            if isinstance(answer, Taken):
                # From a migration that was killed: the source has made the record again since.
                await self.finish(_marked(key))
            again = None if isinstance(answer, Gone) else await self._source.load(key)
            if again is None or _core.loads_record(again.value) is None:
                await self._target.store.destroy(MARK + key)
                return "ended" if again is None else "unreadable"
            record = again
        raise SessionError("a record of the source did not stop changing; try again")

    async def finish(self, marked: str) -> Outcome | None:
        """Go on with what a migration that was killed has begun; ``None`` where somebody else has ended it."""
        record = await self._source.load(marked)
        if record is None:
            return None
        key = (_core.loads_record(record.value) or {}).get("moving")
        return await self._reveal(key, True) if isinstance(key, str) else "unreadable"

    async def _stage(self, key: str, record: Record) -> bool:
        """Copy a record, unless the target has one under its key; tell whether that is the same."""
        ask = self._target.ask
        there = await ask(lambda store: store.load(key), record)
        if there is not None:
            same: bool = there.value == record.value
            return same and await ask(lambda store: store.touch(key, lasting_ms(record)), record)
        while not await ask(lambda store: store.create(MARK + key, record.value, lasting_ms(record)), record):
            # Of a migration that was killed, or of the version before.
            await self._target.store.destroy(MARK + key)
        return False

    async def _reveal(self, key: str, same: bool) -> Outcome:
        target, staged = self._target.store, await self._target.store.load(MARK + key)
        outcome: Outcome = "same" if same else "kept"
        if staged is not None:
            owned = owned_by(target, _core.loads_record(staged.value) or {})
            answer = await target.move(MARK + key, key, staged.value, lasting_ms(staged), version=staged.version, **owned)
            outcome = "kept" if isinstance(answer, Taken) else "copied"
            if isinstance(answer, Taken):
                await target.destroy(MARK + key)
        await self._source.destroy(_marked(key))
        return outcome


def lasting_ms(record: Record) -> int:
    """Return how long the target has to keep a record, in milliseconds."""
    return _FOR_GOOD_MS if record.ttl_ms is None else max(1, record.ttl_ms)


def owned_by(store: Any, data: dict[str, Any]) -> dict[str, str]:
    """Return the argument that names the session's owner to a store with owners."""
    owner = data.get("_owner")
    return {"owner": owner} if isinstance(owner, str) and owner and isinstance(store, OwnerIndex) else {}


def _marked(key: str) -> str:
    # Not longer for a long key: the source may hold none that is longer than its longest.
    return MARK + hashlib.sha256(key.encode("ascii")).hexdigest()[:32]
