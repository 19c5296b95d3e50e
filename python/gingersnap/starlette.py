"""Starlette's own constructor: one changed import line, and users stay logged in. It does not need Starlette."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from .errors import ConfigError
from .middleware import SessionMiddleware as Middleware
from .options import OptionValues, hide_keys
from .types import ASGIApp, SameSite

# Options of ours that Starlette's arguments say already.
_ARGUMENTS: Final[Mapping[str, str]] = {
    "keys": "pass secret_key, and those before it as old_keys=[...]",
    "key": "pass session_cookie",
    "secure": "pass https_only",
    "preset": "leave it out, or use gingersnap.SessionMiddleware",
}


class SessionMiddleware(Middleware):
    """Starlette's ``SessionMiddleware``, argument for argument, with Starlette's cookies on the wire.

    ``secret_key`` is whatever ``str()`` turns into the key, as Starlette's ``Secret``; a short one is taken, with a warning.
    ``max_age`` is in seconds, ``None``: until the browser closes. ``https_only`` may be ``"auto"``: Secure over https alone.
    ``old_keys`` are the secrets before ``secret_key``, newest first: what they signed is read, and signed anew by ``secret_key``.
    ``options`` are those of ``gingersnap.SessionMiddleware`` that Starlette has no argument for, such as ``rolling``.

    Raises: ConfigError where an option is unknown or wrong, and for a key that is empty or stands in public documentation.
    Source: starlette ``SessionMiddleware``.
    """

    def __init__(
        self,
        app: ASGIApp,
        secret_key: object,
        session_cookie: str = "session",
        max_age: float | None = 14 * 24 * 60 * 60,
        path: str = "/",
        same_site: SameSite = "lax",
        https_only: bool | Literal["auto"] = False,
        domain: str | None = None,
        partitioned: bool = False,
        *,
        old_keys: Sequence[object] = (),
        **options: Any,
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
