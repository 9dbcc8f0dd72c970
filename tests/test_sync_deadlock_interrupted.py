"""The deadlock detector is reentrant and survives interruption at any point.

Python may run finalisers, signal handlers, warnings, reprs and forks between any two lines. Nothing may hang, and the
detector's records must stay correct."""

import concurrent.futures
import contextlib
import copy
import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
import weakref

import pytest
from waiting import LONG, start, until

from gilkit import sync

needs_setitimer = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
for_all_threads = pytest.mark.thread_unsafe(reason="detect_deadlocks() affects all threads")
pytestmark = for_all_threads

MAKERS = [
    pytest.param(sync.RLock, id="RLock"),
    pytest.param(sync.Condition, id="Condition"),
    pytest.param(lambda: sync.RWLock().reader(), id="reader"),
]


@pytest.fixture(autouse=True)
def detecting():
    with sync.detect_deadlocks(inversions=True), warnings.catch_warnings():
        warnings.simplefilter("ignore", sync.LockOrderWarning)  # the tests take locks in every order
        yield


def run_python(code, *arguments):
    """Run code in a separate process, since a failure may be a hang."""
    return subprocess.run(
        [sys.executable, "-P", "-c", "import faulthandler; faulthandler.dump_traceback_later(40, exit=True)\n"
         + textwrap.dedent(code), *arguments],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("how", ["del", "weakref", "gc"])
@pytest.mark.parametrize("kind", ["RLock", "Condition", "reader", "other Lock"])
def test_finalisers_that_take_locks(how, kind):
    """Finalisers run at any allocation and release in each thread, with the lock held or not."""
    result = run_python("""
        import gc, sys, threading, weakref
        from gilkit import sync
        how, kind = sys.argv[1:]
        shared = sync.RLock()
        lock = {"RLock": lambda: shared, "Condition": sync.Condition, "reader": sync.RWLock().reader,
                "other Lock": sync.Lock}[kind]()
        ran = [0]
        def take(*_):
            if lock.acquire(False):
                ran[0] += 1
                lock.release()
        class Node:
            def __init__(self): self.me = self
            if how == "del":
                def __del__(self): take()
        if how == "gc": gc.callbacks.append(take)
        gc.set_threshold(3, 2, 2)
        def work():
            for _ in range(2000):
                with shared:
                    node = Node()
                    reference = weakref.ref(node, take) if how == "weakref" else None
        with sync.detect_deadlocks(inversions=True):
            threads = [threading.Thread(target=work) for _ in range(3)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
        print(ran[0] > 0)
        """, how, kind)  # fmt: skip
    assert (result.returncode, result.stdout, result.stderr) == (0, "True\n", "")


@needs_setitimer
@pytest.mark.parametrize("kind", ["Lock", "RLock", "Condition", "writer"])
def test_signal_handlers_that_take_locks(kind):
    result = run_python("""
        import signal, sys, threading
        from gilkit import sync
        kind = sys.argv[1]
        lock = sync.RWLock().writer() if kind == "writer" else getattr(sync, kind)()
        mine, handled = sync.RLock(), [0]
        def handler(*_):
            with lock: handled[0] += 1
            # Only now the next signal, or handlers would be nested: at a Lock that is a deadlock.
            if handled[0] < 200: signal.setitimer(signal.ITIMER_REAL, 0.002)
        def work():
            while handled[0] < 200:
                with lock: sum(range(50))
        with sync.detect_deadlocks(inversions=True):
            signal.signal(signal.SIGALRM, handler)
            signal.setitimer(signal.ITIMER_REAL, 0.002)
            threads = [threading.Thread(target=work) for _ in range(2)]
            for thread in threads: thread.start()
            while handled[0] < 200:
                with mine, mine: pass
            for thread in threads: thread.join()
        print("fine")
        """, kind)  # fmt: skip
    assert (result.returncode, result.stdout, result.stderr) == (0, "fine\n", "")


@needs_setitimer
def test_an_exception_of_a_signal_handler_leaves_no_trace():
    """The signal arrives before, in or after the detector's code; then each lock is free, or recorded as held."""
    lock, other, caught = sync.Lock(), sync.RLock(), 0

    def handler(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, handler)
    try:
        for _ in range(300):
            holds = False
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0003)
                while True:
                    holds = True  # possibly, from here on
                    lock.acquire()
                    with other:
                        pass
                    lock.release()
                    holds = False
            except KeyboardInterrupt:
                caught += 1
            if holds and lock.locked():
                with pytest.raises(sync.DeadlockError):  # the detector knows that this thread holds it
                    lock.acquire()
                lock.release()
            assert lock.acquire(False)
            lock.release()
            other.acquire(False)
            while other._is_owned():
                other.release()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert caught == 300
    assert embrace() == 1  # cycles are still found


