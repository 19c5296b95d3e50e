"""Cookie attributes and response headers: what goes around a value. Nothing here reads one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, get_args

from . import _core, agreements, checks
from .errors import ConfigError
from .options import SessionOptions
from .types import Message, Priority, SameSite, Scope

SECURE_SCHEMES: Final = frozenset({"https", "wss"})


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of one Set-Cookie line but its date. Source: cookies ``Cookie.toHeader``."""

    path: str
    domain: str | None
    priority: Priority | None
    same_site: SameSite | None
    secure: bool
    http_only: bool
    partitioned: bool

    @classmethod
    def of(cls, options: SessionOptions, *, secure: bool) -> "Attributes":
        """Take them from the options, for a connection that is secure or not."""
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
        """Write what comes before the date, in the order of ``cookies``."""
        return f"; path={self.path}".encode("ascii")

    def tail(self) -> bytes:
        """Write what comes after the date, in the order of ``cookies``."""
        parts = [
            f"domain={self.domain}" if self.domain else "",
            f"priority={self.priority}" if self.priority else "",
            f"samesite={self.same_site}" if self.same_site else "",
            "secure" if self.secure else "",
            "httponly" if self.http_only else "",
            "partitioned" if self.partitioned else "",
        ]
        return "".join(f"; {part}" for part in parts if part).encode("ascii")


SESSION_COOKIE_CHECKS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    "path": checks.path,
    "domain": checks.domain,
    "priority": checks.one_of(*get_args(Priority), None),
    "same_site": checks.one_of(*get_args(SameSite), None),
    "secure": checks.flag,
    "http_only": checks.flag,
    "partitioned": checks.flag,
}
"""What each attribute of one session's cookie may be."""


class SessionCookie:
    """One session's own cookie options: set an attribute, and it is checked like the option of its name.

    In our own layout, and where records keep a cookie's attributes, later responses and the removal have them too.

    ``path``, ``domain``, ``priority``, ``same_site``, ``secure``, ``http_only``, ``partitioned``.
    """

    __slots__ = ("_attributes", "_came", "_changed", "_name")

    def __init__(self, name: str, attributes: Attributes) -> None:
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_attributes", attributes)
        object.__setattr__(self, "_came", attributes)
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
        """Whether an attribute is another than it was."""
        return bool(self._attributes != self._came)

    def changed(self) -> Attributes | None:
        """Give the attributes if any was set.

        Raises: ConfigError where they do not agree, as SameSite=None without Secure, and did so before.
        """
        if not self._changed:
            return None
        problem = _disagreement(self._name, self._attributes)
        # What another system has written into a record is not this application's doing.
        if problem is not None and str(problem) != str(_disagreement(self._name, self._came)):
            raise problem
        return self._attributes  # type: ignore[no-any-return]


def _disagreement(name: str, attributes: Attributes) -> ConfigError | None:
    try:
        agreements.of_cookie(name, {field.name: getattr(attributes, field.name) for field in fields(Attributes)})
    except ConfigError as error:
        return error
    return None


def is_secure(scope: Scope) -> bool:
    """Tell by a trusted proxy's word whether the client's connection is encrypted, by the scheme where there is none."""
    for name, value in scope["headers"]:
        if name == b"x-forwarded-proto":
            # The first word is the client's own scheme, where each proxy adds one.
            return bool(value.split(b",", 1)[0].strip().lower() in (b"https", b"wss"))
    return scope.get("scheme") in SECURE_SCHEMES


def is_public(message: Message) -> bool:
    """Return whether a response's own ``Cache-Control`` lets shared caches keep it (RFC 9111 section 5.2.2)."""
    return any(
        word.strip().lower().partition(b"=")[0] in (b"public", b"s-maxage")
        for name, value in message.get("headers", ())
        if name.lower() == b"cache-control"
        for word in value.split(b",")
    )


def with_session(message: Message, lines: list[bytes], options: SessionOptions, name: bytes) -> Message:
    """Copy a response's start and put the session's lines into its headers, with ``Vary`` and ``Cache-Control``.

    The application may send the same message again, to somebody else: it is never written to.
    """
    headers = _core.amend(message.get("headers", ()), lines, name, options.overwrite, options.cache_headers)
    return {**message, "headers": headers}
