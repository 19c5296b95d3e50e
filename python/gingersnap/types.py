"""Name the shapes that ASGI and the core hand around."""

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
"""The messages that carry a response's headers: the last chance for a cookie."""

Algorithm: TypeAlias = Literal["sha1", "sha256", "sha384", "sha512", "blake3"]
SameSite: TypeAlias = Literal["lax", "strict", "none"]
Preset: TypeAlias = Literal["koa", "koa-generic", "express", "cookie-session", "starlette"]
Priority: TypeAlias = Literal["low", "medium", "high"]

Reason: TypeAlias = Literal["force", "changed", "rolling", "renew", "resave", "rotated", "destroy", "regenerate"]
"""Why a session is written; there is none for a session that is not."""

Miss: TypeAlias = Literal["unsigned", "tampered", "duplicate", "corrupt"]
"""Why a session cookie that came is not believed."""

Loaded: TypeAlias = tuple[bytes, int, bool, object, object, object, object, object]
"""A verified session: its canonical text, the index of its key, whether it is fresh, then the reserved members as they came:
``_expire``, ``_maxAge``, ``_session``, ``_created``, ``_owner``; ``None`` for those that did not."""


class Snapshot(NamedTuple):
    """A verified session, as ``Loaded``: as it was loaded, or last written."""

    body: bytes
    """Its canonical text."""
    key_index: int
    """The index of the key that signed it; above 0: it is to be signed again."""
    dates_ok: bool
    """Whether the core has found its dates to be good."""
    expire: object
    max_age: object
    browser_session: object
    created: object
    owner: object


Envelope: TypeAlias = tuple[int | None, int | None, int | None, str | None]
"""What is written beside a session's data: when it ends, how long it lives from each renewal, when it began, its owner.
Milliseconds; ``None`` for what is not said, an end or a lifetime: with the browser."""


class ExternalKey(Protocol):
    """Where a client keeps its session's id, if not in a cookie. Source: koa-session ``externalKey``.

    Two more members may be there. ``reset(scope, headers)``: the session has ended. ``vary``: the name of the request header
    that the id comes in, for ``Vary``; a response that varies by something that cannot be named says ``Vary: *``.
    """

    def get(self, scope: Scope) -> str | None:
        """Read the id that came, ``None`` where none did."""

    def set(self, scope: Scope, headers: list[tuple[bytes, bytes]], value: str) -> None:
        """Add what tells the client its id to a response's headers."""
