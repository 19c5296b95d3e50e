"""The session of a request that failed, as an error page outside of the middleware sees it: Starlette's handler for 500 is one.

The middleware is done by then, so that nothing can be saved: what is changed there is reported as any late change is.
"""

from collections.abc import Callable
from typing import Any

from ..errors import shown
from .session import Session
from .watched import WatchedSession

_ON_KEYS = ("__setitem__", "__delitem__", "setdefault", "pop", "increment")
_ON_ALL = ("__ior__", "update", "clear", "popitem", "replace")
_MARKS = ("save", "touch", "regenerate", "login", "destroy")


class FailedSession(Session):
    """A session of a request that has failed: each change is made, and reported as lost."""

    __slots__ = ()


def fail(session: Session) -> None:
    """Have what changes from here on reported. One that stands in for a session that the store could not give stays as it is."""
    if session.__class__ in (Session, WatchedSession):
        # It keeps what an event has to know of the request.
        session._conduct()
        session.__class__ = FailedSession


def _reporting(name: str) -> Callable[..., Any]:
    plain = getattr(Session, name)

    def change(self: FailedSession, *args: Any, **named: Any) -> Any:
        before = dict.copy(self)
        result = plain(self, *args, **named)
        if name in _MARKS:
            keys = ["(mark)"]
        elif name in _ON_KEYS:
            keys = [shown(args[0])] if args else []
        else:
            keys = [shown(key) for key in {**before, **self} if before.get(key, ...) is not dict.get(self, key, ...)]
        # ``replace`` and ``clear`` make a plain session of it.
        self.__class__ = FailedSession
        self._opener.report_failed(self, ", ".join(keys))
        return result

    change.__name__ = name
    return change


for _name in (*_ON_KEYS, *_ON_ALL, *_MARKS):
    setattr(FailedSession, _name, _reporting(_name))
FailedSession.__name__ = FailedSession.__qualname__ = "Session"
