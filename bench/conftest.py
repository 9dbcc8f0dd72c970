"""Fixtures of the benchmark suites, the time budget, and the summary at the end of a run.

Workloads and strategies come from the lab: a suite names a workload, and every strategy that can run it here becomes
one benchmark of the group. Each strategy is opened and warmed up before the clock starts, and its result is checked
after the clock stops.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Generator
from typing import Any

import budget
import load
import pytest
import summary

import gilkit
from gilkit.lab import strategies
from gilkit.lab.measure import Meter, clock
from gilkit.lab.strategies.free_threaded import Remote
from gilkit.lab.strategy import Contender, Strategy
from gilkit.lab.workload import Workload

# The start method does not affect a warm pool; this one does not fork a process that has threads.
POOL = "pool-spawn" if platform.system() == "Windows" else "pool-forkserver"
STRATEGIES = ("serial", "gilkit", "threads", POOL, "free-threaded", "numpy", "numba", "numexpr")
NATIVE = ("gilkit", "numpy", "numba", "numexpr")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "strategies(*names): the strategies that race, in place of all of them")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize a test that has the fixture ``race`` by strategy, with gilkit on one thread and on all."""
    if "race" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("strategies")
    cores = gilkit.num_threads()
    parameters = []
    for name in marker.args if marker else STRATEGIES:
        strategy = strategies.get(name)
        counts = {1, cores} if name == "gilkit" else {cores if strategy.parallel else 1}
        # A worker process times itself; this clock excludes the cost of the request.
        marks = [pytest.mark.benchmark(timer=clock)] if name == "free-threaded" else []
        for threads in sorted(counts):
            parameters.append(pytest.param((strategy, threads), id=f"{name}-{threads}", marks=marks))
    metafunc.parametrize("race", parameters, indirect=True)


@pytest.fixture
def timed(benchmark: Any) -> Callable[..., None]:
    """Time a contender, check its result outside the timed part, and record how it ran.

    ``rounds`` fixes the number of rounds. A clock that excludes most of the elapsed time needs it: calibration by that
    clock would take far too long.
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
    """Run a workload under one strategy."""
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


# ---- The time budget, and disturbances


def weight(item: pytest.Item) -> int:
    """Return the benchmark's share of time; a race needs more, as it starts processes and runs pure Python."""
    return 4 if "race" in getattr(item, "fixturenames", ()) else 1


class Run:
    """One run of the benchmarks: its budget (none with --full) and the number of benchmarks left out for lack of time."""

    def __init__(self, items: list[pytest.Item], full: bool) -> None:
        self.budget = None if full else budget.Budget((item.path, weight(item)) for item in items)
        self.left_out = 0
        self.scaling = [load.scaling()]  # before and after the run


RUN = pytest.StashKey[Run]()


def measures(config: pytest.Config) -> bool:
    options = ("--collect-only", "--benchmark-disable", "--benchmark-skip")
    return bool(config.getoption("--benchmark")) and not any(map(config.getoption, options))


def pytest_collection_finish(session: pytest.Session) -> None:
    if measures(session.config) and session.items:
        session.config.stash[RUN] = Run(session.items, session.config.getoption("--full"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Give the benchmark its share of the time."""
    run = item.config.stash.get(RUN, None)
    if run is None or run.budget is None:
        return
    seconds = run.budget.next(item.path, weight(item))
    if seconds is None:
        run.left_out += 1
        pytest.skip(summary.TIME_IS_UP)
    given = item.get_closest_marker("benchmark")
    # Override the suite's marker: the fixture reads only the closest one.
    options = {
        "min_rounds": budget.ROUNDS if seconds == budget.LONGEST else 1,
        **(given.kwargs if given else {}),
        "max_time": seconds,
    }
    item.add_marker(pytest.mark.benchmark(**options), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Measure what other programs do during the benchmark."""
    benchmark = getattr(item, "funcargs", {}).get("benchmark")
    if benchmark is None or RUN not in item.config.stash:
        return (yield)
    others = load.Others()
    try:
        return (yield)
    finally:
        disturbed = others.disturb()
        if disturbed is not None:
            benchmark.extra_info["others_percent"] = round(disturbed, 1)


def pytest_sessionfinish(session: pytest.Session) -> None:
    run = session.config.stash.get(RUN, None)
    if run:
        run.scaling.append(load.scaling())


@pytest.hookimpl(trylast=True)  # below pytest-benchmark's own tables
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Show the results of each suite, and what disturbed them."""
    session, run = getattr(config, "_benchmarksession", None), config.stash.get(RUN, None)
    if session is None or run is None or not session.benchmarks:
        return
    terminalreporter.section("gilkit and its peers: medians, CPU %, speed-up")
    for line in summary.lines(session.benchmarks, terminalreporter.stats.get("skipped", ()), run):
        terminalreporter.write_line(line.text, bold=line.bold)
