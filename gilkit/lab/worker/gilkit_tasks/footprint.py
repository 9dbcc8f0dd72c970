"""The memory of workers that have imported NumPy: threads, processes by each start method, and sub-interpreters."""

import contextlib
import multiprocessing
import threading

from . import proc
from .usage import clock

START = 120.0
# The modules that a sub-interpreter loads, because NumPy cannot be loaded in one.
LIBRARY = "import asyncio, decimal, email.message, html.parser, http.client, json, sqlite3, urllib.request, xml.dom"


def _use():
    import numpy

    return numpy.arange(1000.0).sum()


def _child(channel):
    _use()
    channel.send(None)
    with contextlib.suppress(EOFError):
        channel.recv()  # ends when the other end is closed


@contextlib.contextmanager
def _processes(method, count):
    context = multiprocessing.get_context(method)
    children, channels = [], []
    try:
        for _ in range(count):
            here, there = context.Pipe()
            channels.append(here)
            child = context.Process(target=_child, args=(there,), daemon=True)
            child.start()
            children.append(child)
            there.close()
        for each in channels:
            if not each.poll(START):
                raise RuntimeError("a worker did not start")
            each.recv()
        yield
    finally:
        for each in children:
            each.kill()
            each.join()
        for each in channels:
            each.close()


@contextlib.contextmanager
def _threads(count):
    gate = threading.Event()
    ready = threading.Barrier(count + 1)

    def work():
        _use()
        ready.wait(START)
        gate.wait()

    threads = [threading.Thread(target=work) for _ in range(count)]
    for each in threads:
        each.start()
    try:
        ready.wait(START)
        yield
    finally:
        gate.set()
        for each in threads:
            each.join()


@contextlib.contextmanager
def _interpreters(count):
    from concurrent import interpreters

    started = []
    try:
        for _ in range(count):
            started.append(interpreters.create())
            started[-1].exec(LIBRARY)
        yield
    finally:
        for each in started:
            each.close()


def workers(way, count):
    """Start ``count`` workers and return the memory of all processes together.

    ``way`` is "threads", "interpreters", a start method of multiprocessing, or "fork after": a fork of this process when
    it has imported NumPy, which "fork" has not.
    """
    import os

    from gilkit.lab.measure import descendants

    if way in ("threads", "fork after"):
        _use()
    elif way == "interpreters":
        exec(LIBRARY, {})
    started = {"threads": _threads, "interpreters": _interpreters}
    start = clock()
    with started[way](count) if way in started else _processes(way.partition(" ")[0], count):
        wall = clock() - start
        pids = [os.getpid()] + descendants(os.getpid())
        memory = proc.memory(pids)
    return dict(memory, wall=wall, count=count, processes=len(pids))
