"""The locks exclude other threads, starve none, and reject a release by a thread that does not hold them."""

import re
import threading
import time

import pytest
from waiting import LONG, held, start, until

from gilkit import sync

# Mutual exclusion, checked by recorded histories: no two threads are inside at the same time.


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

    thread_group = [start(body, i) for i in range(threads)]
    for thread in thread_group:
        thread.join()
    spans = sorted(span for spans in history for span in spans)
    assert len(spans) == threads * each
    assert all(left[1] <= right[0] for left, right in zip(spans, spans[1:], strict=False))


def test_no_thread_starves():
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


@pytest.mark.parametrize("make", [
    sync.Lock, sync.RLock, sync.Condition, lambda: sync.Semaphore(1), sync.RWLock, sync.Event, lambda: sync.Barrier(1),
    lambda: sync.Latch(5000),
])  # fmt: skip
def test_repr_while_another_thread_acquires(make):
    lock, done = make(), threading.Event()
    turns = {
        sync.RWLock: lambda: (lock.reader().acquire(), lock.reader().release()),
        sync.Event: lambda: (lock.set(), lock.clear()),
        sync.Barrier: lambda: (lock.wait(), lock.reset()),
        sync.Latch: lambda: lock.count_down() if lock.count else None,
    }
    turn = turns.get(type(lock), lambda: (lock.acquire(), lock.release()))

    def body():
        for _ in range(2000):
            turn()
        done.set()

    address = re.search("0x[0-9a-f]+", repr(lock))[0]
    thread = start(body)
    while not done.is_set():
        assert address in repr(lock)
    thread.join()


def test_release_by_a_thread_that_does_not_hold_it():
    for lock in (sync.Lock(), sync.RLock(), sync.RWLock().reader(), sync.RWLock().writer()):
        with pytest.raises(RuntimeError):
            lock.release()
    for lock in (sync.RLock(), sync.RWLock().reader(), sync.RWLock().writer()):
        held(lock)
        with pytest.raises(RuntimeError):
            lock.release()


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


def test_condition_of_an_event_is_made_once():
    """Threads that race to create an event's condition all get the same one."""
    events, gate, found = [sync.Event() for _ in range(5000)], threading.Barrier(4), []

    def ask():
        gate.wait()
        found.append([event._cond for event in events])

    thread_group = [start(ask) for _ in range(4)]
    for thread in thread_group:
        thread.join()
    assert len(found) == 4
    for event, *conditions in zip(events, *found, strict=True):
        assert all(condition is event._cond for condition in conditions)
    events[0]._at_fork_reinit()
    assert events[0]._cond is not found[0][0]
