"""The model's predictions for 4 to 256 cores."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace

from machine import Costs, Machine
from model import Policy, Pool, Region

CORES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
HOP = 60.0  # nanoseconds; assumed transfer of a line between cores on a server's mesh
BEFORE = Policy(least=0.0, fanout=2)  # the pool's policy before the model was used to tune it

SHAPES: dict[str, Sequence[float]] = {
    "fine, 20 µs": [20e3 / 1024] * 1024,
    "fine, 100 µs": [100e3 / 1024] * 1024,
    "fine, 1 ms": [1e6 / 1024] * 1024,
    "medium, 10 ms": [10e6 / 1024] * 1024,
    "uneven (0 to 20 µs), 10 ms": [20.0 * i for i in range(1024)],
    "cliff (0.1, then 20 µs)": [100.0] * 200 + [20_000.0] * 824,
    "coarse, 256 × 1 ms": [1e6] * 256,
}


def larger(costs: Costs, hop: float = HOP) -> Costs:
    """Return the measured costs, adjusted for a larger machine: lines travel farther, and each woken thread wakes a core."""
    factor = hop / costs.transfer
    return replace(
        costs, transfer=hop, swap=costs.swap * factor, notice=costs.notice * factor, wake_more=costs.wake_call
    )


def speed_up(
    machine: Machine, work: Sequence[float], policy: Policy | None = None, pause: float = 1e6, threads: int = 0
) -> float:
    """Return the speed-up over one thread.

    After a pause before each region, the workers sleep; with pause=0 they still spin.

    threads: the region's own limit; 0: as many as there are cores.
    """
    cores = machine.cores
    warm = [Region([1e5] * 1024, cores, body="warm")] * 2
    # Pauses of different lengths avoid resonance between callers.
    regions = [Region(work, threads or cores, pause=pause + 1000.0 * i) for i in range(10 if pause == 0 else 4)]
    calls = Pool(machine, policy).run([*warm, *regions])[0][4:]
    return sum(work) / statistics.mean(call.time for call in calls)


def memory(machine: Machine, home: Callable[[int], int] | None) -> float:
    """Return the bytes per nanosecond at which 256 chunks of 4 MB are read."""
    size = 4e6
    region = Region([0.0] * 256, machine.cores, eager=True, bytes=size, home=home)
    call = Pool(machine).run([region] * 2)[0][-1]
    return 256 * size / call.time


def table(costs: Costs) -> str:
    lines = [
        "| region | workers |" + "".join(f" {cores} |" for cores in CORES),
        "| --- | --- |" + " --- |" * len(CORES),
    ]
    for name, work in SHAPES.items():
        for label, pause in (("spin", 0.0), ("sleep", 1e6)):
            row = [speed_up(Machine(larger(costs), cores), work, pause=pause) / cores for cores in CORES]
            lines.append(f"| {name} | {label} |" + "".join(f" {value:.0%} |" for value in row))
    return "\n".join(lines)


def homes(costs: Costs) -> str:
    lines = ["| cores | all on one node | spread evenly | on the node that reads it |", "| --- | --- | --- | --- |"]
    for cores in (16, 64, 128, 256):
        machine = Machine(larger(costs), cores)
        rates = [memory(machine, home) for home in (lambda _: 0, lambda chunk, m=machine: chunk % m.nodes, None)]
        lines.append(f"| {cores} |" + "".join(f" {rate:.0f} GB/s |" for rate in rates))
    return "\n".join(lines)


def pieces(costs: Costs) -> str:
    """Return the efficiency of one reduction that is cut into few or many chunks."""
    counts = (256, 512, 1024, 2048, 4096)
    lines = [
        "| one thread | cores |" + "".join(f" {chunks} |" for chunks in counts),
        "| --- | --- |" + " --- |" * len(counts),
    ]
    for total in (20e6, 100e6):
        for cores in (64, 128, 192):
            machine = Machine(larger(costs), cores)
            row = [speed_up(machine, [total / chunks] * chunks, pause=0.0) / cores for chunks in counts]
            lines.append(f"| {total / 1e6:.0f} ms | {cores} |" + "".join(f" {value:.0%} |" for value in row))
    return "\n".join(lines)


REDESIGNS = {
    "as it is": Policy(),
    "16 words": Policy(words=16),
    "heralds too": Policy(words=16, heralds=True),
    "timed alone": Policy(timed_alone=True),
    "timed, 16 words": Policy(timed_alone=True, words=16),
}
FEWER = (8, 16, 32)


def redesigns(costs: Costs) -> str:
    """Return the speed-ups of short regions with spinning workers: as it is, with other protocols, and with fewer threads."""
    columns = [*REDESIGNS, *(f"threads={threads}" for threads in FEWER)]
    lines = [
        "| region | cores |" + "".join(f" {name} |" for name in columns),
        "| --- | --- |" + " --- |" * len(columns),
    ]
    for name in ("fine, 20 µs", "fine, 100 µs", "fine, 1 ms", "medium, 10 ms", "cliff (0.1, then 20 µs)"):
        for cores in (2, 16, 64, 128):
            machine = Machine(larger(costs), cores)
            row = [speed_up(machine, SHAPES[name], policy, pause=0.0) for policy in REDESIGNS.values()]
            row += [speed_up(machine, SHAPES[name], pause=0.0, threads=threads) for threads in FEWER if threads < cores]
            values = "".join(f" {value:.1f} |" for value in row)
            lines.append(f"| {name} | {cores} |{values}" + " |" * (len(columns) - len(row)))
    return "\n".join(lines)


def picture(costs: Costs, path: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "gilkit"  # the same figures give the same file
    from matplotlib import pyplot

    figure, both = pyplot.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
    for axes, (title, pause) in zip(both, (("workers spin", 0.0), ("workers sleep", 1e6)), strict=True):
        for place, (name, work) in enumerate(SHAPES.items()):
            for policy, style in ((None, "-"), (BEFORE, ":")):
                values = [speed_up(Machine(larger(costs), cores), work, policy, pause) / cores for cores in CORES]
                axes.plot(CORES, values, style, color=f"C{place}", label=name if policy is None else None)
        axes.set(xscale="log", title=title, xlabel="cores", ylim=(0, 1.05))
        axes.set_xticks(CORES, [str(cores) for cores in CORES])
    both[0].set_ylabel("efficiency, predicted (dotted: before)")
    both[1].legend(fontsize="small")
    figure.savefig(path, metadata={"Date": None})
