"""Write the test files of each id that tests bear into docs/requirements.md. Run: ``python -m tests.requirements``."""

import re
from collections import defaultdict
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parent
PAGE: Final = TESTS.parent / "docs" / "requirements.md"
_ROW: Final = re.compile(r"^\| ([A-Z]\d\d) \| (.+) \| ([^|]*)\|$", re.MULTILINE)


def ids_of_tests() -> dict[str, list[str]]:
    """Return each id with the test files, relative to ``tests``, that have it in the name of a test."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        if "node_modules" not in path.parts:
            names = " ".join(re.findall(r"def (test_\w+)", path.read_text("utf-8")))
            for id in sorted(set(re.findall(r"(?<=_)[A-Z]\d+(?=_)", names))):
                found[id].append(path.relative_to(TESTS).as_posix())
    return found


def rows_of_page() -> dict[str, list[str]]:
    """Return each id of the page with the files that its row lists."""
    return {id: files.replace("`", "").replace(",", "").split() for id, _, files in _ROW.findall(PAGE.read_text("utf-8"))}


def main() -> None:
    """Write the last column of each table."""
    tests = ids_of_tests()

    def row(match: re.Match[str]) -> str:
        files = ", ".join(f"`{name}`" for name in tests.get(match[1], []))
        return f"| {match[1]} | {match[2]} | {files} |"

    PAGE.write_text(_ROW.sub(row, PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
