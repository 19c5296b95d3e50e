"""JSON in base64, as ``rust/codec.rs``."""

import binascii
from typing import Any

from .json import dumps, loads


def base64_encode(data: bytes) -> bytes:
    """Return standard base64 with padding (RFC 4648 section 4)."""
    return binascii.b2a_base64(data, newline=False)


def base64_decode(value: bytes) -> bytes | None:
    """Return the octets of base64 in its canonical form; ``None`` for any other form."""
    try:
        data = binascii.a2b_base64(value)
    except binascii.Error:
        return None
    return data if base64_encode(data) == value else None


def encode(data: dict[str, Any]) -> str:
    """Return koa-session's cookie value for a session's data."""
    return base64_encode(dumps(data)).decode("ascii")


def decode(value: bytes) -> dict[str, Any] | None:
    """Return the data in a cookie value; ``None`` if it holds no JSON object."""
    text = base64_decode(value)
    return None if text is None else loads(text)
