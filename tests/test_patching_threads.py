"""Patched NumPy together with threads, signals, limits, fork, exit and greenlets."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pytest
from patched_calls import N, divided, pointers
from waiting import LONG, start

import gilkit

pytestmark = [
    pytest.mark.thread_unsafe(reason="patches NumPy for the whole process"),
    pytest.mark.usefixtures("unpatched"),
]

POSIX = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs signals and fork of POSIX")


# ---- Threads ----


def test_number_of_threads(patched):
    a = np.ones(N)
    used = set()

    class Spy(np.ndarray):
        pass

    with gilkit.threads(3):
        np.sin(a)
        assert gilkit.info()["workers"] >= 1
    before = gilkit.num_threads()
    try:
        gilkit.set_num_threads(1)
        assert not used and np.array_equal(np.sin(a), np.sin(a.view(Spy)))
    finally:
        gilkit.set_num_threads(before)


def test_one_thread_leaves_calls_to_numpy():
    a = np.ones(1_000_000)
    before = gilkit.num_threads()
    with gilkit.patch_numpy():
        with gilkit.threads(1):
            assert divided(lambda: np.sin(a), "sin") == 0
        try:
            gilkit.set_num_threads(1)
            assert divided(lambda: np.sin(a), "sin") == 0
            with gilkit.threads(2):
                assert divided(lambda: np.sin(a), "sin") <= 1
        finally:
            gilkit.set_num_threads(before)


@pytest.mark.parametrize("seconds", [1.0, pytest.param(10.0, marks=pytest.mark.full)])
def test_patched_and_unpatched_while_others_compute(seconds):
    """Eight threads compute with results that are known, while one puts the patch in place and takes it back."""
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 300, 41))
    with np.errstate(all="ignore"):
        expected = [np.sin(a), a + b.T.copy().T, a > 0.5, a[1:, 1:] * b[:-1, :-1], a.sum(axis=0), np.sort(a, axis=0)]
    stop, wrong, rounds = threading.Event(), [], [0] * 8

    def compute(k):
        while not stop.is_set():
            found = [np.sin(a), a + b.T.copy().T, a > 0.5, a[1:, 1:] * b[:-1, :-1], a.sum(axis=0), np.sort(a, axis=0)]
            if [each.tobytes() for each in found] != [each.tobytes() for each in expected]:
                wrong.append(k)
            with np.errstate(divide="raise"):
                try:
                    np.divide(a, 0 * b)
                    wrong.append("no FloatingPointError")
                except FloatingPointError:
                    pass
            rounds[k] += 1

    threads = [start(compute, k) for k in range(8)]
    until, times = time.monotonic() + seconds, 0
    try:
        while time.monotonic() < until or min(rounds) < 2:
            with gilkit.patch_numpy(min_size=1 + times % 1000):
                time.sleep(0.001)
            times += 1
            assert time.monotonic() < until + LONG
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong and times > 3


def test_patched_from_several_threads():
    def patch():
        for _ in range(200):
            with gilkit.patch_numpy(min_size=10):
                assert gilkit.numpy_is_patched()

    before = pointers()
    for thread in [start(patch) for _ in range(4)]:
        thread.join()
    assert pointers() == before


def test_inside_map(patched):
    a = np.linspace(-5, 5, N)
    expected = np.sin(a)

    def body(k):
        return (np.sin(a * 1.0) + k - k).tobytes() == (expected + k - k).tobytes()

    assert all(gilkit.map(body, range(60), threads=4, chunksize=1))


def test_inside_a_map_that_is_cancelled(patched):
    """The operations of a body end before the map does, with whole results."""
    a = np.linspace(-5, 5, 300_000)
    expected = np.sin(a)
    token, wrong, done = gilkit.CancelToken(), [], []

    def body(k):
        if k == 30:  # by then some have ended, although the token ends bodies between two operations
            token.cancel()
        found = np.full_like(a, 7)
        np.sin(a, out=found)
        if found.tobytes() != expected.tobytes():
            wrong.append(k)
        done.append(k)

    from concurrent.futures import CancelledError

    with pytest.raises(CancelledError), token:
        gilkit.map(body, range(500), threads=4, chunksize=1)
    assert not wrong and 0 < len(done) < 500


def test_timeouts_and_tokens_do_not_cut_an_operation(patched):
    a = np.linspace(-5, 5, 400_000)
    b = np.linspace(-5, 5, 400_000)[::-1].reshape(400, 1000)
    expected = [np.sin(a), np.sort(b, axis=1), b.sum(axis=0)]
    token = gilkit.CancelToken()
    with gilkit.timeout(1e-9), token:
        token.cancel()
        found = [np.sin(a), np.sort(b, axis=1), b.sum(axis=0)]
        with pytest.raises((TimeoutError, Exception), match="the gilkit call"):
            gilkit.spin(10)
    assert [each.tobytes() for each in found] == [each.tobytes() for each in expected]


# ---- Signals ----


class Rung(Exception):
    pass


OPERATIONS = {
    "sin": (lambda a, out: np.sin(a, out=out), np.sin),
    "add": (lambda a, out: np.add(a, a.T, out=out), lambda a: a + a.T),
    "sort": (lambda a, out: (np.copyto(out, a), out.sort(axis=0))[0], lambda a: np.sort(a, axis=0)),
}


# The handler may raise in a callback of the garbage collector, which Hypothesis installs.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@POSIX
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_signal_handler_that_raises(operation, patched, often):
    """The exception comes between two operations: one that has begun to write its output ends."""
    run, plain = OPERATIONS[operation]
    a = np.random.default_rng(1).standard_normal((700, 700))
    expected, untouched = plain(a), np.full_like(a, 7)
    copied = a if operation == "sort" else untouched

    def handler(*_):
        raise Rung

    before = signal.signal(signal.SIGALRM, handler)
    rung = 0
    try:
        for k in range(often(60, 2000)):
            out = untouched.copy()
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0001 + 0.0003 * (k % 20))
                for _ in range(200):
                    run(a, out)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Rung:
                rung += 1
            whole = [expected.tobytes(), untouched.tobytes(), copied.tobytes()]
            assert out.tobytes() in whole
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert rung > 5


@POSIX
def test_interrupts(run_python):
    """Ctrl-C ends a program that does nothing but long operations of NumPy."""
    run_python("""
        import os, signal, threading, time
        import numpy as np, gilkit
        gilkit.patch_numpy()
        a = np.linspace(0, 1, 3_000_000)
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        started = time.monotonic()
        try:
            while time.monotonic() < started + 60:
                np.sin(a)
            raise SystemExit("no KeyboardInterrupt")
        except KeyboardInterrupt:
            pass
    """)


# ---- fork and exit ----


@POSIX
def test_fork(run_python):
    run_python("""
        import os, threading, warnings
        import numpy as np, gilkit
        warnings.simplefilter("ignore", DeprecationWarning)  # of fork in a process with threads
        gilkit.patch_numpy(min_size=1)
        gilkit.set_num_threads(3)
        a = np.linspace(0, 1, 50_000)
        expected = np.sin(a).tobytes()
        stop = threading.Event()

        def compute():
            while not stop.is_set():
                assert np.sin(a).tobytes() == expected

        def patch():
            while not stop.is_set():
                with gilkit.patch_numpy():
                    pass

        threads = [threading.Thread(target=f) for f in (compute, compute, patch)]
        for thread in threads:
            thread.start()
        for _ in range(15):
            pid = os.fork()
            if pid == 0:
                ok = gilkit.numpy_is_patched() and np.sin(a).tobytes() == expected and np.sort(a)[0] == 0
                while gilkit.numpy_is_patched():
                    gilkit.unpatch_numpy()
                ok = ok and np.sin(a).tobytes() == expected
                with gilkit.patch_numpy(min_size=1):
                    ok = ok and np.sin(a).tobytes() == expected
                os._exit(0 if ok else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        stop.set()
        for thread in threads:
            thread.join()
    """)


def test_exit_while_threads_compute(run_python):
    for way in ("daemon", "sys.exit", "os._exit"):
        out = run_python(
            """
            import os, sys, threading, time
            import numpy as np, gilkit
            gilkit.patch_numpy(min_size=1)
            a = np.random.default_rng(1).standard_normal((500, 400))

            def compute():
                while True:
                    np.sin(a), a + a[:1], a.sum(axis=0), np.sort(a, axis=0)

            for _ in range(3):
                threading.Thread(target=compute, daemon=True).start()
            time.sleep(0.3)
            print("end", flush=True)
            if sys.argv[1] == "sys.exit":
                sys.exit(0)
            if sys.argv[1] == "os._exit":
                os._exit(0)
            """,
            way,
        )
        assert out == "end\n"


# ---- greenlets ----


def test_greenlets(patched):
    greenlet = pytest.importorskip("greenlet")
    a = np.ones(N)
    trace = []

    class Switches:
        def write(self, text):
            trace.append(text)
            main.switch()

    def body():
        with np.errstate(divide="log", call=Switches()), gilkit.threads(2):
            trace.append((a / 0)[0])

    main = greenlet.getcurrent()
    other = greenlet.greenlet(body)
    other.switch()
    assert np.sin(a)[0] == np.sin(1.0)
    other.switch()
    assert trace[-1] == np.inf and "divide by zero" in trace[0]
