"""The locks: as threading's in every argument, exclusion, signals, fork, exit."""

import copy
import gc
import math
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gilkit import sync

LONG = 20.0
TIMEOUT_MAX = threading.TIMEOUT_MAX


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


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(code)],
        capture_output=True, text=True, timeout=60, env={**os.environ, **environment},
    )  # fmt: skip


# Arguments: for each, gilkit does what threading does.

TIMEOUTS = st.one_of(
    st.sampled_from([0, -1, 0.0, -1.0, 1e-9, 1e-300, -0.5, -2, 0.001, True, False, None, "1", b"", [], 1j,
                     TIMEOUT_MAX + 1, 1e300, math.inf, -math.inf, 10**30, -(10**30)]),
    st.floats(-2, 0.002, allow_nan=False),
)  # fmt: skip


def outcome(call):
    try:
        return call()
    except Exception as error:
        return type(error)


def held(lock):
    """The lock, held by another thread until the end of the test."""
    start(lock.acquire).join()
    return lock


@settings(max_examples=80, deadline=None)
@given(blocking=st.sampled_from([True, False, 1, 0]), timeout=TIMEOUTS, free=st.booleans())
@pytest.mark.parametrize("name", ["Lock", "RLock"])
def test_acquire_as_threading(name, blocking, timeout, free):
    ours, theirs = getattr(sync, name)(), getattr(threading, name)()
    if not free:
        if blocking and isinstance(timeout, (int, float)) and timeout == -1:
            return  # for ever
        held(ours), held(theirs)
    expected = outcome(lambda: theirs.acquire(blocking, timeout))
    assert outcome(lambda: ours.acquire(blocking=blocking, timeout=timeout)) == expected


@settings(max_examples=80, deadline=None)
@given(blocking=st.sampled_from([True, False]), timeout=TIMEOUTS, value=st.integers(0, 1))
def test_semaphore_acquire_as_threading(blocking, timeout, value):
    if blocking and timeout is None and not value:
        return  # for ever
    if (
        value
        and timeout in ("1", b"", [], 1j)
        or (value and isinstance(timeout, (int, float)) and timeout > TIMEOUT_MAX)
    ):
        return  # threading does not look at the timeout if it need not wait
    if timeout in ("1", b"", [], 1j):
        with pytest.raises((TypeError, ValueError)):
            sync.Semaphore(value).acquire(blocking, timeout)
        return
    ours, theirs = sync.Semaphore(value), threading.Semaphore(value)
    assert outcome(lambda: ours.acquire(blocking, timeout)) == outcome(lambda: theirs.acquire(blocking, timeout))


@settings(max_examples=60, deadline=None)
@given(timeout=TIMEOUTS)
@pytest.mark.parametrize("name", ["Event", "Condition"])
def test_wait_as_threading(name, timeout):
    if timeout is None:
        return  # for ever

    def wait(module):
        waiter = getattr(module, name)()
        if name == "Condition":
            with waiter:
                return waiter.wait(timeout)
        return waiter.wait(timeout)

    assert outcome(lambda: wait(sync)) == outcome(lambda: wait(threading))


@pytest.mark.parametrize("wait", [
    lambda t: sync.Lock().acquire(timeout=t),
    lambda t: sync.Lock().acquire(True, t),
    lambda t: sync.RLock().acquire(timeout=t),
    lambda t: sync.Event().wait(t),
    lambda t: sync.Semaphore(0).acquire(timeout=t),
    lambda t: sync.Latch(1).wait(t),
    lambda t: sync.Barrier(2).wait(t),
    lambda t: sync.RWLock().reader().acquire(timeout=t),
    lambda t: sync.RWLock().writer().acquire(timeout=t),
])  # fmt: skip
def test_timeouts_that_make_no_sense(wait):
    with pytest.raises(ValueError, match="NaN"):
        wait(math.nan)
    with pytest.raises(OverflowError, match="too large"):
        wait(TIMEOUT_MAX * 2)
    with pytest.raises(TypeError, match="timeout must be a number of seconds, not 'soon'"):
        wait("soon")


