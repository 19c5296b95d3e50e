"""cookie-session's cookie: base64 JSON without a date, and a second cookie with a signature. Source: cookie-session ``encode``."""

import base64
from typing import Any, Final

from .. import _core
from ..cookies.format import Cookie
from ..option_types import OptionValues
from ..types import Envelope, Headers, Loaded, Miss
from .dialect import OBJECT_MEMBERS, Dialect, DialectOptions
from .koa import KoaFormat
from .record import take

DIALECT: Final = Dialect(
    system="cookie-session",
    has_expiry=False,
    store=False,
    reserved=frozenset({"_ctx", "isNew", "isChanged", "isPopulated", *OBJECT_MEMBERS}),
)

DEFAULTS: Final[OptionValues] = {
    "key": "session",
    "max_age": "session",
    "algorithm": "sha1",
    "same_site": None,
    "duplicates": "first",
    "keep_empty": True,
    "lazy_rolling": True,
    "drop_bad_signature": True,
    "cache_headers": False,
}
"""The preset's defaults; docs/differences.md gives the reasons."""


class CookieSessionFormat(KoaFormat):
    """Read and write one signed cookie without an expiry: a copy of it stays valid until the key is removed."""

    def __init__(self, options: DialectOptions) -> None:
        super().__init__(options)
        self.load = self._load

    def _load(self, headers: Headers, into: dict[str, Any], _now_ms: int) -> Loaded | Miss | None:
        """Verify, decode and fill ``into``."""
        found = self.read(headers)
        if found is None or isinstance(found, str):
            return found
        body = take(_core.decode(found[0]), into, self._options.dialect)
        return "corrupt" if body is None else (body, found[1], True, None, None, None, None, None)

    def write(self, cookie: Cookie, body: bytes, envelope: Envelope, has_expires: bool) -> list[bytes] | int:
        """Return a session's Set-Cookie lines, or only the size in octets if a line exceeds ``max_cookie_bytes``."""
        return self._bounded(cookie, base64.b64encode(body), envelope[0] if has_expires else None)
