"""Read Cookie headers and write Set-Cookie lines, as ``rust/cookie.rs``, ``rust/py_cookie.rs`` and ``rust/py_signed.rs`` do."""

from email.utils import formatdate
from typing import Any

from ..types import Headers, Loaded, Miss
from .codec import base64_decode, base64_encode
from .envelope import add_envelope, split_envelope
from .json import dumps
from .keygrip import Keygrip

# Must match rust/cookie.rs.
MAX_CANDIDATES = 4
LAST_SECOND = 253_402_300_799
# 400 days (RFC 6265bis section 5.5).
LONGEST_S = 34_560_000


def within(header: bytes, limit: int) -> bytes:
    """Return at most ``limit`` octets of a Cookie header, cut before the pair that would exceed it."""
    return header if len(header) <= limit else header[: max(header.rfind(b";", 0, limit + 1), 0)]


def _check_name(name: bytes) -> None:
    if not name or not all(0x21 <= octet <= 0x7E and octet not in b"=;" for octet in name):
        raise ValueError("a cookie's name is visible ASCII without '=' and ';'")


def find(header: bytes, name: bytes) -> tuple[list[bytes], list[bytes]]:
    """Return the non-empty values of ``name`` and of its signature, at most four of each, in their order."""
    _check_name(name)
    found: dict[bytes, list[bytes]] = {name: [], name + b".sig": []}
    for pair in header.split(b";"):
        label, equals, value = pair.partition(b"=")
        into = found.get(label.strip(b" \t"))
        value = _unquote(value.strip(b" \t"))
        if equals and into is not None and value and len(into) < MAX_CANDIDATES:
            into.append(value)
    return found[name], found[name + b".sig"]


def _unquote(value: bytes) -> bytes:
    return value[1:-1] if value.startswith(b'"') else value


def http_date(at_ms: int) -> bytes:
    """Write an HTTP date (RFC 9110 section 5.6.7), cut to the years 1970 to 9999."""
    return formatdate(min(max(at_ms // 1000, 0), LAST_SECOND), usegmt=True).encode("ascii")


def _age(expires_ms: int, now_ms: int) -> bytes:
    """Return Max-Age: the seconds that a cookie has left; at least 1 for a cookie that still lives, since 0 removes it."""
    left_ms = expires_ms - now_ms
    return b"; max-age=%d" % (0 if left_ms <= 0 else min(max(left_ms // 1000, 1), LONGEST_S))


class Cookie:
    """One cookie and its attributes; a subclass protects its value."""

    def __init__(
        self,
        name: str,
        head: bytes,
        tail: bytes,
        *,
        max_octets: int = 4096,
        header_limit: int = 16_384,
        first_only: bool = False,
    ) -> None:
        self._name = name.encode("utf-8")
        _check_name(self._name)
        self._head = head
        self._tail = tail
        self._max_octets = max_octets
        self._header_limit = header_limit
        self._limit = 1 if first_only else MAX_CANDIDATES

    def read(self, headers: Headers) -> tuple[bytes, int] | Miss | None:
        """Return the one value that verifies, and the index of its key."""
        header = b"; ".join([value for name, value in headers if name == b"cookie"])
        values, digests = find(within(header, self._header_limit), self._name)
        return self._believed(values[: self._limit], digests[: self._limit]) if values else None

    def _believed(self, values: list[bytes], digests: list[bytes]) -> tuple[bytes, int] | Miss:
        found = {value: verified for value in values if (verified := self._verify(value, digests)) is not None}
        if len(found) != 1:
            return "duplicate" if found else "tampered"
        return found.popitem()[1]

    def _verify(self, value: bytes, digests: list[bytes]) -> tuple[bytes, int] | None:
        """Return the result of ``read`` for one value; ``None`` if it does not verify."""
        raise NotImplementedError

    def _text(self, value: bytes) -> bytes | None:
        """Convert a value from ``read`` to JSON text."""
        return value

    def load(self, headers: Headers, into: dict[str, Any], now_ms: int) -> Loaded | Miss | None:
        """Verify, decode and fill ``into`` with the data."""
        found = self.read(headers)
        if found is None or isinstance(found, str):
            return found
        text = self._text(found[0])
        opened = "corrupt" if text is None else split_envelope(text, into, now_ms)
        return opened if isinstance(opened, str) else (opened[0], found[1], *opened[2:])

    def dump(
        self,
        data: dict[str, Any],
        expire_ms: int | None,
        max_age_ms: int | None,
        created_ms: int | None,
        owner: str | None,
        has_expires: bool,
        now_ms: int | None = None,
    ) -> list[bytes] | int:
        """Encode and protect the data; return the finished lines."""
        return self.seal(dumps(data), expire_ms, max_age_ms, created_ms, owner, has_expires, now_ms)

    def seal(
        self,
        body: bytes,
        expire_ms: int | None,
        max_age_ms: int | None,
        created_ms: int | None,
        owner: str | None,
        has_expires: bool,
        now_ms: int | None = None,
    ) -> list[bytes] | int:
        """Protect a body that is already encoded; return the lines, or only the size if a line is too long."""
        value = self._value(add_envelope(body, expire_ms, max_age_ms, created_ms, owner))
        lines = self.lines(value, expire_ms if has_expires else None, now_ms)
        return lines if len(lines[0]) <= self._max_octets else len(lines[0])

    def _value(self, text: bytes) -> bytes:
        """Convert JSON text to a cookie value."""
        raise NotImplementedError

    def lines(self, value: bytes, expires_ms: int | None, now_ms: int | None = None) -> list[bytes]:
        """Return the line of a value as it is."""
        return [self._name + b"=" + value + self._attributes(expires_ms, now_ms)]

    def _attributes(self, expires_ms: int | None, now_ms: int | None) -> bytes:
        date = b"" if expires_ms is None else b"; expires=" + http_date(expires_ms)
        age = b"" if expires_ms is None or now_ms is None else _age(expires_ms, now_ms)
        return self._head + date + age + self._tail

    def __repr__(self) -> str:
        return f"{type(self).__name__}(<hidden>)"


class SignedCookie(Cookie):
    """One cookie, its signature and its attributes."""

    def __init__(self, name: str, keygrip: Keygrip | None, head: bytes, tail: bytes, **limits: Any) -> None:
        super().__init__(name, head, tail, **limits)
        self._keygrip = keygrip

    def _believed(self, values: list[bytes], digests: list[bytes]) -> tuple[bytes, int] | Miss:
        return super()._believed(values, digests) if digests or self._keygrip is None else "unsigned"

    def _verify(self, value: bytes, digests: list[bytes]) -> tuple[bytes, int] | None:
        index = 0 if self._keygrip is None else self._keygrip.find(self._name + b"=" + value, digests)
        return None if index is None else (value, index)

    def _text(self, value: bytes) -> bytes | None:
        return base64_decode(value)

    def _value(self, text: bytes) -> bytes:
        return base64_encode(text)

    def lines(self, value: bytes, expires_ms: int | None, now_ms: int | None = None) -> list[bytes]:
        """Return the lines of a value and of its signature."""
        lines = super().lines(value, expires_ms, now_ms)
        if self._keygrip is None:
            return lines
        digest = self._keygrip.sign(self._name + b"=" + value).encode("ascii")
        return [*lines, self._name + b".sig=" + digest + self._attributes(expires_ms, now_ms)]