def test_timeout_max_is_accepted():
    lock, event = sync.Lock(), sync.Event()
    assert lock.acquire(timeout=TIMEOUT_MAX)
    threading.Timer(0.02, event.set).start()
    assert event.wait(TIMEOUT_MAX)
    threading.Timer(0.02, lock.release).start()
    assert lock.acquire(True, TIMEOUT_MAX)


@pytest.mark.parametrize("timeout", [0.02, 0.1])
def test_timeouts_are_kept(timeout):
    lock = sync.Lock()
    lock.acquire()
    rw = sync.RWLock()
    writer = start(rw.writer().acquire)
    writer.join()
    condition = sync.Condition()

    def wait_for_condition():
        with condition:
            return condition.wait(timeout)

    def wait_for_barrier():
        with pytest.raises(sync.BrokenBarrierError):
            sync.Barrier(2).wait(timeout)

    for wait in (
        lambda: lock.acquire(timeout=timeout), lambda: sync.Event().wait(timeout),
        lambda: sync.Semaphore(0).acquire(timeout=timeout), lambda: sync.Latch(1).wait(timeout), wait_for_condition,
        lambda: rw.reader().acquire(timeout=timeout), lambda: rw.writer().acquire(timeout=timeout), wait_for_barrier,
    ):  # fmt: skip
        begin = time.monotonic()
        assert not wait()
        assert timeout <= time.monotonic() - begin < timeout + 5


@pytest.mark.parametrize("make", [
    sync.Lock, sync.RLock, sync.Condition, sync.Semaphore, sync.BoundedSemaphore, sync.Event, sync.RWLock,
    lambda: sync.Latch(1), lambda: sync.Barrier(2), lambda: sync.RWLock().reader(), lambda: sync.RWLock().writer(),
])  # fmt: skip
def test_weak_references_and_pickling(make):
    lock = make()
    reference = weakref.ref(lock)
    for attempt in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError, match="cannot pickle 'gilkit.sync"):
            attempt(lock)
    del lock
    gc.collect()
    assert reference() is None


def test_bad_numbers():
    for make in (sync.Semaphore, sync.BoundedSemaphore, sync.Latch):
        with pytest.raises(ValueError, match="-1"):
            make(-1)
        with pytest.raises(TypeError):
            make("1")
    with pytest.raises(ValueError, match="parties must be from 1"):
        sync.Barrier(0)
    with pytest.raises(ValueError, match="n must be one or more"):
        sync.Semaphore().release(0)
    with pytest.raises(ValueError, match="released too many times"):
        sync.BoundedSemaphore(2).release()


# Without waiting, a lock of each kind does what threading's does, step by step.


