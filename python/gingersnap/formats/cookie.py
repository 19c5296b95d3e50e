"""What every layout shares that keeps a session in one cookie of its own."""

from collections.abc import Callable
from typing import Any, TypeAlias

from .. import _core
from ..cookies import Attributes
from ..options import SessionOptions
from ..types import Envelope, Headers, Loaded, Miss
from .single import SingleCookie

Cookie: TypeAlias = _core.SignedCookie | _core.SealedCookie | SingleCookie


class CookieFormat:
    """Read and write one cookie, ``name``; a layout says which kind it is."""

    def __init__(self, options: SessionOptions) -> None:
        self._options = options
        self._plain = {secure: Attributes.of(options, secure=secure) for secure in (False, True)}
        self._prepared = {secure: self._make(attributes) for secure, attributes in self._plain.items()}
        self.name = options.key.encode("ascii")
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

    def cookie(self, secure: bool, own: Attributes | None) -> Cookie:
        """Give the cookie to write with: for this connection, or with a session's own attributes where it has some."""
        return self._prepared[secure] if own is None or own == self._plain[secure] else self._make(own)

    def write(self, cookie: Cookie, body: bytes, envelope: Envelope, dated: bool) -> list[bytes] | int:
        """Write a session's Set-Cookie lines; the size alone of name and value where they pass ``max_cookie_bytes``.

        ``dated``: the lines say when the client is to forget them.
        """
        return cookie.seal(body, *envelope, dated)

    def signature_removal(self, encrypted: bool) -> list[bytes]:
        """Write what drops a signature that does not verify: nothing, where there is none. ``encrypted``: the connection is."""
        return []
