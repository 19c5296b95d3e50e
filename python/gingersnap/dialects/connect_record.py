"""Records of express-session and koa-generic-session: their member ``cookie`` holds the cookie's attributes."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import partial
from typing import Any, Final

from .. import _core
from ..cookies.attributes import SESSION_COOKIE_CHECKS, Attributes, check_domain
from ..errors import ConfigError
from ..types import Loaded, Miss
from .record import Dates, RecordCookie, RecordFormat, take

_LARGEST_MS: Final = 2**53
NAMES: Final = {"same_site": "sameSite", "http_only": "httpOnly"}
"""Their names for attributes, where they differ from ours."""
_FLAGS: Final = frozenset({"secure", "http_only", "partitioned"})
_CHECKS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    **SESSION_COOKIE_CHECKS,
    "domain": partial(check_domain, dotted=True),
}
"""The check of each attribute."""


class ConnectRecord(RecordFormat):
    """The common part of both: JSON with the cookie as its first member."""

    life: str
    """The cookie's member with the session's lifetime, in milliseconds."""

    def open(self, value: bytes, into: dict[str, Any], now_ms: int) -> tuple[Loaded | Miss, RecordCookie | None]:
        """Read a record; ``corrupt`` if it has no cookie or a wrong one."""
        data = _core.loads_record(value)
        record_cookie = None if data is None else data.pop("cookie", None)
        # Larger than any real cookie's attributes: it could not be written back next to a session of full size.
        if data is None or not isinstance(record_cookie, dict) or len(_core.dumps(record_cookie)) > _core.MAX_BESIDE:
            return "corrupt", None
        try:
            life_ms = self._life_ms(record_cookie.get(self.life))
        except (TypeError, ValueError):
            return "corrupt", None
        body = take(data, into, self._options.dialect)
        if body is None:
            return "corrupt", None
        return (body, 0, True, None, life_ms, life_ms is None or None, None, None), record_cookie

    def close(self, body: bytes, dates: Dates, record_cookie: RecordCookie | None, *, expiry_in_record: bool) -> bytes:
        """Return a record's text."""
        cookie = _core.dumps(self._with_dates({} if record_cookie is None else record_cookie, dates))
        return b'{"cookie":' + cookie + (b"," + body[1:] if body != b"{}" else b"}")

    def _with_dates(self, record_cookie: RecordCookie, dates: Dates) -> RecordCookie:
        raise NotImplementedError

    def _life_ms(self, said: object) -> int | None:
        """Return a lifetime in milliseconds; ``None``: until the browser closes. The expiry itself is that of the store.

        Raises: ValueError, TypeError where the value is no lifetime.
        """
        if said is None or said is False:
            return None
        if isinstance(said, bool) or not isinstance(said, int | float):
            raise TypeError
        if not 0 < said <= _LARGEST_MS:
            raise ValueError
        return max(1, int(said))

    def attributes(self, record_cookie: RecordCookie, secure: bool) -> Attributes:
        """Read the cookie attributes of a record. ``secure`` is used where the record does not say.

        A value that no header can hold is replaced by that of the options: a cookie's attribute logs no user out.
        """
        usual = Attributes.of(self._options, secure=secure)
        # The defaults of JavaScript's `cookie` and `cookies`.
        said: dict[str, Any] = {"path": "/", "http_only": True, "secure": secure}
        for name in _CHECKS:
            if (theirs := NAMES.get(name, name)) in record_cookie:
                said[name] = record_cookie[theirs]
        return Attributes(**{name: _attribute(name, said.get(name), getattr(usual, name)) for name in _CHECKS})

    def changed(self, record_cookie: RecordCookie, before: Attributes, after: Attributes) -> RecordCookie:
        """Return the record's cookie attributes with those that differ between ``before`` and ``after``."""
        names = [field.name for field in fields(Attributes) if getattr(before, field.name) != getattr(after, field.name)]
        return {**record_cookie, **{NAMES.get(name, name): getattr(after, name) for name in names}}

    def _given(self, secure: bool) -> RecordCookie:
        """Return the attributes that the options name, in their order."""
        attributes = Attributes.of(self._options, secure=secure)
        names = [name for name in self._options.given if name in SESSION_COOKIE_CHECKS]
        said = {NAMES.get(name, name): getattr(attributes, name) for name in names}
        return {name: value for name, value in said.items() if value is not None}


def _attribute(name: str, said: object, usual: object) -> Any:
    """Read one attribute as JavaScript's `cookie` and `cookies` do; ``usual`` replaces a value that no header can hold."""
    is_said = bool(said) or isinstance(said, dict | list)
    if name in _FLAGS:
        return is_said
    if not is_said and name != "path":
        return None
    if name == "same_site" and said is True:
        return "strict"
    try:
        return _CHECKS[name](name, said.lower() if isinstance(said, str) and name in ("same_site", "priority") else said)
    except ConfigError:
        return usual
