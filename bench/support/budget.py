"""How long the benchmarks may take: `pytest --benchmark` ends within five minutes on any machine.

What is left of the time is divided anew before each benchmark, first among the suites by the weights of their
benchmarks, then within the suite. A busy machine so gets fewer rounds; where not even one round of each fits, the last benchmarks
of a suite are skipped, and every suite has some.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Hashable, Iterable

import psutil

TOTAL = 255.0  # seconds since the process began: five minutes, less the longest benchmark and the summary
LONGEST = 0.2  # seconds of timed rounds for one benchmark, which are enough
ROUNDS = 3  # at least, while time is not short
TIMED = 0.5  # of a benchmark's time; the rest is for its setup and for checking its result


def age() -> float:
    """Seconds since this process began: starting and importing count too."""
    return time.time() - psutil.Process().create_time()


class Budget:
    """Divides the time among benchmarks, given as pairs of suite and weight in the order in which they run."""

    def __init__(self, benchmarks: Iterable[tuple[Hashable, int]], total: float = TOTAL) -> None:
        self._waiting: Counter[Hashable] = Counter()
        for suite, weight in benchmarks:
            self._waiting[suite] += weight
        self._total = total
        self._suite: Hashable = None
        self._suite_ends = 0.0

    def next(self, suite: Hashable, weight: int = 1, now: float | None = None) -> float | None:
        """Return how many seconds the rounds of the suite's next benchmark may take, or None if time is up."""
        now = age() if now is None else now
        if suite != self._suite:
            share = self._waiting[suite] / self._waiting.total()
            self._suite, self._suite_ends = suite, now + max(0.0, self._total - now) * share
        waiting = self._waiting[suite]
        self._waiting[suite] -= weight
        allowance = (self._suite_ends - now) * weight / waiting
        return min(LONGEST, TIMED * allowance) if allowance > 0 else None
