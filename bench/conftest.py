"""Fixtures of the benchmark suites, and the summary at the end of a run.

The workloads and the strategies are the lab's: a suite names a workload, and every strategy that can do it here becomes
one benchmark of the group. Each is opened and warm before the clock starts, and its result is checked after it stops.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import gilkit
from gilkit.lab import machine, strategies
from gilkit.lab.measure import Meter, Usage
from gilkit.lab.strategies.free_threaded import Remote, clock
from gilkit.lab.strategy import Strategy
from gilkit.lab.workload import Workload

# The pool's start method makes no difference to a warm pool; this one does not copy the threads of the test process.
POOL = "pool-forkserver" if platform.system() != "Windows" else "pool-spawn"
STRATEGIES = ("serial", "threads", POOL, "free-threaded", "gilkit", "numpy", "numba", "numexpr")
NATIVE = ("gilkit", "numpy", "numba", "numexpr")
BASE = "serial"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Gives a test with the fixture ``race`` its strategies: all, or the native ones where it is marked so."""
    if "race" not in metafunc.fixturenames:
        return
    names = NATIVE if metafunc.definition.get_closest_marker("native") else STRATEGIES
    cores = gilkit.num_threads()
    parameters = []
    for name in names:
        strategy = strategies.get(name)
        counts = [cores] if strategy.parallel else [1]
        if name == "gilkit":
            counts = sorted({1, cores})
        for threads in counts:
            # A worker process times itself: the clock leaves out what asking it takes.
            marks = [pytest.mark.benchmark(timer=clock)] if name == "free-threaded" else []
            parameters.append(pytest.param((strategy, threads), id=f"{name}-{threads}", marks=marks))
    metafunc.parametrize("race", parameters, indirect=True)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "native: leave the pure-Python strategies out, the work is too much for them")


@pytest.fixture
def race(request: pytest.FixtureRequest, benchmark: Any) -> Iterator[Callable[[Workload], None]]:
    """Runs a workload under one strategy, times it, checks the result, and records how it ran."""
    strategy: Strategy
    strategy, threads = request.param

    def run(workload: Workload) -> None:
        obstacle = strategy.obstacle(workload)
        if obstacle:
            benchmark.skipped = True
            pytest.skip(obstacle)
        with strategy.open(workload, threads) as contender:
            with Meter() as meter:
                returned = benchmark(contender.run)
            usage: Usage = contender.total if isinstance(contender, Remote) else meter.usage
            workload.check(contender.result(returned))
            benchmark.extra_info.update(
                strategy=strategy.name,
                label=strategy.label,
                threads=threads,
                cpu_percent=round(usage.cpu_percent, 1),
                gil=contender.gil,
            )

    yield run


def summary(benchmarks: list[Any]) -> Iterator[tuple[str, list[tuple[str, int, float, float, float | None]]]]:
    """For each group: strategy, threads, CPU %, seconds (median), speed-up against one pure-Python thread."""
    groups: dict[str, list[Any]] = {}
    for each in benchmarks:
        if not each.has_error and each.extra_info.get("strategy"):
            groups.setdefault(each.group or each.fullname.partition("::")[0], []).append(each)
    for group, members in groups.items():
        base = [each.stats.median for each in members if each.extra_info["strategy"] == BASE]
        lines = []
        for each in members:
            info = each.extra_info
            speedup = base[0] / each.stats.median if base else None
            lines.append((info["label"], info["threads"], info["cpu_percent"], each.stats.median, speedup))
        yield group, lines


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    session = getattr(config, "_benchmarksession", None)
    found = list(summary(session.benchmarks)) if session else []
    if not found:
        return
    report = terminalreporter
    report.section("CPU % and speed-up against one pure-Python thread")
    report.write_line(machine.one_line(machine.describe()))
    for group, lines in found:
        report.write_line("")
        report.write_line(f"{group + ':':44}{'threads':>8}{'CPU %':>8}{'median':>12}{'speed-up':>11}", bold=True)
        for label, threads, percent, seconds, speedup in lines:
            gain = f"{speedup:,.2f}×" if speedup else "–"
            report.write_line(f"  {label:42}{threads:>8}{percent:>8.0f}{1000 * seconds:>9.2f} ms{gain:>11}")
