"""Stores that break one promise each, and the tests of the contract that must say so."""

from . import calls, lifetimes, listing, owners, races, refusals
from .table import BROKEN, Broken

__all__ = ["BROKEN", "Broken", "calls", "lifetimes", "listing", "owners", "races", "refusals"]
