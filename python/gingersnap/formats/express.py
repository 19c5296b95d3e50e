"""express-session's cookie: ``s:``, the id, and its HMAC-SHA256. Source: express-session ``setcookie``, ``getcookie``."""

import re
import secrets
from urllib.parse import quote, unquote_to_bytes

from .. import _core
from ..cookies import Attributes
from ..options import SessionOptions
from .cookie import Cookie, CookieFormat
from .single import SingleCookie

# Base64 without padding of 32 octets, as `cookie-signature` writes it.
_DIGEST = re.compile(rb"[A-Za-z0-9+/]{43}")
_URL = bytes.maketrans(b"+/", b"-_")
_STANDARD = bytes.maketrans(b"-_", b"+/")
# What JavaScript's encodeURIComponent leaves as it is, beside letters and digits.
_UNRESERVED = "-_.!~*'()"


class ExpressCookie(SingleCookie):
    """A signed id."""

    def _sign(self, text: bytes) -> bytes:
        digest = self._keygrip.sign(text).encode("ascii").translate(_STANDARD)
        return quote(b"s:" + text + b"." + digest, safe=_UNRESERVED).encode("ascii")

    def _verify(self, value: bytes) -> tuple[bytes, int] | None:
        plain = unquote_to_bytes(value)
        id, dot, digest = plain[2:].rpartition(b".")
        if not plain.startswith(b"s:") or not dot or not id or not _DIGEST.fullmatch(digest):
            return None
        index = self._keygrip.index(id, digest.translate(_URL))
        return None if index is None else (id, index)


class ExpressFormat(CookieFormat):
    """Read and write the id of a session that lives in a store."""

    def __init__(self, options: SessionOptions) -> None:
        # An id that the application carries is in no cookie, and needs no keys.
        self._keygrip = _core.Keygrip([*options.keys] or [secrets.token_bytes(32)], options.algorithm)
        super().__init__(options)

    def _make(self, attributes: Attributes) -> Cookie:
        return ExpressCookie(self._options, self._keygrip, _head(attributes), _tail(attributes))


def _head(attributes: Attributes) -> bytes:
    """Write what comes before the date, in the order of ``cookie``."""
    domain = f"; Domain={attributes.domain}" if attributes.domain else ""
    return f"{domain}; Path={attributes.path}".encode("ascii")


def _tail(attributes: Attributes) -> bytes:
    """Write what comes after the date, in the order of ``cookie``."""
    parts = [
        "HttpOnly" if attributes.http_only else "",
        "Secure" if attributes.secure else "",
        "Partitioned" if attributes.partitioned else "",
        f"Priority={attributes.priority.title()}" if attributes.priority else "",
        f"SameSite={attributes.same_site.title()}" if attributes.same_site else "",
    ]
    return "".join(f"; {part}" for part in parts if part).encode("ascii")
