"""The verdict of cpu-percent follows its rule, for made-up figures on both sides of each limit."""

from __future__ import annotations

import pytest

from gilkit.lab import experiments
from gilkit.lab.experiment import Outcome, Row, Setting
from gilkit.lab.experiments.cpu_percent import judge
from gilkit.lab.interpreters import Interpreter

GIL = Interpreter("python3", "CPython", "3.12.0", False, True, running=True)
FREE = Interpreter("python3t", "CPython", "3.14.0", True, False)
OLD = Interpreter("python2", "CPython", "2.7.18", False, True)


def row(interpreter, strategy, threads, percent, loops, system=0.0, others=0.0):
    """Three equal rounds of one second."""
    sample = {
        "wall": 1.0,
        "user": percent / 100 - system,
        "system": system,
        "cpu": percent / 100,
        "cpu_percent": percent,
        "loops": loops,
        "others_percent": others,
    }
    return Row(f"{threads} {strategy}", strategy, interpreter, threads, {}, [dict(sample) for _ in range(3)])


def threads(interpreter, percent, loops, system=0.0):
    """One thread that does 100 loops, and two threads."""
    return [row(interpreter, "threads", 1, 100, 100), row(interpreter, "threads", 2, percent, loops, system)]


def native(percent=199.0, others=0.0):
    return [row(GIL, "gilkit", 1, 100, 4000), row(GIL, "gilkit", 2, percent, 8000, others=others)]


def test_idle_cores_and_a_full_native_loop():
    verdict = judge(threads(GIL, 101, 99) + native(), 2)
    assert verdict.outcome is Outcome.HOLDS
    assert "leave cores idle: they use at most 101 % CPU of 200 % and do 0.99 times the loops" in verdict.text
    assert "gilkit.spin) uses 199 % of 200 %" in verdict.text


def test_an_old_gil_wastes_what_it_uses():
    verdict = judge(threads(OLD, 195, 50, system=1.2) + native(), 2)
    assert verdict.outcome is Outcome.HOLDS
    assert "use up to 195 % CPU but waste it: they do 0.50 times the loops" in verdict.text
    assert "spend 62 % of their CPU time in the kernel" in verdict.text


def test_a_free_threaded_build_limits_the_claim():
    verdict = judge(threads(GIL, 101, 99) + native() + threads(FREE, 198, 195), 2)
    assert verdict.outcome is Outcome.PARTLY
    assert verdict.headline == "holds only for interpreters with a GIL"
    assert "Python 3.14.0t threads fill the cores: 198 % CPU and 1.95 times" in verdict.text


def test_a_free_threaded_build_alone_refutes_it():
    running = Interpreter("python3t", "CPython", "3.14.0", True, False, running=True)
    rows = [*threads(running, 198, 195), row(running, "gilkit", 2, 199, 8000)]
    assert judge(rows, 2).outcome is Outcome.FAILS


def test_full_cores_with_a_gil_refute_it():
    assert judge(threads(GIL, 199, 198) + native(), 2).outcome is Outcome.FAILS


def test_a_native_loop_that_leaves_cores_idle_refutes_it():
    verdict = judge(threads(GIL, 101, 99) + native(150), 2)
    assert verdict.outcome is Outcome.FAILS
    assert "native code did not fill the cores" in verdict.text


def test_a_native_loop_held_back_by_others_decides_nothing():
    verdict = judge(threads(GIL, 101, 99) + native(150, others=48), 2)
    assert verdict.outcome is Outcome.OPEN
    assert "other programs or the host used 48 % of a core" in verdict.text
    # The kernel's count of a core that is shared need not add up to all of it.
    assert judge(threads(GIL, 101, 99) + native(87, others=95), 2).outcome is Outcome.OPEN
    assert judge(threads(GIL, 101, 99) + native(150, others=14), 2).outcome is Outcome.FAILS
    stolen = native(150)
    for each in stolen:
        for sample in each.samples:
            sample["steal_percent"] = 45.0
    assert judge(threads(GIL, 101, 99) + stolen, 2).outcome is Outcome.OPEN


