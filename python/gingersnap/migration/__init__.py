"""Copy the sessions of one store into another while the source is in use: what ``gingersnap migrate`` does."""

from .copying import Migration
from .places import open_store
from .progress import NAMED, OUTCOMES, Outcome, Progress, masked

__all__ = ["NAMED", "OUTCOMES", "Migration", "Outcome", "Progress", "masked", "open_store"]
