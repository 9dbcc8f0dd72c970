"""Medians, bootstrap intervals, and whether a difference has been shown.

The lab compares by ratios of measurements made in turn (A B A B), never by absolute times: the machine it runs on is
shared, and what disturbs one measurement disturbs its neighbour too.
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
    """A median and the interval that holds it with 95 % confidence."""

    middle: float
    low: float
    high: float

    def excludes(self, value: float) -> bool:
        return value < self.low or value > self.high


def bootstrap(values: Sequence[float], *, seed: int = 0) -> Interval:
    """The median of ``values`` with its percentile bootstrap interval.

    The resampling is seeded, so the same raw values always give the same interval. With a single value there is
    nothing to resample, and the interval is that value.
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
    """How one contender compares with another: the median of the paired ratios, and whether it is shown at all."""

    interval: Interval
    pairs: int

    @property
    def middle(self) -> float:
        return self.interval.middle

    @property
    def shown(self) -> bool:
        """Whether a difference is shown: enough pairs, and an interval on one side of 1."""
        return self.pairs >= MINIMUM_PAIRS and self.interval.excludes(1.0)

    def words(self) -> str:
        if not self.shown:
            return "no difference shown"
        return f"{self.middle:.2f}× ({self.interval.low:.2f}–{self.interval.high:.2f})"


# Below this, the extremes of the resampled medians are simply the extremes of the data.
MINIMUM_PAIRS = 3


def compare(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """The ratio ours / theirs of measurements made in turn: element i of both belongs to the same round.

    Rounds that only one of the two completed are left out.
    """
    pairs = list(zip(ours, theirs, strict=False))
    if not pairs:
        raise ValueError("ours and theirs must have at least one round in common, got none")
    return Ratio(bootstrap([_divide(a, b) for a, b in pairs]), len(pairs))


def _divide(a: float, b: float) -> float:
    """The ratio, of rates too, of which one may be nothing."""
    if b == 0:
        return math.inf if a else 1.0
    return a / b
