"""An earlier configuration of the same application, whose sessions are taken over until a deadline."""

import logging
import time
from datetime import datetime
from typing import Final, Unpack

from .errors import ConfigError
from .options import OptionValues, SessionOptions, hide_keys

logger = logging.getLogger("gingersnap")

_LATEST_S: Final = 2**34
"""A date that nobody means, some 500 years from now: what is later was given in milliseconds."""


class Accept:
    """One entry of ``accept=[...]``: the options that sessions were written with so far, and until when they still count.

    ``until``: a ``datetime`` with its time zone, or seconds since 1970. The options come by name, as ``SessionMiddleware``
    takes them, or prepared. Of an entry's options those count that say where a session is and how it is read; clock, listeners
    and whatever is done with a session are the new configuration's.

    Raises: ConfigError where ``until`` is no time, or an option is wrong.
    """

    def __init__(self, options: SessionOptions | None = None, *, until: datetime | float, **given: Unpack[OptionValues]) -> None:
        given = hide_keys(given)
        if options is not None and not isinstance(options, SessionOptions):
            kind = type(options).__name__
            raise ConfigError(
                "accept", f"an entry's options cannot be {kind}", "pass keys=[...], and every other option by its name"
            )
        if options is not None and given:
            raise ConfigError("accept", "its options came both prepared and by name", "use options.replace(...)")
        self.options = SessionOptions(**given) if options is None else options
        if self.options.accept:
            raise ConfigError("accept", "an entry has entries of its own", "write all of them into one list")
        self.until_ms = _until_ms(until)
        if self.until_ms <= time.time() * 1000:
            logger.warning("accept: the deadline of %s has passed, and it is not looked at any more; leave it out", self.label)

    @property
    def label(self) -> str:
        """What events call it: the system and the name of its cookie."""
        return f"{self.options.habits.system} {self.options.key}"

    def __repr__(self) -> str:
        return f"Accept({self.label!r}, until_ms={self.until_ms})"


def _until_ms(until: object) -> int:
    if isinstance(until, datetime) and until.tzinfo is not None:
        return int(until.timestamp() * 1000)
    if isinstance(until, int | float) and not isinstance(until, bool) and 0 <= until < _LATEST_S:
        return int(until * 1000)
    cure = "give a datetime with its time zone, as datetime(2027, 1, 31, tzinfo=UTC), or seconds since 1970"
    raise ConfigError("accept", f"until cannot be this {type(until).__name__}", cure)
