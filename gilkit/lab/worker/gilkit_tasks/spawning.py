"""The cost of starting something and waiting for its end, and of reusing it."""

import asyncio
import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor

from .usage import clock, repeat, since, usage

_ballast = []


def _nothing(_=None):
    return None


def process(method, seconds, ballast=0):
    """Start a multiprocessing.Process from a process that holds ``ballast`` more bytes of memory."""
    if ballast and not _ballast:
        _ballast.append(bytearray(b"\1") * ballast)  # written, so the pages exist
    context = multiprocessing.get_context(method)

    def step():
        child = context.Process(target=_nothing)
        child.start()
        child.join()
        return 1

    step()  # starts the fork server, if there is one
    return repeat(step, seconds)


def thread(seconds):
    def step():
        child = threading.Thread(target=_nothing)
        child.start()
        child.join()
        return 1

    return repeat(step, seconds)


def task(seconds):
    """Start an asyncio task in a running event loop."""

    async def nothing():
        return None

    async def run():
        loop = asyncio.get_running_loop()
        count = 0
        before = usage()
        start = clock()
        while clock() < start + seconds:
            for _ in range(100):
                await loop.create_task(nothing())
            count += 100
        return dict(since(before), wall=clock() - start, count=count)

    return asyncio.run(run())


def greenlet(seconds):
    import greenlet as library

    def step():
        for _ in range(100):
            library.greenlet(_nothing).switch(None)
        return 100

    return repeat(step, seconds)


def process_pool(seconds):
    """Submit a task to an existing process."""
    with multiprocessing.Pool(1) as pool:
        pool.apply(_nothing)

        def step():
            pool.apply(_nothing)
            return 1

        return repeat(step, seconds)


def thread_pool(seconds):
    """Submit a task to an existing thread."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(_nothing).result()

        def step():
            for _ in range(20):
                pool.submit(_nothing).result()
            return 20

        return repeat(step, seconds)


def region(seconds):
    """Call a gilkit kernel on all threads with the smallest work."""
    import gilkit

    iterations = 4096 * 2 * gilkit.num_threads()  # a few microseconds, enough for a share per thread

    def step():
        for _ in range(20):
            gilkit.spin(iterations)
        return 20

    step()
    return repeat(step, seconds)
