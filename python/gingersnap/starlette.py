"""Starlette's own constructor: one changed import line, and users stay logged in. It does not need Starlette."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, Unpack

from .errors import ConfigError
from .events import Listener
from .middleware import SessionMiddleware as Middleware
from .options import OptionValues, Seconds, hide_keys
from .types import ASGIApp, Priority, SameSite, Scope

if TYPE_CHECKING:
    from .accept import Accept

# Options of ours that Starlette's arguments say already.
_ARGUMENTS: Final[Mapping[str, str]] = {
    "keys": "pass secret_key, and those before it as old_keys=[...]",
    "key": "pass session_cookie",
    "secure": "pass https_only",
    "preset": "leave it out, or use gingersnap.SessionMiddleware",
}


class OtherOptions(TypedDict, total=False):
    """Those of ``OptionValues`` that Starlette has no argument for, and its cookie a use.

    They are named because type checkers take no middleware with ``**options: Any`` where Starlette's ``add_middleware`` does.
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
    accept: "Sequence[Accept]"
    scope_key: str
    listeners: Mapping[str, Listener]
    clock: Callable[[], float]


class SessionMiddleware(Middleware):
    """Starlette's ``SessionMiddleware``, argument for argument, with Starlette's cookies on the wire.

    ``secret_key`` is whatever ``str()`` turns into the key, as Starlette's ``Secret``; a short one is taken, with a warning.
    ``max_age`` is in seconds, ``None``: until the browser closes. ``https_only`` may be ``"auto"``: Secure over https alone.
    ``old_keys`` are the secrets before ``secret_key``, newest first: what they signed is read, and signed anew by ``secret_key``.
    ``options`` are those of ``gingersnap.SessionMiddleware``, such as ``rolling``.

    Raises: ConfigError where an option is unknown or wrong, and for a key that is empty or stands in public documentation.
    Source: starlette ``SessionMiddleware``.
    """

    def __init__(
        self,
        app: ASGIApp,
        secret_key: object,
        session_cookie: str = "session",
        max_age: Seconds | None = 14 * 24 * 60 * 60,
        path: str = "/",
        same_site: SameSite = "lax",
        https_only: bool | Literal["auto"] = False,
        domain: str | None = None,
        partitioned: bool = False,
        *,
        old_keys: Sequence[object] = (),
        **options: Unpack[OtherOptions],
    ) -> None:
        for name in _ARGUMENTS.keys() & options.keys():
            raise ConfigError(name, "Starlette has an argument for it", _ARGUMENTS[name])
        if isinstance(old_keys, str | bytes) or not isinstance(old_keys, Sequence):
            raise ConfigError("old_keys", f"it cannot be {type(old_keys).__name__}", "give a list of secrets, newest first")
        # Starlette signs by str() of what it is given, whatever that is.
        given: OptionValues = {"keys": [str(key) for key in (secret_key, *old_keys)], "preset": "starlette", "key": session_cookie}
        given = hide_keys(given)
        # No key stays in a local of this frame when it raises.
        del secret_key, old_keys
        given["max_age"] = "session" if max_age is None else max_age
        given["secure"] = "auto" if https_only == "auto" else bool(https_only)
        given.update({"path": path, "same_site": same_site, "domain": domain, "partitioned": bool(partitioned)})
        # What an application runs on today must not keep it from this one line.
        given["allow_weak_keys"] = True
        given.update(options)  # type: ignore[typeddict-item]
        super().__init__(app, **given)
