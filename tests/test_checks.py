"""Checks: every refusal names the option, the shape and the cure; no accepted attribute breaks a line."""

# Names bear the ids of requirements as they are written.

from datetime import timedelta
from typing import Any, get_args

import pytest

from gingersnap import ConfigError, HeaderKey, validators
from gingersnap.config import fields
from gingersnap.cookies import attributes as cookie_attributes
from gingersnap.option_types import DEFAULTS
from gingersnap.stores import MemoryStore, PlainStore
from gingersnap.types import Algorithm, Priority, SameSite

DAY = 86_400
SECRET = "Zx9-marker-of-a-secret"


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (None, "NoneType"),
        (True, "bool"),
        (5, "int"),
        (1.5, "float"),
        (SECRET, "str of length 22"),
        (SECRET.encode(), "bytes of length 22"),
        ([SECRET], "list of length 1"),
        ((SECRET, SECRET), "tuple of length 2"),
        ({SECRET: SECRET}, "dict of length 1"),
        ({SECRET}, "set"),
        (object(), "object"),
    ],
    ids=repr,
)
def test_P01_a_shape_is_a_type_and_a_size(value: object, shape: str) -> None:
    assert validators.shape(value) == shape


@pytest.mark.parametrize("value", [True, False])
def test_a_flag_is_a_bool(value: bool) -> None:
    assert validators.flag("rolling", value) is value


