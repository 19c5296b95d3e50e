"""The ratios that are agreed (issue 2, "Speed"), and whether they are reached."""

from collections.abc import Mapping
from dataclasses import dataclass

from benches import apps, bench_core, bench_request, koa
from benches.timing import Speed


@dataclass(frozen=True)
class Goal:
    """One ratio: at most, or at least, ``limit``."""

    what: str
    limit: float
    ratio: float
    at_least: bool = False

    @property
    def reached(self) -> bool:
        return self.ratio >= self.limit if self.at_least else self.ratio <= self.limit

    def line(self) -> str:
        word = "reached" if self.reached else "MISSED "
        sign = ">=" if self.at_least else "<="
        return f"  {word}  {self.what:<58} {self.ratio:8.3f}  ({sign} {self.limit:.3g})"


def of_core(speeds: Mapping[str, Speed]) -> list[Goal]:
    """Judge load and dump. ``speeds`` are by the titles of their groups."""
    load, dump = speeds[bench_core.LOAD], speeds[bench_core.DUMP]
    return [
        Goal("load / orjson.loads alone", 1.5, load.ratio("native", "orjson.loads alone")),
        Goal("dump / orjson.dumps alone", 2.5, dump.ratio("native", "orjson.dumps alone")),
        Goal("load: pure / native", 5, load.ratio("pure", "native"), at_least=True),
        Goal("dump: pure / native", 5, dump.ratio("pure", "native"), at_least=True),
    ]


def of_requests(speeds: Mapping[str, Speed], in_turns: Speed | None) -> list[Goal]:
    """Judge what a request costs more, against Starlette and, where it was measured, koa-session."""
    found = []
    for kind, limit in ((bench_request.READ, 1 / 10), (bench_request.CHANGED, 1 / 12)):
        starlette = speeds[bench_request.title(kind)].added_ratio(apps.OURS, apps.STARLETTE, apps.BARE)
        found.append(Goal(f"added, {kind}: ours / Starlette's", limit, starlette))
        if in_turns is not None:
            names = (koa.ours(kind), koa.THEIRS[kind], koa.ours(kind, bare=True), koa.BARE)
            found.append(Goal(f"added, {kind}: ours / koa-session's on Node.js", limit, in_turns.added_ratio(*names)))
    return found
