"""A dialect: what a system whose sessions are shared does by itself, and no option of ours says."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from ..option_types import CookieOptions, Seconds
from ..types import Algorithm, ExternalKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What a system does by itself. The defaults are those of the other systems; ours are ``OURS``."""

    system: str
    """What it calls itself."""
    algorithm: Algorithm | None = None
    """The one that it signs by; ``None``: any."""
    plain_json: bool = True
    """Whether a session's text is always JSON, so that no other codec can stand in."""
    has_expiry: bool = True
    """Whether what it writes, or its store, tells when a session ends."""
    accepts_any_name: bool = True
    """Keys are octets as they stand, names and lifetimes whatever the system takes."""
    dotted_domain: bool = True
    """Whether a dot before the domain is sent as it was given; browsers do not see it (RFC 6265 section 5.2.3)."""
    store: bool | None = None
    """Whether it needs a store; ``None``: as it is given one."""
    hashed: bool = False
    """Whether the key in the store is the hash of the id, not the id itself."""
    id_octets: int | None = 24
    """How many random octets make an id; ``None``: it is a UUID."""
    id_shape: str | None = None
    """What an application's ids may be there, as a pattern; ``None``: what a cookie holds as it stands."""
    prefixes_key: bool = False
    """Whether ``prefix`` goes before the store's key, not before the id."""
    expiry_in_record: bool = False
    """Whether a record's own text says when it ends, so that a renewal writes data."""
    has_metadata: bool = False
    """Whether there is a place for an owner and for the time of creation."""
    stores_cookie: bool = False
    """Whether a record holds the attributes of its session's cookie."""
    cookie_is_data: bool = False
    """Whether a change of those attributes alone is a change of the session."""
    always_sends_cookie: bool = True
    """Whether each save sends the cookie, not only one that changes what a dated cookie says."""
    touches_on_read: bool = False
    """Whether each request that changes nothing renews the record."""
    clears_cookie: Literal["always", "came", "never"] = "always"
    """Whether an ended session's cookie is removed: even where none came, where one came, or not at all."""
    grace_ms: int = 0
    """How long a record outlives its session."""
    reserved: frozenset[str] = frozenset()
    """Keys that the system uses itself."""

    def is_reserved(self, key: str) -> bool:
        """Say whether a key is not the application's to use."""
        return key in self.reserved


class DialectOptions(CookieOptions, Protocol):
    """The options that a dialect reads, beside those of its cookie."""

    secure: bool | Literal["auto"]
    signed: bool
    algorithm: Algorithm
    encode: Callable[[dict[str, Any]], str] | None
    decode: Callable[[str], dict[str, Any]] | None
    max_age_ms: int | None
    ttl: int | Callable[[dict[str, Any]], Seconds] | None
    external_key: ExternalKey | None
    dialect: Dialect
    given: tuple[str, ...]


# What a plain object of JavaScript has already: a key of that name is lost there, or breaks it.
OBJECT_MEMBERS: Final = frozenset(
    {
        *("__proto__", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__"),
        *("constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString", "valueOf"),
    }
)
