"""Keys: which of them go into service."""

# Names bear the ids of requirements as they are written.

import base64
import logging
import traceback
import warnings
from typing import Any

import pytest

from gingersnap import ConfigError, SessionMiddleware, SessionOptions
from gingersnap.config.keys import PUBLISHED, prepare_keys

GOOD = "an0ther-t3st-k3y-that-is-l0ng-en0ugh"
SECRET = "Zx9-marker-of-a-secret"
"""Stands in every bad key that may hold it, and nowhere else."""


class Text(str):
    """A str of another name."""

    __slots__ = ()


# What is given as `keys`, and a word of the refusal.
BAD: list[tuple[Any, str]] = [
    # None at all, or not a list.
    ((), "none to sign with"),
    ([], "none to sign with"),
    (None, "cannot be NoneType; give a list of keys, newest first: is the environment variable set?"),
    ("", "cannot be str"),
    (GOOD, "it cannot be str"),
    (GOOD.encode(), "it cannot be bytes"),
    ({GOOD}, "it cannot be set"),
    ({GOOD: 1}, "it cannot be dict"),
    (iter([GOOD]), "it cannot be list_iterator"),
    (5, "it cannot be int"),
    (object(), "it cannot be object"),
    # Of the wrong type.
    ([None], "one of them is NoneType; give str or bytes: is the environment variable set?"),
    ([5], "one of them is int"),
    ([GOOD, None], "one of them is NoneType"),
    ([[GOOD]], "one of them is list"),
    ([bytearray(GOOD.encode())], "one of them is bytearray"),
    (bytearray(GOOD.encode()), "one of them is int"),
    ([object()], "one of them is object"),
    # Empty.
    ([""], "is the environment variable set?"),
    ([b""], "empty"),
    ([GOOD, ""], "empty"),
    (["", GOOD], "empty"),
    (["hex:"], "empty"),
    (["b64:"], "empty"),
    # Short.
    (["a"], "has 1 bytes"),
    ([b"\0"], "has 1 bytes"),
    (["a" * 15], "has 15 bytes"),
    ([SECRET[:15]], "has 15 bytes"),
    ([GOOD, "k1"], "has 2 bytes"),
    (["é" * 7], "has 14 bytes"),
    (["hex:" + "ab" * 15], "has 15 bytes"),
    (["b64:" + base64.b64encode(b"x" * 15).decode()], "has 15 bytes"),
    # Not what their prefix says.
    (["hex:" + SECRET], "no valid hex: text"),
    (["hex:abc"], "no valid hex: text"),
    (["b64:" + SECRET + "!"], "no valid b64: text"),
    (["b64:é"], "no valid b64: text"),
    (["b64:A"], "no valid b64: text"),
    # No text: half of a surrogate pair.
    ([SECRET + "\ud800" * 16], "one of them"),
    # Everybody has them.
    (["change-me-in-production-please-0123456789"], "public documentation"),
    (["Change_This before you deploy, 32 bytes!"], "public documentation"),
    ([b"<your-secret-here-your-secret-here-your>"], "public documentation"),
    (["keyboard cat"], "public documentation"),
    (["keyboard cat keyboard cat keyboard cat"], "public documentation"),
    (["some secret hurr"], "public documentation"),
    (["im a newer secret", "i like turtle"], "public documentation"),
    ([b"your-secret-key-here"], "public documentation"),
    (["  Your-Secret-Key-Here\n"], "public documentation"),
    (["CHANGEMECHANGEMECHANGEMECHANGEME"], "public documentation"),
    (["12345678901234567890123456789012"], "public documentation"),
    (["a" * 32], "public documentation"),
    ([GOOD, "0123456789abcdef0123456789abcdef"], "public documentation"),
    (["hex:" + b"passwordpasswordpasswordpassword".hex()], "public documentation"),
    (["b64:" + base64.b64encode(b"secretsecretsecretsecretsecretsecret").decode()], "public documentation"),
]


def shown(error: BaseException) -> str:
    """Give all that a log or an error reporter may print of an exception."""
    return "".join([repr(error), repr(error.args), *traceback.format_exception(error), repr(error.__context__)])


def materials(keys: Any) -> list[str]:
    """Give the spellings in which key material might leak."""
    given = keys if isinstance(keys, list | tuple) else [keys]
    texts = [key.decode("latin-1") if isinstance(key, bytes) else key for key in given if isinstance(key, str | bytes)]
    return [text.strip() for text in texts if len(text.strip()) > 3 and text not in ("hex:", "b64:")]


def test_X06_the_table_has_forty_bad_keys() -> None:
    assert len(BAD) >= 40


