"""Sum up what was skipped, and name the one command that would run it: the last lines of ``make test``."""

import re
import sys
from collections import Counter
from pathlib import Path

LISTED = 6
"""How many reasons are written out, the most frequent first."""
_INSTALL = re.compile(r": ((?:apt-get|pip) install) (.+)$")


def summary(reasons: list[str]) -> list[str]:
    """Return a few lines about the reasons of all skipped tests; none where nothing was skipped."""
    if not reasons:
        return []
    counted = Counter(reasons).most_common()
    lines = [f"Skipped {len(reasons)} tests:", *(f"{count:6} {reason}" for reason, count in counted[:LISTED])]
    if rest := sum(count for _, count in counted[LISTED:]):
        lines.append(f"{rest:6} for {len(counted) - LISTED} other reasons: pytest -rs lists them")
    needed: dict[str, list[str]] = {}
    for reason, _ in counted:
        if found := _INSTALL.search(reason):
            needed.setdefault(found[1], []).append(found[2])
    if needed:
        installs = [f"{tool} {' '.join(dict.fromkeys(packages))}" for tool, packages in sorted(needed.items())]
        lines.append(f"Run what needs a package: {' && '.join([*installs, 'make test'])}")
    return lines


def main(folder: str) -> None:
    """Print the summary of all runs whose files are in a folder: a line for each skipped test."""
    files = sorted(Path(folder).glob("*"))
    print("\n".join(summary([reason for path in files for reason in path.read_text("utf-8").splitlines()])))


if __name__ == "__main__":
    main(*sys.argv[1:])
