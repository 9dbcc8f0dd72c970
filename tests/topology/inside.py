"""gilkit on a machine of many cores and several nodes of memory: the number of threads, results, and where memory is.

usage: inside.py CORES NODES     (what this process may use; NODES 0: not checked)

boot.py packs this file into a virtual machine.
"""

from __future__ import annotations

import mmap
import os
import re
import sys
import threading
import time

import numpy as np

import gilkit


def nodes_of(memory: mmap.mmap) -> set[str]:
    """Return the nodes that have pages of the mapping, from numa_maps."""
    start = np.frombuffer(memory, np.uint8).ctypes.data
    with open("/proc/self/numa_maps") as lines:
        for line in lines:
            if int(line.split()[0], 16) == start:
                return set(re.findall(r"\bN(\d+)=", line))
    raise LookupError(f"no mapping begins at {start:x}")


def check_threads(cores: int) -> None:
    assert gilkit.num_threads() == cores, gilkit.info()
    everyone = threading.Barrier(cores)
    gilkit.map(lambda _: everyone.wait(60), range(cores), chunksize=1)
    assert gilkit.info()["workers"] == cores - 1, gilkit.info()


def check_bits(cores: int) -> None:
    a = np.random.default_rng(1).standard_normal(300_000)
    calls = {
        "sum": lambda: gilkit.sum(a),
        "var": lambda: gilkit.var(a),
        "dot": lambda: gilkit.dot(a, a),
        "sort": lambda: gilkit.sort(a),
        "cumsum": lambda: gilkit.cumsum(a),
        "histogram": lambda: gilkit.histogram(a, bins=100)[0],
        "uniform": lambda: gilkit.uniform(100_000, seed=1),
        "pi": lambda: gilkit.pi(100_000),
    }
    for name, call in calls.items():
        results = []
        for threads in (1, 2, cores):
            with gilkit.threads(threads):
                results.append(np.asarray(call()).tobytes())
        assert len(set(results)) == 1, name
    assert np.array_equal(gilkit.sort(a), np.sort(a))


def check_memory(nodes: int) -> None:
    """Pages are on the nodes of the threads that fill them."""
    seen: set[str] = set()
    for seed in range(5):
        memory = mmap.mmap(-1, 1 << 24)
        gilkit.uniform(1 << 21, out=np.frombuffer(memory), seed=seed)
        seen |= nodes_of(memory)
        if len(seen) == nodes:
            break
    assert nodes in (0, len(seen)), seen


def check_affinity(cores: int) -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[: len(before) // 2])
    wanted = min(len(before) // 2, cores)
    until = time.monotonic() + 60  # gilkit looks again after a second
    while gilkit.num_threads() != wanted:
        assert time.monotonic() < until, gilkit.info()
        time.sleep(0.1)
    assert gilkit.info()["affinity"] == len(before) // 2
    os.sched_setaffinity(0, before)


def check_fork() -> None:
    ones = np.ones(100_000)
    assert gilkit.sum(ones) == 100_000
    child = os.fork()
    if child == 0:
        os._exit(int(gilkit.sum(ones) != 100_000))
    assert os.waitpid(child, 0)[1] == 0


def main(cores: int, nodes: int) -> None:
    check_threads(cores)
    check_bits(cores)
    check_memory(nodes)
    check_affinity(cores)
    check_fork()
    print("passed:", gilkit.info())


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
