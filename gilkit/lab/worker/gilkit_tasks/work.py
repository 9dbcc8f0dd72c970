"""Run a workload repeatedly on this interpreter's threads, and time it inside this process."""

from __future__ import absolute_import

import importlib
import sys

from .usage import clock, since, usage

_state = {}  # type: dict[str, object]


def start(workload, size, threads):
    """Load the module, warm up a pool of ``threads`` threads, and return whether the GIL is on."""
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
    """Do the work once and return its cost; result() returns the answer."""
    pool = _state.get("pool")
    before = usage()
    begin = clock()
    _state["result"] = _state["solve"](pool.map if pool else map, _state["threads"], **_state["size"])
    wall = clock() - begin
    return dict(since(before), wall=wall)


def result():
    """Return the result of the last run."""
    return _state["result"]


def stop():
    pool = _state.pop("pool", None)
    if pool:
        pool.shutdown()
    _state.clear()


def _nothing(_):
    pass


def once(workload, size, threads, seconds=0.0):
    """Run the workload for ``seconds``, at least once; return the cost of a run and the peak memory of this process."""
    if _state.get("solve") is None:
        start(workload, size, threads)
    runs, cost = 1, run()
    while (1 + 0.5 / runs) * cost["wall"] < seconds:  # half of the next run would not be too late
        more = run()
        cost = dict((key, value + more[key]) for key, value in cost.items())
        runs += 1
    cost = dict(((key, value / runs) for key, value in cost.items()), runs=runs)
    memory = peak_memory()
    if memory:
        cost["memory"] = memory
    return cost


def peak_memory():
    """Return the peak memory of this process in bytes, or None if the system does not report it.

    getrusage's ru_maxrss does not serve, because on Linux it starts from the memory of the parent process.
    """
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except IOError:
        pass
    return None
