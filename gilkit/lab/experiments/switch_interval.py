"""When a thread releases the GIL.

The claim: a thread releases the GIL every 100 bytecodes.

The method: a thread sleeps 2 ms at a time and records how late each sleep ends: with no other thread, next to a thread
that computes in pure Python, the same with the switch interval set to 0.5 ms, and, on the running interpreter, next to
a thread in a gilkit kernel. This runs on every interpreter found or given, Python 2.7 included.

The rule, for each interpreter with a GIL: the wait is the median lateness next to a Python thread less the median
lateness alone. A wait of at most 1 ms, the time of some thousand bytecodes, shows a release *every 100 bytecodes*; a
wait of 2.5 to 20 ms shows one *every 5 ms*, which is the rule since Python 3.2: on request, after the switch interval.
Without a GIL there is nothing to wait for. The claim holds when every interpreter with a GIL releases it every 100
bytecodes. It is *half true* when one releases it every 5 ms instead, since the claim was true before Python 3.2. Where
neither explains the wait, the claim does not hold, or is not decided if other programs used the cores.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..charts import Bar, Bars, Chart
from ..experiment import Case, Check, Column, Experiment, Outcome, Row, Setting, Verdict, combine
from ..figures import find, interpreters_of, select, unless_noisy
from ..interpreters import Interpreter
from ..stats import bootstrap
from ..text import duration, listed

SHORT = 0.0005
BYTECODES = 0.001
INTERVAL = (0.0025, 0.020)


class SwitchInterval(Experiment):
    name = "switch-interval"
    title = "Waiting for the GIL"
    claim = "A thread releases the GIL every 100 bytecodes."
    why = "A waking thread needs the GIL, and the computing thread releases it only now and then."
    seconds = 0.9
    rounds = 3
    old_pythons = True

    def cases(self, setting: Setting) -> list[Case]:
        cases = []
        for each in setting.interpreters:
            cases.append(Case("alone", "latency:waking", each, {"neighbour": "nothing"}, "nothing"))
            cases.append(Case("next to a Python thread", "latency:waking", each, {"neighbour": "python"}, "python"))
            if each.gil and each.version_info >= (3, 2):
                arguments = {"neighbour": "python", "interval": SHORT}
                label = f"the same, switch interval {duration(SHORT)}"
                cases.append(Case(label, "latency:waking", each, arguments, "short"))
            if each.running:
                cases.append(Case("next to a gilkit kernel", "latency:waking", each, {"neighbour": "gilkit"}, "gilkit"))
        return cases

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        return [
            Column("late by (median)", lambda row, _: duration(max(0.0, row["late"])), "how late a sleep of 2 ms ends"),
            Column(
                "95 % within",
                lambda row, _: duration(max(0.0, row["late_95"])),
                "95 % of the sleeps end at most this late",
            ),
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        with_gil = [each for each in interpreters_of(rows) if each.gil]
        verdict = weigh(rows, with_gil)
        if rows and not with_gil:
            verdict = Verdict(Outcome.OPEN, "No interpreter with a GIL was measured: name one with --python.")
        rest = [freed(rows, each) for each in interpreters_of(rows) if not each.gil]
        rest.append(kernel(rows))
        return Verdict(verdict.outcome, " ".join(filter(None, [verdict.text, *rest])), verdict.scope)

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        bars = []
        for row in rows:
            if row.measured:
                interval = bootstrap([max(1e-7, value) for value in row.values("late")])
                label = f"Python {row.interpreter.label}"
                bars.append(Bar(row.label, interval.middle, interval.low, interval.high, label))
        return [Bars("How late a sleep of 2 ms ends", "s", bars, log=True)]


def wait(rows: Sequence[Row], interpreter: Interpreter, neighbour: str) -> float | None:
    """Return how much later a sleep ends next to a computing thread than alone."""
    alone = find(rows, "nothing", interpreter=interpreter)
    row = find(rows, neighbour, interpreter=interpreter)
    return max(0.0, row["late"] - alone["late"]) if row and alone else None


def weigh(rows: Sequence[Row], interpreters: Sequence[Interpreter]) -> Verdict:
    """Return the verdict, which is half true if a wait is the switch interval."""
    checks = [held(rows, each) for each in interpreters]
    waits = [wait(rows, each, "python") for each in interpreters]
    timed = [check.name for check, waited in zip(checks, waits, strict=True) if waited is not None and by_time(waited)]
    if not timed or any(check.holds is None for check in checks):
        return combine(checks)
    counted = [check.name for check in checks if check.holds]
    before = f"{listed(counted)} does so, but " if counted else ""
    verb = "releases" if len(timed) == 1 else "release"
    text = " ".join(check.text for check in checks)
    return Verdict(Outcome.HALF, text, f"{before}{listed(timed)} {verb} it every 5 ms, on request")


def by_time(waited: float) -> bool:
    return INTERVAL[0] <= waited <= INTERVAL[1]


def held(rows: Sequence[Row], interpreter: Interpreter) -> Check:
    waited = wait(rows, interpreter, "python")
    name = f"Python {interpreter.label}"
    if waited is None:
        return Check(name, None)
    text = f"On {name} a waking thread waits {duration(waited)} for the GIL"
    if waited <= BYTECODES:
        text += ", the time of a few hundred bytecodes."
    elif by_time(waited):
        text += ", about the switch interval of 5 ms."
    else:
        text += ", which neither rule explains."
        return unless_noisy(Check(name, False, text), select(rows, interpreter=interpreter))
    return Check(name, waited <= BYTECODES, text)


def freed(rows: Sequence[Row], interpreter: Interpreter) -> str:
    waited = wait(rows, interpreter, "python")
    if waited is None:
        return ""
    how = f"waits {duration(waited)}" if waited else "does not wait longer than alone"
    return f"Without the GIL, on Python {interpreter.label}, it {how}."


def kernel(rows: Sequence[Row]) -> str:
    for row in rows:
        waited = wait(rows, row.interpreter, "gilkit") if row.strategy == "gilkit" else None
        if waited is not None:
            how = f"it waits {duration(waited)}" if waited else "it does not wait longer than alone"
            return f"Next to a gilkit kernel, which does not hold the GIL, {how}."
    return ""
