"""Records of express-session and koa-generic-session: each keeps its own cookie's attributes, in a member ``cookie``."""

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from .. import _core, checks
from ..cookies import SESSION_COOKIE_CHECKS, Attributes
from ..errors import ConfigError
from ..types import Loaded, Miss
from .data import take
from .record import Dates, OwnCookie, RecordFormat

_LARGEST_MS: Final = 2**53
_NAMES: Final = {"same_site": "sameSite", "http_only": "httpOnly"}
"""Their names for attributes, where they are not ours."""
_FLAGS: Final = frozenset({"secure", "http_only", "partitioned"})
_CHECKS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    **SESSION_COOKIE_CHECKS,
    "domain": partial(checks.domain, dotted=True),
}
"""What of each attribute can be written."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ConnectRecord(RecordFormat):
    """What the two have in common: JSON with the cookie as its first member."""

    life: str
    """The member of the cookie that says how long the session lives, in milliseconds."""

    def open(self, value: bytes, into: dict[str, Any], now_ms: int) -> tuple[Loaded | Miss, OwnCookie | None]:
        """Read a record; one without a cookie, or with one that makes no sense, is no session."""
        data = _core.loads_record(value)
        own = None if data is None else data.pop("cookie", None)
        # Larger than any cookie's attributes, it could not be written back beside all that a session may hold.
        if data is None or not isinstance(own, dict) or len(_core.dumps(own)) > _core.MAX_BESIDE:
            return "corrupt", None
        try:
            life_ms = self._life_ms(own.get(self.life))
        except (TypeError, ValueError):
            return "corrupt", None
        body = take(data, into, self._options.habits)
        if body is None:
            return "corrupt", None
        return (body, 0, True, None, life_ms, life_ms is None or None, None, None), own

    def close(self, body: bytes, dates: Dates, own: OwnCookie | None, *, dated: bool) -> bytes:
        """Write a record."""
        cookie = _core.dumps(self._dated({} if own is None else own, dates))
        return b'{"cookie":' + cookie + (b"," + body[1:] if body != b"{}" else b"}")

    def _dated(self, own: OwnCookie, dates: Dates) -> OwnCookie:
        raise NotImplementedError

    def _life_ms(self, said: object) -> int | None:
        """Read a lifetime. When the session ends, the store knows better than any date.

        Raises: ValueError, TypeError where it is none.
        """
        if said is None or said is False:
            return None
        if isinstance(said, bool) or not isinstance(said, int | float):
            raise TypeError
        if not 0 < said <= _LARGEST_MS:
            raise ValueError
        return max(1, int(said))

    def attributes(self, own: OwnCookie, secure: bool) -> Attributes:
        """Read what a record says of its cookie; ``secure``: what holds where it does not say whether that is Secure.

        What cannot be written is as the options have it: nobody is logged out for an attribute of a cookie.
        """
        usual = Attributes.of(self._options, secure=secure)
        # As JavaScript's `cookie` and `cookies` have it where nothing is said.
        said: dict[str, Any] = {"path": "/", "http_only": True, "secure": secure}
        for name in _CHECKS:
            if (theirs := _NAMES.get(name, name)) in own:
                said[name] = own[theirs]
        return Attributes(**{name: _word(name, said.get(name), getattr(usual, name)) for name in _CHECKS})

    def changed(self, own: OwnCookie, before: Attributes, after: Attributes) -> OwnCookie:
        """Write into what a record says of its cookie what an application has changed there."""
        names = [field.name for field in fields(Attributes) if getattr(before, field.name) != getattr(after, field.name)]
        return {**own, **{_NAMES.get(name, name): getattr(after, name) for name in names}}

    def _given(self, secure: bool) -> OwnCookie:
        """Give the attributes that the options name, in the order in which they do."""
        attributes = Attributes.of(self._options, secure=secure)
        names = [name for name in self._options.given if name in SESSION_COOKIE_CHECKS]
        said = {_NAMES.get(name, name): getattr(attributes, name) for name in names}
        return {name: word for name, word in said.items() if word is not None}


class ExpressRecord(ConnectRecord):
    """Source: express-session ``Cookie.data``, ``Store.createSession``; connect-redis ``getTTL``."""

    life = "originalMaxAge"
    _ORDER: Final = ("originalMaxAge", "partitioned", "priority", "expires", "secure", "httpOnly", "domain", "path", "sameSite")

    def attributes(self, own: OwnCookie, secure: bool) -> Attributes:
        """Read what a record says of its cookie: one that is Secure says so."""
        return super().attributes(own, False)

    def fresh(self, secure: bool) -> OwnCookie:
        """Make what a new session's record says of its cookie."""
        return {"httpOnly": True, "path": "/", **self._given(secure)}

    def _dated(self, own: OwnCookie, dates: Dates) -> OwnCookie:
        end = dates.expire_ms
        dated = {"originalMaxAge": dates.life_ms, "expires": None if end is None else _iso(end)}
        own = {**own, **{name: said for name, said in dated.items() if said is not None or own.get(name) is not False}}
        return {name: own[name] for name in self._ORDER if name in own}

    def ttl_ms(self, body: bytes, dates: Dates, now_ms: int) -> int | None:
        """Say how long the store keeps it: as long as the cookie, or else ``ttl`` or a day, in whole seconds."""
        if dates.expire_ms is not None:
            return math.ceil(max(1, dates.expire_ms - now_ms) / 1000) * 1000
        return self._asked_ms(body)


