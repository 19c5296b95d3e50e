"""Add a session's Set-Cookie lines to response headers; read X-Forwarded-Proto and Cache-Control."""

from typing import Final

from .. import _core
from ..option_types import CookieOptions
from ..types import Message, Scope

SECURE_SCHEMES: Final = frozenset({"https", "wss"})


def is_secure(scope: Scope) -> bool:
    """Return whether the client's connection is encrypted: by a trusted proxy's header, or by the scheme if there is none."""
    for name, value in scope["headers"]:
        if name == b"x-forwarded-proto":
            # If each proxy adds a value, the first is the client's own scheme.
            return bool(value.split(b",", 1)[0].strip().lower() in (b"https", b"wss"))
    return scope.get("scheme") in SECURE_SCHEMES


def is_public(message: Message) -> bool:
    """Return whether a response's own ``Cache-Control`` lets shared caches keep it (RFC 9111 section 5.2.2)."""
    return any(
        directive.strip().lower().partition(b"=")[0] in (b"public", b"s-maxage")
        for name, value in message.get("headers", ())
        if name.lower() == b"cache-control"
        for directive in value.split(b",")
    )


def with_session(message: Message, lines: list[bytes], options: CookieOptions, name: bytes) -> Message:
    """Return a copy of a response start with the session's lines, ``Vary`` and ``Cache-Control`` in its headers.

    The message is not changed: the application may send it again, to another client.
    """
    headers = _core.with_session_headers(message.get("headers", ()), lines, name, options.overwrite, options.cache_headers)
    return {**message, "headers": headers}
