"""Check combinations of options. Each error names one option, the problem and the cure."""

import warnings
from datetime import timedelta
from typing import Final

from ..cookies.attributes import check_agreement
from ..dialects.dialect import Dialect
from ..errors import ConfigError
from ..option_types import DEFAULTS, EarlierOptions, OptionValues
from ..types import Algorithm

# For each layout: the preset of the system that writes such records, and the stores of ours that have the layout.
_LAYOUTS: Final = {
    "connect-redis": ("express", "RedisStore"),
    "koa-redis": ("koa-generic", "RedisStore"),
    "connect-pg-simple": ("express", "PostgresStore"),
    "express-mysql-session": ("express", "SQLAlchemyStore"),
}

# Options without a meaning where there is no store.
_NEED_STORE: Final = (
    *("genid", "prefix", "ttl", "external_key", "defer", "resave", "allow_empty", "unset", "regenerate_grace", "on_conflict"),
    *("atomic_keys", "on_store_error", "store_timeout", "store_breaker", "strict_startup"),
)

_WAITS_S = 1.0
"""The shortest ``store_timeout``, in seconds, for writes that wait for replicas."""


def check_together(values: OptionValues, dialect: Dialect) -> None:
    """Check all combinations of options.

    Raises: ConfigError.
    """
    encrypt = values["encrypt"]
    if not values["keys"] and (encrypt or (values["signed"] and values["external_key"] is None)):
        purpose = "encrypt" if encrypt else "sign"
        raise ConfigError("keys", f"there is none to {purpose} with", "pass keys=[...], newest first, each 32 random bytes or more")
    if (values["encode"] is None) != (values["decode"] is None):
        raise ConfigError("encode", "it was given without decode, or decode without it", "pass both, each other's inverse")
    if values["max_cookie_bytes"] + 512 > values["max_header_bytes"]:
        cure = "raise max_header_bytes above it, and the server's own limit with it"
        raise ConfigError("max_cookie_bytes", "a cookie of that size would pass max_header_bytes and never be read", cure)
    if encrypt and values["encode"] is not None:
        raise ConfigError(
            "encrypt", "encode and decode write the cookie's value themselves", "leave out encrypt, or encode and decode"
        )
    if values["preset"] is not None:
        _with_preset(values, dialect)
    if not values["signed"] and not encrypt and values["external_key"] is None:
        warnings.warn("signed=False: anybody can write this session cookie; sign it, unless a test needs it so", stacklevel=4)
    if values["store"] is not None or values["context_store"] is not None:
        _with_store(values, dialect)
        # No error: an application may want another system's cookies and a store in our own layout.
        if problem := layout_problem(values["store"], values["preset"]):
            warnings.warn(f"layout: {problem}", stacklevel=4)
    else:
        _without_store(values)
    for entry in values["accept"]:
        _with_earlier(values, entry.options)
    check_agreement(values["key"], values)


def _without_store(values: OptionValues) -> None:
    """Check that no option was given that needs a store."""
    for name in _NEED_STORE:
        if values[name] != DEFAULTS[name]:
            raise ConfigError(name, "a session that lives in its cookie has no use for it", "pass store=..., or leave it out")


def _with_earlier(values: OptionValues, earlier: EarlierOptions) -> None:
    """Check that sessions of a previous configuration can be taken over into this one."""
    has_store = values["store"] is not None or values["context_store"] is not None
    if earlier.store is not None or earlier.context_store is not None:
        if not has_store:
            problem = "sessions in a store can only be taken over into a store"
            raise ConfigError("accept", problem, "pass store=..., or let them end and leave out that entry")
        if not values["keys"]:
            raise ConfigError("accept", "there is no key to make the new ids with", "pass keys=[...]")
        return
    if not earlier.signed and not earlier.encrypt:
        raise ConfigError("accept", "anybody can write a cookie that is not signed", "leave out the entry with signed=False")
    if earlier.encrypt and not values["encrypt"] and not has_store:
        problem = "what is encrypted would become readable in the browser"
        raise ConfigError("accept", problem, "pass encrypt=True or store=..., or leave out the entry with encrypt=True")


