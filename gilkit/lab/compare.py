"""``gilkit compare``: one workload, or a reader's own function, under every strategy, and which one to choose.

Each strategy has a worker process to itself, which stays up; all take turns, round after round, so that what disturbs
one disturbs its neighbours. It is an experiment like the others, whose verdict is advice.

The claim: none; the question is which strategy makes the work quickest, and why.

The method: the same inputs under every strategy, the results compared with the plain loop's. Work that is too short to
time is repeated, work that is too long is cut to its first inputs, one for each core at least.

The rule: the choice is the strategy with the least median time, unless a simpler one is not shown to be slower (the
interval of the ratio over the rounds holds 1); simpler is the order of the table. Threads, or gilkit.map, that are at
least 1.2 times as quick as the plain loop on a build with a GIL show that the function releases it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import Any, ClassVar

from . import interpreters, strategies, workloads
from .charts import Bar, Bars, Chart
from .errors import LabError
from .experiment import Case, Column, Experiment, Outcome, Row, Setting, Verdict
from .figures import find, noisy, ratio, select, times
from .stats import bootstrap
from .strategy import Strategy
from .text import amount, digits, duration, durations, factor, listed, plural, size
from .workers import TaskError, Worker
from .workload import Workload

SHORTEST = 0.05  # seconds: a plain loop shorter than this is repeated
LONGEST = 5.0  # seconds: one longer than this is cut
FREES_THE_GIL = 1.2
MOST_CALLS = 100_000  # that short ones are repeated to: handing each to a thread takes many times as long as they do
SHORT_CALL = 20e-6  # seconds, about what handing a call to another thread costs
LONG_START = 0.2  # seconds
TRIAL = 600.0  # seconds that a first call may take
PATIENCE = 2.0  # seconds after which the reader is told what is going on
PREFIX = "compare "


def suits(strategy: Strategy, work: Workload | None) -> bool:
    """Whether the strategy can be used for that workload here; None stands for a function of the reader's."""
    if work is None and not strategy.any_function:
        return False
    return strategy.obstacle(work or workloads.get("spin")) is None


class Comparison(Experiment):
    """``target`` is a workload's name, or a function as ``path/to/file.py:name``."""

    title: ClassVar[str] = "Comparison"
    claim: ClassVar[str] = "Which strategy makes it quickest, and why?"
    rounds: ClassVar[int] = 7  # with 5, one that was disturbed would decide the interval
    budget: ClassVar[float | None] = 60.0
    asks: ClassVar[bool] = True
    names_interpreters: ClassVar[bool] = True

    def __init__(self, target: str, make: str | None = None, facts: dict[str, Any] | None = None) -> None:
        self.target, self.make = target, make
        self.facts = facts or {}
        self.title = f"Comparison: {target}"  # type: ignore[misc]
        self.name = PREFIX + target  # type: ignore[misc]
        self.workload = "custom" if ":" in target else target
        self.unit = "calls" if self.workload == "custom" else workloads.get(target).unit
        # The plain loop's time, ten times over: a strategy may be that much slower before it counts as hanging.
        self.grace = 60.0 + 10 * planned(self.facts, os.cpu_count() or 1)  # type: ignore[misc]

    def announcement(self, setting: Setting) -> str:
        each = planned(self.facts, setting.threads)
        if each < LONGEST * 2:
            return ""
        taken = min(self.facts["inputs"], setting.threads)
        whole = each * len(self.cases(setting))  # those that share nothing out take as long as the plain loop
        return (
            f"A call takes {duration(self.facts['each'])}. Of {plural(self.facts['inputs'], 'input')} "
            f"{taken} will be computed by each strategy, which takes up to {whole / 60:.0f} minutes in all; Ctrl-C keeps "
            "what was measured until then. Inputs that take a second or less give the same answer sooner."
        )

    def cases(self, setting: Setting) -> list[Case]:
        here = setting.interpreters[0]
        if self.workload == "custom":
            work, units = None, None
            sized: dict[str, Any] = {"function": self.target, "make": self.make, **fit(self.facts, setting.threads)}
        else:
            work = workloads.get(self.workload)
            sized, units = work.size, work.amount
        cases = []
        for strategy in strategies.every():
            if not suits(strategy, work):
                continue
            threads = setting.threads if strategy.parallel else 1
            arguments = {"workload": self.workload, "size": sized, "threads": threads, "amount": units}
            if strategy.name == "free-threaded":
                free = [each for each in setting.interpreters if not each.gil and not each.running]
                for each in free[:1]:
                    label = f"{strategy.label} ({each.label})"
                    cases.append(Case(label, "compare:portable", each, arguments, strategy.name, threads, timed=False))
                continue
            arguments["strategy"] = strategy.name
            cases.append(Case(strategy.label, "compare:once", here, arguments, strategy.name, threads, timed=False))
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
            Column("wall", lambda row, _: duration(row["wall"])),
            Column("speed-up", faster),
            Column("CPU %", lambda row, _: f"{row['cpu_percent']:.0f} %" if row.get("cpu_percent") else "–"),
            Column("memory", lambda row, _: size(row["memory"]) if row.get("memory") else "–"),
            Column("start-up", lambda row, _: duration(row["startup"]) if row.get("startup") else "–"),
            Column("moved", lambda row, _: size(row["moved"]) if row.get("moved") is not None else "–"),
            Column("interval", spread),
            Column(f"{self.unit}/CPU s", work),
            Column("switches", switches),
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


