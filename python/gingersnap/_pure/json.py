"""Strict, bounded JSON, as ``rust/json.rs`` and ``rust/py_json.rs``."""

import json
import math
import re
from decimal import Decimal
from typing import Any, NoReturn

from ..errors import SessionTooLarge, UnserializableError

# Must match rust/json.rs.
MAX_DEPTH = 100
MAX_NODES = 10_000
MAX_DIGITS = 21
MAX_TEXT = 65_536


def loads(text: bytes) -> dict[str, Any] | None:
    """Read a JSON object; ``None`` for any other value, for equal names and beyond a limit."""
    opened = open_text(text, ())
    return None if opened is None else opened[0]


def read_object(text: bytes, beside: int) -> dict[str, Any] | None:
    """Read a JSON object that may exceed a session's limits by ``beside`` values and octets."""
    opened = open_text(text, (), beside)
    return None if opened is None else opened[0]


def open_text(text: bytes, names: tuple[str, ...], beside: int = 0) -> tuple[dict[str, Any], list[Any]] | None:
    """Read a JSON object and return it without the members ``names``, and their values in that order."""
    if len(text) > MAX_TEXT + beside:
        return None
    try:
        value = _DECODER.decode(text.decode("utf-8"))
        if not isinstance(value, dict):
            return None
        taken = [value.pop(name, None) for name in names]
        for item in (value, *taken):
            _measure(item, MAX_NODES + beside)
    except (ValueError, RecursionError):
        return None
    return value, taken


def _measure(value: Any, most: int) -> None:
    """Check the number of values and the depth, level by level."""
    level, depth, nodes = [value], 0, 0
    while level:
        nodes += len(level)
        inner = []
        for item in level:
            if isinstance(item, dict):
                inner.append([*item.values()])
            elif isinstance(item, list):
                inner.append(item)
        depth += bool(inner)
        level = [item for items in inner for item in items]
        if nodes > most or depth > MAX_DEPTH:
            raise ValueError("limit")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("equal names")
    return members


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > MAX_DIGITS:
        raise ValueError("limit")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("infinite")
    return value


def _constant(text: str) -> NoReturn:
    raise ValueError(text)


_SURROGATE = re.compile("[\ud800-\udfff]")
_PARTED = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant)


class _Refusal(Exception):  # noqa: N818 (never leaves this file)
    """A value that JSON cannot hold; each level adds its step of the path."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        self.steps: list[str] = []


def dumps(data: Any) -> bytes:
    """Return canonical JSON text.

    Raises: UnserializableError for a value that JSON cannot hold or that exceeds a limit.
    """
    writer = _Writer()
    try:
        writer.value(data, 0)
    except _Refusal as refusal:
        path = "".join(reversed(refusal.steps)).removeprefix(".")
        raise UnserializableError(path, refusal.problem) from None
    text = "".join(writer.parts).encode("utf-8")
    if len(text) > MAX_TEXT:
        raise SessionTooLarge("", f"more than {MAX_TEXT} bytes of JSON")
    return text


class _Writer:
    def __init__(self) -> None:
        self.parts: list[str] = []
        self.nodes = 0

    def value(self, value: Any, depth: int) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise _Refusal(f"more than {MAX_NODES} values")
        match value:
            case None | True | False:
                self.parts.append({None: "null", True: "true", False: "false"}[value])
            case dict() | list() | tuple():
                if depth == MAX_DEPTH:
                    raise _Refusal(f"nested deeper than {MAX_DEPTH}")
                if isinstance(value, dict):
                    self.dict(value, depth + 1)
                else:
                    self.list(value, depth + 1)
            case float():
                self.parts.append(_float_text(value))
            case int():
                self.parts.append(_integer_text(value))
            case str():
                self.parts.append(_string_text(value))
            case _:
                raise _Refusal(type(value).__name__)

    def list(self, items: Any, depth: int) -> None:
        self.parts.append("[")
        for index, item in enumerate(_items(items)):
            self.parts.append("," if index else "")
            self.step(item, depth, f"[{index}]")
        self.parts.append("]")

    def dict(self, members: dict[Any, Any], depth: int) -> None:
        self.parts.append("{")
        # A copy: a thread may write meanwhile.
        for index, (name, value) in enumerate(tuple(dict.items(members))):
            if not isinstance(name, str):
                raise _Refusal(f"a key of type {type(name).__name__}, not str")
            if _PARTED.search(name):
                # It would be written as another key, which the dict may have as well.
                raise _Refusal("a key with the halves of a surrogate pair apart")
            self.parts.append(f"{',' if index else ''}{_string_text(name)}:")
            self.step(value, depth, "." + str.encode(name, "utf-8", "backslashreplace").decode("utf-8"))
        self.parts.append("}")

    def step(self, value: Any, depth: int, step: str) -> None:
        try:
            self.value(value, depth)
        except _Refusal as refusal:
            refusal.steps.append(step)
            raise


def _items(items: list[Any] | tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(list.__iter__(items) if isinstance(items, list) else tuple.__iter__(items))


def _integer_text(value: int) -> str:
    # Not by the methods of a subclass: only the number counts.
    if not -(10**MAX_DIGITS) < int.__index__(value) < 10**MAX_DIGITS:
        raise _Refusal(f"an int of more than {MAX_DIGITS} digits")
    return int.__repr__(value)


def _float_text(value: float) -> str:
    """Return the text of ECMAScript's ``Number::toString``, but keep ``.0`` on whole numbers and the sign of zero."""
    if not math.isfinite(value):
        raise _Refusal("a float that is not finite")
    text = float.__repr__(value)
    if 1e-6 <= abs(float.__pos__(value)) < 1e21:
        plain = format(Decimal(text), "f")
        return plain if "." in plain else f"{plain}.0"
    mantissa, exponent, power = text.partition("e")
    return f"{mantissa}e{int(power):+d}" if exponent else text


def _string_text(value: str) -> str:
    """Return the text of ``JSON.stringify``: a surrogate pair becomes a character, a lone surrogate an escape."""
    text = json.dumps(str.__str__(value), ensure_ascii=False)
    if _SURROGATE.search(text) is None:
        return text
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", joined)
