"""Earlier configurations, each until its deadline: find their sessions in a request, and say them in the current one's terms."""

import hashlib
import hmac
import logging
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from .. import _core
from ..client_side.middleware import Setup
from ..config.options import Accept, SessionOptions
from ..cookies.attributes import Attributes
from ..cookies.remembered import owner_of
from ..dialects.record import Dates, take
from ..lifecycle import rules
from ..server_side.middleware import StoreSetup
from ..types import Headers, Loaded, Scope
from .claim import LegacySession, Source

logger = logging.getLogger("gingersnap")

Why: TypeAlias = str | None
"""Why there is no session: a word of ``Miss`` or ``rules.check``, or ``None`` where no cookie came."""

_OPEN: Final = frozenset({None, "unsigned", "tampered", "invalid", "missed", "corrupt"})
"""When an earlier configuration may be asked. What is ours, but has ended, is nobody else's; what we cannot read may be."""
_SEALED: Final = b"v1."
"""How every sealed value starts."""


class LegacySource:
    """One earlier configuration."""

    def __init__(self, accept: Accept, current: SessionOptions) -> None:
        self.options = options = accept.options.told_by(current)
        self.label = accept.label
        self.until_ms = accept.until_ms
        has_store = options.store is not None or options.context_store is not None
        self.stored = StoreSetup(options) if has_store else None
        self.setup = self.stored or Setup(options)

    def find(self, scope: Scope, now_ms: int) -> LegacySession | Why:
        """Find a session of this configuration; or say why what came is none."""
        if self.stored is not None:
            found = self.stored.transport.find(scope)
            if found is None or isinstance(found, str):
                return found
            return LegacySession(self, found[0], None, {}) if self.stored.ids.is_id(found[0]) else "missed"
        data: dict[str, Any] = {}
        loaded = self.setup.format.load(scope["headers"], data, now_ms)
        if loaded is None or isinstance(loaded, str):
            return loaded
        options = self.options
        _, _, fresh, expire, max_age, lasts, created, _ = loaded
        if not fresh or options.absolute_ms is not None:
            verdict = rules.check(expire, max_age, lasts, created, now_ms, options.max_age_ms is None, options.absolute_ms)
            if verdict is not None:
                return verdict
        return LegacySession(self, None, loaded, data)

    def derive(self, keys: Sequence[bytes], id: str) -> list[bytes]:
        """Make what the new id of a session in its store is made of, by each key: whoever takes it over gets the same."""
        options, key = self.options, id if self.stored is None else self.stored.ids.key(id)
        signed = hashlib.sha256(options.keys[0] if options.keys else b"").hexdigest()
        parts = [self.label, signed, options.prefix, type(options.store).__name__, key]
        text = b"\0".join([b"gingersnap/v1/accept", *(part.encode("utf-8") for part in parts)])
        return [hmac.digest(key, text, "sha256") for key in keys]

    def removal(self, secure: bool, own: Attributes | None) -> list[bytes]:
        """Write the lines that remove its cookie."""
        if self.options.external_key is not None:
            return []
        format = self.setup.format
        return format.removal(format.cookie(secure, own))


class LegacySources:
    """All earlier configurations, in the order in which they are asked."""

    def __init__(self, setup: Setup) -> None:
        self._options = options = setup.options
        self.all = [LegacySource(accept, options) for accept in options.accept]
        self.stores = [former.stored for former in self.all if former.stored is not None]
        self._told: frozenset[str] = frozenset()

    def find(self, scope: Scope, why: Why, now_ms: int, after: LegacySource | None = None) -> LegacySession | Why:
        """Find the first session of theirs that counts, of those ``after`` one that had none.

        ``why``: what the current configuration says, which stands otherwise.
        """
        if why not in _OPEN or (self._options.encrypt and self._shows_sealed(scope["headers"])):
            return why
        start = 0 if after is None else self.all.index(after) + 1
        for former in self.all[start:]:
            if now_ms >= former.until_ms:
                continue
            found = former.find(scope, now_ms)
            if isinstance(found, LegacySession):
                return found
            why = found if why is None else why
        return why

    def _shows_sealed(self, headers: Headers) -> bool:
        """Say whether the cookie that came is a sealed one: whatever is wrong with it, no readable one stands in for it."""
        header = b"; ".join([value for name, value in headers if name == b"cookie"])
        values, _ = _core.find(header[: self._options.max_header_bytes], self._options.key.encode("ascii"))
        return any(value.startswith(_SEALED) for value in values)

    def carried(self, claim: LegacySession, into: dict[str, Any], now_ms: int) -> Loaded | None:
        """Say a session that came in a cookie in our terms, as one that an older key has signed; ``None`` where it does not fit."""
        if claim.loaded is None:
            return None
        body = self.fitted(claim, claim.data, into)
        if body is None:
            return None
        dates = self.dates(claim.loaded, now_ms)
        life = rules.life_members(dates.life_ms, own=dates.own_life)
        return body, 1, True, dates.expire_ms, *life, dates.created_ms, dates.owner

    def fitted(self, claim: LegacySession, data: dict[str, Any], into: dict[str, Any]) -> bytes | None:
        """Fill a dict with what the current layout has a place for, and give its text; ``None`` where that is too large."""
        dialect = self._options.dialect
        lost = frozenset(key for key in data if dialect.is_reserved(key)) - self._told
        if lost:
            # Once for each key: every session may have it.
            self._told |= lost
            keys = ", ".join(sorted(lost))
            logger.warning(
                "accept: %s has no place for %s, which sessions of %s have: it is left out",
                dialect.system,
                keys,
                claim.former.label,
            )
        return take(data, into, dialect)

    def dates(self, came: Loaded, now_ms: int) -> Dates:
        """Say when a session ends from now on: with its own end at the latest. Its lifetime is the option, or its own."""
        options = self._options
        _, _, _, expire, max_age, lasts, created, owner = came
        created_ms = created if type(created) is int and options.dialect.has_metadata else None
        if options.absolute_ms is not None and created_ms is None:
            created_ms = rules.birth(expire=expire, max_age=max_age, created=created) or now_ms
        life_ms, expire_ms, own = (
            options.max_age_ms,
            None,
            rules.has_own_life(max_age, lasts) and not options.dialect.accepts_any_name,
        )
        if own:
            life_ms = max_age if type(max_age) is int and lasts is False else None
        elif life_ms is None and type(expire) is int:
            # Sessions end with their browsers now; this one has an end, and keeps it.
            life_ms, own = max(1, expire - now_ms), not options.dialect.accepts_any_name
        if life_ms is not None:
            expire_ms = rules.next_expire(now_ms, life_ms, created_ms, options.absolute_ms)
            expire_ms = min(expire_ms, expire) if type(expire) is int else expire_ms
        return Dates(expire_ms, life_ms, created_ms, owner_of(owner) if options.dialect.has_metadata else None, own)

    def farewell(self, source: Source | None, secure: bool) -> list[bytes]:
        """Write the lines that remove the cookie of a session that was taken over; ``None``: those of all, as a session ends."""
        sources = [Source(former, None) for former in self.all] if source is None else [source]
        return [line for former, own in sources for line in former.removal(secure, own)]