def test_the_quietest_round_counts():
    rows = threads(GIL, 101, 99) + native()
    disturbed = rows[-1].samples
    disturbed[0] |= {"cpu_percent": 120.0, "others_percent": 79.0}
    disturbed[1] |= {"cpu_percent": 130.0, "others_percent": 69.0}
    assert judge(rows, 2).outcome is Outcome.HOLDS


@pytest.mark.parametrize(("percent", "outcome"), [(189.9, Outcome.FAILS), (190.1, Outcome.HOLDS)])
def test_the_native_threshold(percent, outcome):
    assert judge(threads(GIL, 101, 99) + native(percent), 2).outcome is outcome


@pytest.mark.parametrize(
    ("percent", "loops", "words"),
    [
        (179, 151, "leave cores idle"),
        (181, 151, "fill the cores"),
        (181, 149, "neither idle nor full"),
        (181, 109, "waste it"),
        (109, 109, "leave cores idle"),
        (111, 109, "waste it"),
    ],
)
def test_what_threads_do_with_the_cores(percent, loops, words):
    assert words in judge(threads(GIL, percent, loops) + native(), 2).text


def test_an_interpreter_without_figures_leaves_the_claim_open():
    missing = Row("2 threads", "threads", OLD, 2, error="it would not start")
    verdict = judge([*threads(GIL, 101, 99), *native(), missing], 2)
    assert verdict.headline == "not decided for Python 2.7.18"
    assert "leave cores idle" in verdict.text
    between = judge([*threads(GIL, 101, 99), *native(), *threads(FREE, 181, 149)], 2)
    assert between.headline == "not decided for Python 3.14.0t"
    # Some fill the cores and some do not, which decides the verdict whatever a third one does.
    both = threads(GIL, 101, 99) + native() + threads(FREE, 198, 195) + [missing]
    assert judge(both, 2).outcome is Outcome.PARTLY


def test_one_core_decides_nothing():
    assert judge([row(GIL, "threads", 1, 100, 100)], 1).outcome is Outcome.OPEN


def test_without_the_native_figure_nothing_is_decided():
    assert judge(threads(GIL, 101, 99), 2).outcome is Outcome.OPEN
    failed = Row("gilkit", "gilkit", GIL, 2, error="the worker process was killed")
    assert judge([*threads(GIL, 101, 99), failed], 2).outcome is Outcome.OPEN


def test_nothing_measured_decides_nothing():
    assert judge([], 2).outcome is Outcome.OPEN


def test_cases_of_every_interpreter():
    setting = Setting([GIL, FREE, OLD], cores=4, threads=4)
    cases = experiments.get("cpu-percent").cases(setting)
    for interpreter in (GIL, FREE, OLD):
        counts = [c.threads for c in cases if c.interpreter == interpreter and c.strategy == "threads"]
        assert counts == [1, 4, 8, 100]
        assert [c.threads for c in cases if c.interpreter == interpreter and c.strategy == "pool"] == [4]
    assert [(c.interpreter, c.threads) for c in cases if c.strategy == "gilkit"] == [(GIL, 1), (GIL, 4)]


def test_pictures_and_table_from_the_figures():
    experiment = experiments.get("cpu-percent")
    setting = Setting([GIL], cores=2, threads=2)
    rows = threads(GIL, 101, 99) + native()
    cpu, work = experiment.charts(rows, setting)
    assert [bar.value for bar in cpu.bars] == [100, 101, 100, 199.0]
    assert cpu.limit == 200
    assert [bar.value for bar in work.bars] == [1.0, 0.99]
    cells = [[column.show(each, rows) for column in experiment.columns(rows, setting)] for each in rows]
    assert cells[1][:3] == ["101 %", "50 %", "0.99×"]
    assert cells[3][:3] == ["199 %", "100 %", "80.00×"]
