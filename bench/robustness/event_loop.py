"""gilkit in an event loop: when a cancelled call gives its thread back, and how late the loop is while all cores compute.

    python bench/robustness/event_loop.py [uvloop]

A call is cancelled 20 ms after it began. The time runs from task.cancel() to the end of the function in the thread. The
lateness of the loop is that of a task that sleeps 5 ms at a time.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable

import numpy as np

import gilkit

TRIALS = 150
SECONDS = 4.0
PEER_CALL = 5_000_000_000  # iterations, for asyncio.to_thread, which does not end them

VALUES = np.random.default_rng(1).random(4_000_000)


def milliseconds(times: list[float]) -> str:
    times = sorted(times)
    p99 = times[min(len(times) - 1, int(len(times) * 0.99))]
    return f"{1e3 * statistics.median(times):.2f} | {1e3 * p99:.2f} | {1e3 * times[-1]:.2f}"


CALLS: dict[str, Callable[[], object]] = {
    "spin": lambda: gilkit.spin(10**15),
    "sort, again and again": lambda: [gilkit.sort(VALUES) for _ in range(10**9)],
    "map of kernels": lambda: gilkit.map(lambda _: gilkit.spin(10**15, threads=1), range(100)),
}


async def cancel_times(
    to_thread: Callable[..., Awaitable[object]], call: Callable[[], object], trials: int
) -> list[float]:
    times = []
    for _ in range(trials):
        ended: list[float] = []
        over = threading.Event()

        def work(ended: list[float] = ended, over: threading.Event = over) -> None:
            try:
                call()
            finally:
                ended.append(time.perf_counter())
                over.set()

        task = asyncio.ensure_future(to_thread(work))
        await asyncio.sleep(0.02)
        cancelled = time.perf_counter()
        task.cancel()
        await asyncio.wait([task])
        while not over.is_set():
            await asyncio.sleep(0.001)
        times.append(ended[0] - cancelled)
    return times


async def lateness(work: Callable[[], Awaitable[object]] | None) -> list[float]:
    task = asyncio.ensure_future(work()) if work is not None else None
    await asyncio.sleep(0.1)
    times = []
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        due = time.perf_counter() + 0.005
        await asyncio.sleep(0.005)
        times.append(time.perf_counter() - due)
    if task is not None:
        task.cancel()
        await asyncio.wait([task])
    return times


async def spin() -> None:
    await gilkit.to_thread(gilkit.spin, 10**15)


async def two_spins() -> None:
    await asyncio.gather(spin(), spin())


async def sorts() -> None:
    async for _ in gilkit.aimap(lambda _: gilkit.sort(VALUES), range(10**9), ahead=4):
        pass


async def processes() -> None:
    """Keep the cores busy without gilkit, as a control."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(gilkit.num_threads())]
    try:
        await asyncio.sleep(60)
    finally:
        for process in busy:
            process.kill()
            process.wait()


async def main() -> None:
    print("| cancelled call | median (ms) | p99 | maximum |\n| --- | --- | --- | --- |")
    for name, call in CALLS.items():
        print(
            f"| gilkit.to_thread: {name} | {milliseconds(await cancel_times(gilkit.to_thread, call, TRIALS))} |",
            flush=True,
        )
    peer = await cancel_times(asyncio.to_thread, lambda: gilkit.spin(PEER_CALL), 3)
    print(f"| asyncio.to_thread: spin, to its own end | {milliseconds(peer)} |")
    print("\n| lateness of the loop, with | median (ms) | p99 | maximum |\n| --- | --- | --- | --- |")
    for name, work in (
        ("nothing else", None), ("spin on all cores", spin), ("two such calls", two_spins), ("aimap of sorts", sorts),
        ("other processes on all cores", processes),
    ):  # fmt: skip
        print(f"| {name} | {milliseconds(await lateness(work))} |", flush=True)


if __name__ == "__main__":
    factory = None
    if sys.argv[1:] == ["uvloop"]:
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())
