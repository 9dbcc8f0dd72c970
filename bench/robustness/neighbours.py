"""gilkit in turn with NumPy's OpenBLAS, numba and OpenMP in one process, against each alone.

    python bench/robustness/neighbours.py

A pair runs three ways, in turn: gilkit's part alone, the neighbour's part alone, and the two alternating. The figure is
the time of the alternation over the sum of the parts.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
from peers import PEERS

import gilkit

N = 20_000_000
TURNS = 10
ROUNDS = 11


def blas() -> Callable[[], object]:
    matrix = np.random.default_rng(1).random((500, 500))
    return lambda: matrix @ matrix


def numba() -> Callable[[], object]:
    peer = PEERS["numba omp"]()
    return lambda: peer.total(N)


def openmp() -> Callable[[], object]:
    peer = PEERS["libgomp"]()
    return lambda: peer.total(N)


def seconds(*parts: Callable[[], object]) -> float:
    start = time.perf_counter()
    for _ in range(TURNS):
        for part in parts:
            part()
    return time.perf_counter() - start


def main() -> None:
    def own() -> None:
        assert gilkit.spin(10_000_001) == 1

    for name, make in {"OpenBLAS (NumPy)": blas, "numba, omp": numba, "libgomp": openmp}.items():
        other = make()
        seconds(own, other)
        ratios = []
        for i in range(ROUNDS):
            orders = [(own,), (other,), (own, other)]
            taken = {order: seconds(*order) for order in (orders if i % 2 else orders[::-1])}
            ratios.append(taken[own, other] / (taken[own,] + taken[other,]))
        ratios.sort()
        print(
            f"{name}: in turn {statistics.median(ratios):.3f} times the sum of both ({ratios[2]:.3f} to {ratios[-3]:.3f})"
        )


if __name__ == "__main__":
    main()