@needs_setitimer
def test_a_signal_handler_waits_within_a_wait():
    """The detector still knows the outer wait after the inner one ends."""
    first, second, errors, inside = sync.Lock(), sync.RLock(), [], threading.Event()
    gate = sync.Lock()

    def handler(*_):
        with gate:  # held by the thread below
            pass
        inside.set()

    def body():
        with first, gate:
            until(lambda: "waiting" in seen)
            os.kill(os.getpid(), signal.SIGALRM)
            time.sleep(0.1)
        inside.wait(LONG)
        first.acquire()
        ready.set()
        try:
            with second:  # held by the main thread, which waits for `first`
                pass
        except sync.DeadlockError as error:
            errors.append(error)
        first.release()

    seen, ready = [], threading.Event()
    before = signal.signal(signal.SIGALRM, handler)
    try:
        thread = threading.Thread(target=body)
        with second:
            thread.start()
            until(lambda: first.locked() and gate.locked())
            seen.append("waiting")
            with gate:
                pass
            inside.wait(LONG)
            ready.wait(LONG)
            try:
                with first:
                    pass
            except sync.DeadlockError as error:
                errors.append(error)
        thread.join(LONG)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not thread.is_alive()
    assert len(errors) == 1


def embrace():
    """Take two locks in opposite order in two threads; return the number of DeadlockErrors."""
    meet, errors = threading.Barrier(2), []

    def body(one, two):
        with one:
            meet.wait(LONG)
            try:
                with two:
                    pass
            except sync.DeadlockError as error:
                errors.append(error)

    pair = sync.Lock(), sync.Lock()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sync.LockOrderWarning)
        threads = [start(body, *order) for order in (pair, pair[::-1])]
        for thread in threads:
            thread.join(LONG)
            assert not thread.is_alive()
    return len(errors)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_children_of_forks_use_locks():
    """The child can use locks whatever the other threads were doing, and knows which locks the forking thread holds."""
    stop, mine = threading.Event(), sync.Lock()

    def work():
        lock, other = sync.Lock(), sync.RWLock()
        while not stop.is_set():
            with lock, other.writer():
                pass

    threads = [start(work) for _ in range(3)]
    try:
        for _ in range(60):
            with mine:
                child = os.fork()
                if child == 0:
                    try:
                        signal.alarm(20)
                        with sync.Lock(), sync.RLock(), sync.RWLock().reader():
                            pass
                        mine.release()
                        with mine:
                            try:
                                mine.acquire()
                            except sync.DeadlockError:
                                os._exit(0)
                    finally:
                        os._exit(1)
                assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_knows_the_locks_of_its_parent_thread():
    mine = sync.Lock()
    with mine:
        child = os.fork()
        if child == 0:
            try:
                signal.alarm(20)
                mine.acquire()
            except sync.DeadlockError:
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0


def test_trace_profile_and_warning_functions_that_take_locks():
    """These functions run Python code inside the lock's operations."""
    lock, other, calls = sync.RLock(), sync.Lock(), []

    def hook(*_):
        with lock:
            calls.append(1)

    def show(*_args, **_kwargs):
        with lock, other:
            calls.append("shown")

    before = sys.gettrace(), sys.getprofile()
    first, second = sync.Lock(), sync.Lock()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show
        sys.settrace(hook)
        sys.setprofile(hook)
        try:
            with first, second:
                pass
            with second, first:
                pass
        finally:
            sys.setprofile(before[1])
            sys.settrace(before[0])
    assert "shown" in calls
    assert calls.count(1) > 5
    assert not any(each.locked() for each in (lock, other, first, second))


