"""The verdicts follow the rules in the experiments' files, for made-up figures on both sides of each limit."""

from __future__ import annotations

import pytest
from made_up import FREE, GIL, OLD, SETTING, judge, row

from gilkit.lab import drawing, experiments, figures
from gilkit.lab.charts import Lines
from gilkit.lab.experiment import Check, Outcome, Row, Setting, Verdict, combine


def test_combining_parts():
    kept, lost, open_ = Check("this", True, "A."), Check("that", False, "B."), Check("the rest", None, "C.")
    assert combine([kept, kept]).outcome is Outcome.HOLDS
    assert combine([kept, lost]).headline == "holds only for this"
    assert combine([lost]).outcome is Outcome.FAILS
    assert combine([open_]).outcome is Outcome.OPEN


def test_a_part_that_is_undecided_keeps_the_claim_open():
    kept, lost, open_ = Check("this", True, "A."), Check("that", False, "B."), Check("the rest", None, "C.")
    verdict = combine([kept, open_])
    assert verdict == Verdict(Outcome.OPEN, "It holds for this. A. C.", "for the rest")
    assert verdict.said == "is not decided for the rest"
    assert combine([lost, open_]) == Verdict(Outcome.OPEN, "It does not hold for that. B. C.", "for the rest")
    assert combine([kept, Check("nothing", None)]).headline == "not decided for nothing"
    # One part holds and one fails, which decides the outcome.
    assert combine([kept, lost, open_]) == Verdict(Outcome.PARTLY, "A. B. C. Not decided for the rest.", "this")
    assert combine([kept, kept]).said == "holds"
    assert combine([]).outcome is Outcome.OPEN


def test_a_busy_machine_refutes_nothing():
    rows = loops("gilkit", GIL, 149, 149)
    assert judge("oversubscription", rows).outcome is Outcome.FAILS
    for each in rows:
        for sample in each.samples:
            sample["others_percent"] = 40.0
    verdict = judge("oversubscription", rows)
    assert verdict.outcome is Outcome.OPEN
    assert "other programs used the cores" in verdict.text


@pytest.mark.parametrize("name", experiments.names())
def test_nothing_measured_decides_nothing(name):
    experiment = experiments.get(name)
    cases = experiment.cases(SETTING)
    assert cases
    rows = [Row(c.label, c.strategy, c.interpreter, c.threads, dict(c.arguments), error="it broke") for c in cases]
    for verdict in (experiment.judge(rows, SETTING), experiment.judge([], SETTING)):
        assert verdict.outcome is Outcome.OPEN
        assert verdict.text.startswith("Too little was measured to tell.")
    experiment.charts(rows, SETTING)  # no chart fails without figures
    experiment.columns(rows, SETTING)


def test_headlines_are_safe_to_quote_alone():
    """Whatever was measured, no headline says that a hazard does not exist."""
    hung = row("hang", 2, hung=0)
    for verdict in (judge("lost-updates", balances(0)), judge("deadlock", [hung])):
        for words in (verdict.headline, verdict.said):
            assert "unsafe" in words
            assert "does not hold" not in words
    assert Verdict(Outcome.HALF, "").said == "is half true"


@pytest.mark.parametrize("name", experiments.names())
def test_the_labels_of_the_cases_tell_them_apart(name):
    cases = experiments.get(name).cases(SETTING)
    assert len({(case.interpreter, case.label) for case in cases}) == len(cases)


@pytest.mark.parametrize("name", experiments.names())
def test_every_task_exists(name):
    import importlib

    for case in experiments.get(name).cases(SETTING):
        module, _, function = case.task.partition(":")
        task = getattr(importlib.import_module(f"gilkit.lab.worker.gilkit_tasks.{module}"), function)
        assert callable(task)


def test_all_of_them_take_a_few_minutes_as_planned():
    """The time of a run, without interpreter start-up and untimed cases."""
    planned = 0.0
    for name in experiments.names():
        experiment = experiments.get(name)
        planned += experiment.seconds * sum(case.timed for case in experiment.cases(SETTING))
    assert planned < 240  # of the eight minutes that all of them may take


