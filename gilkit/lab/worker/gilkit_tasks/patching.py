"""Blocking code, unchanged, in a process that gevent has patched."""

import threading

from .usage import clock

NAP = 0.005


def six(work, how, patched, delay=0.1, loops=1500000):
    """Do the six fetches or computations of waiting.six(), and return the cost.

    ``kernel_threads`` is the number of threads that the process had at most, ``longest`` the longest time that another
    thread, which sleeps 5 ms at a time, had to wait meanwhile.
    """
    if patched:
        import gevent.monkey

        gevent.monkey.patch_all()
    import time

    from . import proc, waiting

    state = {"kernel_threads": 0, "longest": 0.0, "end": False}

    def watch():
        while not state["end"]:
            state["kernel_threads"] = max(state["kernel_threads"], proc.status("Threads"))
            begin = clock()
            time.sleep(NAP)
            state["longest"] = max(state["longest"], clock() - begin - NAP)

    watcher = threading.Thread(target=watch)
    watcher.start()
    time.sleep(2 * NAP)
    try:
        figures = waiting.six(work, how, delay, loops)
    finally:
        state["end"] = True
        watcher.join()
    return dict(figures, kernel_threads=state["kernel_threads"], longest=state["longest"])
