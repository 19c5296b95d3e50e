"""The layouts that stores of Node have, which ours can keep too: their names, their owners that are none, their lifetimes."""

from collections.abc import Callable
from types import MethodType
from typing import Any, Final, Literal, TypeAlias, TypeVar, cast

from ..errors import ConfigError

RedisLayout: TypeAlias = Literal["native", "connect-redis", "koa-redis"]

PREFIXES: Final = {"native": "gingersnap:", "connect-redis": "sess:", "koa-redis": ""}
"""What each layout's keys in Redis begin with, if no option says otherwise."""

PostgresLayout: TypeAlias = Literal["native", "connect-pg-simple"]
SQLAlchemyLayout: TypeAlias = Literal["native", "express-mysql-session"]

TABLES: Final = {"native": "gingersnap_session", "connect-pg-simple": "session", "express-mysql-session": "sessions"}
"""The table of each layout, if no option says otherwise."""


_Call = TypeVar("_Call", bound=Callable[..., Any])


class _OwnerCall:
    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call
        self.__doc__ = call.__doc__

    def __get__(self, store: Any, kind: type) -> Callable[..., Any]:
        if store is None:
            return self._call
        if store.layout != "native":
            name = self._call.__name__
            problem = f"no {name} with layout={store.layout!r}: its records have no owner"
            raise AttributeError(f"{problem}; keep sessions with the native layout", name=name, obj=store)
        return MethodType(self._call, store)


def owner_call(call: _Call) -> _Call:
    """Make a method of a store one that only its native layout has: with another the store is no ``OwnerIndex``.

    Raises: AttributeError, when the method is asked for under another layout.
    """
    return cast("_Call", _OwnerCall(call))


def refuse_owner(owner: str | None, layout: str) -> None:
    """Refuse an owner where there is no place for one.

    Raises: ConfigError where there is an owner.
    """
    if owner is not None:
        raise ConfigError("owner", f"a record of {layout} has none", 'keep sessions with layout="native"')


def whole_seconds(ttl_ms: int) -> int:
    """Lengthen a lifetime to whole seconds, as Node's stores do; one of less than a second is to end at once, and stays."""
    return max(1, ttl_ms) if ttl_ms < 1000 else -(-ttl_ms // 1000) * 1000
