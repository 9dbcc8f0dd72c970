"""The busy loop ``x = x ^ 1`` of the experiment ``cpu-percent``, in threads, in processes and natively.

Each task runs the loop for about ``seconds`` and returns the wall time, the number of loops, and the CPU seconds and
context switches that the operating system counted over the same stretch.
"""

from __future__ import absolute_import, division

import threading
import time
from itertools import repeat

from .usage import clock, since, total, usage

# Loops between readings of the clock, about 0.5 ms: long enough for the reading to cost nothing, and short enough for 100
# threads that take turns to stop within a few hundredths of a second of each other.
CHUNK = 10000


def loop_until(deadline):
    """Run the loop until ``deadline`` and return the number of iterations."""
    x = 0
    chunks = 0
    while clock() < deadline:
        # repeat() yields None without allocating, which makes this the closest finite loop to `while True`.
        for _ in repeat(None, CHUNK):
            x = x ^ 1
        chunks += 1
    return chunks * CHUNK


def threads(count, seconds):
    """Run the loop in ``count`` Python threads."""
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
    # time.time(), because the start comes from another process, and 2.7 has no other clock that they share.
    while time.time() < start:
        time.sleep(max(0.0, start - time.time()))
    before = usage()
    loops = loop_until(clock() + seconds)
    return dict(since(before), end=time.time(), loops=loops)


def _ready(_):
    time.sleep(0.02)  # long enough for every process of the pool to take one task


def processes(count, seconds):
    """Run the loop in a ``multiprocessing.Pool`` of ``count`` processes, warmed up before timing."""
    import multiprocessing

    pool = multiprocessing.Pool(count)
    try:
        pool.map(_ready, range(count), 1)
        start = time.time() + 0.05  # every process has its task by then, so all start together
        answers = [pool.apply_async(_in_process, (start, seconds)) for _ in range(count)]
        results = [each.get(seconds + 60) for each in answers]
    finally:
        pool.terminate()
        pool.join()
    wall = max(each.pop("end") for each in results) - start
    return dict(total(results), wall=wall)


def native(count, seconds):
    """Run the loop in C without the GIL: ``gilkit.spin`` on ``count`` threads."""
    import gilkit

    # Calls of about 50 ms are long compared with the cost of a region and short compared with the stretch measured.
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