@pytest.mark.parametrize("cores", [1, 2, 4, 64, 256])
def test_large_machines_are_not_flooded(cores):
    """The number of cluster workers and processes is bounded, and every process of a pool gets tasks."""
    setting = Setting([GIL], cores, cores)
    for case in experiments.get("distributed").cases(setting):
        assert 1 <= case.arguments["workers"] <= 8
    sizes = [case for case in experiments.get("pool").cases(setting) if case.strategy == "size"]
    assert {case.threads for case in sizes} >= {max(1, cores // 2), cores, 2 * cores, 4 * cores}
    for case in sizes:
        assert case.arguments["tasks"] == 48 * cores
        assert case.arguments["tasks"] / case.threads <= 400


# ---- pool


def spans(fifth, first=0.08):
    return [[0, 0, 0.0, 0.16], [1, 1, 0.0, first], [2, 2, 0.0, 0.2], [3, 3, 0.001, 0.12], [4, 1, fifth, fifth + 0.1]]


def pool(fifth=0.081, fresh=4.0, one=2.0, two=1.0, four=1.0):
    kinds = {"kind": "threads"}
    return [
        row("schedule", 4, arguments=kinds, spans=spans(fifth)),
        row("fresh", 4, arguments=kinds, each=fresh),
        row("reused", 4, arguments=kinds, each=1.0),
        row("size", 1, wall=one),
        row("size", 2, wall=two),
        row("size", 4, wall=four),
    ]


def test_pool():
    assert judge("pool", pool()).outcome is Outcome.HOLDS
    assert judge("pool", pool(fifth=0.02)).headline == "holds only for reuse and the best size"
    assert judge("pool", pool(fifth=0.12)).headline == "holds only for reuse and the best size"
    assert judge("pool", pool(fresh=0.9)).headline == "holds only for the schedule and the best size"
    assert judge("pool", pool(two=1.2)).headline == "holds only for the schedule and reuse"  # four are faster
    assert judge("pool", pool(one=1.2)).headline == "holds only for the schedule and reuse"  # one is nearly as fast


# ---- ipc


def ipc(queue=1e-3, pipe=1e-3, thread=1e-7):
    small = {"size": 16}
    large = {"size": 1 << 20}
    return [
        row("queue", arguments=small, each=1e-5),
        row("pipe", arguments=small, each=1e-5),
        row("thread", arguments=small, each=1e-7),
        row("queue", arguments=large, each=queue),
        row("pipe", arguments=large, each=pipe),
        row("thread", arguments=large, each=thread),
    ]


def test_ipc():
    assert judge("ipc", ipc()).outcome is Outcome.HOLDS
    assert judge("ipc", ipc(pipe=9e-5)).headline == "holds only for threads"
    assert judge("ipc", ipc(thread=6e-7)).headline == "holds only for processes"
    assert judge("ipc", ipc(queue=2e-5, pipe=2e-5, thread=4e-6)).outcome is Outcome.FAILS


# ---- thread-local


def thread_local(kept=1, local=1e-7, locked=3e-7):
    return [
        row("threading.local", 2, each=local, kept=kept),
        row("dict and lock", 2, each=locked),
        row("argument", 2, each=5e-8),
    ]


def test_thread_local():
    assert judge("thread-local", thread_local()).outcome is Outcome.HOLDS
    native = row("native", 2, each=1.5e-9)
    assert (
        "With 2 native threads and a partial sum each, an addition takes 1.50 ns"
        in judge("thread-local", [*thread_local(), native]).text
    )
    assert judge("thread-local", thread_local(kept=0)).headline == "holds only for doing without a lock"
    assert judge("thread-local", thread_local(locked=9e-8)).headline == "holds only for each thread's own state"


# ---- switch-cost


def switch(trap=1e-7, two=5e-6, many=8e-6, generators=1e-7):
    return [
        row("trap", each=trap),
        row("native", 2, each=two),
        row("native", 128, each=many),
        row("threads", 2, each=2 * two),
        row("threads", 128, each=2 * many),
        row("processes", 2, each=2 * two),
        row("processes", 128, each=two),  # one of the three may cost the same
        row("generators", 2, each=generators),
    ]


def test_switch_cost():
    assert judge("switch-cost", switch()).outcome is Outcome.HOLDS
    assert "growth" in judge("switch-cost", switch(trap=2e-6)).scope
    assert "trap" not in judge("switch-cost", switch(trap=2e-6)).scope
    assert "growth" not in judge("switch-cost", switch(many=5.5e-6)).scope
    assert "user-level" not in judge("switch-cost", switch(generators=6e-6)).scope
    only_one_grows = [each for each in switch() if (each.strategy, each.threads) != ("native", 128)]
    assert "growth" not in judge("switch-cost", [*only_one_grows, row("native", 128, each=5e-6)]).scope
    assert judge("switch-cost", switch()[1:]).headline == "not decided for the trap"
    woken = row("native, any core", 2, each=2e-5)
    assert "When another core must wake up, it takes 20.0 µs" in judge("switch-cost", [*switch(), woken]).text


# ---- spawn-cost


def spawn(spawned=4e-2, forked=1e-3, thread=3e-5, task=1e-5):
    return [
        row("spawn", each=spawned),
        row("fork", each=forked),
        row("thread", each=thread),
        row("task", each=task),
    ]


def test_spawn_cost():
    assert judge("spawn-cost", spawn()).outcome is Outcome.HOLDS
    assert "process over thread" not in judge("spawn-cost", spawn(forked=2e-5)).scope
    assert judge("spawn-cost", spawn(task=4e-5)).headline == "holds only for spawn over fork and process over thread"
    assert "spawn over fork" not in judge("spawn-cost", spawn(spawned=9e-4)).scope


# ---- cpu-vs-io


def cpu_vs_io(fetch=0.1, compute=1.0, free=0.5):
    def pair(work, wall, interpreter=GIL):
        return [
            row("serial", 6, interpreter, {"work": work}, wall=0.6 if work == "fetch" else 1.0),
            row("threads", 6, interpreter, {"work": work}, wall=wall),
        ]

    return pair("fetch", fetch) + pair("compute", compute) + pair("compute", free, FREE)


def test_cpu_vs_io():
    assert judge("cpu-vs-io", cpu_vs_io()).headline == "holds only for waiting and computing on Python 3.13.0"
    assert judge("cpu-vs-io", cpu_vs_io(free=0.9)).outcome is Outcome.HOLDS
    assert "waiting" not in judge("cpu-vs-io", cpu_vs_io(fetch=0.25)).scope
    busy = cpu_vs_io(free=0.9)
    for each in busy:
        for sample in each.samples:
            sample["others_percent"] = 90.0
    assert judge("cpu-vs-io", busy).headline == "not decided for computing on Python 3.13.0t"
    assert "3.13.0" not in judge("cpu-vs-io", cpu_vs_io(compute=0.7)).scope.replace("3.13.0t", "")


# ---- server


@pytest.mark.parametrize(
    ("name", "rows", "part"),
    [
        ("spawn-cost", lambda: spawn(forked=2e-5), "process over thread"),
        ("pool", lambda: pool(fresh=0.9), "reuse"),
        ("server", lambda: server(fork=3000), "threads over processes"),
    ],
)
def test_a_difference_that_other_programs_hide_is_not_decided(name, rows, part):
    quiet = rows()
    assert part not in judge(name, quiet).scope
    busy = rows()
    for each in busy:
        for sample in each.samples:
            sample["others_percent"] = 98.0
    text = judge(name, busy)
    assert f"Not decided for {part}" in text.text or text.headline == f"not decided for {part}"


def server(fork=100, first=5000, last=2000):
    return [
        row("threads", 1, rate=first, errors=0),
        row("threads", 500, rate=last, errors=0),
        row("fork", 1, rate=fork, errors=0),
        row("fork", 500, rate=fork, errors=0),
    ]


def test_server():
    assert judge("server", server()).outcome is Outcome.HOLDS
    assert judge("server", server(last=4900)).headline == "holds only for threads over processes"
    assert judge("server", server(fork=3000)).headline == "holds only for falling throughput"
    assert judge("server", server(fork=0)).outcome is Outcome.HOLDS  # the forking server answered nothing
    assert judge("server", server()[:2]).headline == "not decided for threads over processes"
    one = row("serial", 1, rate=9000, errors=0)
    assert "peak at 9,000 requests/s (one after another)" in judge("server", [*server(), one]).text


# ---- oversubscription


def loops(strategy, interpreter, two, many):
    return [
        row(strategy, count, interpreter, loops=work, voluntary=0, involuntary=0)
        for count, work in ((1, 100), (2, two), (128, many))
    ]


def test_oversubscription():
    native = loops("gilkit", GIL, 199, 198)
    assert judge("oversubscription", native).outcome is Outcome.HOLDS
    assert judge("oversubscription", loops("gilkit", GIL, 199, 215)).outcome is Outcome.FAILS
    assert judge("oversubscription", loops("gilkit", GIL, 149, 149)).outcome is Outcome.FAILS
    both = native + loops("threads", GIL, 100, 95) + loops("threads", FREE, 195, 190)
    assert judge("oversubscription", both).headline == "holds only for native threads and threads of Python 3.13.0t"


# ---- free-threaded


def free_threaded(gil=1.0, free=0.5):
    return [
        row("spin", 1, GIL, wall=1.0, memory=10),
        row("spin", 2, GIL, wall=gil, memory=10),
        row("spin", 1, FREE, wall=1.5, memory=20),
        row("spin", 2, FREE, wall=1.5 * free, memory=20),
    ]


def test_free_threaded():
    verdict = judge("free-threaded", free_threaded())
    assert verdict.outcome is Outcome.HOLDS
    assert "takes 1.50 times as long as one of 3.13.0 and uses 2.00 times the memory" in verdict.text
    assert judge("free-threaded", free_threaded(gil=0.8)).headline == "holds only for all cores without it"
    assert judge("free-threaded", free_threaded(free=0.75)).headline == "holds only for one core with the GIL"


def test_free_threaded_without_a_free_threaded_interpreter():
    verdict = judge("free-threaded", free_threaded()[:2])
    assert verdict.headline == "not decided for all cores without it"
    assert "No free-threaded interpreter was found" in verdict.text
    noisy = free_threaded(free=0.9)
    for each in noisy:
        for sample in each.samples:
            sample["others_percent"] = 90.0
    assert judge("free-threaded", noisy).headline == "not decided for all cores without it"


# ---- switch-interval


def late(interpreter, python, nothing=1e-4):
    return [
        row("nothing", interpreter=interpreter, late=nothing, late_95=nothing),
        row("python", interpreter=interpreter, late=python, late_95=python),
    ]


def test_switch_interval():
    assert judge("switch-interval", late(OLD, 2e-4)).outcome is Outcome.HOLDS
    for waited, outcome in (
        (9e-4, Outcome.HOLDS), (1.2e-3, Outcome.FAILS), (2.4e-3, Outcome.FAILS), (2.7e-3, Outcome.HALF),
        (5e-3, Outcome.HALF), (19e-3, Outcome.HALF), (21e-3, Outcome.FAILS),
    ):  # fmt: skip
        assert judge("switch-interval", late(GIL, waited)).outcome is outcome, waited
    verdict = judge("switch-interval", late(GIL, 5e-3))
    assert verdict.headline == "half true: Python 3.13.0 releases it every 5 ms, on request"
    assert verdict.said == f"is {verdict.headline}"
    both = judge("switch-interval", late(OLD, 2e-4) + late(GIL, 5.2e-3) + late(FREE, 1e-4))
    assert both.headline == "half true: Python 2.7.18 does so, but Python 3.13.0 releases it every 5 ms, on request"
    assert "waits 5.10 ms for the GIL, about the switch interval" in both.text
    assert "Without the GIL" in both.text
    assert "it does not wait longer than alone" in both.text  # not: it waits 0 s
    alone = judge("switch-interval", late(FREE, 1e-4))
    assert alone.outcome is Outcome.OPEN
    assert alone.text.startswith("No interpreter with a GIL was measured")
    assert "neither rule explains" in judge("switch-interval", late(GIL, 0.5)).text
    missing = [Row(each.label, each.strategy, OLD, 1, error="broken") for each in late(OLD, 1.0)]
    assert judge("switch-interval", late(GIL, 5e-3) + missing).headline == "not decided for Python 2.7.18"
    disturbed = late(GIL, 0.5)
    for each in disturbed:
        for sample in each.samples:
            sample["others_percent"] = 40.0
    assert judge("switch-interval", disturbed).outcome is Outcome.OPEN


# ---- distributed


def dask(squares=None, pi=3.1416, refused=(True, True)):
    return [
        row(
            "dask",
            2,
            squares=squares or [n * n for n in range(10)],
            pi=pi,
            refused=dict(zip(("without TLS", "with other credentials"), refused, strict=True)),
            start=1.0,
            tasks=0.1,
            one=1.0,
            parallel=0.5,
        )
    ]


def test_distributed():
    assert judge("distributed", dask()).outcome is Outcome.HOLDS
    assert judge("distributed", dask(refused=(True, False))).headline == "holds only for the tasks"
    assert judge("distributed", dask(squares=[1])).headline == "holds only for the refusal"
    assert judge("distributed", dask(pi=3.2)).headline == "holds only for the refusal"


# ---- lost-updates


def balances(wrong, locked_wrong=0, interpreter=GIL):
    return [
        row("no lock", 2, interpreter, count=10, runs=5, wrong=wrong),
        row("lock", 2, interpreter, count=10, runs=5, wrong=locked_wrong),
    ]


def test_lost_updates():
    assert judge("lost-updates", balances(2)).outcome is Outcome.HOLDS
    assert judge("lost-updates", balances(1)).headline == "holds"
    lucky = judge("lost-updates", balances(0))
    assert lucky.headline == "not observed here, and still unsafe"
    assert lucky.said == "was not observed here, and the code is still unsafe"
    assert "Since CPython 3.10" in judge("lost-updates", balances(0)).text
    assert "Since CPython 3.10" not in judge("lost-updates", balances(0, interpreter=OLD)).text
    missing = Row("2 threads", "no lock", OLD, 2, error="broken")
    assert judge("lost-updates", [*balances(2), missing]).headline == "not decided for Python 2.7.18"
    also = judge("lost-updates", [*balances(0), missing])
    assert also.headline == "not decided for Python 2.7.18"
    assert "does not hold" not in also.text
    assert judge("lost-updates", balances(0) + balances(3, 0, FREE)).headline == (
        "holds on Python 3.13.0t, and was not observed on Python 3.13.0, where the code is still unsafe"
    )
    assert judge("lost-updates", balances(2, locked_wrong=1)).outcome is Outcome.FAILS
    native = [row("RacyCounter", 2, count=100, lost=30, each=1e-9), row("AtomicCounter", 2, count=100, lost=0)]
    assert "lose 30 % of a RacyCounter's updates" in judge("lost-updates", balances(2) + native).text


def test_lost_updates_expected_and_found():
    native = [row("RacyCounter", 2, count=1000, lost=300), row("RacyCounter", 1, count=50, lost=0)]
    native += [row("AtomicCounter", threads, count=100 * threads, lost=0) for threads in (1, 2)]
    account = row("no lock", 2, count=10, runs=5, wrong=2, balance=-8)
    experiment = experiments.get("lost-updates")
    rows = [account, *native]
    columns = {column.heading: column.show for column in experiment.columns(rows, SETTING)}
    shown = [(columns["expected"](each, rows), columns["found"](each, rows)) for each in rows]
    assert shown == [("0", "-8"), ("3,000", "2,100"), ("150", "150"), ("300", "300"), ("600", "600")]
    (scaling,) = [chart for chart in experiment.charts(rows, SETTING) if isinstance(chart, Lines)]
    assert {line.label: [point.x for point in line.points] for line in scaling.lines} == {
        "RacyCounter": [1, 2],
        "AtomicCounter": [1, 2],
    }
    assert [point.y for point in scaling.lines[1].points] == pytest.approx([1e-4, 2e-4])


# ---- deadlock


def test_deadlock():
    ways = [
        row("found", 2, hung=0, found=1, cycle=2),
        row("avoided", 2, hung=0),
        row("survived", 2, hung=0, retries=1),
    ]
    verdict = judge("deadlock", [row("hang", 2, hung=2), *ways])
    assert verdict.outcome is Outcome.HOLDS
    assert "named the cycle of both threads" in verdict.text
    assert "3 retries" in verdict.text
    assert judge("deadlock", [row("hang", 2, hung=0), *ways]).headline == "not observed here, and still unsafe"
    assert (
        "did not find the deadlock"
        in judge("deadlock", [row("hang", 2, hung=2), row("found", 2, hung=2, found=0, cycle=0)]).text
    )


# ---- optimistic-lock


def optimistic(rare=1.0, noisy=3.0, alone=1.0):
    def arguments(outside):
        return {"outside": outside}

    return [
        row("LockedCounter", 1, arguments=arguments(0), each=alone),
        row("optimistic", 2, arguments=arguments(1000), each=1.0, retries=1, count=100),
        row("LockedCounter", 2, arguments=arguments(1000), each=rare),
        row("optimistic", 2, arguments=arguments(0), each=4.0, retries=80, count=100),
        row("LockedCounter", 2, arguments=arguments(0), each=noisy),
    ]


def test_optimistic_lock():
    verdict = judge("optimistic-lock", optimistic())
    assert verdict.outcome is Outcome.HOLDS
    assert "From 80 % conflicts on (0 loops between updates) the mutex is faster" in verdict.text
    assert judge("optimistic-lock", optimistic(rare=0.9)).headline == "holds only for waiting"
    assert judge("optimistic-lock", optimistic(noisy=1.4)).headline == "holds only for rare conflicts"
    busy = optimistic(noisy=1.4)
    for sample in busy[-1].samples:
        sample["others_percent"] = 90.0
    assert judge("optimistic-lock", busy).headline == "not decided for waiting"


# ---- false-sharing


def cells(together=5.0, alone=1.0):
    return [
        row("adjacent cells", 1, each=alone),
        row("padded cells", 1, each=1.0),
        row("adjacent cells", 2, each=together),
        row("padded cells", 2, each=1.0),
    ]


def test_false_sharing():
    assert judge("false-sharing", cells()).outcome is Outcome.HOLDS
    assert judge("false-sharing", cells(together=1.4)).outcome is Outcome.FAILS
    assert judge("false-sharing", cells(alone=1.3)).outcome is Outcome.FAILS
    busy = cells(together=1.0)
    for each in busy:
        for sample in each.samples:
            sample["others_percent"] = 90.0
    assert judge("false-sharing", busy).outcome is Outcome.OPEN
    assert experiments.get("false-sharing").judge(cells(), Setting([GIL], 1, 2)).outcome is Outcome.OPEN


# ---- selecting rows


def test_picking_rows():
    rows = [row("a", 1), row("a", 2, arguments={"x": 1}), row("b", 1, FREE), Row("c", "c", GIL, 1, error="broke")]
    assert figures.select(rows, "a") == rows[:2]
    assert figures.find(rows, "a", x=1) is rows[1]
    assert figures.find(rows, "c") is None  # not measured
    assert figures.find(rows, interpreter=FREE) is rows[2]
    assert figures.interpreters_of(rows) == [GIL, FREE]


# ---- Incomplete measurements


def pooled():
    spans = [[0, 0, 0.0, 0.2], [1, 1, 0.0, 0.1], [2, 2, 0.0, 0.2], [3, 3, 0.0, 0.2], [4, 1, 0.1, 0.3]]
    kinds = ("threads", "processes")
    rows = [row("schedule", 4, arguments={"kind": "threads"}, spans=spans, count=5)]
    rows += [row(way, 2, arguments={"kind": kind}, each=each) for kind in kinds for way, each in WAYS]
    return rows


WAYS = (("fresh", 1e-2), ("reused", 1e-4))


@pytest.mark.parametrize(
    ("name", "make"),
    [("cpu-vs-io", cpu_vs_io), ("free-threaded", free_threaded), ("pool", pooled), ("server", server),
     ("spawn-cost", spawn), ("switch-cost", switch),
     ("oversubscription", lambda: loops("gilkit", GIL, 199, 198) + loops("threads", FREE, 195, 190))],
)  # fmt: skip
def test_a_case_that_failed_leaves_the_others(name, make):
    """If any case is missing, there is a verdict, and the charts show what can be compared."""
    experiment = experiments.get(name)
    whole = make()
    for index, lost in enumerate(whole):
        rows = whole[:index] + whole[index + 1 :]
        assert experiment.judge(rows, SETTING).text
        drawn = [drawing.draw(chart) for chart in experiment.charts(rows, SETTING)]
        assert all("nan" not in picture for picture in drawn)
        failed = [*rows, Row(lost.label, lost.strategy, lost.interpreter, lost.threads, lost.arguments, error="broke")]
        assert experiment.judge(failed, SETTING).outcome in Outcome


def test_free_threaded_without_another_interpreter():
    verdict = judge("free-threaded", [each for each in free_threaded() if each.interpreter is FREE])
    assert verdict.headline == "not decided for one core with the GIL"
    assert "times as long as one of" not in verdict.text  # there is no interpreter to compare it with


def test_figures_that_were_not_measured():
    measured = row("threads", each=2.0)
    assert measured["each"] == measured.get("each") == 2.0
    assert measured.get("nothing") is None
    with pytest.raises(KeyError, match="nothing"):
        measured["nothing"]


# ---- Machines that lack something


def test_what_can_be_started_here(monkeypatch):
    def labels(methods, greenlets):
        monkeypatch.setattr("multiprocessing.get_all_start_methods", lambda: methods)
        monkeypatch.setattr("importlib.util.find_spec", lambda name: greenlets or None)
        return [case.strategy for case in experiments.get("spawn-cost").cases(SETTING)]

    few = labels(["spawn"], False)
    assert {"spawn", "thread", "task"} < set(few)
    assert not {"forkserver", "fork", "large fork", "greenlet"} & set(few)
    every = labels(["fork", "spawn", "forkserver"], True)
    assert {"spawn", "forkserver", "fork", "large fork", "thread"} < set(every)
    assert sum("greenlet" in each for each in every) == 1


@pytest.mark.parametrize("greenlets", [True, False])
def test_what_can_be_switched_here(monkeypatch, greenlets):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: greenlets or None)
    kinds = {case.strategy for case in experiments.get("switch-cost").cases(SETTING)}
    assert ("greenlets" in kinds) == greenlets
    assert {"trap", "threads", "native", "generators"} < kinds


def test_a_cluster_needs_its_libraries(monkeypatch):
    experiment = experiments.get("distributed")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "cryptography" else True)
    assert experiment.obstacle() == "cryptography is not installed: pip install 'gilkit[dask]'"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: True)
    assert experiment.obstacle() is None
