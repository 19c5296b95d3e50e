"""JSON text: the canonical writer, the strict reader, and limits that are the same both ways."""

# Names bear the ids of requirements as they are written.

import base64
import math
from enum import IntEnum, StrEnum
from types import ModuleType
from typing import Any

import pytest

from gingersnap import UnserializableError, _core


class Level(IntEnum):
    HIGH = 3


class Role(StrEnum):
    ADMIN = "admin"


class Tags(list[Any]):
    pass


WRITTEN: list[tuple[Any, bytes]] = [
    (None, b"null"),
    (True, b"true"),
    (False, b"false"),
    (0, b"0"),
    (-7, b"-7"),
    (2**63 - 1, b"9223372036854775807"),
    (-(2**63), b"-9223372036854775808"),
    (2**63, b"9223372036854775808"),
    (10**21 - 1, b"9" * 21),
    (0.0, b"0.0"),
    (-0.0, b"-0.0"),
    (1.0, b"1.0"),
    (2.50, b"2.5"),
    (0.1 + 0.2, b"0.30000000000000004"),
    (1e16, b"10000000000000000.0"),
    (1e20, b"100000000000000000000.0"),
    (1e21, b"1e+21"),
    (1.5e300, b"1.5e+300"),
    (1e-6, b"0.000001"),
    (1e-7, b"1e-7"),
    (5e-324, b"5e-324"),
    ("", b'""'),
    ("é😀\u2028\x7f", '"é😀\u2028\x7f"'.encode()),
    ('"\\/', b'"\\"\\\\/"'),
    ("\b\t\n\f\r\0\x1f", b'"\\b\\t\\n\\f\\r\\u0000\\u001f"'),
    ("\ud83d", rb'"\ud83d"'),
    ('a\udc00"\udbff', rb'"a\udc00\"\udbff"'),
    ("\ud83d\ude00", '"😀"'.encode()),
    ("\ud83d\ud83d\ude00\ude00😀", '"\\ud83d😀\\ude00😀"'.encode()),
    ({"\ude00\ud83d": ["\ud83d"]}, rb'{"\ude00\ud83d":["\ud83d"]}'),
    ([], b"[]"),
    ({}, b"{}"),
    ((1, (2,)), b"[1,[2]]"),
    ({"b": 1, "a": [None, {"": {}}]}, b'{"b":1,"a":[null,{"":{}}]}'),
    (Level.HIGH, b"3"),
    (Role.ADMIN, b'"admin"'),
    ({Role.ADMIN: Tags([1])}, b'{"admin":[1]}'),
]

REFUSED: list[tuple[Any, str, str]] = [
    (object(), "", "object"),
    (b"x", "", "bytes"),
    ({1}, "", "set"),
    ({"a": {1}}, "a", "set"),
    ({"a": [0, {"b": 1j}]}, "a[1].b", "complex"),
    ([[], [b""]], "[1][0]", "bytes"),
    ({"a": {1: 2}}, "a", "a key of type int, not str"),
    ({None: 2}, "", "a key of type NoneType, not str"),
    ({"a": math.nan}, "a", "a float that is not finite"),
    ({"a": math.inf}, "a", "a float that is not finite"),
    ({"a": -math.inf}, "a", "a float that is not finite"),
    ({"a": {"\ud83d\ude00": 1}}, "a", "a key with the halves of a surrogate pair apart"),
    ({"a": {"\ud83d": {1}}}, "a.\\ud83d", "set"),
    ({"a": 10**21}, "a", "an int of more than 21 digits"),
    ({"a": -(10**21)}, "a", "an int of more than 21 digits"),
    ({"a": 10**4_000}, "a", "an int of more than 21 digits"),
]

