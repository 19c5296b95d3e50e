"""What every layout shares that keeps a session in one cookie of its own."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from .. import _core
from ..option_types import CookieOptions
from ..types import Envelope, Headers, Loaded, Miss
from .attributes import Attributes
from .inline_signed import InlineSignedCookie

_REMOVED_MS: Final = 1000
"""The date of a cookie that is removed, in milliseconds since 1970."""

Cookie: TypeAlias = _core.SignedCookie | _core.SealedCookie | InlineSignedCookie


class CookieFormat:
    """Read and write one cookie, ``name``; a layout says which kind it is."""

    def __init__(self, options: CookieOptions) -> None:
        self._options = options
        self._plain = {secure: Attributes.of(options, secure=secure) for secure in (False, True)}
        self._prepared = {secure: self._make(attributes) for secure, attributes in self._plain.items()}
        self.name = options.key.encode("ascii")
        # Other systems write a date or a lifetime: ours, both.
        self._both = options.preset is None
        self._clock = options.clock
        self.load: Callable[[Headers, dict[str, Any], int], Loaded | Miss | None] = self._prepared[False].load
        self.read = self._prepared[False].read

    def _make(self, attributes: Attributes) -> Cookie:
        """Make the cookie with these attributes."""
        raise NotImplementedError

    @property
    def _limits(self) -> dict[str, Any]:
        options = self._options
        return {
            "max_octets": options.max_cookie_bytes,
            "header_limit": options.max_header_bytes,
            "first_only": options.duplicates == "first",
        }

    def cookie(self, secure: bool, override: Attributes | None) -> Cookie:
        """Give the cookie to write with: for this connection, or with a session's own attributes where it has some."""
        return self._prepared[secure] if override is None or override == self._plain[secure] else self._make(override)

    def write(self, cookie: Cookie, body: bytes, envelope: Envelope, has_expires: bool) -> list[bytes] | int:
        """Write a session's Set-Cookie lines; the size alone where a line passes ``max_cookie_bytes``.

        ``has_expires``: the lines have Expires, and Max-Age in our own layout.
        """
        return (
            cookie.seal(body, *envelope, has_expires, self._now_ms()) if self._both else cookie.seal(body, *envelope, has_expires)
        )

    def lines(self, cookie: Cookie, value: bytes, expires_ms: int | None) -> list[bytes]:
        """Write the Set-Cookie lines of a value that is encoded already, such as an id."""
        return cookie.lines(value, expires_ms, self._now_ms()) if self._both else cookie.lines(value, expires_ms)

    def removal(self, cookie: Cookie) -> list[bytes]:
        """Write the lines that remove a cookie.

        Ours: a client that carries out only the last removal of a response (curl 7.88) is left without the value, and one that
        takes the first second of 1970 for no date (aiohttp 3.14) is told another.
        """
        return cookie.lines(b"", _REMOVED_MS, _REMOVED_MS)[::-1] if self._both else cookie.lines(b"", 0)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

    def signature_removal(self, encrypted: bool) -> list[bytes]:
        """Write what drops a signature that does not verify: nothing, where there is none. ``encrypted``: the connection is."""
        return []
