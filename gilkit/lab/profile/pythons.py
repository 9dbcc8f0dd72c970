"""How long other interpreters take: to start, to import, and for each kind of work compared with this one."""

from __future__ import annotations

import json
import mmap
import subprocess
import sys
import time
from collections.abc import Sequence
from statistics import median
from typing import Any

from ..interpreters import Interpreter, environment
from .operations import Work
from .predict import OtherPython

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
    Work.GENERATORS: """
def numbers(n):
    for i in range(n):
        yield i
def run():
    for i in numbers(20000):
        pass
    max(numbers(10000))
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
        n = n + i - 3
        if n < i and x > 1.0:
            n += 1
""",
    Work.OPERATORS: """
def run():
    n = 1
    for i in range(10000):
        n = (n << 7 | i) % 2147483647
        m = (i ^ n) % 97 // 3 & 7
""",
    Work.TEXT: """
def run():
    for i in range(10000):
        f"item {i}: {i:05}"
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
# Functions in C that may be compiled otherwise there, or use another library or allocator. By the name of their module.
_FUNCTIONS = {
    # Some allocators give the memory of a large block back to the system some milliseconds after it was freed.
    "bytes": """
import time
def run(seed=bytes(range(32))):
    took = 0.0
    for i in range(8):
        begun = time.process_time()
        block = seed * 125000
        took += time.process_time() - begun
        time.sleep(0.015)
        begun = time.process_time()
        del block
        took += time.process_time() - begun
    return took
""",
    "hashlib": """
import hashlib
def run(data=bytes(1 << 20)):
    hashlib.sha256(data).digest()
""",
    "zlib": """
import zlib
text = "".join(f"{i:08} {i * i % 997} {i % 89}" for i in range(4000)).encode()
def run():
    zlib.decompress(zlib.compress(text, 6))
""",
}
# Functions in C that programs call often. Versions of CPython differ in how they are called.
_CALLS = {
    "min": "min(i, 5, 7)", "max": "max(i, 5, 7)", "len": "len(row)", "isinstance": "isinstance(i, int)", "int": "int(text)",
    "str": "str(i)", "abs": "abs(i)", "sum": "sum(row)", "sorted": "sorted(row)", ".append": "out.append(i)",
    ".get": "table.get(i)", ".join": "text.join(words)", ".split": "line.split()",
}  # fmt: skip
_CALLED = """
def run():
    row, words, table, out, text, line = list(range(50)), ["a", "b"] * 9, {{1: 2}}, [], "31", "a b c d"
    for i in range(2000):
        {call}
"""
# CPU time, because other programs may use the cores.
_TIMED = """
import json, sys, time
found = {}
for name, program in json.load(sys.stdin).items():
    space = {}
    try:
        exec(program, space)
    except ImportError:
        continue
    run, times = space["run"], []
    run()
    for _ in range(5):
        begun = time.process_time()
        took = run()  # its own time, if only a part of it counts
        times.append(time.process_time() - begun if took is None else took)
    found[name] = min(times)
print(json.dumps(found))
"""
_IMPORTED = """
import sys, time
begun = time.process_time()
for name in sys.argv[1:]:
    __import__(name)
print(time.process_time() - begun)
"""
USUAL_MODULES = ("json", "logging", "subprocess")


def ask(command: Sequence[str], env: dict[str, str] | None = None, text: str = "") -> Any:
    """Return the JSON value that an interpreter prints, or None if it fails."""
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, encoding="utf-8", timeout=60, check=True, env=env
        )
        return json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def compare(other: Interpreter, modules: Sequence[str] = ()) -> OtherPython | None:
    """Compare another interpreter with this one, or return None if one of them fails. They take turns.

    ``modules`` are those whose import is timed; by default a few of the standard library.
    """
    called = {name: _CALLED.format(call=call) for name, call in _CALLS.items()}
    programs = json.dumps({**_PROGRAMS, **_FUNCTIONS, **called})
    rounds = []
    for _ in range(ROUNDS):
        both = []
        for executable, env in ((sys.executable, None), (other.executable, environment())):
            times = ask([executable, "-S", "-c", _TIMED], env, programs)
            imported = ask([executable, "-c", _IMPORTED, *(modules or USUAL_MODULES)], env)
            if times is None or imported is None:
                return None
            both.append((times, imported, start(executable, env)))
        rounds.append(both)
    ratios = {
        name: median(there[0][name] / here[0][name] for here, there in rounds)
        for name in rounds[0][0][0]
        if name in rounds[0][1][0]
    }
    return OtherPython(
        {work: ratios.pop(work) for work in Work},
        ratios,
        imports=median(there[1] / here[1] for here, there in rounds),
        start=median(there[2] - here[2] for here, there in rounds),
        page=page(),
    )


def page() -> float:
    """Return the CPU seconds in which the kernel provides a page of memory and takes it back."""
    return median(_page() for _ in range(ROUNDS))


def _page() -> float:
    size = 8 << 20
    block = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    block.madvise(mmap.MADV_NOHUGEPAGE)
    began = time.thread_time()
    for at in range(0, size, mmap.PAGESIZE):
        block[at] = 1
    block.close()
    return (time.thread_time() - began) * mmap.PAGESIZE / size


def start(executable: str = sys.executable, env: dict[str, str] | None = None, rounds: int = 1) -> float:
    """Return the CPU seconds in which an interpreter starts and ends."""
    import resource  # not on Windows

    took = []
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([executable, "-c", "pass"], stdin=subprocess.DEVNULL, check=False, env=env)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return median(took)
