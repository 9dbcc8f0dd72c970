"""Pools: the schedule of tasks, the saving by reuse, and the best number of workers."""

import multiprocessing
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from .usage import clock, repeat, since, usage


def _sleep(task):
    number, seconds = task
    start = time.time()
    time.sleep(seconds)
    return number, os.getpid(), threading.get_ident(), start, time.time()


def schedule(kind, workers, lengths):
    """Submit sleeping tasks of these lengths to a pool at once.

    Returns [task, worker, start, end] of each, in seconds since the submission.
    """
    begin = before = None
    if kind == "processes":
        with multiprocessing.Pool(workers) as pool:
            pool.map(time.sleep, [0.02] * workers, 1)
            before, begin = usage(), time.time()
            done = pool.map(_sleep, list(enumerate(lengths)), 1)
            wall = time.time() - begin
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(time.sleep, [0.02] * workers))
            before, begin = usage(), time.time()
            done = list(pool.map(_sleep, enumerate(lengths)))
            wall = time.time() - begin
    names = {}
    spans = []
    for number, process, thread, start, end in sorted(done, key=lambda each: each[3]):
        worker = names.setdefault((process, thread), len(names))
        spans.append([number, worker, start - begin, end - begin])
    return dict(since(before), wall=wall, spans=spans)


def _nothing(_):
    return None


def fresh(kind, workers, seconds):
    """Create a pool for each task and end it afterwards; count the tasks."""

    def step():
        if kind == "processes":
            with multiprocessing.Pool(workers) as pool:
                pool.map(_nothing, [0])
        else:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(_nothing, [0]))
        return 1

    return repeat(step, seconds)


def reused(kind, workers, seconds):
    """Submit the same tasks, one at a time, to one pool."""
    if kind == "processes":
        with multiprocessing.Pool(workers) as pool:
            pool.map(_nothing, [0])

            def step():
                pool.map(_nothing, [0])
                return 1

            return repeat(step, seconds)
    with ThreadPoolExecutor(workers) as pool:

        def step():
            list(pool.map(_nothing, [0]))
            return 1

        return repeat(step, seconds)


def _compute(loops):
    x = 0
    for _ in range(loops):
        x ^= 1
    return x


def computing(workers, tasks, loops):
    """Return the wall time of ``tasks`` CPU-bound tasks on a warm pool of ``workers`` processes."""
    with multiprocessing.Pool(workers) as pool:
        pool.map(time.sleep, [0.02] * workers, 1)
        start = clock()
        pool.map(_compute, [loops] * tasks, 1)
        wall = clock() - start
    return {"wall": wall, "count": tasks}