@contextlib.contextmanager
def warned(match):
    with pytest.warns(sync.LockOrderWarning, match=match):  # noqa: PT031
        warnings.simplefilter("always")
        yield


def test_locks_with_custom_methods():
    """Locks may have a __repr__ that raises or takes locks, an __eq__ that raises, and no __hash__."""

    class Odd(sync.Lock):
        def __repr__(self):
            with self:  # would wait forever without detection
                return "never"

        def __eq__(self, other):
            raise ZeroDivisionError

        __hash__ = None

    class Raises(sync.RLock):
        def __repr__(self):
            raise ZeroDivisionError

    odd, raises, plain = Odd(), Raises(), sync.Lock()
    with odd, pytest.raises(sync.DeadlockError, match=r"waits for <.*Odd object at 0x"):
        odd.acquire()
    with odd, plain:
        pass
    with warned("takes never at"), plain, odd:
        pass
    with plain, raises:
        pass
    with warned("takes <.*Lock object.*Raises object at"), raises, plain:
        pass


def test_warnings_as_errors_leave_the_lock_free():
    first, second = sync.Lock(), sync.RWLock()
    with first, second.writer():
        pass
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with second.writer(), pytest.raises(sync.LockOrderWarning):
            first.acquire()
    assert not first.locked()
    assert not second.written
    with pytest.raises(RuntimeError):
        first.release()


def test_at_the_recursion_limit():
    """An acquire that fails leaves the lock free."""
    lock, other = sync.Lock(), sync.RLock()

    def sink():
        try:
            with lock, other:
                pass
            sink()
        except RecursionError:
            with contextlib.suppress(RecursionError), other:
                pass
            raise

    with pytest.raises(RecursionError):
        sink()
    assert not lock.locked()
    assert not other.locked()


def test_threads_without_frames_and_names():
    """Threads started by _thread: no Python frame calls acquire, and threading has no name for them."""
    import _thread

    lock, errors, done = sync.Lock(), [], threading.Event()
    _thread.start_new_thread(lock.acquire, ())
    until(lock.locked)

    def body():
        other.acquire()
        holds.set()
        try:
            lock2.acquire()
        except sync.DeadlockError as error:
            errors.append(error)
        other.release()
        done.set()

    other, lock2, holds = sync.Lock(), sync.Lock(), threading.Event()
    before = dict(threading._active)
    with lock2:
        _thread.start_new_thread(body, ())
        holds.wait(LONG)
        try:
            with other:
                pass
        except sync.DeadlockError as error:
            errors.append(error)
    assert done.wait(LONG)
    assert len(errors) == 1
    assert "'ident " in str(errors[0])
    assert threading._active == before  # no Thread object was created
    lock.release()


def test_a_thread_that_ended_still_holds_its_locks():
    lock, other, got = sync.Lock(), sync.Lock(), []
    start(lock.acquire).join()
    with other:
        for _ in range(50):  # thread idents are reused
            thread = start(lambda: got.append(lock.acquire(timeout=0.001)))
            thread.join()
    assert got == [False] * 50
    lock.release()
    with lock:
        pass


def test_detection_turned_on_and_off_while_locks_are_in_use():
    """While detection is off, the detector misses operations; afterwards it must not report false deadlocks."""
    stop, failed = threading.Event(), []

    def work():
        locks = sync.Lock(), sync.RLock(), sync.RWLock()
        try:
            while not stop.is_set():
                with locks[0], locks[1], locks[2].reader():
                    pass
        except BaseException as error:
            failed.append(error)

    threads = [start(work) for _ in range(2)]
    held, free = sync.Lock(), sync.Lock()
    for _ in range(100):
        held.acquire()
        with sync.detect_deadlocks(False):
            held.release()
        start(held.acquire).join()  # held by another thread, so a wait is not a deadlock
        assert held.acquire(timeout=0.0001) is False
        held.release()
        with free:
            pass
    stop.set()
    for thread in threads:
        thread.join()
    assert failed == []


