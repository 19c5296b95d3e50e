"""The sessions of one user, wherever they are logged in: what the store tells of them, and how one ends the others."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from gingersnap import Session, SessionUnavailable
from gingersnap.stores import Owned, Record

from .actions import Press

T = TypeVar("T")

SECONDS = 2
"""How long the store may take to answer."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store has: the record of this session, and its owner's others."""

    place: str
    key: str | None
    record: Record | None
    others: list[Owned]


async def look(store: Any, place: str, session: Session) -> Stored:
    """Ask the store for all that the page shows of it."""
    key, owner = session.store_key, session.owner
    record = None if key is None else await asked("load", store.load(key))
    owned = [] if owner is None else await asked("list sessions", store.sessions_of(owner))
    return Stored(place, key, record, [other for other in owned if other.key != key])


def routes(store: Any) -> dict[str, Callable[[Session, Press], Awaitable[str]]]:
    """Give the buttons that a page with a store has beside the others."""

    async def end(session: Session, press: Press) -> str:
        """End one of the other sessions of whoever is logged in here, and nobody else's."""
        key = press.fields.get("key")
        others = (await look(store, "", session)).others
        if key in [other.key for other in others] and await asked("destroy", store.destroy(key)):
            return "That session has ended. Load the page there: it is logged out."
        return "That session is not there any more."

    async def end_others(session: Session, _: Press) -> str:
        """End all of them but this one."""
        if session.owner is None:
            return "Nobody is logged in here."
        ended = await asked("destroy", store.destroy_all(session.owner, keep=session.store_key))
        return f"Logged out everywhere else. Sessions ended: {ended}."

    return {"/sessions/end": end, "/sessions/end-others": end_others}


async def asked(call: str, answer: Awaitable[T]) -> T:
    """Wait for the store's answer.

    Raises: SessionUnavailable, of which the middleware makes 503, where it has none.
    """
    try:
        async with asyncio.timeout(SECONDS):
            return await answer
    except Exception as error:
        # Each store raises what its driver raises.
        raise SessionUnavailable(call) from error
