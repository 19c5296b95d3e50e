"""Name the key of a session that a store refuses, so that its error tells the client's data from a store that fails."""

from collections.abc import Callable
from typing import Any

from .. import _core
from ..errors import UnstorableError


def unstorable(problem: str, value: bytes = b"", is_bad: Callable[[str], bool] | None = None) -> UnstorableError:
    """Return the error of a value that a store cannot hold; its path leads to the first text that ``is_bad`` finds in ``value``."""
    path = "" if is_bad is None else _path(_core.loads_record(value), is_bad)
    return UnstorableError(path.removeprefix("."), problem)


def has_no_column(text: str) -> bool:
    """Return whether a text has a character that columns refuse: NUL, or half of a surrogate pair."""
    return any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in text)


def _path(value: Any, is_bad: Callable[[str], bool]) -> str:
    """Return the way to the first text that is bad; empty where there is none."""
    level = [("", value)]
    while level:
        inner: list[tuple[str, Any]] = []
        for path, item in level:
            if isinstance(item, str) and is_bad(item):
                return path
            if isinstance(item, dict):
                if any(map(is_bad, item)):
                    # The key itself cannot be printed: the way to what holds it is told.
                    return path or "a key"
                inner += [(f"{path}.{name}", member) for name, member in item.items()]
            elif isinstance(item, list):
                inner += [(f"{path}[{index}]", member) for index, member in enumerate(item)]
        level = inner
    return ""