def test_locks_are_freed():
    """The recorded lock order does not keep locks alive that are not held."""
    references = []
    for _ in range(10):
        first, second, third = sync.Lock(), sync.RLock(), sync.RWLock()
        with first, second, third.writer():
            pass
        references += map(weakref.ref, (first, second, third))
    del first, second, third
    gc.collect()
    assert [reference() for reference in references] == [None] * 30


def test_a_condition_reacquires_its_lock_when_a_handler_raises():
    if not hasattr(signal, "setitimer"):
        pytest.skip("needs setitimer")

    def handler(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, handler)
    try:
        for lock in (sync.Lock(), sync.RLock()):
            condition = sync.Condition(lock)
            with pytest.raises(KeyboardInterrupt), condition:
                signal.setitimer(signal.ITIMER_REAL, 0.02)
                condition.wait(LONG)
            assert not lock.locked()
    finally:
        signal.signal(signal.SIGALRM, before)


def test_interpreter_exit():
    result = run_python("""
        import sys, threading, time
        from gilkit import sync
        lock, other = sync.Lock(), sync.RLock()
        class AtTheEnd:
            def __del__(self, lock=lock, other=other):
                with other: lock.acquire(False); lock.release()
        sync.detect_deadlocks(inversions=True)
        keep = AtTheEnd()
        sys.keep = AtTheEnd()
        held = sync.Lock(); held.acquire()
        threading.Thread(target=held.acquire, daemon=True).start()
        time.sleep(0.05)
        print("end")
    """)
    assert (result.returncode, result.stdout, result.stderr) == (0, "end\n", "")


# ---- Errors that are pickled or copied


def deadlock():
    lock = sync.Lock()
    with lock:
        try:
            lock.acquire()
        except sync.DeadlockError as error:
            return error


class Special(sync.DeadlockError):
    pass


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_deadlock_error_can_be_pickled(protocol):
    error = deadlock()
    error.add_note("in a test")
    error.more = [1]
    again = pickle.loads(pickle.dumps(error, protocol))
    assert type(again) is sync.DeadlockError
    assert (str(again), again.args, again.__notes__, again.more) == (str(error), error.args, ["in a test"], [1])
    (link,), (link_again,) = error.cycle, again.cycle
    assert link_again == link._replace(lock=repr(link.lock)) or repr(link_again.lock).startswith("<")
    assert link_again._replace(lock=None) == link._replace(lock=None)
    assert "gilkit.sync.Lock object" in repr(link_again.lock)
    assert str(pickle.loads(pickle.dumps(again))) == str(error)
    special = Special(error.cycle)
    assert type(pickle.loads(pickle.dumps(special, protocol))) is Special


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy])
def test_deadlock_error_can_be_copied(how):
    error = deadlock()
    again = how(error)
    assert type(again) is type(error)
    assert again is not error
    assert (str(again), again.args, again.cycle) == (str(error), error.args, error.cycle)
    assert again.cycle[0].lock is error.cycle[0].lock
    both = how([error, error])
    assert str(both[0]) == str(error)


def raise_deadlock_error():
    with sync.detect_deadlocks():
        raise deadlock()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_deadlock_error_comes_out_of_a_process_pool():
    context = multiprocessing.get_context("spawn")
    code = textwrap.dedent("""
        import concurrent.futures, multiprocessing, pickle
        from gilkit import sync
        def body():
            with sync.detect_deadlocks():
                lock = sync.Lock()
                with lock: lock.acquire()
        if __name__ == "__main__":
            with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
                error = pool.submit(body).exception(60)
            print(type(error) is sync.DeadlockError, len(error.cycle), "this wait would never end" in str(error))
    """)
    if sys.platform == "win32" or context is None:
        pytest.skip("needs fork")
    result = subprocess.run([sys.executable, "-P", "-W", "ignore", "-c", code],
                            capture_output=True, text=True, timeout=120)  # fmt: skip
    assert (result.stdout, result.stderr) == ("True 1 True\n", "")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert isinstance(pool.submit(raise_deadlock_error).exception(LONG), sync.DeadlockError)


def test_lock_order_warning_can_be_pickled():
    warning = sync.LockOrderWarning("a message")
    for again in (pickle.loads(pickle.dumps(warning)), copy.deepcopy(warning)):
        assert type(again) is sync.LockOrderWarning
        assert again.args == warning.args
