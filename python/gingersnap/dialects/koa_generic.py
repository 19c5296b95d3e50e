"""koa-generic-session: koa's cookie with an id, and records with their cookie's attributes inside."""

from typing import Final

from ..option_types import OptionValues
from .connect_record import NAMES, ConnectRecord
from .dialect import Dialect
from .record import Dates, RecordCookie

DIALECT: Final = Dialect(
    system="koa-generic-session",
    store=True,
    # As `cookies` sends it; a quote in front is taken off there.
    id_shape=r"[!#-:<-~](?:[ -:<-~]{0,1022}[!-:<-~])?",
    prefixes_key=True,
    stores_cookie=True,
    cookie_is_data=True,
    clears_cookie="came",
    reserved=frozenset({"cookie", "__proto__"}),
)

DEFAULTS: Final[OptionValues] = {
    "key": "koa.sid",
    "max_age": 86_400,
    "algorithm": "sha1",
    "same_site": None,
    "prefix": "koa:sess:",
    "duplicates": "first",
    "keep_empty": True,
    "drop_bad_signature": True,
    "cache_headers": False,
    "commit_on_error": True,
    "match_path": True,
}
"""The preset's defaults; docs/differences.md gives the reasons."""


class GenericRecord(ConnectRecord):
    """Source: koa-generic-session ``generateSession``, ``Store.set``."""

    life = "maxAge"

    def new_cookie(self, secure: bool) -> RecordCookie:
        """Return the cookie attributes for a new session's record."""
        options = self._options
        said = {**self._given(secure), "overwrite": options.overwrite, "signed": options.signed, "maxAge": None}
        if options.secure == "auto":
            # Without this attribute `cookies` asks the connection on each request.
            said.pop("secure", None)
        given = {name: said[name] for name in self._order() if name in said}
        defaults = {"httpOnly": True, "path": "/", "overwrite": True, "signed": True, "maxAge": None}
        return {**given, **{name: value for name, value in defaults.items() if name not in given}}

    def _order(self) -> list[str]:
        names = {"max_age": "maxAge", **NAMES}
        return [names.get(name, name) for name in self._options.given]

    def _life_ms(self, said: object) -> int | None:
        # `cookies` writes no date for 0, and koa-redis keeps such a record for ever.
        return None if type(said) is int and said == 0 else super()._life_ms(said)

    def _with_dates(self, record_cookie: RecordCookie, dates: Dates) -> RecordCookie:
        as_it_was = dates.life_ms is None and "maxAge" in record_cookie and not record_cookie["maxAge"]
        return record_cookie if as_it_was else {**record_cookie, "maxAge": dates.life_ms}

    def ttl_ms(self, body: bytes, dates: Dates, now_ms: int) -> int | None:
        """Return how long the store keeps a record, in milliseconds: ``ttl``; ``None``: as long as the cookie."""
        return self._asked_ms(body)
