"""How long other interpreters take: to start, and for pure Python compared with this one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from statistics import median

from ..interpreters import Interpreter, environment

ROUNDS = 3
# Calls, attributes, arithmetic, lists, dicts and strings: what pure Python spends its time on. About 0.1 s.
_WORK = """
import time

class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y
    def moved(self, d):
        return Point(self.x + d, self.y * 0.5)

def work():
    p, counts, words = Point(1, 2.0), {}, []
    for i in range(60000):
        p = p.moved(i & 7)
        key = i % 97
        counts[key] = counts.get(key, 0) + p.x
        if not i % 5:
            words.append(str(i))
    return len(",".join(words)) + sum(v * v for v in counts.values())

work()
times = []
for _ in range(3):
    begun = time.perf_counter()
    work()
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


def slower(other: Interpreter) -> float | None:
    """Return the time of another interpreter for pure Python on one core, divided by this one's. They take turns."""
    ratios = []
    for _ in range(ROUNDS):
        ours, theirs = seconds_of(sys.executable, _WORK), seconds_of(other.executable, _WORK, environment())
        if ours is None or theirs is None:
            return None
        ratios.append(theirs / ours)
    return median(ratios)


def start() -> float:
    """Return the seconds in which this interpreter starts and ends."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], stdin=subprocess.DEVNULL, check=False, env=dict(os.environ))
        took.append(time.perf_counter() - began)
    return median(took)
