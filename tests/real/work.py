"""The work that every server does with gilkit, and the check of its answers, which uses only NumPy and hashlib."""

from __future__ import annotations

import functools
import hashlib
import time

import numpy as np

ITEMS = 40
KINDS = ("kernels", "map", "locks", "turns")
INSIDE: list[int] = []


def numbers(seed: int) -> np.ndarray:
    return ((np.arange(100_000) * 7919 + seed) % 100_003).astype(float)


def digest(number: int) -> str:
    return hashlib.sha256(str(number).encode() * 3000).hexdigest()


def kernels(seed: int) -> list[float]:
    import gilkit

    values = numbers(seed)
    ordered = gilkit.sort(values)
    counts = gilkit.bincount(values.astype(np.int64) % 10)
    return [float(gilkit.sum(values)), float(ordered[seed]), float(gilkit.max(values)), *map(int, counts)]


def mapped(seed: int) -> list[str]:
    import gilkit

    return list(gilkit.map(digest, range(seed, seed + ITEMS)))


def locks(seed: int) -> int:
    import gilkit
    import gilkit.sync

    lock, total = gilkit.sync.Lock(), [seed]

    def add(number: int) -> None:
        with lock:
            total[0] += number

    gilkit.map(add, range(ITEMS))
    return total[0]


@functools.cache
def shared_locks() -> list[object]:
    import gilkit.sync

    return [gilkit.sync.Lock(), gilkit.sync.RLock(), gilkit.sync.RWLock().writer(), gilkit.sync.Semaphore()]


def turns(seed: int) -> int:
    """Hold one lock of the process during a sleep; under gevent and eventlet, others that want it are greenlets."""
    with shared_locks()[seed % 4]:
        time.sleep(0.002)
    with shared_locks()[0]:
        INSIDE.append(seed)
        alone = len(INSIDE) == 1
        time.sleep(0.001)
        INSIDE.remove(seed)
    return seed if alone else -1


def sleep(seed: int) -> list[int]:
    """Map items that sleep; under gevent, each switches to other greenlets."""
    import gilkit

    def item(number: int) -> int:
        time.sleep(0.002)
        return number * seed

    return list(gilkit.map(item, range(8)))


def expected(kind: str, seed: int) -> object:
    if kind == "kernels":
        values = numbers(seed)
        counts = np.bincount(values.astype(np.int64) % 10)
        return [float(np.sum(values)), float(np.sort(values)[seed]), float(np.max(values)), *counts.tolist()]
    if kind == "map":
        return [digest(number) for number in range(seed, seed + ITEMS)]
    if kind == "locks":
        return seed + ITEMS * (ITEMS - 1) // 2
    return seed if kind == "turns" else [number * seed for number in range(8)]


def answer(kind: str, seed: int) -> object:
    return {"kernels": kernels, "map": mapped, "locks": locks, "turns": turns, "sleep": sleep}[kind](seed)
