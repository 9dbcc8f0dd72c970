"""The time that a waking thread waits for the GIL while another thread computes. Runs on Python 2.7 too."""

from __future__ import absolute_import, division

import sys
import threading
import time

from .usage import clock, since, usage

NAP = 0.002


def waking(neighbour, seconds, interval=None):
    """Sleep 2 ms at a time and return how late each sleep ends.

    ``neighbour`` says what another thread does meanwhile: "nothing", compute in Python ("python"), or run a gilkit kernel
    ("gilkit"). ``interval`` is passed to sys.setswitchinterval.
    """
    stop = []

    def compute():
        x = 0
        while not stop:
            x = x ^ 1

    def kernel():
        import gilkit

        # One thread, because the question is who holds the GIL, not how many cores are busy.
        while not stop:
            gilkit.spin(20000000, threads=1)

    if interval is not None:
        sys.setswitchinterval(interval)
    work = {"nothing": None, "python": compute, "gilkit": kernel}[neighbour]
    thread = None
    if work:
        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(0.05)
    late = []
    before = usage()
    start = clock()
    while clock() < start + seconds:
        begin = clock()
        time.sleep(NAP)
        late.append(clock() - begin - NAP)
    wall = clock() - start
    used = since(before)
    stop.append(True)
    if thread:
        thread.join()
    late.sort()
    return dict(used, wall=wall, count=len(late), late=late[len(late) // 2], late_95=late[-1 - len(late) // 20])
