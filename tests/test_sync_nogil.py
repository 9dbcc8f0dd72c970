"""``cimport gilkit.sync`` from another project, built against the installed package.

Code without the GIL and Python threads share counters and locks."""

import importlib.util
import subprocess
import sys
import sysconfig
import textwrap
import threading
import time

import pytest

from gilkit import sync

pytest.importorskip("Cython")
pytest.importorskip("setuptools")

LONG = 20.0

SOURCE = """
# cython: language_level=3, freethreading_compatible=True
from libc.stdint cimport int64_t
cimport gilkit.sync
from gilkit.sync cimport (
    AtomicCounter, Barrier, BoundedSemaphore, Condition, Counter, Event, Latch, Lock, RLock, RWLock, Semaphore)

# Guarded by the lock that the caller passes.
cdef int64_t plain = 0

def total():
    return plain

def add_under_lock(gilkit.sync.Lock lock, int64_t n):
    global plain
    cdef int64_t i
    with nogil:
        for i in range(n):
            lock.acquire_nogil()
            plain += 1
            lock.release_nogil()

def add_under_rlock(RLock lock, int64_t n):
    global plain
    cdef int64_t i
    with nogil:
        for i in range(n):
            lock.acquire_nogil(-1)
            lock.acquire_nogil()
            plain += 1
            lock.release_nogil()
            lock.release_nogil()

def add_under_writer(RWLock lock, int64_t n):
    global plain
    cdef int64_t i
    with nogil:
        for i in range(n):
            lock.acquire_write_nogil()
            plain += 1
            lock.release_write_nogil()

def python_add(lock, int64_t n):
    global plain
    cdef int64_t i
    for i in range(n):
        with lock:
            plain += 1

def results(Lock lock, RLock rlock, RWLock rw, Semaphore semaphore, Event event, Latch latch, Barrier barrier):
    cdef bint a, b, c, d, e, f, g, h, i, j, k, l, m
    cdef int64_t n
    with nogil:
        a = lock.acquire_nogil(0)
        b = lock.acquire_nogil(1000000)
        c = lock.release_nogil()
        d = lock.release_nogil()
        e = rlock.release_nogil()
        f = rw.acquire_read_nogil(0)
        g = rw.acquire_write_nogil()
        h = rw.release_read_nogil()
        i = semaphore.acquire_nogil(0)
        j = semaphore.acquire_nogil(1000000)
        k = semaphore.release_nogil(2)
        event.set_nogil()
        l = event.wait_nogil()
        event.clear_nogil()
        m = event.wait_nogil(1000000) or event.is_set_nogil()
        latch.count_down_nogil()
        n = barrier.wait_nogil(0)
    return [a, b, c, d, e, f, g, h, i, j, k, l, m, latch.wait_nogil(0), n]

def count(Counter counter, int64_t n):
    cdef int64_t i
    with nogil:
        for i in range(n):
            counter.add_nogil()
        counter.add_nogil(-1)
        i = counter.value_nogil()
    return i

def cas(AtomicCounter counter):
    return counter.compare_and_set_nogil(1, 2), counter.compare_and_set_nogil(1, 3)

def ping(Condition condition, Lock lock, int64_t rounds):
    # Change `plain` from odd to even `rounds` times; Python code does the other half.
    global plain
    cdef int64_t i
    with nogil:
        lock.acquire_nogil()
        for i in range(rounds):
            while plain % 2 == 0:
                condition.wait_nogil()
            plain += 1
            condition.notify_nogil(-1)
        lock.release_nogil()

def give_back(Lock lock):
    return lock.release_nogil()

def bump():
    global plain
    plain += 1
"""

SETUP = """
from Cython.Build import cythonize
from setuptools import Extension, setup
setup(name="consumer", ext_modules=cythonize([Extension("consumer", ["consumer.pyx"])]))
"""


