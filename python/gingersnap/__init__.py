"""Sessions for ASGI applications, with the hot path in Rust."""

from .config.options import Accept, SessionOptions
from .errors import (
    ConfigError,
    CookieTooLarge,
    DegradedError,
    NotLoadedError,
    ReservedKeyError,
    SessionConflict,
    SessionError,
    SessionSealed,
    SessionTooLarge,
    SessionUnavailable,
    StoreUnfit,
    UnserializableError,
    UnstorableError,
)
from .events import Event
from .middleware import SessionMiddleware
from .records.id_transport import HeaderKey
from .session import Session

__all__ = [
    "Accept",
    "ConfigError",
    "CookieTooLarge",
    "DegradedError",
    "Event",
    "HeaderKey",
    "NotLoadedError",
    "ReservedKeyError",
    "Session",
    "SessionConflict",
    "SessionError",
    "SessionMiddleware",
    "SessionOptions",
    "SessionSealed",
    "SessionTooLarge",
    "SessionUnavailable",
    "StoreUnfit",
    "UnserializableError",
    "UnstorableError",
]
__version__ = "0.1.0"
