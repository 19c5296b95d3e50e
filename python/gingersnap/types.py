"""Types of ASGI and of the core."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias

# ASGI leaves the values of scopes and messages open.
Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]

STARTS: Final = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
"""The messages that carry a response's headers; a cookie must be in one of them."""

Algorithm: TypeAlias = Literal["sha1", "sha256", "sha384", "sha512", "blake3"]
SameSite: TypeAlias = Literal["lax", "strict", "none"]
Preset: TypeAlias = Literal["koa", "koa-generic", "express", "cookie-session", "starlette"]
Priority: TypeAlias = Literal["low", "medium", "high"]

Reason: TypeAlias = Literal["force", "changed", "rolling", "renew", "resave", "rotated", "destroy", "regenerate"]
"""Why a session is written."""

Miss: TypeAlias = Literal["unsigned", "tampered", "duplicate", "corrupt"]
"""Why a request's session cookie is not accepted."""

Loaded: TypeAlias = tuple[bytes, int, bool, object, object, object, object, object]
"""A verified session: its canonical text, the index of its key, whether its dates are good, then the reserved members as loaded:
``_expire``, ``_maxAge``, ``_session``, ``_created``, ``_owner``; ``None`` for those that are absent."""


class Snapshot(NamedTuple):
    """A verified session, as loaded or as last written; the fields are those of ``Loaded``."""

    body: bytes
    """Its canonical text."""
    key_index: int
    """The index of the key that signed it; above 0: an older key, so that the session must be signed again."""
    dates_ok: bool
    """Whether the core has checked its dates and accepted them."""
    expire: object
    max_age: object
    browser_session: object
    created: object
    owner: object


Envelope: TypeAlias = tuple[int | None, int | None, int | None, str | None]
"""The metadata of a session: when it ends, its lifetime from each renewal, when it began, its owner.
All in milliseconds. ``None``: unknown; for an end or a lifetime: until the browser closes."""


class ExternalKey(Protocol):
    """The transport of a session's id, in place of a cookie. Source: koa-session ``externalKey``.

    Two more members may be there. ``reset(scope, headers)``: the session has ended. ``vary``: the name of the request header
    that the id comes in, for ``Vary``; a response that varies by something that cannot be named says ``Vary: *``.
    """

    def get(self, scope: Scope) -> str | None:
        """Return the request's id; ``None`` if it has none."""

    def set(self, scope: Scope, headers: list[tuple[bytes, bytes]], value: str) -> None:
        """Add the id to a response's headers."""
