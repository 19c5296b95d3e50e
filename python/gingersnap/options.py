"""Hold every setting of a session middleware, checked here and once."""

import difflib
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeAlias, TypedDict, Unpack

from . import agreements, checks
from .errors import ConfigError
from .events import Events, Listener
from .presets import HABITS, PRESETS, Habits, Preset
from .types import Algorithm, ExternalKey, Priority, SameSite, Scope

if TYPE_CHECKING:
    from .accept import Accept

StoreErrorWord: TypeAlias = Literal["unavailable", "raise", "anonymous"]
OnStoreError: TypeAlias = StoreErrorWord | Callable[[Scope, Exception], StoreErrorWord | Awaitable[StoreErrorWord]]
Seconds: TypeAlias = int | float | timedelta
Ttl: TypeAlias = Seconds | Callable[[dict[str, Any]], Seconds]


class OptionValues(TypedDict, total=False):
    """What ``SessionOptions`` and ``SessionMiddleware`` take; all but ``keys`` have defaults."""

    keys: Sequence[str | bytes]
    allow_weak_keys: bool
    key: str
    max_age: Seconds | Literal["session"] | None
    absolute_age: Seconds | None
    auto_commit: bool
    rolling: bool
    renew: bool
    signed: bool
    algorithm: Algorithm
    encrypt: bool
    http_only: bool
    overwrite: bool
    secure: bool | Literal["auto"]
    same_site: SameSite | Literal["auto"] | None
    domain: str | None
    path: str
    partitioned: bool
    priority: Priority | None
    trust_proxy: bool
    encode: Callable[[dict[str, Any]], str] | None
    decode: Callable[[str], dict[str, Any]] | None
    valid: Callable[[Scope, Any], bool | Awaitable[bool]] | None
    before_save: Callable[[Scope, Any], Awaitable[None] | None] | None
    max_cookie_bytes: int
    max_header_bytes: int
    duplicates: Literal["reject", "first"]
    keep_empty: bool
    lazy_rolling: bool
    drop_bad_signature: bool
    cache_headers: bool
    store: Any
    context_store: Callable[[Scope], Any] | None
    genid: Callable[[Scope], str | Awaitable[str]] | None
    prefix: str
    ttl: Ttl | None
    external_key: ExternalKey | None
    defer: bool
    resave: bool
    allow_empty: bool
    unset: Literal["destroy", "keep"]
    regenerate_grace: Seconds
    match_path: bool
    on_conflict: Literal["merge", "overwrite", "raise"]
    atomic_keys: Collection[str]
    on_store_error: OnStoreError
    store_timeout: Seconds
    store_breaker: bool
    strict_startup: bool
    commit_on_error: bool
    strict: bool
    preset: Preset | None
    accept: "Sequence[Accept]"
    scope_key: str
    listeners: Mapping[str, Listener]
    clock: Callable[[], float]


DEFAULTS: Final[OptionValues] = {
    "keys": (),
    "allow_weak_keys": False,
    "key": "koa.sess",
    "max_age": 86_400,
    "absolute_age": None,
    "auto_commit": True,
    "rolling": False,
    "renew": False,
    "signed": True,
    "algorithm": "sha256",
    "encrypt": False,
    "http_only": True,
    "overwrite": True,
    "secure": "auto",
    "same_site": "lax",
    "domain": None,
    "path": "/",
    "partitioned": False,
    "priority": None,
    "trust_proxy": False,
    "encode": None,
    "decode": None,
    "valid": None,
    "before_save": None,
    "max_cookie_bytes": 4096,
    "max_header_bytes": 16_384,
    "duplicates": "reject",
    "keep_empty": False,
    "lazy_rolling": False,
    "drop_bad_signature": False,
    "cache_headers": True,
    "store": None,
    "context_store": None,
    "genid": None,
    "prefix": "",
    "ttl": None,
    "external_key": None,
    "defer": False,
    "resave": False,
    "allow_empty": False,
    "unset": "destroy",
    "regenerate_grace": 10,
    "match_path": False,
    "on_conflict": "merge",
    "atomic_keys": (),
    "on_store_error": "unavailable",
    "store_timeout": 2,
    "store_breaker": True,
    "strict_startup": False,
    "commit_on_error": False,
    "strict": False,
    "preset": None,
    "accept": (),
    "scope_key": "session",
    "listeners": {},
    "clock": time.time,
}

# What people write who come from elsewhere: the packages of Node, Starlette, starsessions, Flask, Django.
_OTHER_NAMES: Final = {
    "maxAge": "max_age, in seconds",
    "maxage": "max_age, in seconds",
    "autoCommit": "auto_commit",
    "httpOnly": "http_only",
    "sameSite": "same_site",
    "beforeSave": "before_save",
    "externalKey": "external_key",
    "ContextStore": "context_store",
    "name": "key",
    "saveUninitialized": "allow_empty",
    "allowEmpty": "allow_empty",
    "proxy": "trust_proxy",
    "genSid": "genid",
    "sessionIdStore": "external_key",
    "errorHandler": "on_store_error",
    "reconnectTimeout": "store_timeout, in seconds",
    "session_cookie": "key",
    "https_only": "secure",
    "secret_key": "keys, a list",
    "secret": "keys, a list",
    "session_store": "store",
    "idle_timeout": "max_age, in seconds",
    "lifetime": "max_age, in seconds",
    "expires": "max_age, in seconds",
    "cookie_name": "key",
    "cookie_path": "path",
    "cookie_domain": "domain",
    "cookie_same_site": "same_site",
    "cookie_https_only": "secure",
    "cookie": "its members as options of their own: max_age (in seconds), http_only, secure, same_site, domain, path",
    "save_uninitialized": "allow_empty",
    "hash": "algorithm",
}


