"""The options of a session middleware, checked once, at construction; and those of previous configurations."""

import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final, Literal, Self, Unpack

from ..dialects import DIALECTS, PRESETS
from ..dialects.dialect import Dialect
from ..errors import ConfigError
from ..events import Events, Listener
from ..option_types import DEFAULTS, OnStoreError, OptionValues, Seconds
from ..types import Algorithm, ExternalKey, Preset, Priority, SameSite, Scope
from .constraints import check_together
from .fields import check_each
from .suggestions import suggest

logger = logging.getLogger("gingersnap")

_LATEST_S: Final = 2**34
"""The latest deadline, some 500 years from now, in seconds: a later number was given in milliseconds by mistake."""


class SessionOptions:
    """Every setting of a session middleware; frozen. One object can serve the middleware, scripts and tests.

    Raises: ConfigError where an option is unknown or wrong, or where two options contradict each other.
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
    dialect: Dialect
    scope_key: str
    clock: Callable[[], float]
    cookie_has_expires: bool
    given: tuple[str, ...]
    events: Events

    def __init__(self, **given: Unpack[OptionValues]) -> None:
        self.__dict__["_given"] = given = hide_keys(given)
        values = _resolve(given)
        fields = check_each(values, DIALECTS[values["preset"]])
        check_together(values, fields["dialect"])
        self.__dict__.update(fields)
        self.__dict__["events"] = Events(values["listeners"])
        # Records of express-session hold the options that were given, in their order, and no defaults.
        self.__dict__["given"] = tuple(given)

    def on(self, name: str, listener: Listener) -> None:
        """Add a listener for an event, sync or async.

        Raises: ConfigError for an unknown event.
        """
        self.events.on(name, listener)

    def replace(self, **changes: Unpack[OptionValues]) -> Self:
        """Return options as these were given, with ``changes``; with the same listeners unless ``changes`` has some."""
        other = type(self)(**{**self.__dict__["_given"], **changes})
        if "listeners" not in changes:
            other.__dict__["events"] = self.events.copy()
        return other

    def told_by(self, other: "SessionOptions") -> Self:
        """Return the same options with the clock and the listeners of ``other``."""
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
    """Keys as given, with a ``repr`` that hides them."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} keys>"


def hide_keys(given: OptionValues) -> OptionValues:
    """Return the options with a ``repr`` that hides the keys, for the locals in a traceback."""
    keys: object = given.get("keys")
    return {**given, "keys": _Hidden(keys)} if isinstance(keys, list | tuple) else given


def _resolve(given: OptionValues) -> OptionValues:
    """Return all options: ours, overridden by the preset's defaults, overridden by those given."""
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


class Accept:
    """One entry of ``accept=[...]``: a previous configuration, and the time until which its sessions are accepted.

    ``until``: a ``datetime`` with its time zone, or seconds since 1970. The options come by name, as ``SessionMiddleware``
    takes them, or prepared. Only the options that say where a session is and how it is read are used; the clock, the
    listeners and all other options are those of the new configuration.

    Raises: ConfigError where ``until`` is no time, or an option is wrong.
    """

    def __init__(self, options: SessionOptions | None = None, *, until: datetime | float, **given: Unpack[OptionValues]) -> None:
        given = hide_keys(given)
        if options is not None and not isinstance(options, SessionOptions):
            kind = type(options).__name__
            raise ConfigError(
                "accept", f"an entry's options cannot be {kind}", "pass keys=[...], and every other option by its name"
            )
        if options is not None and given:
            raise ConfigError("accept", "its options were given both prepared and by name", "use options.replace(...)")
        self.options = SessionOptions(**given) if options is None else options
        if self.options.accept:
            raise ConfigError("accept", "an entry has entries of its own", "write all of them into one list")
        self.until_ms = _until_ms(until)
        if self.until_ms <= time.time() * 1000:
            logger.warning("accept: the deadline of %s has passed, and it is not used any more; leave it out", self.label)

    @property
    def label(self) -> str:
        """The name of this entry in events: the system and the name of its cookie."""
        return f"{self.options.dialect.system} {self.options.key}"

    def __repr__(self) -> str:
        return f"Accept({self.label!r}, until_ms={self.until_ms})"


def _until_ms(until: object) -> int:
    if isinstance(until, datetime) and until.tzinfo is not None:
        return int(until.timestamp() * 1000)
    if isinstance(until, int | float) and not isinstance(until, bool) and 0 <= until < _LATEST_S:
        return int(until * 1000)
    cure = "give a datetime with its time zone, as datetime(2027, 1, 31, tzinfo=UTC), or seconds since 1970"
    raise ConfigError("accept", f"until cannot be this {type(until).__name__}", cure)
