"""Several cookies of the session's name in one request, since its ``path`` or ``domain`` was changed: which of them counts."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, Protocol

from .. import _core
from ..config.options import SessionOptions
from ..cookies.attributes import Attributes
from ..cookies.format import CookieFormat
from ..types import Headers, Loaded, Miss, Scope, Snapshot

_FOR_EVER: Final = 2**63


class _Found(NamedTuple):
    """One that verifies; ``data`` is what it fills a session with."""

    snapshot: Snapshot
    data: dict[str, Any]


class Earlier(Protocol):
    """An earlier configuration: ``LegacySource``."""

    options: SessionOptions
    until_ms: int

    def removal(self, secure: bool, cookie: Attributes | None) -> list[bytes]:
        """Return the lines that remove its cookie."""


class DuplicateCookies:
    """Choose among cookies that all verify, and remove those of another path or domain.

    Two different values that both verify are an attack by default: a sibling host can plant a cookie of its own, but cannot write
    over one of this host alone. They are none where ``accept`` names a configuration that put its cookie elsewhere; nor where
    ``domain`` is set: a sibling host can then write over the session's cookie as it likes, whatever is refused here.
    """

    def __init__(self, options: SessionOptions, format: CookieFormat, earlier: Sequence[Earlier]) -> None:
        self._options = options
        self._format = format
        self._earlier = earlier
        self._fast, self._fast_read = format.load, format.read
        # The other systems remove their cookie where it is set now, and nowhere else.
        self._ends_everywhere = not options.dialect.accepts_any_name
        self._first_only = options.duplicates == "first"
        # An entry past its deadline explains nothing any more.
        self._until_ms = _FOR_EVER if options.domain is not None else max(each.until_ms for each in earlier)
        # Clients send the longer path first, and of equal ones the older cookie (RFC 6265 section 5.4).
        self._place = 0 if any(len(each.options.path) < len(options.path) for each in earlier) else -1

    @classmethod
    def of(cls, options: SessionOptions, format: CookieFormat, earlier: Sequence[Earlier]) -> "DuplicateCookies | None":
        """Make what chooses; ``None`` where nothing explains two cookies."""
        mine = _place(options)
        moved = [each for each in earlier if each.options.key == options.key and _place(each.options) != mine]
        explained = moved or (options.domain is not None and options.duplicates == "reject")
        return cls(options, format, moved) if explained and options.external_key is None else None

    def load(self, headers: Headers, into: dict[str, Any], now_ms: int) -> Loaded | Miss | None:
        """Verify, decode and fill ``into``, as the layout's ``load``; of several, with the newest by its own dates."""
        if not self._first_only:
            loaded = self._fast(headers, into, now_ms)
            if loaded != "duplicate":
                return loaded
        pairs = self._pairs(headers, now_ms)
        if not pairs:
            return self._fast(headers, into, now_ms)
        found: dict[bytes, _Found] = {}
        for pair in pairs:
            data: dict[str, Any] = {}
            loaded = self._fast([(b"cookie", pair)], data, now_ms)
            if isinstance(loaded, tuple):
                found[pair.partition(b";")[0]] = _Found(Snapshot._make(loaded), data)
        if not found:
            return self._fast(headers, into, now_ms)
        chosen = self._newest([*found.values()])
        # Past the session's own methods: to be filled is no access.
        dict.update(into, chosen.data)
        # As if an older key had signed it: it is sent again, with the lines that remove the others.
        return chosen.snapshot._replace(key_index=max(chosen.snapshot.key_index, 1))

    def read(self, headers: Headers) -> tuple[bytes, int] | Miss | None:
        """Find the value that counts, as the layout's ``read``: ids have no dates, and the client's order tells."""
        if not self._first_only:
            read = self._fast_read(headers)
            if read != "duplicate":
                return read
        pairs = self._pairs(headers, int(self._options.clock() * 1000))
        found = [each for pair in pairs if isinstance(each := self._fast_read([(b"cookie", pair)]), tuple)]
        if not found:
            return self._fast_read(headers)
        value, index = found[self._place]
        return value, max(index, 1)

    def removals(self, scope: Scope, secure: bool, *, ending: bool = False) -> list[bytes]:
        """Write the lines that remove the session's cookie where it may be beside its current place.

        ``ending``: the session ends, so that its one cookie is removed wherever it is.
        """
        lines = [line for each in self._earlier for line in each.removal(secure, None)]
        if (
            self._options.domain is not None
            and not lines
            and ((ending and self._ends_everywhere) or len(self._found(scope["headers"])[0]) > 1)
        ):
            # Before there was a ``domain``, it was the host's alone.
            override = replace(Attributes.of(self._options, secure=secure), domain=None)
            lines = self._format.removal(self._format.cookie(secure, override))
        return lines

    def _newest(self, found: list[_Found]) -> _Found:
        found = [each for each in found if each.snapshot.dates_ok] or found
        dates = [_written_ms(each.snapshot) for each in found]
        last = max(dates)
        return found[dates.index(last)] if last >= 0 and dates.count(last) == 1 else found[self._place]

    def _pairs(self, headers: Headers, now_ms: int) -> list[bytes]:
        """Return the different cookies of the name that came, each with a signature; none where one counts or nothing tells."""
        if now_ms >= self._until_ms:
            return []
        values, digests = self._found(headers)
        if len({*values}) < 2:
            return []
        name = self._format.name
        signatures = [b"; " + name + b".sig=" + digest for digest in dict.fromkeys(digests)] or [b""]
        return [name + b"=" + value + signature for value in dict.fromkeys(values) for signature in signatures]

    def _found(self, headers: Headers) -> tuple[list[bytes], list[bytes]]:
        """Find the cookies of the name that came, and their signatures."""
        limit = self._options.max_header_bytes
        header = b"; ".join([value for field, value in headers if field == b"cookie"])
        if len(header) > limit:
            # Cut before the pair that would pass the limit.
            header = header[: max(header.rfind(b";", 0, limit + 1), 0)]
        return _core.find(header, self._format.name)


def _place(options: SessionOptions) -> tuple[str, str, bool]:
    return options.path, (options.domain or "").lower().removeprefix("."), options.partitioned


def _written_ms(snapshot: Snapshot) -> int:
    """Return when a session was last renewed, by its own dates; -1 where it does not say."""
    expire, max_age = snapshot.expire, snapshot.max_age
    return expire - max_age if type(expire) is int and type(max_age) is int else -1
