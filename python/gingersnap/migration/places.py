"""The stores that a command names: by a URL, or by a Python name."""

import importlib
import re
from pathlib import Path
from typing import Any, Final

from .. import stores
from ..errors import ConfigError

_CURE: Final = "give a URL such as sqlite:///sessions.sqlite3, or package.module:name, without layout, table and prefix"


def open_store(name: str, layout: str | None, table: str | None, prefix: str | None, *, reads: bool = False) -> Any:
    """Make the store that a URL or a Python name stands for. ``reads``: one that is there; nothing is made that is not.

    Raises: ConfigError where there is none of that name, or an option does not go with it; ImportError without its driver.
    """
    given = {option: value for option, value in (("layout", layout), ("table", table), ("prefix", prefix)) if value is not None}
    if reads:
        _see_file(name)
    if name.startswith("sqlite:///"):
        return _made(stores.SQLiteStore, name.removeprefix("sqlite:///"), given)
    if re.match(r"(rediss?|unix)://", name):
        return _made(stores.RedisStore, name, given)
    if "://" in name:
        if prefix is not None:
            raise ConfigError("prefix", "a table has none", "leave it out")
        kind = stores.PostgresStore if re.match(r"postgres(ql)?://", name) else stores.SQLAlchemyStore
        return _made(kind, name, given | ({"create": False} if reads else {}))
    module, colon, attribute = name.partition(":")
    if given or not colon or not all(part.isidentifier() for part in [*module.split("."), attribute]):
        raise ConfigError("store", "it is neither a URL nor a Python name", _CURE)
    return _named(module, attribute)


def _see_file(name: str) -> None:
    """See that there is the file that a URL of SQLite names: its drivers make one otherwise."""
    url = re.match(r"sqlite(\+\w+)?:///([^?]+)", name)
    path = name.removeprefix("sqlite:///") if name.startswith("sqlite:///") else url and url[2]
    if path and not Path(path).exists():
        raise ConfigError("source", "there is no such file", "see whether its path is right; a relative one starts at this folder")


def _named(module: str, attribute: str) -> Any:
    try:
        made = getattr(importlib.import_module(module), attribute)
    except (ModuleNotFoundError, AttributeError) as error:
        if isinstance(error, ModuleNotFoundError) and not f"{module}.".startswith(f"{error.name}."):
            raise
        # An argument that looks like a name may be a URL without its slashes, with a password.
        raise ConfigError("store", "there is nothing of that Python name", _CURE) from None
    return made if hasattr(made, "load") and not isinstance(made, type) else made()


def _made(kind: Any, name: str, given: dict[str, Any]) -> Any:
    try:
        return kind(name, **given)
    except TypeError:
        raise ConfigError(min(given), f"{kind.__name__} has no such option", "leave it out") from None
