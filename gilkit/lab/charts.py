"""The pictures of an experiment as data; the terminal and the report each draw them in their own way."""

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
    """Horizontal bars, with the limit that none can pass where there is one."""

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
    """Curves over a common axis, each with its interval band."""

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
    """Who did what when: a lane for each worker."""

    title: str
    unit: str
    lanes: Sequence[Lane]


@dataclass(frozen=True)
class Strip:
    """CPU % of each core over time, with what was running when, and the moments when the rounds began."""

    title: str
    times: Sequence[float]
    cores: Sequence[Sequence[float]]  # cores[i][j]: core i at times[j]
    spans: Sequence[Span] = field(default_factory=tuple)
    rounds: Sequence[float] = field(default_factory=tuple)


Chart = Bars | Lines | Timeline | Strip