def _with_preset(values: OptionValues, dialect: Dialect) -> None:
    """Check the options against what another system's layout can hold."""
    system, has_store = dialect.system, values["store"] is not None or values["context_store"] is not None
    if values["encrypt"]:
        cure = f"leave out encrypt, or preset={values['preset']!r}"
        raise ConfigError("encrypt", f"{system} cannot read an encrypted cookie", cure)
    if dialect.store is True and not has_store:
        raise ConfigError("store", f"{system} keeps its sessions in a store", "pass store=..., such as a RedisStore")
    if dialect.store is False and has_store:
        cure = (
            f"leave out store; or leave out preset, with accept=[Accept(preset={values['preset']!r}, ...)] to keep users logged in"
        )
        raise ConfigError("store", f"{system} keeps its sessions in the cookie", cure)
    if values["regenerate_grace"] not in (DEFAULTS["regenerate_grace"], 0):
        cure = "leave out regenerate_grace, or preset"
        raise ConfigError("regenerate_grace", f"{system} leaves no trace of an id that was replaced", cure)
    if not dialect.has_metadata and values["absolute_age"] is not None:
        problem = f"{system} has no place for the time of a session's creation"
        raise ConfigError("absolute_age", problem, "leave out absolute_age, or preset")
    if dialect.plain_json and values["encode"] is not None:
        raise ConfigError("encode", f"{system} has a codec of its own", "leave out encode and decode")
    if not dialect.has_expiry and values["renew"]:
        problem = f"{system} writes no date that would tell how much is left"
        raise ConfigError("renew", problem, "leave out renew, or pass rolling=True")
    if dialect.algorithm is not None:
        _signs_by(values, system, dialect.algorithm)


def _signs_by(values: OptionValues, system: str, algorithm: Algorithm) -> None:
    """Check that cookies are signed with the one algorithm of a system."""
    if not values["signed"]:
        raise ConfigError("signed", f"{system} signs every cookie", "leave out signed")
    if values["algorithm"] != algorithm:
        raise ConfigError("algorithm", f"{system} signs by {algorithm} alone", "leave out algorithm")


def _with_store(values: OptionValues, dialect: Dialect) -> None:
    """Check the options that a store excludes or restricts."""
    of_browser = values["preset"] is None and values["max_age"] == "session"
    if values["ttl"] is not None and not dialect.stores_cookie and not of_browser:
        cure = "pass max_age=..., and leave out ttl; with max_age='session' it says how long a record is kept"
        raise ConfigError("ttl", "a record lives as long as its session", cure)
    if values["encrypt"]:
        cure = "leave out encrypt: the cookie holds a random id and nothing of the session"
        raise ConfigError("encrypt", "with a store there is nothing to hide in the cookie", cure)
    if values["encode"] is not None:
        raise ConfigError("encode", "encode and decode write a cookie's value, and the store has the session", "leave them out")
    if values["prefix"] and values["genid"] is not None and not dialect.prefixes_key:
        raise ConfigError("prefix", "it goes before ids of our own making, and genid makes them", "put it into what genid returns")
    given = values["store_timeout"]
    seconds = given.total_seconds() if isinstance(given, timedelta) else given
    if getattr(values["store"], "wait_replicas", 0) and seconds < _WAITS_S:
        problem = "with wait_replicas a logout may wait for half a second, and would be answered as one that was not done"
        raise ConfigError("store_timeout", problem, f"give {_WAITS_S} or more, or leave out wait_replicas")


def layout_problem(store: object, preset: str | None) -> str | None:
    """Return the problem of a preset and the layout of its store, and the cure; ``None`` if they fit.

    ``preset="koa"`` fits every layout: koa-session accepts any store with ``get``, ``set`` and ``destroy``.
    """
    layout = getattr(store, "layout", None)
    if preset == "koa" or not isinstance(layout, str):
        return None
    if layout in _LAYOUTS and _LAYOUTS[layout][0] != preset:
        other = "no preset" if preset is None else f"preset={preset!r}"
        cure = f"pass preset={_LAYOUTS[layout][0]!r}, or leave out layout"
        return f"{layout!r} with {other} shares no session with Node; {cure}"
    kinds = {kind.__name__ for kind in type(store).__mro__}
    for fit, (system, kind) in _LAYOUTS.items():
        if layout == "native" and system == preset and kind in kinds:
            return f"the store's own with preset={preset!r} shares no session with Node; pass layout={fit!r} to {kind}"
    return None
