"""The attributes of one cookie: their values, the checks of each, and the checks of combinations."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, get_args

from ..errors import ConfigError
from ..option_types import CookieOptions
from ..types import Priority, SameSite
from ..validators import flag, matching, one_of

# RFC 1034 section 3.5 with RFC 1123 section 2.1; RFC 6265 section 4.1.1 has no leading dot.
_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*", re.ASCII | re.IGNORECASE)
_DOTTED_DOMAIN = re.compile(rf"\.?{_DOMAIN.pattern}", re.ASCII | re.IGNORECASE)
# RFC 6265 section 4.1.1, path-value; a client would trim a space at its end.
_PATH = re.compile(r"/(?:[ -:<-~]*[!-:<-~])?")


def check_domain(name: str, value: object, *, dotted: bool = False) -> str | None:
    """Check a Domain attribute. ``dotted``: it may start with a dot."""
    pattern = _DOTTED_DOMAIN if dotted else _DOMAIN
    cure = "give a host name such as 'example.com', without a leading dot"
    return None if value is None else matching(name, value, pattern, cure)


def check_path(name: str, value: object) -> str:
    """Check a Path attribute."""
    return matching(name, value, _PATH, "give a path that starts with '/' and has no ';' or control character")


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of one Set-Cookie line, without Expires and Max-Age. Source: cookies ``Cookie.toHeader``."""

    path: str
    domain: str | None
    priority: Priority | None
    same_site: SameSite | None
    secure: bool
    http_only: bool
    partitioned: bool

    @classmethod
    def of(cls, options: CookieOptions, *, secure: bool) -> "Attributes":
        """Return the attributes that the options set, for a connection that is secure or not."""
        same_site = options.same_site
        if same_site == "auto":
            same_site = "none" if secure else "lax"
        return cls(
            path=options.path,
            domain=options.domain,
            priority=options.priority,
            same_site=same_site,
            secure=secure,
            http_only=options.http_only,
            partitioned=options.partitioned,
        )

    def head(self) -> bytes:
        """Write the attributes before Expires, in the order of ``cookies``."""
        return f"; path={self.path}".encode("ascii")

    def tail(self) -> bytes:
        """Write the attributes after Expires, in the order of ``cookies``."""
        parts = [
            f"domain={self.domain}" if self.domain else "",
            f"priority={self.priority}" if self.priority else "",
            f"samesite={self.same_site}" if self.same_site else "",
            "secure" if self.secure else "",
            "httponly" if self.http_only else "",
            "partitioned" if self.partitioned else "",
        ]
        return "".join(f"; {part}" for part in parts if part).encode("ascii")


def check_agreement(name: str, values: Mapping[str, Any]) -> None:
    """Check the attributes that browsers accept only together (RFC 6265bis sections 4.1.2 and 4.1.3).

    Raises: ConfigError.
    """
    prefix = str(name).lower()
    secure = values["secure"] is True
    if values["same_site"] == "none" and not secure:
        raise ConfigError("same_site", "browsers refuse SameSite=None without Secure", "pass secure=True, or same_site='auto'")
    if values["partitioned"] and not secure:
        raise ConfigError("partitioned", "browsers refuse Partitioned without Secure", "pass secure=True")
    if prefix.startswith(("__secure-", "__host-", "__http-")) and not secure:
        raise ConfigError("key", "browsers refuse this name's prefix without Secure", "pass secure=True, or choose another name")
    if prefix.startswith(("__http-", "__host-http-")) and not values["http_only"]:
        raise ConfigError(
            "key", "browsers refuse this name's prefix without HttpOnly", "leave http_only=True, or choose another name"
        )
    if prefix.startswith("__host-") and (values["domain"] is not None or values["path"] != "/"):
        raise ConfigError("key", "browsers refuse __Host- with a Domain or another Path than '/'", "leave out domain and path")


SESSION_COOKIE_CHECKS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    "path": check_path,
    "domain": check_domain,
    "priority": one_of(*get_args(Priority), None),
    "same_site": one_of(*get_args(SameSite), None),
    "secure": flag,
    "http_only": flag,
    "partitioned": flag,
}
"""The check of each attribute of one session's cookie."""


class SessionCookie:
    """The cookie attributes of one session. An attribute that is set is checked like the option of its name.

    Later responses and the removal use the attributes too, in our own layout and where records keep a cookie's attributes.

    ``path``, ``domain``, ``priority``, ``same_site``, ``secure``, ``http_only``, ``partitioned``.
    """

    __slots__ = ("_attributes", "_changed", "_initial", "_name")

    def __init__(self, name: str, attributes: Attributes) -> None:
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_attributes", attributes)
        object.__setattr__(self, "_initial", attributes)
        object.__setattr__(self, "_changed", False)

    def __getattr__(self, name: str) -> Any:
        if name not in SESSION_COOKIE_CHECKS:
            raise AttributeError(f"a session's cookie has no {name!r}, only {', '.join(SESSION_COOKIE_CHECKS)}")
        return getattr(self._attributes, name)

    def __setattr__(self, name: str, value: object) -> None:
        if name not in SESSION_COOKIE_CHECKS:
            raise AttributeError(f"a session's cookie has no {name!r}, only {', '.join(SESSION_COOKIE_CHECKS)}")
        changes: dict[str, Any] = {name: SESSION_COOKIE_CHECKS[name](name, value)}
        object.__setattr__(self, "_attributes", replace(self._attributes, **changes))
        object.__setattr__(self, "_changed", True)

    @property
    def differs(self) -> bool:
        """Whether an attribute differs from its initial value."""
        return bool(self._attributes != self._initial)

    @property
    def as_set(self) -> Attributes:
        """The attributes as they are, whether they agree or not."""
        return self._attributes  # type: ignore[no-any-return]

    def changed(self) -> Attributes | None:
        """Return the attributes if any was set, else ``None``.

        Raises: ConfigError where they do not agree, such as SameSite=None without Secure, unless they did not before either.
        """
        if not self._changed:
            return None
        problem = _disagreement(self._name, self._attributes)
        # Attributes that another system wrote into a record are not a mistake of this application.
        if problem is not None and str(problem) != str(_disagreement(self._name, self._initial)):
            raise problem
        return self._attributes  # type: ignore[no-any-return]


def _disagreement(name: str, attributes: Attributes) -> ConfigError | None:
    try:
        check_agreement(name, {field.name: getattr(attributes, field.name) for field in fields(Attributes)})
    except ConfigError as error:
        return error
    return None
