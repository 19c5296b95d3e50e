"""Write a session's record: its text, its dates, and what it says of the session's cookie."""

from dataclasses import replace
from typing import Any, Final

from .. import _core
from ..cookies.attributes import Attributes
from ..dialects.record import Dates, RecordCookie
from ..errors import SessionTooLarge, shown
from ..lifecycle import rules
from ..lifecycle.changes import heaviest
from ..lifecycle.state import EMPTY, SessionState
from ..stores.store import late_ms
from .record_writer import EncodedRecord
from .repository import Repository

_LONG_AGO_MS: Final = 1


class RecordEncoder:
    """The record of one request's session, as its state has it now."""

    def __init__(self, repository: Repository, state: SessionState, *, expiry_in_record: bool) -> None:
        self._repository = repository
        self._state = state
        self._expiry_in_record = expiry_in_record

    def encode(self, session: dict[str, Any], body: bytes) -> EncodedRecord:
        """Return a record's text and how long the store keeps it.

        Raises: SessionTooLarge; ConfigError where the application's ``ttl`` or cookie attributes are wrong.
        """
        state = self._state
        override = state.cookie_override()
        dates = self._dates(override)
        state.record_cookie = record_cookie = self._record_cookie()
        value = self._repository.record.close(body, dates, record_cookie, expiry_in_record=self._expiry_in_record)
        if len(value) > _core.MAX_TEXT:
            raise too_large(state, session)
        ttl_ms = self._repository.ttl_ms(dates, body, expiry_in_record=self._expiry_in_record)
        return EncodedRecord(
            value, ttl_ms, dates.expire_ms, dates.life_ms, dates.created_ms, dates.own_life, dates.member, override
        )

    def ended_text(self) -> bytes:
        """Return the text of a record that ends at once: a request that meets it before the store drops it must not go on."""
        dates = replace(self.dates(), expire_ms=_LONG_AGO_MS)
        return self._repository.record.close(EMPTY, dates, self._record_cookie(), expiry_in_record=True)

    def dates(self) -> Dates:
        """Return the session's next end."""
        return self._dates(self._state.cookie_override())

    def _dates(self, override: Attributes | None) -> Dates:
        state = self._state
        (life_ms, own_life), created_ms, expire_ms = state.lifetime(), state.created_ms, None
        if life_ms is not None:
            expire_ms = rules.next_expire(state.policy.now_ms(), life_ms, created_ms, state.options.absolute_ms)
        owner = state.owner
        member = owner if override is None else state.owner_member(override)
        return Dates(expire_ms, life_ms, created_ms, owner, own_life, member)

    def lasting_ms(self) -> int:
        """Return how long a record is kept from now on that no request writes."""
        return self._repository.ttl_ms(self.dates(), self._state.body, expiry_in_record=self._expiry_in_record)

    def _record_cookie(self) -> RecordCookie | None:
        """Return what the record says of its cookie: as it came, or as the options have it, and what was changed since."""
        state, record = self._state, self._repository.record
        said = state.record_cookie
        if said is None:
            said = record.new_cookie(state.policy.is_secure(state.scope))
        changed: Attributes | None = None if state.set_cookie is None else state.set_cookie.changed()
        if said is None or changed is None:
            return said
        return record.changed(said, state.attributes_in(said), changed)


def too_large(state: SessionState, session: dict[str, Any]) -> SessionTooLarge:
    """Return the error that names the session's heaviest keys."""
    heavy = ", ".join(f"{shown(key)} ({octets} bytes)" for key, octets in heaviest(state, session)[:3])
    return SessionTooLarge("", f"more than {_core.MAX_TEXT} bytes of JSON; the largest keys are {heavy}")


def is_recent(ttl_ms: int | None, lasting_ms: int) -> bool:
    """Return whether the record was renewed not long ago."""
    return ttl_ms is not None and ttl_ms >= lasting_ms - late_ms(lasting_ms)
