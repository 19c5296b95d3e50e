"""Every source module has its test module: ``python -m tests.modules`` lists those that have none, and exits with 1."""

import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
SOURCE: Final = ROOT / "python" / "gingersnap"
TESTS: Final = ROOT / "tests"
ROOMS: Final = {"_pure": "core"}
"""Rooms whose tests have a folder of another name: the twin's run on both cores."""


def missing() -> list[str]:
    """Return the source modules without a test module, each with the path that it would have."""
    modules = [path.relative_to(SOURCE) for path in sorted(SOURCE.rglob("*.py")) if path.name != "__init__.py"]
    return [f"{module}: tests/{test}" for module in modules if not (TESTS / (test := test_of(module))).is_file()]


def test_of(module: Path) -> Path:
    """Return the path of a module's test module, below ``tests``."""
    room = module.parent
    return Path(ROOMS.get(str(room), room)) / f"test_{module.stem.lstrip('_')}.py"


def main() -> int:
    """Print what is missing."""
    found = missing()
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
