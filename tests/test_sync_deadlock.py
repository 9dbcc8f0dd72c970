"""Deadlocks are detected, reported and prevented, without false positives."""

import os
import re
import subprocess
import sys
import textwrap
import threading
import time
import warnings

import pytest

from gilkit import sync

LONG = 20.0
HERE = os.path.basename(__file__)
for_all_threads = pytest.mark.thread_unsafe(reason="detect_deadlocks() affects all threads")


@pytest.fixture(autouse=True)
def detecting():
    with sync.detect_deadlocks():
        yield


def lock_sides():
    """Yield pairs of functions that make locks, for every combination of kinds."""
    kinds = {
        "Lock": sync.Lock, "RLock": sync.RLock, "writer": lambda: sync.RWLock().writer(),
        "Condition": sync.Condition,
    }  # fmt: skip
    for one, make_one in kinds.items():
        for two, make_two in kinds.items():
            yield pytest.param(make_one, make_two, id=f"{one}-{two}")


def embrace(first, second, also_first=None, also_second=None):
    """Take two locks in opposite order in two threads; return the errors."""
    meet, errors = threading.Barrier(2), []

    def body(one, two):
        with one:
            meet.wait(LONG)
            try:
                with two:
                    pass
            except sync.DeadlockError as error:
                errors.append(error)

    threads = [
        threading.Thread(target=body, args=(first, second), name="left"),
        threading.Thread(target=body, args=(also_second or second, also_first or first), name="right"),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
        assert not thread.is_alive()
    return errors


@pytest.mark.parametrize(("make_first", "make_second"), list(lock_sides()))
def test_opposite_order(make_first, make_second):
    errors = embrace(make_first(), make_second())
    assert len(errors) == 1  # one thread raises, and the other continues
    cycle = errors[0].cycle
    assert {link.thread for link in cycle} == {link.holder for link in cycle} == {"left", "right"}
    for link in cycle:
        assert f"{HERE}:" in link.waits_at
        assert link.waits_at.endswith("in embrace.<locals>.body")
        assert f"{HERE}:" in link.taken_at
        assert repr(link.thread) in str(errors[0])
    assert str(errors[0]).startswith("this wait would never end:\n  thread ")
    assert isinstance(errors[0], RuntimeError)


def test_reader_against_writer():
    one, two = sync.RWLock(), sync.RWLock()
    errors = embrace(one.reader(), two.writer(), also_first=one.writer(), also_second=two.reader())
    assert len(errors) == 1
    assert {link.mode for link in errors[0].cycle} <= {"read", "write"}


def test_readers_alone_do_not_deadlock():
    one, two = sync.RWLock(), sync.RWLock()
    assert embrace(one.reader(), two.reader()) == []


def test_reader_behind_a_waiting_writer():
    """A reads, B waits to write, C holds a lock and waits to read behind B, and A waits for C's lock."""
    rw, lock, errors = sync.RWLock(), sync.Lock(), []
    holds = threading.Event()

    def write():
        with rw.writer():
            pass

    def read():
        with lock:
            holds.set()
            try:
                with rw.reader():
                    pass
            except sync.DeadlockError as error:
                errors.append(error)

    with rw.reader():
        writer = threading.Thread(target=write)
        writer.start()
        time.sleep(0.1)
        reader = threading.Thread(target=read)
        reader.start()
        holds.wait(LONG)
        time.sleep(0.1)
        try:
            with lock:
                pass
        except sync.DeadlockError as error:
            errors.append(error)
    writer.join(LONG)
    reader.join(LONG)
    assert len(errors) == 1
    assert "waits to write under" in str(errors[0])


def test_reader_behind_the_second_of_two_writers():
    """A reader waits behind the second writer after the first one has acquired the lock."""
    rw, errors = sync.RWLock(), []
    first, second = sync.Lock(), sync.Lock()  # each writer waits for one of these while it holds the RWLock

    def write(lock):
        with rw.writer(), lock:
            pass

    with first, second:
        with rw.reader():
            writers = [threading.Thread(target=write, args=(lock,)) for lock in (first, second)]
            for writer in writers:
                writer.start()
                time.sleep(0.1)
        time.sleep(0.1)  # the first writer holds the lock, the second still waits
        try:
            with rw.reader():
                pass
        except sync.DeadlockError as error:
            errors.append(error)
    for writer in writers:
        writer.join(LONG)
        assert not writer.is_alive()
    assert len(errors) == 1
    assert [link.mode for link in errors[0].cycle] == ["read", "lock"]
    with rw.writer():  # no waiter is left behind
        pass


def test_ring_of_threads():
    n = 6
    locks, meet, errors = [sync.Lock() for _ in range(n)], threading.Barrier(n), []

    def body(i):
        with locks[i]:
            meet.wait(LONG)
            try:
                with locks[(i + 1) % n]:
                    pass
            except sync.DeadlockError as error:
                errors.append(error)

    threads = [threading.Thread(target=body, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert [len(error.cycle) for error in errors] == [n]


def test_a_thread_that_waits_for_itself():
    lock = sync.Lock()
    me = re.escape(threading.current_thread().name)
    with lock, pytest.raises(sync.DeadlockError, match=f"{me}.*which thread '{me}' took at"):
        lock.acquire()
    rlock = sync.RLock()
    with rlock, rlock:
        pass
    assert not lock.locked()


def test_timed_and_nonblocking_acquires_raise_nothing():
    lock = sync.Lock()
    with lock:
        assert lock.acquire(timeout=0.01) is False
        assert lock.acquire(False) is False
    assert lock.acquire(False)
    lock.release()
    with pytest.raises(RuntimeError, match="unlocked"):
        lock.release()


def test_released_locks_form_no_cycle():
    first, second = sync.Lock(), sync.RLock()
    for _ in range(3):
        with first, second:
            pass
        with second, first:
            pass
    lock = sync.Lock()
    lock.acquire()
    threading.Timer(0.05, lock.release).start()  # by another thread
    time.sleep(0.2)
    with lock:
        pass


def test_ordinary_contention_is_not_a_deadlock():
    locks, each, total = [sync.Lock() for _ in range(3)], 200, [0]

    def body(i):
        for k in range(each):
            one, two = sorted(((i + k) % 3, (i + k + 1) % 3))  # always in the same order
            with locks[one], locks[two], rlock:
                total[0] += 1

    rlock = sync.RLock()
    threads = [threading.Thread(target=body, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert total[0] == 4 * each


def test_condition_releases_its_lock_while_it_waits():
    condition, ready = sync.Condition(), []

    def body():
        with condition:
            ready.append(1)
            condition.notify()

    with condition:
        threading.Thread(target=body).start()
        assert condition.wait_for(lambda: ready, LONG)


@for_all_threads
def test_inversions_are_reported_once():
    with sync.detect_deadlocks(inversions=True):
        one, two, three = sync.Lock(), sync.RLock(), sync.RWLock()
        with one, two:
            pass
        with two, three.writer():
            pass
        with one, three.writer():  # the same order
            pass
        with pytest.warns(sync.LockOrderWarning, match="the other way round") as caught, three.writer(), one:
            pass
        assert len(caught) == 1
        assert HERE in str(caught[0].message)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with three.writer(), one:
                pass
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with two, pytest.raises(sync.LockOrderWarning):
                one.acquire()
        assert not one.locked()


@for_all_threads
def test_inversions_through_other_locks():
    """An inversion through several locks is found, although other edges of the order graph lead nowhere."""
    with sync.detect_deadlocks(inversions=True):
        one, two, three, four = (sync.Lock() for _ in range(4))
        with one, two:
            pass
        with one, three:
            pass
        with three, four:
            pass
        with pytest.warns(sync.LockOrderWarning, match="the other way round"), four, one:
            pass


@for_all_threads
def test_detection_turned_off():
    with sync.detect_deadlocks(False):
        lock = sync.Lock()
        with lock:
            assert lock.acquire(timeout=0.01) is False
        assert embrace_with_timeouts() == [False, False]


def embrace_with_timeouts():
    first, second, meet, got = sync.Lock(), sync.Lock(), threading.Barrier(2), []

    def body(one, two):
        with one:
            meet.wait(LONG)
            got.append(two.acquire(timeout=0.05))
            meet.wait(LONG)

    threads = [threading.Thread(target=body, args=pair) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    return got


@pytest.mark.parametrize(("value", "expected"), [
    ("raise", "DeadlockError"), ("warn", "DeadlockError"), ("", "False"), ("off", "False"),
])  # fmt: skip
def test_environment(value, expected):
    code = textwrap.dedent("""
        import threading
        from gilkit import sync
        lock = sync.Lock()
        lock.acquire()
        threading.Timer(0.2, lock.release).start()
        try:
            lock.acquire()
        except sync.DeadlockError as error:
            print(type(error).__name__)
        else:
            print(False)
    """)
    result = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60,
                            env={**os.environ, "GILKIT_DEADLOCK": value})  # fmt: skip
    assert (result.stdout.strip(), result.stderr) == (expected, "")


def test_environment_with_another_value():
    result = subprocess.run([sys.executable, "-P", "-c", "import gilkit.sync"], capture_output=True, text=True,
                            timeout=60, env={**os.environ, "GILKIT_DEADLOCK": "maybe"})  # fmt: skip
    assert result.returncode == 0
    assert "GILKIT_DEADLOCK must be raise, warn or off, not 'maybe'" in result.stderr
