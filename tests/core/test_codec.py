"""Base64 around JSON: koa-session's cookie value."""

import base64
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gingersnap import UnserializableError
from tests.cores import BACKENDS

# Produced by koa-session 7.0.2 and cookie-session 2.1.1 (PARITY.md section 6).
NODE: list[tuple[dict[str, Any], str]] = [
    (
        {"n": 1, "_expire": 1795521895032, "_maxAge": 86400000},
        "eyJuIjoxLCJfZXhwaXJlIjoxNzk1NTIxODk1MDMyLCJfbWF4QWdlIjo4NjQwMDAwMH0=",
    ),
    ({"a": 1}, "eyJhIjoxfQ=="),
]

# All of them are {"a":1} to a lenient reader, or nothing at all.
DIALECTS = [
    *(b"", b"=", b"====", b"eyJhIjoxfQ", b"eyJhIjoxfQ=", b"eyJhIjoxfQ===", b"eyJhIjoxfR==", b"eyJhIjoxfQ==eyJhIjoxfQ=="),
    *(b"eyJhIjoxfQ==\n", b" eyJhIjoxfQ==", b"eyJh Ijox fQ==", b"eyJhIjoxfQ==x", b"eyJh!Ijox-fQ==", b"eyJhIjoxfQ%3D%3D", b"eyJ\xff"),
    # The URL alphabet: {"a":"???>>>"}.
    *(b"eyJhIjoiPz8_Pj4-In0=",),
]


@pytest.mark.parametrize(("data", "value"), NODE, ids=["koa-session", "cookie-session"])
def test_values_are_those_of_the_node_packages(core: ModuleType, data: dict[str, Any], value: str) -> None:
    assert core.encode(data) == value
    assert core.decode(value.encode()) == data


@pytest.mark.parametrize("value", DIALECTS, ids=repr)
def test_every_other_dialect_of_base64_is_none(core: ModuleType, value: bytes) -> None:
    assert core.decode(value) is None


@pytest.mark.parametrize("text", [b"[]", b"null", b"{", b'{"a":1,"a":1}', b'{"a":NaN}', b"\xff"], ids=repr)
def test_base64_of_no_session_is_none(core: ModuleType, text: bytes) -> None:
    assert core.decode(base64.b64encode(text)) is None


def test_what_cannot_be_written_cannot_be_encoded(core: ModuleType) -> None:
    with pytest.raises(UnserializableError, match=r"^a\[0\]: set"):
        core.encode({"a": [{1}]})


@pytest.mark.parametrize("name", BACKENDS)
@settings(derandomize=True, deadline=None, max_examples=200)
@given(text=st.text(max_size=40))
def test_what_was_encoded_decodes_to_itself(name: str, text: str) -> None:
    core = BACKENDS[name]
    assert core.decode(core.encode({text: [text]}).encode()) == {text: [text]}
