"""The common part of the cookie formats: read, write and remove the cookie of one name."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from .. import _core
from ..option_types import CookieOptions
from ..types import Envelope, Headers, Loaded, Miss
from .attributes import Attributes
from .inline_signed import InlineSignedCookie

_REMOVED_MS: Final = 1000
"""The Expires date of a removal, in milliseconds since 1970."""

Cookie: TypeAlias = _core.SignedCookie | _core.SealedCookie | InlineSignedCookie


class CookieFormat:
    """Read and write one cookie, ``name``; a subclass chooses how its value is protected."""

    def __init__(self, options: CookieOptions) -> None:
        self._options = options
        self._plain = {secure: Attributes.of(options, secure=secure) for secure in (False, True)}
        self._prepared = {secure: self._make(attributes) for secure, attributes in self._plain.items()}
        self.name = options.key.encode("ascii")
        # Other systems write Expires or Max-Age; our own layout writes both.
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
        """Return the cookie to write with. ``override``: the session's own attributes; ``None``: those of the options."""
        return self._prepared[secure] if override is None or override == self._plain[secure] else self._make(override)

    def write(self, cookie: Cookie, body: bytes, envelope: Envelope, has_expires: bool) -> list[bytes] | int:
        """Return a session's Set-Cookie lines, or only the size in octets if a line exceeds ``max_cookie_bytes``.

        ``has_expires``: the lines have Expires, and Max-Age in our own layout.
        """
        return (
            cookie.seal(body, *envelope, has_expires, self._now_ms()) if self._both else cookie.seal(body, *envelope, has_expires)
        )

    def lines(self, cookie: Cookie, value: bytes, expires_ms: int | None) -> list[bytes]:
        """Return the Set-Cookie lines of a value that is already encoded, such as an id."""
        return cookie.lines(value, expires_ms, self._now_ms()) if self._both else cookie.lines(value, expires_ms)

    def removal(self, cookie: Cookie, *, legacy: bool = False) -> list[bytes]:
        """Return the lines that remove a cookie.

        In our own layout the removal of the value comes last, for clients that carry out only the last removal of a response
        (curl 7.88), and its date is one second later, for clients that ignore the first second of 1970 (aiohttp 3.14).
        ``legacy``: the cookie is of an earlier configuration. The other system never removes it, so our own lines serve there too.
        """
        return cookie.lines(b"", _REMOVED_MS, _REMOVED_MS)[::-1] if self._both or legacy else cookie.lines(b"", 0)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

    def signature_removal(self, encrypted: bool) -> list[bytes]:
        """Return the lines that remove a signature that does not verify; none in formats without one. ``encrypted``: over https."""
        return []
