"""The locks accept the same arguments as those of threading, and are in the same state after each step."""

import copy
import gc
import math
import pickle
import threading
import time
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from waiting import LONG, held, start, until

from gilkit import sync

TIMEOUT_MAX = threading.TIMEOUT_MAX


# For each of these arguments, gilkit does what threading does.

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


@settings(max_examples=80, deadline=None)
@given(blocking=st.sampled_from([True, False, 1, 0]), timeout=TIMEOUTS, free=st.booleans())
@pytest.mark.parametrize("name", ["Lock", "RLock"])
def test_acquire_as_threading(name, blocking, timeout, free):
    ours, theirs = getattr(sync, name)(), getattr(threading, name)()
    if not free:
        if blocking and isinstance(timeout, (int, float)) and timeout == -1:
            return  # would wait forever
        held(ours), held(theirs)
    expected = outcome(lambda: theirs.acquire(blocking, timeout))
    assert outcome(lambda: ours.acquire(blocking=blocking, timeout=timeout)) == expected


@settings(max_examples=80, deadline=None)
@given(blocking=st.sampled_from([True, False]), timeout=TIMEOUTS, value=st.integers(0, 1))
def test_semaphore_acquire_as_threading(blocking, timeout, value):
    if blocking and timeout is None and not value:
        return  # would wait forever
    if (
        value
        and timeout in ("1", b"", [], 1j)
        or (value and isinstance(timeout, (int, float)) and timeout > TIMEOUT_MAX)
    ):
        return  # threading ignores the timeout if it need not wait
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
        return  # would wait forever

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
def test_invalid_timeouts(wait):
    with pytest.raises(ValueError, match="NaN"):
        wait(math.nan)
    with pytest.raises(OverflowError, match="too large"):
        wait(TIMEOUT_MAX * 2)
    with pytest.raises(TypeError, match="timeout must be a number of seconds, not 'soon'"):
        wait("soon")


def test_timeouts_that_are_numbers_of_numpy():
    np = pytest.importorskip("numpy")
    for timeout in (np.int64(0), np.float32(0), np.uint8(0), np.array(0)):
        lock = sync.Lock()
        assert lock.acquire(timeout=timeout)
        assert not lock.acquire(timeout=timeout)
        assert not sync.Event().wait(timeout)
        assert not sync.Semaphore(0).acquire(timeout=timeout)
        assert sync.RWLock().writer().acquire(timeout=timeout)


@pytest.mark.parametrize("name", ["Lock", "RLock", "Semaphore", "Event", "Latch", "Barrier", "Condition", "RWLock"])
@pytest.mark.parametrize("timeout", [TIMEOUT_MAX, int(TIMEOUT_MAX), TIMEOUT_MAX / 2, 1e-300])
def test_longest_and_shortest_timeouts(name, timeout):
    """Extreme timeouts are accepted; a wait with the longest can end early, and one with the shortest ends at once."""
    end, wait = waits_that_end(name)
    if timeout > 1:
        threading.Timer(0.02, end).start()
        assert wait(timeout) is not False
    else:
        assert not wait(timeout)


def waits_that_end(name):
    """Return a function that ends a wait, and the wait."""
    if name == "Barrier":
        barrier = sync.Barrier(2)

        def meet(timeout):
            try:
                return barrier.wait(timeout)
            except sync.BrokenBarrierError:
                return False

        return barrier.wait, meet
    if name == "Condition":
        condition, held_now = sync.Condition(), threading.Event()

        def notify():
            held_now.wait(LONG)  # then the lock is free only during the wait, so the notification is not too early
            with condition:
                condition.notify()

        def wait(timeout):
            with condition:
                held_now.set()
                return condition.wait(timeout)

        return notify, wait
    if name == "Event":
        event = sync.Event()
        return event.set, event.wait
    if name == "Latch":
        latch = sync.Latch(1)
        return latch.count_down, latch.wait
    if name == "Semaphore":
        semaphore = sync.Semaphore(0)
        return semaphore.release, lambda timeout: semaphore.acquire(True, timeout)
    lock = sync.RWLock().writer() if name == "RWLock" else getattr(sync, name)()
    done, held_now = threading.Event(), threading.Event()

    def hold():
        with lock:
            held_now.set()
            done.wait(LONG)

    start(hold)
    held_now.wait(LONG)

    def wait_and_release(timeout):
        try:
            return lock.acquire(True, timeout)
        finally:
            done.set()

    return done.set, wait_and_release


def test_deprecated_names():
    event = sync.Event()
    for is_set in (False, True):
        with pytest.warns(DeprecationWarning, match="use is_set") as warned:
            assert event.isSet() is is_set
        assert warned[0].filename == __file__  # the line of the caller is shown
        event.set()
    condition = sync.Condition()
    awake = []

    def wait():
        with condition:
            awake.append(condition.wait(LONG))

    def woken():
        with condition, pytest.warns(DeprecationWarning, match="use notify_all") as warned:
            condition.notifyAll()
        assert warned[0].filename == __file__
        return len(awake) == 2

    waiting = [start(wait) for _ in range(2)]
    until(woken)
    for thread in waiting:
        thread.join()
    assert awake == [True, True]
    with pytest.warns(DeprecationWarning, match="notify_all"), pytest.raises(RuntimeError, match="un-acquired"):
        condition.notifyAll()


def test_condition_of_what_is_not_a_lock():
    for module in (threading, sync):
        with pytest.raises(AttributeError, match="no attribute 'acquire'"):
            module.Condition(object())


@pytest.mark.parametrize("timeout", [0.02, 0.1])
def test_timeouts_are_observed(timeout):
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


# Without waits, a lock of each kind does the same as threading's at each step.


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
