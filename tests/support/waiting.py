"""Helpers that start threads and wait with a limit."""

import threading
import time

LONG = 20.0  # seconds; a longer wait is a failure


def start(body, *args):
    thread = threading.Thread(target=body, args=args)
    thread.start()
    return thread


def until(predicate):
    """Wait until predicate() is true; fail after LONG seconds."""
    end = time.monotonic() + LONG
    while not predicate():
        assert time.monotonic() < end, "the condition never became true"
        time.sleep(0.001)


def held(lock):
    """Acquire the lock in another thread, which ends without a release; return the lock."""
    start(lock.acquire).join()
    return lock
