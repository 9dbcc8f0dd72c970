"""The interface of experiments: cases to measure, a rule that turns the figures into a verdict, and charts.

An experiment is one file in ``gilkit/lab/experiments/`` with one subclass of Experiment. It defines what to measure and
how to judge; running, progress, statistics, tables and saved files are the same for all experiments.
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
    """One line of the table: a task for a worker process, and the interpreter that runs it.

    ``task`` names a function of the package gilkit_tasks as ``module:function``. It is called with ``arguments`` and, if
    ``timed``, with ``seconds``, the time to measure. It returns a dict of figures.
    """

    label: str
    task: str
    interpreter: Interpreter
    arguments: Mapping[str, Any] = field(default_factory=dict)
    strategy: str = ""
    threads: int = 1
    timed: bool = True
    passing: Mapping[str, Any] = field(default_factory=dict)  # arguments of this run only, which are not saved


@dataclass
class Row:
    """The measurements of a case: every raw sample, or the reason why there is none."""

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
        """Return the median of a figure over the rounds, or None if it was not measured."""
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
    HALF = "half true"  # the claim was true once, or is true elsewhere
    FAILS = "does not hold"
    UNSEEN = "not observed here, and still unsafe"  # of a hazard, which no number of lucky runs refutes
    OPEN = "not decided"
    CHOICE = "choose"  # the advice of a comparison, which judges no claim


@dataclass(frozen=True)
class Verdict:
    """An outcome, the parts of the claim that it is limited to, and the figures in a paragraph.

    The headline is often quoted alone, so it must not mislead without the paragraph.
    """

    outcome: Outcome
    text: str
    scope: str = ""

    @property
    def headline(self) -> str:
        colon = ":" if self.outcome is Outcome.HALF and self.scope else ""
        return f"{self.outcome.value}{colon} {self.scope}".strip()

    @property
    def said(self) -> str:
        """Return the words that complete "the claim …"."""
        if self.outcome is Outcome.UNSEEN:
            return "was not observed here, and the code is still unsafe"
        return f"is {self.headline}" if self.outcome in (Outcome.OPEN, Outcome.HALF) else self.headline


@dataclass(frozen=True)
class Check:
    """One part of a claim: whether it holds, or None if undecided, and the figures in a sentence.

    ``name`` completes "the claim holds only for …".
    """

    name: str
    holds: bool | None
    text: str = ""


def combine(checks: Sequence[Check]) -> Verdict:
    """Return the verdict on a claim of several parts.

    The claim holds if all parts hold, and fails if all fail. If some hold and some fail, it holds only for those that
    hold, whatever the undecided parts are. Otherwise an undecided part leaves the verdict open for that part.
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
    """A column of the table: its heading, the function from a row and all rows to the cell's text, and what it means."""

    heading: str
    show: Callable[[Row, Sequence[Row]], str]
    meaning: str = ""


# The meanings of columns that several tables have.
INTERVAL = "95 % confidence interval of the median over the rounds"
CPU = "CPU time for each second of wall time; 100 % is one full core"
SWITCHES = "context switches of all threads"


def legend(columns: Sequence[Column]) -> str:
    """Return the sentence that explains the columns, or an empty string."""
    parts = [f"{column.heading}: {column.meaning}" for column in columns if column.meaning]
    return "; ".join(parts) + "." if parts else ""


@dataclass(frozen=True)
class Setting:
    """The conditions of a run: the interpreters (the running one first), the cores, and the requested thread count."""

    interpreters: Sequence[Interpreter]
    cores: int
    threads: int

    @property
    def usable(self) -> int:
        """Return the number of cores that the threads can fill."""
        return min(self.cores, self.threads)


class Experiment(ABC):
    """The interface of an experiment. The docstring of its file states the claim, the method and the rule."""

    name: ClassVar[str]
    title: ClassVar[str]
    claim: ClassVar[str]
    why: ClassVar[str] = ""  # the mechanism behind the claim, independent of the figures
    seconds: ClassVar[float] = 1.0  # time to measure each case, over all rounds together
    rounds: ClassVar[int] = 3
    old_pythons: ClassVar[bool] = False  # whether the claim concerns Python 2
    grace: ClassVar[float] = 120.0  # extra seconds before a case counts as hung, for slow starts and a swapping machine
    budget: ClassVar[float | None] = None  # seconds after which no new round starts
    asks: ClassVar[bool] = False  # whether it asks a question instead of testing a claim
    names_interpreters: ClassVar[bool] = False  # whether the labels of its cases name the interpreter

    @property
    def command(self) -> str:
        """The command that runs it."""
        return f"gilkit experiment {self.name}"

    def obstacle(self) -> str | None:
        """Return why the experiment cannot run here, such as a missing library, or None."""
        return None

    def announcement(self, setting: Setting) -> str:
        """Return a notice to show before an unusually long run, or an empty string."""
        return ""

    @abstractmethod
    def cases(self, setting: Setting) -> list[Case]:
        """Return the cases. Every round measures each of them once, in this order."""

    @abstractmethod
    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        """Return the table's columns after the interpreter and the label, which every table has."""

    @abstractmethod
    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        """Return the verdict, from the figures alone."""

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        """Return the charts, from the figures alone."""
        return []
