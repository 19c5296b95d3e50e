"""Spare a store that fails, and those who wait for it. Pure: the time comes in, in seconds of any steady clock."""

import math
import random
from collections.abc import Callable
from typing import Final

FAILURES: Final = 5
"""After how many failures in a row it opens."""
OPEN_S: Final = 5.0
"""How long it stays open, in seconds, give or take a tenth, so that the processes of a site do not probe as one."""


class CircuitBreaker:
    """Closed, it lets every call pass. Open, none; then one probe, and its end decides."""

    def __init__(self, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._uniform = uniform
        self._failures = 0
        self._until = -math.inf
        self._probing = False

    @property
    def failing(self) -> bool:
        """Whether the last call failed."""
        return self._failures > 0

    def wait_s(self, now: float) -> float:
        """Return how long a call has to wait, in seconds; 0: it may pass, and must report how it ended."""
        if self._failures < FAILURES:
            return 0.0
        if now < self._until:
            return self._until - now
        if self._probing:
            return OPEN_S
        self._probing = True
        return 0.0

    def succeed(self) -> None:
        """Note an answer."""
        self._failures = 0
        self._probing = False

    def fail(self, now: float) -> None:
        """Note a failure."""
        self._failures += 1
        self._probing = False
        if self._failures >= FAILURES:
            self._until = now + self._uniform(0.9, 1.1) * OPEN_S

    def abandon(self) -> None:
        """Note that no request waited for the end of a call: it tells nothing, and another one may probe."""
        self._probing = False
