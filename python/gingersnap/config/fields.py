"""Check each option by itself. Each error names the option, the shape of its value and the cure."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, get_args

from ..cookies.attributes import check_domain, check_path
from ..dialects.dialect import Dialect
from ..errors import ConfigError
from ..option_types import OptionValues
from ..stores.cures import cure_for
from ..types import Algorithm, Priority, SameSite
from ..validators import KOA_LONGEST_AGE, LONGEST_AGE, age_ms, flag, matching, one_of, refusal, shape
from .keys import prepare_keys

# RFC 9110 section 5.6.2, as RFC 6265 section 4.1.1 asks of a cookie-name.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# koa: `cookies` takes almost anything, and koa-session's own name was "koa:sess" before version 6.
_KOA_NAME = re.compile(r"[!-:<>-~]+")
_PREFIX = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_LONGEST_CALL = 60.0


def _callable(name: str, value: object) -> object:
    if value is None or callable(value):
        return value
    raise refusal(name, value, "give a function, or None")


def _timeout(name: str, value: object) -> float:
    cure = f"give a positive number of seconds or a timedelta, at most {_LONGEST_CALL:.0f} s"
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise refusal(name, value, cure)
    if not 0.001 <= seconds <= _LONGEST_CALL:
        raise ConfigError(name, "it is out of bounds", cure)
    return float(seconds)


def grace_ms(name: str, value: object) -> int:
    """Convert a short time in seconds, or 0 for none, to whole milliseconds."""
    cure = f"give 0, or a number of seconds or a timedelta of at most {_LONGEST_CALL:.0f} s"
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise refusal(name, value, cure)
    if seconds != 0 and not 0.001 <= seconds <= _LONGEST_CALL:
        raise ConfigError(name, "it is out of bounds", cure)
    return round(seconds * 1000)


def _clock(name: str, value: object) -> object:
    if callable(value):
        return value
    raise refusal(name, value, "give a function that tells the time in seconds since 1970, or leave it out")


def _scope_key(name: str, value: object) -> str:
    if isinstance(value, str) and value:
        return value
    raise refusal(name, value, "give the key of the ASGI scope, such as 'session'")


def _octets(most: int) -> Callable[[str, object], int]:
    def check(name: str, value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and 64 <= value <= most:
            return value
        raise ConfigError(name, f"this {shape(value)} is no number of bytes from 64 to {most}", "leave it out for the default")

    return check


def _has(value: object, *calls: str) -> bool:
    """Return whether a value has these methods and is no class."""
    return not isinstance(value, type) and all(callable(getattr(value, call, None)) for call in calls)


def _store(name: str, value: object) -> object:
    # The last kind is PlainStore, which adapts a store of the second kind to the first.
    kinds = (("load", "create", "replace", "move", "touch", "destroy"), ("get", "set", "destroy"), ("serving", "ask"))
    if value is None or any(_has(value, *calls) for calls in kinds):
        return value
    problem = f"it cannot be the class {value.__name__}" if isinstance(value, type) else f"it cannot be {shape(value)}"
    raise ConfigError(name, problem, cure_for(value))


def _external_key(name: str, value: object) -> object:
    if value is None or _has(value, "get", "set"):
        return value
    raise refusal(name, value, "give HeaderKey('x-session-token'), or an object with the methods get and set")


def _prefix(name: str, value: object) -> str:
    if value == "":
        return ""
    return matching(name, value, _PREFIX, "give letters, digits, '.', ':', '-' and '_', at most 64 of them")


def _on_store_error(name: str, value: object) -> object:
    return value if callable(value) else one_of("unavailable", "raise", "anonymous")(name, value)


def _names(name: str, value: object) -> frozenset[str]:
    if isinstance(value, list | tuple | set | frozenset) and all(isinstance(key, str) for key in value):
        return frozenset(value)
    raise refusal(name, value, "give a list of the session's keys that only make sense together, as ['user', 'role']")


def _accept(name: str, value: object) -> tuple[Any, ...]:
    if isinstance(value, list | tuple) and all(type(getattr(entry, "until_ms", None)) is int for entry in value):
        return tuple(value)
    raise refusal(name, value, "give a list of gingersnap.Accept(until=..., and your previous options)")


_EACH: Mapping[str, Callable[[str, Any], Any]] = {
    "auto_commit": flag,
    "rolling": flag,
    "renew": flag,
    "signed": flag,
    "algorithm": one_of(*get_args(Algorithm)),
    "encrypt": flag,
    "http_only": flag,
    "overwrite": flag,
    "secure": one_of(True, False, "auto"),
    "same_site": one_of(*get_args(SameSite), "auto", None),
    "path": check_path,
    "partitioned": flag,
    "priority": one_of(*get_args(Priority), None),
    "trust_proxy": flag,
    "encode": _callable,
    "decode": _callable,
    "valid": _callable,
    "before_save": _callable,
    "max_cookie_bytes": _octets(65_536),
    "max_header_bytes": _octets(1_048_576),
    "duplicates": one_of("reject", "first"),
    "keep_empty": flag,
    "lazy_rolling": flag,
    "drop_bad_signature": flag,
    "cache_headers": flag,
    "store": _store,
    "context_store": _callable,
    "genid": _callable,
    "prefix": _prefix,
    "external_key": _external_key,
    "defer": flag,
    "resave": flag,
    "allow_empty": flag,
    "unset": one_of("destroy", "keep"),
    "match_path": flag,
    "on_conflict": one_of("merge", "overwrite", "raise"),
    "atomic_keys": _names,
    "on_store_error": _on_store_error,
    "store_breaker": flag,
    "strict_startup": flag,
    "commit_on_error": flag,
    "strict": flag,
    "preset": lambda _, value: value,
    "accept": _accept,
    "scope_key": _scope_key,
    "clock": _clock,
}


def check_each(values: OptionValues, dialect: Dialect) -> dict[str, Any]:
    """Check each option by itself and return the fields of ``SessionOptions``."""
    given: Mapping[str, Any] = dict(values)
    fields = {name: check(name, given[name]) for name, check in _EACH.items()}
    fields["dialect"] = dialect
    name = _KOA_NAME if dialect.accepts_any_name else _TOKEN
    fields["key"] = matching("key", given["key"], name, "give a cookie name of letters, digits, '.', '-' and '_'")
    fields["domain"] = check_domain("domain", given["domain"], dotted=dialect.dotted_domain)
    longest = KOA_LONGEST_AGE if dialect.accepts_any_name else LONGEST_AGE
    max_age, absolute_age, ttl = given["max_age"], given["absolute_age"], given["ttl"]
    # koa: without maxAge a session lives a day, but its first cookie carries no date.
    fields["cookie_has_expires"] = max_age is not None
    if max_age is None and given["preset"] != "koa":
        raise ConfigError("max_age", "it cannot be None", "give seconds, a timedelta, or 'session' for the life of the browser")
    seconds = 86_400 if max_age is None else max_age
    fields["max_age_ms"] = None if seconds == "session" else age_ms("max_age", seconds, longest)
    fields["absolute_ms"] = None if absolute_age is None else age_ms("absolute_age", absolute_age, longest)
    fields["ttl"] = ttl if ttl is None or callable(ttl) else age_ms("ttl", ttl, longest)
    fields["regenerate_grace_ms"] = grace_ms("regenerate_grace", given["regenerate_grace"])
    fields["store_timeout_s"] = _timeout("store_timeout", given["store_timeout"])
    fields["keys"] = prepare_keys(
        given["keys"], raw=dialect.accepts_any_name, allow_weak=flag("allow_weak_keys", given["allow_weak_keys"])
    )
    return fields
