"""Choose the backend, on purpose and once: the native module, or its pure twin where that is asked for."""

import os
import sys
from typing import TYPE_CHECKING

if not TYPE_CHECKING and (os.environ.get("GINGERSNAP_PURE") == "1" or sys.implementation.name != "cpython"):
    from ._pure import (
        Keygrip,
        SealedCookie,
        SignedCookie,
        amend,
        crc32,
        decode,
        disclose,
        dumps,
        enclose,
        encode,
        find,
        http_date,
        loads,
    )

    BACKEND = "pure"
else:
    try:
        from ._native import (
            Keygrip,
            SealedCookie,
            SignedCookie,
            amend,
            crc32,
            decode,
            disclose,
            dumps,
            enclose,
            encode,
            find,
            http_date,
            loads,
        )
    except ImportError as error:
        raise ImportError(
            "gingersnap's native module does not load; install a wheel for this Python "
            "(pip install --force-reinstall gingersnap), or set GINGERSNAP_PURE=1 to run on the pure Python core, "
            "which is many times slower"
        ) from error
    BACKEND = "native"

RESERVED = ("_expire", "_maxAge", "_session", "_created", "_owner")
"""The names that are a session's envelope, in the order in which ``load`` gives them."""

MAX_TEXT = 65_536
"""How many octets of JSON a session may have. Must match ``rust/json.rs``."""

__all__ = [
    "BACKEND",
    "MAX_TEXT",
    "RESERVED",
    "Keygrip",
    "SealedCookie",
    "SignedCookie",
    "amend",
    "crc32",
    "decode",
    "disclose",
    "dumps",
    "enclose",
    "encode",
    "find",
    "http_date",
    "loads",
]
