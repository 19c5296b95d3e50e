"""The data of a session that another system wrote."""

from typing import Any

from .. import _core
from ..errors import SessionTooLarge
from ..presets import Habits


def take(data: dict[str, Any] | None, into: dict[str, Any], habits: Habits) -> bytes | None:
    """Fill ``into`` with what its own system would show of the data, and give the canonical text of that.

    ``None``, and nothing is filled, where there is no data, or where it fitted as it was spelled but not in our own spelling.
    """
    if data is None:
        return None
    shown = {key: value for key, value in data.items() if not habits.is_reserved(key)}
    try:
        body = _core.dumps(shown)
    except SessionTooLarge:
        return None
    # Past the session's own methods: to be filled is no access.
    dict.update(into, shown)
    return body
