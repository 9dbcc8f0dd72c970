"""The work that every server does with gilkit, and the check of its answers, which uses only NumPy and hashlib."""

from __future__ import annotations

import hashlib
import time

import numpy as np

ITEMS = 40
KINDS = ("kernels", "map", "locks")


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
    return [number * seed for number in range(8)]


def answer(kind: str, seed: int) -> object:
    return {"kernels": kernels, "map": mapped, "locks": locks, "sleep": sleep}[kind](seed)
