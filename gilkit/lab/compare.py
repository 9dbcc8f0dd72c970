"""``gilkit compare``: run a workload or the user's own function under every strategy, and advise which to choose.

Each strategy has its own worker process, which stays up. The strategies take turns, round after round, so a disturbance
hits neighbours alike. A comparison is an experiment like the others, whose verdict is advice.

The claim: none. The question is which strategy makes the work fastest, and why.

The method: run the same inputs under every strategy and compare the results with those of the plain loop. Work that is
too short to time is repeated; work that is too long is cut to its first inputs, at least one per core.

The rule: choose the strategy with the smallest median time, unless a simpler one is not shown to be slower (the interval
of the ratio over the rounds contains 1). The table lists simpler strategies first. Threads or gilkit.map that are at
least 1.2 times as fast as the plain loop on a build with a GIL show that the function releases it.
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

SHORTEST = 0.05  # seconds; a shorter plain loop is repeated
LONGEST = 5.0  # seconds; a longer one is cut
FREES_THE_GIL = 1.2
MAX_CALLS = 100_000  # limit for repeating short calls: handing one to a thread takes many times as long as the call
SHORT_CALL = 20e-6  # seconds, about the cost of handing a call to another thread
IN_NUMPY = 0.3  # part of the time in NumPy's functions above which `gilkit run` is suggested
LONG_START = 0.2  # seconds
TRIAL = 600.0  # seconds allowed for the first call
NOTICE_AFTER = 2.0  # seconds of trying the function before a notice says so
PREFIX = "compare "


def suits(strategy: Strategy, work: Workload | None) -> bool:
    """Whether the strategy can run the workload here; None means the user's own function."""
    if work is None and not strategy.any_function:
        return False
    return strategy.obstacle(work or workloads.get("spin")) is None


