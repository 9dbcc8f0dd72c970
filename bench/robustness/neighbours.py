"""Two thread pools that alternate in one process, against each alone: gilkit, OpenBLAS, numba and OpenMP in pairs.

    python bench/robustness/neighbours.py

Each pair runs in its own process: one part alone, the other alone, and the two alternating. The figures are the time of
the alternation over the sum of both alone, and each part's time within the alternation over its time alone. `passive`
means OMP_WAIT_POLICY=passive, with which libgomp's threads sleep between loops instead of spinning for milliseconds.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from peers import PEERS

import gilkit

N = 20_000_000
TURNS = 10
ROUNDS = 15


def own() -> Callable[[], object]:
    return lambda: gilkit.spin(10_000_001)


def blas() -> Callable[[], object]:
    matrix = np.random.default_rng(1).random((500, 500))
    return lambda: matrix @ matrix


def peer(name: str) -> Callable[[], Callable[[], object]]:
    def make() -> Callable[[], object]:
        total = PEERS[name]().total
        return lambda: total(N)

    return make


PARTS = {"gilkit": own, "OpenBLAS": blas, "numba omp": peer("numba omp"), "libgomp": peer("libgomp")}

PAIRS = [
    ("gilkit", "OpenBLAS", ""),
    ("gilkit", "numba omp", ""),
    ("gilkit", "numba omp", "passive"),
    ("gilkit", "libgomp", ""),
    ("gilkit", "libgomp", "passive"),
    ("OpenBLAS", "numba omp", ""),
    ("OpenBLAS", "libgomp", ""),
]


def seconds(*parts: Callable[[], object]) -> list[float]:
    """Call the parts alternately and return the total seconds of each."""
    taken = [0.0] * len(parts)
    for _ in range(TURNS):
        for i, part in enumerate(parts):
            start = time.perf_counter()
            part()
            taken[i] += time.perf_counter() - start
    return taken


def compare(first: str, second: str) -> None:
    a, b = PARTS[first](), PARTS[second]()
    seconds(a, b)
    ratios = []
    for i in range(ROUNDS):
        orders = [(a,), (b,), (a, b)]
        taken = {order: seconds(*order) for order in (orders if i % 2 else orders[::-1])}
        (alone_a,), (alone_b,), (in_turn_a, in_turn_b) = taken[a,], taken[b,], taken[a, b]
        ratios.append(((in_turn_a + in_turn_b) / (alone_a + alone_b), in_turn_a / alone_a, in_turn_b / alone_b))
    whole = sorted(ratio[0] for ratio in ratios)
    low, high = whole[ROUNDS // 4], whole[-1 - ROUNDS // 4]
    parts = [statistics.median(ratio[part] for ratio in ratios) for part in (1, 2)]
    print(
        f"{statistics.median(whole):.2f} ({low:.2f} to {high:.2f}) | {first} {parts[0]:.2f}, {second} {parts[1]:.2f} |",
        flush=True,
    )


def main() -> None:
    if len(sys.argv) == 3:
        compare(*sys.argv[1:])
        return
    print("| pair | alternating, relative to the sum of both alone (quartiles) | each part, relative to itself alone |")
    print("| --- | --- | --- |")
    for first, second, policy in PAIRS:
        environment = {**os.environ, **({"OMP_WAIT_POLICY": policy} if policy else {})}
        print(f"| {first} and {second}{f', {policy}' if policy else ''} | ", end="", flush=True)
        subprocess.run([sys.executable, __file__, first, second], env=environment, check=True)


if __name__ == "__main__":
    main()
