"""Base64 around JSON, as ``rust/codec.rs``."""

import binascii
from typing import Any

from .json import dumps, loads


def armour(data: bytes) -> bytes:
    """Write standard base64 with padding (RFC 4648 section 4)."""
    return binascii.b2a_base64(data, newline=False)


def disarm(value: bytes) -> bytes | None:
    """Read base64 in its one canonical spelling; ``None`` for any other."""
    try:
        data = binascii.a2b_base64(value)
    except binascii.Error:
        return None
    return data if armour(data) == value else None


def encode(data: dict[str, Any]) -> str:
    """Write a session's data as koa-session's cookie value."""
    return armour(dumps(data)).decode("ascii")


def decode(value: bytes) -> dict[str, Any] | None:
    """Read a cookie value; ``None`` where it holds no JSON object."""
    text = disarm(value)
    return None if text is None else loads(text)
