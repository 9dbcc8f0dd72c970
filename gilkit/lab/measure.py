"""CPU time and context switches of a process and its children, from the operating system."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from .worker.gilkit_tasks import usage as own

_left_out = 0.0


def clock() -> float:
    """Return time.perf_counter() less the seconds given to leave_out().

    It times work in another process without the time of the request and the answer. For one thread at a time.
    """
    return time.perf_counter() - _left_out


def leave_out(seconds: float) -> None:
    """Exclude ``seconds`` of the time just passed from clock(). More than has passed would turn the clock back."""
    global _left_out
    _left_out += seconds


@dataclass(frozen=True)
class Usage:
    """Wall time, CPU seconds and context switches of a stretch of work, children included."""

    wall: float
    user: float
    system: float
    voluntary: int = 0
    involuntary: int = 0

    @property
    def cpu(self) -> float:
        return self.user + self.system

    @property
    def cpu_percent(self) -> float:
        """Return CPU time per wall time in per cent; 100 is one full core."""
        return 100 * self.cpu / self.wall if self.wall > 0 else 0.0

    def to_json(self) -> dict[str, float]:
        return asdict(self)

    def __add__(self, other: Usage) -> Usage:
        """Return the usage of one stretch followed by another."""
        return Usage(
            self.wall + other.wall,
            self.user + other.user,
            self.system + other.system,
            self.voluntary + other.voluntary,
            self.involuntary + other.involuntary,
        )


def process_cpu(pid: int) -> tuple[float, float]:
    """Return the user and system CPU seconds of all threads of a living process.

    /proc counts in ticks of 10 ms. On Linux the process's CPU clock gives the exact sum, and the ticks only give the
    proportion of the two.
    """
    import psutil

    try:
        times = psutil.Process(pid).cpu_times()
        user, system = times.user, times.system
        if sys.platform == "linux":
            # The id of another process's CPU clock, as clock_getcpuclockid(3) computes it.
            exact = time.clock_gettime((~pid << 3) | 2)
            ticks = user + system
            return (exact * user / ticks, exact * system / ticks) if ticks else (exact, 0.0)
        return user, system
    except (psutil.Error, OSError):
        return 0.0, 0.0  # the process has ended


def _switches(pid: int) -> tuple[int, int]:
    import psutil

    try:
        counts = psutil.Process(pid).num_ctx_switches()
        return counts.voluntary, counts.involuntary
    except (psutil.Error, OSError, NotImplementedError):
        return 0, 0


def descendants(pid: int) -> list[int]:
    import psutil

    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []


def tree_cpu(pid: int) -> float:
    """Return the CPU seconds so far of a living process and its living descendants, for the live view."""
    return sum(sum(process_cpu(each)) for each in [pid, *descendants(pid)])


class Meter:
    """Measure a stretch of work of this process and its children.

    ::

        with Meter() as meter:
            work()
        print(meter.usage.cpu_percent)

    Children that start and end inside the stretch count too, once they have been waited for. Threads must not share a
    Meter.
    """

    usage: Usage

    def __init__(self, children: Iterable[int] | None = None) -> None:
        self._given = None if children is None else list(children)

    def _children(self) -> tuple[dict[int, tuple[float, float]], dict[int, tuple[int, int]]]:
        children = descendants(os.getpid()) if self._given is None else self._given
        return {pid: process_cpu(pid) for pid in children}, {pid: _switches(pid) for pid in children}

    # Read this process's own usage last before the stretch and first after it: reading the children's usage takes CPU
    # time, which would make short stretches look busier than they are.

    def __enter__(self) -> Meter:
        self._before = self._children()
        self._mine = own.usage(), os.times()
        self._start = time.perf_counter()
        return self

    def __exit__(self, *exception: object) -> None:
        wall = time.perf_counter() - self._start
        mine1, reaped1 = own.usage(), os.times()
        mine0, reaped0 = self._mine
        cpu0, switches0 = self._before
        cpu1, switches1 = self._children()
        user = mine1["user"] - mine0["user"]
        system = mine1["system"] - mine0["system"]
        voluntary = int(mine1.get("voluntary", 0) - mine0.get("voluntary", 0))
        involuntary = int(mine1.get("involuntary", 0) - mine0.get("involuntary", 0))
        for pid, (child_user, child_system) in cpu1.items():
            before = cpu0.get(pid, (0.0, 0.0))
            user += max(0.0, child_user - before[0])
            system += max(0.0, child_system - before[1])
        # The totals of reaped children include what those had used before the stretch, which is subtracted here.
        gone = [pid for pid in cpu0 if pid not in cpu1]
        user += max(0.0, reaped1.children_user - reaped0.children_user - sum(cpu0[pid][0] for pid in gone))
        system += max(0.0, reaped1.children_system - reaped0.children_system - sum(cpu0[pid][1] for pid in gone))
        for pid, counts in switches1.items():
            first = switches0.get(pid, (0, 0))
            voluntary += max(0, counts[0] - first[0])
            involuntary += max(0, counts[1] - first[1])
        self.usage = Usage(wall, user, system, voluntary, involuntary)