@pytest.mark.parametrize("value", [None, 0, 1, 1.0, "", "true", "False", [], [True], object()], ids=repr)
def test_nothing_else_is_a_flag(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^rolling: it cannot be .+; give True or False$"):
        validators.flag("rolling", value)


CHOICES: list[tuple[tuple[object, ...], list[object]]] = [
    ((True, False, "auto"), [1, 0, 1.0, None, "Auto", "AUTO", "auto ", "true", b"auto", ["auto"], {}]),
    ((*get_args(SameSite), "auto", None), [False, 0, "", "Lax", "None", "NONE", "lax; secure", "lax\r\n", b"lax", ["lax"], {}]),
    ((*get_args(Priority), None), [False, 0, "", "High", "high;", b"high", ["high"], {}]),
    (get_args(Algorithm), [None, "", "SHA1", "sha-1", "md5", "sha1 ", b"sha1", 1, ["sha1"], {}]),
]


@pytest.mark.parametrize(("words", "wrong"), CHOICES, ids=["secure", "same_site", "priority", "algorithm"])
def test_a_choice_is_one_of_its_words_exactly(words: tuple[object, ...], wrong: list[object]) -> None:
    check = validators.one_of(*words)
    assert [check("word", word) for word in words] == [*words]
    for value in wrong:
        with pytest.raises(ConfigError, match=r"^word: .+ is none of the choices; choose among "):
            check("word", value)


@pytest.mark.parametrize(
    ("value", "guess"), [("Lax", "; did you mean 'lax'?"), ("NONE", "; did you mean 'none'?"), ("laxx", ""), (b"Lax", "")]
)
def test_a_word_in_other_letters_is_guessed(value: object, guess: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validators.one_of("lax", "none", None)("same_site", value)
    assert str(caught.value).endswith(f"; choose among 'lax', 'none', None{guess}")


DOMAINS = ["example.com", "EXAMPLE.com", "a", "a.b.c", "xn--bcher-kva.example", "1.2.3.4", "a-b.example", "a" * 63 + ".example"]
NOT_DOMAINS: list[object] = [
    *(
        "",
        ".",
        ".example.com",
        "example.com.",
        "a..b",
        "-a.example",
        "a-.example",
        "a_b.example",
        "a" * 64 + ".example",
        "*.example.com",
    ),
    *(
        "a b",
        " example.com",
        "example.com ",
        "example.com\n",
        "a;b",
        "a;secure",
        "a,b",
        "a=b",
        "a/b",
        "a:80",
        "[::1]",
        "a\0b",
        "a\r\nx: y",
    ),
    *("bücher.example", "a\x7f", "a\t", "\u017f.example", "\u212a.example", "\u0130.example", "\u0131.example", "\uff45xample.com"),
    *("a\u3002b", "a." * 600 + "a", b"example.com", 5, True, ["example.com"], object()),
]


@pytest.mark.parametrize("value", [None, *DOMAINS], ids=repr)
def test_C01_a_domain_is_a_host_name(value: str | None) -> None:
    assert cookie_attributes.check_domain("domain", value) == value


@pytest.mark.parametrize("value", NOT_DOMAINS, ids=lambda item: ascii(item)[:30])
def test_C01_no_other_text_is_a_domain(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^domain: .+; (give a host name|stay within 1024)"):
        cookie_attributes.check_domain("domain", value)


@pytest.mark.parametrize("value", [".example.com", ".localhost", *DOMAINS], ids=lambda item: item[:30])
def test_C01_one_dot_may_come_before_a_domain_where_a_system_sends_it(value: str) -> None:
    assert cookie_attributes.check_domain("domain", value, dotted=True) == value


@pytest.mark.parametrize(
    "value", ["..a", ".", ".;a", ".a;", ".a\n", *(value for value in NOT_DOMAINS if value != ".example.com")], ids=ascii
)
def test_C01_a_dot_makes_no_other_text_a_domain(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^domain: .+; (give a host name|stay within 1024)"):
        cookie_attributes.check_domain("domain", value, dotted=True)


PATHS = ["/", "/a", "/a/b/", "/a b", "/a%20b", "/~!@#$%^&*()_+`-={}[]|\\:\"'<>?,.", "//", "/" + "a" * 1023]
NOT_PATHS: list[object] = [
    *("", "a", " /", "*", "\\", "/a;b", "/; secure", "/;", "/\n", "/a\n", "/a\r\nSet-Cookie: x=y", "/\0", "/\t", "/\x1f", "/\x7f"),
    *("/é", "/\u2028", "/\u3000", "/\ud800", "/" + "a" * 1024, b"/", None, 5, True, ["/"], object()),
    # A browser trims white space off an attribute's ends: what it keeps is another path than the one asked for.
    *("/ ", "/a ", "/a/  "),
]


@pytest.mark.parametrize("value", PATHS, ids=lambda item: repr(item)[:30])
def test_C01_a_path_starts_with_a_slash(value: str) -> None:
    assert cookie_attributes.check_path("path", value) == value


@pytest.mark.parametrize("value", NOT_PATHS, ids=lambda item: ascii(item)[:30])
def test_C01_no_other_text_is_a_path(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^path: .+; (give a path|stay within 1024)"):
        cookie_attributes.check_path("path", value)


@pytest.mark.parametrize(("octets", "taken"), [(1023, True), (1024, True), (1025, False)])
def test_C02_no_attribute_passes_1024_octets(octets: int, taken: bool) -> None:
    # Labels of one letter and its dot; the last, of one or two letters, makes the length even or odd.
    name = "a." * ((octets - 1) // 2) + "a" * (2 - octets % 2)
    attributes = [
        (cookie_attributes.check_path, "path", "/" + "a" * (octets - 1)),
        (cookie_attributes.check_domain, "domain", name),
    ]
    assert [len(value) for _, _, value in attributes] == [octets, octets]
    for check, option, value in attributes:
        if taken:
            assert check(option, value) == value
        else:
            with pytest.raises(ConfigError, match=f"^{option}: .*1025 is too long; stay within 1024 characters"):
                check(option, value)


@pytest.mark.parametrize(
    ("value", "age_ms"),
    [
        (1, 1_000),
        (0.001, 1),
        (1.5, 1_500),
        (DAY, 86_400_000),
        (timedelta(days=1), 86_400_000),
        (timedelta(milliseconds=1), 1),
        (400 * DAY, 34_560_000_000),
        (float(400 * DAY), 34_560_000_000),
        (timedelta(days=400), 34_560_000_000),
        # Less than a millisecond over a whole number of them is cut.
        (1.0009, 1_001),
    ],
    ids=repr,
)
def test_an_age_becomes_whole_milliseconds(value: Any, age_ms: int) -> None:
    result = validators.age_ms("max_age", value)
    assert (result, type(result)) == (age_ms, int)


@pytest.mark.parametrize(
    "value",
    [0, -1, 0.0, -0.0, 0.0009, -1.5, float("nan"), float("inf"), float("-inf"), timedelta(0), timedelta(days=-1), -(10**400)],
    ids=lambda item: repr(item)[:20],
)
def test_an_age_is_positive_and_finite(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"^max_age: it is not a positive number; give a positive number of seconds"):
        validators.age_ms("max_age", value)


@pytest.mark.parametrize("value", [None, True, False, "", "60", "session", b"60", [60], {}, 1j, object()], ids=repr)
def test_an_age_is_a_number_or_a_timedelta(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"^max_age: it cannot be .+; give a positive number of seconds or a timedelta"):
        validators.age_ms("max_age", value)


@pytest.mark.parametrize(
    "value",
    [400 * DAY + 1, 400 * DAY + 0.001, timedelta(days=400, microseconds=1_000), 86_400_000, timedelta.max, 1e300, 2**64, 10**400],
    ids=lambda item: repr(item)[:20],
)
def test_C02_an_age_of_more_than_400_days_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"^max_age: it is more than 400 days.*milliseconds"):
        validators.age_ms("max_age", value)


# --- What has to do with a store.


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
