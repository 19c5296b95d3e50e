"""Find another session middleware within ours, which puts a session of its own under our key for its part of the application.

Seen from the scope alone, its plain dict is what an application puts there to replace the session. It is told apart by what waits
for the response: such a middleware sets the key, and calls an application that it was given. Only a request that has something else
than our session in its scope pays for the search: it looks at the calls of this request, not at the other tasks of a server.
"""

import asyncio
import dis
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any, NamedTuple

from ..session.session import Session
from ..types import Scope

_SETTERS = frozenset({"update", "setdefault", "__setitem__"})
"""Methods of a dict that set a key."""
_OUR_MIDDLEWARES = frozenset({"gingersnap.middleware", "gingersnap.starlette"})
_IDLE = frozenset({"CACHE", "EXTENDED_ARG", "NOP", "PUSH_NULL", "NOT_TAKEN"})


def is_of_another(scope: Scope, key: str, value: object) -> bool:
    """Return whether the value under the key is another middleware's session, and not one that the application set."""
    if hasattr(type(value), "modified") and not issubclass(type(value), Session):
        # A dict that notes its changes: Starlette's since 1.0, Flask's and asgi-sessions' are such.
        return True
    frames = _frames()
    theirs = [frame for frame in frames if not str(frame.f_globals.get("__name__")).startswith("gingersnap.")]
    of_request = [frame for frame in theirs if _has_scope(frame, scope)]
    setters = [frame for frame in of_request if _sets(frame, key, theirs)]
    return any(_is_given(setter, frame) for setter in setters for frame in of_request if frame is not setter)


def _frames() -> list[FrameType]:
    """Return the calls that wait for each other: here, in the exception that passes, and in the tasks of this request.

    A server may have ten thousand other tasks: they are not looked at. Those of a request are held by its calls: Starlette's
    BaseHTTPMiddleware has its application run in a task of its own and sends the response from this one. Where another task sends
    the response than the one that waits for it, as for a stream, nothing leads back from there, and all tasks are looked at.
    """
    frames, is_within = _here()
    trace = sys.exc_info()[2]
    while trace is not None:
        frames.append(trace.tb_frame)
        trace = trace.tb_next
    seen: set[Any] = set()
    found = [] if is_within else _all_tasks()
    looked_at = 0
    while True:
        while looked_at < len(frames):
            found += [task for value in frames[looked_at].f_locals.values() for task in _tasks(value)]
            looked_at += 1
        fresh = {*found} - seen
        if not fresh:
            return frames
        seen |= fresh
        found = []
        for task in fresh:
            frames += _waiting(task.get_coro() if isinstance(task, asyncio.Task) else task.coro)


def _here() -> tuple[list[FrameType], bool]:
    """Return the calls within ours that wait for this one, and whether ours is among those that do.

    A server's own calls are left out.
    """
    frames: list[FrameType] = []
    within = 0
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") in _OUR_MIDDLEWARES:
            within = len(frames)
        frames.append(frame)
        frame = frame.f_back
    return (frames[:within], True) if within else (frames, False)


def _all_tasks() -> list[Any]:
    """Return all tasks of asyncio's event loop; of trio's, where each knows its parent, those that wait for this one."""
    try:
        return [*asyncio.all_tasks()]
    except RuntimeError:
        trio: Any = sys.modules.get("trio")
    try:
        task = trio.lowlevel.current_task()
    except (AttributeError, RuntimeError):
        return []
    tasks = []
    while task.parent_nursery is not None:
        task = task.parent_nursery.parent_task
        tasks.append(task)
    return tasks


def _tasks(value: object) -> Iterator[Any]:
    """Return the task that a variable holds, or those of the task group (asyncio's, trio's, anyio's) that it holds."""
    # By the type: an application's own object may raise at whatever it is asked for.
    kind = type(value)
    if kind.__name__ not in ("TaskGroup", "Nursery"):
        if issubclass(kind, asyncio.Task):
            yield value
        return
    nursery = value if kind.__name__ == "Nursery" else getattr(value, "_nursery", None)
    children = getattr(value, "_tasks", ()) if nursery is None else getattr(nursery, "child_tasks", ())
    yield from (task for task in children if issubclass(type(task), asyncio.Task) or hasattr(task, "coro"))


def _waiting(coroutine: Any) -> list[FrameType]:
    frames: list[FrameType] = []
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        frames.append(frame)
        coroutine = coroutine.cr_await
    return frames


