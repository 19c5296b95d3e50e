"""What the options say of every session: the clock, the bounds of its lifetime, and whether its cookie is Secure."""

import logging

from ..config.options import SessionOptions
from ..cookies.headers import SECURE_SCHEMES, is_secure
from ..types import Scope, Snapshot
from ..validators import KOA_LONGEST_AGE, LONGEST_AGE
from . import rules

logger = logging.getLogger("gingersnap")


class Policy:
    """The rules of one configuration."""

    def __init__(self, options: SessionOptions) -> None:
        self.options = options
        self.dialect = options.dialect
        self.longest_age = KOA_LONGEST_AGE if self.dialect.accepts_any_name else LONGEST_AGE
        """The longest lifetime that an application may set, in seconds."""
        self.longest_ms = int(self.longest_age * 1000)
        self.renews = options.rolling or options.renew
        """Whether a live session may be written though nothing was changed."""
        self._clock = options.clock
        self._warned_of_plain_http = self._warned_of_public = False

    def now_ms(self) -> int:
        """Read the clock, in milliseconds since 1970."""
        return int(self._clock() * 1000)

    def check(self, snapshot: Snapshot, now_ms: int) -> str | None:
        """Return why a session's own dates end it; ``None`` where it lives."""
        options = self.options
        return rules.check(
            snapshot.expire,
            snapshot.max_age,
            snapshot.browser_session,
            snapshot.created,
            now_ms,
            options.max_age_ms is None,
            options.absolute_ms,
        )

    def by_option(self, snapshot: Snapshot) -> tuple[Snapshot, bool]:
        """Apply the option ``max_age`` to a session that was written under another one; return whether it was.

        A shorter lifetime ends it by that, a longer one waits for its next renewal. A lifetime that the application set stays,
        and so does each under the presets, as their peers have it.
        """
        option_ms = self.options.max_age_ms
        max_age, browser_session = snapshot.max_age, snapshot.browser_session
        if self.dialect.accepts_any_name or rules.has_own_life(max_age, browser_session):
            return snapshot, False
        if (max_age, browser_session) == rules.life_members(option_ms, own_life=False):
            return snapshot, False
        if browser_session is True and option_ms is not None:
            # It has no end yet: it is sent again, as if an older key had signed it, so that it gets one.
            return snapshot._replace(key_index=max(1, snapshot.key_index)), True
        end_ms = rules.earlier_end(snapshot.expire, max_age, snapshot.created, option_ms)
        return (snapshot if end_ms is None else snapshot._replace(expire=end_ms, max_age=option_ms)), True

    def is_encrypted(self, scope: Scope) -> bool:
        """Return whether this connection is encrypted, as far as that can be believed."""
        return is_secure(scope) if self.options.trust_proxy else scope.get("scheme") in SECURE_SCHEMES

    def is_secure(self, scope: Scope) -> bool:
        """Return whether this connection's cookies are Secure."""
        secure = self.options.secure
        if secure is False:
            return False
        encrypted = self.is_encrypted(scope)
        if not encrypted and secure is True:
            self._warn_of_plain_http()
        return encrypted or secure is True

    def _warn_of_plain_http(self) -> None:
        """Log once that a Secure cookie went over plain HTTP, where browsers drop it, but for localhost."""
        if not self._warned_of_plain_http:
            self._warned_of_plain_http = True
            logger.warning(
                "secure=True, but a request came over plain http: browsers drop the cookie; "
                "behind a proxy that speaks TLS pass trust_proxy=True, and have it set X-Forwarded-Proto"
            )

    def warn_of_public(self) -> None:
        """Log once that a response for everyone renews no session: a shared cache would hand its cookie to others."""
        if not self._warned_of_public:
            self._warned_of_public = True
            logger.warning(
                "a response with Cache-Control: public renews no session, rolling or not: a cache would hand its cookie to others; "
                "leave it as it is for public files, send 'private' for pages that are one user's"
            )
