"""The core in pure Python: the specification of ``gingersnap._native``, name by name and value by value."""

from .codec import decode, encode
from .cookie import SignedCookie, find, http_date
from .crc import crc32
from .envelope import disclose, enclose
from .headers import amend
from .json import dumps, loads
from .keygrip import Keygrip
from .seal import SealedCookie

__all__ = [
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
