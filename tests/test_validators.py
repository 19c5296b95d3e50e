"""Checks of one value: the error names the option, the shape and the cure."""

# Names bear the ids of requirements as they are written.

from datetime import timedelta
from typing import Any, get_args

import pytest

from gingersnap import ConfigError, validators
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
