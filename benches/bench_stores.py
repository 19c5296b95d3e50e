"""Measure sessions in stores, on real servers of its own: ``python benches/bench_stores.py [--quick]``, or ``make bench-stores``.

Requests per second and latencies on each store with one and with four worker processes, beside starsessions on the same
Valkey; the cost of a request as the store grows; what a session takes in memory. Prints tables, writes ``stores.json``.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

# Run as a file, as the Makefile does, this folder is on the path and its parent is not.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benches import cases, machine
from benches.apps import SCOPE, app_of
from benches.store_worker import ACTIONS, STARSESSIONS, receive
from gingersnap import SessionMiddleware, SessionOptions
from gingersnap._core import Keygrip
from gingersnap.records.ids import Ids
from gingersnap.stores import MemoryStore
from tests.stores.servers import postgres, valkey
from tests.stores.shipped_stores import open_store

ROOT: Final = Path(__file__).resolve().parents[1]
RESULTS: Final = Path(__file__).with_name("stores.json")
WORKERS: Final = (1, 4)
KINDS: Final = ("memory", "sqlite", "valkey", STARSESSIONS, "postgres")
IDS: Final = Ids(SessionOptions(keys=[cases.KEY.decode()], store=MemoryStore()))
KEYGRIP: Final = Keygrip([cases.KEY], "sha256")
ROUNDS: Final = 3
"""How often each contender runs, in turn with the others; the median counts."""


def measure(kind: str, address: str, action: str, workers: int, seconds: float) -> dict[str, float]:
    """Run worker processes side by side; give requests per second of all, and the latencies in milliseconds."""
    command = [sys.executable, "-m", "benches.store_worker", kind, address, action, str(seconds)]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) for _ in range(workers)]
    for process in processes:
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise RuntimeError(f"a worker over {kind} did not come up")
    for process in processes:
        if process.stdin is not None:
            process.stdin.write("go\n")
            process.stdin.flush()
    times = sorted(time for process in processes for time in json.loads(process.communicate()[0]))
    return {
        "rps": len(times) / seconds,
        "p50_ms": times[len(times) // 2] * 1000,
        "p99_ms": times[len(times) * 99 // 100] * 1000,
        "max_ms": times[-1] * 1000,
    }


@contextmanager
def addresses() -> Iterator[dict[str, str]]:
    """Start the servers and give each contender its address."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(valkey.running(valkey.valkey_binary(), folder / "valkey", *valkey.IN_MEMORY))
        database = stack.enter_context(postgres.running())
        yield {
            "memory": "",
            "sqlite": str(folder / "sessions.sqlite3"),
            "valkey": f"{server.url}#ours:",
            STARSESSIONS: f"{server.url}#theirs:",
            "postgres": database.create_database(),
        }


def requests(seconds: float, rounds: int) -> list[dict[str, Any]]:
    """Measure each action on each store; contenders take turns, round by round."""
    rows = []
    with addresses() as places:
        for workers in WORKERS:
            for action in ACTIONS:
                turns = [{kind: measure(kind, places[kind], action, workers, seconds) for kind in KINDS} for _ in range(rounds)]
                for kind in KINDS:
                    seen = {name: statistics.median(turn[kind][name] for turn in turns) for name in turns[0][kind]}
                    ratio = statistics.median(turn[kind]["rps"] / turn[STARSESSIONS]["rps"] for turn in turns)
                    rows.append({"workers": workers, "action": action, "store": kind, **seen, "rps / starsessions": ratio})
    return rows


def show(rows: list[dict[str, Any]]) -> None:
    """Print the table of requests."""
    print(f"{'workers':>7} {'action':<8} {'store':<14} {'req/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'x starsessions':>15}")
    for row in rows:
        figures = f"{row['rps']:8.0f} {row['p50_ms']:8.3f} {row['p99_ms']:8.3f} {row['rps / starsessions']:15.2f}"
        print(f"{row['workers']:>7} {row['action']:<8} {row['store']:<14} {figures}")


def value_of(number: int) -> bytes:
    """Give a record like those of the requests."""
    return cases.PAYLOAD_TEXT[:-1] + f',"n":{number},"_maxAge":86400000}}'.encode()


