"""Put together what two requests made of one session. Pure: three texts' data come in, one goes out."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from . import _core

_NONE: Final = b""


def merge(
    base: Mapping[str, Any],
    mine: Mapping[str, Any],
    theirs: Mapping[str, Any],
    *,
    atomic: Collection[str] = (),
    mine_first: bool = False,
) -> dict[str, Any]:
    """Merge ``mine`` into ``theirs``, key by key, by what both were made from.

    Changed on one side: that side. Deleted on one side: deleted, whatever the other did. Changed on both: mine. The keys in
    ``atomic`` move together, from one side: where both changed any of them, from theirs, or with ``mine_first`` from mine.
    Values are compared as JSON writes them: 1, 1.0 and true are three.
    """
    was, ours, stored = _texts(base), _texts(mine), _texts(theirs)
    changed_here = {key for key in was.keys() | ours.keys() if was.get(key, _NONE) != ours.get(key, _NONE)}
    changed_there = {key for key in was.keys() | stored.keys() if was.get(key, _NONE) != stored.get(key, _NONE)}
    group = set(atomic)
    group_is_mine = bool(changed_here & group) and (mine_first or not changed_there & group)

    def side(key: str) -> Mapping[str, Any]:
        if key in group:
            return mine if group_is_mine else theirs
        if key in changed_here and not (key in changed_there and key not in theirs and key in was):
            return mine
        return theirs

    return {key: chosen[key] for key in [*theirs, *(key for key in mine if key not in theirs)] if key in (chosen := side(key))}


def _texts(data: Mapping[str, Any]) -> dict[str, bytes]:
    return {key: _core.dumps({key: value}) for key, value in data.items()}
