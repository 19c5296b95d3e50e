"""Take over a session of an earlier configuration into the current store: once, whoever asks at the same time, and for good."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from .claim import Claim
from .cookies import Attributes
from .stores.store import OwnerIndex, Record, Store
from .types import Loaded, Scope

if TYPE_CHECKING:
    from .formers import Formers
    from .store_setup import StoreSetup

T = TypeVar("T")

_TRIES: Final = 10
_PAUSE_S: Final = 0.025
"""How often, and how far apart in seconds, a request looks whether another one has done with the old record."""


@dataclass(frozen=True, slots=True)
class TakenOver:
    """A session as it is in the current store. ``record.version`` is ``None`` where this request has made it.

    ``own``: what the old record said of its session's cookie, where it did.
    """

    id: str = field(repr=False)
    record: Record
    own: Attributes | None


class OldRecord:
    """A session's record in an earlier configuration's store."""

    def __init__(self, former: "StoreSetup", id: str, scope: Scope, deadline: float) -> None:
        self.former = former
        self._store = former.store_for(scope)
        self._key = former.ids.key(id)
        self._scope = scope
        self._deadline = deadline

    async def load(self) -> Record | None:
        """Read it."""
        return await self._ask("load", partial(self._store.load, self._key))

    async def destroy(self) -> bool:
        """Remove it; say whether it was there."""
        return await self._ask("destroy", partial(self._store.destroy, self._key))

    async def _ask(self, call: str, ask: Callable[[], Awaitable[T]]) -> T:
        return await self.former.gate.ask(call, self._deadline, ask, self._scope)


class Takeover:
    """One request's try.

    The new id follows from the old one, so that parallel requests meet at one record. That is made before the old one goes,
    and used after: a session without an old record has been taken over already, or has ended.
    """

    def __init__(self, setup: "StoreSetup", store: Store, scope: Scope, formers: "Formers") -> None:
        self._setup = setup
        self._store = store
        self._scope = scope
        self._formers = formers
        self._deadline = asyncio.get_running_loop().time() + setup.load_s

    async def fetch(self, claim: Claim) -> TakenOver | str:
        """Take over what was claimed, or say why there is no session.

        Raises: SessionUnavailable where a store does not answer; nothing is lost then, and the next request tries again.
        """
        stored = claim.former.stored
        if stored is None or claim.id is None:
            return await self._fetch_cookie(claim)
        old = OldRecord(stored, claim.id, self._scope, self._deadline)
        ids = [self._setup.ids.derived(digest) for digest in claim.former.derive(self._setup.options.keys, claim.id)]
        for id in ids:
            if (record := await self._load(id)) is not None:
                await self._let_go(old)
                return TakenOver(id, record, None)
        return await self._move(claim, old, ids[0])

    async def _fetch_cookie(self, claim: Claim) -> TakenOver | str:
        """Make a record of a session that came in a cookie. Two clients may show the same data: it gets an id of its own."""
        record = None if claim.loaded is None else self._written(claim, claim.data, claim.loaded)
        if record is None:
            return "corrupt"
        id = self._setup.ids.derived(secrets.token_bytes(32))
        await self._create(id, record, claim.loaded)
        return TakenOver(id, record, None)

    async def _move(self, claim: Claim, old: OldRecord, id: str) -> TakenOver | str:
        """Make the new record of the old one, then remove that."""
        found = await old.load()
        if found is None:
            return "missed"
        data: dict[str, Any] = {}
        loaded, said, why = old.former.opened(found.value, found.ttl_ms, data, dated=False)
        record = None if loaded is None or why is not None else self._written(claim, data, loaded)
        if record is None:
            return why or "corrupt"
        own = None if said is None else old.former.record.attributes(said, self._setup.is_secure(self._scope))
        if not await self._create(id, record, loaded):
            await self._let_go(old)
            made = await self._load(id)
            return "missed" if made is None else TakenOver(id, made, own)
        if not await old.destroy():
            # Another request had taken it over, and it has ended since: what was just made must not bring it back.
            await self._sure("destroy", partial(self._store.destroy, self._setup.ids.key(id)))
            return "missed"
        return TakenOver(id, record, own)

    async def _let_go(self, old: OldRecord) -> None:
        """See to it that the old record is gone before the new one is used.

        Who made that removes the old one, and so learns that nobody has used it yet; only where they never come to it,
        somebody else does.
        """
        for _ in range(_TRIES):
            if await old.load() is None:
                return
            await asyncio.sleep(_PAUSE_S)
        await old.destroy()

    def _written(self, claim: Claim, data: dict[str, Any], loaded: Loaded) -> Record | None:
        """Write the record that the current configuration has of a session; ``None`` where its data does not fit."""
        setup = self._setup
        body = self._formers.fitted(claim, data, {})
        if body is None:
            return None
        dates, dated = self._formers.dates(loaded, setup.now_ms()), setup.is_dated(self._store)
        own = setup.record.fresh(setup.is_secure(self._scope))
        return Record(setup.record.close(body, dates, own, dated=dated), None, setup.ttl_ms(dates, body, dated=dated))

    async def _load(self, id: str) -> Record | None:
        return await self._sure("load", partial(self._store.load, self._setup.ids.key(id)))

    async def _create(self, id: str, record: Record, loaded: Loaded | None) -> bool:
        owner = None if loaded is None or not self._setup.habits.noted else loaded[7]
        owned = {"owner": owner} if isinstance(owner, str) and isinstance(self._store, OwnerIndex) else {}
        ask = partial(self._store.create, self._setup.ids.key(id), record.value, record.ttl_ms or 1, **owned)
        return await self._sure("create", ask)

    async def _sure(self, call: str, ask: Callable[[], Awaitable[T]]) -> T:
        return (await self._setup.gate.sure(call, self._deadline, ask, self._scope))[0]
