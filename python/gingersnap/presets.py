"""The systems whose sessions can be shared: what each has for defaults, and the habits that no option of ours says."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from .types import Algorithm

if TYPE_CHECKING:
    from .options import OptionValues

Preset: TypeAlias = Literal["koa", "koa-generic", "express", "cookie-session", "starlette"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What a system does by itself. The defaults are those of the other systems; ours are ``OURS``."""

    system: str
    """What it calls itself."""
    algorithm: Algorithm | None = None
    """The one that it signs by; ``None``: any."""
    plain_json: bool = True
    """Whether a session's text is always JSON, so that no other codec can stand in."""
    ends: bool = True
    """Whether what it writes, or its store, tells when a session ends."""
    raw: bool = True
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
    prefixed: bool = False
    """Whether ``prefix`` goes before the store's key, not before the id."""
    dated: bool = False
    """Whether a record's own text says when it ends, so that a renewal writes data."""
    noted: bool = False
    """Whether there is a place for an owner and for the time of creation."""
    own_cookie: bool = False
    """Whether a record holds the attributes of its session's cookie."""
    cookie_counts: bool = False
    """Whether a change of those attributes alone is a change of the session."""
    again: bool = True
    """Whether each save sends the cookie, not only one that changes what a dated cookie says."""
    touches: bool = False
    """Whether each request that changes nothing renews the record."""
    clears: Literal["always", "came", "never"] = "always"
    """Whether an ended session's cookie is removed: even where none came, where one came, or not at all."""
    grace_ms: int = 0
    """How long a record outlives its session."""
    reserved: frozenset[str] = frozenset()
    """Keys that the system uses itself."""

    def is_reserved(self, key: str) -> bool:
        """Say whether a key is not the application's to use."""
        return key in self.reserved


OURS: Final = Habits(
    system="Gingersnap",
    plain_json=False,
    raw=False,
    dotted_domain=False,
    hashed=True,
    noted=True,
    grace_ms=10_000,
    # Must match _core.RESERVED.
    reserved=frozenset({"_expire", "_maxAge", "_session", "_created", "_owner"}),
)

# What a plain object of JavaScript has already: a key of that name is lost there, or breaks it.
_OBJECT: Final = frozenset(
    {
        *("__proto__", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__"),
        *("constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString", "valueOf"),
    }
)

HABITS: Final[dict[Preset | None, Habits]] = {
    None: OURS,
    "koa": Habits(
        system="Koa",
        plain_json=False,
        id_octets=None,
        dated=True,
        noted=True,
        # The store outlives the cookie, so that a live cookie never finds its record gone.
        grace_ms=10_000,
        reserved=frozenset(
            {
                *("isNew", "maxAge", "length", "populated", "externalKey", "toJSON"),
                *("save", "regenerate", "manuallyCommit", "commit"),
                # The envelope, and where a Session of koa-session 5 to 7 keeps itself: what stood there would break it.
                *("_expire", "_maxAge", "_session", "_created", "_owner", "__proto__"),
                *("_requireSave", "_ctx", "_sessCtx", "_externalKey"),
            }
        ),
    ),
    "koa-generic": Habits(
        system="koa-generic-session",
        store=True,
        # As `cookies` sends it; a quote in front is taken off there.
        id_shape=r"[!#-:<-~](?:[ -:<-~]{0,1022}[!-:<-~])?",
        prefixed=True,
        own_cookie=True,
        cookie_counts=True,
        clears="came",
        reserved=frozenset({"cookie", "__proto__"}),
    ),
    "express": Habits(
        system="express-session",
        algorithm="sha256",
        store=True,
        # It is percent-encoded. Stores cannot hold a NUL, logs and terminals had better not be given other controls.
        id_shape="[^\\x00-\\x1f\\x7f\\ud800-\\udfff]{1,1024}",
        own_cookie=True,
        again=False,
        touches=True,
        clears="never",
        reserved=frozenset(
            {"cookie", "id", "req", "touch", "resetMaxAge", "save", "reload", "destroy", "regenerate", *_OBJECT},
        ),
    ),
    "cookie-session": Habits(
        system="cookie-session",
        ends=False,
        store=False,
        reserved=frozenset({"_ctx", "isNew", "isChanged", "isPopulated", *_OBJECT}),
    ),
    "starlette": Habits(system="Starlette", algorithm="sha1", store=False),
}

PRESETS: Final[dict[Preset, "OptionValues"]] = {
    # docs/differences.md gives the reason for each of these.
    "koa": {
        "max_age": None,
        "algorithm": "sha1",
        "same_site": None,
        "duplicates": "first",
        "keep_empty": True,
        "lazy_rolling": True,
        "drop_bad_signature": True,
        "cache_headers": False,
        "commit_on_error": True,
    },
    "koa-generic": {
        "key": "koa.sid",
        "max_age": 86_400,
        "algorithm": "sha1",
        "same_site": None,
        "prefix": "koa:sess:",
        "duplicates": "first",
        "keep_empty": True,
        "drop_bad_signature": True,
        "cache_headers": False,
        "commit_on_error": True,
        "match_path": True,
    },
    "express": {
        "key": "connect.sid",
        "max_age": "session",
        "secure": False,
        "same_site": None,
        "duplicates": "first",
        "keep_empty": True,
        "cache_headers": False,
        "commit_on_error": True,
        "resave": True,
        "allow_empty": True,
        "unset": "keep",
        "match_path": True,
    },
    "cookie-session": {
        "key": "session",
        "max_age": "session",
        "algorithm": "sha1",
        "same_site": None,
        "duplicates": "first",
        "keep_empty": True,
        "lazy_rolling": True,
        "drop_bad_signature": True,
        "cache_headers": False,
    },
    "starlette": {
        "key": "session",
        "max_age": 14 * 86_400,
        "algorithm": "sha1",
        "secure": False,
    },
}
