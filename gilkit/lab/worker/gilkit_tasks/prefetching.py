"""Short tasks behind a long one: by chunks, and by tasks that a worker takes ahead."""

import multiprocessing
import multiprocessing.connection
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from . import family
from .usage import clock


def _sleep(task):
    number, seconds = task
    time.sleep(seconds)
    return number, clock()  # the clock is the same in all processes


def _pool(tasks, workers, chunk):
    with multiprocessing.Pool(workers) as pool:
        pool.map(time.sleep, [0.02] * workers, 1)
        begin = clock()
        return begin, pool.map(_sleep, tasks, chunk)


def _executor(tasks, workers, chunk):
    with ProcessPoolExecutor(workers) as pool:
        list(pool.map(time.sleep, [0.02] * workers))
        begin = clock()
        return begin, list(pool.map(_sleep, tasks, chunksize=chunk))


def _threads(tasks, workers, chunk):
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(time.sleep, [0.02] * workers))
        begin = clock()
        return begin, list(pool.map(_sleep, tasks))


def _gilkit(tasks, workers, chunk):
    import gilkit

    gilkit.map(time.sleep, [0.02] * workers, threads=workers)
    begin = clock()
    return begin, gilkit.map(_sleep, tasks, threads=workers, chunksize=chunk)


def _work(channel):
    channel.send(None)
    while True:
        task = channel.recv()
        if task is None:
            return
        channel.send(_sleep(task))


def _ahead(tasks, workers, ahead):
    """Processes that each hold ``ahead`` tasks, and get another one when a task is done."""
    with family.workers(workers, _work) as channels:
        begin = clock()
        rest = iter(tasks)
        for _ in range(ahead):
            for channel, task in zip(channels, rest):
                channel.send(task)
        done = []
        while len(done) < len(tasks):
            for channel in multiprocessing.connection.wait(channels):
                done.append(channel.recv())
                task = next(rest, None)
                if task is not None:
                    channel.send(task)
        return begin, done


WAYS = {"Pool": _pool, "ProcessPoolExecutor": _executor, "threads": _threads, "gilkit.map": _gilkit, "ahead": _ahead}


def latency(way, workers, tasks, short, long, every, chunk=None):
    """Run ``tasks`` sleeps at once, of which one in ``every`` is long, and return how long the short ones took.

    ``chunk`` is the number of tasks that a worker takes at a time; None is the way's own default. ``blocked`` counts the
    short tasks that were still not done after half of a long one.
    """
    sleeps = [(number, long if number % every == 1 else short) for number in range(tasks)]
    begin, done = WAYS[way](sleeps, workers, chunk)
    wall = clock() - begin
    if sorted(number for number, _ in done) != list(range(tasks)):
        raise RuntimeError("not every task was done once")
    taken = sorted(end - begin for number, end in done if number % every != 1)
    return {
        "wall": wall,
        "short": len(taken),
        "median": taken[len(taken) // 2],
        "longest": taken[-1],
        "blocked": sum(each > long / 2 for each in taken),
    }
