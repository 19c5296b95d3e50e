"""koa-session's cookie, and our own: base64 JSON with the dates in it, and a second cookie with a Keygrip signature."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

from .. import _core
from ..cookies.attributes import Attributes
from ..cookies.format import Cookie, CookieFormat
from ..option_types import OptionValues
from ..types import Envelope, Headers, Loaded, Miss
from .dialect import Dialect, DialectOptions

DIALECT: Final = Dialect(
    system="Koa",
    plain_json=False,
    id_octets=None,
    expiry_in_record=True,
    has_metadata=True,
    # The store outlives the cookie, so that a live cookie never finds its record gone.
    grace_ms=10_000,
    reserved=frozenset(
        {
            *("isNew", "maxAge", "length", "populated", "externalKey", "toJSON"),
            *("save", "regenerate", "manuallyCommit", "commit"),
            # The envelope, and where a Session of koa-session 5 to 7 keeps itself: what stood there would break it.
            *("_expire", "_maxAge", "_session", "_created", "_owner", "__proto__"),
            *("_requireSave", "_ctx", "_sessCtx", "_externalKey"),
        }
    ),
)

DEFAULTS: Final[OptionValues] = {
    "max_age": None,
    "algorithm": "sha1",
    "same_site": None,
    "duplicates": "first",
    "keep_empty": True,
    "lazy_rolling": True,
    "drop_bad_signature": True,
    "cache_headers": False,
    "commit_on_error": True,
}
"""The preset's defaults; docs/differences.md gives the reasons."""


Encode: TypeAlias = Callable[[dict[str, Any]], str]
Decode: TypeAlias = Callable[[str], dict[str, Any]]

# RFC 6265 section 4.1.1, cookie-octet, and the other octets that `cookies` accepts.
_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]+")


class KoaFormat(CookieFormat):
    """Read and write one signed cookie, ``name``."""

    _options: DialectOptions

    def __init__(self, options: DialectOptions) -> None:
        # With external_key there is no cookie and no key to sign with.
        signed = options.signed and options.external_key is None
        self._keygrip = _core.Keygrip([*options.keys], options.algorithm) if signed else None
        super().__init__(options)
        # The options are checked: decode is given only together with encode.
        if options.decode is not None:
            self.load = partial(self._load_custom, options.decode)

    def _make(self, attributes: Attributes) -> Cookie:
        return _core.SignedCookie(self._options.key, self._keygrip, attributes.head(), attributes.tail(), **self._limits)

    def _load_custom(self, decode: Decode, headers: Headers, into: dict[str, Any], _now_ms: int) -> Loaded | Miss | None:
        """Verify, then decode by the application's function; ``corrupt`` if that function fails."""
        found = self._prepared[False].read(headers)
        if found is None or isinstance(found, str):
            return found
        try:
            data = decode(found[0].decode("utf-8"))
            if not isinstance(data, dict):
                return "corrupt"
            data = dict(data)
            expire, max_age, browser_session, created, owner = [data.pop(name, None) for name in _core.RESERVED]
            body = _core.dumps(data)
        except Exception:
            return "corrupt"
        # Not by the session's methods: filling it is no access by the application.
        dict.update(into, data)
        return body, found[1], False, expire, max_age, browser_session, created, owner

    def write(self, cookie: Cookie, body: bytes, envelope: Envelope, has_expires: bool) -> list[bytes] | int:
        """Return a session's Set-Cookie lines, or only the size in octets if a line exceeds ``max_cookie_bytes``."""
        if self._options.encode is None:
            return super().write(cookie, body, envelope, has_expires)
        expire_ms, max_age_ms, created_ms, owner = envelope
        members = (expire_ms, max_age_ms, True if expire_ms is None else None, created_ms, owner)
        value = self._encoded(self._options.encode, body, members)
        return self._bounded(cookie, value, expire_ms if has_expires else None)

    def _bounded(self, cookie: Cookie, value: bytes, expires_ms: int | None) -> list[bytes] | int:
        """Return the lines of a value, or only the size if the longest line is too long.

        A client that limits a whole line (RFC 6265 section 6.1) would keep the old value with the new signature.
        """
        lines = self.lines(cookie, value, expires_ms)
        return lines if len(lines[0]) <= self._options.max_cookie_bytes else len(lines[0])

    def _encoded(self, encode: Encode, body: bytes, members: tuple[object, ...]) -> bytes:
        """Return a cookie value, encoded by the application's function."""
        data: dict[str, Any] = _core.loads(body) or {}
        data.update({name: member for name, member in zip(_core.RESERVED, members, strict=True) if member is not None})
        value = encode(data)
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            raise ValueError(f"encode: its {type(value).__name__} is no cookie value; return ASCII without blanks, ';' or '\"'")
        return value.encode("ascii")

    def signature_removal(self, encrypted: bool) -> list[bytes]:
        """Return the line with which `cookies` removes a signature that does not verify."""
        # koa: this line is Secure if the connection is, whatever the option says.
        tail = b"; secure; httponly" if encrypted else b"; httponly"
        plain = _core.SignedCookie(f"{self._options.key}.sig", None, b"; path=/", tail)
        return plain.lines(b"", 0)
