"""The text of a session's data: as another system's layout shows it, and with the mark of a lifetime of its own."""

from typing import Any

from .. import _core
from ..errors import UnserializableError
from ..presets import Habits


def take(data: dict[str, Any] | None, into: dict[str, Any], habits: Habits) -> bytes | None:
    """Fill ``into`` with what its own system would show of the data, and give the canonical text of that.

    ``None``, and nothing is filled, where there is no data, or where it passes a session's limits in our own spelling.
    """
    if data is None:
        return None
    shown = {key: value for key, value in data.items() if not habits.is_reserved(key)}
    try:
        body = _core.dumps(shown)
    except UnserializableError:
        return None
    # Past the session's own methods: to be filled is no access.
    dict.update(into, shown)
    return body


def with_own_life(body: bytes, life_ms: int | None) -> bytes:
    """Add to a session's text what says that the application set its lifetime: ``rules.has_own_life``."""
    mark = b'"_maxAge":0}' if life_ms is None else b'"_session":false}'
    return body[:-1] + (mark if body == b"{}" else b"," + mark)
