"""Earlier configurations, each until its deadline: find their sessions in a request, and bring them into the current form."""

import hashlib
import hmac
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

from .. import _core
from ..config.options import Accept, SessionOptions
from ..cookies.attributes import Attributes
from ..cookies.encrypted import EncryptedFormat
from ..cookies.format import CookieFormat
from ..cookies.remembered import owner_of
from ..dialects import FORMATS
from ..dialects.record import Dates, take
from ..lifecycle import rules
from ..lifecycle.policy import Policy
from ..records.id_transport import Transport, transport_for
from ..records.repository import Repository
from ..types import Headers, Scope, Snapshot
from .duplicates import DuplicateCookies

logger = logging.getLogger("gingersnap")

MissReason: TypeAlias = str | None
"""Why there is no session: a word of ``Miss`` or ``rules.check``, or ``None`` where no cookie snapshot."""

_OPEN: Final = frozenset({None, "unsigned", "tampered", "invalid", "missed", "corrupt"})
"""When an earlier configuration may be asked: not where a session of the current one has ended."""
_SEALED: Final = b"v1."
"""How every encrypted value starts."""


def format_for(options: SessionOptions) -> CookieFormat:
    """Return the layout of the cookie of a configuration."""
    return EncryptedFormat(options) if options.encrypt else FORMATS[options.preset](options)


@dataclass(frozen=True, slots=True)
class LegacySession:
    """A session of an earlier configuration: its id in a store, or all of it in a cookie."""

    source: "LegacySource"
    id: str | None = field(repr=False)
    snapshot: Snapshot | None = field(repr=False)
    data: dict[str, Any] = field(repr=False)


class Origin(NamedTuple):
    """Where a session came from; ``cookie``: the attributes of its old cookie where those are its own."""

    source: "LegacySource"
    cookie: Attributes | None


class LegacySource:
    """One earlier configuration: its cookie, and its records where it has a store."""

    def __init__(self, accept: Accept, current: SessionOptions) -> None:
        self.options = options = accept.options.told_by(current)
        self.label = accept.label
        self.until_ms = accept.until_ms
        self.policy = Policy(options)
        self.format = format_for(options)
        has_store = options.store is not None or options.context_store is not None
        self.repository = Repository(self.policy) if has_store else None
        self._transport: Transport = transport_for(options, self.format)

    def find(self, scope: Scope, now_ms: int) -> LegacySession | MissReason:
        """Find a session of this configuration; or return why what came is none."""
        if self.repository is not None:
            found = self._transport.find(scope)
            if found is None or isinstance(found, str):
                return found
            return LegacySession(self, found[0], None, {}) if self.repository.ids.is_id(found[0]) else "missed"
        data: dict[str, Any] = {}
        loaded = self.format.load(scope["headers"], data, now_ms)
        if loaded is None or isinstance(loaded, str):
            return loaded
        snapshot = Snapshot._make(loaded)
        if not snapshot.dates_ok or self.options.absolute_ms is not None:
            verdict = self.policy.check(snapshot, now_ms)
            if verdict is not None:
                return verdict
        return LegacySession(self, None, snapshot, data)

    def derive(self, keys: Sequence[bytes], id: str) -> list[bytes]:
        """Return, for each key, what the new id of a session in its store is made of: every request derives the same."""
        options, key = self.options, id if self.repository is None else self.repository.ids.key(id)
        signed = hashlib.sha256(options.keys[0] if options.keys else b"").hexdigest()
        parts = [self.label, signed, options.prefix, type(options.store).__name__, key]
        text = b"\0".join([b"gingersnap/v1/accept", *(part.encode("utf-8") for part in parts)])
        return [hmac.digest(key, text, "sha256") for key in keys]

    def removal(self, secure: bool, cookie: Attributes | None) -> list[bytes]:
        """Return the lines that remove its cookie."""
        if self.options.external_key is not None:
            return []
        return self.format.removal(self.format.cookie(secure, cookie), legacy=True)


