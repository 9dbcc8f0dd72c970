"""The time budget of the benchmarks: `pytest --benchmark` ends within five minutes on any machine.

Before each benchmark, the remaining time is divided among the suites by the weights of their benchmarks, and then
within the suite. On a busy machine the benchmarks get fewer rounds. If one round of each does not fit, the last
benchmarks of a suite are skipped, but every suite runs some.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Hashable, Iterable

import psutil

# Seconds since the process started: five minutes minus the longest benchmark and the summary.
TOTAL = float(os.environ.get("GILKIT_BENCHMARK_SECONDS", 255))
LONGEST = 0.2  # maximum seconds of timed rounds for one benchmark
ROUNDS = 3  # minimum seconds, unless time is short
TIMED = 0.5  # fraction of a benchmark's time; the rest is for setup and for checking the result


def age() -> float:
    """Return the seconds since this process started, including startup and imports."""
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
