"""``gilkit compare``: run a workload or the user's own function under every strategy, and advise which to choose.

Each strategy has its own worker process, which stays up. The strategies take turns, round after round, so a disturbance
hits neighbours alike. A comparison is an experiment like the others, whose verdict is advice.

The claim: none. The question is which strategy makes the work fastest, and why.

The method: run the same inputs under every strategy and compare the results with those of the plain loop, floats with a
tolerance. Work that is too short to time is repeated; work that is too long is cut to its first inputs, at least one per
core. A function that uses several cores by itself is also run with its libraries limited to one thread. The time that a
pool spends on moving data is measured with functions that do nothing.

The rule: choose the simplest strategy that is not shown to be slower than the fastest one; the table lists simpler
strategies first. Nothing is decided while another one may be 1.2 times as fast as the choice, or while other programs
disturb the figures. gilkit/lab/advice.py states the rule in full.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from . import interpreters, strategies, workloads
from .advice import INSIDE, LIMITED, advise, against
from .charts import Bar, Bars, Chart
from .errors import LabError
from .experiment import CPU, INTERVAL, SWITCHES, Case, Column, Experiment, Row, Setting, Verdict
from .figures import find, ratio
from .interpreters import Interpreter
from .stats import bootstrap
from .strategy import Strategy
from .text import amount, duration, durations, factor, from_here, plural, relative, size
from .workers import TaskError, Worker
from .workload import Workload

__all__ = ["Comparison", "advise", "against", "build"]

SHORTEST = 0.05  # seconds; a shorter plain loop is repeated
LONGEST = 5.0  # seconds; a longer one is cut
LONGEST_MOVE = 0.2  # seconds of pickling in a round beyond which short calls are not repeated
MAX_CALLS = 20_000  # limit for repeating short calls: handing one to a thread takes many times as long as the call
TRIAL = 600.0  # seconds allowed for the first call
NOTICE_AFTER = 2.0  # seconds of trying the function before a notice says so
PATCHABLE = 0.05  # part of the time in NumPy's functions from which patching them is tried
PREFIX = "compare "
# The strategies that also run with libraries limited to one thread, if the function uses several cores by itself.
TO_LIMIT = ("serial", "threads", "pool-spawn", "gilkit.map")


def suits(strategy: Strategy, work: Workload | None, facts: dict[str, Any]) -> bool:
    """Whether the strategy can run the workload here; None means the user's own function, of which ``facts`` are known."""
    if work is None and strategy.for_coroutines:
        return bool(facts.get("async"))
    if work is None and strategy.for_numpy:
        part = facts.get("numpy_part")
        return part >= PATCHABLE if part is not None else facts.get("numpy", False) and "numpy_part" not in facts
    if work is None and not strategy.any_function:
        return False
    return strategy.obstacle(work or workloads.get("spin")) is None


