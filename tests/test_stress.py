"""Many Python threads call at once: results are right, and there are no more workers than for one caller."""

from __future__ import annotations

import os
import random
import sys
import threading
import time

import numpy as np
import pytest
from waiting import until

import gilkit
from gilkit import runtime

CALLERS = 64
LARGEST = 5  # maximum number of threads in the nested calls
ONES = np.ones(10**7 + 3)


def workers_of_this_process():
    """Count the process's threads that have the name of the pool's workers."""
    count = 0
    for task in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{task}/comm") as file:
                count += file.read().strip() == "gilkit"
        except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            pass
    return count


def test_many_threads_call_at_once(often):
    seconds = often(2, 60)
    threads = max(2, gilkit.num_threads())
    expected = {samples: gilkit.pi(samples, seed=7) for samples in (1, 10, 1000, 100_000, 1_000_000)}
    end = time.monotonic() + seconds
    errors, calls, most = [], [], 0

    def caller(index):
        choose = random.Random(index)
        count = 0
        try:
            while count == 0 or time.monotonic() < end:
                setting = choose.choice([None, 1, 2, threads])
                samples = choose.choice(list(expected))
                assert gilkit.pi(samples, seed=7, threads=setting) == expected[samples]
                iterations = choose.choice([0, 1, 1000, 10**7 + 1])
                with gilkit.threads(choose.randint(1, threads)):
                    assert gilkit.spin(iterations) == iterations % 2
                count += 1
        except BaseException as error:  # reported to the main thread
            errors.append(error)
        calls.append(count)

    until(runtime.stop)
    callers = [threading.Thread(target=caller, args=(index,)) for index in range(CALLERS)]
    for thread in callers:
        thread.start()
    while any(thread.is_alive() for thread in callers):
        if os.path.exists("/proc/self/task"):
            most = max(most, workers_of_this_process())
        assert gilkit.info()["workers"] <= threads - 1
        time.sleep(0.05)
    for thread in callers:
        thread.join()
    assert not errors, errors[0]
    assert most <= threads - 1
    assert min(calls) > 0


def leaf(size, threads):
    """Run one kernel over `size` items; return whether its result is right."""
    choice = size % 3
    if choice == 0:
        return gilkit.spin(size, threads=threads) == size % 2
    if choice == 1:
        return gilkit.sum(ONES[:size], threads=threads) == size
    return gilkit.cumsum(ONES[:size], threads=threads)[-1] == size


def nested(depth, size, threads):
    """Run maps nested `depth` deep with kernels at the bottom."""
    if depth == 0:
        return leaf(size, threads)
    sizes = [max(1, size >> i) + i for i in range(3)]
    return all(gilkit.map(lambda each: nested(depth - 1, each, threads), sizes, threads=threads))


def test_nested_calls_while_thread_counts_change(often):
    """64 threads make calls up to three levels deep, of 1 to 10^7 items, while the number of threads changes."""
    end = time.monotonic() + often(2, 60)
    before = gilkit.num_threads()
    errors, calls, most = [], [], 0

    def caller(index):
        choose = random.Random(index)
        count = 0
        try:
            while count == 0 or time.monotonic() < end:
                # Most sizes are small: every number of digits is equally likely.
                size = int(10 ** choose.uniform(0, 7))
                assert nested(choose.randint(0, 3), size, choose.choice([None, 1, 2, LARGEST]))
                count += 1
        except BaseException as error:  # reported to the main thread
            errors.append(error)
        calls.append(count)

    until(runtime.stop)
    callers = [threading.Thread(target=caller, args=(index,)) for index in range(CALLERS)]
    try:
        for thread in callers:
            thread.start()
        choose = random.Random(CALLERS)
        while any(thread.is_alive() for thread in callers):
            gilkit.set_num_threads(choose.randint(1, LARGEST))
            # With greenlets, maps start threads inside items, which inherit the name of the worker that starts them.
            if os.path.exists("/proc/self/task") and "greenlet" not in sys.modules:
                most = max(most, workers_of_this_process())
            assert gilkit.info()["workers"] <= LARGEST - 1
            time.sleep(0.02)
        for thread in callers:
            thread.join()
    finally:
        gilkit.set_num_threads(before)
    assert not errors, errors[0]
    assert most <= LARGEST - 1
    assert min(calls) > 0
    until(runtime.stop)


def test_the_pool_grows_for_a_call_that_asks_for_more():
    """The pool grows for one call; the extra workers stay idle in later calls."""
    until(runtime.stop)
    try:
        assert gilkit.spin(300_000_001, threads=6) == 1
        assert 1 <= gilkit.info()["workers"] <= 5
    finally:
        until(runtime.stop)


def test_idle_workers_use_no_time():
    assert gilkit.spin(30_000_001, threads=4) == 1
    for _ in range(200):
        if gilkit.info()["sleeping"] == gilkit.info()["workers"]:
            break
        time.sleep(0.01)
    before = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - before < 0.1


@pytest.mark.parametrize("threads", [2, 8, 64])
def test_callers_that_come_and_go(threads):
    """Short-lived Python threads each have their own state in the pool."""
    for _ in range(10):
        results = []
        callers = [
            threading.Thread(target=lambda: results.append(gilkit.spin(100_001, threads=threads))) for _ in range(20)
        ]
        for thread in callers:
            thread.start()
        for thread in callers:
            thread.join()
        assert results == [1] * 20
    until(runtime.stop)
