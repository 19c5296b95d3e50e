"""Where a preset and the layout of its store do not go together, so that no session is shared with Node."""

from typing import Final

# Whose records each layout keeps, as the preset calls that system, and which of our stores has the layout.
_LAYOUTS: Final = {
    "connect-redis": ("express", "RedisStore"),
    "koa-redis": ("koa-generic", "RedisStore"),
    "connect-pg-simple": ("express", "PostgresStore"),
    "express-mysql-session": ("express", "SQLAlchemyStore"),
}


def disagreement(store: object, preset: str | None) -> str | None:
    """Say what is wrong with a preset and the layout of its store, and the cure; ``None`` where nothing is.

    ``preset="koa"`` goes with any: koa-session takes whatever has ``get``, ``set`` and ``destroy``.
    """
    layout = getattr(store, "layout", None)
    if preset == "koa" or not isinstance(layout, str):
        return None
    if layout in _LAYOUTS and _LAYOUTS[layout][0] != preset:
        other = "no preset" if preset is None else f"preset={preset!r}"
        cure = f"pass preset={_LAYOUTS[layout][0]!r}, or leave out layout"
        return f"{layout!r} with {other} shares no session with Node; {cure}"
    kinds = {kind.__name__ for kind in type(store).__mro__}
    for fit, (system, kind) in _LAYOUTS.items():
        if layout == "native" and system == preset and kind in kinds:
            return f"the store's own with preset={preset!r} shares no session with Node; pass layout={fit!r} to {kind}"
    return None