class Comparison(Experiment):
    """A comparison of strategies. ``target`` is a workload's name or a function as ``path/to/file.py:name``."""

    title: ClassVar[str] = "Comparison"
    claim: ClassVar[str] = "Which strategy makes it fastest, and why?"
    rounds: ClassVar[int] = 7  # with 5, a single disturbed round would decide the interval
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
        # A strategy may take ten times as long as the plain loop before it counts as hung.
        self.grace = 60.0 + 10 * planned(self.facts, os.cpu_count() or 1)  # type: ignore[misc]

    def announcement(self, setting: Setting) -> str:
        each = planned(self.facts, setting.threads)
        if each < LONGEST * 2:
            return ""
        taken = min(self.facts["inputs"], setting.threads)
        whole = each * len(self.cases(setting))  # as if no strategy were faster than the plain loop
        return (
            f"A call takes {duration(self.facts['each'])}. Each strategy will compute {taken} of "
            f"{plural(self.facts['inputs'], 'input')}, which takes up to {whole / 60:.0f} minutes in total. Ctrl-C stops "
            "the run and keeps what was measured. Inputs that take a second or less give the same answer sooner."
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
    """Return how many inputs to take and how often, for a run of between SHORTEST and LONGEST seconds.

    There is at least one input per thread, or there would be nothing to distribute.
    """
    if not facts:
        return {}
    each, count = max(1e-9, facts["each"]), facts["inputs"]
    total = each * count
    if total > LONGEST:
        return {"take": min(count, max(threads, int(LONGEST / each))), "repeat": 1}
    return {"take": None, "repeat": max(1, min(MAX_CALLS // count, round(SHORTEST / total)))}


def planned(facts: dict[str, Any], threads: int) -> float:
    """Return the seconds that the plain loop will take for what fit() chooses, or 0 if unknown."""
    if not facts:
        return 0.0
    chosen = fit(facts, threads)
    taken: float = facts["each"] * (chosen["take"] or facts["inputs"]) * chosen["repeat"]
    return taken


def examine(function: str, make: str | None) -> dict[str, Any]:
    """Load the function in a worker process and try it. Raise LabError with the reason if it cannot run at all."""
    for spec in filter(None, (function, make)):
        path, _, name = spec.rpartition(":")
        if not path.endswith(".py") or not name:
            raise LabError(f"{spec!r} does not name a function; the form is path/to/file.py:function")
        if not os.path.isfile(path):
            raise LabError(f"{spec!r}: there is no file {path!r}")
    start, noticed = time.monotonic(), False

    def notice() -> None:
        nonlocal noticed
        if not noticed and time.monotonic() - start > NOTICE_AFTER:
            print(f"{function}: trying it on the first input …", file=sys.stderr, flush=True)
            noticed = True

    with Worker(interpreters.running()) as worker:
        try:
            facts: dict[str, Any] = worker.call(
                "compare:inspect", {"function": function, "make": make}, timeout=TRIAL, tick=notice
            )
        except TaskError as error:
            if "no answer within" in str(error):
                raise LabError(
                    f"{function} cannot be compared: one call takes more than {TRIAL:g} s, or it hangs. Compare a "
                    "smaller piece of the work."
                ) from None
            _, unusable, reason = str(error).partition("custom.Unusable: ")
            if unusable:
                raise LabError(f"{function} cannot be compared: {reason}") from None
            where = "\n".join(error.traceback.strip().splitlines()[-6:])
            raise LabError(f"{function} cannot be compared: {error}\n{where}".rstrip()) from None
    return facts


def build(target: str, make: str | None) -> Comparison:
    """Return the comparison of a workload or a function; raise LabError if it does not exist."""
    if ":" not in target:
        if make:
            raise LabError(f"--inputs needs a function of yours, but {target!r} is one of the lab's workloads")
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
    """Return the choice and the reasons for it."""
    base = find(rows, "serial")
    measured = [row for row in rows if row.measured]
    if base is None or len(measured) < 2:
        return Verdict(Outcome.OPEN, " ".join(["Too little was measured to tell.", *failures(rows)]))
    sentences = []
    if custom:
        sentences += wrong_results(base, measured)
        measured = [row for row in measured if same(base, row)]
    fastest = min(measured, key=lambda row: row["wall"])
    choice = next(row for row in measured if row is fastest or not slower(row, fastest))
    sentences.append(f"The plain loop takes {duration(base['wall'])}{of_what(base, facts)}.")
    if facts and facts["each"] < SHORT_CALL:
        sentences.append("Calls this short cannot show whether the function holds the GIL.")
    else:
        sentences += gil(rows, base, setting, custom) + without_gil(rows, base)
    sentences.append("Nothing is shown to be faster than the plain loop." if choice is base else gain_of(choice, base))
    ties = [row.label for row in measured if row not in (choice, base) and not slower(row, fastest)]
    if ties and choice is not base:
        sentences.append(f"{listed(ties)} {'is' if len(ties) == 1 else 'are'} not shown to differ from {choice.label}.")
    sentences += dominates(base, measured, facts, setting)
    started = one_off(measured)
    if started is not choice and started is not None:
        total = started["wall"] + (started.get("startup") or 0.0)
        sentences.append(
            f"For a single run including start-up, {started.label} is fastest ({duration(total)} in total)."
        )
    sentences += numpy_part(facts)
    return Verdict(Outcome.CHOICE, " ".join(sentences + failures(rows)), choice.label)


def numpy_part(facts: dict[str, Any]) -> list[str]:
    """Suggest ``gilkit run`` where a good part of the time is in NumPy's functions."""
    part = facts.get("numpy_part") or 0.0
    if part < IN_NUMPY:
        return []
    return [
        f"About {100 * part:.0f} % of a call's time is in functions of NumPy, which gilkit can run on all cores: measure "
        "your program with gilkit run --compare."
    ]


def failures(rows: Sequence[Row]) -> list[str]:
    """Say which strategies could not run and why, grouped by reason."""
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
    return text + (f" (of {facts['inputs']})" if count < facts["inputs"] else "")


def gain_of(choice: Row, base: Row) -> str:
    found = ratio(base, choice, "wall")
    spread = f"{digits(found.interval.low)} to {digits(found.interval.high)}" if found.pairs > 1 else "a single round"
    return f"{choice.label} is {digits(found.middle)} times as fast ({spread})."


def slower(row: Row, fastest: Row) -> bool:
    found = ratio(row, fastest, "wall")
    return (found.shown and found.middle > 1) or (found.pairs < 3 and found.middle > 1.1)


def same(base: Row, row: Row) -> bool:
    if base.samples[0].get("inputs") != row.samples[0].get("inputs"):
        return True  # nothing to compare
    known, mine = base.samples[0].get("digest"), row.samples[0].get("digest")
    # Another version of Python may pickle equal objects differently.
    return known is None or mine is None or known == mine or row.interpreter != base.interpreter


def wrong_results(base: Row, rows: Sequence[Row]) -> list[str]:
    found = []
    if len({sample.get("digest") for sample in base.samples}) > 1:
        found.append(
            "Even the plain loop gives different results each time: it depends on chance or changes its inputs."
        )
        return found
    inputs = base.samples[0].get("inputs")
    if any(row.samples[0].get("inputs") != inputs and row.interpreter == base.interpreter for row in rows):
        found.append("The inputs differ from process to process (chance? time?), so the results could not be compared.")
    wrong = [row.label for row in rows if not same(base, row)]
    if wrong:
        found.append(
            f"{listed(wrong)} gave other results than the plain loop (global state that is not shared, or a lost "
            "update) and cannot be used."
        )
    return found


def gil(rows: Sequence[Row], base: Row, setting: Setting, custom: bool) -> list[str]:
    """Say whether the work holds the GIL, from the speed of Python's threads and of gilkit.map."""
    threads = find(rows, "threads")
    if threads is None or setting.usable < 2 or not base.interpreter.gil:
        return []
    best = min([threads, *select(rows, "gilkit.map")], key=lambda row: row["wall"])
    gain, best_gain = times(base, threads, "wall"), times(base, best, "wall")
    work = "The function" if custom else "The work"
    if best_gain >= FREES_THE_GIL:
        part = min(1.0, (1 - 1 / best_gain) / (1 - 1 / setting.usable))
        how = f"gilkit.map is {best_gain:.2f} times as fast, Python threads" if best is not threads else "threads are"
        return [f"{work} releases the GIL for about {100 * part:.0f} % of its time: {how} {gain:.2f} times as fast."]
    if noisy([base, threads]):
        return [f"{work} may or may not hold the GIL: other programs used the cores, so run it again."]
    what = "The function holds the GIL" if custom else "Pure Python holds the GIL"
    return [f"{what}: {plural(threads.threads, 'thread')} take {1 / gain:.2f} times as long as the plain loop."]


def without_gil(rows: Sequence[Row], base: Row) -> list[str]:
    """Compare a free-threaded build's threads with the plain loop; a single thread of that build is slower."""
    free = find(rows, "free-threaded")
    if free is None:
        return []
    gain = times(base, free, "wall")
    what = (
        f"are {gain:.2f} times as fast as the plain loop"
        if gain >= 1
        else f"take {1 / gain:.2f} times as long as the plain loop"
    )
    return [f"On the free-threaded build {plural(free.threads, 'thread')} {what}."]


def dominates(base: Row, rows: Sequence[Row], facts: dict[str, Any], setting: Setting) -> list[str]:
    """Say what the strategies spend time on besides the work."""
    found = []
    if facts and facts["inputs"] < setting.usable:
        found.append(f"With {plural(facts['inputs'], 'input')} there is not enough to distribute over the cores.")
    found += processes(base, [row for row in rows if row.strategy.startswith("pool-")], facts)
    if facts and facts["each"] < SHORT_CALL:
        found.append(
            f"A call takes {duration(facts['each'])}. Below about 20 µs, handing out calls one by one costs more than "
            "the calls themselves; hand out batches, or vectorise."
        )
    slow = [row for row in rows if (row.get("startup") or 0.0) > max(LONG_START, row["wall"])]
    if slow:
        words = listed([f"{row.label} {duration(row['startup'])}" for row in slow])
        found.append(f"Start-up takes longer than the work itself ({words}), but is paid only once.")
    return found


def processes(base: Row, pools: Sequence[Row], facts: dict[str, Any]) -> list[str]:
    """Say how much more time pools take than the plain loop divided by their processes, and why."""
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
                f"Processes must move {size(round(volume))} of inputs and results; pickling alone takes "
                f"{duration(pickling)}, which dominates their time."
            ]
    if spare <= 0.3 * ideal:
        return []
    volume = best.get("moved") or 0.0
    what = f" ({size(round(volume))})" if volume else ""
    return [f"Processes lose {duration(spare)} to handing out work and collecting results{what}."]


def one_off(rows: Sequence[Row]) -> Row | None:
    known = [row for row in rows if row.get("startup") is not None]
    return min(known, key=lambda row: row["wall"] + row["startup"], default=None)


def explain(error: str | None) -> str:
    """Return a worker's error with its cause in plain words."""
    text = error or "unknown"
    if any(word in text for word in ("PicklingError", "cannot pickle", "an't pickle", "Can't get")):
        return (
            f"{text} (processes accept only what can be pickled, such as functions and classes at a module's top level)"
        )
    if any(word in text for word in ("NotShareableError", "InterpreterError", "does not support loading in subinterp")):
        return f"{text} (a sub-interpreter accepts only what can be pickled and what it can import itself)"
    if "ModuleNotFoundError" in text:
        return f"{text} (it is not installed for that interpreter)"
    if "no answer within" in text:
        return f"{text} (it hangs, or there are too many inputs)"
    return text


def against(new: Sequence[Row], old: Sequence[Row]) -> list[str]:
    """Say what has changed since an older run.

    The two runs did not take turns, so only their speed-ups over the plain loop are compared, and a difference is
    reported only if the intervals do not overlap.
    """
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
