"""Sessions that cannot be used as they are: the store failed, or they were not fetched yet."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Self

from ..errors import DegradedError, NotLoadedError
from ..session.session import READ, UNTOUCHED, Session

_READS = (
    *("__contains__", "__iter__", "__len__", "__reversed__", "__eq__", "__ne__", "__getitem__", "__or__", "__ror__"),
    *("get", "keys", "items", "values", "copy"),
)
_WRITES = ("__setitem__", "__delitem__", "__ior__", "clear", "pop", "popitem", "setdefault", "update", "increment")
_TELLS = ("is_new", "changed", "owner", "max_age", "expires_at", "created_at", "external_key", "store_key")
_ENDS = ("regenerate", "login", "destroy", "logout")
_MARKS = ("save", "touch", "regenerate", "login", "destroy", "logout", "replace")
# The content of a session that was not read: json looks behind a dict's methods whether it is empty, and this one is not.
_UNREAD: Final = object()
_REPR: Final = "<Session: not loaded>"


class UnavailableSession(Session):
    """The store could not be asked: code that touches the session gets an error, and cannot take it for an empty one."""

    __slots__ = ()

    @property
    def accessed(self) -> bool:
        # It hands nothing out, behind its methods either.
        return self._touch > UNTOUCHED

    def _refuse(self) -> Exception:
        self._touch = READ
        # A load that failed is the one way to this class, and it left its error.
        return self._conduct().unavailable_error()

    @property
    def _context(self) -> Any:
        raise self._refuse()

    def mark_accessed(self) -> None:
        self._touch = READ

    async def load(self) -> Self:
        self._touch = READ
        await self._conduct().load(self)
        return self

    async def reload(self) -> Self:
        await self._conduct().reload(self)
        return self

    def __repr__(self) -> str:
        return _REPR

    __hash__ = None  # type: ignore[assignment]


class DegradedSession(Session):
    """The store could not be asked, and the application wants an empty session for that: it can only be read."""

    __slots__ = ()

    @property
    def accessed(self) -> bool:
        # Whatever the response says, it is not what it would have said to the same client otherwise.
        return True

    def _refuse(self) -> Exception:
        return DegradedError()

    __hash__ = None  # type: ignore[assignment]


class DeferredSession(Session):
    """``defer=True``: the store was not asked yet. It can be replaced or ended as it is, and is used after ``load``."""

    __slots__ = ()

    @property
    def accessed(self) -> bool:
        # Fetching the object is not using the session.
        return self._touch > UNTOUCHED

    def _refuse(self) -> Exception:
        return NotLoadedError()

    def mark_accessed(self) -> None:
        """Fetching the object is not using the session."""

    def replace(self, data: Mapping[str, Any]) -> None:
        self.__class__ = Session  # type: ignore[assignment]
        self.replace(data)

    def destroy(self) -> None:
        self.__class__ = Session  # type: ignore[assignment]
        self.destroy()

    def __repr__(self) -> str:
        return _REPR

    __hash__ = None  # type: ignore[assignment]


def make_unloaded(session: Session, kind: type[Session]) -> None:
    """Make a session one of these."""
    session.__class__ = kind
    dict.clear(session)
    if kind is not DegradedSession:
        dict.__setitem__(session, "", _UNREAD)


def _refusing(name: str) -> Callable[..., Any]:
    def refuse(self: Any, *_: Any, **__: Any) -> Any:
        raise self._refuse()

    refuse.__name__ = name
    return refuse


def _refusing_end(name: str) -> Callable[..., Any]:
    def refuse(self: Any, *_: Any, **__: Any) -> Any:
        # A logout that did not happen is never reported as done, whatever the application has asked for besides.
        self._touch = READ
        raise self._conduct().unavailable_error(ending=True)

    refuse.__name__ = name
    return refuse


for _name in (*_READS, *_WRITES, *_MARKS):
    setattr(UnavailableSession, _name, _refusing(_name))
for _name in (*_WRITES, *_MARKS):
    setattr(DegradedSession, _name, _refusing(_name))
for _name in _ENDS:
    setattr(UnavailableSession, _name, _refusing_end(_name))
    setattr(DegradedSession, _name, _refusing_end(_name))
for _name in (*_READS, *_WRITES, "save", "touch", "regenerate", "login"):
    setattr(DeferredSession, _name, _refusing(_name))
for _name in _TELLS:
    setattr(DeferredSession, _name, property(_refusing(_name), _refusing(_name)))
for _class in (UnavailableSession, DegradedSession, DeferredSession):
    _class.__name__ = _class.__qualname__ = "Session"
