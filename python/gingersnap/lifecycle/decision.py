"""Decide what a commit does with a session. Pure: plain facts come in, an action and its reason go out."""

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from ..types import Reason

Action: TypeAlias = Literal["nothing", "keep", "delete", "create", "touch", "replace", "move"]
"""What a commit does.

``nothing``; ``keep``: extend the record's lifetime, and tell the client nothing; ``delete``: end the session; ``create``: make a
record under a new id, after the old one was ended where there is one; ``touch``: renew the record's lifetime, not its data;
``replace``: write over the record; ``move``: write it under a new id. In a cookie, ``delete`` removes it, and the last four set it.
"""

RENEWALS: Final[frozenset[Reason | None]] = frozenset({"rolling", "renew", "rotated"})
"""The reasons for which a session is sent though nothing in it was changed."""


@dataclass(slots=True)
class Facts:
    """What is known of a session at its commit. Times in milliseconds."""

    changed: bool
    """Whether its text, or its cookie's attributes where they count, differ from what was loaded or last written."""
    empty: bool
    """Whether it holds nothing."""
    asked: Reason | None
    """The weightiest mark of the application: ``force``, ``rolling``, ``regenerate``, ``destroy``; ``None``: none."""
    exists: bool
    """Whether a session came, or was written by an earlier commit, and was not ended since."""
    committed: bool
    """Whether an earlier commit of this request wrote or ended it."""
    login: bool
    """Whether the application called ``login``."""
    replaced: bool
    """Whether all of its data was put there on purpose, so that nothing is merged into it. A cookie's always is."""
    rotated: bool
    """Whether an older key signed it, or another layout wrote it."""
    rolls: bool
    """Whether ``rolling`` renews it with this response. This and the next four say nothing of a session that was changed."""
    renews: bool
    """Whether ``renew`` applies to this response."""
    left_ms: int | None
    """How long it lives if nothing renews it; ``None``: it ends with the browser, or was not written yet."""
    max_age_ms: int | None
    """How long it lives from each renewal; ``None``: it ends with the browser."""
    public: bool
    """Whether shared caches may keep the response, so that no renewal goes with it."""
    exceeds_lifetime: bool
    """Whether the store keeps its record for longer than the session lives."""
    must_extend: bool
    """Whether its record must be kept for longer though no request writes it."""
    touch_suffices: bool
    """Whether a renewal needs no write: the record's text does not say when the session ends."""
    keep_empty: bool
    allow_empty: bool
    resave: bool


class Decision(NamedTuple):
    """What a commit does, and why; ``reason`` is ``None`` where nothing is written."""

    action: Action
    reason: Reason | None
    withheld: bool
    """Whether a renewal was due and is not sent, since shared caches may keep the response."""


def decide(facts: Facts) -> Decision:
    """Return what a commit does. Source: koa-session ``ContextSession.commit``, ``_shouldSaveSession``."""
    reason, withheld = reason_to_save(facts)
    shortens = facts.exceeds_lifetime and not (facts.public and facts.asked is None)
    if shortens and (reason is None or reason in RENEWALS):
        # Only a write shortens the time that a record has; its cookie goes into no shared cache.
        reason = "resave"
    if reason is None:
        return Decision("keep" if facts.must_extend else "nothing", None, withheld)
    return Decision(_action(facts, reason), reason, withheld)


def _action(facts: Facts, reason: Reason) -> Action:
    if reason == "destroy" and (facts.asked == "destroy" or facts.replaced):
        return "delete"
    if not facts.exists:
        return "create"
    if reason == "rotated" or (reason in ("rolling", "renew") and facts.touch_suffices):
        return "touch"
    return "move" if reason == "regenerate" else "replace"


def reason_to_save(facts: Facts) -> tuple[Reason | None, bool]:
    """Return why the session is written or ended, if it is, and whether a renewal is withheld from a public response."""
    asked, changed = facts.asked, facts.changed
    if asked == "destroy":
        # Ended, then filled: a new session in place of the old one.
        return ("destroy" if facts.empty else "regenerate"), False
    if facts.empty:
        if changed and not facts.login and not facts.keep_empty:
            return "destroy", False
        if not facts.exists and not changed and asked in (None, "rolling"):
            # An empty new session has no lifetime that could start again.
            return ("changed" if facts.allow_empty and not facts.committed else None), False
    reason = asked if asked is not None and asked != "rolling" else "changed" if changed else _renewal(facts)
    resaves = facts.resave and facts.exists and not facts.committed
    withheld = facts.public and asked is None and (reason in RENEWALS or (reason is None and resaves))
    if withheld:
        return None, True
    # A record that each request writes was written with whatever a renewal would write.
    return ("resave" if resaves and reason in (None, "rolling", "rotated") else reason), withheld


def _renewal(facts: Facts) -> Reason | None:
    """Return why a session is sent that nothing was changed in. Source: koa-session ``_shouldSaveSession``."""
    if facts.rolls or facts.asked == "rolling":
        return "rolling"
    left_ms, max_age_ms = facts.left_ms, facts.max_age_ms
    if facts.renews and left_ms is not None and max_age_ms is not None and left_ms < max_age_ms / 2:
        return "renew"
    return "rotated" if facts.rotated else None
