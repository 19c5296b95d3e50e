"""What a client shows of a session of an earlier configuration."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ..cookies.attributes import Attributes
from ..types import Loaded

if TYPE_CHECKING:
    from .sources import LegacySource


@dataclass(frozen=True, slots=True)
class LegacySession:
    """The id of one in a store, or all of one in a cookie."""

    former: "LegacySource"
    id: str | None = field(repr=False)
    loaded: Loaded | None = field(repr=False)
    data: dict[str, Any] = field(repr=False)


class Source(NamedTuple):
    """Where a session came from that was taken over; ``own``: the attributes of its old cookie where those are its own."""

    former: "LegacySource"
    own: Attributes | None
