"""Updates that threads overwrite for each other.

The claim: two threads doing ``balance += n; balance -= n`` 100,000 times (n = 5 and 8) end at a balance other than 0;
with a lock around the change it is always 0.

The method: run that code with and without the lock on every interpreter, Python 2.7 included. Run the counters of
gilkit.sync from Python threads on the lab's own interpreter, and from 1, 2, 4, ... native threads, which race on every
build. Record the expected and the actual result, the wrong results, the lost updates and the time per update.

The rule, for each interpreter: *updates are lost* when at least one run without the lock ended wrong. *The lock helps*
when no run with it ended wrong on any interpreter; otherwise the claim does not hold. If it helps, the claim holds when
an interpreter loses updates. It never fails because none was lost, for no number of lucky runs shows that code is safe:
it was *not observed here, and is still unsafe*. Since CPython 3.10 a thread releases the GIL only at loop ends and
calls, and the update contains neither, so it loses nothing there; that is an implementation detail, not a guarantee.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..charts import Bar, Bars, Chart, Line, Lines, Point
from ..costs import CostExperiment
from ..experiment import Case, Check, Column, Outcome, Row, Setting, Verdict
from ..figures import find, interpreters_of, select
from ..interpreters import Interpreter
from ..text import duration, listed, plural

PYTHON = "Python: "  # prefix of the strategies in which Python threads use a counter
COUNTERS = ("RacyCounter", "LockedCounter", "AtomicCounter", "ShardedCounter")


class LostUpdates(CostExperiment):
    name = "lost-updates"
    title = "Lost updates"
    claim = "Two threads that update a balance leave it wrong; with a lock it is always right."
    why = "Reading, adding and writing back are three steps; a value that another thread writes in between is lost."
    thing = "an update"
    base = "no lock"
    seconds = 1.2
    old_pythons = True

    def cases(self, setting: Setting) -> list[Case]:
        cases = []
        for interpreter in setting.interpreters:
            for locked in (False, True):
                label = f"2 Python threads, {'a' if locked else 'no'} lock"
                strategy = "lock" if locked else "no lock"
                cases.append(Case(label, "counting:account", interpreter, {"locked": locked}, strategy, 2))
        here = setting.interpreters[0]
        for kind in COUNTERS:
            arguments = {"kind": kind, "threads": 2}
            cases.append(Case(f"{kind}, 2 Python threads", "counting:python", here, arguments, PYTHON + kind, 2))
        for kind in COUNTERS:
            for threads in powers(max(2, setting.threads)):
                label = f"{kind}, {plural(threads, 'native thread')}"
                arguments = {"kind": kind, "threads": threads}
                cases.append(Case(label, "counting:native", here, arguments, kind, threads))
        return cases

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        def expected(row: Row, _: Sequence[Row]) -> str:
            return "0" if row.values("runs") else f"{sum(row.values('count')):,.0f}"

        def found(row: Row, _: Sequence[Row]) -> str:
            if row.values("runs"):
                return f"{max(row.values('balance'), key=abs):.0f}"
            return f"{sum(row.values('count')) - sum(row.values('lost')):,.0f}"

        def wrong(row: Row, _: Sequence[Row]) -> str:
            if row.values("runs"):
                return f"{sum(row.values('wrong')):.0f} of {plural(int(sum(row.values('runs'))), 'run')}"
            return f"{100 * sum(row.values('lost')) / sum(row.values('count')):.1f} % of updates"

        ends = [
            Column("expected", expected, "the value if no update is lost"),
            Column("found", found, "the value at the end; of several runs, the one farthest from 0"),
            Column("wrong", wrong, "runs that ended wrong, or updates lost, in all rounds"),
        ]
        return [*ends, *super().columns(rows, setting)]

    def group_of(self, row: Row) -> str:
        if row.strategy in COUNTERS:
            return "Native threads"
        return "gilkit's counters" if row.strategy.startswith(PYTHON) else super().group_of(row)

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        checks = [loses(rows, each) for each in interpreters_of(rows)]
        locked = select(rows, "lock")
        wrong = sum(value for row in locked for value in row.values("wrong"))
        runs = sum(value for row in locked for value in row.values("runs"))
        if wrong:
            return Verdict(Outcome.FAILS, f"With a lock, {wrong:.0f} of {runs:.0f} runs ended wrong.")
        lock = f"With a lock, none of {runs:.0f} runs ended wrong." if runs else ""
        verdict = weigh(checks)
        text = " ".join(filter(None, [verdict.text, why_none(rows), lock, native(rows)]))
        return Verdict(verdict.outcome, text, verdict.scope)

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        shares = []
        for row in select(rows, "no lock"):
            share = 100 * sum(row.values("wrong")) / sum(row.values("runs"))
            shares.append(Bar(f"Python {row.interpreter.label}", share))
        for kind in COUNTERS:
            counter = most_threads(rows, kind)
            if counter:
                lost = 100 * sum(counter.values("lost")) / sum(counter.values("count"))
                shares.append(Bar(f"{kind} (updates lost)", lost))
        scaling = []
        for kind in COUNTERS:
            counts = sorted(select(rows, kind), key=lambda row: row.threads)
            if counts:
                scaling.append(Line(kind, [Point(row.threads, 1e-6 / row["each"]) for row in counts]))
        charts: list[Chart] = [Bars("Runs without a lock that ended wrong", "%", shares, 100.0)]
        if scaling:
            charts.append(
                Lines("Native threads updating a counter", "threads", "million updates per second", scaling, True, True)
            )
        return [*charts, *super().charts(rows, setting)]


def weigh(checks: Sequence[Check]) -> Verdict:
    """Return the verdict on a hazard, which is refuted nowhere."""
    text = " ".join(check.text for check in checks if check.text)
    lost = [check.name for check in checks if check.holds]
    lucky = [check.name for check in checks if check.holds is False]
    open_ = [check.name for check in checks if check.holds is None]
    if open_ or not checks:
        known = f"for {listed(open_)}" if lost or lucky else ""
        return Verdict(Outcome.OPEN, text or "Too little was measured to tell.", known)
    if not lost:
        return Verdict(Outcome.UNSEEN, text)
    more = f", and was not observed on {listed(lucky)}, where the code is still unsafe" if lucky else ""
    return Verdict(Outcome.HOLDS, text, f"on {listed(lost)}{more}" if lucky else "")


def powers(largest: int) -> list[int]:
    """Return 1, 2, 4, ... and ``largest``."""
    return sorted({largest, *(1 << power for power in range(largest.bit_length()))})


def most_threads(rows: Sequence[Row], kind: str) -> Row | None:
    """Return the row of a counter with the most native threads."""
    return max(select(rows, kind), key=lambda row: row.threads, default=None)


def loses(rows: Sequence[Row], interpreter: Interpreter) -> Check:
    row = find(rows, "no lock", interpreter=interpreter)
    name = f"Python {interpreter.label}"
    if row is None:
        return Check(name, None)
    wrong, runs = sum(row.values("wrong")), sum(row.values("runs"))
    return Check(name, wrong > 0, f"On {name}, {wrong:.0f} of {runs:.0f} runs without a lock ended wrong.")


def why_none(rows: Sequence[Row]) -> str:
    for row in select(rows, "no lock"):
        here = row.interpreter
        if here.gil and here.version_info >= (3, 10) and not any(row.values("wrong")):
            return (
                "Since CPython 3.10 a thread releases the GIL only at loop ends and calls, and the update contains "
                "neither; that is an implementation detail, not a guarantee."
            )
    return ""


def native(rows: Sequence[Row]) -> str:
    """Say which share native threads lose, and what each counter costs."""
    racy = most_threads(rows, "RacyCounter")
    if racy is None:
        return ""
    lost = 100 * sum(racy.values("lost")) / sum(racy.values("count"))
    safe = [row for kind in COUNTERS[1:] if (row := most_threads(rows, kind))]
    right = all(not any(row.values("lost")) for row in safe)
    words = ", ".join(f"{row.strategy} {duration(row['each'])}" for row in safe)
    return (
        f"Native threads lose {lost:.0f} % of a RacyCounter's updates on any build, and "
        f"{'none' if right else 'some'} of the other counters' (time per update: {words})."
    )
