"""The session of a request that failed, as an error page outside of the middleware sees it: Starlette's handler for 500 is one.

The middleware is done by then, so that nothing can be saved: what is changed there is reported as any late change is.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from .. import _core
from ..errors import SessionSealed, UnserializableError, shown
from ..types import Scope
from .session import Session
from .watched import WatchedSession

_ON_KEYS = ("__setitem__", "__delitem__", "setdefault", "pop", "increment")
_ON_ALL = ("__ior__", "update", "clear", "popitem", "replace")
_MARKS = ("save", "touch", "regenerate", "login", "destroy")


class FailedSession(Session):
    """A session of a request that has failed: each change is made, and reported as lost."""

    __slots__ = ()


def fail(session: Session, scope: Scope) -> None:
    """Have what changes from here on reported. One that stands in for a session that the store could not give stays as it is.

    What no method of the session sees (a list that it holds, another value in the scope) is looked for when the task ends.
    """
    if session.__class__ not in (Session, WatchedSession):
        return
    # It keeps what an event has to know of the request.
    state = session._conduct().state
    session.__class__ = FailedSession
    state.seen = _texts(session)
    cookie = None if state.set_cookie is None else state.set_cookie.as_set
    try:
        task = asyncio.current_task()
    except RuntimeError:
        # Another event loop than asyncio's.
        return
    if task is not None:
        task.add_done_callback(lambda _: _look_again(session, scope, cookie))


def _look_again(session: Session, scope: Scope, cookie: object) -> None:
    """Report what changed since the last report."""
    state = session._conduct().state
    before, now = state.seen, _texts(session)
    keys = [shown(key) for key in {**before, **now} if before.get(key) != now.get(key)]
    if scope.get(session._key, session) is not session:
        keys.append("(another value in the scope)")
    set_cookie = state.set_cookie
    if set_cookie is not None and (set_cookie.differs if cookie is None else set_cookie.as_set != cookie):
        keys.append("(cookie)")
    # Only the log and the listeners are left to be told.
    with suppress(SessionSealed):
        session._opener.report_failed(session, ", ".join(keys))


def _texts(session: Session) -> dict[str, bytes]:
    """Return each value as JSON; one that cannot be written by its type."""
    texts = {}
    for key, value in dict.copy(session).items():
        try:
            texts[key] = _core.dumps({"": value})
        except (UnserializableError, RuntimeError):
            # A thread may write to it meanwhile.
            texts[key] = type(value).__name__.encode()
    return texts


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
        self._conduct().state.seen = _texts(self)
        self._opener.report_failed(self, ", ".join(keys))
        return result

    change.__name__ = name
    return change


for _name in (*_ON_KEYS, *_ON_ALL, *_MARKS):
    setattr(FailedSession, _name, _reporting(_name))
FailedSession.__name__ = FailedSession.__qualname__ = "Session"
