"""The times that stores are given, in seconds."""

from typing import Final

from ..errors import ConfigError

_CURE: Final = "give a number of seconds above 0"


def seconds(option: str, given: object, cure: str = _CURE) -> float:
    """Give a time as it came. Raises: ConfigError where it is no finite number above 0."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < float("inf"):
        raise ConfigError(option, f"it cannot be {given!r}", cure)
    return given


def seconds_or_never(option: str, given: object) -> float | None:
    """Give how often something is done; ``None``: never by itself. Raises: ConfigError where it is neither."""
    return None if given is None else seconds(option, given, f"{_CURE}, or None for never")
