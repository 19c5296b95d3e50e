"""Every row of the parity table that is in force has its test, or its line in docs/differences.md."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
ROWS = [f"K{number:02}" for number in range(1, 52)] + [f"W{number:02}" for number in range(1, 7)]


def in_tests() -> set[str]:
    names = {
        name
        for path in TESTS.rglob("test_*.py")
        if "node_modules" not in path.parts
        for name in re.findall(r"def (test_\w+)", path.read_text("utf-8"))
    }
    return {row for name in names for row in re.findall(r"(?<=_)([KW]\d\d)(?=_)", name)}


def in_differences() -> set[str]:
    text = (TESTS.parent / "docs" / "differences.md").read_text("utf-8")
    return {f"{letter}{int(number):02}" for letter, number in re.findall(r"\b([KW])(\d{1,2})\b", text)}


@pytest.mark.parametrize("row", ROWS)
def test_row_has_a_test_or_a_line(row: str) -> None:
    assert row in in_tests() | in_differences()
