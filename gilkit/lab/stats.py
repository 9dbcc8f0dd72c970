"""Medians, bootstrap intervals, and whether a difference is shown.

The lab compares ratios of measurements that take turns (A B A B), never absolute times: the machine is shared, and a
disturbance hits neighbouring measurements alike.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

__all__ = ["Interval", "bootstrap", "compare", "median"]

RESAMPLES = 2000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A median and its 95 % confidence interval."""

    middle: float
    low: float
    high: float

    def excludes(self, value: float) -> bool:
        return value < self.low or value > self.high


def bootstrap(values: Sequence[float], *, seed: int = 0) -> Interval:
    """Return the median of ``values`` with its percentile bootstrap interval.

    The resampling is seeded, so the same values always give the same interval. The interval of a single value is that
    value.
    """
    if not values:
        raise ValueError("values must hold at least one measurement, got none")
    if len(values) == 1:
        return Interval(values[0], values[0], values[0])
    draw = random.Random(seed)
    medians = sorted(median(draw.choices(values, k=len(values))) for _ in range(RESAMPLES))
    tail = (1 - CONFIDENCE) / 2
    return Interval(
        median(values),
        medians[int(tail * RESAMPLES)],
        medians[min(RESAMPLES - 1, int((1 - tail) * RESAMPLES))],
    )


@dataclass(frozen=True)
class Ratio:
    """A comparison of two contenders: the median of the paired ratios with its interval."""

    interval: Interval
    pairs: int

    @property
    def middle(self) -> float:
        return self.interval.middle

    @property
    def shown(self) -> bool:
        """Whether a difference is shown: there are enough pairs, and the interval excludes 1."""
        return self.pairs >= MINIMUM_PAIRS and self.interval.excludes(1.0)

    def words(self) -> str:
        if not self.shown:
            return "no difference shown"
        return f"{self.middle:.2f}× ({self.interval.low:.2f}–{self.interval.high:.2f})"


# With fewer pairs, the interval is simply the range of the data.
MINIMUM_PAIRS = 3


def compare(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Return the ratio ours / theirs of measurements that took turns; element i of both belongs to the same round.

    Rounds that only one of the two completed are ignored.
    """
    pairs = list(zip(ours, theirs, strict=False))
    if not pairs:
        raise ValueError("ours and theirs must have at least one round in common, got none")
    return Ratio(bootstrap([_divide(a, b) for a, b in pairs]), len(pairs))


def _divide(a: float, b: float) -> float:
    """Return a / b, also for rates that are 0."""
    if b == 0:
        return math.inf if a else 1.0
    return a / b