@pytest.fixture(scope="module")
def consumer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("consumer")
    (folder / "consumer.pyx").write_text(SOURCE)
    (folder / "setup.py").write_text(textwrap.dedent(SETUP))
    built = subprocess.run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=folder,
                           capture_output=True, text=True, timeout=300)  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    path = folder / f"consumer{sysconfig.get_config_var('EXT_SUFFIX')}"
    spec = importlib.util.spec_from_file_location("consumer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def together(*bodies):
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


@pytest.mark.parametrize("name", ["lock", "rlock", "writer"])
def test_one_lock_shared_by_all(consumer, name):
    before, n = consumer.total(), 20_000
    lock = {"lock": sync.Lock, "rlock": sync.RLock, "writer": sync.RWLock}[name]()
    nogil = getattr(consumer, f"add_under_{name}")
    python = lock.writer() if name == "writer" else lock
    together(*[lambda: nogil(lock, n)] * 2, *[lambda: consumer.python_add(python, n)] * 2)
    assert consumer.total() - before == 4 * n


def test_what_the_methods_return(consumer):
    semaphore = sync.BoundedSemaphore(1)
    got = consumer.results(
        sync.Lock(), sync.RLock(), sync.RWLock(), semaphore, sync.Event(), sync.Latch(1), sync.Barrier(1)
    )
    assert got == [True, False, True, False, False, True, False, True, True, False, False, True, False, True, 0]
    assert semaphore._value == 0


@pytest.mark.parametrize("kind", [sync.LockedCounter, sync.AtomicCounter, sync.ShardedCounter])
def test_counters(consumer, kind):
    counter = kind()

    def python():
        for _ in range(5000):
            counter.add()

    together(lambda: consumer.count(counter, 20_000), lambda: consumer.count(counter, 20_000), python, python)
    assert counter.value == 2 * 19_999 + 2 * 5000
    assert consumer.count(kind(2**63 - 1), 5) == 2**63 - 2
    assert consumer.count(counter.handle(), 1) == counter.value
    assert consumer.cas(sync.AtomicCounter(1)) == (True, False)


def test_condition_between_python_and_nogil_code(consumer):
    lock = sync.Lock()
    condition, rounds = sync.Condition(lock), 300
    if consumer.total() % 2:
        consumer.bump()
    before = consumer.total()

    def python():
        for _ in range(rounds):
            with condition:
                condition.wait_for(lambda: consumer.total() % 2 == 0, LONG)
                consumer.bump()
                condition.notify_all()

    together(python, lambda: consumer.ping(condition, lock, rounds))
    assert consumer.total() - before == 2 * rounds


def test_wrong_types(consumer):
    with pytest.raises(TypeError):
        consumer.add_under_lock(threading.Lock(), 1)
    with pytest.raises(TypeError):
        consumer.add_under_lock(sync.RLock(), 1)


def test_a_nogil_wait_lets_python_run(consumer):
    lock, ran = sync.Lock(), []
    lock.acquire()
    thread = threading.Thread(target=consumer.add_under_lock, args=(lock, 1))
    thread.start()
    for _ in range(5):
        time.sleep(0.005)
        ran.append(True)
    lock.release()
    thread.join(LONG)
    assert len(ran) == 5


def test_locks_released_without_the_gil_form_no_cycle(consumer):
    """The detector does not see such a release; it learns of it when another thread acquires the lock."""
    first, second = sync.Lock(), sync.Lock()
    taken, held, end = threading.Event(), threading.Event(), threading.Event()

    def hold_first():
        with first:
            taken.set()
            end.wait(LONG)

    def hold_second_and_wait_for_first():
        with second:
            held.set()
            with first:
                pass

    with sync.detect_deadlocks():
        first.acquire()
        assert consumer.give_back(first)  # recorded as held by this thread until another thread takes it
        threads = [threading.Thread(target=body) for body in (hold_first, hold_second_and_wait_for_first)]
        threads[0].start()
        assert taken.wait(LONG)
        threads[1].start()
        assert held.wait(LONG)
        time.sleep(0.02)
        threading.Timer(0.05, end.set).start()
        second.acquire()
        second.release()
        for thread in threads:
            thread.join(LONG)
