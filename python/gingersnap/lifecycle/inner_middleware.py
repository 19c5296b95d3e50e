"""Find another session middleware within ours, which puts a session of its own under our key for its part of the application.

Seen from the scope alone, its plain dict is what an application puts there to replace the session. It is told apart by what waits
for the response: such a middleware has set the key, and has called the application that it was given. Only a request that has
something else than our session in its scope pays for the search.
"""

import asyncio
import dis
import sys
from collections.abc import Iterator
from functools import lru_cache, partial
from types import CodeType, FrameType
from typing import Any, cast

from ..session.session import Session
from ..types import Scope


def is_of_another(scope: Scope, key: str, value: object) -> bool:
    """Return whether the value under the key is another middleware's session, and not one that the application set."""
    if hasattr(type(value), "modified") and not issubclass(type(value), Session):
        # A dict that notes its changes: Starlette's since 1.0, Flask's and asgi-sessions' are such.
        return True
    calls = (pair for chain in _chains() for pair in zip(chain[1:], chain, strict=False))
    return any(_is_middleware(outer, inner, scope, key) for outer, inner in calls)


def _chains() -> Iterator[list[FrameType]]:
    """Return the calls that wait for each other, innermost first: here, in the exception that passes, and in tasks started here.

    A server may have ten thousand other tasks: they are not looked at.
    """
    here: list[FrameType] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        here.append(frame)
        frame = frame.f_back
    yield here
    raised: list[FrameType] = []
    trace = sys.exc_info()[2]
    while trace is not None:
        raised.insert(0, trace.tb_frame)
        trace = trace.tb_next
    yield raised
    # Starlette's BaseHTTPMiddleware has its application run in a task of its own, and sends the response from this one.
    for task in {task for frame in here for value in frame.f_locals.values() for task in _tasks(value)}:
        yield _waiting(task.get_coro())


def _tasks(value: object) -> Iterator[asyncio.Task[Any]]:
    """Return the task that a variable holds, or those of the task group (asyncio's or anyio's) that it holds."""
    # By the type: an application's own object may raise at whatever it is asked for.
    kind = type(value)
    group = getattr(value, "_tasks", ()) if kind.__name__ == "TaskGroup" else (value,)
    for task in group:
        if issubclass(type(task), asyncio.Task):
            yield cast("asyncio.Task[Any]", task)


def _waiting(coroutine: Any) -> list[FrameType]:
    frames: list[FrameType] = []
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        frames.insert(0, frame)
        coroutine = coroutine.cr_await
    return frames


def _is_middleware(outer: FrameType, inner: FrameType, scope: Scope, key: str) -> bool:
    """Return whether a call is of a middleware that has set the key, and ``inner`` of the application that it was given."""
    if not _sets(outer.f_code, key):
        return False
    names = outer.f_locals
    if not any(value is scope for value in names.values()):
        return False
    given = [names[name] for name in outer.f_code.co_freevars if name in names]
    given += getattr(_first(outer), "__dict__", {}).values()
    return any(_calls(each, inner) for each in given)


def _first(frame: FrameType) -> object:
    """Return the first argument of a call: its object, where it is a method's."""
    code = frame.f_code
    return frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None


def _calls(given: object, frame: FrameType) -> bool:
    while isinstance(given, partial):
        given = given.func
    function = getattr(given, "__func__", given)
    return given is not None and (getattr(function, "__code__", None) is frame.f_code or _first(frame) is given)


@lru_cache(maxsize=1024)
def _sets(code: CodeType, key: str) -> bool:
    """Return whether a function has ``x[key] = value``; ``None`` for a value ends the session, whatever function sets it."""
    if key not in code.co_consts:
        return False
    steps = [*dis.get_instructions(code)]
    return any(
        step.opname == "STORE_SUBSCR" and index.argval == key and not (value.opname == "LOAD_CONST" and value.argval is None)
        for value, index, step in zip(steps, steps[2:], steps[3:], strict=False)
    )
