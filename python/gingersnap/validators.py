"""Check one value by itself. Each error names the option, the shape of the value and the cure, never the value."""

import math
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from .errors import ConfigError

LONGEST_AGE: Final = 400 * 86_400
"""The longest lifetime of a cookie, in seconds: browsers cut it there (RFC 6265bis section 5.6.1)."""

KOA_LONGEST_AGE: Final = 2**52 / 1000
"""koa sets no bound; this one keeps every date an integer that JavaScript holds exactly. Seconds."""

LONGEST_ATTRIBUTE: Final = 1024
"""How many characters a name, a domain, a path or a prefix may have."""
_SECONDS: Final = "give a number of seconds above 0"


def shape(value: object) -> str:
    """Describe a value by its type and size, never by its content."""
    size = f" of length {len(value)}" if isinstance(value, str | bytes | list | tuple | dict) else ""
    return f"{type(value).__name__}{size}"


def refusal(name: str, value: object, cure: str) -> ConfigError:
    """Return the error for a value of a wrong type."""
    return ConfigError(name, f"it cannot be {shape(value)}", cure)


def flag(name: str, value: object) -> bool:
    """Check a bool."""
    if isinstance(value, bool):
        return value
    raise refusal(name, value, "give True or False")


def one_of(*choices: object) -> Callable[[str, object], Any]:
    """Return a check for one of several choices."""

    def check(name: str, value: object) -> object:
        for choice in choices:
            # Return the choice, not the equal value: the text of an enum's member may differ from the value that it equals.
            if value is choice or (isinstance(value, str) and isinstance(choice, str) and str.__eq__(value, choice)):
                return choice
        near = [choice for choice in choices if isinstance(value, str) and isinstance(choice, str) and value.lower() == choice]
        guess = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(name, f"{shape(value)} is none of the choices", f"choose among {', '.join(map(repr, choices))}{guess}")

    return check


def matching(name: str, value: object, pattern: re.Pattern[str], cure: str) -> str:
    """Check a ``str`` that must match a pattern and be at most ``LONGEST_ATTRIBUTE`` characters."""
    if not isinstance(value, str):
        raise refusal(name, value, cure)
    if not pattern.fullmatch(value):
        raise ConfigError(name, f"this {shape(value)} has characters or a form that the grammar forbids", cure)
    if len(value) > LONGEST_ATTRIBUTE:
        raise ConfigError(name, f"this {shape(value)} is too long", f"stay within {LONGEST_ATTRIBUTE} characters")
    # As a plain str: a subclass's text may differ from the value that was checked.
    return str.__str__(value)


def age_ms(name: str, value: object, longest: float = LONGEST_AGE) -> int:
    """Convert a lifetime in seconds to whole milliseconds."""
    cure = "give a positive number of seconds or a timedelta (koa-session counts milliseconds, Gingersnap seconds)"
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise refusal(name, value, cure)
    if not 0.001 <= seconds < math.inf:
        raise ConfigError(name, "it is not a positive number", cure)
    if seconds > longest:
        raise ConfigError(name, f"it is more than {longest // 86_400:.0f} days", f"{cure}; browsers stop at 400 days")
    return round(seconds * 1000)


def check_owner(call: str, owner: object) -> str:
    """Return an owner as it is.

    Raises: TypeError where it is not a non-empty ``str``, with a message that names ``call``.
    """
    if not isinstance(owner, str) or not owner:
        given = "an empty one" if isinstance(owner, str) else type(owner).__name__
        raise TypeError(f"{call}: owner must be a non-empty str, not {given}; pass str(user.id)")
    return owner


def check_keep(keep: object) -> None:
    """Raise TypeError where the key that ``destroy_all`` is to keep is neither a ``str`` nor ``None``: it would keep none."""
    if keep is not None and not isinstance(keep, str):
        raise TypeError(f"destroy_all: keep must be a str or None, not {type(keep).__name__}; pass session.store_key")


def seconds(option: str, given: object, cure: str = _SECONDS) -> float:
    """Return a time in seconds as given. Raises: ConfigError if it is no finite number above 0."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < float("inf"):
        raise ConfigError(option, f"it cannot be {given!r}", cure)
    return given


def seconds_or_never(option: str, given: object) -> float | None:
    """Return an interval in seconds as given; ``None``: never. Raises: ConfigError if it is neither."""
    return None if given is None else seconds(option, given, f"{_SECONDS}, or None for never")
