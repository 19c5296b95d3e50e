"""Starlette's cookie: base64 JSON with the time at which it was signed. Source: starlette ``SessionMiddleware``, itsdangerous."""

import base64
import binascii
import hashlib
import json
import re
from typing import Any, Final

from .. import _core
from ..cookies.attributes import Attributes
from ..cookies.format import Cookie, CookieFormat
from ..cookies.inline_signed import InlineSignedCookie
from ..option_types import OptionValues
from ..types import Headers, Loaded, Miss
from .dialect import Dialect, DialectOptions
from .record import take

DIALECT: Final = Dialect(system="Starlette", algorithm="sha1", store=False, guards_caches=True)

DEFAULTS: Final[OptionValues] = {
    "key": "session",
    "max_age": 14 * 86_400,
    "algorithm": "sha1",
    "secure": False,
}
"""The preset's defaults; docs/differences.md gives the reasons."""


# itsdangerous: the time in seconds since 1970, big-endian without leading zeros, in base64url without padding.
_SIGNED = re.compile(rb"([A-Za-z0-9+/]*={0,2})\.([A-Za-z0-9_-]{1,8})")
_SKEW_S = 60
"""How far the clock of another server may be ahead, in seconds."""


class StarletteCookie(InlineSignedCookie):
    """A signed session with the time of signing: ``value.time.signature``."""

    def __init__(self, options: DialectOptions, keygrip: _core.Keygrip, head: bytes, tail: bytes) -> None:
        super().__init__(options, keygrip, head, tail)
        self._dialect = options.dialect
        self._life_ms = options.max_age_ms
        self._clock = options.clock

    def load(self, headers: Headers, into: dict[str, Any], now_ms: int) -> Loaded | Miss | None:
        """Verify, decode and fill ``into``; the expiry follows from the time of signing."""
        found = self.read(headers)
        if found is None or isinstance(found, str):
            return found
        value, _, stamp = found[0].partition(b".")
        signed_s = _seconds(stamp)
        if signed_s is None or signed_s > now_ms // 1000 + _SKEW_S:
            return "corrupt"
        body, life_ms = take(_data(value), into, self._dialect), self._life_ms
        if body is None:
            return "corrupt"
        # The session lives to the end of its last second.
        expire_ms = None if life_ms is None else signed_s * 1000 + life_ms + 999
        return body, found[1], expire_ms is None or now_ms <= expire_ms, expire_ms, life_ms, None, None, None

    def seal(self, body: bytes, *envelope: Any) -> list[bytes] | int:
        """Return the line of a session, with the JSON that Python's ``json`` writes."""
        expire_ms, max_age_ms, *_ = envelope
        text = base64.b64encode(json.dumps(_core.loads(body) or {}).encode("ascii"))
        now_s = int(self._clock())
        if expire_ms is not None and self._life_ms is not None:
            # A session that ends earlier than a full lifetime from now was signed earlier; none was signed later than now.
            now_s = max(1, min(now_s, (expire_ms - self._life_ms) // 1000))
        stamp = base64.urlsafe_b64encode(now_s.to_bytes((now_s.bit_length() + 7) // 8, "big")).rstrip(b"=")
        value = self._sign(text + b"." + stamp)
        size = len(self._name) + len(value)
        return size if size > self._max_octets else [self._line(value, max_age_ms)]

    def _sign(self, text: bytes) -> bytes:
        return text + b"." + self._keygrip.sign(text).encode("ascii")

    def _verify(self, value: bytes) -> tuple[bytes, int] | None:
        text, dot, digest = value.rpartition(b".")
        if not dot or not _SIGNED.fullmatch(text):
            return None
        index = self._keygrip.index(text, digest)
        return None if index is None else (text, index)

    def _date(self, life_ms: int | None) -> bytes:
        if life_ms is None:
            return b""
        return b"; Max-Age=%d" % (life_ms // 1000) if life_ms else b"; expires=Thu, 01 Jan 1970 00:00:00 GMT"

    def _removed(self) -> bytes:
        return b"null"


class StarletteFormat(CookieFormat):
    """Read and write one signed cookie, as ``starlette.middleware.sessions`` does."""

    _options: DialectOptions

    def __init__(self, options: DialectOptions) -> None:
        keys = [hashlib.sha1(b"itsdangerous.Signersigner" + key, usedforsecurity=False).digest() for key in options.keys]
        self._keygrip = _core.Keygrip(keys, options.algorithm)
        super().__init__(options)

    def _make(self, attributes: Attributes) -> Cookie:
        return StarletteCookie(self._options, self._keygrip, _head(attributes), _tail(attributes))


def _seconds(stamp: bytes) -> int | None:
    try:
        return int.from_bytes(base64.urlsafe_b64decode(stamp + b"=" * (-len(stamp) % 4)), "big")
    except binascii.Error:
        return None


def _data(value: bytes) -> dict[str, Any] | None:
    try:
        return _core.loads(base64.b64decode(value, validate=True))
    except binascii.Error:
        return None


def _head(attributes: Attributes) -> bytes:
    """Return the attributes before Max-Age, in Starlette's order."""
    return f"; path={attributes.path}".encode("ascii")


def _tail(attributes: Attributes) -> bytes:
    """Return the attributes after Max-Age, in Starlette's order."""
    parts = [
        "httponly" if attributes.http_only else "",
        f"samesite={attributes.same_site}" if attributes.same_site else "",
        "secure" if attributes.secure else "",
        f"domain={attributes.domain}" if attributes.domain else "",
        "partitioned" if attributes.partitioned else "",
        # Starlette has no priority; it comes last, so that the other attributes keep Starlette's order.
        f"priority={attributes.priority}" if attributes.priority else "",
    ]
    return "".join(f"; {part}" for part in parts if part).encode("ascii")
