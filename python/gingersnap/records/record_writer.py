"""Write to a store so that a call that broke down may be made again, and what became of the first is found out."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

from ..cookies.attributes import Attributes
from ..errors import SessionConflict, SessionError
from ..stores.store import Conflict, Gone, OwnerIndex, Record, Replaced, Saved, Store, Taken
from ..types import Scope
from .repository import Repository

logger = logging.getLogger("gingersnap")

T = TypeVar("T")

AT_ONCE_MS: Final = 1
"""The lifetime of a record that is to end at once, on the condition that its version is the one that was read."""
TRIES: Final = 10
"""How often a save meets another request's before it gives up."""
_LONGEST_PAUSE_S: Final = 0.05
_NEW_IDS: Final = 5
REPLACED: Final = b'{"gingersnap/replaced":true}'
"""What is kept for a short time under the grace key of an id that was replaced."""
_REPEATED: Final = "every new id has a record already: genid must not repeat itself"


@dataclass(slots=True)
class EncodedRecord:
    """A record's text, how long the store keeps it, and what it says of its times. Milliseconds; dates since 1970."""

    value: bytes = field(repr=False)
    ttl_ms: int
    expire_ms: int | None
    life_ms: int | None
    created_ms: int | None
    own_life: bool = False
    """Whether the application set the session's lifetime."""
    member: object = field(default=None, repr=False)
    """The member ``_owner``."""
    cookie: Attributes | None = None
    """The attributes of the session's cookie that the application set."""


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """What is known of a record: its version, and its text; ``version`` is ``None`` after ``create``, which tells none."""

    version: Any = field(repr=False)
    value: bytes = field(repr=False)


