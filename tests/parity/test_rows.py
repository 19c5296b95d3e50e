"""Every row of the parity table has its test, or its line in docs/differences.md."""

import pytest

from tests.parity.table import PAGE, ROWS, lines_of_tables, rows_that_differ, rows_with_tests


@pytest.mark.parametrize("row", ROWS)
def test_row_has_a_test_or_a_line(row: str) -> None:
    assert row in rows_that_differ() or row in rows_with_tests()


def test_every_line_that_differs_says_in_each_column_what_it_has_to() -> None:
    lines = lines_of_tables(PAGE.read_text("utf-8"))
    assert len(lines) > 100
    assert [cells for cells in lines if len(cells) != 5 or not all(cells)] == []


def test_what_a_page_says_outside_of_its_lines_is_no_line() -> None:
    page = "As K1 says (E3).\n\n| what (K2) | why |\n| --- | --- |\n| key (K9, G12) | as W1 |\n\n- J4"
    assert rows_that_differ(page) == {"K09", "G12"}
