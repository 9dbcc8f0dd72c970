"""One process of many coroutines, or several of fewer.

The claim: on several cores, n workers of c coroutines do more than one worker of n × c.

The method: as many processes as cores (at most 8) run 16 asyncio coroutines each, and one process runs all of them. Each
coroutine serves requests of 10 ms, one after another. A request waits (asyncio.sleep, as for a network) and computes in
Python for 0, 10 or 50 % of the 10 ms.

The rule: each kind of request holds when n workers serve at least 1.1 times as many requests as one worker with all
coroutines, and the interval of the ratio of the same rounds lies above 1; a failure while other programs use the cores
is left undecided. On one core nothing is decided.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..charts import Bar, Bars, Chart
from ..experiment import Case, Check, Column, Experiment, Row, Setting, Verdict, combine
from ..figures import find, ratio, select, times, unless_noisy
from ..stats import bootstrap
from ..text import duration, plural

COROUTINES = 16
LENGTH = 0.010
SHARES = (0.0, 0.1, 0.5)
MOST = 8
GAIN = 1.1


def named(share: float) -> str:
    return f"requests that compute {100 * share:.0f} % of the time" if share else "requests that only wait"


class CoroutineWorkers(Experiment):
    name = "coroutine-workers"
    title = "Workers of coroutines"
    claim = "On several cores, n workers of c coroutines serve more requests than one worker of n × c."
    why = "The coroutines of one process share one core; waiting takes no core, and computing does."
    seconds = 1.2
    rounds = 3

    def cases(self, setting: Setting) -> list[Case]:
        here = setting.interpreters[0]
        workers = max(2, min(MOST, setting.threads))
        cases = []
        for share in SHARES:
            for count, each in ((1, workers * COROUTINES), (workers, COROUTINES)):
                cases.append(
                    Case(
                        f"{plural(count, 'worker')} of {each} coroutines, {100 * share:.0f} % computed",
                        "coroutines:serve",
                        here,
                        {"workers": count, "coroutines": each, "length": LENGTH, "share": share},
                        "one" if count == 1 else "several",
                        count,
                    )
                )
        return cases

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        def against(row: Row, rows: Sequence[Row]) -> str:
            base = find(rows, "one", share=row.arguments["share"])
            return f"{times(row, base, 'rate'):.2f}×" if base else "–"

        return [
            Column("requests/s", lambda row, _: f"{row['rate']:,.0f}", "answered, median"),
            Column("against one worker", against, "requests divided by those of one worker"),
            Column("a request takes", lambda row, _: duration(row["request"]), "median time of one"),
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        return combine([gains(rows, share, setting.usable) for share in SHARES])

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        bars = []
        for row in select(rows):
            interval = bootstrap(row.values("rate"))
            words = f"{plural(row.threads, 'worker')} of {row.arguments['coroutines']}"
            bars.append(Bar(words, interval.middle, interval.low, interval.high, named(row.arguments["share"])))
        return [Bars("Requests per second", "requests/s", bars)]


def gains(rows: Sequence[Row], share: float, cores: int) -> Check:
    name = named(share)
    one, several = find(rows, "one", share=share), find(rows, "several", share=share)
    if one is None or several is None or cores < 2:
        return Check(name, None)
    found = ratio(several, one, "rate")
    check = Check(
        name,
        found.middle >= GAIN and found.interval.low > 1,
        f"Of {name}, {several.threads} workers of {several.arguments['coroutines']} coroutines serve "
        f"{several['rate']:,.0f} per second, {found.middle:.2f} times as many as one worker of "
        f"{one.arguments['coroutines']}.",
    )
    return unless_noisy(check, [one, several])
