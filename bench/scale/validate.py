"""Compare real regions on this machine's cores with the model's predictions.

Each case runs in batches. A batch counts only if a probe with two busy threads, before and after it, shows that both
cores were available: on a shared host, another virtual machine may take part of a core.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from machine import Costs, Machine
from measure import CORES, MILLISECOND, Bench
from model import Pool, Region

PROBE = 1_000_000  # loops
UNDISTURBED = 1.1
BATCHES, TRIES = 5, 40
ASLEEP = 3 * MILLISECOND  # nanoseconds after which all workers sleep


@dataclass(frozen=True)
class Case:
    name: str
    work: Sequence[float]  # approximate nanoseconds of each chunk
    threads: int
    pause: int = 0  # before each region; negative: the caller sleeps as well
    callers: int = 1
    bytes: int = 0  # of memory that each chunk reads instead of computing

    @property
    def regime(self) -> str:
        return "back to back" if self.pause == 0 else "workers asleep" if self.pause > 0 else "caller slept, too"


@dataclass(frozen=True)
class Result:
    case: Case
    batches: int  # that counted
    measured: float
    predicted: float

    @property
    def error(self) -> float:
        return self.predicted / self.measured - 1


SHAPES = {
    "fine: 1024 × 0.1 µs": [100.0] * 1024,
    "medium: 256 × 5 µs": [5_000.0] * 256,
    "coarse: 16 × 500 µs": [500_000.0] * 16,
    "uneven: 0 to 10 µs": [10_000.0 * i / 512 for i in range(512)],
    "few: 3 × 300 µs": [300_000.0] * 3,
}


def cases() -> list[Case]:
    found = [
        Case(name, work, threads, pause)
        for name, work in SHAPES.items()
        for threads in (1, 2, 4, 8)
        for pause in (0, ASLEEP)
        if threads > 1 or not pause
    ]
    found += [Case("memory: 256 × 2 MB", [0.0] * 256, threads, bytes=1 << 21) for threads in (1, 2, 4)]
    for callers in (2, 4):
        found += [
            Case(name, SHAPES[name], CORES, callers=callers) for name in ("medium: 256 × 5 µs", "uneven: 0 to 10 µs")
        ]
    found += [Case(name, work, CORES, -ASLEEP) for name, work in SHAPES.items()]
    return found


def regions_of(case: Case) -> int:
    longest = max(sum(case.work), 40 * MILLISECOND if case.bytes else 0)
    return int(min(100, max(5, 30 * MILLISECOND / longest)))


def undisturbed(bench: Bench, loop: float) -> bool:
    return bench.loop_of_pair(PROBE) < UNDISTURBED * loop


def measured(bench: Bench, case: Case, loop: float, memory: np.ndarray) -> tuple[int, float]:
    """Return the number of valid batches, and the median time of a region in them."""
    loops = None if case.bytes else [max(1, round(work / loop)) for work in case.work]
    medians: list[float] = []
    for _ in range(TRIES):
        if not undisturbed(bench, loop):
            continue
        taken = bench.regions(
            loops,
            len(case.work),
            threads=case.threads,
            callers=case.callers,
            pause=case.pause,
            regions=regions_of(case),
            memory=memory if case.bytes else None,
        )
        if undisturbed(bench, loop):
            medians.append(float(np.median(taken[:, 1:])))
        if len(medians) == BATCHES:
            break
    return len(medians), float(np.median(medians)) if medians else float("nan")


def predicted(costs: Costs, case: Case, serial: float) -> float:
    """Return the model's time for regions that take `serial` on one thread."""
    total = sum(case.work)
    work = [each * serial / total for each in case.work] if total else case.work
    machine = Machine(costs, CORES, node_streams=costs.read_all / costs.read_one)
    region = Region(work, case.threads, pause=abs(case.pause), bytes=case.bytes)
    calls = Pool(machine).run(*[[region] * regions_of(case)] * case.callers)
    return float(np.median([call.time for script in calls for call in script[1:]]))


def validate(bench: Bench, costs: Costs) -> list[Result]:
    loop = bench.loop()
    memory = np.ones(256 * (1 << 21) // 8)
    serial: dict[str, float] = {}
    results = []
    for case in cases():
        batches, time = measured(bench, case, loop, memory)
        # The cost of a chunk comes from the one-thread case; the model predicts the effect of threads.
        if case.threads == 1:
            overhead = costs.region + len(case.work) * costs.chunk
            serial[case.name] = time - overhead
        results.append(Result(case, batches, time, predicted(costs, case, serial[case.name])))
    return results


def table(results: Sequence[Result]) -> str:
    lines = [
        "| region | callers | threads | | measured µs | predicted µs | error |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for result in results:
        case = result.case
        if case.threads == 1 and not case.bytes:
            continue
        lines.append(
            f"| {case.name} | {case.callers} | {case.threads} | {case.regime} | {result.measured / 1e3:.1f} | "
            f"{result.predicted / 1e3:.1f} | {result.error:+.0%} |"
            if result.batches
            else f"| {case.name} | {case.callers} | {case.threads} | {case.regime} | machine disturbed | "
            f"{result.predicted / 1e3:.1f} | |"
        )
    errors = [
        abs(result.error) for result in results if result.batches and result.case.threads > 1 and result.case.pause >= 0
    ]
    if errors:
        lines += [
            "",
            f"Median error (without the last kind) {np.median(errors):.0%}, of nine in ten below {np.quantile(errors, 0.9):.0%}.",
        ]
    return "\n".join(lines)
