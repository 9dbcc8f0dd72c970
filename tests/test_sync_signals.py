"""Signal handlers run while the main thread waits for a lock, and end the wait if they raise."""

import signal
import threading
import time
from contextlib import contextmanager

import pytest
from waiting import LONG, held

from gilkit import sync


@contextmanager
def alarm(handler, after):
    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, after)
        yield time.monotonic() + after
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def waits():
    """Yield waits of every kind that would never end, each with a check of the state after the interrupt."""
    for name in ("Lock", "RLock"):
        lock = held(getattr(sync, name)())
        yield name, lock.acquire, lock.locked
    semaphore, event, latch = sync.Semaphore(0), sync.Event(), sync.Latch(1)
    yield "Semaphore", semaphore.acquire, lambda: semaphore.release() or semaphore.acquire(False)
    yield "Event", event.wait, lambda: event.set() or event.wait(0)
    yield "Latch", latch.wait, lambda: latch.count_down() or latch.wait(0)
    barrier = sync.Barrier(2)
    yield "Barrier", barrier.wait, lambda: barrier.broken
    for lock in (sync.RLock(), sync.Lock(), threading.RLock()):
        condition = sync.Condition(lock)

        def wait(condition=condition):
            with condition:
                condition.wait()

        yield f"Condition({lock!r})", wait, lambda condition=condition: not condition._is_owned()
    for side in ("reader", "writer"):
        rw = sync.RWLock()
        held(rw.writer())
        yield f"RWLock.{side}", getattr(rw, side)().acquire, lambda rw=rw: rw.written


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers that send signals")
def test_signal_handlers_end_waits():
    for name, wait, in_order in waits():

        def handler(*_):
            raise KeyboardInterrupt

        with alarm(handler, 0.03) as due, pytest.raises(KeyboardInterrupt):
            wait()
        assert time.monotonic() - due < 1, name
        assert in_order(), name


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers that send signals")
def test_signal_handlers_run_during_waits_and_may_use_the_lock():
    for name, wait, _ in waits():
        times = []

        def handler(*_, times=times):
            times.append(time.monotonic())
            if len(times) == 3:
                raise ZeroDivisionError
            signal.setitimer(signal.ITIMER_REAL, 0.01)

        with alarm(handler, 0.01) as due, pytest.raises(ZeroDivisionError):
            wait()
        assert len(times) == 3, name
        assert times[0] - due < 0.5, name

    lock = sync.Lock()
    lock.acquire()
    with alarm(lambda *_: lock.release(), 0.02):
        assert lock.acquire(timeout=LONG)
    semaphore = sync.Semaphore(0)
    with alarm(lambda *_: semaphore.release(2), 0.02):
        assert semaphore.acquire(timeout=LONG)
    assert semaphore.acquire(False)
    condition = sync.Condition()

    def notify(*_):
        with condition:
            condition.notify()

    with condition, alarm(notify, 0.02):
        assert condition.wait(LONG)
    event = sync.Event()
    with alarm(lambda *_: event.set(), 0.02):
        assert event.wait(LONG)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers that send signals")
def test_a_handler_may_wait_for_the_lock_that_the_main_thread_waits_for():
    lock, got = sync.Lock(), []
    lock.acquire()

    def handler(*_):
        threading.Timer(0.02, lock.release).start()
        with lock:
            got.append("handler")

    with alarm(handler, 0.02):
        assert lock.acquire(timeout=LONG)
    assert got == ["handler"]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs signals to one thread")
def test_a_signal_that_another_thread_gets_ends_the_wait_of_the_main_thread():
    for name, wait, in_order in waits():

        def handler(*_):
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, handler)
        try:
            # The timer's thread receives the signal, so the system does not wake the main thread.
            timer = threading.Timer(0.02, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGALRM))
            begin = time.monotonic()
            with pytest.raises(KeyboardInterrupt):
                timer.start()  # a busy machine may deliver the signal before the wait
                wait()
            assert time.monotonic() - begin < LONG / 4, name
        finally:
            signal.signal(signal.SIGALRM, before)
        assert in_order(), name
