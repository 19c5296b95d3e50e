"""Compare the instructions of whole requests with those recorded in results.json: ``make bench-check``, ``--record`` to record.

Nothing is timed. Callgrind counts what a request executes, which does not depend on what else the machine does. Counts can be
compared under one minor version of Python and one architecture: elsewhere nothing is compared, and a line says so.
"""

import argparse
import json
import platform
import shutil
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benches import callgrind, cases

RESULTS: Final = cases.HERE / "results.json"
KEY: Final = "instructions"
CALLS: Final = 40
BOUND: Final = 0.05
"""By how much a count may differ from the recorded one."""
CASES: Final = (
    "cookie, read-only",
    "cookie, read-only, a nested list",
    "cookie, session not touched",
    "cookie, changed",
    "cookie, no cookie, session not touched",
    "cookie, no cookie, session begun",
    "MemoryStore, read",
    "MemoryStore, changed",
)


def place() -> dict[str, str]:
    """Return what the counts depend on besides the code."""
    return {"python": ".".join(platform.python_version_tuple()[:2]), "machine": platform.machine()}


def count(case: str) -> int:
    """Return the instructions of one request: the difference of two runs is its calls and nothing else."""
    return (callgrind.counted(case, 2 * CALLS) - callgrind.counted(case, CALLS)) // CALLS


def compared(recorded: Mapping[str, int], now: Mapping[str, int]) -> list[tuple[str, int, int, float, bool]]:
    """Return for each case: its name, both counts, their ratio, and whether that is within the bound.

    Raises: KeyError where a case was not recorded.
    """
    pairs = [(case, recorded[case], after) for case, after in now.items()]
    return [(case, before, after, after / before, abs(after - before) <= before * BOUND) for case, before, after in pairs]


def report(recorded: Mapping[str, int], now: Mapping[str, int]) -> int:
    """Print the table; return how many cases are out of bounds."""
    rows = compared(recorded, now)
    print(f"{'instructions per request':<42} {'recorded':>9} {'now':>9} {'ratio':>7}")
    for case, before, after, ratio, fits in rows:
        print(f"{case:<42} {before:>9,} {after:>9,} {ratio:>7.3f}{'' if fits else '  <- out of bounds'}")
    worse = [case for case, _, _, ratio, fits in rows if not fits and ratio > 1]
    better = [case for case, _, _, ratio, fits in rows if not fits and ratio < 1]
    if worse:
        print(f"{len(worse)} above the recorded count by more than {BOUND:.0%}: find the cause, or record it with its reason")
    if better:
        print(f"{len(better)} below it by more than {BOUND:.0%}: record that with make bench-check RECORD=1")
    return len(worse) + len(better)


def main() -> int:
    """Count, and compare or record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="write the counts to results.json")
    record = parser.parse_args().record
    if shutil.which("valgrind") is None:
        print("make bench-check needs valgrind, which is not here: apt-get install valgrind", file=sys.stderr)
        return 1
    results: dict[str, Any] = json.loads(RESULTS.read_text("utf-8"))
    earlier = results.get(KEY, {})
    if not record and {name: earlier.get(name) for name in place()} != place():
        print(
            f"the recorded counts are of {earlier.get('python')} on {earlier.get('machine')}, not of {place()}: nothing is compared"
        )
        return 0
    with ThreadPoolExecutor(2) as pool:
        now = dict(zip(CASES, pool.map(count, CASES), strict=True))
    if record:
        results[KEY] = {**place(), "requests": now}
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        print(*(f"{case:<42} {counted:>9,}" for case, counted in now.items()), sep="\n")
        return 0
    return 1 if report(earlier["requests"], now) else 0


if __name__ == "__main__":
    sys.exit(main())
