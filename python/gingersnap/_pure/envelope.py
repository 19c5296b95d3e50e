"""Add the envelope (dates and owner) to a session's data and split it off, as ``rust/envelope.rs`` does."""

from typing import Any

from ..errors import SessionTooLarge
from ..types import Loaded, Miss
from .json import dumps, open_text

# Must match rust/json.rs.
RESERVED = ("_expire", "_maxAge", "_session", "_created", "_owner")
LARGEST_MS = 2**53


def add_envelope(body: bytes, expire_ms: int | None, max_age_ms: int | None, created_ms: int | None, owner: str | None) -> bytes:
    """Return a JSON object's text with the envelope as its last members."""
    members: dict[str, Any] = {"_created": created_ms, "_owner": owner}
    if max_age_ms is None:
        members["_session"] = True
    else:
        members |= {"_expire": expire_ms, "_maxAge": max_age_ms}
    tail = dumps({name: value for name, value in members.items() if value is not None})
    start = body.removesuffix(b"}")
    return start + (tail[1:] if start == b"{" else b"," + tail[1:])


def split_envelope(text: bytes, into: dict[str, Any], now_ms: int) -> Loaded | Miss:
    """Split the envelope from a session's text and fill ``into`` with the data."""
    opened = open_text(text, RESERVED)
    if opened is None:
        return "corrupt"
    data, (expire, max_age, session, created, owner) = opened
    try:
        body = dumps(data)
    except SessionTooLarge:
        # The text fitted as it was written, but not in canonical form.
        return "corrupt"
    dict.update(into, data)
    return body, 0, _dates_ok(expire, max_age, now_ms), expire, max_age, session, created, owner


def _dates_ok(expire: Any, max_age: Any, now_ms: int) -> bool:
    return type(expire) is type(max_age) is int and now_ms <= expire <= now_ms + max_age <= LARGEST_MS
