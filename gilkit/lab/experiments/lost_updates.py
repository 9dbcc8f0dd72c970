"""Updates that threads lose for one another.

The claim: two threads doing ``balance += n; balance -= n`` 100,000 times (n = 5 and 8) end at a balance other than 0;
with a lock around the change it is always 0.

The method: that code, without and with the lock, on every interpreter, Python 2.7 included; and the counters of
gilkit.sync from native threads, which race on every build. Wrong ends, updates lost, time for an update.

The rule, for each interpreter: *updates are lost* when at least one end without the lock was wrong. *The lock helps*
when no end with it was, on any interpreter. The claim holds for the interpreters that lose updates, if the lock helps.
Since CPython 3.10 the GIL is only given away at loop ends and calls, and the change has neither: no loss is then chance
no longer, but no promise either.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..charts import Bar, Bars, Chart
from ..costs import CostExperiment
from ..experiment import Case, Check, Column, Row, Setting, Verdict, weigh
from ..figures import among, find, interpreters_of
from ..interpreters import Interpreter
from ..text import duration, plural

COUNTERS = ("RacyCounter", "LockedCounter", "AtomicCounter", "ShardedCounter")


class LostUpdates(CostExperiment):
    name = "lost-updates"
    title = "Lost updates"
    claim = "Two threads that change a balance end at a wrong one; with a lock it is always right."
    why = "Reading, adding and writing back are three steps: what another thread wrote in between is lost."
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
        for kind in COUNTERS:
            arguments = {"kind": kind, "threads": max(2, setting.threads)}
            label = f"{kind}, {max(2, setting.threads)} native threads"
            cases.append(
                Case(label, "counting:native", setting.interpreters[0], arguments, kind, max(2, setting.threads))
            )
        return cases

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        def wrong(row: Row, _: Sequence[Row]) -> str:
            if row.values("runs"):
                return f"{sum(row.values('wrong')):.0f} of {plural(int(sum(row.values('runs'))), 'end')}"
            return f"{100 * sum(row.values('lost')) / sum(row.values('count')):.1f} % of updates"

        return [Column("wrong", wrong), *super().columns(rows, setting)]

    def group_of(self, row: Row) -> str:
        return "Native threads" if row.strategy in COUNTERS else super().group_of(row)

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        checks = [loses(rows, each) for each in interpreters_of(rows)]
        verdict = weigh(checks)
        locked = among(rows, "lock")
        wrong = sum(value for row in locked for value in row.values("wrong"))
        runs = sum(value for row in locked for value in row.values("runs"))
        if wrong:
            failed = Check("", False, f"Under a lock {wrong:.0f} of {runs:.0f} ends were wrong.")
            return weigh([failed])
        lock = f"Under a lock none of {runs:.0f} ends was wrong." if runs else ""
        text = " ".join(filter(None, [verdict.text, why_none(rows), lock, native(rows)]))
        return Verdict(verdict.outcome, text, verdict.scope)

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        shares = []
        for row in among(rows, "no lock"):
            share = 100 * sum(row.values("wrong")) / sum(row.values("runs"))
            shares.append(Bar(f"Python {row.interpreter.label}", share))
        for kind in COUNTERS:
            counter = find(rows, kind)
            if counter:
                lost = 100 * sum(counter.values("lost")) / sum(counter.values("count"))
                shares.append(Bar(f"{kind} (updates lost)", lost))
        return [Bars("Wrong ends without a lock", "%", shares, 100.0), *super().charts(rows, setting)]


def loses(rows: Sequence[Row], interpreter: Interpreter) -> Check:
    row = find(rows, "no lock", interpreter=interpreter)
    name = f"Python {interpreter.label}"
    if row is None:
        return Check(name, None)
    wrong, runs = sum(row.values("wrong")), sum(row.values("runs"))
    return Check(name, wrong > 0, f"On {name}, {wrong:.0f} of {runs:.0f} ends without a lock were wrong.")


def why_none(rows: Sequence[Row]) -> str:
    for row in among(rows, "no lock"):
        here = row.interpreter
        if here.gil and here.version_info >= (3, 10) and not any(row.values("wrong")):
            return (
                "Since CPython 3.10 a thread gives the GIL away only at the end of a loop's round and at calls, of which "
                "the change has none inside: that is chance, and no promise."
            )
    return ""


def native(rows: Sequence[Row]) -> str:
    """What native threads lose, and what each counter costs."""
    racy = find(rows, "RacyCounter")
    if racy is None:
        return ""
    lost = 100 * sum(racy.values("lost")) / sum(racy.values("count"))
    safe = [row for kind in COUNTERS[1:] for row in among(rows, kind)]
    right = all(not any(row.values("lost")) for row in safe)
    words = ", ".join(f"{row.strategy} {duration(row['each'])}" for row in safe)
    return (
        f"Native threads lose {lost:.0f} % of a RacyCounter's updates on any build, and "
        f"{'none' if right else 'some'} of the others' (an update: {words})."
    )
