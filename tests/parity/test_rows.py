"""Every row of the parity table has its test, or its line in docs/differences.md."""

import pytest

from tests.parity.table import ROWS, rows_that_differ, rows_with_tests


@pytest.mark.parametrize("row", ROWS)
def test_row_has_a_test_or_a_line(row: str) -> None:
    assert row in rows_that_differ() or row in rows_with_tests()
