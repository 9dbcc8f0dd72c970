"""How long a thread that wakes up waits for the GIL while another one computes. Runs on Python 2.7 too."""

from __future__ import absolute_import, division

import sys
import threading
import time

from .usage import clock, since, usage

NAP = 0.002


def waking(beside, seconds, interval=None):
    """Naps of 2 ms; returns how much longer than that they took, beside nothing, a thread that computes in Python
    ("python") or one in a gilkit kernel ("gilkit"). ``interval`` is for sys.setswitchinterval."""
    stop = []

    def compute():
        x = 0
        while not stop:
            x = x ^ 1

    def kernel():
        import gilkit

        # On one thread: what is asked is who holds the GIL, not how many cores are busy.
        while not stop:
            gilkit.spin(20000000, threads=1)

    if interval is not None:
        sys.setswitchinterval(interval)
    work = {"nothing": None, "python": compute, "gilkit": kernel}[beside]
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