READ: list[tuple[bytes, dict[str, Any]]] = [
    (b"{}", {}),
    (b' \t\r\n{ "a" : [ 1 , -0 , 2.50 ] } \n', {"a": [1, 0, 2.5]}),
    (rb'{"a":"\u00e9\ud83d\ude00\/\b\f\n\r\t\"\\\u001F"}', {"a": 'é😀/\b\f\n\r\t"\\\x1f'}),
    (b'{"a":1e2,"b":1E-7,"c":-0.0,"d":1e-999}', {"a": 100.0, "b": 1e-7, "c": -0.0, "d": 0.0}),
    (b'{"a":123456789012345678901}', {"a": 123456789012345678901}),
    (b'{"a":{"a":null},"":true}', {"a": {"a": None}, "": True}),
    (b'{"__proto__":1,"constructor":false}', {"__proto__": 1, "constructor": False}),
    (b'{"\\u0061":1}', {"a": 1}),
    (rb'{"a":"\ud800"}', {"a": "\ud800"}),
    (rb'{"a":"x\uDC00"}', {"a": "x\udc00"}),
    (rb'{"a":["\ud800\u0041"]}', {"a": ["\ud800A"]}),
    (rb'{"\udfff":{"\ud83d":1}}', {"\udfff": {"\ud83d": 1}}),
    (rb'{"a":"\ude00\ud83d"}', {"a": "\ude00\ud83d"}),
    (rb'{"a":"\ud83d\ud83d\ude00"}', {"a": "\ud83d😀"}),
]

