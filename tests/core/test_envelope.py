"""The envelope: what is written behind a session's data, and taken off again."""

import base64
from types import ModuleType
from typing import Any

import pytest

WRITTEN: list[tuple[tuple[int | None, int | None, int | None, str | None], bytes]] = [
    ((12, 34, None, None), b'"_expire":12,"_maxAge":34'),
    ((0, 0, 0, ""), b'"_created":0,"_owner":"","_expire":0,"_maxAge":0'),
    ((-1, -(2**63), 2**63 - 1, "x"), b'"_created":9223372036854775807,"_owner":"x","_expire":-1,"_maxAge":-9223372036854775808'),
    ((None, None, None, None), b'"_session":true'),
    ((12, None, None, None), b'"_session":true'),
    ((None, 34, None, None), b'"_maxAge":34'),
    ((None, 34, 5, "o"), b'"_created":5,"_owner":"o","_maxAge":34'),
    ((None, None, 9, 'ü"\n'), b'"_created":9,"_owner":"\xc3\xbc\\"\\n","_session":true'),
]

# Signed text, then its data's canonical text and the envelope as it is given.
OPENED: list[tuple[bytes, bytes, tuple[object, ...]]] = [
    (b"{}", b"{}", (None, None, None, None, None)),
    (b'{"a":1}', b'{"a":1}', (None, None, None, None, None)),
    (b'{"a":1,"_expire":2,"_maxAge":3}', b'{"a":1}', (2, 3, None, None, None)),
    (b'{"_session":true}', b"{}", (None, None, True, None, None)),
    (b'{"a":[],"_created":4,"_owner":"o","_session":true}', b'{"a":[]}', (None, None, True, 4, "o")),
    # Whatever a key holder wrote there is given as it is: rules.check judges it.
    (b'{"_expire":null,"_maxAge":"3","_session":[1],"_created":{},"_owner":1.5}', b"{}", (None, "3", [1], {}, 1.5)),
    # Another writer's spelling or order: the text is spelled anew.
    (b'{"_expire":2,"a":1}', b'{"a":1}', (2, None, None, None, None)),
    (b'{"a":1,"_expire":2,"b":3,"_maxAge":4}', b'{"a":1,"b":3}', (2, 4, None, None, None)),
    (b' { "a" : 1.50 , "_expire" : 2 } ', b'{"a":1.5}', (2, None, None, None, None)),
    (b'{"a":"\\u0041\\/","_expire":2}', b'{"a":"A/"}', (2, None, None, None, None)),
    (b'{"a":1e2,"b":-0}', b'{"a":100.0,"b":0}', (None, None, None, None, None)),
    (b'{"\\u005fexpire":2,"a":1}', b'{"a":1}', (2, None, None, None, None)),
    # Only the outermost members are an envelope.
    (b'{"a":{"_expire":1},"_expire":2}', b'{"a":{"_expire":1}}', (2, None, None, None, None)),
    # Other names, however near, are data.
    (b'{"_expires":1,"_Expire":2,"expire":3}', b'{"_expires":1,"_Expire":2,"expire":3}', (None, None, None, None, None)),
]


def cookie_of(core: ModuleType) -> Any:
    return core.SignedCookie("s", None, b"", b"")


@pytest.mark.parametrize(("envelope", "members"), WRITTEN, ids=lambda item: repr(item)[:40])
@pytest.mark.parametrize("data", [{}, {"a": 1}, {"a": {}}, {"a": "{"}], ids=repr)
def test_the_envelope_is_the_last_members_of_the_text(core: ModuleType, data: Any, envelope: Any, members: bytes) -> None:
    [line] = cookie_of(core).dump(data, *envelope, False)
    body = core.dumps(data)[:-1]
    wanted = body + (b"" if body == b"{" else b",") + members + b"}"
    assert base64.b64decode(line.removeprefix(b"s=")) == wanted


@pytest.mark.parametrize(("text", "body", "envelope"), OPENED, ids=lambda item: repr(item)[:40])
def test_the_envelope_is_taken_off_whatever_its_spelling(core: ModuleType, text: bytes, body: bytes, envelope: Any) -> None:
    into: dict[str, Any] = {}
    loaded = cookie_of(core).load([(b"cookie", b"s=" + base64.b64encode(text))], into, 0)
    assert (loaded[:2], loaded[3:]) == ((body, 0), envelope)
    assert repr(into) == repr(core.loads(body))


def test_a_reserved_name_that_comes_twice_is_corrupt(core: ModuleType) -> None:
    into: dict[str, Any] = {}
    text = base64.b64encode(b'{"_expire":1,"a":1,"_expire":1}')
    assert cookie_of(core).load([(b"cookie", b"s=" + text)], into, 0) == "corrupt"
    assert into == {}


def test_sealing_a_written_body_is_dumping_its_data(core: ModuleType) -> None:
    data = {"a": [1.0, "ü"], "b": None}
    cookie = cookie_of(core)
    assert cookie.seal(core.dumps(data), 1, 2, 3, "o", True) == cookie.dump(data, 1, 2, 3, "o", True)


@pytest.mark.parametrize(("envelope", "members"), WRITTEN, ids=lambda item: repr(item)[:40])
def test_a_record_is_enclosed_as_a_cookie_is(core: ModuleType, envelope: Any, members: bytes) -> None:
    assert core.add_envelope(b"{}", *envelope) == b"{" + members + b"}"
    assert core.add_envelope(b'{"a":[]}', *envelope) == b'{"a":[],' + members + b"}"


@pytest.mark.parametrize(("text", "body", "envelope"), OPENED, ids=lambda item: repr(item)[:40])
def test_a_record_is_disclosed_as_a_cookie_is(core: ModuleType, text: bytes, body: bytes, envelope: Any) -> None:
    into: dict[str, Any] = {}
    loaded = core.split_envelope(text, into, 0)
    assert (loaded[:2], loaded[3:]) == ((body, 0), envelope)
    assert repr(into) == repr(core.loads(body))


NO_SESSION = [b"", b"[]", b"5", b"null", b"\xff", b'{"a":1,"a":2}', b"[" * 100_000, b'{"a":"' + b"x" * 70_000 + b'"}']


@pytest.mark.parametrize("text", NO_SESSION, ids=lambda item: repr(item)[:20])
def test_D03_a_record_that_is_no_session_is_corrupt(core: ModuleType, text: bytes) -> None:
    into: dict[str, Any] = {}
    assert core.split_envelope(text, into, 0) == "corrupt"
    assert into == {}


def test_a_record_is_fresh_as_a_cookie_is(core: ModuleType) -> None:
    text = core.add_envelope(b"{}", 1000, 500, None, None)
    assert [core.split_envelope(text, {}, now)[2] for now in (499, 500, 1000, 1001)] == [False, True, True, False]
    assert core.split_envelope(core.add_envelope(b"{}", None, 500, None, None), {}, 1)[2] is False
