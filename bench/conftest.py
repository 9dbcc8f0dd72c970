"""Fixtures of the benchmark suites, and the summary at the end of a run.

The workloads and the strategies are the lab's: a suite names a workload, and every strategy that can do it here becomes
one benchmark of the group. Each is opened and warm before the clock starts, and its result is checked after it stops.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

import pytest

import gilkit
from gilkit.lab import machine, strategies
from gilkit.lab.measure import Meter, clock
from gilkit.lab.strategies.free_threaded import Remote
from gilkit.lab.strategy import Contender, Strategy
from gilkit.lab.workload import Workload

# A warm pool does not show how it was started; this way it does not copy the test process's threads.
POOL = "pool-spawn" if platform.system() == "Windows" else "pool-forkserver"
STRATEGIES = ("serial", "threads", POOL, "free-threaded", "gilkit", "numpy", "numba", "numexpr")
NATIVE = ("gilkit", "numpy", "numba", "numexpr")
BASE = "serial"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "strategies(*names): the strategies that race, in place of all of them")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Gives a test with the fixture ``race`` its strategies, gilkit on one thread and on all."""
    if "race" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("strategies")
    cores = gilkit.num_threads()
    parameters = []
    for name in marker.args if marker else STRATEGIES:
        strategy = strategies.get(name)
        counts = {1, cores} if name == "gilkit" else {cores if strategy.parallel else 1}
        # A worker process times itself: this clock leaves out what asking it takes.
        marks = [pytest.mark.benchmark(timer=clock)] if name == "free-threaded" else []
        for threads in sorted(counts):
            parameters.append(pytest.param((strategy, threads), id=f"{name}-{threads}", marks=marks))
    metafunc.parametrize("race", parameters, indirect=True)


@pytest.fixture
def timed(benchmark: Any) -> Callable[..., None]:
    """Times a contender, checks its result outside the timed part, and records how it ran.

    With ``rounds``, exactly so many: for a clock that leaves most of the time out, by which a calibrated run would
    take for ever.
    """

    def run(contender: Contender, check: Callable[[Any], None], rounds: int | None = None, **facts: Any) -> None:
        with Meter() as meter:
            returned = benchmark.pedantic(contender.run, rounds=rounds) if rounds else benchmark(contender.run)
        usage = contender.total if isinstance(contender, Remote) else meter.usage
        check(contender.result(returned))
        benchmark.extra_info.update(facts, cpu_percent=round(usage.cpu_percent, 1), gil=contender.gil)

    return run


@pytest.fixture
def race(request: pytest.FixtureRequest, benchmark: Any, timed: Callable[..., None]) -> Callable[[Workload], None]:
    """Runs a workload under one strategy."""
    strategy: Strategy
    strategy, threads = request.param

    def run(workload: Workload) -> None:
        obstacle = strategy.obstacle(workload)
        if obstacle:
            benchmark.skipped = True
            pytest.skip(obstacle)
        with strategy.open(workload, threads) as contender:
            timed(contender, workload.check, strategy=strategy.name, label=strategy.label, threads=threads)

    return run


def by_group(benchmarks: list[Any]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for each in benchmarks:
        if not each.has_error and "strategy" in each.extra_info:
            groups.setdefault(each.group or each.fullname.partition("::")[0], []).append(each)
    return groups


@pytest.hookimpl(trylast=True)  # below pytest-benchmark's own tables
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """A line for each strategy: CPU %, and the speed-up against one pure-Python thread where there is one."""
    session = getattr(config, "_benchmarksession", None)
    groups = by_group(session.benchmarks) if session else {}
    if not groups:
        return
    line = terminalreporter.write_line
    terminalreporter.section("CPU % and speed-up against one pure-Python thread")
    line(machine.one_line(machine.describe()))
    for group, members in groups.items():
        line("")
        line(f"{group:48}{'threads':>8}{'CPU %':>7}{'median':>13}{'speed-up':>11}", bold=True)
        base = next((each.stats.median for each in members if each.extra_info["strategy"] == BASE), None)
        for each in members:
            info, median = each.extra_info, each.stats.median
            speedup = f"{base / median:,.2f}×" if base else "–"
            line(
                f"  {info['label']:46}{info['threads']:>8}{info['cpu_percent']:>7.0f}"
                f"{1000 * median:>10.3f} ms{speedup:>11}"
            )
    reasons = {str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", ())}
    for reason in sorted(reasons):
        line(f"Left out: {reason.removeprefix('Skipped: ')}.")
