"""How much other programs used the cores while a benchmark ran."""

from __future__ import annotations

import os
import time
from statistics import median

import psutil

import gilkit
from gilkit.lab.measure import descendants, tree_cpu
from gilkit.lab.runner import OTHERS_PERCENT, STEAL_PERCENT, core_seconds

SHORTEST = 0.1  # seconds; the kernel counts in ticks of 10 ms
SPIN = 50_000_000  # steps of the probe, about 20 ms
SCALES = 0.85  # fraction of all cores; below it, other programs use some of them


def own_cpu() -> float:
    """Return the CPU seconds of this process and of its children, running and ended."""
    times = os.times()
    cpu = tree_cpu(os.getpid()) + times.children_user + times.children_system
    for pid in descendants(os.getpid()):
        try:
            ended = psutil.Process(pid).cpu_times()
            cpu += getattr(ended, "children_user", 0.0) + getattr(ended, "children_system", 0.0)
        except psutil.Error:
            pass
    return cpu


class Others:
    """Measure how much of the cores other programs and the host use from now on, in per cent of one core."""

    def __init__(self) -> None:
        self._before = self._read()

    @staticmethod
    def _read() -> tuple[float, float, float]:
        busy, steal = core_seconds()
        return busy - own_cpu(), steal, time.monotonic()

    def disturb(self) -> float | None:
        """Return the percentage of one core in use, or 0 if it is too little to disturb; None if the time was too
        short."""
        others, steal, wall = (now - before for now, before in zip(self._read(), self._before, strict=True))
        if wall < SHORTEST:
            return None
        others, steal = 100 * others / wall, 100 * steal / wall
        return others + steal if others > OTHERS_PERCENT or steal > STEAL_PERCENT else 0.0


def scaling() -> float:
    """Return the speed-up of a busy loop on all threads over one thread.

    The loop needs only the cores, so the result also reveals load that the system cannot count, such as other virtual
    machines on the host.
    """

    def seconds(threads: int) -> float:
        start = time.perf_counter()
        gilkit.spin(SPIN, threads=threads)
        return time.perf_counter() - start

    seconds(gilkit.num_threads())  # starts the pool
    return median(seconds(1) / seconds(gilkit.num_threads()) for _ in range(5))