def fit(facts: dict[str, Any], threads: int) -> dict[str, Any]:
    """How many inputs to take, and how often, so that a run takes between SHORTEST and LONGEST seconds; one for each
    thread at least, or there would be nothing to share out."""
    if not facts:
        return {}
    each, count = max(1e-9, facts["each"]), facts["inputs"]
    total = each * count
    if total > LONGEST:
        return {"take": min(count, max(threads, int(LONGEST / each))), "repeat": 1}
    return {"take": None, "repeat": max(1, min(MOST_CALLS // count, round(SHORTEST / total)))}


def planned(facts: dict[str, Any], threads: int) -> float:
    """Seconds that the plain loop will take for what fit() chooses, as far as known."""
    if not facts:
        return 0.0
    chosen = fit(facts, threads)
    taken: float = facts["each"] * (chosen["take"] or facts["inputs"]) * chosen["repeat"]
    return taken


def examine(function: str, make: str | None) -> dict[str, Any]:
    """Loads the function in a worker process and tries it. LabError, with the reason, when it cannot be run at all."""
    for spec in filter(None, (function, make)):
        path, _, name = spec.rpartition(":")
        if not path.endswith(".py") or not name:
            raise LabError(f"{spec!r} names no function: it is to have the form path/to/file.py:function")
        if not os.path.isfile(path):
            raise LabError(f"{spec!r}: there is no file {path!r}")
    start, told = time.monotonic(), False

    def tell() -> None:
        nonlocal told
        if not told and time.monotonic() - start > PATIENCE:
            print(f"{function}: trying it on the first input …", file=sys.stderr, flush=True)
            told = True

    with Worker(interpreters.running()) as worker:
        try:
            facts: dict[str, Any] = worker.call(
                "compare:inspect", {"function": function, "make": make}, timeout=TRIAL, tick=tell
            )
        except TaskError as error:
            if "no answer within" in str(error):
                raise LabError(
                    f"{function} cannot be compared: one call takes more than {TRIAL:g} s, or it hangs. Compare a "
                    "shorter piece of the work."
                ) from None
            _, unusable, reason = str(error).partition("custom.Unusable: ")
            if unusable:
                raise LabError(f"{function} cannot be compared: {reason}") from None
            where = "\n".join(error.traceback.strip().splitlines()[-6:])
            raise LabError(f"{function} cannot be compared: {error}\n{where}".rstrip()) from None
    return facts


def build(target: str, make: str | None) -> Comparison:
    """The comparison of a workload or a function; LabError when there is no such thing."""
    if ":" not in target:
        if make:
            raise LabError(f"--inputs is for a function of yours, and {target!r} is one of the lab's workloads")
        workloads.get(target)
        return Comparison(target)
    target, make = absolute(target), absolute(make) if make else None
    return Comparison(target, make, examine(target, make))


def absolute(spec: str) -> str:
    path, colon, name = spec.rpartition(":")
    try:
        return f"{os.path.abspath(path)}{colon}{name}" if colon else spec
    except OSError as error:  # the current folder is gone
        raise LabError(f"{spec!r} cannot be found: {error.strerror}") from None


# ---- Advice


def advise(rows: Sequence[Row], setting: Setting, facts: dict[str, Any], custom: bool) -> Verdict:
    """The choice, and what stands behind it."""
    base = find(rows, "serial")
    measured = [row for row in rows if row.measured]
    if base is None or len(measured) < 2:
        return Verdict(Outcome.OPEN, " ".join(["Too little was measured to tell.", *failures(rows)]))
    sentences = []
    if custom:
        sentences += wrong_results(base, measured)
        measured = [row for row in measured if same(base, row)]
    quickest = min(measured, key=lambda row: row["wall"])
    choice = next(row for row in measured if row is quickest or not slower(row, quickest))
    sentences.append(f"The plain loop takes {duration(base['wall'])}{of_what(base, facts)}.")
    if facts and facts["each"] < SHORT_CALL:
        sentences.append("Whether it holds the GIL cannot be told from calls this short.")
    else:
        sentences += gil(rows, base, setting, custom) + without_gil(rows, base)
    sentences.append("Nothing is shown to be quicker than it." if choice is base else quicker(choice, base))
    ties = [row.label for row in measured if row not in (choice, base) and not slower(row, quickest)]
    if ties and choice is not base:
        sentences.append(f"{listed(ties)} {'is' if len(ties) == 1 else 'are'} not shown to differ from it.")
    sentences += dominates(base, measured, facts, setting)
    started = one_off(measured)
    if started is not choice and started is not None:
        total = started["wall"] + (started.get("startup") or 0.0)
        sentences.append(f"For a single run, with start-up, {started.label} comes first ({duration(total)} in all).")
    return Verdict(Outcome.CHOICE, " ".join(sentences + failures(rows)), choice.label)


def failures(rows: Sequence[Row]) -> list[str]:
    """Which strategies could not run and why, those with the same reason together."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.error:
            reasons.setdefault(explain(row.error), []).append(row.label)
    return [f"{listed(labels)} could not run: {reason}." for reason, labels in reasons.items()]


def of_what(base: Row, facts: dict[str, Any]) -> str:
    if not facts:
        return ""
    count = base.get("count") or facts["inputs"]
    text = f" for {plural(int(count), 'call')}"
    return text + (f", of the {facts['inputs']} that there are" if count < facts["inputs"] else "")


def quicker(choice: Row, base: Row) -> str:
    found = ratio(base, choice, "wall")
    spread = f"{digits(found.interval.low)} to {digits(found.interval.high)}" if found.pairs > 1 else "a single round"
    return f"{choice.label}: {digits(found.middle)} times as quick ({spread})."


def slower(row: Row, quickest: Row) -> bool:
    found = ratio(row, quickest, "wall")
    return (found.shown and found.middle > 1) or (found.pairs < 3 and found.middle > 1.1)


def same(base: Row, row: Row) -> bool:
    if base.samples[0].get("inputs") != row.samples[0].get("inputs"):
        return True  # nothing to compare
    known, mine = base.samples[0].get("digest"), row.samples[0].get("digest")
    # Another version of Python may pickle equal objects in another way.
    return known is None or mine is None or known == mine or row.interpreter != base.interpreter


def wrong_results(base: Row, rows: Sequence[Row]) -> list[str]:
    found = []
    if len({sample.get("digest") for sample in base.samples}) > 1:
        found.append("Even the plain loop gives other results each time: it depends on chance or changes its inputs.")
        return found
    inputs = base.samples[0].get("inputs")
    if any(row.samples[0].get("inputs") != inputs and row.interpreter == base.interpreter for row in rows):
        found.append("The inputs differ from process to process (chance? time?), so the results could not be compared.")
    wrong = [row.label for row in rows if not same(base, row)]
    if wrong:
        found.append(
            f"{listed(wrong)} gave other results than the plain loop (global state that is not shared, or an update "
            "that was lost) and are out of the question."
        )
    return found


def gil(rows: Sequence[Row], base: Row, setting: Setting, custom: bool) -> list[str]:
    """Whether the function holds the GIL, as its threads tell: Python's, or gilkit's, which cost less to hand work to."""
    threads = find(rows, "threads")
    if threads is None or setting.usable < 2 or not base.interpreter.gil:
        return []
    best = min([threads, *select(rows, "gilkit.map")], key=lambda row: row["wall"])
    gain, best_gain = times(base, threads, "wall"), times(base, best, "wall")
    if best_gain >= FREES_THE_GIL:
        part = min(1.0, (1 - 1 / best_gain) / (1 - 1 / setting.usable))
        how = f"in gilkit.map {best_gain:.2f} times, in Python's threads" if best is not threads else "threads do it"
        return [f"It releases the GIL for about {100 * part:.0f} % of its time: {how} {gain:.2f} times as quickly."]
    if noisy([base, threads]):
        return ["Whether it holds the GIL cannot be told while other programs use the cores: run it again."]
    what = "It holds the GIL" if custom else "Pure Python holds the GIL"
    return [f"{what}: {plural(threads.threads, 'thread')} take {1 / gain:.2f} times as long as the plain loop."]


def without_gil(rows: Sequence[Row], base: Row) -> list[str]:
    """What a free-threaded build's threads make of it, whose single thread is the slower one."""
    free = find(rows, "free-threaded")
    if free is None:
        return []
    gain = times(base, free, "wall")
    what = (
        f"are {gain:.2f} times as quick as the plain loop" if gain >= 1 else f"take {1 / gain:.2f} times as long as it"
    )
    return [f"On the free-threaded build {plural(free.threads, 'thread')} {what}."]


def dominates(base: Row, rows: Sequence[Row], facts: dict[str, Any], setting: Setting) -> list[str]:
    """What the strategies' time goes to besides the work."""
    found = []
    if facts and facts["inputs"] < setting.usable:
        found.append(f"With {plural(facts['inputs'], 'input')} there is nothing to share out among the cores.")
    found += processes(base, [row for row in rows if row.strategy.startswith("pool-")], facts)
    if facts and facts["each"] < SHORT_CALL:
        found.append(
            f"A call takes {duration(facts['each'])}: below some 20 µs handing calls out one by one costs more than "
            "the calls; hand out batches, or vectorise."
        )
    slow = [row for row in rows if (row.get("startup") or 0.0) > max(LONG_START, row["wall"])]
    if slow:
        words = listed([f"{row.label} {duration(row['startup'])}" for row in slow])
        found.append(f"Getting ready takes longer than the work itself: {words}; that is paid once.")
    return found


def processes(base: Row, pools: Sequence[Row], facts: dict[str, Any]) -> list[str]:
    """What pools lose, against the plain loop divided by their processes, and to what."""
    if not pools:
        return []
    best = min(pools, key=lambda row: row["wall"])
    ideal = base["wall"] / best.threads
    spare = best["wall"] - ideal
    moved = [facts[key] for key in ("pickle_inputs", "pickle_results") if key in facts]
    if moved and facts.get("tried"):
        share = facts["inputs"] / facts["tried"]
        volume = sum(each[0] for each in moved) * share
        pickling = sum(each[1] for each in moved) * share
        if pickling > 0.2 * ideal:
            return [
                f"Processes must move {size(round(volume))} of inputs and results, and pickling alone takes "
                f"{duration(pickling)}: that is what they spend their time on."
            ]
    if spare <= 0.3 * ideal:
        return []
    volume = best.get("moved") or 0.0
    what = f", {size(round(volume))} of them" if volume else ""
    return [f"Processes lose {duration(spare)} to handing out work and collecting results{what}."]


def one_off(rows: Sequence[Row]) -> Row | None:
    known = [row for row in rows if row.get("startup") is not None]
    return min(known, key=lambda row: row["wall"] + row["startup"], default=None)


def explain(error: str | None) -> str:
    """A worker's error in terms of what the reader can do about it."""
    text = error or "unknown"
    if any(word in text for word in ("PicklingError", "cannot pickle", "an't pickle", "Can't get")):
        return f"{text} (processes can only be given what pickles: functions and classes at a module's top level)"
    if any(word in text for word in ("NotShareableError", "InterpreterError", "does not support loading in subinterp")):
        return f"{text} (a sub-interpreter can only be given what pickles, and what it can import for itself)"
    if "ModuleNotFoundError" in text:
        return f"{text} (it is not installed for that interpreter)"
    if "no answer within" in text:
        return f"{text} (it hangs, or the inputs are too many)"
    return text


def against(new: Sequence[Row], old: Sequence[Row]) -> list[str]:
    """What has changed since an older run. The runs took no turns, so only the speed-ups over the plain loop of each
    are compared, and only where the intervals do not meet."""
    found = []
    bases = find(new, "serial"), find(old, "serial")
    for row in new:
        before = find(old, row.strategy)
        if not (row.measured and before and bases[0] and bases[1]) or row.strategy == "serial":
            continue
        now, then = ratio(bases[0], row, "wall").interval, ratio(bases[1], before, "wall").interval
        if now.low > then.high or now.high < then.low:
            word = "faster" if now.middle > then.middle else "slower"
            found.append(f"{row.label}: {word}, speed-up {then.middle:.2f}× then, {now.middle:.2f}× now")
        else:
            found.append(f"{row.label}: no difference shown ({then.middle:.2f}× then, {now.middle:.2f}× now)")
    return found
