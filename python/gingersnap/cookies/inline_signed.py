"""A cookie that holds its signature in its value, as Express and Starlette write it."""

from typing import Any, Final

from .. import _core
from ..option_types import CookieOptions
from ..types import Headers, Loaded, Miss

_MOST: Final = 4
"""How many cookies of one name are examined."""


class InlineSignedCookie:
    """One cookie with its signature inside its value. ``first_only`` as in ``_core.SignedCookie``."""

    def __init__(self, options: CookieOptions, keygrip: _core.Keygrip, head: bytes, tail: bytes) -> None:
        self._name = options.key.encode("ascii")
        self._keygrip = keygrip
        self._head = head
        self._tail = tail
        self._max_octets = options.max_cookie_bytes
        self._header_limit = options.max_header_bytes
        self._most = 1 if options.duplicates == "first" else _MOST

    def read(self, headers: Headers) -> tuple[bytes, int] | Miss | None:
        """Return the one signed text that verifies and the index of its key; ``None`` if the request has no such cookie."""
        header = b"; ".join([value for name, value in headers if name == b"cookie"])
        if len(header) > self._header_limit:
            # Cut before the pair that would pass the limit.
            header = header[: max(header.rfind(b";", 0, self._header_limit + 1), 0)]
        values, _ = _core.find(header, self._name)
        if not values:
            return None
        found = {value: verified for value in values[: self._most] if (verified := self._verify(value)) is not None}
        if len(found) != 1:
            return "duplicate" if found else "tampered"
        return found.popitem()[1]

    def lines(self, value: bytes, expires_ms: int | None, now_ms: int | None = None) -> list[bytes]:
        """Sign a value and return its line; ``b""`` with 0 removes the cookie.

        ``now_ms``: the removal has Expires and Max-Age, as in our own layout; else the date that the other system writes.
        """
        if not value and now_ms is not None and expires_ms is not None:
            date = b"; Expires=" + _core.http_date(expires_ms) + b"; Max-Age=0"
            return [self._name + b"=" + self._removed() + self._head + date + self._tail]
        return [self._line(self._sign(value) if value else self._removed(), expires_ms)]

    def load(self, headers: Headers, into: dict[str, Any], now_ms: int) -> Loaded | Miss | None:
        """Verify, decode and fill ``into``, as ``_core.SignedCookie.load``: for layouts that keep the session in the cookie."""
        raise NotImplementedError

    def seal(self, body: bytes, *envelope: Any) -> list[bytes] | int:
        """Return the line of a session, as ``_core.SignedCookie.seal``: for layouts that keep the session in the cookie."""
        raise NotImplementedError

    def _line(self, value: bytes, expires_ms: int | None) -> bytes:
        return self._name + b"=" + value + self._head + self._date(expires_ms) + self._tail

    def _date(self, expires_ms: int | None) -> bytes:
        return b"" if expires_ms is None else b"; Expires=" + _core.http_date(expires_ms)

    def _removed(self) -> bytes:
        """Return the value of a removed cookie."""
        return b""

    def _sign(self, text: bytes) -> bytes:
        raise NotImplementedError

    def _verify(self, value: bytes) -> tuple[bytes, int] | None:
        """Return the signed text and the index of its key; ``None`` if the value does not verify."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}(<hidden>)"
