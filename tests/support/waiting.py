"""Threads that tests start, and waits that end."""

import threading
import time

LONG = 20.0  # seconds; what takes longer has failed


def start(body, *args):
    thread = threading.Thread(target=body, args=args)
    thread.start()
    return thread


def until(predicate):
    """Waits until predicate() is true; fails after a long time."""
    end = time.monotonic() + LONG
    while not predicate():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.001)


def held(lock):
    """The lock, held by another thread until the end of the test."""
    start(lock.acquire).join()
    return lock
