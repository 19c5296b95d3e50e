"""Count the instructions of one load, one dump and one request under callgrind: ``python benches/callgrind.py [calls]``.

Instructions do not depend on what else the machine does, so small steps show. Valgrind's processor has no SHA extensions and
no AVX-512, so signatures and base64 take their portable paths: compare counts with counts, not with times.
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benches import apps, bench_core, bench_request, cases
from benches.timing import Contender
from gingersnap import SessionMiddleware
from gingersnap.stores import MemoryStore

SHOWN = {"native", "orjson + stdlib", "orjson.loads alone", "orjson.dumps alone"}


def contenders() -> dict[str, Contender]:
    """Give what is worth counting: the pure twin would take minutes."""
    groups = (("load", bench_core.load()), ("dump", bench_core.dump()))
    core = {f"{part}, {each.name}": each for part, group in groups for each in group.contenders if each.name in SHOWN}
    return {**core, **requests(), **stored()}


def requests() -> dict[str, Contender]:
    """Give one whole request of each kind, with the session in its cookie, and one of the bare application."""
    ours = {
        f"cookie, {request.kind}": each
        for request in bench_request.REQUESTS
        for each in bench_request.group(request).contenders
        if each.name == apps.OURS
    }
    bare = bench_request.group(bench_request.REQUESTS[0]).contenders
    return {"no middleware": next(each for each in bare if each.name == apps.BARE), **ours}


async def asked(app: apps.App, headers: list[cases.Header]) -> list[bytes]:
    """Run one request on an event loop, and give its Set-Cookie lines."""
    lines: list[bytes] = []

    async def keep(message: Any) -> None:
        lines.extend(value for name, value in message.get("headers", ()) if name.lower() == b"set-cookie")

    await app({**apps.SCOPE, "headers": headers}, None, keep)
    return lines


def stored() -> dict[str, Contender]:
    """Give whole requests whose session lives in a MemoryStore."""

    def read(scope: Any) -> None:
        scope["session"].get("views")

    def change(scope: Any) -> None:
        scope["session"]["views"] = scope["session"].get("views", 0) + 1

    loop = asyncio.new_event_loop()

    def complete(app: apps.App, headers: list[cases.Header]) -> list[bytes]:
        return loop.run_until_complete(asked(app, headers))

    def contender(name: str, handler: Callable[[Any], None]) -> Contender:
        store = MemoryStore()
        app = SessionMiddleware(apps.app_of(handler), keys=[apps.SECRET], store=store)
        filled = SessionMiddleware(
            apps.app_of(lambda scope: scope["session"].update(cases.PAYLOAD)), keys=[apps.SECRET], store=store
        )
        headers = cases.headers_of(cases.cookies_of(complete(filled, cases.headers_of(None))))
        names = {"complete": complete, "app": app, "headers": headers}
        return Contender(name=name, statement="complete(app, headers)", names=names, expected=[])

    return {name: contender(name, handler) for name, handler in (("MemoryStore, read", read), ("MemoryStore, changed", change))}


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
