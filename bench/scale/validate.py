"""Compare real regions on this machine with the model's predictions, for as many cores as it has.

Each case runs in batches. A batch counts only if a probe with a busy thread on each core, before and after it, shows
that all cores were available: on a shared host, another virtual machine may take part of a core.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from machine import Costs, Machine
from measure import CORES, MILLISECOND, Bench, best
from model import Pool, Region
from predict import SHAPES as PUBLISHED_SHAPES
from published import READ, Key, Prediction

PROBE = 1_000_000  # loops
UNDISTURBED = 1.1
BATCHES, TRIES = 5, 40
MOST_CALLERS = 64
MEMORY = 256 << 21  # bytes, far more than the caches hold
WARM = 20 * MILLISECOND  # several of the scheduler's ticks
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


def threads_of(cores: int) -> list[int]:
    """Return powers of two up to `cores`, and then as many threads as cores, twice and four times as many."""
    powers = {1 << shift for shift in range(cores.bit_length())}
    return sorted(powers | {min(many * cores, 1024) for many in (1, 2, 4)})


def cases(cores: int) -> list[Case]:
    numbers = threads_of(cores)
    found = [
        Case(name, work, threads, pause)
        for name, work in SHAPES.items()
        for threads in numbers
        for pause in (0, ASLEEP)
        if threads > 1 or not pause
    ]
    found += [
        Case("memory: 256 × 2 MB", [0.0] * 256, threads, bytes=1 << 21) for threads in numbers if threads <= 2 * cores
    ]
    for callers in sorted({min(many * cores, MOST_CALLERS) for many in (1, 2)} - {1}):
        found += [
            Case(name, SHAPES[name], max(cores, 2), callers=callers)
            for name in ("medium: 256 × 5 µs", "uneven: 0 to 10 µs")
        ]
    found += [Case(name, work, max(cores, 2), -ASLEEP) for name, work in SHAPES.items()]
    return found


def regions_of(case: Case) -> int:
    longest = max(sum(case.work), 40 * MILLISECOND if case.bytes else 0)
    return int(min(100, max(5, 30 * MILLISECOND / longest)))


@dataclass(frozen=True)
class Loop:
    """The nanoseconds of a round of the busy loop, on one core alone and on all cores at once, whose clock may be slower."""

    one: float
    all: float

    @classmethod
    def of(cls, bench: Bench) -> Loop:
        return cls(bench.loop(), best([bench.loop_of_all(PROBE) for _ in range(9)]))

    @property
    def slower(self) -> float:
        return max(self.all / self.one, 1.0)


def undisturbed(bench: Bench, loop: Loop) -> bool:
    return bench.loop_of_all(PROBE) < UNDISTURBED * loop.all


def measured(bench: Bench, case: Case, loop: Loop, memory: np.ndarray, *, warm: bool = False) -> tuple[int, float]:
    """Return the number of valid batches, and the median time of a region in them.

    warm: regions of WARM together come first and do not count, so that the system has moved a woken worker to its own core.
    """
    skipped = int(WARM / sum(case.work)) + 1 if warm and sum(case.work) else 1
    loops = None if case.bytes else [max(1, round(work / loop.one)) for work in case.work]
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
            regions=skipped + regions_of(case),
            memory=memory if case.bytes else None,
        )
        if undisturbed(bench, loop):
            medians.append(float(np.median(taken[:, skipped:])))
        if len(medians) == BATCHES:
            break
    return len(medians), float(np.median(medians)) if medians else float("nan")


def nodes() -> int:
    """Return the number of memories of this machine."""
    return max(1, len(list(Path("/sys/devices/system/node").glob("node[0-9]*"))))


def predicted(costs: Costs, case: Case, serial: float, cores: int = CORES, memories: int = 1) -> float:
    """Return the model's time for regions that take `serial` on one thread."""
    total = sum(case.work)
    work = [each * serial / total for each in case.work] if total else case.work
    machine = Machine(costs, cores, node_cores=-(-cores // memories), node_streams=costs.read_all / costs.read_one)
    # One thread has written the memory, so it is on one node.
    region = Region(work, case.threads, pause=abs(case.pause), bytes=case.bytes, home=lambda _: 0)
    calls = Pool(machine).run(*[[region] * regions_of(case)] * case.callers)
    return float(np.median([call.time for script in calls for call in script[1:]]))


def serial_work(costs: Costs, case: Case, time: float) -> float:
    """Return what the chunks alone take, from the time on one thread: the rest is the cost of a region."""
    return time - (costs.region + len(case.work) * costs.chunk)


def validate(bench: Bench, costs: Costs, loop: Loop, memory: np.ndarray, only: str = "") -> list[Result]:
    memories = nodes()
    serial: dict[str, float] = {}
    results = []
    for case in cases(CORES):
        if only not in case.name:
            continue
        batches, time = measured(bench, case, loop, memory)
        # The cost of a chunk comes from the one-thread case; the model predicts the effect of threads.
        if case.threads == 1:
            serial[case.name] = serial_work(costs, case, time) if batches else sum(case.work)
        slower = loop.slower if case.threads > 1 else 1.0
        results.append(Result(case, batches, time, predicted(costs, case, slower * serial[case.name], CORES, memories)))
    return results


def speed_ups(
    bench: Bench, costs: Costs, loop: Loop, memory: np.ndarray, published: Sequence[Prediction]
) -> dict[Key, float]:
    """Measure the speed-up of each published prediction. NaN: the machine was disturbed.

    A core that has a faster clock while the others are idle counts as if it had not: predictions know one clock.
    """
    serial: dict[str, float] = {}
    found = {}
    for each in published:
        reads = each.region == READ
        work = [0.0] * 256 if reads else PUBLISHED_SHAPES[each.region]
        size = 1 << 21 if reads else 0
        if each.region not in serial:
            case = Case(each.region, work, 1, bytes=size)
            _, time = measured(bench, case, loop, memory)
            serial[each.region] = time if reads else loop.slower * serial_work(costs, case, time)
        pause = ASLEEP if each.workers == "sleep" else 0
        case = Case(each.region, work, each.cores, pause, bytes=size)
        _, time = measured(bench, case, loop, memory, warm=pause == 0)
        found[each.key] = serial[each.region] / time
    return found


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
