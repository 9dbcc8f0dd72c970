"""Locks at a fork and at the end of the interpreter, and the modules that the import loads."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from waiting import held, start, until

from gilkit import sync


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(code)],
        capture_output=True, text=True, timeout=60, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("notifies", [False, True])
def test_a_signal_handler_forks_during_a_wait(notifies):
    """Regression test: the wait of the child ended as if it had been notified, or could not be notified."""
    code = f"""
        import os, signal, threading, warnings
        from gilkit import sync
        warnings.simplefilter("ignore")
        condition, permits, barrier = sync.Condition(sync.Lock()), sync.Semaphore(0), sync.Barrier(2)
        def notify():
            with condition: condition.notify()
            permits.release()
        def fork(*_):
            global child
            child = os.fork()
            if child == 0 and {notifies}: threading.Timer(0.05, notify).start()
        def wait():
            with condition: return condition.wait(0.4)
        def meet():
            try: barrier.wait(0.2)
            except threading.BrokenBarrierError: return barrier.broken
        signal.signal(signal.SIGALRM, fork)
        for call, expected in (wait, {notifies}), (lambda: permits.acquire(True, 0.4), {notifies}), (meet, True):
            child = -1
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            got = call()
            if child == 0:
                os._exit(got is not expected)
            assert got is (call is meet) and os.waitpid(child, 0)[1] == 0, (call, got)
    """
    done = run_python(code)
    assert done.returncode == 0, done.stderr


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
                     lambda: sync.contend(sync.AtomicCounter(), 2**60, threads=1)):
            threading.Thread(target=body, daemon=True).start()
        time.sleep(0.05)
        print("end")
        lock.release()
    """)
    assert (result.returncode, result.stdout, result.stderr) == (0, "end\n", "")


def test_import_loads_no_numpy_and_enables_no_gil():
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
