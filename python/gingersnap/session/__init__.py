"""The session as an application sees it, and the states of one: watched, plain, failed."""

from .session import FETCHED, READ, UNTOUCHED, Session
from .watched import WatchedSession

__all__ = ["FETCHED", "READ", "UNTOUCHED", "Session", "WatchedSession"]
