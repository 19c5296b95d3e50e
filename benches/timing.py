"""Time contenders side by side: one process, interleaved rounds, ratios of paired rounds."""

import gc
import random
import statistics
import timeit
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_ORDER: Final = 20_251_123
"""Seeds the order of the contenders within the rounds, so that each follows each."""


def _same(result: Any) -> Any:
    return result


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One way to do a thing. ``statement`` is timed inline, without a call around it.

    ``answer`` makes of its result what must be ``expected``.
    """

    name: str
    statement: str
    names: Mapping[str, Any]
    expected: Any
    answer: Callable[[Any], Any] = _same

    def check(self) -> None:
        """Raise AssertionError where the answer is not the expected one."""
        got = self.answer(self.call())
        if got != self.expected:
            raise AssertionError(f"{self.name}: {self.statement} gave {got!r}, not {self.expected!r}")

    def call(self) -> Any:
        """Run the statement once."""
        return eval(self.statement, dict(self.names))

    def timer(self) -> timeit.Timer:
        # timeit turns the garbage collector off; in a server it is on.
        return timeit.Timer(self.statement, setup="import gc; gc.enable()", globals=dict(self.names))


@dataclass(frozen=True)
class Group:
    """Contenders for one table."""

    title: str
    contenders: Sequence[Contender]

    def check(self) -> None:
        """Raise AssertionError unless every contender answers right."""
        for contender in self.contenders:
            contender.check()


@dataclass(frozen=True)
class Speed:
    """The contenders' seconds per call, round by round; the n-th of each were measured next to each other."""

    rounds: Mapping[str, list[float]]

    def median(self, name: str) -> float:
        return statistics.median(self.rounds[name])

    def best(self, name: str) -> float:
        return min(self.rounds[name])

    def ratio(self, name: str, to: str) -> float:
        """Compare two contenders: the median over the rounds of one's time divided by the other's."""
        return statistics.median([a / b for a, b in zip(self.rounds[name], self.rounds[to], strict=True)])

    def added(self, name: str, over: str) -> float:
        """Tell what a contender costs more than another one: the median over the rounds."""
        return statistics.median([a - b for a, b in zip(self.rounds[name], self.rounds[over], strict=True)])

    def added_ratio(self, name: str, to: str, over: str, to_over: str | None = None) -> float:
        """Compare what two contenders cost more than a third one, or each more than its own.

        Rounds in which noise hid the second cost do not count.
        """
        names = (name, to, over, to_over or over)
        rounds = zip(*(self.rounds[each] for each in names), strict=True)
        ratios: list[float] = [(a - a_base) / (b - b_base) for a, b, a_base, b_base in rounds if b > b_base]
        return statistics.median(ratios)


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds, and the seconds that each contender runs in one."""

    rounds: int
    seconds: float


FULL: Final = Effort(rounds=101, seconds=0.002)
QUICK: Final = Effort(rounds=21, seconds=0.001)


class Race:
    """A checked group on its marks: each ``round`` runs all its contenders once, in a new order.

    Raises: AssertionError for a wrong answer; nothing is timed then.
    """

    def __init__(self, group: Group, effort: Effort) -> None:
        group.check()
        timers = [(contender.name, contender.timer()) for contender in group.contenders]
        self._runs = [(name, timer, _count(timer, effort.seconds)) for name, timer in timers]
        self._order = random.Random(_ORDER)
        gc.collect()
        # What the bench itself holds is not to be looked through again and again.
        gc.freeze()

    def round(self) -> dict[str, float]:
        """Give each contender's seconds per call."""
        order = self._order.sample(self._runs, len(self._runs))
        return {name: timer.timeit(count) / count for name, timer, count in order}


def measure(group: Group, effort: Effort) -> Speed:
    """Check a group, then time it."""
    race = Race(group, effort)
    return collect([race.round() for _ in range(effort.rounds)])


def collect(rounds: Sequence[Mapping[str, float]]) -> Speed:
    """Turn rounds of all contenders into contenders with all their rounds."""
    return Speed({name: [each[name] for each in rounds] for name in rounds[0]})


def _count(timer: timeit.Timer, seconds: float) -> int:
    """Find how many calls fill a round; the calls made for it are the warm-up."""
    count = 1
    # The best of five: one interruption would pass for slow code, and leave rounds of a few cold calls.
    while (taken := min(timer.repeat(5, count))) < seconds / 4:
        count *= 2
    return max(1, round(count * seconds / taken))
