"""Cookie octets in, Set-Cookie lines out, as ``rust/cookie.rs`` and the ``SignedCookie`` of ``rust/py.rs``."""

from email.utils import formatdate
from typing import Any

from ..errors import SessionTooLarge
from ..types import Headers, Loaded, Miss
from .codec import armour, disarm
from .envelope import disclose, enclose
from .json import dumps
from .keygrip import Keygrip

# Must match rust/cookie.rs.
MAX_CANDIDATES = 4
LAST_SECOND = 253_402_300_799
LARGEST_MS = 2**53


def within(header: bytes, limit: int) -> bytes:
    """Keep what may be examined: at most ``limit`` octets, cut before the pair that would pass it."""
    return header if len(header) <= limit else header[: max(header.rfind(b";", 0, limit + 1), 0)]


def _check_name(name: bytes) -> None:
    if not name or not all(0x21 <= octet <= 0x7E and octet not in b"=;" for octet in name):
        raise ValueError("a cookie's name is visible ASCII without '=' and ';'")


def find(header: bytes, name: bytes) -> tuple[list[bytes], list[bytes]]:
    """Find the non-empty values of ``name`` and of its signature, at most four of each, in their order."""
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


def _is_fresh(expire: Any, max_age: Any, now_ms: int) -> bool:
    return type(expire) is type(max_age) is int and now_ms <= expire <= now_ms + max_age <= LARGEST_MS


class SignedCookie:
    """One cookie, its signature and its attributes."""

    def __init__(
        self,
        name: str,
        keygrip: Keygrip | None,
        head: bytes,
        tail: bytes,
        *,
        max_octets: int = 4096,
        header_limit: int = 16_384,
        first_only: bool = False,
    ) -> None:
        self._name = name.encode("utf-8")
        _check_name(self._name)
        self._keygrip = keygrip
        self._head = head
        self._tail = tail
        self._max_octets = max_octets
        self._header_limit = header_limit
        self._limit = 1 if first_only else MAX_CANDIDATES

    def read(self, headers: Headers) -> tuple[bytes, int] | Miss | None:
        """Find the one value that is to be believed, and which key signed it."""
        header = b"; ".join([value for name, value in headers if name == b"cookie"])
        values, digests = find(within(header, self._header_limit), self._name)
        if not values:
            return None
        if not digests and self._keygrip is not None:
            return "unsigned"
        found = {}
        for value in values[: self._limit]:
            index = self._index(value, digests[: self._limit])
            if index is not None:
                found[value] = index
        if len(found) != 1:
            return "duplicate" if found else "tampered"
        return found.popitem()

    def _index(self, value: bytes, digests: list[bytes]) -> int | None:
        if self._keygrip is None:
            return 0
        return self._keygrip.find(self._name + b"=" + value, digests)

    def load(self, headers: Headers, into: dict[str, Any], now_ms: int) -> Loaded | Miss | None:
        """Verify and decode: headers in, dict filled."""
        found = self.read(headers)
        if found is None or isinstance(found, str):
            return found
        text = disarm(found[0])
        opened = None if text is None else disclose(text)
        if opened is None:
            return "corrupt"
        data, (expire, max_age, session, created, owner) = opened
        try:
            body = dumps(data)
        except SessionTooLarge:
            # It fitted as it was spelled, but not in our own spelling.
            return "corrupt"
        dict.update(into, data)
        return body, found[1], _is_fresh(expire, max_age, now_ms), expire, max_age, session, created, owner

    def dump(
        self,
        data: dict[str, Any],
        expire_ms: int | None,
        max_age_ms: int | None,
        created_ms: int | None,
        owner: str | None,
        dated: bool,
    ) -> list[bytes] | int:
        """Encode and sign: dict in, finished lines out."""
        return self.seal(dumps(data), expire_ms, max_age_ms, created_ms, owner, dated)

    def seal(
        self,
        body: bytes,
        expire_ms: int | None,
        max_age_ms: int | None,
        created_ms: int | None,
        owner: str | None,
        dated: bool,
    ) -> list[bytes] | int:
        """Sign a body that is encoded already; the size alone where it is too large."""
        value = armour(enclose(body, expire_ms, max_age_ms, created_ms, owner))
        size = len(self._name) + len(value)
        return size if size > self._max_octets else self.lines(value, expire_ms if dated else None)

    def lines(self, value: bytes, expires_ms: int | None) -> list[bytes]:
        """Sign any value."""
        pair = self._name + b"=" + value
        date = b"" if expires_ms is None else b"; expires=" + http_date(expires_ms)
        attributes = self._head + date + self._tail
        if self._keygrip is None:
            return [pair + attributes]
        digest = self._keygrip.sign(pair).encode("ascii")
        return [pair + attributes, self._name + b".sig=" + digest + attributes]

    def __repr__(self) -> str:
        return "SignedCookie(<hidden>)"
