"""An unknown option: what it may have meant."""

import pytest

from gingersnap.config.suggestions import suggest
from gingersnap.option_types import DEFAULTS


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("maxAge", "write max_age, in seconds"),
        ("secret_key", "write keys, a list"),
        ("rollin", "did you mean rolling?"),
        ("max_agee", "did you mean max_age?"),
    ],
)
def test_a_name_from_elsewhere_or_with_a_slip_is_told_by_ours(name: str, said: str) -> None:
    assert suggest(name, DEFAULTS) == said


def test_a_name_like_none_is_told_where_all_stand_and_not_all_of_them() -> None:
    said = suggest("zzzzzz", DEFAULTS)
    assert "README" in said
    assert len(said) < 200
