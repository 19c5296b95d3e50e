"""Measure everything, print tables, write ``results.json``: ``python benches/run.py [--quick]``."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

# Run as a file, as the Makefile does, this folder is on the path and its parent is not.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benches import apps, bench_core, bench_request, cases, goals, koa, machine
from benches.timing import FULL, QUICK, Effort, Group, Speed, measure


def core_table(group: Group, speed: Speed) -> list[str]:
    """Show nanoseconds per call, and each as a multiple of the first."""
    first = group.contenders[0].name
    rows = [f"{'':<36} {'median':>10} {'best':>10} {'x first':>10}"]
    for name in (contender.name for contender in group.contenders):
        rows.append(f"{name:<36} {_ns(speed.median(name))} {_ns(speed.best(name))} {speed.ratio(name, first):10.2f}")
    return rows


def request_table(group: Group, speed: Speed) -> list[str]:
    """Show nanoseconds per request, what is added to no middleware, and that as a multiple of ours."""
    rows = [f"{'':<36} {'median':>10} {'best':>10} {'added':>10} {'added / ours':>14}"]
    for name in (contender.name for contender in group.contenders):
        row = f"{name:<36} {_ns(speed.median(name))} {_ns(speed.best(name))}"
        if name != apps.BARE:
            added = speed.added(name, apps.BARE)
            row += f" {_ns(added)} {speed.added_ratio(name, apps.OURS, apps.BARE):14.2f}"
        rows.append(row)
    return rows


def koa_table(speed: Speed) -> list[str]:
    """Show koa-session and ours, each beside its own bare application, and theirs as a multiple of ours."""
    rows = [f"{'':<36} {'median':>10} {'best':>10} {'added':>10} {'added / ours':>14}"]
    for kind, theirs in koa.THEIRS.items():
        bare, mine = koa.ours(kind, bare=True), koa.ours(kind)
        for name, over in ((mine, bare), (theirs, koa.BARE)):
            row = f"{name:<36} {_ns(speed.median(name))} {_ns(speed.best(name))} {_ns(speed.added(name, over))}"
            rows.append(f"{row} {speed.added_ratio(name, mine, over, bare):14.2f}")
    return rows


def _ns(seconds: float) -> str:
    return f"{seconds * 1e9:>10.0f}"


def _show(title: str, rows: list[str]) -> None:
    print(f"\n{title} (ns)", *rows, sep="\n  ", flush=True)


def _numbers(speed: Speed, base: str | None = None) -> dict[str, dict[str, float]]:
    numbers = {}
    for name in speed.rounds:
        numbers[name] = {"median_ns": round(speed.median(name) * 1e9, 1), "best_ns": round(speed.best(name) * 1e9, 1)}
        if base is not None:
            numbers[name]["added_ns"] = round(speed.added(name, base) * 1e9, 1)
    return numbers


def _koa(effort: Effort, results: dict[str, Any]) -> Speed | None:
    try:
        speed, versions = koa.measure(effort)
    except koa.Absent as why:
        print(f"\nkoa-session is skipped: {why}")
        return None
    title = "request: koa-session {koa-session}, Koa {koa}, Node.js {node}, in turns with ours".format(**versions)
    _show(title, koa_table(speed))
    results["machine"] |= versions
    results["groups"]["request: koa-session"] = _numbers(speed)
    return speed


def run(effort: Effort) -> dict[str, Any]:
    """Measure and print; give what goes into ``results.json``."""
    results: dict[str, Any] = {"machine": machine.describe(), "payload_bytes": len(cases.PAYLOAD_TEXT), "groups": {}}
    print(*(f"{name}: {value}" for name, value in results["machine"].items()), sep="\n")
    speeds: dict[str, Speed] = {}
    for group, base, table in [
        *((group, None, core_table) for group in bench_core.groups()),
        *((group, apps.BARE, request_table) for group in bench_request.groups()),
    ]:
        speed = speeds[group.title] = measure(group, effort)
        _show(group.title, table(group, speed))
        results["groups"][group.title] = _numbers(speed, base)
    judged = [*goals.of_core(speeds), *goals.of_requests(speeds, _koa(effort, results))]
    print("\ngoals", *(goal.line() for goal in judged), sep="\n")
    results["goals"] = [
        {"what": goal.what, "ratio": round(goal.ratio, 4), "limit": round(goal.limit, 4), "reached": goal.reached}
        for goal in judged
    ]
    return results


def main() -> None:
    """Take the command line."""
    parser = argparse.ArgumentParser(description="Measure Gingersnap beside its peers.")
    parser.add_argument("--quick", action="store_true", help="a few seconds, rough numbers, results.json left as it is")
    quick = parser.parse_args().quick
    results = run(QUICK if quick else FULL)
    if not quick:
        path = cases.HERE / "results.json"
        # Instructions are recorded by themselves: benches/instructions.py.
        kept = json.loads(path.read_text("utf-8")).get("instructions") if path.exists() else None
        results |= {"instructions": kept} if kept else {}
        path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
