"""fork: parent and child compute correctly and in parallel, whichever thread forks and whatever runs meanwhile."""

from __future__ import annotations

import os
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")

# The start of every program below. computes() checks that results are right and that the pool has a worker.
PROLOGUE = """
import os, signal, sys, threading, time
import gilkit

MINUTE = 100_000_000_000
ROUNDS = int(sys.argv[1])
PI = gilkit.pi(300_000, seed=1)

def computes():
    return gilkit.spin(8_000_001, threads=2) == 1 and gilkit.pi(300_000, seed=1) == PI and gilkit.info()["workers"] >= 1

def fork():
    "Fork; return whether the child computes."
    pid = os.fork()
    if pid == 0:
        os._exit(0 if computes() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

def in_thread(function):
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]
"""


@pytest.fixture
def forks(run_python, often):
    def run(code, few=20, many=1000, **keywords):
        return run_python(PROLOGUE + code, often(few, many), timeout=3600, **keywords)

    return run


def test_after_parallel_work(forks):
    forks("""
for i in range(ROUNDS):
    assert computes()
    assert fork()
""")


def test_from_another_thread(forks):
    forks("""
for i in range(ROUNDS):
    assert computes()
    assert in_thread(fork)
""")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_idle_workers_end_before_the_fork(forks):
    """CPython 3.12 and later warn about a fork in a process that has several threads according to /proc."""
    forks(
        """
def threads():
    with open("/proc/self/stat") as file:
        return int(file.read().rsplit(")", 1)[1].split()[17])

for i in range(ROUNDS):
    assert gilkit.spin(8_000_001, threads=3) == 1 and threads() > 1
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    assert threads() == 1, threads()
    os.waitpid(pid, 0)
""",
        few=200,
        options=["-W", "error"],
    )


def test_while_another_thread_is_inside_a_region(forks):
    """The child has neither that thread nor its workers; the parent continues."""
    forks("""
end = threading.Event()
calls = []

def caller():
    while not end.is_set():
        assert gilkit.spin(30_000_001, threads=3) == 1
        calls.append(1)

callers = [threading.Thread(target=caller) for _ in range(2)]
for thread in callers:
    thread.start()
for i in range(ROUNDS):
    assert fork()
    assert computes()
end.set()
for thread in callers:
    thread.join()
assert calls and computes()
""")


def test_children_of_children(forks):
    forks("""
def generations(left):
    assert computes()
    if left == 0:
        return
    pid = os.fork()
    if pid == 0:
        generations(left - 1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert computes()

generations(20)
""")


def test_multiprocessing(forks):
    forks("""
import multiprocessing

def task(i):
    return computes()

if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    assert computes()
    with context.Pool(3) as pool:
        assert computes()
        assert all(pool.map(task, range(ROUNDS)))
    process = context.Process(target=computes)
    process.start()
    process.join()
    assert process.exitcode == 0 and computes()
""")


def test_from_a_signal_handler_inside_a_call(forks):
    """A child cannot complete a region that had helpers: threads that it lacks have claimed chunks."""
    forks(
        """
parent = os.getpid()
children = []

def handler(number, frame):
    pid = os.fork()
    if pid == 0:
        assert computes()
    else:
        children.append(pid)

signal.signal(signal.SIGALRM, handler)
forked = orphaned = 0
for i in range(ROUNDS):
    for threads in (1, 3):
        children.clear()
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        try:
            with gilkit.timeout(0.3):
                gilkit.spin(MINUTE, threads=threads)
        except TimeoutError:
            outcome = 10
        except RuntimeError as error:
            assert os.getpid() != parent and "forked" in str(error), error
            outcome = 20
        if os.getpid() != parent:
            os._exit(outcome if computes() else 1)
        assert outcome == 10
        for pid in children:
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            # If the caller was alone, the child continues until its timeout; on a busy
            # machine, helpers may join after the signal.
            assert status == 10 or (status == 20 and threads == 3), (status, threads)
            forked += 1
            orphaned += status == 20
assert forked == 2 * ROUNDS and orphaned > 0, (forked, orphaned)
assert computes()
""",
        few=3,
        many=50,
    )