class AsThreading(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.pairs = {
            name: (getattr(sync, name)(*args), getattr(threading, name)(*args))
            for name, args in {"Lock": (), "RLock": (), "Semaphore": (2,), "BoundedSemaphore": (2,), "Event": (),
                               "Condition": (), "Barrier": (1,)}.items()
        }  # fmt: skip

    def same(self, name, call):
        ours, theirs = self.pairs[name]
        assert outcome(lambda: call(ours)) == outcome(lambda: call(theirs))

    @rule(name=st.sampled_from(["Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition"]))
    def acquire(self, name):
        self.same(name, lambda lock: lock.acquire(False))

    @rule(name=st.sampled_from(["Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition"]))
    def release(self, name):
        self.same(name, lambda lock: lock.release())

    @rule(n=st.integers(-1, 4), name=st.sampled_from(["Semaphore", "BoundedSemaphore"]))
    def release_several(self, n, name):
        self.same(name, lambda semaphore: semaphore.release(n))

    @rule(action=st.sampled_from(["set", "clear", "is_set"]))
    def event(self, action):
        self.same("Event", lambda event: getattr(event, action)())

    @rule()
    def wait_for_event(self):
        self.same("Event", lambda event: event.wait(0))

    @rule(action=st.sampled_from(["notify", "notify_all"]))
    def notify(self, action):
        self.same("Condition", lambda condition: getattr(condition, action)())

    @rule()
    def wait_for_condition(self):
        self.same("Condition", lambda condition: condition.wait(0))

    @rule(action=st.sampled_from(["wait", "abort", "reset"]))
    def barrier(self, action):
        self.same("Barrier", lambda barrier: getattr(barrier, action)())

    @invariant()
    def states(self):
        self.same("Lock", lambda lock: lock.locked())
        self.same("RLock", lambda lock: lock._is_owned())
        self.same("Semaphore", lambda semaphore: semaphore._value)
        self.same("BoundedSemaphore", lambda semaphore: semaphore._value)
        self.same("Barrier", lambda barrier: (barrier.broken, barrier.n_waiting, barrier.parties))


AsThreading.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAsThreading = AsThreading.TestCase


# Exclusion, from recorded histories: nobody is inside while another is.


@pytest.mark.parametrize("threads", [2, 3, 8, 64])
@pytest.mark.parametrize("make", [
    sync.Lock, sync.RLock, lambda: sync.Semaphore(1), sync.Condition, lambda: sync.RWLock().writer(),
])  # fmt: skip
def test_mutual_exclusion(make, threads):
    lock, each = make(), 2000 // threads
    history = [[] for _ in range(threads)]

    def body(i):
        for k in range(each):
            if k % 3:
                lock.acquire()
            else:
                while not lock.acquire(timeout=0.0001):
                    pass
            begin = time.perf_counter_ns()
            if k % 10 == 0:
                time.sleep(0)
            history[i].append((begin, time.perf_counter_ns()))
            lock.release()

    crowd = [start(body, i) for i in range(threads)]
    for thread in crowd:
        thread.join()
    spans = sorted(span for spans in history for span in spans)
    assert len(spans) == threads * each
    assert all(left[1] <= right[0] for left, right in zip(spans, spans[1:], strict=False))


def test_nobody_starves():
    lock, stop, waits = sync.Lock(), threading.Event(), []

    def greedy():
        while not stop.is_set():
            with lock:
                end = time.perf_counter() + 0.0005
                while time.perf_counter() < end:
                    pass

    thread = start(greedy)
    for _ in range(20):
        begin = time.monotonic()
        with lock:
            waits.append(time.monotonic() - begin)
    stop.set()
    thread.join()
    assert max(waits) < 2


def test_release_by_one_who_does_not_hold_it():
    for lock in (sync.Lock(), sync.RLock(), sync.RWLock().reader(), sync.RWLock().writer()):
        with pytest.raises(RuntimeError):
            lock.release()
    for lock in (sync.RLock(), sync.RWLock().reader(), sync.RWLock().writer()):
        held(lock)
        with pytest.raises(RuntimeError):
            lock.release()


# RWLock and Latch.


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
            rw.writer().acquire(timeout=1)
        with pytest.raises(RuntimeError, match="holds the RWLock to write"):
            rw.reader().acquire(False)


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
    until(lambda: not start_and_try(rw.reader()))  # it waits: newcomers do not get in
    reader = start(read)
    time.sleep(0.02)
    with rw.reader():  # we may, for we read already
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
    writer = start(lambda: rw.writer().acquire(timeout=0.1))
    until(lambda: not start_and_try(rw.reader()))
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

    crowd = [start(body, i) for i in range(6)]
    for thread in crowd:
        thread.join()
    assert values == [6 * each / 3] * 2


def test_latch():
    latch = sync.Latch(3)
    assert latch.count == 3
    assert latch.wait(0) is False
    latch.count_down()
    with pytest.raises(ValueError, match="n must be at most the number that is left"):
        latch.count_down(3)
    assert latch.count == 2
    threads = [start(latch.arrive_and_wait) for _ in range(2)]
    assert latch.wait(LONG) is True
    assert latch.wait() is True
    for thread in threads:
        thread.join()
    assert latch.count == 0
    latch.count_down(0)
    assert sync.Latch(0).wait(0) is True


def test_condition_wait_for_and_order():
    condition, order = sync.Condition(), []

    def wait(i):
        with condition:
            condition.wait()
            order.append(i)

    threads = []
    for i in range(4):
        threads.append(start(wait, i))
        until(lambda i=i: repr(condition).endswith(f", {i + 1})>"))
    for i in range(4):
        with condition:
            condition.notify()
        until(lambda i=i: len(order) == i + 1)
    assert order == [0, 1, 2, 3]
    for thread in threads:
        thread.join()
    with condition:
        assert condition.wait_for(lambda: 0, timeout=0.01) == 0
        assert condition.wait_for(lambda: "yes") == "yes"


def test_barrier_action_that_raises():
    def action():
        raise ZeroDivisionError

    barrier, broken = sync.Barrier(2, action), []

    def body():
        with pytest.raises(sync.BrokenBarrierError):
            barrier.wait()
        broken.append(True)

    thread = start(body)
    until(lambda: barrier.n_waiting)
    with pytest.raises(ZeroDivisionError):
        barrier.wait()
    thread.join()
    assert broken
    assert barrier.broken


# Signals: handlers run while the main thread waits, and end the wait if they raise.


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
    """Waits of every kind that would last for ever; after each, whether all is in order."""
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


@pytest.mark.thread_unsafe(reason="signals reach the process")
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


# Processes.


@pytest.mark.thread_unsafe(reason="forks the process")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_fork_with_locks_held():
    held_by_us, held_by_other, reinitialised = sync.Lock(), sync.Lock(), sync.RLock()
    held_by_us.acquire()
    held(reinitialised)
    done, semaphore, rw = threading.Event(), sync.Semaphore(0), sync.RWLock()
    counter = sync.ShardedCounter()

    def hold():
        with held_by_other:
            done.wait()

    threads = [start(hold), start(held_by_us.acquire), start(semaphore.acquire)]
    until(held_by_other.locked)
    time.sleep(0.02)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(20)
            ok = not held_by_us.acquire(False) and not held_by_other.acquire(timeout=0.01)
            held_by_us.release()
            for _ in range(100):
                with held_by_us, rw.writer():
                    counter.add()
            held_by_other._at_fork_reinit()
            reinitialised._at_fork_reinit()
            ok = ok and held_by_other.acquire(False) and reinitialised.acquire(False)
            semaphore.release()
            ok = ok and semaphore.acquire(timeout=1) and counter.value == 100
            grandchildren = [threading.Thread(target=semaphore.acquire) for _ in range(3)]
            for thread in grandchildren:
                thread.start()
            semaphore.release(3)
            for thread in grandchildren:
                thread.join()
            code = 0 if ok else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    done.set()
    held_by_us.release()
    semaphore.release()
    for thread in threads:
        thread.join()


def test_exit_with_waiters():
    result = run_python("""
        import threading, time
        from gilkit import sync
        lock, rw, condition = sync.Lock(), sync.RWLock(), sync.Condition()
        lock.acquire(); rw.writer().acquire()
        def wait():
            with condition:
                condition.wait()
        for body in (lock.acquire, sync.Event().wait, sync.Semaphore(0).acquire, sync.Barrier(2).wait, wait,
                     rw.reader().acquire, lambda: lock.acquire(timeout=0.05),
                     lambda: sync.hammer(sync.AtomicCounter(), 2**60, threads=1)):
            threading.Thread(target=body, daemon=True).start()
        time.sleep(0.05)
        print("end")
        lock.release()
    """)
    assert (result.returncode, result.stdout, result.stderr) == (0, "end\n", "")


def test_import_brings_no_numpy_and_no_gil():
    result = run_python("""
        import sys, gilkit.sync
        print("numpy" in sys.modules, getattr(sys, "_is_gil_enabled", lambda: None)())
    """)
    free_threaded = not getattr(sys, "_is_gil_enabled", lambda: True)()
    assert result.stdout.split() == [
        "False",
        str(False if free_threaded else (True if hasattr(sys, "_is_gil_enabled") else None)),
    ]
    assert result.stderr == ""
