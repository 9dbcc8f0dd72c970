"""The busy loop of the claim ``cpu-percent``, ``x = x ^ 1`` for ever, run in threads, in processes and natively.

Each task runs the loop for about ``seconds`` and returns the wall time, the loops done, and what the operating system
says it cost in CPU seconds and context switches, over the same stretch.
"""

from __future__ import absolute_import, division

import threading
import time
from itertools import repeat

from .usage import clock, since, total, usage

# Loops between two looks at the clock: some 0.5 ms, so that looking costs nothing and 100 threads that take turns
# stop within a few hundredths of a second of each other.
CHUNK = 10000


def loop_until(deadline):
    """The loop, until the clock says so. Returns how many times it went round."""
    x = 0
    chunks = 0
    while clock() < deadline:
        # repeat() yields the same None without allocating, the nearest thing to `while True` that comes to an end.
        for _ in repeat(None, CHUNK):
            x = x ^ 1
        chunks += 1
    return chunks * CHUNK


def threads(count, seconds):
    """The loop in ``count`` Python threads."""
    go = threading.Event()
    deadline = []
    done = [0] * count

    def work(index):
        go.wait()
        done[index] = loop_until(deadline[0])

    workers = [threading.Thread(target=work, args=(index,)) for index in range(count)]
    for worker in workers:
        worker.daemon = True
        worker.start()
    before = usage()
    start = clock()
    deadline.append(start + seconds)
    go.set()
    for worker in workers:
        worker.join()
    return dict(since(before), wall=clock() - start, loops=sum(done))


def _in_process(start, seconds):
    # time.time() rather than clock(): the start is another process's, and 2.7's clocks are only comparable so.
    while time.time() < start:
        time.sleep(max(0.0, start - time.time()))
    before = usage()
    loops = loop_until(clock() + seconds)
    return dict(since(before), end=time.time(), loops=loops)


def _ready(_):
    time.sleep(0.02)  # long enough that every process of the pool takes one


def processes(count, seconds):
    """The loop in a ``multiprocessing.Pool`` of ``count`` processes, started and warm before the clock is."""
    import multiprocessing

    pool = multiprocessing.Pool(count)
    try:
        pool.map(_ready, range(count), 1)
        start = time.time() + 0.05  # every process has its task by then, so they begin together
        answers = [pool.apply_async(_in_process, (start, seconds)) for _ in range(count)]
        results = [each.get(seconds + 60) for each in answers]
    finally:
        pool.terminate()
        pool.join()
    wall = max(each.pop("end") for each in results) - start
    return dict(total(results), wall=wall)


def native(count, seconds):
    """The loop in C, outside the GIL: ``gilkit.spin`` on ``count`` threads."""
    import gilkit

    # Calls of some 50 ms: long beside what starting a region costs, short beside the stretch measured.
    iterations = 1000000
    while True:
        start = clock()
        gilkit.spin(iterations, threads=count)
        if clock() - start > 0.02 or iterations >= 1 << 60:
            break
        iterations *= 2
    iterations *= 2

    done = 0
    before = usage()
    start = clock()
    while clock() < start + seconds:
        gilkit.spin(iterations, threads=count)
        done += iterations
    return dict(since(before), wall=clock() - start, loops=done)
