"""koa-session's layout, and our own: base64 JSON with its dates inside, and a Keygrip signature beside it."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from .. import _core
from ..cookies import Attributes
from ..errors import CookieTooLarge
from ..options import SessionOptions
from ..types import Headers, Loaded, Miss

Encode: TypeAlias = Callable[[dict[str, Any]], str]
Decode: TypeAlias = Callable[[str], dict[str, Any]]

# RFC 6265 section 4.1.1, cookie-octet, with the octets that `cookies` lets through beside.
_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]+")


class KoaFormat:
    """Read and write one signed cookie. ``names`` are the starts of the lines that it writes."""

    def __init__(self, options: SessionOptions) -> None:
        self._options = options
        self._keygrip = _core.Keygrip([*options.keys], options.algorithm) if options.signed else None
        self._prepared = {secure: self._cookie(Attributes.of(options, secure=secure)) for secure in (False, True)}
        name = options.key.encode("ascii")
        self.names = (name + b"=", name + b".sig=")
        # The application's own codec, where it has one, stands in for both halves: options sees to that.
        self.load = self._prepared[False].load if options.decode is None else partial(self._load_custom, options.decode)

    def _cookie(self, attributes: Attributes) -> _core.SignedCookie:
        return _core.SignedCookie(
            self._options.key,
            self._keygrip,
            attributes.head(),
            attributes.tail(),
            max_octets=self._options.max_cookie_bytes,
            header_limit=self._options.max_header_bytes,
            first_only=self._options.duplicates == "first",
        )

    def _load_custom(self, decode: Decode, headers: Headers, into: dict[str, Any]) -> Loaded | Miss | None:
        """Verify here, decode by the application's own function: whatever goes wrong there, the cookie is no session."""
        found = self._prepared[False].read(headers)
        if found is None or isinstance(found, str):
            return found
        try:
            data = decode(found[0].decode("utf-8"))
            if not isinstance(data, dict):
                return "corrupt"
            data = dict(data)
            expire, max_age, lasts, created, owner = [data.pop(name, None) for name in _core.RESERVED]
            body = _core.dumps(data)
        except Exception:
            return "corrupt"
        into.update(data)
        return body, found[1], expire, max_age, lasts, created, owner

    def lines(
        self,
        body: bytes,
        expire_ms: int | None,
        max_age_ms: int | None,
        created_ms: int | None,
        owner: str | None,
        dated: bool,
        *,
        secure: bool,
        own: Attributes | None,
    ) -> list[bytes]:
        """Write a session's Set-Cookie lines. ``own`` are this session's attributes where it has some.

        Raises: CookieTooLarge where name and value pass ``max_cookie_bytes``.
        """
        cookie = self._prepared[secure] if own is None else self._cookie(own)
        if self._options.encode is not None:
            members = (expire_ms, max_age_ms, True if expire_ms is None else None, created_ms, owner)
            value = self._encoded(self._options.encode, body, members)
            return cookie.lines(value, expire_ms if dated else None)
        lines = cookie.seal(body, expire_ms, max_age_ms, created_ms, owner, dated)
        if isinstance(lines, int):
            raise self._too_large(lines, body)
        return lines

    def _encoded(self, encode: Encode, body: bytes, members: tuple[object, ...]) -> bytes:
        """Write a cookie value by the application's own function."""
        data: dict[str, Any] = _core.loads(body) or {}
        data.update({name: member for name, member in zip(_core.RESERVED, members, strict=True) if member is not None})
        value = encode(data)
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            raise ValueError(f"encode: its {type(value).__name__} is no cookie value; return ASCII without blanks, ';' or '\"'")
        size = len(self._options.key) + len(value)
        if size > self._options.max_cookie_bytes:
            raise self._too_large(size, body)
        return value.encode("ascii")

    def removal(self, *, secure: bool, own: Attributes | None) -> list[bytes]:
        """Write the lines that remove the cookie: the same attributes, no value, a date in 1970."""
        cookie = self._prepared[secure] if own is None else self._cookie(own)
        return cookie.lines(b"", 0)

    def signature_removal(self) -> list[bytes]:
        """Write the line by which `cookies` drops a signature that does not verify."""
        plain = _core.SignedCookie(f"{self._options.key}.sig", None, b"; path=/", b"; httponly")
        return plain.lines(b"", 0)

    def _too_large(self, size: int, body: bytes) -> CookieTooLarge:
        data: dict[str, Any] = _core.loads(body) or {}
        sizes = [(key, len(_core.dumps({key: value})) - 2) for key, value in data.items()]
        largest = sorted(sizes, key=lambda pair: -pair[1])[:3]
        return CookieTooLarge(size, self._options.max_cookie_bytes, largest)
