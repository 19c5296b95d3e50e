"""A session as a store has it: its data, and what each layout puts beside it."""

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
"""What a record says of its session's cookie, in its own words."""


@dataclass(frozen=True, slots=True)
class Dates:
    """When a session ends and how long it lives from each renewal; ``None``: with the browser. When it began, if that is kept.

    Milliseconds; dates since 1970.
    """

    expire_ms: int | None
    life_ms: int | None
    created_ms: int | None
    owner: str | None = field(repr=False)
    own_life: bool = False
    """Whether the application set how long the session lives."""
    member: object = field(default=None, repr=False)
    """What the member ``_owner`` is to say: the owner, or an object with the cookie's remembered attributes."""


class RecordFormat:
    """Ours and koa-session's: the session's own dates are its last members. Source: koa-session ``ContextSession.save``."""

    def __init__(self, options: DialectOptions) -> None:
        self._options = options

    def open(self, value: bytes, into: dict[str, Any], now_ms: int) -> tuple[Loaded | Miss, RecordCookie | None]:
        """Read a record and fill ``into``, which must be empty, with its data; or say why it is no session."""
        loaded = _core.disclose(value, into, now_ms)
        dialect = self._options.dialect
        if dialect.accepts_any_name and not isinstance(loaded, str) and any(map(dialect.is_reserved, dict.keys(into))):
            # Past the session's own methods: to be filled is no access.
            data = dict(dict.items(into))
            dict.clear(into)
            # What fitted still does.
            loaded = (take(data, into, dialect) or b"{}", *loaded[1:])
        return loaded, None

    def close(self, body: bytes, dates: Dates, record_cookie: RecordCookie | None, *, expiry_in_record: bool) -> bytes:
        """Write a record; ``expiry_in_record``: with its expiry in the text."""
        body = with_own_life(body, dates.life_ms) if dates.own_life else body
        owner = None if isinstance(dates.member, dict) else dates.owner
        body = with_member(body, dates.member)
        return _core.enclose(body, dates.expire_ms if expiry_in_record else None, dates.life_ms, dates.created_ms, owner)

    def new_cookie(self, secure: bool) -> RecordCookie | None:
        """Make what a new session's record says of its cookie; ``None`` where records say nothing of it."""
        return None

    def attributes(self, record_cookie: RecordCookie, secure: bool) -> Attributes:
        """Read what a record says of its cookie; ``secure``: what holds where it does not say whether that is Secure."""
        raise NotImplementedError

    def changed(self, record_cookie: RecordCookie, before: Attributes, after: Attributes) -> RecordCookie:
        """Write into what a record says of its cookie what an application has changed there."""
        raise NotImplementedError

    def ttl_ms(self, body: bytes, dates: Dates, now_ms: int) -> int | None:
        """Say how long the store keeps a record; ``None``: as long as the session lives.

        Raises: ConfigError where the application's ``ttl`` gives no lifetime.
        """
        return self._asked_ms(body) if dates.expire_ms is None else None

    def _asked_ms(self, body: bytes) -> int | None:
        """Return what ``ttl`` says of a session."""
        ttl = self._options.ttl
        return age_ms("ttl", ttl(_core.loads(body) or {}), KOA_LONGEST_AGE) if callable(ttl) else ttl


def take(data: dict[str, Any] | None, into: dict[str, Any], dialect: Dialect) -> bytes | None:
    """Fill ``into`` with what its own system would show of the data, and give the canonical text of that.

    ``None``, and nothing is filled, where there is no data, or where it passes a session's limits in our own spelling.
    """
    if data is None:
        return None
    shown = {key: value for key, value in data.items() if not dialect.is_reserved(key)}
    try:
        body = _core.dumps(shown)
    except UnserializableError:
        return None
    # Past the session's own methods: to be filled is no access.
    dict.update(into, shown)
    return body


def with_own_life(body: bytes, life_ms: int | None) -> bytes:
    """Add to a session's text what says that the application set its lifetime: ``rules.has_own_life``."""
    mark = b'"_maxAge":0}' if life_ms is None else b'"_session":false}'
    return body[:-1] + (mark if body == b"{}" else b"," + mark)
