"""Processes with coroutines, whose requests wait and compute."""

import asyncio
import time

from . import family
from .usage import clock

BATCH = 200
START = 0.02  # seconds between the announcement and the start


def _compute(seconds):
    """Compute until this thread has used that much CPU time, which other programs do not shorten."""
    x = 0
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        for _ in range(BATCH):
            x ^= 1


async def _requests(coroutines, length, share, deadline):
    """Serve one request after another in each coroutine; return their number and how long each took."""
    taken = []

    async def serve():
        while True:
            begin = clock()
            if begin >= deadline:
                return
            await asyncio.sleep(length * (1 - share))
            if share:
                _compute(length * share)
            if clock() <= deadline:
                taken.append(clock() - begin)

    await asyncio.gather(*(serve() for _ in range(coroutines)))
    return taken


def _worker(coroutines, length, share, channel):
    channel.send(None)
    begin, deadline = channel.recv()
    time.sleep(max(0.0, begin - clock()))  # the clock is the same in all processes
    channel.send(asyncio.run(_requests(coroutines, length, share, deadline)))


def serve(workers, coroutines, length, share, seconds):
    """Return the requests per second of ``workers`` processes with that many coroutines each.

    A request takes ``length`` seconds on an idle machine; for ``share`` of them it computes.
    """
    with family.workers(workers, _worker, coroutines, length, share) as channels:
        begin = clock() + START
        for each in channels:
            each.send((begin, begin + seconds))
        taken = []
        for each in channels:
            if not each.poll(30 + seconds):
                raise RuntimeError("a worker did not end")
            taken += each.recv()
    taken.sort()
    return {
        "wall": seconds,
        "count": max(1, len(taken)),
        "rate": len(taken) / seconds,
        "request": taken[len(taken) // 2] if taken else seconds,
    }
