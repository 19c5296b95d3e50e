"""How a session's id travels: in the session's own cookie, or by whatever ``external_key`` says."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from ..config.options import SessionOptions
from ..cookies.attributes import Attributes
from ..cookies.format import CookieFormat
from ..cookies.headers import with_session
from ..cookies.removals import with_removals
from ..errors import ConfigError
from ..types import ExternalKey, Headers, Message, Miss, Scope

# RFC 9110 section 5.6.2.
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class IdUpdate:
    """What a response tells the client of its session: its id, or, with ``None``, that it has none any more.

    ``expire_ms``: until when the client keeps it, in milliseconds since 1970; ``None``: as long as it likes.
    """

    id: str | None = field(repr=False)
    expire_ms: int | None
    secure: bool
    cookie: Attributes | None
    """The attributes of the session's cookie where those are its own."""


class Transport(Protocol):
    """The way of an id from and to a client."""

    def find(self, scope: Scope) -> tuple[str, int] | Miss | None:
        """Read the id that came, and the index of the key that signed it; ``None`` where none came."""

    def respond(
        self, message: Message, scope: Scope, update: IdUpdate | None, removals: Sequence[bytes], *, accessed: bool
    ) -> Message:
        """Copy a response's start and put the update into its headers, with ``Vary`` and ``Cache-Control``.

        ``removals``: lines that remove other cookies.
        """


class CookieTransport:
    """The id in a signed cookie. Source: koa-session ``ContextSession.initFromExternal``."""

    def __init__(self, options: SessionOptions, format: CookieFormat) -> None:
        self._options = options
        self._format = format
        self.read: Callable[[Headers], tuple[bytes, int] | Miss | None] = format.read

    def find(self, scope: Scope) -> tuple[str, int] | Miss | None:
        """Read the cookie."""
        found = self.read(scope["headers"])
        if found is None or isinstance(found, str):
            return found
        value, index = found
        try:
            return value.decode("utf-8" if self._options.dialect.id_shape else "ascii"), index
        except UnicodeDecodeError:
            return "tampered"

    def respond(
        self, message: Message, scope: Scope, update: IdUpdate | None, removals: Sequence[bytes], *, accessed: bool
    ) -> Message:
        """Set the cookie, or remove it."""
        lines: list[bytes] = []
        if update is not None:
            cookie = self._format.cookie(update.secure, update.cookie)
            if update.id is None:
                lines = self._format.removal(cookie)
            else:
                lines = self._format.lines(cookie, update.id.encode("utf-8"), update.expire_ms)
        lines = with_removals(lines, removals, scope, ending=update is not None and update.id is None)
        if not lines and not accessed:
            return message
        return with_session(message, lines, self._options, self._format.name)


class KeyTransport:
    """The id wherever the application keeps it."""

    def __init__(self, options: SessionOptions, external: ExternalKey) -> None:
        self._external = external
        self._vary = str(getattr(external, "vary", "*")).encode("ascii")
        self._cache_headers = options.cache_headers

    def find(self, scope: Scope) -> tuple[str, int] | Miss | None:
        """Ask for the id."""
        id = self._external.get(scope)
        return (id, 0) if isinstance(id, str) and id else None

    def respond(
        self, message: Message, scope: Scope, update: IdUpdate | None, removals: Sequence[bytes], *, accessed: bool
    ) -> Message:
        """Hand the id out, or take it back."""
        if update is None and not accessed and not removals:
            return message
        headers: list[tuple[bytes, bytes]] = [(name, value) for name, value in message.get("headers", ())]
        if update is not None:
            self._tell(scope, headers, update.id)
        headers += [(b"set-cookie", line) for line in removals]
        if self._cache_headers:
            _vary(headers, self._vary)
            if (update is not None or removals) and not any(name.lower() == b"cache-control" for name, _ in headers):
                headers.append((b"cache-control", b"no-store"))
        return {**message, "headers": headers}

    def _tell(self, scope: Scope, headers: list[tuple[bytes, bytes]], id: str | None) -> None:
        if id is not None:
            self._external.set(scope, headers, id)
        elif (reset := getattr(self._external, "reset", None)) is not None:
            reset(scope, headers)


def _vary(headers: list[tuple[bytes, bytes]], name: bytes) -> None:
    """Add a name to ``Vary`` (RFC 9110 section 12.5.5)."""
    said = b",".join(value for field, value in headers if field.lower() == b"vary")
    names = [part.strip().lower() for part in said.split(b",")]
    if name.lower() not in names and b"*" not in names:
        headers.append((b"vary", name))


class HeaderKey:
    """An ``external_key`` for clients that keep no cookies: the id comes and goes in a header of its own.

    An ended session is told by the header without a value.

    Raises: ConfigError where ``name`` is no header name.
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise ConfigError("external_key", "HeaderKey needs a header's name", "give one such as 'x-session-token'")
        self.vary = name.lower()
        self._name = name.lower().encode("ascii")

    def get(self, scope: Scope) -> str | None:
        """Read the header; one that comes twice is none."""
        values = [value for name, value in scope["headers"] if name.lower() == self._name]
        return values[0].decode("latin-1") if len(values) == 1 else None

    def set(self, scope: Scope, headers: list[tuple[bytes, bytes]], value: str) -> None:
        """Send the id, whatever the application has sent there."""
        headers[:] = [*(pair for pair in headers if pair[0].lower() != self._name), (self._name, value.encode("latin-1"))]

    def reset(self, scope: Scope, headers: list[tuple[bytes, bytes]]) -> None:
        """Send an empty value: there is no id any more."""
        self.set(scope, headers, "")


def transport_for(options: SessionOptions, format: CookieFormat) -> Transport:
    """Return the way of a configuration's ids."""
    return CookieTransport(options, format) if options.external_key is None else KeyTransport(options, options.external_key)