UNREAD = [
    *(b"", b" ", b"[]", b'"s"', b"5", b"null", b"true", b"nul", b"{", b"}", b'{"a"', b'{"a":', b'{"a":1', b'{"a":1,'),
    *(
        b'{"a":1,}',
        b"{,}",
        b"{a:1}",
        b"{'a':1}",
        b"{1:1}",
        b'{"a" 1}',
        b'{"a":1 "b":2}',
        b"{}{}",
        b"{} x",
        b"{}\0",
        b"\xef\xbb\xbf{}",
    ),
    *(b'{"a":01}', b'{"a":-}', b'{"a":+1}', b'{"a":1.}', b'{"a":.5}', b'{"a":1e}', b'{"a":1e+}', b'{"a":0x1}', b'{"a":1_0}'),
    *(b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":1e999}', b'{"a":-1e999}', b'{"a":nan}', b'{"a":True}'),
    *(b'{"a":[1,]}', b'{"a":[,1]}', b'{"a":[1 2]}', b'{"a":[1}', b'{"a":1]}'),
    *(rb'{"a":"\x"}', rb'{"a":"\u12"}', rb'{"a":"\u12_4"}', rb'{"a":"\u 123"}', b'{"a":"b', b'{"a":"b\n"}', b'{"a":"\0"}'),
    *(rb'{"a":"\ud800\ud8"}', rb'{"a":"\ud800\x"}', rb'{"a":"\ud80"}', rb'{"\udfff":1,"\uDFFF":1}'),
    *(b'{"a":"\xff"}', b'{"a":"\xc0\xaf"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\xf4\x90\x80\x80"}', b'{"a":"\xe9"}'),
    *(b'{"a":1,"a":1}', b'{"b":{"a":1,"a":2}}', b'{"a":1,"\\u0061":2}', b'{"a":1}/**/', b'{"a":1}\x0b', b'\xc2\xa0{"a":1}'),
]


def nested(depth: int) -> dict[str, Any]:
    """Give a dict in which containers nest ``depth`` deep, itself the first."""
    value: Any = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return dict(value)


def wide(nodes: int) -> dict[str, Any]:
    """Give a dict of ``nodes`` values, itself, its list and the items counted."""
    return {"a": [0] * (nodes - 2)}


def of_octets(octets: int) -> dict[str, Any]:
    """Give a dict whose text has ``octets`` octets."""
    return {"a": "x" * (octets - 8)}


LIMITS = [
    pytest.param(nested(100), nested(101), id="depth"),
    pytest.param({"a": [[]] * 9_998}, {"a": [[]] * 9_999}, id="nodes-containers"),
    pytest.param(wide(10_000), wide(10_001), id="nodes"),
    pytest.param({"a": 10**21 - 1}, {"a": 10**21}, id="digits"),
    pytest.param({"a": 1 - 10**21}, {"a": -(10**21)}, id="digits-negative"),
    pytest.param(of_octets(65_536), of_octets(65_537), id="text"),
]


def spelled(value: Any) -> bytes:
    """Spell a value as canonical text without any limit, independently of both backends."""
    if isinstance(value, dict):
        members = [b'"%b":%b' % (name.encode(), spelled(member)) for name, member in value.items()]
        return b"{%b}" % b",".join(members)
    if isinstance(value, list):
        return b"[%b]" % b",".join(map(spelled, value))
    return f'"{value}"'.encode() if isinstance(value, str) else str(value).encode()


@pytest.mark.parametrize(("value", "text"), WRITTEN, ids=lambda item: repr(item)[:30])
def test_values_are_written_as_canonical_text(core: ModuleType, value: Any, text: bytes) -> None:
    assert core.dumps(value) == text


@pytest.mark.parametrize(("value", "path", "problem"), REFUSED, ids=lambda item: repr(item)[:30])
def test_what_json_cannot_hold_is_refused_with_its_path(core: ModuleType, value: Any, path: str, problem: str) -> None:
    with pytest.raises(UnserializableError) as caught:
        core.dumps(value)
    assert (caught.value.path, caught.value.problem) == (path, problem)


def test_a_cycle_is_refused_as_too_deep(core: ModuleType) -> None:
    cycle: dict[str, Any] = {}
    cycle["a"] = [cycle]
    with pytest.raises(UnserializableError, match="nested deeper than 100"):
        core.dumps(cycle)


@pytest.mark.parametrize(("text", "data"), READ, ids=lambda item: repr(item)[:30])
def test_any_spelling_of_an_object_is_read(core: ModuleType, text: bytes, data: dict[str, Any]) -> None:
    assert repr(core.loads(text)) == repr(data)


@pytest.mark.parametrize("text", UNREAD, ids=repr)
def test_what_is_no_json_object_is_none(core: ModuleType, text: bytes) -> None:
    assert core.loads(text) is None


def test_members_keep_their_order(core: ModuleType) -> None:
    assert list(core.loads(b'{"z":1,"a":2,"m":3,"1":4}')) == ["z", "a", "m", "1"]


def test_whole_floats_stay_floats_both_ways(core: ModuleType) -> None:
    again = core.loads(core.dumps({"a": 1.0, "b": -0.0, "c": 1}))
    assert repr(again) == "{'a': 1.0, 'b': -0.0, 'c': 1}"


def test_equal_names_far_apart_are_refused(core: ModuleType) -> None:
    members = b",".join(b'"k%d":1' % at for at in range(2_000))
    assert core.loads(b"{%b}" % members) is not None
    assert core.loads(b'{%b,"k0":1}' % members) is None


def test_the_limit_that_the_middleware_knows_is_that_of_the_cores(core: ModuleType) -> None:
    """``_core.MAX_TEXT`` stands beside both."""
    assert core.loads(spelled(of_octets(_core.MAX_TEXT))) is not None
    assert core.loads(spelled(of_octets(_core.MAX_TEXT + 1))) is None


@pytest.mark.parametrize(("last", "first_over"), LIMITS)
def test_D02_writing_accepts_the_last_and_refuses_the_next(core: ModuleType, last: Any, first_over: Any) -> None:
    assert core.dumps(last) == spelled(last)
    with pytest.raises(UnserializableError):
        core.dumps(first_over)


@pytest.mark.parametrize(("last", "first_over"), LIMITS)
def test_D02_reading_accepts_the_last_and_refuses_the_next(core: ModuleType, last: Any, first_over: Any) -> None:
    assert core.loads(spelled(last)) == last
    assert core.loads(spelled(first_over)) is None


def test_D02_a_text_that_outgrows_the_limit_when_spelled_anew_is_corrupt(core: ModuleType) -> None:
    # Four octets of another writer's text take twenty-three in ours: 1e20.
    text = b'{"a":[' + b",".join([b"1e20"] * 9_000) + b"]}"
    into: dict[str, Any] = {}
    cookie = core.SignedCookie("s", None, b"", b"", header_limit=1_048_576)
    loaded = cookie.load([(b"cookie", b"s=" + base64.b64encode(text))], into, 0)
    assert (loaded, into) == ("corrupt", {}) or core.loads(loaded[0]) == into


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'], ids=["lists", "dicts", "both"])
def test_D02_a_text_of_nothing_but_openings_is_refused(core: ModuleType, opening: bytes) -> None:
    assert core.loads(b'{"a":' + opening * (65_000 // len(opening))) is None


def test_D02_long_runs_of_digits_are_read_as_floats_alone(core: ModuleType) -> None:
    assert core.loads(b'{"a":%b}' % (b"9" * 5_001)) is None
    assert core.loads(b'{"a":0.%b}' % (b"3" * 5_001)) == {"a": 1 / 3}
    assert core.loads(b'{"a":%b.0}' % (b"9" * 300)) == {"a": 1e300}
