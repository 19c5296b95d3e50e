"""Starlette's ``SessionMiddleware`` as a drop-in: change one import line, and users stay logged in. It does not need Starlette."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, Unpack

from .config.options import hide_keys
from .config.suggestions import suggest
from .errors import ConfigError
from .events import Listener
from .middleware import SessionMiddleware as Middleware
from .option_types import DEFAULTS, EarlierConfiguration, OptionValues, Seconds
from .types import ASGIApp, Priority, SameSite, Scope

if TYPE_CHECKING:
    from starlette.datastructures import Secret


# Options of ours that Starlette has an argument for.
_ARGUMENTS: Final[Mapping[str, str]] = {
    "keys": "pass secret_key, and those before it as old_keys=[...]",
    "key": "pass session_cookie",
    "secure": "pass https_only",
    "preset": "leave it out, or use gingersnap.SessionMiddleware",
}
_NAMES: Final[Mapping[str, str]] = {"keys": "secret_key", "key": "session_cookie", "secure": "https_only"}
_SAME: Final = frozenset({"max_age", "path", "same_site", "domain", "partitioned"})
_ONWARD: Final = "use gingersnap.SessionMiddleware, with accept=[Accept(preset='starlette', ...)] to keep users logged in"


class OtherOptions(TypedDict, total=False):
    """The members of ``OptionValues`` that Starlette has no argument for and its cookie can use.

    They are listed because type checkers refuse a middleware with ``**options: Any`` in Starlette's ``add_middleware``.
    """

    allow_weak_keys: bool
    auto_commit: bool
    rolling: bool
    renew: bool
    http_only: bool
    overwrite: bool
    priority: Priority | None
    trust_proxy: bool
    valid: Callable[[Scope, Any], bool | Awaitable[bool]] | None
    before_save: Callable[[Scope, Any], Awaitable[None] | None] | None
    max_cookie_bytes: int
    max_header_bytes: int
    duplicates: Literal["reject", "first"]
    keep_empty: bool
    lazy_rolling: bool
    drop_bad_signature: bool
    cache_headers: bool
    match_path: bool
    commit_on_error: bool
    strict: bool
    accept: Sequence[EarlierConfiguration]
    scope_key: str
    listeners: Mapping[str, Listener]
    clock: Callable[[], float]


class SessionMiddleware(Middleware):
    """Starlette's ``SessionMiddleware``, argument for argument, with Starlette's cookies on the wire.

    ``secret_key`` is a ``str`` or Starlette's ``Secret``; a short one is accepted with a warning.
    ``max_age`` is in seconds, ``None``: until the browser closes. ``https_only`` may be ``"auto"``: Secure only over https.
    ``old_keys`` are the secrets before ``secret_key``, newest first: their signatures are read and signed again by ``secret_key``.
    ``options`` are those of ``gingersnap.SessionMiddleware``, such as ``rolling``.

    Raises: ConfigError where an option is unknown or wrong, and for a secret that is empty, stands in public documentation or
    is neither ``str`` nor ``Secret``.
    Source: starlette ``SessionMiddleware``.
    """

    def __init__(
        self,
        app: ASGIApp,
        secret_key: "str | Secret",
        session_cookie: str = "session",
        max_age: Seconds | None = 14 * 24 * 60 * 60,
        path: str = "/",
        same_site: SameSite = "lax",
        https_only: bool | Literal["auto"] = False,
        domain: str | None = None,
        partitioned: bool = False,
        *,
        old_keys: "Sequence[str | Secret]" = (),
        **options: Unpack[OtherOptions],
    ) -> None:
        given = _keys(secret_key, old_keys)
        # The locals of this frame must hold no key when it raises.
        del secret_key, old_keys
        if isinstance(given, ConfigError):
            raise given
        _check_names(options)
        given.update({"preset": "starlette", "key": session_cookie})
        given["max_age"] = "session" if max_age is None else max_age
        given["secure"] = "auto" if https_only == "auto" else bool(https_only)
        given.update({"path": path, "same_site": same_site, "domain": domain, "partitioned": bool(partitioned)})
        # A key that an application uses with Starlette today must be accepted.
        given["allow_weak_keys"] = True
        given.update(options)  # type: ignore[typeddict-item]
        try:
            super().__init__(app, **given)
        except ConfigError as error:
            raise _said_here(error, len(given["keys"])) from error


def _keys(secret_key: object, old_keys: object) -> OptionValues | ConfigError:
    """Return the secrets as our option, or the error: raised here, the traceback would show them."""
    if isinstance(old_keys, str | bytes) or not isinstance(old_keys, Sequence):
        return ConfigError("old_keys", f"it cannot be {type(old_keys).__name__}", "give a list of secrets, newest first")
    keys: list[str | bytes] = []
    for name, secret in [("secret_key", secret_key), *(("old_keys", key) for key in old_keys)]:
        text = _text(secret)
        if text is None:
            return ConfigError(name, f"it cannot be {type(secret).__name__}", _cure(secret))
        keys.append(text)
    return hide_keys({"keys": keys})


def _text(secret: object) -> str | None:
    """Return the text of a ``str`` or a ``Secret``. Starlette uses ``str()`` of any value: anybody can guess that of None."""
    if isinstance(secret, str):
        # The text of an enum's member is its name.
        return str.__str__(secret) if str(secret) == str.__str__(secret) else None
    if ("starlette.datastructures", "Secret") not in [(kind.__module__, kind.__name__) for kind in type(secret).__mro__]:
        return None
    try:
        return str(secret)
    except TypeError:
        # A Secret of a value that is no str.
        return None


def _cure(secret: object) -> str:
    cure = "give a str or Starlette's Secret of one"
    if secret is None:
        return f"{cure}: is the environment variable set that it is read from?"
    if isinstance(secret, list | tuple):
        return f"{cure}, and those before it as old_keys=[...]"
    return f"{cure}; if users are to stay logged in, what str() makes of this, which is what Starlette has signed by"


def _check_names(options: Collection[str]) -> None:
    for name in options:
        if name in _ARGUMENTS:
            raise ConfigError(name, "Starlette has an argument for it", _ARGUMENTS[name])
        if name not in DEFAULTS:
            raise ConfigError(name, "there is no such option", _suggest(name))


def _suggest(name: str) -> str:
    cure = suggest(name, [*_NAMES.values(), *_SAME, "old_keys", *OtherOptions.__annotations__])
    for ours, theirs in _NAMES.items():
        if cure.startswith(f"write {ours}"):
            return f"write {theirs}"
    return cure


def _said_here(error: ConfigError, secrets: int) -> ConfigError:
    """Return the error with the names of Starlette's arguments."""
    option, cure = error.option, error.cure.replace("secure=True", "https_only=True")
    if option in DEFAULTS and option not in {*_NAMES, *_SAME, *OtherOptions.__annotations__}:
        cure = _ONWARD
    problem = error.problem.replace("one of them", "it" if secrets == 1 else "it, or one of old_keys,")
    return ConfigError(_NAMES.get(option, option), problem, cure)
