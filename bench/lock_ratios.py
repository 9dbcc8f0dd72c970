"""gilkit's counters and locks against their peers, as ratios: python bench/lock_ratios.py [WORD...]

gilkit and its peer alternate, A B A B. Each line has the median time of both, the median
ratio of the rounds with its quartiles, and the target. A ratio is gilkit's time over the
peer's unless the line says otherwise. Results are checked. Before and after, the script
compares a busy loop on two threads with one: unless the speed-up is about 2, other programs
used the cores and the figures are not valid. With WORDs, only lines that contain one run.
"""

import statistics
import sys
import tempfile
import threading
from pathlib import Path

import bench_counters
import bench_locks
import cereggii
import cereggii.locks
from ratios import busy_loop, seconds

from gilkit import sync

NATIVE = 8_000_000  # long enough for the scheduler to put two threads on two cores


def line(name, target, per, ours, theirs, *, rounds=15):
    """Print one line; `ours` and `theirs` return the seconds that `per` operations take."""
    if len(sys.argv) > 1 and not any(word in name for word in sys.argv[1:]):
        return
    ours(), theirs()
    ours_took, theirs_took = zip(*((ours(), theirs()) for _ in range(rounds)), strict=True)
    low, middle, high = statistics.quantiles((a / b for a, b in zip(ours_took, theirs_took, strict=True)), n=4)
    ours_ns, theirs_ns = (statistics.median(took) * 1e9 / per for took in (ours_took, theirs_took))
    print(
        f"{name:46} {ours_ns:8.1f} ns {theirs_ns:8.1f} ns  {middle:6.2f} ({low:.2f} to {high:.2f})  target {target}",
        flush=True,
    )


def counters(mutex):
    def net(add):
        """Return the time of a loop of additions minus that of the empty loop."""
        return lambda: seconds(lambda: bench_counters.python_loop(add)) - seconds(bench_counters.empty_loop)

    counter, other = sync.AtomicCounter(), cereggii.AtomicInt64(0)
    line(
        "AtomicCounter.add, over cereggii's",
        "0.7",
        bench_counters.N,
        net(counter.add),
        net(other.increment_and_get),
    )
    if counter.value != other.get():
        raise SystemExit(f"the counts differ: {counter.value} and {other.get()}")

    def contended(kind, threads):
        def run():
            result = sync.contend(kind(), NATIVE, threads=threads)
            if result.lost:
                raise SystemExit(f"{kind.__name__} lost {result.lost} updates")
            return result.seconds / threads

        return run

    sharded, atomic, locked = sync.ShardedCounter, sync.AtomicCounter, sync.LockedCounter
    line(
        "ShardedCounter, 2 native threads over 1",
        "0.526",
        NATIVE,
        contended(sharded, 2),
        contended(sharded, 1),
        rounds=9,
    )
    line(
        "ShardedCounter over AtomicCounter, 2 native",
        "0.1",
        NATIVE,
        contended(sharded, 2),
        contended(atomic, 2),
        rounds=9,
    )
    line(
        "LockedCounter over a pthread mutex, 2 native",
        "0.67",
        NATIVE,
        contended(locked, 2),
        lambda: mutex.mutex_run(2, NATIVE) / 2e9,
        rounds=7,
    )


def locks():
    def loop(lock, threads):
        def body():
            n = 0
            for _ in range(each):
                with lock:
                    n += 1
            if n != each:
                raise SystemExit("a loop was cut short")

        each = bench_locks.UNCONTENDED // threads
        return lambda: seconds(body if threads == 1 else lambda: bench_locks.together(*[body] * threads))

    for threads in (1, 2):
        for name in ("Lock", "RLock"):
            ours, theirs = (loop(getattr(module, name)(), threads) for module in (sync, threading))
            line(f"with {name}, {threads} thread{'s' * (threads > 1)}", "1", bench_locks.UNCONTENDED, ours, theirs)

    for make in (bench_locks.event, bench_locks.semaphore, bench_locks.condition, bench_locks.barrier):
        ours, theirs = (
            lambda m=make, module=module: seconds(lambda: bench_locks.together(*m(module)))
            for module in (sync, threading)
        )
        line(f"{make.__name__.title()}, two threads in turn", "0.67", 2 * bench_locks.TURNS, ours, theirs)

    ours, theirs = (
        lambda make=make: seconds(lambda: bench_locks.read_and_write(make()))
        for make in (sync.RWLock, cereggii.locks.ReadersWriterLock)
    )
    line("RWLock over cereggii's, 2 threads", "0.33", 2 * bench_locks.RW_EACH, ours, theirs)


def main():
    print(f"Python {sys.version.split()[0]}, GIL {getattr(sys, '_is_gil_enabled', lambda: True)()}")
    busy_loop()
    with tempfile.TemporaryDirectory() as folder:
        counters(bench_counters.load_mutex(Path(folder)))
    locks()
    busy_loop()


if __name__ == "__main__":
    main()
