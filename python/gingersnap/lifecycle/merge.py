"""Merge what two requests made of one session. Pure: the data of three texts comes in, that of one goes out."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeAlias

from .. import _core

_ABSENT: Final = object()
Steps: TypeAlias = Mapping[str, int | float]
"""By how much a request incremented which key."""
_NO_STEPS: Final[Steps] = {}
Holds: TypeAlias = Callable[[Any, Any], bool]
"""Whether a list still has all items of another."""


def merge(
    base: Mapping[str, Any],
    mine: Mapping[str, Any],
    theirs: Mapping[str, Any],
    *,
    atomic: Collection[str] = (),
    mine_first: bool = False,
    steps: Steps = _NO_STEPS,
    theirs_holds_base: bool = False,
) -> dict[str, Any]:
    """Merge ``mine`` into ``theirs``, key by key, by what both were made from.

    Changed on one side: that side. Deleted on one side: deleted, whatever the other did. Changed on both: dicts are merged by the
    same rules, lists that both only appended to get both appends, theirs first; of anything else mine. The keys in ``atomic`` move
    together and unmerged, from one side: where both changed any of them, from theirs, or with ``mine_first`` from mine. ``steps``:
    by how much mine incremented which key, added to the number that is there, or to nothing where the key was deleted.
    ``theirs_holds_base``: ``theirs`` is itself a merge of ``base``, so that the items of others stand between those of its lists.
    Values are compared as JSON writes them: 1, 1.0 and true are three.
    """
    group, holds = set(atomic), _holds if theirs_holds_base else _begins_with
    changed_here = any(_is_changed(base, mine, key) for key in group)
    changed_there = any(_is_changed(base, theirs, key) for key in group)
    of_group = mine if changed_here and (mine_first or not changed_there) else theirs

    def member(key: str) -> Any:
        if key in group:
            return of_group.get(key, _ABSENT)
        sides = base.get(key, _ABSENT), mine.get(key, _ABSENT), theirs.get(key, _ABSENT)
        return _counted(*sides, steps[key], holds) if key in steps else _merged(*sides, holds)

    return _members(mine, theirs, member)


def brought(base: bytes, body: bytes, *, atomic: Collection[str] = (), steps: Steps = _NO_STEPS) -> dict[str, Any]:
    """Return what a request added to a session or set in it: all that a login keeps of one that has ended meanwhile.

    Of a dict only the members that it set are kept, of a list that it appended to only what it appended, of a number that it
    incremented only ``steps``. The keys in ``atomic`` are kept together where it set any of them.
    """
    was, now = _core.loads(base) or {}, _core.loads(body) or {}
    group = set(atomic) if any(_is_changed(was, now, key) for key in atomic) else set()
    kept = {key: value if key in group else _brought(was.get(key, _ABSENT), value) for key, value in now.items()}
    return {key: steps.get(key, value) for key, value in kept.items() if value is not _ABSENT}


def _brought(was: Any, now: Any) -> Any:
    if _text(was) == _text(now):
        return _ABSENT
    if isinstance(was, dict) and isinstance(now, dict):
        members = {key: _brought(was.get(key, _ABSENT), value) for key, value in now.items()}
        return {key: value for key, value in members.items() if value is not _ABSENT} or _ABSENT
    if _is_list(was) and _is_list(now) and _begins_with(now, was):
        return [*now[len(was) :]]
    return now


def is_number(value: object) -> bool:
    """Return whether a value can be counted with: a bool is no number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _members(mine: Mapping[str, Any], theirs: Mapping[str, Any], member: Any) -> dict[str, Any]:
    """Return the members that there are, in the order of theirs and then of what mine has besides."""
    names = [*theirs, *(key for key in mine if key not in theirs)]
    return {key: value for key in names if (value := member(key)) is not _ABSENT}


def _merged(was: Any, ours: Any, stored: Any, holds: Holds) -> Any:
    """Merge one value; its depth is bounded, for texts bound it. ``holds``: whether a list of theirs has all of another."""
    text = _text(was)
    if _text(ours) == text:
        return stored
    if _text(stored) == text:
        return ours
    if ours is _ABSENT or stored is _ABSENT:
        # Both changed it, so it was there: deletion wins.
        return _ABSENT
    was_none = was is _ABSENT or was is None
    if isinstance(ours, dict) and isinstance(stored, dict) and (was_none or isinstance(was, dict)):
        return _dicts({} if was_none else was, ours, stored, holds)
    if _is_list(ours) and _is_list(stored) and (was_none or _is_list(was)):
        old = [] if was_none else was
        if _begins_with(ours, old) and holds(stored, old):
            return [*stored, *ours[len(old) :]]
    return ours


def _dicts(was: Mapping[str, Any], ours: Mapping[str, Any], stored: Mapping[str, Any], holds: Holds) -> dict[str, Any]:
    def member(key: str) -> Any:
        return _merged(was.get(key, _ABSENT), ours.get(key, _ABSENT), stored.get(key, _ABSENT), holds)

    return _members(ours, stored, member)


def _counted(was: Any, ours: Any, stored: Any, step: int | float, holds: Holds) -> Any:
    """Carry out an increment over what is there."""
    if _text(stored) == _text(was):
        return ours
    if stored is _ABSENT:
        return step
    return stored + step if is_number(stored) else _merged(was, ours, stored, holds)


def _is_list(value: object) -> bool:
    # A handler's tuple is a list as soon as it is written.
    return isinstance(value, list | tuple)


def _begins_with(longer: Any, start: Any) -> bool:
    return _text([*longer[: len(start)]]) == _text([*start])


def _holds(longer: Any, items: Any) -> bool:
    """Return whether a list has all of these items, in their order, with any others in between."""
    rest = iter([_text(item) for item in longer])
    return all(_text(item) in rest for item in items)


def _is_changed(base: Mapping[str, Any], side: Mapping[str, Any], key: str) -> bool:
    return _text(base.get(key, _ABSENT)) != _text(side.get(key, _ABSENT))


def _text(value: object) -> bytes:
    return b"" if value is _ABSENT else _core.dumps({"": value})
