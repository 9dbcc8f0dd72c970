"""Do Python threads leave cores idle, and does native code fill them?

The claim, as tutorials put it: start as many Python threads as there are cores, each running ``while True: x = x ^
1``, and on 4 cores they use 160 % CPU; 100 threads use about 170 %. The same loop in C fills every core: 400 % on 4
cores, 800 % on 8.

The method: run that loop in 1 thread, in one thread per core, in two threads per core and in 100 threads; in a process
pool; and in C, as ``gilkit.spin``. Every case runs in its own worker process, on the running interpreter, on every
free-threaded interpreter found and on every interpreter given with ``--python``; the cases take turns for several
rounds. CPU seconds and context switches come from the operating system. The loops are counted too, because CPU % alone
misleads: time that threads spend fighting over the GIL counts as CPU time.

The rule: the threads of an interpreter *leave cores idle* when the best of their multi-threaded cases uses less than
90 % of the cores' CPU time. They *waste them* when it uses at least 110 % of one core but does at most 1.1 times the
loops of one thread. They *fill the cores* when it uses at least 90 % of all cores and does at least 1.5 times the loops
of one thread. The native loop fills the cores when it uses at least 95 %. The claim holds when the native loop fills
the cores and the threads of every interpreter leave them idle or waste them. It holds only for interpreters with a GIL
when the threads of the others fill the cores. It does not hold when the threads of an interpreter with a GIL fill the
cores, or when the native loop does not. It is not decided with one core, without the native figure, when the native
loop falls short while other programs or the host use more than 15 % of a core, or when an interpreter was not measured
or is neither idle nor full. Each case is judged by the round in which other programs used the least CPU time.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..charts import Bar, Bars, Chart
from ..experiment import CPU, SWITCHES, Case, Column, Experiment, Outcome, Row, Sample, Setting, Verdict
from ..figures import NOISY_PERCENT, interpreters_of, select
from ..interpreters import Interpreter
from ..stats import bootstrap, compare
from ..text import listed

FULL = 0.90
NATIVE_FULL = 0.95
OVER_ONE_CORE = 110.0
NO_MORE_WORK = 1.1
MORE_WORK = 1.5


class CpuPercent(Experiment):
    name = "cpu-percent"
    title = "CPU % of a busy loop"
    claim = "Python threads leave cores idle (160 % of 400 %); the same loop in C fills every core."
    why = "A GIL lets one thread at a time run Python code; C code that releases it runs on every core."
    seconds = 1.5
    rounds = 3
    old_pythons = True

    def cases(self, setting: Setting) -> list[Case]:
        cases = []
        running = setting.interpreters[0]
        for interpreter in setting.interpreters:
            for count in sorted({1, setting.threads, 2 * setting.threads, 100}):
                label = f"{count} Python thread" + ("s" if count > 1 else "")
                cases.append(Case(label, "loops:threads", interpreter, {"count": count}, "threads", count))
            cases.append(
                Case(
                    f"Pool of {setting.threads} process" + ("es" if setting.threads > 1 else ""),
                    "loops:processes",
                    interpreter,
                    {"count": setting.threads},
                    "pool",
                    setting.threads,
                )
            )
            if interpreter == running:
                for count in sorted({1, setting.threads}):
                    label = f"gilkit.spin, {count} thread" + ("s" if count > 1 else "")
                    cases.append(Case(label, "loops:native", interpreter, {"count": count}, "gilkit", count))
        return cases

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        possible = 100 * setting.usable

        def cpu(row: Row, _: Sequence[Row]) -> str:
            return f"{row['cpu_percent']:.0f} %"

        def share(row: Row, _: Sequence[Row]) -> str:
            return f"{100 * row['cpu_percent'] / possible:.0f} %"

        def work(row: Row, rows: Sequence[Row]) -> str:
            base = one_thread(rows, row.interpreter)
            return f"{speedup(row, base):.2f}×" if base else "–"

        def split(row: Row, _: Sequence[Row]) -> str:
            # Per second of wall time, so that rows of different length can be compared.
            return f"{row['user'] / row['wall']:.2f} / {row['system'] / row['wall']:.2f}"

        def switches(row: Row, _: Sequence[Row]) -> str:
            if row.get("voluntary") is None:
                return "–"
            return f"{(row['voluntary'] + row['involuntary']) / row['wall']:,.0f}"

        return [
            Column("CPU %", cpu, CPU),
            Column(f"of {possible} %", share, "part of what the cores can give"),
            Column("work against 1", work, "loops a second divided by those of one thread"),
            Column("user / system a second", split, "CPU seconds in programs and in the kernel"),
            Column("switches/s", switches, SWITCHES),
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        return judge(rows, setting.usable)

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        cpu, work = [], []
        for row in sorted(select(rows), key=lambda row: row.strategy == "gilkit"):  # native code last
            used = bootstrap(row.values("cpu_percent"))
            group = "Native threads" if row.strategy == "gilkit" else f"Python {row.interpreter.label}"
            if row.strategy != "gilkit":
                group += f" ({row.interpreter.gil_state})"
            cpu.append(Bar(row.label, used.middle, used.low, used.high, group))
            base = one_thread(rows, row.interpreter)
            if base and row.strategy != "gilkit":
                ratio = compare(rates(row), rates(base)).interval
                work.append(Bar(row.label, ratio.middle, ratio.low, ratio.high, group))
        cores = setting.usable
        return [
            Bars("CPU time used", "%", cpu, 100.0 * cores, "all cores"),
            Bars("Loops relative to one Python thread of the same interpreter", "×", work, float(cores), "ideal"),
        ]


def rates(row: Row) -> list[float]:
    """Return the loops per second of each round."""
    return [sample["loops"] / sample["wall"] for sample in row.samples]


def one_thread(rows: Sequence[Row], interpreter: Interpreter) -> Row | None:
    """Return the row of one Python thread on ``interpreter``, or None if it was not measured."""
    for row in rows:
        if row.strategy == "threads" and row.threads == 1 and row.interpreter == interpreter and row.measured:
            return row
    return None


def speedup(row: Row, base: Row) -> float:
    return compare(rates(row), rates(base)).middle


def quietest(row: Row) -> Sample:
    """Return the round that other programs disturbed least."""
    return min(row.samples, key=lambda sample: sample.get("others_percent", 0.0))


def used(row: Row) -> float:
    """Return the CPU % of the quietest round."""
    percent: float = quietest(row)["cpu_percent"]
    return percent


def judge(rows: Sequence[Row], cores: int) -> Verdict:
    """Apply the rule of this file's docstring."""
    possible = 100.0 * cores
    natives = [row for row in rows if row.strategy == "gilkit" and row.threads > 1 and row.measured]
    native = max(natives, key=used, default=None)
    sentences: list[str] = []
    idle: list[Interpreter] = []
    full: list[Interpreter] = []
    unclear: list[Interpreter] = []
    for interpreter in interpreters_of([row for row in rows if row.strategy == "threads"]):
        base = one_thread(rows, interpreter)
        many = [
            row
            for row in rows
            if row.strategy == "threads" and row.threads > 1 and row.interpreter == interpreter and row.measured
        ]
        if base is None or not many:
            unclear.append(interpreter)
            continue
        busiest = max(many, key=used)
        best = max(many, key=lambda row: speedup(row, base))
        percent, gain = used(busiest), speedup(best, base)
        name = f"Python {interpreter.label}"
        if percent >= FULL * possible and gain >= MORE_WORK:
            full.append(interpreter)
            sentences.append(
                f"{name} threads fill the cores: {percent:.0f} % CPU and {gain:.2f} times the loops of one thread."
            )
        elif percent >= OVER_ONE_CORE and gain <= NO_MORE_WORK:
            idle.append(interpreter)
            done = speedup(busiest, base)
            system = 100 * busiest["system"] / busiest["cpu"] if busiest["cpu"] else 0.0
            sentences.append(
                f"{name} threads use up to {percent:.0f} % CPU but waste it: they do {done:.2f} times the loops of "
                f"one thread and spend {system:.0f} % of their CPU time in the kernel."
            )
        elif percent < FULL * possible:
            idle.append(interpreter)
            sentences.append(
                f"{name} threads leave cores idle: they use at most {percent:.0f} % CPU of {possible:.0f} % and do "
                f"{gain:.2f} times the loops of one thread."
            )
        else:
            unclear.append(interpreter)
            sentences.append(
                f"{name} threads use {percent:.0f} % CPU and do {gain:.2f} times the loops of one thread, which is "
                "neither idle nor full."
            )
    if native:
        sentences.append(f"The same loop in C (gilkit.spin) uses {used(native):.0f} % of {possible:.0f} %.")
    origin = (
        "The tutorials' 160 % comes from CPython before 3.2, whose threads fought over the GIL; since 3.2 all threads "
        "together use about 100 %."
    )

    if cores < 2:
        return Verdict(Outcome.OPEN, "This needs at least two cores, and only one is available.")
    if not native or not (idle or full):
        return Verdict(Outcome.OPEN, " ".join(["Too little was measured to tell.", *sentences]))
    text = " ".join(sentences)
    if used(native) < NATIVE_FULL * possible:
        round_ = quietest(native)
        others = round_.get("others_percent", 0.0) + round_.get("steal_percent", 0.0)
        if others > NOISY_PERCENT:
            return Verdict(
                Outcome.OPEN, f"{text} But other programs or the host used {others:.0f} % of a core: run it again."
            )
        return Verdict(Outcome.FAILS, f"{text} So native code did not fill the cores here.")
    with_gil = [each for each in full if each.gil]
    if with_gil:
        return Verdict(Outcome.FAILS, text)
    if unclear and not (full and idle):
        names = listed([f"Python {each.label}" for each in unclear])
        return Verdict(Outcome.OPEN, text, scope=f"for {names}")
    if full and not idle:
        return Verdict(Outcome.FAILS, text)
    if full:
        return Verdict(Outcome.PARTLY, f"{text} {origin}", scope="interpreters with a GIL")
    return Verdict(Outcome.HOLDS, f"{text} {origin}")
