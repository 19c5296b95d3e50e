"""A session that notes what the application does with it, so that one which only reads need not be compared."""

from collections.abc import Callable
from typing import Any

from .session import FETCHED, READ, Session

# Values that a caller can hold without being able to change the session through them.
_SCALARS = frozenset({str, int, float, bool, type(None)})


class WatchedSession(Session):
    """A session out of which nothing changeable was handed: it can change by no other way than its own methods.

    At the first call that hands out a list or a dict, or takes one, it turns into a plain ``Session`` with the
    methods of dict. A session that was not asked for costs no comparison.
    """

    __slots__ = ()

    def mark_accessed(self) -> None:
        self._touch = self._touch or FETCHED

    def get(self, key: str, default: Any = None, /) -> Any:
        value = dict.get(self, key, default)
        if type(value) not in _SCALARS:
            self.__class__ = Session  # type: ignore[assignment]
        else:
            self._touch = READ
        return value

    def __getitem__(self, key: str, /) -> Any:
        value = dict.__getitem__(self, key)
        if type(value) not in _SCALARS:
            self.__class__ = Session  # type: ignore[assignment]
        else:
            self._touch = READ
        return value

    def __setitem__(self, key: str, value: Any, /) -> None:
        dict.__setitem__(self, key, value)
        if type(value) in _SCALARS:
            self._touch, self._wrote = READ, True
        else:
            self.__class__ = Session  # type: ignore[assignment]


def _reading(name: str) -> Callable[..., Any]:
    plain = getattr(dict, name)

    def read(self: WatchedSession, *args: Any) -> Any:
        self._touch = READ
        return plain(self, *args)

    return read


def _releasing(name: str) -> Callable[..., Any]:
    plain = getattr(dict, name)

    def release(self: WatchedSession, *args: Any, **named: Any) -> Any:
        self.__class__ = Session  # type: ignore[assignment]
        return plain(self, *args, **named)

    return release


# Every other way into a dict: those that hand out keys, counts and verdicts, and those that hand out values or write.
for _name in ("__contains__", "__iter__", "__len__", "__reversed__", "__eq__", "__ne__", "keys"):
    setattr(WatchedSession, _name, _reading(_name))
for _name in (
    *("__delitem__", "__or__", "__ror__", "__ior__"),
    *("copy", "items", "pop", "popitem", "setdefault", "update", "values"),
):
    setattr(WatchedSession, _name, _releasing(_name))
WatchedSession.__name__ = WatchedSession.__qualname__ = "Session"