class Comparison(Experiment):
    """A comparison of strategies.

    ``target`` is a workload's name, or a function as ``path/to/file.py:name`` or ``package.module:name``. ``seconds`` is
    the time to measure each strategy, over all rounds together; without it, each round does the work once.
    """

    title: ClassVar[str] = "Comparison"
    claim: ClassVar[str] = "Which strategy makes it fastest, and why?"
    rounds: ClassVar[int] = 7  # with 5, a single disturbed round would decide the interval
    budget: ClassVar[float | None] = 60.0
    asks: ClassVar[bool] = True
    names_interpreters: ClassVar[bool] = True

    def __init__(
        self,
        target: str,
        make: str | None = None,
        facts: dict[str, Any] | None = None,
        seconds: float | None = None,
        rounds: int | None = None,
    ) -> None:
        self.target, self.make = target, make
        self.facts = facts or {}
        self.title = f"Comparison: {relative(target)}"  # type: ignore[misc]
        self.name = PREFIX + target  # type: ignore[misc]
        self.workload = "custom" if ":" in target else target
        self.unit = "calls" if self.workload == "custom" else workloads.get(target).unit
        self.timed = seconds is not None
        if rounds is not None:
            self.rounds = rounds  # type: ignore[misc]
        if seconds is not None:
            self.seconds = seconds  # type: ignore[misc]
        if seconds is not None or rounds is not None:
            self.budget = None  # type: ignore[misc]
        self.each_round = seconds / self.rounds if seconds is not None else None
        # A strategy may take ten times as long as the plain loop before it counts as hung.
        self.grace = 60.0 + 10 * self.planned(os.cpu_count() or 1)  # type: ignore[misc]
        self.folder: str | None = None  # of the plain loop's results, for the workers of the others

    @property
    def command(self) -> str:
        return f"gilkit compare {relative(self.target)}"

    def planned(self, threads: int) -> float:
        return planned(self.facts, threads, self.each_round)

    def announcement(self, setting: Setting) -> str:
        each = self.planned(setting.threads)
        if each < LONGEST * 2:
            return ""
        taken = fit(self.facts, setting.threads, self.each_round)["take"] or self.facts["inputs"]
        # As if no strategy were faster than the plain loop.
        whole = each * len(self.cases(setting)) * (1 if self.budget else self.rounds)
        return (
            f"A call takes {duration(self.facts['each'])}. Each strategy will compute {taken} of "
            f"{plural(self.facts['inputs'], 'input')}, which takes up to {whole / 60:.0f} minutes in total. Ctrl-C stops "
            "the run and keeps what was measured. Inputs that take a second or less give the same answer sooner."
        )

    def cases(self, setting: Setting) -> list[Case]:
        here = setting.interpreters[0]
        work, units, passing = None, None, {}
        if self.workload == "custom":
            sized = {"function": self.target, "make": self.make, **fit(self.facts, setting.threads, self.each_round)}
            if self.folder:
                passing = {"kept": str(Path(self.folder) / "results")}
        else:
            work = workloads.get(self.workload)
            sized, units = work.size, work.amount

        def case(strategy: Strategy, interpreter: Interpreter | None = None, limited: bool = False) -> Case:
            threads = setting.threads if strategy.parallel else 1
            arguments = {"workload": self.workload, "size": sized, "threads": threads, "amount": units}
            label, name, task = strategy.label, strategy.name, "compare:once"
            if interpreter:
                label, task = f"{label} ({interpreter.label})", "compare:portable"
            else:
                arguments["strategy"] = name
            if limited:
                label, name = f"{label} (limits at 1)", name + LIMITED
                arguments["limited"] = True
            return Case(label, task, interpreter or here, arguments, name, threads, self.timed, passing)

        inside = self.facts.get("cores", 0.0) >= INSIDE and setting.usable > 1
        cases = []
        for strategy in strategies.every():
            if not suits(strategy, work, self.facts):
                continue
            if strategy.name == "free-threaded":
                free = [each for each in setting.interpreters if not each.gil and not each.running]
                cases += [case(strategy, each) for each in free[:1]]
                continue
            cases.append(case(strategy))
            if inside and strategy.name in TO_LIMIT:
                cases.append(case(strategy, limited=True))
        return cases

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        def faster(row: Row, rows: Sequence[Row]) -> str:
            base = find(rows, "serial")
            if base is None:
                return "–"
            found = ratio(base, row, "wall")
            return ("" if found.shown or row is base else "≈ ") + factor(found.middle)

        def spread(row: Row, _: Sequence[Row]) -> str:
            interval = bootstrap(row.values("wall"))
            return durations(interval.low, interval.high)

        def work(row: Row, _: Sequence[Row]) -> str:
            return amount(row["count"] / row["cpu"]) if row.get("count") and row.get("cpu") else "–"

        def switches(row: Row, _: Sequence[Row]) -> str:
            return f"{row['voluntary'] + row['involuntary']:,.0f}" if row.get("voluntary") is not None else "–"

        return [
            Column("wall", lambda row, _: duration(row["wall"]), "median time of the work"),
            Column("speed-up", faster, "over the plain loop in the same round, median; ≈ if no difference is shown"),
            Column("CPU %", lambda row, _: f"{row['cpu_percent']:.0f} %" if row.get("cpu_percent") else "–", CPU),
            Column(
                "memory",
                lambda row, _: size(row["memory"]) if row.get("memory") else "–",
                "of all processes, shared pages counted once",
            ),
            Column(
                "start-up",
                lambda row, _: duration(row["startup"]) if row.get("startup") else "–",
                "time to start the threads or processes, once",
            ),
            Column(
                "moved",
                lambda row, _: size(row["moved"]) if row.get("moved") is not None else "–",
                "to other processes and interpreters and back",
            ),
            Column("interval", spread, INTERVAL),
            Column(f"{self.unit}/CPU s", work, "work done for each CPU second"),
            Column("switches", switches, f"{SWITCHES}, for each time the work is done"),
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        return advise(rows, setting, self.facts, self.workload == "custom")

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        base = find(rows, "serial")
        bars = []
        for row in rows:
            if base and row.measured:
                found = ratio(base, row, "wall").interval
                bars.append(Bar(row.label, found.middle, found.low, found.high))
        log = bool(bars) and max(bar.value for bar in bars) > 30
        return [Bars("Speed-up over the plain loop", "×", bars, float(setting.usable), "cores", log=log)]


def fit(facts: dict[str, Any], threads: int, each_round: float | None = None) -> dict[str, Any]:
    """Return how many inputs to take and how often, for a run of between SHORTEST and LONGEST seconds.

    ``each_round`` is the time that each round is to take, if the user gave one. There is at least one input per thread,
    or there would be nothing to distribute.
    """
    if not facts:
        return {}
    shortest, longest = (SHORTEST, LONGEST) if each_round is None else (min(SHORTEST, each_round), each_round)
    each, count = max(1e-9, facts["each"]), facts["inputs"]
    total = each * count
    pickled = sum(facts[key][1] for key in ("pickle_inputs", "pickle_results") if key in facts)
    pickling = pickled * count / facts.get("tried", count)  # of all inputs
    if total > longest:
        return {"take": min(count, max(threads, int(longest / each))), "repeat": 1}
    most = min(MAX_CALLS / count, LONGEST_MOVE / max(1e-9, pickling))
    return {"take": None, "repeat": max(1, int(min(most, round(shortest / total))))}


def planned(facts: dict[str, Any], threads: int, each_round: float | None = None) -> float:
    """Return the seconds that the plain loop will take for what fit() chooses, or 0 if unknown."""
    if not facts:
        return 0.0
    chosen = fit(facts, threads, each_round)
    taken: float = facts["each"] * (chosen["take"] or facts["inputs"]) * chosen["repeat"]
    return max(taken, each_round or 0.0)


def examine(function: str, make: str | None) -> dict[str, Any]:
    """Load the function in a worker process and try it. Raise LabError with the reason if it cannot run at all."""
    start, noticed, name = time.monotonic(), False, relative(function)

    def notice() -> None:
        nonlocal noticed
        if not noticed and time.monotonic() - start > NOTICE_AFTER:
            print(f"{name}: trying it on the first input …", file=sys.stderr, flush=True)
            noticed = True

    with Worker(interpreters.running()) as worker:
        try:
            facts: dict[str, Any] = worker.call(
                "compare:inspect", {"function": function, "make": make}, timeout=TRIAL, tick=notice
            )
        except TaskError as error:
            if "no answer within" in str(error):
                raise LabError(
                    f"{name} cannot be compared: one call takes more than {TRIAL:g} s, or it hangs. Compare a "
                    "smaller piece of the work."
                ) from None
            _, unusable, reason = str(error).partition("custom.Unusable: ")
            if unusable:
                raise LabError(f"{name} cannot be compared: {from_here(reason)}") from None
            where = "\n".join(error.traceback.strip().splitlines()[-6:])
            raise LabError(f"{name} cannot be compared: {error}\n{where}".rstrip()) from None
    if "raised" in facts:
        raise LabError(f"{name} cannot be compared: {facts['raised']}\n{facts['traceback']}".rstrip())
    return facts


def build(
    target: str,
    make: str | None = None,
    seconds: float | None = None,
    rounds: int | None = None,
    module: bool = False,
) -> Comparison:
    """Return the comparison of a workload or a function; raise LabError if it does not exist.

    ``module`` says that the target is ``package.module:function`` whatever it looks like.
    """
    if ":" not in target and not module:
        if make:
            raise LabError(f"--inputs needs a function of yours, but {target!r} is one of the lab's workloads")
        if target.endswith(".py") or "/" in target:
            raise LabError(f"{target!r} does not say which function to compare; the form is {target}:function")
        workloads.get(target)
        return Comparison(target, seconds=seconds, rounds=rounds)
    if make and ":" not in make:
        make = f"{target.rpartition(':')[0]}:{make}"  # in the same file
    target, make = whole(target, module), whole(make, module) if make else None
    return Comparison(target, make, examine(target, make), seconds, rounds)


def whole(spec: str, module: bool = False) -> str:
    """Return the name of a function with the absolute path of its file. Raise LabError if it cannot name a function."""
    where, _, name = spec.rpartition(":")
    is_file = where.endswith(".py") and not module
    if not name or not (is_file or all(part.isidentifier() for part in where.split("."))):
        form = "package.module:function" if module else "path/to/file.py:function or package.module:function"
        raise LabError(f"{spec!r} does not name a function; the form is {form}")
    if not is_file:
        return spec
    if not os.path.isfile(where):
        raise LabError(f"{spec!r}: there is no file {where!r}")
    try:
        return f"{os.path.abspath(where)}:{name}"
    except OSError as error:  # the current folder is gone
        raise LabError(f"{spec!r} cannot be found: {error.strerror}") from None