class RecordWriter:
    """The writes of one commit: together they have ``store_timeout``."""

    def __init__(self, repository: Repository, store: Store, scope: Scope) -> None:
        self._repository = repository
        self._store = store
        self._scope = scope
        self._begun = asyncio.get_running_loop().time()
        self._deadline = self._begun + repository.options.store_timeout_s
        self._tries = 0

    async def create(self, enclosed: EncodedRecord, owner: str | None) -> str:
        """Make a record under a new id, and give that.

        Raises: SessionError where every new id has a record already: ``genid`` repeats itself.
        """
        store, ttl_ms, owned = self._store, enclosed.ttl_ms, self._owned(owner)
        for _ in range(_NEW_IDS):
            new_id = await self._repository.ids.new(self._scope)
            key = self._repository.ids.key(new_id)
            made, again = await self._sure("create", partial(store.create, key, enclosed.value, ttl_ms, **owned))
            if made or (again and await self._mine(key, enclosed.value)):
                return new_id
        raise SessionError(_REPEATED)

    async def replace(self, key: str, enclosed: EncodedRecord, held: StoredVersion) -> Replaced:
        """Write over a version; a repeated call that finds its own text there has written it at its first try."""
        store, value, ttl_ms = self._store, enclosed.value, enclosed.ttl_ms
        known = await self._known(key, held)
        if not isinstance(known, Saved):
            return known
        answer, again = await self._sure("replace", partial(store.replace, key, value, ttl_ms, version=known.version))
        if again and isinstance(answer, Gone) and ttl_ms == AT_ONCE_MS:
            # The first try has ended the record, or somebody else has: it is ended either way.
            return Saved(None)
        # Only a call that was made twice can meet what it wrote itself: others may write the very same, as five that count.
        if again and isinstance(answer, Conflict) and answer.value == value:
            return Saved(answer.version)
        return answer

    async def move(self, old_id: str, enclosed: EncodedRecord, held: StoredVersion, owner: str | None) -> tuple[str, Replaced]:
        """Write a version under a new id; give that, and what became of it."""
        ids, store, ttl_ms, owned = self._repository.ids, self._store, enclosed.ttl_ms, self._owned(owner)
        old = ids.key(old_id)
        known = await self._known(old, held)
        if not isinstance(known, Saved):
            return old_id, known
        version = known.version
        if grace_ms := self._repository.regenerate_grace_ms:
            # First: a late request must not find the old id gone, and nothing said of it. It stays where the move fails, as another
            # request's move may have counted on it; as long as the old id has its record, it is not looked at.
            await self._sure("create", partial(store.create, ids.grace_key(old_id), REPLACED, grace_ms))
        for _ in range(_NEW_IDS):
            new_id = await ids.new(self._scope, old_id)
            new = ids.key(new_id)
            ask = partial(store.move, old, new, enclosed.value, ttl_ms, version=version, **owned)
            answer, again = await self._sure("move", ask)
            if again and isinstance(answer, Gone | Taken) and (mine := await self._mine(new, enclosed.value)):
                if isinstance(answer, Taken):
                    # A store that is not atomic may have come half way, and the old id must be dead.
                    await self.destroy(old)
                return new_id, Saved(mine.version)
            if not isinstance(answer, Taken):
                return new_id, answer
        raise SessionError(_REPEATED)

    async def _known(self, key: str, held: StoredVersion) -> Replaced:
        """Find the version of a record that was only created yet; a request that wrote it since is a conflict as any other."""
        if held.version is not None:
            return Saved(held.version)
        record = await self._ask("load", partial(self._store.load, key))
        if record is None:
            return Gone()
        return Saved(record.version) if record.value == held.value else Conflict(record.value, record.version)

    async def destroy(self, key: str) -> None:
        """Remove a record, if there is one."""
        await self._sure("destroy", partial(self._store.destroy, key))

    async def touch(self, key: str, ttl_ms: int) -> bool:
        """Renew a record's lifetime; ``False`` where there is none."""
        return await self._ask("touch", partial(self._store.touch, key, ttl_ms))

    async def again(self, key: str, met: Conflict) -> Conflict | Gone:
        """Return what the next try has to be made over: the first one follows at once, the others after a random pause.

        Raises: SessionConflict, as ``pause``; SessionUnavailable.
        """
        if not await self.pause():
            return met
        # While many write, what was met before the pause is out of date after it.
        record = await self._ask("load", partial(self._store.load, key))
        return Gone() if record is None else Conflict(record.value, record.version)

    async def pause(self) -> bool:
        """Wait a random while before the next try, longer each time; ``False`` where it follows at once.

        Raises: SessionConflict after ``TRIES``, or where ``store_timeout`` leaves no time for another try.
        """
        self._tries += 1
        if self._repository.options.on_conflict == "raise":
            raise SessionConflict("save")
        first = self._tries == 1
        pause_s = 0.0 if first else random.uniform(0, min(_LONGEST_PAUSE_S, 0.001 * 2**self._tries))  # noqa: S311 (no secret)
        now = asyncio.get_running_loop().time()
        # The next try takes as long as those before it: one that the deadline cuts off would count as a failure of the store.
        try_s = (now - self._begun) / self._tries
        if self._tries >= TRIES or now + pause_s + try_s >= self._deadline:
            logger.warning("others wrote a session %d times before this request could: its save was given up", self._tries)
            raise SessionConflict("save")
        if not first:
            await asyncio.sleep(pause_s)
        return not first

    def _owned(self, owner: str | None) -> dict[str, str]:
        return {"owner": owner} if owner is not None and isinstance(self._store, OwnerIndex) else {}

    async def _mine(self, key: str, value: bytes) -> Record | None:
        """Find a record that an earlier try has made."""
        record = await self._ask("load", partial(self._store.load, key))
        return record if record is not None and record.value == value else None

    async def _ask(self, call: str, ask: Callable[[], Awaitable[T]]) -> T:
        return await self._repository.guard.call(call, self._deadline, ask, self._scope)

    async def _sure(self, call: str, ask: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        return await self._repository.guard.call_retrying(call, self._deadline, ask, self._scope)
