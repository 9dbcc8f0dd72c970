"""Measure the latency from a signal to the exception in the main thread's call, and the cost of checking for signals.

    python bench/robustness/interrupts.py [tries]

The script prints, with and without another thread that runs Python code at the same time: the time from
os.kill(SIGINT) to KeyboardInterrupt (median, 99th percentile and maximum), and the time of a call in the main thread,
which checks for signals, over that of the same call in a thread that does not. The two calls alternate.
"""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import threading
import time

import gilkit

MINUTE = 100_000_000_000  # steps of spin: more than a minute on any machine


def burn_the_gil(end: threading.Event) -> None:
    x = 0
    while not end.is_set():
        for _ in range(100_000):
            x ^= 1


# A separate process, as a terminal is. For each line that it reads, it sends a signal and prints when.
SENDER = """
import os, signal, sys, time
for line in sys.stdin:
    time.sleep(float(line))
    sent = time.monotonic()
    os.kill(os.getppid(), signal.SIGINT)
    print(sent, flush=True)
"""


def latencies(tries: int) -> list[float]:
    """Return the seconds from signal to exception, for calls that are interrupted after different delays."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` ignores it
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    command = [sys.executable, "-c", SENDER]
    taken = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sender:
        assert sender.stdin is not None
        assert sender.stdout is not None
        for i in range(tries):
            print(0.05 + i * 7 % 50 / 1000, file=sender.stdin, flush=True)
            try:
                gilkit.spin(MINUTE)
            except KeyboardInterrupt:
                raised = time.monotonic()
            else:
                raise AssertionError("the call ended without an exception")
            taken.append(raised - float(sender.stdout.readline()))
            assert gilkit.spin(1_000_001) == 1
        sender.stdin.close()
    return sorted(taken)


def call_seconds(steps: int) -> float:
    start = time.perf_counter()
    gilkit.spin(steps, threads=1)
    return time.perf_counter() - start


def cost(rounds: int, steps: int) -> list[float]:
    """Return the time ratios of calls that check for signals to calls that do not, run in pairs."""
    ratios = []
    for i in range(rounds):
        results: dict[str, float] = {}

        def elsewhere(results: dict[str, float] = results) -> None:
            results["without"] = call_seconds(steps)

        def here(results: dict[str, float] = results) -> None:
            results["with"] = call_seconds(steps)

        def other() -> None:
            thread = threading.Thread(target=elsewhere)
            thread.start()
            thread.join()

        for run in (here, other) if i % 2 else (other, here):
            run()
        ratios.append(results["with"] / results["without"])
    return sorted(ratios)


def report(title: str, tries: int) -> None:
    taken = latencies(tries)
    p99 = taken[min(tries - 1, -(-99 * tries // 100) - 1)]
    print(
        f"{title}: {tries} signals; to the exception: median {1000 * statistics.median(taken):.1f} ms, "
        f"p99 {1000 * p99:.1f} ms, longest {1000 * taken[-1]:.1f} ms"
    )
    ratios = cost(41, 200_000_000)
    low, middle, high = ratios[10], statistics.median(ratios), ratios[-11]
    print(
        f"{title}: a call that checks for signals takes {middle:.4f} times one that does not ({low:.4f} to {high:.4f})"
    )


def main() -> None:
    tries = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    print(
        f"Python {sys.version.split()[0]}, {'GIL' if gilkit.info()['gil'] else 'no GIL'}, {gilkit.num_threads()} threads"
    )
    report("alone", tries)
    end = threading.Event()
    burner = threading.Thread(target=burn_the_gil, args=(end,), daemon=True)
    burner.start()
    report("with another thread that keeps the GIL busy", tries)
    end.set()
    burner.join()


if __name__ == "__main__":
    main()
