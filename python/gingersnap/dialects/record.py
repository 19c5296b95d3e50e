"""The record of a session in a store: its data, and the members that each layout adds."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .. import _core
from ..cookies.attributes import Attributes
from ..cookies.remembered import with_member
from ..errors import UnserializableError
from ..types import Loaded, Miss
from ..validators import KOA_LONGEST_AGE, age_ms
from .dialect import Dialect, DialectOptions

RecordCookie: TypeAlias = dict[str, Any]
"""The cookie attributes in a record, by the names that its system uses."""


@dataclass(frozen=True, slots=True)
class Dates:
    """When a session ends, its lifetime from each renewal (``None``: until the browser closes), and when it began, if kept.

    All in milliseconds; dates since 1970.
    """

    expire_ms: int | None
    life_ms: int | None
    created_ms: int | None
    owner: str | None = field(repr=False)
    own_life: bool = False
    """Whether the application set the session's lifetime."""
    member: object = field(default=None, repr=False)
    """The value of the member ``_owner``: the owner, or an object with the cookie's remembered attributes."""


class RecordFormat:
    """Our records and koa-session's: the dates are the last members. Source: koa-session ``ContextSession.save``."""

    def __init__(self, options: DialectOptions) -> None:
        self._options = options

    def open(self, value: bytes, into: dict[str, Any], now_ms: int) -> tuple[Loaded | Miss, RecordCookie | None]:
        """Read a record and fill ``into``, which must be empty, with its data; or return why it is no session."""
        loaded = _core.split_envelope(value, into, now_ms)
        dialect = self._options.dialect
        if dialect.accepts_any_name and not isinstance(loaded, str) and any(map(dialect.is_reserved, dict.keys(into))):
            # Not by the session's methods: filling it is no access by the application.
            data = dict(dict.items(into))
            dict.clear(into)
            # With fewer members the data still fits.
            loaded = (take(data, into, dialect) or b"{}", *loaded[1:])
        return loaded, None

    def close(self, body: bytes, dates: Dates, record_cookie: RecordCookie | None, *, expiry_in_record: bool) -> bytes:
        """Return a record's text; ``expiry_in_record``: with the expiry in it."""
        body = with_own_life(body, dates.life_ms) if dates.own_life else body
        owner = None if isinstance(dates.member, dict) else dates.owner
        body = with_member(body, dates.member)
        return _core.add_envelope(body, dates.expire_ms if expiry_in_record else None, dates.life_ms, dates.created_ms, owner)

    def new_cookie(self, secure: bool) -> RecordCookie | None:
        """Return the cookie attributes for a new session's record; ``None`` where records have none."""
        return None

    def attributes(self, record_cookie: RecordCookie, secure: bool) -> Attributes:
        """Return the cookie attributes of a record. ``secure`` is used where the record does not say."""
        raise NotImplementedError

    def changed(self, record_cookie: RecordCookie, before: Attributes, after: Attributes) -> RecordCookie:
        """Return the record's cookie attributes with those that differ between ``before`` and ``after``."""
        raise NotImplementedError

    def ttl_ms(self, body: bytes, dates: Dates, now_ms: int) -> int | None:
        """Return how long the store keeps a record, in milliseconds; ``None``: as long as the session lives.

        Raises: ConfigError where the application's ``ttl`` returns no lifetime.
        """
        return self._asked_ms(body) if dates.expire_ms is None else None

    def _asked_ms(self, body: bytes) -> int | None:
        """Return the lifetime by the option ``ttl``, in milliseconds; ``None``: the option is not set."""
        ttl = self._options.ttl
        return age_ms("ttl", ttl(_core.loads(body) or {}), KOA_LONGEST_AGE) if callable(ttl) else ttl


def take(data: dict[str, Any] | None, into: dict[str, Any], dialect: Dialect) -> bytes | None:
    """Fill ``into`` with the data that the record's own system would show, and return the canonical text of it.

    Return ``None`` and fill nothing if there is no data or it exceeds a session's limits.
    """
    if data is None:
        return None
    shown = {key: value for key, value in data.items() if not dialect.is_reserved(key)}
    try:
        body = _core.dumps(shown)
    except UnserializableError:
        return None
    # Not by the session's methods: filling it is no access by the application.
    dict.update(into, shown)
    return body


def with_own_life(body: bytes, life_ms: int | None) -> bytes:
    """Mark in a session's text that the application set its lifetime: see ``rules.has_own_life``."""
    mark = b'"_maxAge":0}' if life_ms is None else b'"_session":false}'
    return body[:-1] + (mark if body == b"{}" else b"," + mark)