class LegacySources:
    """All earlier configurations, in the order in which they are asked; and cookies of the current one in an earlier place."""

    def __init__(self, policy: Policy, format: CookieFormat) -> None:
        self._policy = policy
        self._options = options = policy.options
        self.sources = [LegacySource(accept, options) for accept in options.accept]
        self.repositories = [source.repository for source in self.sources if source.repository is not None]
        # What chooses among several cookies of the session's name, where something explains them.
        self.duplicates = DuplicateCookies.of(options, format, self.sources)
        self._warned: frozenset[str] = frozenset()

    def find(self, scope: Scope, why: MissReason, now_ms: int, after: LegacySource | None = None) -> LegacySession | MissReason:
        """Find the first session of theirs that counts, of those ``after`` one that had none.

        ``why``: why the current configuration has none, which is returned where they have none either.
        """
        if not self.sources or why not in _OPEN or (self._options.encrypt and self._shows_sealed(scope["headers"])):
            return why
        start = 0 if after is None else self.sources.index(after) + 1
        for source in self.sources[start:]:
            if now_ms >= source.until_ms:
                continue
            found = source.find(scope, now_ms)
            if isinstance(found, LegacySession):
                return found
            why = found if why is None else why
        return why

    def _shows_sealed(self, headers: Headers) -> bool:
        """Return whether the cookie that came is an encrypted one: whatever is wrong with it, no readable one stands in for it."""
        header = b"; ".join([value for name, value in headers if name == b"cookie"])
        values, _ = _core.find(header[: self._options.max_header_bytes], self._options.key.encode("ascii"))
        return any(value.startswith(_SEALED) for value in values)

    def carried(self, legacy: LegacySession, into: dict[str, Any], now_ms: int) -> Snapshot | None:
        """Return a session that came in a cookie as one that an older key has signed; ``None`` where it does not fit."""
        if legacy.snapshot is None:
            return None
        body = self.fitted(legacy, legacy.data, into)
        if body is None:
            return None
        dates = self.dates(legacy.snapshot, now_ms)
        life = rules.life_members(dates.life_ms, own_life=dates.own_life)
        return Snapshot(body, 1, True, dates.expire_ms, *life, dates.created_ms, dates.owner)

    def fitted(self, legacy: LegacySession, data: dict[str, Any], into: dict[str, Any]) -> bytes | None:
        """Fill a dict with what the current layout has a place for, and return its text; ``None`` where that is too large."""
        dialect = self._options.dialect
        lost = frozenset(key for key in data if dialect.is_reserved(key)) - self._warned
        if lost:
            # Once for each key: every session may have it.
            self._warned |= lost
            keys = ", ".join(sorted(lost))
            logger.warning(
                "accept: %s has no place for %s, which sessions of %s have: it is left out",
                dialect.system,
                keys,
                legacy.source.label,
            )
        return take(data, into, dialect)

    def dates(self, snapshot: Snapshot, now_ms: int) -> Dates:
        """Return when a session ends from now on: at its own end at the latest. Its lifetime is the option, or its own."""
        options, dialect = self._options, self._options.dialect
        created_ms = snapshot.created if type(snapshot.created) is int and dialect.has_metadata else None
        if options.absolute_ms is not None and created_ms is None:
            created_ms = rules.birth(expire=snapshot.expire, max_age=snapshot.max_age, created=snapshot.created) or now_ms
        life_ms, expire_ms = options.max_age_ms, None
        own_life = rules.has_own_life(snapshot.max_age, snapshot.browser_session) and not dialect.accepts_any_name
        if own_life:
            life_ms = snapshot.max_age if type(snapshot.max_age) is int and snapshot.browser_session is False else None
        elif life_ms is None and type(snapshot.expire) is int:
            # Sessions end with their browsers now; this one has an end, and keeps it.
            life_ms, own_life = max(1, snapshot.expire - now_ms), not dialect.accepts_any_name
        if life_ms is not None:
            expire_ms = rules.next_expire(now_ms, life_ms, created_ms, options.absolute_ms)
            expire_ms = min(expire_ms, snapshot.expire) if type(snapshot.expire) is int else expire_ms
        return Dates(expire_ms, life_ms, created_ms, owner_of(snapshot.owner) if dialect.has_metadata else None, own_life)

    def removals(self, origin: Origin | None, scope: Scope) -> list[bytes]:
        """Return the lines that remove the cookies of a session that came from there; ``None``: those of every configuration."""
        origins = [Origin(source, None) for source in self.sources] if origin is None else [origin]
        lines: list[bytes] = []
        if origins:
            secure = self._policy.is_secure(scope)
            lines = [line for source, cookie in origins for line in source.removal(secure, cookie)]
        return [*dict.fromkeys([*lines, *self.strays(scope, ending=origin is None)])]

    def strays(self, scope: Scope, *, ending: bool = False) -> list[bytes]:
        """Return the lines that remove the session's cookie where an earlier path or domain has put it."""
        return [] if self.duplicates is None else self.duplicates.removals(scope, self._policy.is_secure(scope), ending=ending)
