"""The breaker: closed until five failures in a row, then open, then one probe whose end decides."""

# Names bear the ids of requirements as they are written.

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from hypothesis.strategies import floats, sampled_from

from gingersnap.records.circuit_breaker import FAILURES, OPEN_S, CircuitBreaker


def middle(low: float, high: float) -> float:
    return (low + high) / 2


def opened(now: float = 0.0) -> CircuitBreaker:
    """Give one that has just opened."""
    breaker = CircuitBreaker(middle)
    for _ in range(FAILURES):
        assert breaker.wait_s(now) == 0
        breaker.fail(now)
    return breaker


def test_O04_it_opens_after_five_failures_in_a_row_and_not_before() -> None:
    breaker = CircuitBreaker(middle)
    for _ in range(FAILURES - 1):
        breaker.fail(0.0)
        assert breaker.wait_s(0.0) == 0
    breaker.fail(0.0)
    assert breaker.wait_s(0.0) == OPEN_S


def test_O04_an_answer_starts_the_count_again() -> None:
    breaker = CircuitBreaker(middle)
    for _ in range(10):
        for _ in range(FAILURES - 1):
            breaker.fail(0.0)
        breaker.succeed()
        assert breaker.wait_s(0.0) == 0


def test_O04_while_it_is_open_it_tells_for_how_long() -> None:
    breaker = opened(100.0)
    assert [breaker.wait_s(now) for now in (100.0, 102.0, 104.5)] == [5.0, 3.0, 0.5]


def test_O04_when_its_time_is_over_one_call_probes_and_all_others_wait() -> None:
    breaker = opened()
    assert breaker.wait_s(OPEN_S) == 0
    assert [breaker.wait_s(OPEN_S + more) for more in (0.0, 1.0, 1_000.0)] == [OPEN_S] * 3


def test_O04_a_probe_that_is_answered_closes_it() -> None:
    breaker = opened()
    assert breaker.wait_s(OPEN_S) == 0
    assert breaker.failing
    breaker.succeed()
    assert [breaker.wait_s(OPEN_S) for _ in range(3)] == [0, 0, 0]
    assert not breaker.failing
    # From here on it takes five again.
    for _ in range(FAILURES - 1):
        breaker.fail(OPEN_S)
    assert breaker.wait_s(OPEN_S) == 0


def test_O04_a_probe_that_fails_opens_it_for_another_while() -> None:
    breaker = opened()
    assert breaker.wait_s(OPEN_S) == 0
    breaker.fail(OPEN_S + 2)
    assert breaker.wait_s(OPEN_S + 2) == OPEN_S
    assert breaker.wait_s(2 * OPEN_S + 2) == 0


def test_O04_a_probe_that_nobody_waited_for_lets_another_one_probe_at_once() -> None:
    breaker = opened()
    assert breaker.wait_s(OPEN_S) == 0
    breaker.abandon()
    assert breaker.wait_s(OPEN_S) == 0
    assert breaker.wait_s(OPEN_S) == OPEN_S


def test_a_call_that_was_abandoned_counts_for_nothing() -> None:
    breaker = CircuitBreaker(middle)
    for _ in range(FAILURES - 1):
        breaker.fail(0.0)
    breaker.abandon()
    assert (breaker.wait_s(0.0), breaker.failing) == (0, True)
    breaker.fail(0.0)
    assert breaker.wait_s(0.0) > 0


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_O04_the_processes_of_a_site_do_not_probe_as_one(share: float) -> None:
    breaker = CircuitBreaker(lambda low, high: low + share * (high - low))
    for _ in range(FAILURES):
        breaker.fail(0.0)
    assert breaker.wait_s(0.0) == pytest.approx((0.9 + share * 0.2) * OPEN_S)


def test_O04_left_to_itself_it_draws_another_time_each() -> None:
    waits = set()
    for _ in range(50):
        breaker = CircuitBreaker()
        for _ in range(FAILURES):
            breaker.fail(0.0)
        waits.add(breaker.wait_s(0.0))
    assert len(waits) > 40
    assert all(0.9 * OPEN_S <= wait <= 1.1 * OPEN_S for wait in waits)


class Calls(RuleBasedStateMachine):
    """Calls that begin and end in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = CircuitBreaker(middle)
        self.now = 0.0
        self.under_way = 0

    @rule(passed=floats(0, 2 * OPEN_S))
    def wait(self, passed: float) -> None:
        self.now += passed

    @rule()
    def ask(self) -> None:
        wait_s = self.breaker.wait_s(self.now)
        assert 0 <= wait_s <= OPEN_S * 1.1
        self.under_way += wait_s == 0

    @rule(word=sampled_from([True, False, None]))
    def end(self, word: bool | None) -> None:
        if self.under_way:
            self.under_way -= 1
            {True: self.breaker.succeed, False: lambda: self.breaker.fail(self.now), None: self.breaker.abandon}[word]()

    @invariant()
    def nobody_is_held_back_for_ever(self) -> None:
        # Where no call is under way that could still report, a call passes as soon as the time is over.
        if not self.under_way:
            assert not self.breaker._probing
            assert self.breaker._failures < FAILURES or self.breaker._until <= self.now + 1.1 * OPEN_S


TestCalls = Calls.TestCase
TestCalls.settings = settings(max_examples=100, stateful_step_count=40, derandomize=True, database=None, deadline=None)
