"""The stacks of many threads: the memory that they reserve, use, and give back."""

import threading
import time

from . import proc
from .usage import clock

START = 30.0  # seconds


def _one_arena():
    """Keep glibc from reserving 64 MiB for the allocations of every few threads, which would count as stacks."""
    try:
        import ctypes

        ctypes.CDLL(None).mallopt(-8, 1)  # M_ARENA_MAX
    except (ImportError, OSError, AttributeError):
        pass


def _deep(levels):
    """Use the thread's C stack; a call from Python to Python takes none of it since 3.11."""
    return levels and max((levels,), key=lambda _: _deep(levels - 1))


def _sample():
    return proc.status("VmSize"), proc.memory()["rss"]


def _each(before, now, count):
    return {"reserved": (now[0] - before[0]) / count, "resident": (now[1] - before[1]) / count}


def python(count, depth=0, stack=0):
    """Start ``count`` threads that wait, after ``depth`` calls through C each, and return the memory of one.

    ``stack`` is passed to threading.stack_size(); 0 is the system's default.
    """
    _one_arena()
    gate = threading.Lock()
    arrived = []

    def wait():
        _deep(depth)
        arrived.append(None)
        with gate:
            pass

    threads = []
    if stack:
        threading.stack_size(stack)
    before = _sample()
    start = clock()
    gate.acquire()
    try:
        for _ in range(count):
            thread = threading.Thread(target=wait, daemon=True)
            thread.start()
            threads.append(thread)
        started = clock() - start
        while len(arrived) < count:
            if clock() > start + START:
                raise RuntimeError("only %d of %d threads ran" % (len(arrived), count))
            time.sleep(0.002)
        now = _sample()
    finally:
        gate.release()
        for thread in threads:
            thread.join()
        if stack:
            threading.stack_size(0)
    left = _sample()[1] - before[1]
    return dict(_each(before, now, count), wall=started, count=count, left=max(0.0, left / count))


def native(count):
    """The same for native threads, which pass a token around until they are measured."""
    from gilkit import sync

    sync.ping_pong(1, threads=2)
    _one_arena()
    before = _sample()
    others = proc.status("Threads") + 1
    start = clock()
    ring = threading.Thread(target=_ring, args=(sync, count))
    ring.start()
    try:
        while proc.status("Threads") < others + count:
            if not ring.is_alive():
                raise RuntimeError("%d native threads could not be started" % count)
            time.sleep(0.0005)
        started = clock() - start
        now = _sample()
    finally:
        ring.join()
    left = _sample()[1] - before[1]
    return dict(_each(before, now, count), wall=started, count=count, left=max(0.0, left / count))


def _ring(sync, count):
    try:
        sync.ping_pong(2**40, threads=count, timeout=0.5)
    except (TimeoutError, RuntimeError):
        pass
