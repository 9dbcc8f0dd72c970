"""Measure the throughput of many Python threads that call at once, relative to one thread.

    python bench/robustness/stress.py [callers]

One caller and many callers alternate with the same calls. The figure is the ratio of calls per second, with its spread.
"""

from __future__ import annotations

import statistics
import sys
import threading
import time

import gilkit

SECONDS = 2.0
ROUNDS = 9
SAMPLES = {"short calls (10^4 samples)": 10_000, "long calls (10^7 samples)": 10_000_000}


def rate(callers: int, samples: int, expected: float) -> float:
    """Return the calls per second of all callers; a call counts when it ends."""
    end = time.perf_counter() + SECONDS
    counts = []

    def call() -> None:
        count = 0
        while time.perf_counter() < end:
            assert gilkit.pi(samples, seed=3) == expected
            count += 1
        counts.append(count)

    start = time.perf_counter()
    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - start)


def main() -> None:
    callers = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    for title, samples in SAMPLES.items():
        expected = gilkit.pi(samples, seed=3)
        ratios = []
        for i in range(ROUNDS):
            order = (1, callers) if i % 2 else (callers, 1)
            rates = {count: rate(count, samples, expected) for count in order}
            ratios.append(rates[callers] / rates[1])
        ratios.sort()
        print(
            f"{title}: {callers} callers have {statistics.median(ratios):.2f} times the throughput of one "
            f"({ratios[1]:.2f} to {ratios[-2]:.2f}); workers: {gilkit.info()['workers']}"
        )


if __name__ == "__main__":
    main()