class SessionOptions:
    """Every setting of a session middleware; frozen. One object can serve the middleware, scripts and tests.

    Raises: ConfigError where an option is unknown or wrong, or where two do not go together.
    """

    keys: tuple[bytes, ...]
    key: str
    max_age_ms: int | None
    absolute_ms: int | None
    auto_commit: bool
    rolling: bool
    renew: bool
    signed: bool
    algorithm: Algorithm
    encrypt: bool
    http_only: bool
    overwrite: bool
    secure: bool | Literal["auto"]
    same_site: SameSite | Literal["auto"] | None
    domain: str | None
    path: str
    partitioned: bool
    priority: Priority | None
    trust_proxy: bool
    encode: Callable[[dict[str, Any]], str] | None
    decode: Callable[[str], dict[str, Any]] | None
    valid: Callable[[Scope, Any], bool | Awaitable[bool]] | None
    before_save: Callable[[Scope, Any], Awaitable[None] | None] | None
    max_cookie_bytes: int
    max_header_bytes: int
    duplicates: Literal["reject", "first"]
    keep_empty: bool
    lazy_rolling: bool
    drop_bad_signature: bool
    cache_headers: bool
    store: Any
    context_store: Callable[[Scope], Any] | None
    genid: Callable[[Scope], str | Awaitable[str]] | None
    prefix: str
    ttl: int | Callable[[dict[str, Any]], Seconds] | None
    external_key: ExternalKey | None
    defer: bool
    resave: bool
    allow_empty: bool
    unset: Literal["destroy", "keep"]
    regenerate_grace_ms: int
    match_path: bool
    on_conflict: Literal["merge", "overwrite", "raise"]
    atomic_keys: frozenset[str]
    on_store_error: OnStoreError
    store_timeout_s: float
    store_breaker: bool
    strict_startup: bool
    commit_on_error: bool
    strict: bool
    preset: Preset | None
    accept: "tuple[Accept, ...]"
    habits: Habits
    scope_key: str
    clock: Callable[[], float]
    dated: bool
    given: tuple[str, ...]
    events: Events

    def __init__(self, **given: Unpack[OptionValues]) -> None:
        self.__dict__["_given"] = given = hide_keys(given)
        values = _resolve(given)
        fields = checks.each(values, HABITS[values["preset"]])
        agreements.together(values, fields["habits"])
        self.__dict__.update(fields)
        self.__dict__["events"] = Events(values["listeners"])
        # Records of express-session say what was given, and in which order, but not what was left to its default.
        self.__dict__["given"] = tuple(given)

    def on(self, name: str, listener: Listener) -> None:
        """Add a listener for an event, sync or async.

        Raises: ConfigError for an event that there is not.
        """
        self.events.on(name, listener)

    def replace(self, **changes: Unpack[OptionValues]) -> Self:
        """Make options that differ in ``changes`` from these as they were given, with the same listeners unless those are given."""
        other = type(self)(**{**self.__dict__["_given"], **changes})
        if "listeners" not in changes:
            other.__dict__["events"] = self.events.copy()
        return other

    def told_by(self, other: "SessionOptions") -> Self:
        """Make the same options with another's clock and listeners."""
        mine = self.replace(clock=other.clock)
        mine.__dict__["events"] = other.events
        return mine

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"SessionOptions is frozen; use options.replace({name}=...)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("SessionOptions is frozen")

    def __repr__(self) -> str:
        given = ", ".join(f"{name}=..." for name in self.__dict__["_given"])
        return f"SessionOptions({given})"


class _Hidden(tuple[str | bytes, ...]):
    """Keys as they were given, but not shown."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} keys>"


def hide_keys(given: OptionValues) -> OptionValues:
    """Keep keys out of what a traceback shows of the options' locals."""
    keys: object = given.get("keys")
    return {**given, "keys": _Hidden(keys)} if isinstance(keys, list | tuple) else given


def _resolve(given: OptionValues) -> OptionValues:
    """Put what was given over the preset's defaults, and those over ours."""
    for name in given:
        if name not in DEFAULTS:
            raise ConfigError(name, "there is no such option", suggest(name, DEFAULTS))
    preset = given.get("preset")
    if preset is not None and (not isinstance(preset, str) or preset not in PRESETS):
        raise ConfigError("preset", "there is no such preset", f"choose among {', '.join(PRESETS)}, or leave it out")
    values: OptionValues = {**DEFAULTS, **(PRESETS[preset] if preset else {}), **given}
    if preset == "koa" and "lazy_rolling" not in given:
        # koa: with a store each request reads the session, and so renews it.
        values["lazy_rolling"] = values["store"] is None and values["context_store"] is None
    return values


def suggest(name: str, names: Collection[str]) -> str:
    """Say what may have been meant by an option that there is not."""
    if name in _OTHER_NAMES:
        return f"write {_OTHER_NAMES[name]}"
    if near := difflib.get_close_matches(name, names, 1):
        return f"did you mean {near[0]}?"
    # Of all fifty, those that it may be at all.
    near = difflib.get_close_matches(name, names, 5, 0.3)
    all_of_them = "every option stands in the README, under Options"
    return f"the nearest are {', '.join(near)}; {all_of_them}" if near else all_of_them
