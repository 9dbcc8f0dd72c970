"""What an experiment is: cases to measure, a rule that turns their figures into a verdict, and pictures of them.

An experiment is one file in ``gilkit/lab/experiments/`` with one subclass of Experiment. It says what to measure and
how to judge; running, progress, statistics, tables and saved files are the same for all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import Any, ClassVar

from .charts import Chart
from .checking import Nullable
from .interpreters import Interpreter
from .text import listed

Sample = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One line of the table: a task for a worker process, and who carries it out.

    ``task`` names a function of the package gilkit_tasks as ``module:function``. It is called with ``arguments`` and,
    where ``timed``, with ``seconds``: how long to measure. It returns a dict of figures.
    """

    label: str
    task: str
    interpreter: Interpreter
    arguments: Mapping[str, Any] = field(default_factory=dict)
    strategy: str = ""
    threads: int = 1
    timed: bool = True


@dataclass
class Row:
    """What was measured of a case: every raw sample, or the reason why there is none."""

    label: str
    strategy: str
    interpreter: Interpreter
    threads: int
    arguments: dict[str, Any] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    error: str | None = None

    SHAPE: ClassVar[dict[str, Any]] = {
        "label": str,
        "strategy": str,
        "interpreter": Interpreter.SHAPE,
        "threads": int,
        "arguments": dict,
        "samples": [dict],
        "error": Nullable(str),
    }

    def values(self, key: str) -> list[float]:
        return [sample[key] for sample in self.samples if key in sample]

    def get(self, key: str) -> float | None:
        """The median of a figure over the rounds, or None where it was not measured."""
        values = self.values(key)
        return median(values) if values else None

    def __getitem__(self, key: str) -> float:
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    @property
    def measured(self) -> bool:
        return bool(self.samples)

    def to_json(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "strategy": self.strategy,
            "interpreter": self.interpreter.to_json(),
            "threads": self.threads,
            "arguments": self.arguments,
            "samples": self.samples,
            "error": self.error,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Row:
        own = {key: data[key] for key in cls.SHAPE}
        return cls(**{**own, "interpreter": Interpreter.from_json(data["interpreter"])})


class Outcome(StrEnum):
    HOLDS = "holds"
    PARTLY = "holds only for"
    FAILS = "does not hold"
    OPEN = "not decided"
    CHOICE = "choose"  # of a comparison: advice, no claim


@dataclass(frozen=True)
class Verdict:
    """An outcome, for which parts it holds or is open where that is not all of them, and the figures in a paragraph."""

    outcome: Outcome
    text: str
    scope: str = ""

    @property
    def headline(self) -> str:
        return f"{self.outcome.value} {self.scope}".strip()

    @property
    def said(self) -> str:
        """What completes "the claim …"."""
        return f"is {self.headline}" if self.outcome is Outcome.OPEN else self.headline


@dataclass(frozen=True)
class Check:
    """One part of a claim: whether it held, None where the figures do not tell, and the figures in a sentence.

    ``name`` completes "the claim holds only for …".
    """

    name: str
    holds: bool | None
    text: str = ""


def combine(checks: Sequence[Check]) -> Verdict:
    """The verdict on a claim of several parts.

    It holds with all of them, and only for those that hold where others fail. Where a part is undecided, nothing is
    refuted or confirmed as a whole: the verdict is open for that part, unless others have settled that the claim holds
    only for some.
    """
    text = " ".join(check.text for check in checks if check.text)
    kept = [check.name for check in checks if check.holds]
    lost = [check.name for check in checks if check.holds is False]
    open_ = [check.name for check in checks if check.holds is None]
    if not kept and not lost:
        return Verdict(Outcome.OPEN, text or "Too little was measured to tell.")
    if kept and lost:
        more = f"Not decided for {listed(open_)}." if open_ else ""
        return Verdict(Outcome.PARTLY, f"{text} {more}".strip(), scope=listed(kept))
    if open_:
        so_far = f"It {'holds' if kept else 'does not hold'} for {listed(kept or lost)}."
        return Verdict(Outcome.OPEN, f"{so_far} {text}", scope=f"for {listed(open_)}")
    return Verdict(Outcome.FAILS if lost else Outcome.HOLDS, text)


@dataclass(frozen=True)
class Column:
    """A column of the table: its heading, and what it shows of a row among all rows."""

    heading: str
    show: Callable[[Row, Sequence[Row]], str]


@dataclass(frozen=True)
class Setting:
    """What a run is given: the interpreters (the running one first), the cores, and a thread count asked for."""

    interpreters: Sequence[Interpreter]
    cores: int
    threads: int

    @property
    def usable(self) -> int:
        """How many cores that many threads can fill."""
        return min(self.cores, self.threads)


class Experiment(ABC):
    """The interface of an experiment. The docstring of its file holds the claim's origin, its figures, the method."""

    name: ClassVar[str]
    title: ClassVar[str]
    claim: ClassVar[str]
    why: ClassVar[str] = ""  # what is behind it, whatever the figures say
    seconds: ClassVar[float] = 1.0  # how long each case is measured, over all rounds together
    rounds: ClassVar[int] = 3
    old_pythons: ClassVar[bool] = False  # whether the claim is about interpreters older than 3
    grace: ClassVar[float] = 120.0  # how much longer than asked a case may take: slow starts, a swapping machine
    budget: ClassVar[float | None] = None  # seconds after which no further round is begun
    asks: ClassVar[bool] = False  # it asks a question rather than put a claim to the test
    names_interpreters: ClassVar[bool] = False  # the labels of its cases tell the interpreter

    def obstacle(self) -> str | None:
        """Why it cannot be run here (a library that is missing), or None."""
        return None

    def announcement(self, setting: Setting) -> str:
        """What is to be said before a run that takes unusually long."""
        return ""

    @abstractmethod
    def cases(self, setting: Setting) -> list[Case]:
        """What to measure. Every case is measured once in each round, in this order."""

    @abstractmethod
    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        """The table, beside the interpreter and the label, which every table begins with."""

    @abstractmethod
    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        """The verdict, from the figures alone."""

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        """The pictures, from the figures alone."""
        return []
