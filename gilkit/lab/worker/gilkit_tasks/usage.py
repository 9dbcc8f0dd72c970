"""Clocks, and this process's usage as counted by the operating system."""

from __future__ import absolute_import, division

import os
import time

try:
    import resource
except ImportError:  # pragma: no cover - Windows
    resource = None  # type: ignore[assignment]

# Python 2.7 has no monotonic clock.
clock = getattr(time, "monotonic", time.time)


def usage():
    """Return the CPU seconds and context switches of all threads of this process so far, as a dict.

    The switches are absent if the system does not count them.
    """
    if resource is None:
        times = os.times()
        return {"user": times[0], "system": times[1]}
    now = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "user": now.ru_utime,
        "system": now.ru_stime,
        "voluntary": now.ru_nvcsw,
        "involuntary": now.ru_nivcsw,
    }


def since(before):
    """Return the usage since ``before``, an earlier result of usage()."""
    return dict((key, value - before[key]) for key, value in usage().items())


def repeat(step, seconds):
    """Call ``step``, which returns how many operations it did, for about ``seconds``; return the figures of a sample."""
    count = 0
    before = usage()
    start = clock()
    while True:
        count += step()
        wall = clock() - start
        if wall >= seconds:
            return dict(since(before), wall=wall, count=count)


def total(usages):
    """Return the sum of several results of since()."""
    usages = list(usages)
    return dict((key, sum(each[key] for each in usages)) for key in usages[0])
