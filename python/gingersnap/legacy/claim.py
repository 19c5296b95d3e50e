"""What a client shows of a session of an earlier configuration."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ..cookies.attributes import Attributes
from ..types import Loaded

if TYPE_CHECKING:
    from .sources import Former


@dataclass(frozen=True, slots=True)
class Claim:
    """The id of one in a store, or all of one in a cookie."""

    former: "Former"
    id: str | None = field(repr=False)
    loaded: Loaded | None = field(repr=False)
    data: dict[str, Any] = field(repr=False)


class Source(NamedTuple):
    """Where a session came from that was taken over; ``own``: the attributes of its old cookie where those are its own."""

    former: "Former"
    own: Attributes | None
