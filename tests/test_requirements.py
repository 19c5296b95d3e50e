"""docs/requirements.md has a row for each id that a test bears, and lists the test files that are there."""

import re

from tests.requirements import PAGE, TESTS, ids_of_tests, rows_of_page


def test_each_id_that_a_test_bears_has_one_row() -> None:
    rows = re.findall(r"^\| ([A-Z]\d+) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(ids_of_tests())


def test_each_row_lists_test_files_that_are_there() -> None:
    cure = "run: python -m tests.requirements"
    assert [id for id, files in rows_of_page().items() if not files] == [], cure
    assert sorted({name for files in rows_of_page().values() for name in files if not (TESTS / name).is_file()}) == [], cure
