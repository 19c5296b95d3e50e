"""The increments of a session's numbers, told apart from plain assignments: a merge adds them to what is there by then."""

from dataclasses import dataclass
from typing import Any

from .. import _core
from ..errors import UnserializableError
from .merge import Steps, is_number


@dataclass(frozen=True, slots=True)
class _Count:
    # None: the key was assigned to as well, which wins over the increments.
    step: int | float | None
    value: bytes
    """The key as JSON, after the last increment: a key that says something else was assigned to since."""


class Increments:
    """What was added to which key of a session since its text was ``text``."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self._was: dict[str, Any] | None = None
        self._counts: dict[str, _Count] = {}

    def __bool__(self) -> bool:
        return bool(self._counts)

    def add(self, data: dict[str, Any], key: str, by: int | float, value: int | float) -> None:
        """Note that ``by`` is about to be added to a key of ``data``, which makes it ``value``."""
        step: int | float | None
        if (known := self._counts.get(key)) is not None:
            step, expected = known.step, known.value
        else:
            if self._was is None:
                self._was = _core.loads(self.text) or {}
            step, expected = 0, _text(self._was, key)
        stands = step is not None and _text(data, key) == expected
        self._counts[key] = _Count(step + by if step is not None and stands else None, _core.dumps({key: value}))

    def steps(self, data: dict[str, Any]) -> Steps:
        """Return by how much each key was incremented, but for those that were assigned to as well."""
        return {
            key: count.step for key, count in self._counts.items() if count.step is not None and _text(data, key) == count.value
        }

    def follow(self, newer: "Increments") -> None:
        """Add the increments that came after these: the commit in between has failed."""
        for key, count in newer._counts.items():
            known = self._counts.get(key)
            step = count.step
            if known is not None:
                step = None if step is None or known.step is None else known.step + step
            self._counts[key] = _Count(step, count.value)

    @classmethod
    def over(cls, text: bytes, steps: Steps, data: dict[str, Any]) -> "Increments":
        """Return increments of ``data`` that are still to be written, over another text than the one they were made from."""
        self = cls(text)
        self._counts = {key: _Count(step, _text(data, key)) for key, step in steps.items() if key in data}
        return self


def incremented(data: dict[str, Any], key: str, by: int | float) -> int | float:
    """Return what an increment makes of a key; one that is not there counts from 0.

    Raises: TypeError where the key, ``by`` or what the key holds is of another kind; UnserializableError where no session holds the
    result.
    """
    if not isinstance(key, str):
        raise TypeError(f"increment: key must be a str, not {type(key).__name__}")
    if not is_number(by):
        raise TypeError(f"increment: by must be an int or a float, not {type(by).__name__}")
    now = dict.get(data, key, 0)
    if not is_number(now):
        raise TypeError(f"increment: {key!r} holds a {type(now).__name__}, not a number; set it to one first")
    try:
        value: int | float = now + by
    except OverflowError:
        raise UnserializableError(key, "a number that is too large") from None
    _core.dumps({key: value})
    return value


def _text(data: dict[str, Any], key: str) -> bytes:
    # Not by the session's own methods: looking at it is not using it.
    return _core.dumps({key: dict.__getitem__(data, key)}) if dict.__contains__(data, key) else b""
