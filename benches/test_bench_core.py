"""The core cases under pytest-benchmark: ``pytest benches --benchmark-only``."""

from collections.abc import Callable
from typing import Any

import pytest

from benches import bench_core
from benches.timing import Contender

CASES = [
    pytest.param(contender, marks=pytest.mark.benchmark(group=group.title, max_time=0.2), id=f"{group.title}-{contender.name}")
    for group in bench_core.groups()
    for contender in group.contenders
]


@pytest.mark.parametrize("contender", CASES)
def test_core(contender: Contender, benchmark: Callable[..., Any]) -> None:
    contender.check()
    names = dict(contender.names)
    # A function around the statement, compiled once: pytest-benchmark times calls.
    benchmark(eval(f"lambda: {contender.statement}", names))
