"""Count the instructions of one load and one dump under callgrind: ``python benches/callgrind.py [calls]``.

Instructions do not depend on what else the machine does, so small steps show. Valgrind's processor has no SHA extensions and
no AVX-512, so signatures and base64 take their portable paths: compare counts with counts, not with times.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benches import bench_core
from benches.timing import Contender

SHOWN = {"native", "orjson + stdlib", "orjson.loads alone", "orjson.dumps alone"}


def contenders() -> dict[str, Contender]:
    """Give what is worth counting: the pure twin would take minutes."""
    groups = (("load", bench_core.load()), ("dump", bench_core.dump()))
    return {f"{part}, {each.name}": each for part, group in groups for each in group.contenders if each.name in SHOWN}


def work(name: str, calls: int) -> None:
    """Be the process that is counted."""
    contenders()[name].timer().timeit(calls)


def counted(name: str, calls: int) -> int:
    """Run ``work`` under callgrind and give all its instructions, start-up included."""
    command = [
        "valgrind",
        "--tool=callgrind",
        "--callgrind-out-file=/dev/null",
        sys.executable,
        __file__,
        "--work",
        name,
        str(calls),
    ]
    # Equal hashes and addresses make the two start-ups equal.
    done = subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if found is None:
        raise RuntimeError("callgrind gave no count")
    return int(found[1])


def main() -> None:
    """Count each contender with N and with 2N calls: the difference is N calls and nothing else."""
    if sys.argv[1:2] == ["--work"]:
        work(sys.argv[2], int(sys.argv[3]))
        return
    if shutil.which("valgrind") is None:
        sys.exit("there is no valgrind; install it with your system's packages")
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    print(f"{'instructions per call':<28} {'':>8}  (difference of {calls} and {2 * calls} calls)")
    for name in contenders():
        print(f"{name:<28} {(counted(name, 2 * calls) - counted(name, calls)) / calls:>8.0f}", flush=True)


if __name__ == "__main__":
    main()
