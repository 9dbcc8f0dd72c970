"""Carries out a workload on this interpreter's threads, again and again, and times it here, where it happens."""

from __future__ import absolute_import

import importlib
import sys

from .usage import clock, since, usage

_state = {}  # type: dict[str, object]


def start(workload, size, threads):
    """Gets ready: the module, and a pool of ``threads`` threads, warm. Says whether the GIL is on."""
    from concurrent.futures import ThreadPoolExecutor

    stop()
    module = importlib.import_module("gilkit_tasks." + workload)
    if threads > 1:
        pool = ThreadPoolExecutor(threads)
        list(pool.map(_nothing, range(threads)))
        _state["pool"] = pool
    _state["solve"] = module.solve
    _state["size"] = size
    _state["threads"] = threads
    return {"gil": getattr(sys, "_is_gil_enabled", lambda: True)()}


def run():
    """Carries the work out once. Returns what it cost; the result stays here until result() is asked for."""
    pool = _state.get("pool")
    before = usage()
    begin = clock()
    _state["result"] = _state["solve"](pool.map if pool else map, _state["threads"], **_state["size"])
    wall = clock() - begin
    return dict(since(before), wall=wall)


def result():
    """The result of the last run."""
    return _state["result"]


def stop():
    pool = _state.pop("pool", None)
    if pool:
        pool.shutdown()
    _state.clear()


def _nothing(_):
    pass


def once(workload, size, threads):
    """One run of a workload, and the most memory this process has had."""
    if _state.get("solve") is None:
        start(workload, size, threads)
    cost = run()
    memory = peak_memory()
    if memory:
        cost["memory"] = memory
    return cost


def peak_memory():
    """The most memory this process has had, in bytes; None where the system does not say.

    Not getrusage's ru_maxrss: on Linux that begins with the memory of the process that started this one.
    """
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except IOError:
        pass
    return None
