"""Each greenlet of a thread is a separate owner of locks.

No greenlet can enter a lock that another one holds, and none waits forever for a greenlet that cannot run meanwhile."""

import signal
import subprocess
import sys
import textwrap
import threading

import pytest
import switching_handler
from waiting import LONG, start

from gilkit import sync

greenlet = pytest.importorskip("greenlet")


def switching(*bodies):
    """Run each body(hub) in a greenlet, in turn; each runs until it switches to the hub or ends."""
    hub = greenlet.getcurrent()
    running = [greenlet.greenlet(lambda body=body: body(hub)) for body in bodies]
    while running:
        for each in running[:]:
            each.switch()
            if each.dead:
                running.remove(each)


@pytest.mark.parametrize("make", [sync.Lock, sync.RLock, sync.Condition, lambda: sync.Condition(sync.Lock())])
@pytest.mark.parametrize("detect", [False, True])
def test_a_wait_for_another_greenlet_is_an_error(make, detect):
    lock, seen = make(), []

    def first(hub):
        with lock:
            hub.switch()
            seen.append("first")

    def second(hub):
        with pytest.raises(RuntimeError, match="greenlet cannot wait for .*another greenlet of the same thread"):
            lock.acquire()
        with pytest.raises(RuntimeError, match="gevent"), lock:
            seen.append("two inside")
        assert lock.acquire(False) is False
        assert lock.acquire(timeout=0.01) is False
        seen.append("second")
        hub.switch()
        with lock:
            seen.append("second inside")

    with sync.detect_deadlocks(detect):
        switching(first, second)
        assert seen == ["second", "first", "second inside"]
        # The same holds for the thread's main greenlet, which runs code outside all other greenlets.
        seen.clear()
        waiting = greenlet.greenlet(second)
        with lock:
            waiting.switch(greenlet.getcurrent())
        waiting.switch()
        assert seen == ["second", "second inside"]
        holding = greenlet.greenlet(first)
        holding.switch(greenlet.getcurrent())
        with pytest.raises(RuntimeError, match="greenlet"):
            lock.acquire()
        holding.switch()
        with lock:
            pass


@pytest.mark.parametrize("make", [sync.RLock, sync.Condition])
def test_rlock_belongs_to_a_greenlet(make):
    lock = make()

    def first(hub):
        with lock, lock:
            hub.switch()
            assert lock._is_owned()
        assert not lock._is_owned()

    def second(hub):
        assert not lock._is_owned()
        with pytest.raises(RuntimeError, match="un-acquired"):
            lock.release()
        assert lock.acquire(False) is False

    switching(first, second)
    assert lock.acquire(False)
    lock.release()


def test_greenlets_of_different_threads_wait_for_each_other():
    lock, holds, done = sync.RLock(), threading.Event(), threading.Event()

    def hold():
        def inside():
            with lock:
                holds.set()
                done.wait(LONG)

        greenlet.greenlet(inside).switch()

    thread, got = start(hold), []
    assert holds.wait(LONG)

    def wait(hub):
        assert lock.acquire(timeout=0.01) is False
        done.set()
        with lock:
            got.append(True)

    switching(wait)
    thread.join()
    assert got == [True]


@pytest.mark.parametrize("make", [sync.Lock, sync.RLock])
@pytest.mark.parametrize("detect", [False, True])
def test_condition_waits_in_greenlets(make, detect):
    """A wait blocks the thread and releases the lock to other threads; then the same greenlet owns it again."""
    condition, ready = sync.Condition(make()), []

    def notify():
        with condition:
            ready.append(1)
            condition.notify()

    def wait(hub):
        with condition:
            thread = start(notify)
            assert condition.wait_for(lambda: ready, LONG)
            thread.join()
            hub.switch()

    def other(hub):
        with pytest.raises(RuntimeError, match="greenlet"):
            condition.acquire()

    with sync.detect_deadlocks(detect):
        switching(wait, other)
    assert condition.acquire(False)
    condition.release()


