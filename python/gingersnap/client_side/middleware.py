"""What the requests of one middleware share: it opens their sessions, and says which of them need a context at all."""

import inspect
import logging
from typing import TYPE_CHECKING, Literal, cast

from .. import _core
from ..config.options import SessionOptions
from ..cookies.encrypted import EncryptedFormat
from ..cookies.format import CookieFormat
from ..cookies.handshake import HandshakeWarning
from ..cookies.headers import SECURE_SCHEMES, is_secure
from ..dialects import FORMATS
from ..errors import SessionSealed
from ..legacy.claim import LegacySession, Source
from ..legacy.duplicates import DuplicateCookies
from ..lifecycle import rules
from ..lifecycle.inner_middleware import is_of_another
from ..lifecycle.markers import is_none
from ..lifecycle.state import EMPTY, is_same
from ..session.scope_key import ScopeKey
from ..session.session import READ, UNTOUCHED, Session, WatchedSession
from ..types import Loaded, Message, Scope
from ..validators import KOA_LONGEST_AGE, LONGEST_AGE
from .context import CookieContext

if TYPE_CHECKING:
    from ..legacy.sources import LegacySource, LegacySources

logger = logging.getLogger("gingersnap")


class Setup:
    """What all requests of one middleware share."""

    def __init__(self, options: SessionOptions) -> None:
        self.options = options
        self.format: CookieFormat = EncryptedFormat(options) if options.encrypt else FORMATS[options.preset](options)
        self.dialect = options.dialect
        self.longest_age = KOA_LONGEST_AGE if self.dialect.accepts_any_name else LONGEST_AGE
        self.longest_ms = int(self.longest_age * 1000)
        self.handshake = HandshakeWarning()
        self._warned = self._warned_of_another = self._warned_of_shared_cookie = self._warned_of_public = False
        # Earlier configurations, where there are some.
        self.formers: LegacySources | None = None
        # What chooses among several cookies of one name, where something explains them.
        self.doubles: DuplicateCookies | None = None
        # Whether a live session may be written though nothing was changed.
        self.renews = options.rolling or options.renew
        self._load = self.format.load
        # The lifetime of most sessions: those that have it and are fresh need no other check. -1: each needs one.
        usual = options.max_age_ms if self.dialect.has_expiry else None
        self._usual = usual if options.absolute_ms is None else -1
        self._clock = options.clock

    def open(self, scope: Scope) -> Session:
        """Load the session, or start a new one; whatever came, there is a session."""
        session = WatchedSession()
        session._setup = self
        session._key = ScopeKey(self.options.scope_key)
        session._scope = scope
        session._touch = UNTOUCHED
        session._wrote = False
        session._started = False
        session._conducted = session._loaded = None
        now_ms = int(self._clock() * 1000)
        headers = scope["headers"]
        if type(headers) is not list:
            # ASGI gives an iterable: what is read here must still be there for the application.
            scope["headers"] = headers = [*headers]
        loaded = self._load(headers, session, now_ms)
        why: str | None
        if isinstance(loaded, tuple):
            # A fresh session is one that the rules let pass, but for the absolute end.
            if loaded[2] and loaded[4] == self._usual:
                session._loaded = loaded
                return session
            options, (loaded, _) = self.options, self.by_option(loaded)
            _, _, _, expire, max_age, lasts, created, _ = loaded
            why = rules.check(expire, max_age, lasts, created, now_ms, options.max_age_ms is None, options.absolute_ms)
            if why is None:
                session._loaded = loaded
                return session
            dict.clear(session)
        else:
            why = loaded
        if self.formers is not None:
            why = self._take_over(session, why, now_ms)
        if why is not None:
            self.refuse(session, why)
        return session

    def _take_over(self, session: Session, why: str | None, now_ms: int) -> str | None:
        """Look for a session of an earlier configuration; ``why`` there is none of this one's, which stands otherwise."""
        claim = self.earlier(session._scope, why, now_ms)
        if not isinstance(claim, LegacySession):
            return claim
        loaded = None if self.formers is None else self.formers.carried(claim, session, now_ms)
        if loaded is None:
            return "corrupt"
        session._loaded = loaded
        self.conducted(session).source = Source(claim.former, None)
        self.options.events.emit("accepted", session._scope, claim.former.label)
        return None

    def by_option(self, loaded: Loaded) -> tuple[Loaded, bool]:
        """Apply the option ``max_age`` to a session that was written under another one; return whether it was.

        A shorter lifetime ends it by that, a longer one waits for its next renewal. A lifetime that the application set stays,
        and so does each under the presets, as their peers have it.
        """
        body, index, fresh, expire, max_age, lasts, created, owner = loaded
        option_ms = self.options.max_age_ms
        if self.dialect.accepts_any_name or rules.has_own_life(max_age, lasts):
            return loaded, False
        if (max_age, lasts) == rules.life_members(option_ms, own=False):
            return loaded, False
        if lasts is True and option_ms is not None:
            # It has no end yet: it is to be sent again, as if an older key had signed it, so that it gets one.
            return (body, max(1, index), *loaded[2:]), True
        end_ms = rules.earlier_end(expire, max_age, created, option_ms)
        return (loaded if end_ms is None else (body, index, fresh, end_ms, option_ms, lasts, created, owner)), True

    def earlier(
        self, scope: Scope, why: str | None, now_ms: int, after: "LegacySource | None" = None
    ) -> LegacySession | str | None:
        """Find what came of an earlier configuration, of those ``after`` one; ``why`` there is nothing of this one's otherwise."""
        return why if self.formers is None else self.formers.find(scope, why, now_ms, after)

    def farewell(self, source: Source | None, scope: Scope) -> list[bytes]:
        """Write what removes the cookies of a session that was taken over; ``None``: those of every configuration."""
        lines = [] if self.formers is None else self.formers.farewell(source, self.is_secure(scope))
        return [*dict.fromkeys([*lines, *self.strays(scope)])]

    def expect_doubles(self) -> None:
        """See whether one client may have several cookies of the session's name, since its path or domain was changed."""
        self.doubles = DuplicateCookies.of(self.options, self.format, [] if self.formers is None else self.formers.all)
        if self.doubles is not None:
            self._load = self.doubles.load

    def strays(self, scope: Scope) -> list[bytes]:
        """Write what removes the session's cookie where an earlier path or domain has put it."""
        return [] if self.doubles is None else self.doubles.removals(scope, self.is_secure(scope))

    def now_ms(self) -> int:
        """Read the clock, in milliseconds since 1970."""
        return int(self._clock() * 1000)

    def refuse(self, session: Session, why: str) -> None:
        """Start a new session in place of what came, and say why."""
        dict.clear(session)
        # With it goes what a context that was made already knows of it, its owner among that.
        session._loaded = session._conducted = None
        if self.is_remnant(session._scope, why):
            return
        if why == "tampered" and self.options.drop_bad_signature:
            # koa: a signature that does not verify is removed, by a line of its own.
            session._conduct().stale = self.format.signature_removal(self.is_encrypted(session._scope))
        self.options.events.emit(why, session._scope, why)

    def is_remnant(self, scope: Scope, why: str) -> bool:
        """Return whether a client has shown what was left of a removed cookie: an emptied value, or one without its signature."""
        if why != "tampered":
            return why == "unsigned"
        header = b"; ".join([value for name, value in scope["headers"] if name == b"cookie"])
        values, _ = _core.find(header[: self.options.max_header_bytes], self.format.name)
        # Starlette removes a cookie by this value.
        return bool(values) and all(value == b"null" for value in values)

    async def validate(self, session: Session) -> None:
        """Ask the application's ``valid``; a session that it refuses is replaced by a new one. Source: koa-session ``valid``."""
        if session._loaded is None or self.options.valid is None:
            return
        # A copy: the question is no access, and whatever it does to its data no change.
        verdict = self.options.valid(session._scope, _core.loads(session._loaded[0]) or {})
        if inspect.isawaitable(verdict):
            verdict = await verdict
        if not verdict:
            self.refuse(session, "invalid")

    def is_encrypted(self, scope: Scope) -> bool:
        """Say whether this connection is, as far as it can be believed."""
        return is_secure(scope) if self.options.trust_proxy else scope.get("scheme") in SECURE_SCHEMES

    def is_secure(self, scope: Scope) -> bool:
        """Say whether this connection's cookies are Secure."""
        secure = self.options.secure
        if secure is False:
            return False
        encrypted = self.is_encrypted(scope)
        if not encrypted and secure is True:
            self._warn_of_plain_http()
        return encrypted or secure is True

    def _warn_of_plain_http(self) -> None:
        """Say once that a Secure cookie went over plain HTTP, where browsers drop it, but for localhost."""
        if not self._warned:
            self._warned = True
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

    def warn_of_another(self, place: Literal["around", "within"]) -> None:
        """Log once that the session in the scope is that of another session middleware."""
        if not self._warned_of_another:
            self._warned_of_another = True
            within = ", within this one" if place == "within" else ""
            cure = "; if it means to replace this session, let it call session.replace(...)" if within else ""
            logger.warning(
                "another session middleware is installed too (Starlette's?)%s, and the session in scope[%r] is its: "
                "remove it, or give this one another scope_key and key%s",
                within,
                self.options.scope_key,
                cure,
            )

    def conduct(self, session: Session) -> CookieContext:
        """Make the context of a session that somebody needs more of than its data."""
        return CookieContext(self, session._scope, session._loaded)

    def conducted(self, session: Session) -> CookieContext:
        """Give the context of a session, made if it has none yet."""
        return cast("CookieContext", session._conduct())

    def current(self, scope: Scope, session: Session) -> Session:
        """Return the session as the application left it: as it was, with another dict's data, or ended by ``None`` or a marker.

        Raises: TypeError for anything else. Source: koa-session ``set``.
        """
        value: object = scope.get(session._key, session)
        if value is session:
            return session
        if self._is_of_another(scope, session, value):
            # A middleware within this one has put it there for its own part of the application, and writes it itself.
            return session
        if issubclass(type(value), dict):
            session.replace(cast("dict[str, object]", value))
        elif not is_none(value):
            key = self.options.scope_key
            raise TypeError(f'scope["{key}"]: it can only be set to a dict or None, not {type(value).__name__}')
        elif self.options.unset == "keep":
            session._conduct().leave()
        else:
            session.destroy()
        scope[session._key] = session
        return session

    def _is_of_another(self, scope: Scope, session: Session, value: object) -> bool:
        """Return whether what is in the scope is the session of a middleware within this one, and warn of that once."""
        context = session._conducted
        if context is not None and context.another:
            return True
        if not is_of_another(scope, self.options.scope_key, value):
            return False
        session._conduct().another = True
        self.warn_of_another("within")
        return True

    def warn_of_shared_cookie(self, session: Session, message: Message) -> None:
        """Log once that a middleware within this one sets the cookie that this one's session is in."""
        context, options = session._conducted, self.options
        if context is None or not context.another or self._warned_of_shared_cookie or options.external_key is not None:
            return
        start = f"{options.key}=".encode()
        if any(name.lower() == b"set-cookie" and value.startswith(start) for name, value in message.get("headers", ())):
            self._warned_of_shared_cookie = True
            logger.error(
                "another session middleware within this one sets the cookie %r too, so that a login there ends the session here: "
                "give one of them another name, or let that part use this session (sqladmin: backend.middlewares = [])",
                options.key,
            )

    def report(self, session: Session, keys: str) -> None:
        """Say which changes came after the cookie had gone, or without a response: they are lost, but not in silence.

        Raises: SessionSealed under ``strict``.
        """
        if keys:
            when = "after the response had started" if session._started else "but no response was started"
            logger.error("the session changed %s, and the change is lost: %s", when, keys)
            self.options.events.emit("late_write", session._scope, keys)
            if self.options.strict:
                raise SessionSealed(keys)

    def report_failed(self, session: Session, keys: str) -> None:
        """Log what changed after a request had failed: no response of this middleware can carry it.

        Raises: SessionSealed under ``strict``.
        """
        if keys and session._conducted is not None:
            logger.error("the session changed after its request had failed, and the change is lost: %s", keys)
            self.options.events.emit("late_write", session._conducted._scope, keys)
            if self.options.strict:
                raise SessionSealed(keys)

    def is_idle(self, session: Session) -> bool:
        """Say whether nothing has to be written, without a context where that is plain to see."""
        loaded, watched = session._loaded, session.__class__ is WatchedSession
        if session._conducted is not None or (watched and session._wrote):
            return False
        if loaded is None:
            return watched and not dict.__len__(session)
        if self.renews or loaded[1] > 0:
            return self.options.lazy_rolling and not session.accessed
        # Asked for: it may have been read, or changed, by what calls none of its methods.
        return not session.accessed or is_same(session, loaded[0])

    def is_late(self, session: Session) -> bool:
        """Say whether a session was changed, or a mark set, since its response started."""
        if session._conducted is not None:
            return session._conducted.is_late(session)
        # A second comparison is spared where the session's own methods read scalars alone.
        watched = session.__class__ is WatchedSession and not session._wrote
        if watched and (session._touch == READ or not session.accessed):
            return False
        return not is_same(session, EMPTY if session._loaded is None else session._loaded[0])
