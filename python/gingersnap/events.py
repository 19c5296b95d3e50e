"""Notify listeners of what happened to sessions: names, reasons and hashed ids, never data, ids or keys."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from .errors import ConfigError
from .loop_tasks import LoopTasks
from .types import Scope

logger = logging.getLogger("gingersnap")

EventName: TypeAlias = Literal[
    "missed",
    "superseded",
    "expired",
    "invalid",
    "tampered",
    "duplicate",
    "corrupt",
    "created",
    "saved",
    "renewed",
    "regenerated",
    "destroyed",
    "gone",
    "conflict",
    "late_write",
    "store_error",
    "store_recovered",
    "accepted",
]
"""``missed``, ``expired`` and ``invalid`` are koa-session's own three.

``superseded``: ``login`` or ``regenerate`` replaced the request's id a moment ago.
``accepted``: ``detail`` names the earlier system and its cookie.
"""

NAMES = frozenset(get_args(EventName))


@dataclass(frozen=True, slots=True)
class Event:
    """One event. ``key`` is the SHA-256 of the session's id in the store, ``None`` for a session in its cookie;
    ``detail`` is a reason or a list of key names.
    """

    name: str
    scope: Scope = field(repr=False)
    key: str | None = None
    detail: str = ""


Listener: TypeAlias = Callable[[Event], Awaitable[None] | None]


class Events:
    """The listeners of one set of options."""

    def __init__(self, listeners: Mapping[str, Listener]) -> None:
        self._listeners: dict[str, list[Listener]] = {}
        self._running = LoopTasks()
        # Whether there is any listener: read on every write.
        self.has_listeners = False
        if not isinstance(listeners, Mapping):
            raise ConfigError("listeners", f"it cannot be {type(listeners).__name__}", "give a dict of event names and functions")
        for name, listener in listeners.items():
            self.on(name, listener)

    def on(self, name: str, listener: Listener) -> None:
        """Add a listener, sync or async.

        Raises: ConfigError for an unknown event or a listener that cannot be called.
        """
        if not isinstance(name, str) or name not in NAMES:
            raise ConfigError("listeners", f"there is no event {name!r}", f"choose among {', '.join(sorted(NAMES))}")
        if not callable(listener):
            raise ConfigError("listeners", f"{type(listener).__name__} cannot be called", "give a function of one event")
        self._listeners.setdefault(name, []).append(listener)
        self.has_listeners = True

    def copy(self) -> "Events":
        """Return another set of the same listeners."""
        other = Events({})
        other._listeners = {name: [*listeners] for name, listeners in self._listeners.items()}
        other.has_listeners = self.has_listeners
        return other

    def emit(self, name: str, scope: Scope, detail: str = "", key: str | None = None) -> None:
        """Call the listeners on the running loop's next turn, or at once if no loop runs."""
        listeners = self._listeners.get(name)
        if not listeners:
            return
        event = Event(name, scope, key, detail)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # An event loop other than asyncio's, or a test without one.
            for listener in listeners:
                self._call(listener, event)
            return
        for listener in listeners:
            loop.call_soon(self._call, listener, event)

    def _call(self, listener: Listener, event: Event) -> None:
        try:
            result = listener(event)
        except Exception:
            logger.exception("a listener for the event %r failed", event.name)
            return
        if inspect.isawaitable(result):
            self._follow(result, event)

    def _follow(self, result: Awaitable[None], event: Event) -> None:
        async def run() -> None:
            try:
                await result
            except Exception:
                logger.exception("a listener for the event %r failed", event.name)

        coroutine = run()
        try:
            self._running.begin(coroutine)
        except RuntimeError:
            coroutine.close()
            if inspect.iscoroutine(result):
                result.close()
            logger.exception("an async listener for the event %r needs asyncio's event loop", event.name)
