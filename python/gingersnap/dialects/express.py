"""express-session's cookie: ``s:``, the id, and its HMAC-SHA256. Source: express-session ``setcookie``, ``getcookie``."""

import math
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from .. import _core
from ..cookies.attributes import Attributes
from ..cookies.format import Cookie, CookieFormat
from ..cookies.inline_signed import InlineSignedCookie
from ..option_types import OptionValues
from .connect_record import ConnectRecord
from .dialect import OBJECT_MEMBERS, Dialect, DialectOptions
from .record import Dates, RecordCookie

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


DIALECT: Final = Dialect(
    system="express-session",
    algorithm="sha256",
    store=True,
    # The cookie percent-encodes it. Stores cannot hold a NUL, and other control characters do harm in logs and terminals.
    id_shape="[^\\x00-\\x1f\\x7f\\ud800-\\udfff]{1,1024}",
    stores_cookie=True,
    always_sends_cookie=False,
    touches_on_read=True,
    clears_cookie="never",
    reserved=frozenset(
        {"cookie", "id", "req", "touch", "resetMaxAge", "save", "reload", "destroy", "regenerate", *OBJECT_MEMBERS},
    ),
)

DEFAULTS: Final[OptionValues] = {
    "key": "connect.sid",
    "max_age": "session",
    "secure": False,
    "same_site": None,
    "duplicates": "first",
    "keep_empty": True,
    "cache_headers": False,
    "commit_on_error": True,
    "resave": True,
    "allow_empty": True,
    "unset": "keep",
    "match_path": True,
}
"""The preset's defaults; docs/differences.md gives the reasons."""


# Base64 without padding of 32 octets, as `cookie-signature` writes it.
_DIGEST = re.compile(rb"[A-Za-z0-9+/]{43}")
_URL = bytes.maketrans(b"+/", b"-_")
_STANDARD = bytes.maketrans(b"-_", b"+/")
# The characters that JavaScript's encodeURIComponent does not encode, in addition to letters and digits.
_UNRESERVED = "-_.!~*'()"


class ExpressCookie(InlineSignedCookie):
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
    """Read and write the cookie with the id of a session in a store."""

    def __init__(self, options: DialectOptions) -> None:
        # With external_key there is no cookie and no key to sign with.
        self._keygrip = _core.Keygrip([*options.keys] or [secrets.token_bytes(32)], options.algorithm)
        super().__init__(options)

    def _make(self, attributes: Attributes) -> Cookie:
        return ExpressCookie(self._options, self._keygrip, _head(attributes), _tail(attributes))


def _head(attributes: Attributes) -> bytes:
    """Return the attributes before Expires, in the order of ``cookie``."""
    domain = f"; Domain={attributes.domain}" if attributes.domain else ""
    return f"{domain}; Path={attributes.path}".encode("ascii")


def _tail(attributes: Attributes) -> bytes:
    """Return the attributes after Expires, in the order of ``cookie``."""
    parts = [
        "HttpOnly" if attributes.http_only else "",
        "Secure" if attributes.secure else "",
        "Partitioned" if attributes.partitioned else "",
        f"Priority={attributes.priority.title()}" if attributes.priority else "",
        f"SameSite={attributes.same_site.title()}" if attributes.same_site else "",
    ]
    return "".join(f"; {part}" for part in parts if part).encode("ascii")


class ExpressRecord(ConnectRecord):
    """Source: express-session ``Cookie.data``, ``Store.createSession``; connect-redis ``getTTL``."""

    life = "originalMaxAge"
    _ORDER: Final = ("originalMaxAge", "partitioned", "priority", "expires", "secure", "httpOnly", "domain", "path", "sameSite")

    def attributes(self, record_cookie: RecordCookie, secure: bool) -> Attributes:
        """Return the cookie attributes of a record; a record that does not say so is not Secure."""
        return super().attributes(record_cookie, False)

    def new_cookie(self, secure: bool) -> RecordCookie:
        """Return the cookie attributes for a new session's record."""
        return {"httpOnly": True, "path": "/", **self._given(secure)}

    def _with_dates(self, record_cookie: RecordCookie, dates: Dates) -> RecordCookie:
        end = dates.expire_ms
        members = {"originalMaxAge": dates.life_ms, "expires": None if end is None else _iso(end)}
        record_cookie = {
            **record_cookie,
            **{name: said for name, said in members.items() if said is not None or record_cookie.get(name) is not False},
        }
        return {name: record_cookie[name] for name in self._ORDER if name in record_cookie}

    def ttl_ms(self, body: bytes, dates: Dates, now_ms: int) -> int | None:
        """Return how long the store keeps a record, in milliseconds: as long as the cookie, in whole seconds; else ``ttl``.

        ``None``: a day.
        """
        if dates.expire_ms is not None:
            return math.ceil(max(1, dates.expire_ms - now_ms) / 1000) * 1000
        return self._asked_ms(body)


def _iso(at_ms: int) -> str:
    """Return a date as JavaScript's ``toISOString`` does; the years 1970 to 9999."""
    at = _EPOCH + timedelta(milliseconds=min(at_ms, 253_402_300_799_999))
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"
