"""Locks against those of ``threading``: uncontended on one thread, contended by two threads, and ping-pong between two.

The peer of RWLock is cereggii's, which is pure Python. BoundedSemaphore performs like Semaphore, and Latch has no peer.
"""

from __future__ import annotations

import itertools
import threading

import pytest

from gilkit import sync

UNCONTENDED = 100_000
CONTENDED = 50_000
TURNS = 2_000
RW_EACH = 20_000
MODULES = [pytest.param(sync, id="gilkit"), pytest.param(threading, id="threading")]


def together(*bodies):
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("name", ["Lock", "RLock", "Semaphore", "Condition"])
def test_uncontended(benchmark, module, name):
    benchmark.group = f"with {name}, 100,000 times in one thread"
    lock = getattr(module, name)()

    def run():
        n = 0
        for _ in itertools.repeat(None, UNCONTENDED):
            with lock:
                n += 1
        return n

    assert benchmark(run) == UNCONTENDED


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("name", ["Lock", "RLock"])
def test_contended(benchmark, module, name):
    benchmark.group = f"with {name}, 50,000 times in each of two threads"
    lock, total, rounds = getattr(module, name)(), [0], []

    def body():
        for _ in itertools.repeat(None, CONTENDED):
            with lock:
                total[0] += 1

    benchmark(lambda: rounds.append(together(body, body)))
    assert total[0] == 2 * CONTENDED * len(rounds)


def rwlock(module):
    if module is sync:
        return sync.RWLock()
    return pytest.importorskip("cereggii.locks").ReadersWriterLock()


RW_MODULES = [pytest.param(sync, id="gilkit"), "cereggii"]


@pytest.mark.parametrize("module", RW_MODULES)
@pytest.mark.parametrize("side", ["reader", "writer"])
def test_rwlock_uncontended(benchmark, module, side):
    benchmark.group = f"RWLock, {side}, 100,000 times in one thread"
    lock = getattr(rwlock(module), side)()

    def run():
        n = 0
        for _ in itertools.repeat(None, UNCONTENDED):
            with lock:
                n += 1
        return n

    assert benchmark(run) == UNCONTENDED


# Ping-pong: each function returns two bodies that alternate, and a final check.


def event(module):
    ping, pong = module.Event(), module.Event()

    def body(mine, other):
        def run():
            for _ in range(TURNS):
                mine.wait()
                mine.clear()
                other.set()

        return run

    ping.set()
    return body(ping, pong), body(pong, ping)


def semaphore(module):
    ping, pong = module.Semaphore(1), module.Semaphore(0)

    def body(mine, other):
        def run():
            for _ in range(TURNS):
                mine.acquire()
                other.release()

        return run

    return body(ping, pong), body(pong, ping)


def condition(module):
    turn, changed = [0], module.Condition()

    def body(me):
        def run():
            for _ in range(TURNS):
                with changed:
                    while turn[0] != me:
                        changed.wait()
                    turn[0] = 1 - me
                    changed.notify()

        return run

    return body(0), body(1)


def barrier(module):
    meeting = module.Barrier(2)

    def run():
        for _ in range(TURNS):
            meeting.wait()

    return run, run


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("make", [event, semaphore, condition, barrier])
def test_ping_pong(benchmark, module, make):
    benchmark.group = f"{make.__name__}, two threads in turn, 2,000 times"

    def run():
        together(*make(module))

    benchmark(run)


def read_and_write(lock):
    total = [0]

    def body():
        for k in range(RW_EACH):
            if k % 4:
                with lock.reader():
                    total[0]
            else:
                with lock.writer():
                    total[0] += 1

    together(body, body)
    assert total[0] == 2 * (RW_EACH // 4)


@pytest.mark.benchmark(group="RWLock, two threads read and write, 20,000 times each")
@pytest.mark.parametrize("module", RW_MODULES)
def test_rwlock_contended(benchmark, module):
    benchmark(lambda: read_and_write(rwlock(module)))
