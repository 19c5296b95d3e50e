"""Choose the backend once: the native module, or the pure Python core (GINGERSNAP_PURE=1, or no CPython)."""

import os
import sys
from typing import TYPE_CHECKING, Any

from ._pure.json import read_object
from .errors import UnserializableError

if not TYPE_CHECKING and (os.environ.get("GINGERSNAP_PURE") == "1" or sys.implementation.name != "cpython"):
    from ._pure import (
        Keygrip,
        SealedCookie,
        SignedCookie,
        add_envelope,
        crc32,
        decode,
        dumps,
        encode,
        find,
        http_date,
        loads,
        split_envelope,
        with_session_headers,
    )

    BACKEND = "pure"
else:
    try:
        from ._native import (
            Keygrip,
            SealedCookie,
            SignedCookie,
            add_envelope,
            crc32,
            decode,
            dumps,
            encode,
            find,
            http_date,
            loads,
            split_envelope,
            with_session_headers,
        )
    except ImportError as error:
        raise ImportError(
            "gingersnap's native module does not load; install a wheel for this Python "
            "(pip install --force-reinstall gingersnap), or set GINGERSNAP_PURE=1 to run on the pure Python core, "
            "which is many times slower"
        ) from error
    BACKEND = "native"

RESERVED = ("_expire", "_maxAge", "_session", "_created", "_owner")
"""The members of a session's envelope, in the order in which ``load`` returns them."""

MAX_BESIDE = 1_024
"""How many values and octets a record may have in addition to its session's data: envelope, cookie, marks of a migration."""


def loads_record(text: bytes) -> dict[str, Any] | None:
    """Return a whole record, the session's data and the other members; ``None`` as ``loads``."""
    # A record near a limit is rare: the pure core reads it, so that the native one needs no second limit.
    data = loads(text)
    return read_object(text, MAX_BESIDE) if data is None else data


def dumps_record(data: dict[str, Any]) -> bytes:
    """Return a record's text: the limits of a session hold for each member, not for all of them together."""
    try:
        return dumps(data)
    except UnserializableError:
        return b"{%s}" % b",".join(dumps({name: member})[1:-1] for name, member in data.items())


MAX_TEXT = 65_536
"""The most octets of JSON that a session may have. Must match ``rust/json.rs``."""

__all__ = [
    "BACKEND",
    "MAX_BESIDE",
    "MAX_TEXT",
    "RESERVED",
    "Keygrip",
    "SealedCookie",
    "SignedCookie",
    "add_envelope",
    "crc32",
    "decode",
    "dumps",
    "dumps_record",
    "encode",
    "find",
    "http_date",
    "loads",
    "loads_record",
    "split_envelope",
    "with_session_headers",
]