@pytest.mark.parametrize(("keys", "problem"), BAD, ids=lambda item: ascii(item)[:40])
def test_X06_a_bad_key_is_refused_at_construction(keys: Any, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SessionOptions(keys=keys)
    assert caught.value.option == "keys"
    assert problem in str(caught.value)
    assert str(caught.value).count("; ") >= 1


@pytest.mark.parametrize("keys", [keys for keys, _ in BAD], ids=lambda item: ascii(item)[:40])
def test_X06_a_refusal_shows_no_key(keys: Any, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ConfigError) as caught:
        SessionMiddleware(None, keys=keys)  # type: ignore[arg-type]
    output = shown(caught.value) + "".join(capsys.readouterr()) + caplog.text
    assert [text for text in materials(keys) if text in output or ascii(text)[1:-1] in output] == []


@pytest.mark.parametrize("key", sorted(PUBLISHED))
def test_X06_published_keys_are_refused_even_where_weak_ones_are_allowed(key: str) -> None:
    for dressed in (key, f" {key.upper()} ", key.encode()):
        with pytest.raises(ConfigError, match="public documentation"):
            prepare_keys([dressed], raw=False, allow_weak=True)


@pytest.mark.parametrize("preset", [None, "koa"])
def test_X06_no_preset_takes_an_empty_or_a_short_key(preset: Any) -> None:
    for keys in ([""], ["k1", "k2"]):
        with pytest.raises(ConfigError, match="one of them"):
            SessionOptions(keys=keys, preset=preset)


def test_X06_weak_keys_are_taken_on_demand_but_never_empty_ones() -> None:
    with pytest.warns(UserWarning, match="one of them has 2 bytes"):
        assert SessionOptions(keys=["k1"], allow_weak_keys=True).keys == (b"k1",)
    with pytest.raises(ConfigError, match="empty"):
        SessionOptions(keys=[""], allow_weak_keys=True)


@pytest.mark.parametrize(("octets", "warned"), [(16, True), (31, True), (32, False), (33, False), (64, False)])
def test_X06_a_key_under_32_octets_warns(octets: int, warned: bool) -> None:
    key = (SECRET * 4)[:octets]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        SessionOptions(keys=[key])
    assert [f"{warning.message}" for warning in caught] == (
        [f"keys: one of them has {octets} bytes; 32 random ones are safe"] if warned else []
    )


def test_X06_the_warning_points_at_the_middlewares_line_and_shows_no_key() -> None:
    with pytest.warns(UserWarning, match="one of them has 22 bytes") as caught:
        SessionMiddleware(None, keys=[SECRET])  # type: ignore[arg-type]
    assert caught[0].filename == __file__
    assert SECRET not in f"{caught[0].message}"


def test_the_shortest_key_is_the_one_that_is_judged() -> None:
    with pytest.warns(UserWarning, match="has 17 bytes"):
        SessionOptions(keys=[GOOD, "x7" * 8 + "q", GOOD])


@pytest.mark.parametrize(
    ("key", "octets"),
    [
        (GOOD, GOOD.encode()),
        (GOOD.encode(), GOOD.encode()),
        (Text(GOOD), GOOD.encode()),
        ("é" * 16, "é".encode() * 16),
        ("hex:" + "00FFab" * 11, bytes.fromhex("00ffab") * 11),
        ("b64:" + base64.b64encode(b"\xff\xfe" * 20).decode(), b"\xff\xfe" * 20),
        ("b64:" + base64.urlsafe_b64encode(b"\xff\xfe" * 20).decode().rstrip("="), b"\xff\xfe" * 20),
        # Octets are octets: no prefix is read off them. Nor is any other prefix.
        (b"hex:" + b"00" * 20, b"hex:" + b"00" * 20),
        ("HEX:" + "00" * 20, b"HEX:" + b"00" * 20),
        ("base64:" + "00" * 20, b"base64:" + b"00" * 20),
    ],
    ids=lambda item: repr(item)[:30],
)
def test_keys_become_octets(key: str | bytes, octets: bytes) -> None:
    assert prepare_keys([key], raw=False, allow_weak=False) == (octets,)


def test_raw_keys_are_taken_as_they_stand() -> None:
    # koa: keygrip knows no prefixes.
    key = "hex:" + "00" * 20
    assert prepare_keys([key], raw=True, allow_weak=False) == (key.encode(),)
    assert SessionOptions(keys=[key], preset="koa").keys == (key.encode(),)


def test_keys_keep_their_order() -> None:
    keys = [f"{at}-{GOOD}" for at in range(5)]
    assert prepare_keys(tuple(keys), raw=False, allow_weak=False) == tuple(key.encode() for key in keys)


def test_no_keys_are_none() -> None:
    assert prepare_keys([], raw=False, allow_weak=False) == ()


def test_P01_repr_of_options_hides_keys() -> None:
    options = SessionOptions(keys=[GOOD, SECRET * 2], key="sid", domain="hidden.example")
    assert repr(options) == str(options) == "SessionOptions(keys=..., key=..., domain=...)"


def test_P01_a_middleware_shows_no_key() -> None:
    middleware = SessionMiddleware(None, keys=[GOOD])  # type: ignore[arg-type]
    assert GOOD not in repr(middleware) + repr(vars(middleware))
