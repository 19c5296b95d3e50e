"""The core in pure Python: the specification of ``gingersnap._native``, name by name and value by value."""

from .codec import decode, encode
from .cookie import SignedCookie, find, http_date
from .crc import crc32
from .envelope import add_envelope, split_envelope
from .headers import with_session_headers
from .json import dumps, loads
from .keygrip import Keygrip
from .seal import SealedCookie

__all__ = [
    "Keygrip",
    "SealedCookie",
    "SignedCookie",
    "add_envelope",
    "crc32",
    "decode",
    "dumps",
    "encode",
    "find",
    "http_date",
    "loads",
    "split_envelope",
    "with_session_headers",
]