WAIT_IN_GREENLETS = """
import threading, time
from gilkit import sync
results, lock = [], None
def may_switch():
    return not (lock and lock.locked())
def deep(n):
    return n and deep(n - 1) + 1
SETUP
other = threading.Thread(target=act)
other.start()
run_in_greenlets(wait, 0.01, lambda: list(map(deep, [50])))
other.join()
assert results == [True] * 3, results
print("right")
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signal.setitimer")
@pytest.mark.parametrize(
    "setup",
    [
        f"""
lock = {lock}
condition = sync.Condition(lock)
def wait():
    with condition:
        results.append(condition.wait(20))
def act():
    while len(results) < 3:
        time.sleep(0.04)
        with condition:
            condition.notify()
"""
        for lock in ("sync.Lock()", "sync.RLock()", "threading.Lock()")
    ]
    + [
        """
barriers, arrived = [sync.Barrier(2) for _ in range(3)], iter(range(3))
def wait():
    results.append(barriers[next(arrived)].wait(20) is not None)
def act():
    for barrier in barriers:
        time.sleep(0.05)
        barrier.wait(20)
""",
        """
def wait():
    results.append(sync.contend(sync.AtomicCounter(), 3 * 10**6, threads=2).expected == 6 * 10**6)
def act():
    pass
""",
        """
def wait():
    results.append(sync.ping_pong(20_000, threads=2).switches > 0)
def act():
    pass
""",
    ],
    ids=["Lock", "RLock", "threading.Lock", "Barrier", "contend", "ping_pong"],
)
def test_a_signal_handler_may_switch_greenlets_inside_a_wait(run_python, setup):
    code = switching_handler.PROLOGUE + WAIT_IN_GREENLETS.replace("SETUP", setup)
    assert run_python(code) == "right\n"


def test_rwlock_of_another_greenlet():
    rw = sync.RWLock()

    def write(hub):
        with rw.writer():
            hub.switch()

    def others(hub):
        for side in (rw.reader(), rw.writer()):
            with pytest.raises(RuntimeError, match="greenlet"):
                side.acquire()
            assert side.acquire(False) is False

    switching(write, others)
    assert not rw.written


def test_a_lock_that_another_thread_released_has_no_holder():
    lock, got = sync.Lock(), []

    def first(hub):
        lock.acquire()
        start(lock.release).join()
        hub.switch()

    def second(hub):
        with lock:
            got.append(True)

    switching(first, second)
    assert got == [True]


def test_greenlet_imported_later():
    """Locks that are held when greenlet is imported keep their owner."""
    code = textwrap.dedent("""
        import sys
        from gilkit import sync
        def waits(): return [each for each in sys.meta_path if getattr(each, "name", "") == "greenlet"]
        assert "greenlet" not in sys.modules and waits()
        lock, rlock, condition = sync.Lock(), sync.RLock(), sync.Condition()
        lock.acquire(); rlock.acquire(); condition.acquire()
        import greenlet
        assert not waits() and greenlet.__loader__ is greenlet.__spec__.loader
        assert type(greenlet.__loader__).__module__.endswith("_external"), greenlet.__loader__
        errors = []
        def other():
            for each in (rlock, condition):
                assert not each.acquire(False)
                try: each.acquire()
                except RuntimeError as error: errors.append(error)
                else: print("two inside")
        rlock.acquire(); condition.acquire()
        greenlet.greenlet(other).switch()
        for each in (lock, rlock, rlock, condition, condition): each.release()
        def alone():
            with lock, rlock, rlock, condition: pass
        greenlet.greenlet(alone).switch()
        print(len(errors))
    """)
    result = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout, result.stderr) == (0, "2\n", "")


def test_greenlet_that_cannot_be_imported():
    code = textwrap.dedent("""
        import sys
        from gilkit import sync
        sys.path[:] = [path for path in sys.path if "site-packages" not in path]
        try: import greenlet
        except ImportError: print("greenlet" in [getattr(each, "name", "") for each in sys.meta_path])
        with sync.RLock(): pass
    """)
    result = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout, result.stderr) == (0, "True\n", "")
