"""`pytest --benchmark`: its dependencies, its time budget, and its summary."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import budget
import pytest
import summary

ROOT = Path(__file__).resolve().parent.parent
# The modules of all extras, which must not be needed.
HIDDEN = ["hypothesis", "markdown_it", "pyperf", "threadpoolctl", "numba", "numexpr", "cffi", "Cython", "distributed"]
COLLECT = """
import sys
for name in {hidden}:
    sys.modules[name] = None
import pytest
code = pytest.main(["--benchmark", "--collect-only", "-q", "-p", "no:cacheprovider", *{arguments}])
loaded = [getattr(each, "__file__", None) or "" for each in list(sys.modules.values())]
assert not [path for path in loaded if path.startswith({tests!r})], "tests/ was loaded"
sys.exit(code)
"""


@pytest.mark.parametrize("arguments", [[], ["bench/bench_pi.py"]], ids=["all", "one file"])
def test_benchmarks_need_no_extra(arguments):
    code = COLLECT.format(hidden=HIDDEN, arguments=arguments, tests=str(ROOT / "tests"))
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "pytest_benchmark.plugin"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bench/bench_pi.py::test_pi" in done.stdout
    assert ("bench/bench_sort.py" in done.stdout) == (not arguments)


SUITES = [("arrays", 1)] * 150 + [("histogram", 1)] * 70 + [("locks", 1)] * 25 + [("spin", 4)] * 9


@pytest.mark.parametrize("slow", [0.1, 1, 3, 10, 30])
def test_the_time_is_bounded_on_any_machine(slow):
    """Simulate benchmarks that take 0.1 s besides their rounds, and `slow` times as long on a slow machine."""
    plan, now, ran = budget.Budget(SUITES), 2.0 * slow, []
    for suite, weight in SUITES:
        seconds = plan.next(suite, weight, now)
        if seconds is not None:
            ran.append((suite, weight))
            assert 0 < seconds <= budget.LONGEST
            now += 0.1 * slow * weight + seconds
    assert now < 300
    if slow <= 3:
        assert ran == SUITES
    if slow < 30:
        assert set(ran) == set(SUITES)


def test_suites_do_not_take_time_from_each_other():
    plan = budget.Budget([("slow", 1)] * 10 + [("other", 1)] * 10, total=100)
    assert plan.next("slow", now=0) == budget.LONGEST
    assert plan.next("slow", now=60) is None  # the other suite gets half of the time
    assert plan.next("other", now=60) == budget.LONGEST


def test_nothing_runs_when_time_is_up():
    assert budget.Budget([("one", 1)], total=10).next("one", now=11) is None


# ---- The summary


def benchmark(suite, group, name, seconds, params=None, **info):
    return SimpleNamespace(
        fullname=f"bench/bench_{suite}.py::{name}", name=name, group=group, params=params, has_error=False,
        extra_info=info, stats=SimpleNamespace(median=seconds),
    )  # fmt: skip


LONG = "a group whose name is longer than any column could ever be, and then some " * 2
BENCHMARKS = [
    *(
        benchmark("sort", "sort, 100 float64", f"test_random[{peer}]", seconds, {"peer": peer, "n": 100})
        for peer, seconds in [("gilkit", 1e-6), ("gilkit-1", 2e-6), ("numpy", 3e-6)]
    ),
    *(
        benchmark("arrays", LONG, f"test_sum[{peer}]", seconds, {"peer": peer}, others_percent=others)
        for peer, seconds, others in [("gilkit", 1e-3, 0.0), ("numpy", 2e-3, 70.0), ("a" * 50, 1.0, 0.0)]
    ),
    *(
        benchmark(
            "spin", "spin", f"test_spin[{name}]", seconds, {}, strategy=name, label=LONG, threads=2, cpu_percent=99.6
        )
        for name, seconds in [("serial", 2.0), ("gilkit", 0.01)]
    ),
    benchmark("counters", "additions", "test_empty_loop", 1e-3),
    benchmark("counters", "additions", "test_gilkit[AtomicCounter]", 2e-3, {"kind": type("AtomicCounter", (), {})}),
]


def summarize(scaling=(2.0, 2.0), left_out=0, skipped=()):
    run = SimpleNamespace(scaling=list(scaling), left_out=left_out)
    return [line.text for line in summary.lines(BENCHMARKS, list(skipped), run)]


def test_the_summary_has_every_suite_in_100_columns():
    lines = summarize(left_out=3, skipped=[SimpleNamespace(longrepr=("", 0, "Skipped: " + LONG))])
    assert max(map(len, lines)) <= 100
    text = "\n".join(lines)
    for words in ("sort, 100 float64", "3.00×  numpy", "200×", "empty_loop", "AtomicCounter", "Time was up for 3"):
        assert words in text


def test_the_summary_says_what_disturbed_the_run(monkeypatch):
    monkeypatch.setattr(summary, "num_threads", lambda: 2)
    quiet, busy = summarize(), summarize(scaling=(1.99, 1.2))
    assert "during 1 of 10 benchmarks (70 %" in " ".join(quiet)
    assert [line for line in quiet if line.startswith("* a group")]
    assert [line for line in quiet if line.startswith("  sort, 100")]
    assert "1.99 and 1.20 times as fast" not in " ".join(quiet)
    assert "1.99 and 1.20 times as fast" in " ".join(busy)
