"""What is appended to a session's data, as ``rust/envelope.rs``."""

from typing import Any

from .json import dumps, open_text

# Must match rust/json.rs.
RESERVED = ("_expire", "_maxAge", "_session", "_created", "_owner")


def enclose(body: bytes, expire_ms: int | None, max_age_ms: int | None, created_ms: int | None, owner: str | None) -> bytes:
    """Put the envelope into a JSON object's text, as its last members."""
    members: dict[str, Any] = {"_created": created_ms, "_owner": owner}
    if expire_ms is None or max_age_ms is None:
        members["_session"] = True
    else:
        members |= {"_expire": expire_ms, "_maxAge": max_age_ms}
    tail = dumps({name: value for name, value in members.items() if value is not None})
    start = body.removesuffix(b"}")
    return start + (tail[1:] if start == b"{" else b"," + tail[1:])


def disclose(text: bytes) -> tuple[dict[str, Any], list[Any]] | None:
    """Take the envelope's members, in the order of ``RESERVED``, out of a session's text; ``None`` where it is no session."""
    return open_text(text, RESERVED)
