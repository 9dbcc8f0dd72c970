"""How long other interpreters take: to start, and for pure Python compared with this one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from statistics import median

from ..interpreters import Interpreter, environment
from .operations import Work

ROUNDS = 3
# A short program for each kind of work. The time of the loop around the work counts too, as in programs.
_PROGRAMS = {
    Work.CALLS: """
class Point:
    def __init__(self, x):
        self.x = x
    def moved(self, d):
        return Point(self.x + d)
def run():
    p = Point(1)
    for i in range(10000):
        p = p.moved(i)
""",
    Work.ITEMS: """
def run():
    row, counts = list(range(100)), {}
    for i in range(10000):
        k = i % 97
        row[k] = row[k + 1]
        counts[k] = counts.get(k, 0)
        a, b = k, row[k]
        row.append(a)
""",
    Work.ARITHMETIC: """
def run():
    x, n = 0.5, 0
    for i in range(10000):
        x = x * 0.5 + 1.5
        n = (n * 31 + i) % 1013
        if n < i and x > 1.0:
            n += 1
""",
    Work.STEPS: """
def run():
    a = b = c = 0
    for i in range(20000):
        a = b
        b = c
        c = i
""",
    Work.C: """
def run():
    words = [str(i * 7919 % 1013) for i in range(200)]
    for i in range(100):
        sorted(words)
        min(i, 5, 7)
        ",".join(words)
        sum(range(200))
""",
}
_TIMED = """
import time
run()
times = []
for _ in range(7):
    begun = time.perf_counter()
    run()
    times.append(time.perf_counter() - begun)
print(min(times))
"""


def seconds_of(executable: str, program: str, env: dict[str, str] | None = None) -> float | None:
    """Return the number that a program prints, or None if it fails."""
    try:
        done = subprocess.run(
            [executable, "-S", "-c", program], capture_output=True, text=True, timeout=60, check=True, env=env
        )
        return float(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def slower(other: Interpreter) -> dict[Work, float] | None:
    """Return the time of another interpreter for each kind of work on one core, divided by this one's. They take turns."""
    found = {}
    for work, program in _PROGRAMS.items():
        ratios = []
        for _ in range(ROUNDS):
            ours = seconds_of(sys.executable, program + _TIMED)
            theirs = seconds_of(other.executable, program + _TIMED, environment())
            if ours is None or theirs is None:
                return None
            ratios.append(theirs / ours)
        found[work] = median(ratios)
    return found


def start() -> float:
    """Return the seconds in which this interpreter starts and ends."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], stdin=subprocess.DEVNULL, check=False, env=dict(os.environ))
        took.append(time.perf_counter() - began)
    return median(took)
