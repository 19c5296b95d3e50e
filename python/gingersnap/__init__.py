"""Sessions for ASGI applications, with the hot path in Rust."""

from .errors import ConfigError, CookieTooLarge, ReservedKeyError, SessionError, SessionTooLarge, UnserializableError
from .events import Event
from .middleware import SessionMiddleware
from .options import SessionOptions
from .session import Session

__all__ = [
    "ConfigError",
    "CookieTooLarge",
    "Event",
    "ReservedKeyError",
    "Session",
    "SessionError",
    "SessionMiddleware",
    "SessionOptions",
    "SessionTooLarge",
    "UnserializableError",
]
__version__ = "0.1.0"
