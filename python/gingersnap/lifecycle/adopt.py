"""Bring a session to the data that was written of it. Pure: it changes the containers that it is given, and nothing else."""

from collections.abc import Iterable
from typing import Any

from .. import _core


def adopt(session: dict[str, Any], data: dict[str, Any]) -> None:
    """Make a dict say what ``data`` says, in its order, and keep the lists and dicts that a handler may hold.

    What a thread puts under another key meanwhile stays.
    """
    _dict(session, dict.copy(session), data)


def _dict(into: dict[str, Any], before: dict[str, Any], data: dict[str, Any]) -> None:
    for key in before:
        if key not in data:
            dict.pop(into, key, None)
    in_order = _is_prefix(before, data)
    for key, value in data.items():
        if key not in before or not _show(before[key], value):
            dict.__setitem__(into, key, value)
        if not in_order:
            # Not in one step: what a thread puts there in between is newer.
            dict.setdefault(into, key, dict.pop(into, key, value))


def _is_prefix(before: Iterable[str], data: dict[str, Any]) -> bool:
    """Return whether the keys that stay, and then the new ones, come in the order of ``data`` already."""
    stays = [key for key in before if key in data]
    return stays == [*data][: len(stays)]


def _show(old: Any, new: Any) -> bool:
    """Make an object say what another one says; ``False`` where it cannot, and has to be replaced."""
    if old is new:
        return True
    if isinstance(old, dict) and isinstance(new, dict):
        _dict(old, dict.copy(old), new)
        return True
    if isinstance(old, list) and isinstance(new, list):
        old[:] = _items([*old], new)
        return True
    return _core.dumps([old]) == _core.dumps([new])


def _items(old: list[Any], new: list[Any]) -> list[Any]:
    """Return the items of ``new``, those of ``old`` in the place of their like.

    An item that a handler holds stays the same item where others' items have come before it. One that has no like any more says
    what is in its place.
    """
    places: dict[bytes, list[int]] = {}
    for place in reversed(range(len(old))):
        places.setdefault(_core.dumps([old[place]]), []).append(place)
    like = [found.pop() if (found := places.get(_core.dumps([item]))) else None for item in new]
    kept = {place for place in like if place is not None}

    def item(place: int, value: Any) -> Any:
        found = like[place]
        if found is not None:
            return old[found]
        free = place < len(old) and place not in kept
        return old[place] if free and _show(old[place], value) else value

    return [item(place, value) for place, value in enumerate(new)]