def _has_scope(frame: FrameType, scope: Scope) -> bool:
    """Return whether a variable holds the scope, or a request with that scope."""
    values = frame.f_locals.values()
    return any(value is scope or _attributes(value).get("scope") is scope for value in values)


def _sets(frame: FrameType, key: str, frames: list[FrameType]) -> bool:
    """Return whether a call sets the key, by itself or by a function that it has called by its name."""
    own = _first(frame)
    names = _Names(frame.f_locals, frame.f_globals, own)
    if _stores(frame.f_code, key, names):
        return True
    # What waits for the response is no helper: an application that sets the key itself is called by its name too.
    running = {each.f_code for each in frames}
    functions = {_function(names.get(name)) for name in frame.f_code.co_names} - {None}
    helpers = [each for each in functions if each is not None and each.__code__ not in running]
    return any(_stores(each.__code__, key, _Names({}, each.__globals__, own)) for each in helpers)


def _stores(code: CodeType, key: str, names: "_Names") -> bool:
    """Return whether code has ``x[key] = value`` or ``x.update(key=value)``; ``None`` as a value is an end and does not count."""
    written = _written(code)
    return key in written.keys or any(names.get(name) == key for name in written.names)


class _Written(NamedTuple):
    keys: frozenset[str]
    names: frozenset[str]
    """Names of variables and attributes that are indexes."""


@lru_cache(maxsize=4096)
def _written(code: CodeType) -> _Written:
    """Return what code assigns to items of: constants, and names of what holds an index."""
    keys: set[str] = set()
    names: set[str] = set()
    steps = [step for step in dis.get_instructions(code) if step.opname not in _IDLE]
    for at, step in enumerate(steps):
        before, after = steps[at - 1], steps[min(at + 1, len(steps) - 1)]
        if step.opname == "STORE_SUBSCR" and at and not _is_none(steps, at - 1):
            index = before.argval[-1] if isinstance(before.argval, tuple) else before.argval
            if isinstance(index, str) and before.opname.startswith("LOAD_"):
                (keys if before.opname == "LOAD_CONST" else names).add(index)
        elif step.opname in ("LOAD_METHOD", "LOAD_ATTR") and step.argval in _SETTERS and after.opname == "LOAD_CONST":
            keys |= {after.argval} if isinstance(after.argval, str) else set()
    if "update" in code.co_names:
        # The names of keyword arguments, and of the members of a dict that is written out.
        keys |= {name for names_of in code.co_consts if isinstance(names_of, tuple) for name in names_of if isinstance(name, str)}
    return _Written(frozenset(keys), frozenset(names))


def _is_none(steps: list[dis.Instruction], index: int) -> bool:
    """Return whether the value of an assignment is ``None``: it is loaded before the dict and the index."""
    at = index - 1
    while at > 0 and steps[at].opname.startswith("LOAD_") and steps[at].opname != "LOAD_CONST":
        at -= 1
    return steps[at].opname == "LOAD_CONST" and steps[at].argval is None


class _Names:
    """What the names in a function's code stand for."""

    def __init__(self, variables: Mapping[str, Any], globals: Mapping[str, Any], own: object) -> None:
        self._variables = variables
        self._globals = globals
        self._own = own

    def get(self, name: str) -> Any:
        if name in self._variables:
            return self._variables[name]
        for place in (_attributes(self._own), *(kind.__dict__ for kind in type(self._own).__mro__), self._globals):
            if name in place:
                return place[name]
        return None


def _function(called: object) -> FunctionType | None:
    while isinstance(called, partial):
        called = called.func
    function = called.__func__ if isinstance(called, MethodType) else called
    return function if isinstance(function, FunctionType) else None


def _is_given(setter: FrameType, frame: FrameType) -> bool:
    """Return whether a call is of something that another call's function or object was given: an application."""
    given = [setter.f_locals[name] for name in setter.f_code.co_freevars if name in setter.f_locals]
    given += _attributes(_first(setter)).values()
    return any(_calls(each, frame) for each in given)


def _first(frame: FrameType) -> object:
    """Return the first argument of a call: its object, where it is a method's."""
    code = frame.f_code
    return frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None


def _calls(given: object, frame: FrameType) -> bool:
    function = _function(given)
    return given is not None and ((function is not None and function.__code__ is frame.f_code) or _first(frame) is given)


def _attributes(value: object) -> Mapping[str, Any]:
    # Not by getattr: an application's own object may raise at whatever it is asked for.
    try:
        attributes = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return attributes if isinstance(attributes, dict) else {}
