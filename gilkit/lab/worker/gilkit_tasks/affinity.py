"""Keep contexts on one core, where they take turns, and handing over to another is exactly one switch."""

import contextlib
import os


@contextlib.contextmanager
def one_core(wanted=True):
    """Pin what starts in the block to one core, if ``wanted`` is true and the system can."""
    allowed = os.sched_getaffinity(0) if wanted and hasattr(os, "sched_getaffinity") else None
    if allowed:
        os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        if allowed:
            os.sched_setaffinity(0, allowed)
