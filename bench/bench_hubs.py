"""gilkit.sync between greenlets, beside the locks of gevent and eventlet themselves.

Each package has a process that it has patched, which times itself. The peers are ``threading.Lock`` and
``threading.Event`` as the package replaces them. An acquisition without contention is timed 100,000 times. 1,000
greenlets in turn wait for one lock; the time runs from its release until the last one has had it. A greenlet that waits
for an event is timed from the ``set()`` in a native thread until it runs. eventlet's events cannot be set by such threads.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from gilkit.lab.measure import clock, leave_out

PATCHED = {
    "gevent": """
import gevent.monkey; gevent.monkey.patch_all()
from gevent import sleep, spawn
start_native = gevent.monkey.get_original("_thread", "start_new_thread")
native_sleep = gevent.monkey.get_original("time", "sleep")
""",
    "eventlet": """
import eventlet; eventlet.monkey_patch()
from eventlet import sleep, spawn
start_native = eventlet.patcher.original("_thread").start_new_thread
native_sleep = eventlet.patcher.original("time").sleep
""",
}

WORK = """
import sys, threading
from time import perf_counter
from gilkit import sync

def uncontended(lock):
    start = perf_counter()
    for _ in range(100_000):
        with lock:
            pass
    took = perf_counter() - start
    assert lock.acquire(blocking=False)
    return took

def in_turn(lock):
    order, ended = [], []
    def turn(i):
        with lock:
            order.append(i)
        if len(order) == 1000:
            ended.append(perf_counter())
    lock.acquire()
    for i in range(1000):
        spawn(turn, i)
    sleep(0.01)
    assert not order
    start = perf_counter()
    lock.release()
    while not ended:
        sleep(0.001)
    assert sorted(order) == list(range(1000))
    return ended[0] - start

def from_a_thread(event):
    started, ended = [], []
    def wait():
        assert event.wait(10)
        ended.append(perf_counter())
    def set_event():
        native_sleep(0.002)
        started.append(perf_counter())
        event.set()
    spawn(wait)
    sleep(0.001)
    start_native(set_event, ())
    while not ended:
        sleep(0.01)
    return ended[0] - started[0]

KINDS = {"package": threading, "gilkit.sync": sync}
for line in sys.stdin:
    work, kind, name = line.split()
    print(globals()[work](getattr(KINDS[kind], name)()), flush=True)
"""


@pytest.fixture(scope="module", params=PATCHED)
def patched(request: pytest.FixtureRequest) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed: pip install {request.param}")
    program = PATCHED[request.param] + WORK
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield request.param, process
        process.stdin.close()


WORKS = {
    "uncontended": ("100,000 acquisitions", "Lock"),
    "in_turn": ("1,000 greenlets in turn", "Lock"),
    "from_a_thread": ("from set() in a thread to the greenlet", "Event"),
}


@pytest.mark.parametrize("kind", ["package", "gilkit.sync"])
@pytest.mark.parametrize("work", WORKS)
@pytest.mark.benchmark(timer=clock)
def test_wait(benchmark, patched, work, kind):
    package, process = patched
    if work == "from_a_thread" and (package, kind) == ("eventlet", "package"):
        pytest.skip("a native thread cannot set an event of eventlet")
    title, name = WORKS[work]
    benchmark.group = f"{package}: {title}"

    def request():
        start = time.perf_counter()
        process.stdin.write(f"{work} {kind} {name}\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, "the process has ended"
        leave_out(time.perf_counter() - start - float(answer))

    benchmark.pedantic(request, rounds=100 if work == "from_a_thread" else 15, warmup_rounds=1)