class GenericRecord(ConnectRecord):
    """Source: koa-generic-session ``generateSession``, ``Store.set``."""

    life = "maxAge"

    def fresh(self, secure: bool) -> OwnCookie:
        """Make what a new session's record says of its cookie."""
        options = self._options
        said = {**self._given(secure), "overwrite": options.overwrite, "signed": options.signed, "maxAge": None}
        if options.secure == "auto":
            # `cookies` asks the connection, each time anew, where it is not told.
            said.pop("secure", None)
        given = {name: said[name] for name in self._order() if name in said}
        defaults = {"httpOnly": True, "path": "/", "overwrite": True, "signed": True, "maxAge": None}
        return {**given, **{name: word for name, word in defaults.items() if name not in given}}

    def _order(self) -> list[str]:
        names = {"max_age": "maxAge", **_NAMES}
        return [names.get(name, name) for name in self._options.given]

    def _life_ms(self, said: object) -> int | None:
        # `cookies` writes no date for 0, and koa-redis keeps such a record for ever.
        return None if type(said) is int and said == 0 else super()._life_ms(said)

    def _dated(self, own: OwnCookie, dates: Dates) -> OwnCookie:
        as_it_was = dates.life_ms is None and "maxAge" in own and not own["maxAge"]
        return own if as_it_was else {**own, "maxAge": dates.life_ms}

    def ttl_ms(self, body: bytes, dates: Dates, now_ms: int) -> int | None:
        """Say how long the store keeps it: ``ttl``, or else as long as the cookie."""
        return self._asked_ms(body)


def _word(name: str, said: object, usual: object) -> Any:
    """Read one attribute as JavaScript's `cookie` and `cookies` do; ``usual``: what stands in for what cannot be written."""
    is_said = bool(said) or isinstance(said, dict | list)
    if name in _FLAGS:
        return is_said
    if not is_said and name != "path":
        return None
    if name == "same_site" and said is True:
        return "strict"
    try:
        return _CHECKS[name](name, said.lower() if isinstance(said, str) and name in ("same_site", "priority") else said)
    except ConfigError:
        return usual


def _iso(at_ms: int) -> str:
    """Write a date as JavaScript's ``toISOString`` does; the years 1970 to 9999."""
    at = _EPOCH + timedelta(milliseconds=min(at_ms, 253_402_300_799_999))
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"
