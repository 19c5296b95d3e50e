"""Values that stand for "no session" in a scope: ``None``, and the markers of frameworks, known by their names alone."""

from enum import Enum
from typing import Final

_NAMES: Final = frozenset({"empty", "missing", "nothing", "notset", "undefined", "unset"})
"""Names of such markers, in small letters and without underscores: those of Litestar, msgspec, attrs and Pydantic."""


def is_none(value: object) -> bool:
    """Return whether a value in the scope stands for no session."""
    return value is None or (not issubclass(type(value), dict) and _name(value) in _NAMES)


def _name(value: object) -> str:
    # By ``type``: the guard of a session that is not loaded may raise for whatever it is asked, its ``__class__`` too.
    kind: type = type(value)
    if issubclass(kind, Enum):
        return _plain(value.name)  # type: ignore[attr-defined]
    # A marker is a class, or the one instance of a class that bears its name: ``UnsetType``, ``_MISSING_TYPE``.
    return _plain(value.__name__ if issubclass(kind, type) else kind.__name__)  # type: ignore[attr-defined]


def _plain(name: str) -> str:
    return name.lower().replace("_", "").removeprefix("pydantic").removesuffix("type")
