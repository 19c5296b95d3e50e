"""What one request knows of its session's record, and what its response tells the client of the id."""

from collections.abc import Sequence
from typing import Final

from ..legacy.lazy_migration import Migrated
from ..legacy.sources import LegacySession, Origin
from ..records.id_transport import IdUpdate
from ..records.record_writer import StoredVersion
from ..stores.store import late_ms

_NOTHING: Final = StoredVersion(None, b"")


class RecordState:
    """The record of one request's session."""

    # Class attributes are defaults: a request sets what differs.
    id: str | None = None
    """The session's id; ``None``: it has none yet, or none any more."""
    key_index = 0
    """The index of the key that signed the id; above 0: the client is to get it again."""
    version: StoredVersion = _NOTHING
    """What is known of the stored record."""
    ttl_ms: int | None = None
    """How long the store keeps the record from its load or write on; ``None``: not known, or for ever."""
    exceeds_lifetime = False
    """Whether the store keeps the record for longer than the session's own lifetime says."""
    outdated = False
    """Whether the record has the lifetime of an earlier ``max_age``, so that a renewal writes it."""
    legacy: LegacySession | None = None
    """What came of an earlier configuration, until it was taken over."""
    unmade: tuple[LegacySession, Migrated] | None = None
    """What came in an earlier configuration's cookie and has no record yet."""
    origin: Origin | None = None
    """The earlier configuration that the session came from, where it did."""
    unsure: bytes | None = None
    """The record's text that a failed commit may have written all the same."""
    id_update: IdUpdate | None = None
    """What the response tells the client of the id; ``None``: nothing."""

    removals: Sequence[bytes] = ()
    """The lines that remove other cookies, with that update."""

    @property
    def has_id(self) -> bool:
        """Whether an id came, of this configuration or of an earlier one."""
        return self.id is not None or self.legacy is not None

    def was_renewed(self, ttl_ms: int, life_ms: int) -> bool:
        """Return whether an earlier request renewed the record not long ago; ``ttl_ms``: its lifetime in the store from now on."""
        return self.key_index == 0 and self.ttl_ms is not None and self.ttl_ms > ttl_ms - late_ms(life_ms)

    def forget(self) -> None:
        """Drop the record of a session that is none; its id is not used again."""
        self.id = self.ttl_ms = None
        self.exceeds_lifetime = False
