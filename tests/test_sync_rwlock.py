"""RWLock: readers share it, writers are exclusive and preferred, and no thread waits for itself."""

import signal
import threading
import time

import pytest
from waiting import LONG, start, until

from gilkit import sync


def test_rwlock_readers_together_writers_alone():
    rw = sync.RWLock()
    meet, seen = threading.Barrier(3), []

    def read():
        with rw.reader():
            meet.wait(LONG)  # passes only if all three read at once
            seen.append((rw.readers, rw.written, start_and_try(rw.writer())))
            meet.wait(LONG)

    readers = [start(read) for _ in range(3)]
    for thread in readers:
        thread.join()
    assert seen == [(3, False, False)] * 3
    with rw.writer() as got:
        assert got is True
        assert rw.written
        assert rw.writer().locked()
        assert not rw.reader().locked()
        results = []
        for side in (rw.reader(), rw.writer()):
            start(lambda side=side: results.append(side.acquire(False))).join()
            start(lambda side=side: results.append(side.acquire(timeout=0.01))).join()
        assert results == [False] * 4
    assert not rw.written
    assert "unlocked" in repr(rw)


def test_rwlock_refuses_to_wait_for_itself():
    rw = sync.RWLock()
    with rw.reader():
        with pytest.raises(RuntimeError, match="reader cannot become a writer"):
            rw.writer().acquire()
        with rw.reader():
            assert rw.readers == 1
        assert rw.readers == 1
    assert rw.readers == 0
    with rw.writer():
        with pytest.raises(RuntimeError, match="already"):
            rw.writer().acquire()
        with pytest.raises(RuntimeError, match="holds the RWLock to write"):
            rw.reader().acquire()


@pytest.mark.parametrize("detect", [False, True])
def test_rwlock_bounded_waits_of_its_holder_return_false(detect):
    """As with threading.Lock, a wait that cannot hang is not an error. A timed wait takes its full time."""
    rw = sync.RWLock()
    with sync.detect_deadlocks(detect, inversions=True):
        with rw.reader():
            assert rw.writer().acquire(False) is False
            assert rw.writer().acquire(timeout=0) is False
            begin = time.monotonic()
            assert rw.writer().acquire(timeout=0.02) is False
            assert time.monotonic() - begin >= 0.02
        with rw.writer():
            for side in (rw.reader(), rw.writer()):
                assert side.acquire(False) is False
                assert side.acquire(timeout=0) is False
                begin = time.monotonic()
                assert side.acquire(timeout=0.02) is False
                assert time.monotonic() - begin >= 0.02
            assert rw.written
        with rw.writer(), pytest.raises(ValueError, match="non-negative"):
            rw.writer().acquire(timeout=-2)
        with rw.reader(), rw.reader():
            pass
        assert not rw.written
        assert rw.readers == 0


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
@pytest.mark.thread_unsafe(reason="sets a signal handler")
def test_rwlock_timed_wait_of_its_holder_gets_a_lock_that_a_signal_handler_released():
    rw = sync.RWLock()
    before = signal.signal(signal.SIGALRM, lambda *_: rw.writer().release())
    try:
        assert rw.writer().acquire()
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        assert rw.reader().acquire(timeout=LONG) is True
        assert not rw.written
        rw.reader().release()
    finally:
        signal.signal(signal.SIGALRM, before)


def test_rwlock_prefers_writers():
    rw, order = sync.RWLock(), []
    rw.reader().acquire()

    def write():
        with rw.writer():
            order.append("writer")

    def read():
        with rw.reader():
            order.append("reader")

    writer = start(write)
    until(lambda: not start_and_try(rw.reader()))  # the writer waits, so new readers cannot enter
    reader = start(read)
    time.sleep(0.02)
    with rw.reader():  # allowed, since this thread already reads
        assert order == []
    rw.reader().release()
    writer.join()
    reader.join()
    assert order == ["writer", "reader"]


def start_and_try(lock):
    got = []

    def body():
        if lock.acquire(False):
            got.append(True)
            lock.release()

    start(body).join()
    return bool(got)


def test_rwlock_writer_that_gives_up_lets_readers_in():
    rw = sync.RWLock()
    rw.reader().acquire()
    for timeout in (0.1, 1, LONG):  # on a busy machine, the first may end unseen
        writer, seen = start(lambda timeout=timeout: rw.writer().acquire(timeout=timeout)), False
        while writer.is_alive() and not seen:
            seen = not start_and_try(rw.reader())
        if seen:
            break
    assert seen
    reader = start(lambda: rw.reader().acquire(timeout=LONG))
    writer.join()
    reader.join()
    assert rw.readers == 2


def test_rwlock_as_the_lock_of_a_condition():
    rw = sync.RWLock()
    condition, state = sync.Condition(rw.writer()), []

    def wait():
        with condition:
            assert condition.wait_for(lambda: state, LONG)

    thread = start(wait)
    time.sleep(0.02)
    with condition:
        state.append(1)
        condition.notify()
    thread.join()
    assert not rw.written


def test_rwlock_keeps_writers_and_readers_apart():
    rw, values, each = sync.RWLock(), [0, 0], 300

    def body(i):
        for k in range(each):
            if (i + k) % 3 == 0:
                with rw.writer():
                    values[0] += 1
                    time.sleep(0)
                    values[1] += 1
            else:
                with rw.reader():
                    assert values[0] == values[1]

    thread_group = [start(body, i) for i in range(6)]
    for thread in thread_group:
        thread.join()
    assert values == [6 * each / 3] * 2
