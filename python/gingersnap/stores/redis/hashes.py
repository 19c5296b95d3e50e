"""The native layout of records in Redis: hashes, with a version and an owner of their own."""

from typing import Any, Protocol

from .scripts import NATIVE, Layout


class Records(Protocol):
    """How a layout keeps records: its scripts, and what goes in and out of them."""

    scripts: Layout
    type: str
    """The Redis type of a record's key."""
    has_owners: bool

    def lasting(self, ttl_ms: int) -> int:
        """Return the lifetime that the scripts are given."""

    def check_owner(self, owner: str | None) -> None:
        """Raise ConfigError for an owner where a record has no place for one."""

    def version(self, value: bytes, token: bytes, owner: bytes | None = None) -> Any:
        """Return the version of a record."""

    def parts(self, version: Any) -> tuple[bytes, str]:
        """Return what the scripts compare of a version, and the digest of the record's owner."""


class Hashes:
    """The native layout. The version holds the owner, so that a replace can reach his index in the same round trip."""

    scripts: Layout = NATIVE
    type: str = "hash"
    has_owners: bool = True

    def lasting(self, ttl_ms: int) -> int:
        """Return a lifetime of a millisecond at least."""
        return max(1, ttl_ms)

    def check_owner(self, owner: str | None) -> None:
        """Accept any owner."""

    def version(self, value: bytes, token: bytes, owner: bytes | None = None) -> tuple[bytes, bytes]:
        """Return the random octets of a write, and the digest of the owner."""
        return token, owner or b""

    def parts(self, version: Any) -> tuple[bytes, str]:
        """Return the random octets of a write, and the digest of the owner."""
        return version[0], version[1].decode()
