"""A dialect: the behaviour of another session system that no option of ours sets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from ..option_types import CookieOptions, Seconds
from ..types import Algorithm, ExternalKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The fixed behaviour of one system. The defaults are those of the other systems; ours are in ``native.DIALECT``."""

    system: str
    """The system's name."""
    algorithm: Algorithm | None = None
    """The algorithm that it signs with; ``None``: any."""
    plain_json: bool = True
    """Whether a session's text is always JSON, so that ``encode`` and ``decode`` cannot replace the codec."""
    has_expiry: bool = True
    """Whether its cookie or record, or its store, says when a session ends."""
    accepts_any_name: bool = True
    """Keys are octets as given (no ``b64:`` or ``hex:``); cookie names and lifetimes are whatever the system accepts."""
    dotted_domain: bool = True
    """Whether a dot before the domain is sent as it was given; browsers do not see it (RFC 6265 section 5.2.3)."""
    store: bool | None = None
    """Whether it needs a store; ``None``: it works with and without."""
    hashed: bool = False
    """Whether the key in the store is the hash of the id, not the id itself."""
    id_octets: int | None = 24
    """How many random octets make an id; ``None``: it is a UUID."""
    id_shape: str | None = None
    """A pattern for the ids that an application may choose; ``None``: the characters that a cookie value can hold."""
    prefixes_key: bool = False
    """Whether ``prefix`` goes before the store's key, not before the id."""
    expiry_in_record: bool = False
    """Whether a record's text holds its expiry, so that a renewal writes data."""
    has_metadata: bool = False
    """Whether a session can hold its owner and its time of creation."""
    stores_cookie: bool = False
    """Whether a record holds the attributes of its session's cookie."""
    cookie_is_data: bool = False
    """Whether a change of only those attributes counts as a change of the session."""
    always_sends_cookie: bool = True
    """Send Set-Cookie on every save, not only when its id or Expires changed."""
    guards_caches: bool = False
    """Whether no renewal goes beside ``Cache-Control: public``, and a new signature waits: the system has no rule of its own."""
    touches_on_read: bool = False
    """Whether a request that changes nothing renews the record."""
    clears_cookie: Literal["always", "came", "never"] = "always"
    """When the cookie of an ended session is removed: always, only if the request had one, or never."""
    grace_ms: int = 0
    """How long a record outlives its session, in milliseconds."""
    reserved: frozenset[str] = frozenset()
    """Keys that the system uses itself."""

    def is_reserved(self, key: str) -> bool:
        """Return whether the system uses this key itself."""
        return key in self.reserved


class DialectOptions(CookieOptions, Protocol):
    """The options that a dialect reads, in addition to those of the cookie."""

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


# Members of every plain JavaScript object: a session key of that name is lost in Node, or breaks the object.
OBJECT_MEMBERS: Final = frozenset(
    {
        *("__proto__", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__"),
        *("constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString", "valueOf"),
    }
)