def id_of(number: int) -> str:
    """Give an id of the shape that the middleware makes."""
    return base64.urlsafe_b64encode(hashlib.sha256(str(number).encode()).digest()).decode().rstrip("=")


def cookie_of(number: int) -> list[cases.Header]:
    """Give the headers of a request whose session that is."""
    pair = f"{cases.NAME}={id_of(number)}"
    return [(b"cookie", f"{pair}; {cases.NAME}.sig={KEYGRIP.sign(pair.encode())}".encode())]


async def fill(store: Any, count: int) -> None:
    """Make so many records, many at a time."""
    for start in range(0, count, 500):
        numbers = range(start, min(start + 500, count))
        await asyncio.gather(*(store.create(IDS.key(id_of(number)), value_of(number), 86_400_000) for number in numbers))


async def cost(store: Any, count: int, calls: int, seed: int) -> float:
    """Tell the microseconds of a request that changes one session among so many."""

    def change(scope: Any) -> None:
        scope["session"]["n"] = scope["count"]

    app = SessionMiddleware(app_of(change), keys=[cases.KEY.decode()], store=store)
    chance = random.Random(seed)
    scopes = [{**SCOPE, "headers": cookie_of(chance.randrange(count)), "count": -call} for call in range(calls)]

    async def drop(message: Any) -> None:
        pass

    begun = time.perf_counter()
    for scope in scopes:
        await app(scope, receive, drop)
    return (time.perf_counter() - begun) / calls * 1e6


def growth(sizes: list[int], calls: int, rounds: int) -> list[dict[str, Any]]:
    """Measure one store of each size side by side, in turns."""
    rows = []
    for kind in ("memory", "sqlite", "valkey"):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))

            def address(size: int, kind: str = kind, folder: Path = folder, stack: ExitStack = stack) -> str:
                if kind == "valkey":
                    server = valkey.running(valkey.valkey_binary(), folder / f"valkey-{size}", *valkey.IN_MEMORY)
                    return f"{stack.enter_context(server).url}#"
                return str(folder / f"{size}.sqlite3")

            rows.append({"store": kind, **asyncio.run(_grown(kind, [(size, address(size)) for size in sizes], calls, rounds))})
    return rows


async def _grown(kind: str, places: list[tuple[int, str]], calls: int, rounds: int) -> dict[str, Any]:
    stores = {}
    for size, address in places:
        stores[size] = MemoryStore(2 * size) if kind == "memory" else open_store(kind, address)
        await fill(stores[size], size)
    turns = []
    for turn in range(rounds):
        turns.append({size: await cost(store, size, calls, turn) for size, store in stores.items()})
    for store in stores.values():
        await store.aclose()
    smallest = min(stores)
    return {
        "us": {size: statistics.median(turn[size] for turn in turns) for size in stores},
        "ratio": {size: statistics.median(turn[size] / turn[smallest] for turn in turns) for size in stores},
    }


def bytes_per_session(count: int) -> float:
    """Tell what a session of 150 octets of JSON takes in a MemoryStore, key, record and bookkeeping together."""
    store = MemoryStore(count)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    asyncio.run(fill(store, count))
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / len(store)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything, and no file")
    quick = parser.parse_args().quick
    rows = requests(0.3, 1) if quick else requests(2.0, ROUNDS)
    show(rows)
    sizes = [1_000, 10_000] if quick else [1_000, 100_000, 1_000_000]
    grown = growth(sizes, 200 if quick else 2_000, 3 if quick else 9)
    print(f"\n{'changed request, us':<20}" + "".join(f"{size:>12,}" for size in sizes) + f"{'ratio':>10}")
    for row in grown:
        figures = "".join(f"{row['us'][size]:12.1f}" for size in sizes)
        print(f"{row['store']:<20}{figures}{row['ratio'][sizes[-1]]:10.2f}")
    octets = bytes_per_session(10_000 if quick else 100_000)
    print(f"\nMemoryStore: {octets:.0f} bytes per session of {len(value_of(0))} bytes of JSON")
    if not quick:
        found = {"machine": machine.describe(), "requests": rows, "growth": grown, "memory_bytes_per_session": octets}
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
