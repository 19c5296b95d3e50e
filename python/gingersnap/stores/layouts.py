"""The layouts that stores of Node have, which ours can keep too: their names, their owners that are none, their lifetimes."""

from typing import Any, Final, Literal, TypeAlias

from ..errors import ConfigError

RedisLayout: TypeAlias = Literal["native", "connect-redis", "koa-redis"]

PREFIXES: Final = {"native": "gingersnap:", "connect-redis": "sess:", "koa-redis": ""}
"""What each layout's keys in Redis begin with, if no option says otherwise."""

PostgresLayout: TypeAlias = Literal["native", "connect-pg-simple"]
SQLAlchemyLayout: TypeAlias = Literal["native", "express-mysql-session"]

TABLES: Final = {"native": "gingersnap_session", "connect-pg-simple": "session", "express-mysql-session": "sessions"}
"""The table of each layout, if no option says otherwise."""


class Ownerless:
    """Tells code that asks a store for an owner's sessions that its layout has no place for owners.

    The store's class has ``None`` in place of each call, which says to isinstance() in every Python that it is no ``OwnerIndex``;
    a property would say so in none. To code that calls it, ``None`` says nothing.
    """

    layout: Any

    def __getattribute__(self, name: str) -> Any:
        if name in ("sessions_of", "destroy_all"):
            problem = f"no {name} with layout={self.layout!r}: its records have no owner"
            raise AttributeError(f"{problem}; keep sessions with the native layout", name=name, obj=self)
        # Not by super(): every call of the store passes here, several times.
        return object.__getattribute__(self, name)


def refuse_owner(owner: str | None, layout: str) -> None:
    """Refuse an owner where there is no place for one.

    Raises: ConfigError where there is an owner.
    """
    if owner is not None:
        raise ConfigError("owner", f"a record of {layout} has none", 'keep sessions with layout="native"')


def refuse_subclass(store: type) -> ConfigError:
    """Say why a subclass cannot have a layout of Node's: another class than it keeps that."""
    return ConfigError("layout", f"a subclass of {store.__name__} has the native one", f"make a {store.__name__} itself")


def whole_seconds(ttl_ms: int) -> int:
    """Lengthen a lifetime to whole seconds, as Node's stores do; one of less than a second is to end at once, and stays."""
    return max(1, ttl_ms) if ttl_ms < 1000 else -(-ttl_ms // 1000) * 1000
