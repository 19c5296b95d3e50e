"""How one request stands to its session: whether it can be used, and what went wrong."""

from typing import Literal, TypeAlias

from ..errors import SessionUnavailable

Availability: TypeAlias = Literal["ready", "deferred", "unavailable", "degraded", "gone", "superseded"]
"""Whether the session can be used.

``deferred``: an id came that the store was not asked about yet; ``unavailable``: the store could not be asked; ``degraded``: it
could not, and the application wants an empty session for that; ``gone``: another request has ended the session; ``superseded``:
another request has just replaced its id.
"""


class Status:
    """The status of one request's session."""

    # Class attributes are defaults: a request sets what differs.
    availability: Availability = "ready"
    abandoned = False
    """Whether the application left the session as it is."""
    replaced_before_load = False
    """Whether the application put other data into a session that was not loaded yet."""
    unasked = False
    """Whether no id came, and the application has not called ``load`` all the same, as ``defer`` asks of it."""
    ending = False
    """Whether the commit that is under way, or failed, ends an id."""
    error: SessionUnavailable | None = None
    """Why the session could not be fetched."""
    reported_error: SessionUnavailable | None = None
    """The error that was handed to the application, until the store answers again."""

    @property
    def gone(self) -> bool:
        """Whether the session was found to have ended, or its id to have been replaced."""
        return self.availability in ("gone", "superseded")

    def use_unread(self) -> None:
        """Note that the application uses a deferred session without what the store has of it."""
        if self.availability == "deferred":
            self.availability = "ready"
