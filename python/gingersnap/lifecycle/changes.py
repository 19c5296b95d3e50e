"""Compare a session with what was loaded or written: whether it changed, what came too late, which keys are the heaviest."""

from typing import Any

from .. import _core
from ..errors import SessionTooLarge, UnserializableError, shown
from ..session.session import Session
from .state import EMPTY, SessionState


def is_same(session: Session, body: bytes) -> bool:
    """Compare a session's text with another; one that cannot be written is not the same."""
    try:
        return _core.dumps(session) == body
    except UnserializableError:
        return False


def has_changed(state: SessionState, session: Session) -> bool:
    """Compare the session's text with the one that was loaded or last committed."""
    return session.accessed and not is_same(session, state.body)


def is_late(state: SessionState, session: Session) -> bool:
    """Return whether anything was asked or changed since the commit; what a failed commit left is no late change."""
    return not state.failed and (state.mark is not None or has_changed(state, session))


def late_keys(state: SessionState, session: Session) -> list[str]:
    """Return the keys that changed after the cookie had gone, and ``(mark)`` for what was asked then."""
    late = ["(mark)"] if state.mark is not None else []
    if has_changed(state, session):
        before = _core.loads(state.body) or {}
        names = sorted({*before, *dict.keys(session)}, key=str)
        late += [shown(name) for name in names if before.get(name, ...) != dict.get(session, name, ...)] or ["(order of keys)"]
    return late


def heaviest(state: SessionState, session: dict[str, Any]) -> list[tuple[str, int]]:
    """Return the keys with the octets of their JSON text, the heaviest first."""
    data = {**dict.copy(session), **({} if state.owner is None else {"_owner": state.owner})}
    return sorted(((key, _octets(key, value)) for key, value in data.items()), key=lambda pair: -pair[1])


def _octets(key: str, value: object) -> int:
    try:
        return len(_core.dumps({key: value})) - len(EMPTY)
    except SessionTooLarge:
        return _core.MAX_TEXT
