"""What a process and its children have used, from the operating system."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from .worker.gilkit_tasks import usage as own

_left_out = 0.0


def clock() -> float:
    """time.perf_counter(), less what leave_out() was told of: for timing what happens in another process, without the
    time that asking it and hearing from it takes. For one thread at a time."""
    return time.perf_counter() - _left_out


def leave_out(seconds: float) -> None:
    """Takes so many of the seconds just passed out of clock(). More than have passed would turn it back."""
    global _left_out
    _left_out += seconds


@dataclass(frozen=True)
class Usage:
    """Wall time, CPU seconds and context switches of some stretch of work, children counted in."""

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
        """CPU time per wall time, 100 for one full core."""
        return 100 * self.cpu / self.wall if self.wall > 0 else 0.0

    def to_json(self) -> dict[str, float]:
        return asdict(self)

    def __add__(self, other: Usage) -> Usage:
        """One stretch after another."""
        return Usage(
            self.wall + other.wall,
            self.user + other.user,
            self.system + other.system,
            self.voluntary + other.voluntary,
            self.involuntary + other.involuntary,
        )


def process_cpu(pid: int) -> tuple[float, float]:
    """User and system CPU seconds of a living process, all its threads.

    /proc counts in ticks of 10 ms; on Linux the process's CPU clock gives the sum to the nanosecond, and the ticks
    only say how to divide it.
    """
    import psutil

    try:
        times = psutil.Process(pid).cpu_times()
        user, system = times.user, times.system
        if sys.platform == "linux":
            # The clock id of another process's CPU time, as clock_getcpuclockid(3) makes it.
            exact = time.clock_gettime((~pid << 3) | 2)
            ticks = user + system
            return (exact * user / ticks, exact * system / ticks) if ticks else (exact, 0.0)
        return user, system
    except (psutil.Error, OSError):
        return 0.0, 0.0  # gone


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
    """CPU seconds of a living process and its living descendants so far; for the live view."""
    return sum(sum(process_cpu(each)) for each in [pid, *descendants(pid)])


class Meter:
    """Measures a stretch of this process's work, and of the children that live through it.

    ::

        with Meter() as meter:
            work()
        print(meter.usage.cpu_percent)

    Children that start and end inside the stretch count as well, once they have been waited for. Not to be shared
    between threads.
    """

    usage: Usage

    def __init__(self, children: Iterable[int] | None = None) -> None:
        self._given = None if children is None else list(children)

    def _children(self) -> tuple[dict[int, tuple[float, float]], dict[int, tuple[int, int]]]:
        children = descendants(os.getpid()) if self._given is None else self._given
        return {pid: process_cpu(pid) for pid in children}, {pid: _switches(pid) for pid in children}

    # What this process has used is looked at last before the stretch and first after it: asking for the children's
    # usage takes CPU time of its own, which would make short stretches look busier than they are.

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
        # Children that have been waited for are in the totals of the reaped, whole: what they had used before the
        # stretch began is taken off again.
        gone = [pid for pid in cpu0 if pid not in cpu1]
        user += max(0.0, reaped1.children_user - reaped0.children_user - sum(cpu0[pid][0] for pid in gone))
        system += max(0.0, reaped1.children_system - reaped0.children_system - sum(cpu0[pid][1] for pid in gone))
        for pid, counts in switches1.items():
            first = switches0.get(pid, (0, 0))
            voluntary += max(0, counts[0] - first[0])
            involuntary += max(0, counts[1] - first[1])
        self.usage = Usage(wall, user, system, voluntary, involuntary)
