"""What the requests of one middleware share where sessions live in a store."""

from dataclasses import dataclass

from ..cookies.format import CookieFormat
from ..cookies.handshake import HandshakeWarning
from ..legacy.sources import LegacySources
from ..lifecycle.policy import Policy
from ..lifecycle.scope_slot import ScopeSlot
from ..records.id_transport import Transport
from ..records.repository import Repository


@dataclass(frozen=True, slots=True)
class Parts:
    """The objects that contexts, loads, commits and responses are made with."""

    policy: Policy
    format: CookieFormat
    legacy: LegacySources
    slot: ScopeSlot
    repository: Repository
    transport: Transport
    handshake: HandshakeWarning
