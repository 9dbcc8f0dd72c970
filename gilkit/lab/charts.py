"""An experiment's charts as data, which gilkit.lab.drawing turns into SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Bar:
    label: str
    value: float
    low: float | None = None
    high: float | None = None
    group: str = ""


@dataclass(frozen=True)
class Bars:
    """Horizontal bars, with an optional line at the limit that no bar can pass."""

    title: str
    unit: str
    bars: Sequence[Bar]
    limit: float | None = None
    limit_label: str = ""
    log: bool = False


@dataclass(frozen=True)
class Point:
    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Line:
    label: str
    points: Sequence[Point]
    ideal: bool = False  # drawn as a reference, not as a measurement


@dataclass(frozen=True)
class Lines:
    """Curves over a common axis, each with a band for its interval."""

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class Span:
    start: float
    end: float
    label: str = ""


@dataclass(frozen=True)
class Lane:
    label: str
    spans: Sequence[Span]


@dataclass(frozen=True)
class Timeline:
    """What each worker did over time, one lane per worker."""

    title: str
    unit: str
    lanes: Sequence[Lane]


@dataclass(frozen=True)
class Strip:
    """CPU % of each core over time, with the running case and the start of each round."""

    title: str
    times: Sequence[float]
    cores: Sequence[Sequence[float]]  # cores[i][j]: core i at times[j]
    spans: Sequence[Span] = field(default_factory=tuple)
    rounds: Sequence[float] = field(default_factory=tuple)


Chart = Bars | Lines | Timeline | Strip
