"""Show the application the data that was written, with what it changed while that was under way."""

from collections.abc import Collection
from typing import Any

from .. import _core
from ..errors import UnserializableError
from .adopt import adopt
from .increments import Increments
from .merge import merge


def show_merged(
    session: dict[str, Any], before: bytes, written: bytes, *, atomic: Collection[str], increments: Increments | None
) -> Increments:
    """Change a session to what was written of it, and return the increments that are still to be written.

    ``before``: its text as the commit found it; ``increments``: those that came after that.
    """
    was, now, mine = _core.loads(before) or {}, _core.loads(written) or {}, dict.copy(session)
    # What cannot be written is for the next commit to refuse: this one has been carried out.
    unfit = {key: mine.pop(key) for key in [*mine] if not _is_json(key, mine[key])}
    # A group that was changed meanwhile is this request's as a whole: its next commit writes it.
    later = increments.steps(mine) if increments else {}
    data = merge(was, mine, now, atomic=atomic, mine_first=True, steps=later, theirs_holds_base=True)
    adopt(session, {**data, **unfit})
    return Increments.over(written, later, data)


def _is_json(key: str, value: Any) -> bool:
    try:
        _core.dumps({key: value})
    except UnserializableError:
        return False
    return True
