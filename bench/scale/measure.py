"""Measure the steps of the pool's protocol on this machine, and real regions to compare the model with."""

from __future__ import annotations

import ctypes
import os
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from machine import Costs

from gilkit import _core

HERE = Path(__file__).resolve().parent
CAPSULE = b"gilkit._core.exports"
CORES = min(len(os.sched_getaffinity(0)), 512)  # costs.c has room for twice as many threads
MICROSECOND, MILLISECOND = 1_000, 1_000_000


class Bench:
    """The compiled costs.c."""

    def __init__(self, folder: Path) -> None:
        path = folder / "costs.so"
        compiler = os.environ.get("CC", "cc")
        command = [compiler, "-O2", "-std=gnu11", "-shared", "-fPIC", "-pthread", "-I", str(HERE.parents[1] / "csrc")]
        subprocess.run([*command, "-o", str(path), str(HERE / "costs.c")], check=True)
        self.c = ctypes.CDLL(str(path))
        for name in (
            "atomic",
            "clock",
            "contended_add",
            "contended_swap",
            "turn",
            "turn_length",
            "loop",
            "loop_of_all",
        ):
            getattr(self.c, f"cost_{name}").restype = ctypes.c_double
        pointer = ctypes.pythonapi.PyCapsule_GetPointer
        pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
        self.table = ctypes.c_void_p(pointer(_core.exports, CAPSULE))

    def times(self, function: str, *arguments: int, rounds: int) -> tuple[float, float]:
        """Return the medians of the two times that cost_wake and cost_start record."""
        calls, latencies = (ctypes.c_int64 * rounds)(), (ctypes.c_int64 * rounds)()
        converted = [ctypes.c_int64(value) for value in arguments]
        if getattr(self.c, f"cost_{function}")(*converted, ctypes.c_int(rounds), calls, latencies) != 0:
            raise RuntimeError("the system has no threads left")
        return statistics.median(calls), statistics.median(latencies)

    def loop(self) -> float:
        """Return the nanoseconds of one round of the busy loop."""
        return best([self.c.cost_loop(ctypes.c_int64(1_000_000)) for _ in range(9)])

    def loop_of_all(self, count: int) -> float:
        """Return the nanoseconds of one round while every core runs the loop."""
        return float(self.c.cost_loop_of_all(ctypes.c_int64(count), ctypes.c_int(CORES)))

    def regions(
        self,
        loops: Sequence[int] | None,
        chunks: int,
        *,
        threads: int,
        callers: int = 1,
        eager: bool = False,
        pause: int = 0,
        regions: int = 1,
        memory: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the nanoseconds of real regions, one row per caller.

        `loops` has the rounds of each chunk; if None, each chunk reads an equal share of `memory`, or does nothing. `pause`
        comes before each region.
        """
        taken = np.zeros((callers, regions), np.int64)
        array = None if loops is None else np.asarray(loops, np.int64)
        status = self.c.regions_taken(
            self.table,
            ctypes.c_int(callers),
            ctypes.c_int64(chunks),
            None if array is None else array.ctypes.data_as(ctypes.c_void_p),
            None if memory is None else memory.ctypes.data_as(ctypes.c_void_p),
            ctypes.c_int64(0 if memory is None else memory.size // chunks),
            ctypes.c_int(threads),
            ctypes.c_int(eager),
            ctypes.c_int64(pause),
            ctypes.c_int(regions),
            taken.ctypes.data_as(ctypes.c_void_p),
        )
        if status != 0:
            raise RuntimeError("the system has no threads left")
        return taken


def best(values: Sequence[float]) -> float:
    """Return the lower quartile, which leaves out runs that other programs disturbed."""
    return float(np.quantile(values, 0.25))


def costs(bench: Bench) -> Costs:
    """Measure all costs, in about twenty seconds."""
    c = bench.c

    def repeated(name: str, count: int, times: int = 9) -> float:
        return best([getattr(c, f"cost_{name}")(ctypes.c_int64(count)) for _ in range(times)])

    def between_cores(name: str, count: int) -> float:
        # A single core never waits for another's lines.
        return repeated(name if CORES > 1 else "atomic", count)

    wake_call, wake_latency = bench.times("wake", 1, MILLISECOND, rounds=300)
    wake_two, _ = bench.times("wake", 2, MILLISECOND, rounds=300)
    wake_nobody, _ = bench.times("wake", 0, 0, rounds=1000)
    start_call, start_latency = bench.times("start", MILLISECOND, rounds=200)
    many = 100_000
    empty = [bench.regions(None, many, threads=1, regions=5)[0] / many for _ in range(5)]
    alone = bench.regions(None, 1, threads=1, regions=2000)[0]

    # Far larger than the caches, so every read comes from memory.
    size = 128
    memory = np.ones(size * 1_000_000 // 8 * 4)  # 512 MB
    read = {}
    for threads in sorted({1, CORES}):
        taken = bench.regions(None, 256, threads=threads, eager=True, regions=7, memory=memory)[0]
        read[threads] = memory.nbytes / best(taken[1:])
    return Costs(
        atomic=repeated("atomic", 1_000_000),
        transfer=between_cores("contended_add", 300_000),
        swap=between_cores("contended_swap", 300_000),
        notice=between_cores("turn", 100_000),
        clock=best([c.cost_clock(bench.table, ctypes.c_int64(1_000_000)) for _ in range(9)]),
        wake_call=wake_call,
        wake_more=max(wake_two - wake_call, 0.0),
        wake_nobody=wake_nobody,
        wake_latency=wake_latency,
        start_call=start_call,
        start_latency=start_latency,
        chunk=best(np.concatenate(empty)),
        region=best(alone),
        turn=c.cost_turn_length(ctypes.c_int(2 * CORES), ctypes.c_int(CORES), ctypes.c_int64(1000 * MILLISECOND)),
        read_one=read[1],
        read_all=read[CORES],
    )
