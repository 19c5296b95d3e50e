"""Checks: every refusal names the option, the shape and the cure; no accepted attribute breaks a line."""

# Names bear the ids of requirements as they are written.

from datetime import timedelta
from typing import Any

import pytest

from gingersnap import ConfigError, HeaderKey
from gingersnap.config import fields
from gingersnap.option_types import DEFAULTS
from gingersnap.stores import MemoryStore, PlainStore


def check(name: str, value: Any) -> Any:
    """Check one option as ``SessionOptions`` does."""
    return fields._EACH[name](name, value)


def test_every_option_has_its_check() -> None:
    together = {
        "keys",
        "allow_weak_keys",
        "key",
        "domain",
        "max_age",
        "absolute_age",
        "store_timeout",
        "listeners",
        "ttl",
        "regenerate_grace",
    }
    assert set(fields._EACH) | together == set(DEFAULTS)


STORE_CURE = r"^store: it cannot be .+; give (one|an object|RedisStore|MemoryStore)\b.+$"


def having(*names: str) -> Any:
    """Give an object with these methods."""
    return type("Given", (), {name: lambda self, *given, **named: None for name in names})()


@pytest.mark.parametrize(
    "value", [None, MemoryStore(), having("get", "set", "destroy"), PlainStore(having("get", "set", "destroy"))]
)
def test_a_store_is_taken_as_it_is(value: Any) -> None:
    assert check("store", value) is value


@pytest.mark.parametrize(
    "value",
    [
        *(having(), having("get", "set"), having("load", "create", "replace", "move", "touch"), {}, [], "redis://", 5, True, print),
        # The class of a store is none; one whose methods are no methods neither.
        *(MemoryStore, type(having("get", "set", "destroy")), type("Odd", (), dict.fromkeys(("get", "set", "destroy"), 1))()),
    ],
    ids=lambda item: ascii(item)[:24],
)
def test_nothing_else_is_a_store(value: Any) -> None:
    with pytest.raises(ConfigError, match=STORE_CURE):
        check("store", value)


@pytest.mark.parametrize("value", [None, HeaderKey("x-token"), having("get", "set"), having("get", "set", "reset")])
def test_an_external_key_has_get_and_set(value: Any) -> None:
    assert check("external_key", value) is value


@pytest.mark.parametrize(
    "value", [having("get"), having("set"), HeaderKey, "x-token", {}, print, 5], ids=lambda item: ascii(item)[:24]
)
def test_nothing_else_is_an_external_key(value: Any) -> None:
    with pytest.raises(
        ConfigError, match=r"^external_key: it cannot be .+; give HeaderKey\('x-session-token'\), or an object with"
    ):
        check("external_key", value)


@pytest.mark.parametrize("value", ["", "a", "app:", "APP_1.2-x:", "x" * 64])
def test_S02_a_prefix_is_letters_digits_and_a_few_signs(value: str) -> None:
    assert check("prefix", value) == value


@pytest.mark.parametrize(
    "value", [*'{} ;,="/\\%*+@\0\n\x7fü', "a\n", "\u017f", "x" * 65, "x" * 2000, None, b"a", 5, ["a"]], ids=ascii
)
def test_C01_no_other_text_is_a_prefix(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"^prefix: .+; (give letters, digits|stay within)"):
        check("prefix", value)


def test_a_prefix_of_another_type_is_written_as_it_was_checked() -> None:
    class Odd(str):
        def __str__(self) -> str:
            return "{other}"

    assert type(check("prefix", Odd("app:"))) is str


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(0.001, 0.001), (1, 1.0), (60, 60.0), (60.0, 60.0), (timedelta(seconds=2), 2.0), (timedelta(minutes=1), 60.0)],
)
def test_a_timeout_becomes_seconds(value: Any, seconds: float) -> None:
    taken = fields._timeout("store_timeout", value)
    assert (taken, type(taken)) == (seconds, float)


@pytest.mark.parametrize(
    "value", [0, -1, 0.0009, 60.001, 2_000, 10**400, float("nan"), float("inf"), timedelta(0), timedelta.max], ids=ascii
)
def test_O01_a_timeout_is_between_a_millisecond_and_a_minute(value: Any) -> None:
    with pytest.raises(
        ConfigError, match=r"^store_timeout: it is out of bounds; give a positive number of seconds .+ at most 60 s$"
    ):
        fields._timeout("store_timeout", value)


@pytest.mark.parametrize("value", [None, True, "2", b"2", [2], {}, 1j, object()], ids=ascii)
def test_a_timeout_is_a_number_or_a_timedelta(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"^store_timeout: it cannot be .+; give a positive number of seconds or a timedelta"):
        fields._timeout("store_timeout", value)


def test_N05_atomic_keys_are_a_set_of_names_whatever_they_came_in() -> None:
    for value in (["user", "role"], ("user", "role", "user"), {"user", "role"}, frozenset({"user", "role"})):
        assert check("atomic_keys", value) == frozenset({"user", "role"})


@pytest.mark.parametrize("value", [None, "user", b"user", {"user": 1}, ["user", 1], [["user"]], 5, True], ids=ascii)
def test_N05_nothing_else_is_atomic_keys(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"^atomic_keys: it cannot be .+; give a list of the session's keys"):
        check("atomic_keys", value)


@pytest.mark.parametrize("value", [None, True, "", "raise ", "Raise", "503", ["raise"], {}], ids=ascii)
def test_O01_on_store_error_is_one_of_three_words_or_a_function(value: Any) -> None:
    for word in ("unavailable", "raise", "anonymous", print):
        assert check("on_store_error", word) is word
    with pytest.raises(
        ConfigError, match=r"^on_store_error: .+; choose among 'unavailable', 'raise', 'anonymous'(; did you mean|$)"
    ):
        check("on_store_error", value)
