"""gilkit.imap: when results arrive, what it keeps in memory, and how it ends."""

import copy
import gc
import itertools
import pickle
import queue
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Generator
from concurrent.futures import CancelledError

import numpy as np
import pytest
from waiting import LONG, start, until

import gilkit


def run(code, *, status=0):
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def pause(x):
    time.sleep(0.002)
    return x


# ---- When results arrive ----


@pytest.mark.parametrize("ahead", [None, 1, 2, 10])
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_a_slow_source_does_not_delay_results(ahead, threads):
    given = []

    def source():
        for i in range(6):
            time.sleep(0.03)
            assert len(given) >= i - 1  # result k is returned before item k+2 is read
            yield i

    for result in gilkit.imap(abs, source(), ahead=ahead, threads=threads):
        given.append(result)
    assert given == list(range(6))


@pytest.mark.parametrize("work", [abs, pause])
def test_a_source_that_waits_for_each_answer(work):
    answers = queue.Queue()
    answers.put(0)
    results = gilkit.imap(work, (answers.get(timeout=LONG) for _ in range(20)), ahead=1)
    for k in range(20):
        assert next(results) == k
        answers.put(k + 1)


@pytest.mark.parametrize("ahead", [1, 2, 3, 7, 100])
def test_the_source_is_read_only_within_the_limit(ahead):
    read, given = [0], [0]

    def source():
        for i in range(60):
            read[0] += 1
            assert read[0] - given[0] <= ahead
            yield i

    for result in gilkit.imap(pause, source(), ahead=ahead, threads=3):
        assert result == given[0]
        given[0] += 1
    assert given == [60]


def test_slow_items_of_a_generator_are_computed_concurrently():
    together = threading.Barrier(2)
    for threads in (2, 3):
        assert len(list(gilkit.imap(lambda _: together.wait(LONG), (i for i in range(2)), threads=threads))) == 2


def test_items_that_arrive_while_another_is_running_are_started():
    """A participant without an item stays while another one has an item."""
    gate, begun = threading.Event(), []

    def item(x):
        begun.append(x)
        if x == 0:
            assert gate.wait(LONG)
        return x

    def source():
        yield 0
        until(lambda: begun)
        yield from range(1, 5)
        until(lambda: len(begun) == 5)  # while item 0 is still running
        gate.set()

    assert list(gilkit.imap(item, source(), threads=2)) == list(range(5))


# ---- What it keeps in memory ----


class Item:
    pass


@pytest.mark.parametrize("work", [type, lambda item: pause(type(item))])
def test_items_are_dropped_once_they_are_computed(work):
    items = []

    def source():
        for _ in range(30):
            item = Item()
            items.append(weakref.ref(item))
            yield item
            del item

    results = gilkit.imap(work, source(), ahead=30)
    for _ in range(10):
        assert next(results) is Item
    until(lambda: all(item() is None for item in items[:9]))
    assert list(results) == [Item] * 20


@pytest.mark.parametrize("kind", [bytes, bytearray, lambda n: memoryview(bytes(n))])
@pytest.mark.parametrize("large", ["items", "results"])
def test_few_large_items_and_results_are_kept(kind, large):
    """imap keeps 16 MiB of them, or one more than the number of threads."""
    read, furthest = [0], 0

    def source():
        for _ in range(100):
            read[0] += 1
            yield kind(3_000_000) if large == "items" else 1

    work = (lambda block: pause(len(block))) if large == "items" else (lambda _: pause(kind(3_000_000)))
    for k, _ in enumerate(gilkit.imap(work, source(), threads=2)):
        furthest = max(furthest, read[0] - k - 1)
    assert read[0] == 100
    assert furthest <= 20


# ---- How it ends ----


@pytest.mark.parametrize("where", ["runner", "worker"])
@pytest.mark.parametrize("how", ["close", "drop", "collect", "nested"])
def test_an_imap_that_its_own_function_closes(where, how):
    done, box = threading.Event(), []

    def end(_=None):
        results = box.pop()
        if how in ("close", "nested"):
            results.close()
        if how == "collect":
            cycle = [results]
            cycle.append(cycle)
            del cycle
        del results
        if how == "collect":
            gc.collect()

    def item(x):
        time.sleep(0.005)
        wanted = (threading.current_thread().name == "gilkit.imap") == (where == "runner")
        if x > 4 and not wanted:
            done.wait(LONG)  # leaves one of these items to the other thread
        elif x > 4 and box:
            try:
                if how == "nested":
                    gilkit.map(end, [0], threads=2)
                else:
                    end()
            except (ValueError, CancelledError):  # the imap is executing; gilkit's calls in its items end
                pass
            except IndexError:
                return x
            done.set()
        return x

    box.append(gilkit.imap(item, range(300), threads=2))
    assert next(box[0]) == 0
    assert done.wait(LONG)


def test_close_waits_for_running_items_but_not_inside_an_item():
    at_work, finished = threading.Semaphore(0), []

    def item(x):
        at_work.release()
        time.sleep(0.05)
        finished.append(x)

    results = gilkit.imap(item, iter([0, 1, 2]), threads=2)
    consumer = start(next, results)
    at_work.acquire()
    with pytest.raises(ValueError, match="already executing"):
        results.close()
    consumer.join()
    results.close()
    begun = len(finished)
    time.sleep(0.1)
    assert len(finished) == begun
    assert list(results) == []
    with pytest.raises(StopIteration):
        next(results)


def test_close_ends_gilkits_calls_inside_the_items():
    begun = threading.Semaphore(0)

    def item(_):
        begun.release()
        return gilkit.spin(10**14, threads=1)

    results = gilkit.imap(item, range(4), threads=2)
    with pytest.raises(TimeoutError), gilkit.timeout(0.05):
        next(results)
    begun.acquire()
    results.close()


@pytest.mark.skipif(sys.platform == "win32", reason="needs os.kill with SIGINT")
def test_ctrl_c_ends_a_wait_inside_an_item(run_python):
    """As it ends gilkit's other calls inside the items of a map."""
    code = """
import gilkit, os, signal, threading, time
main, waits, stop, ended = threading.get_ident(), threading.Event(), threading.Event(), []
def item(_):
    if threading.get_ident() == main:
        waits.wait(20)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(20)
    results = gilkit.imap(lambda _: stop.wait(20), range(2), threads=1)
    waits.set()
    try:
        next(results)
    except BaseException as error:
        ended.append(type(error).__name__)
        raise
try:
    gilkit.map(item, range(2), threads=2)
except KeyboardInterrupt:
    print(ended, stop.is_set())
stop.set()
"""
    assert run_python(code, timeout=LONG) == "['CancelledError'] False\n"


def test_close_by_another_thread():
    results = gilkit.imap(pause, range(1000), threads=2)
    assert next(results) == 0
    closer = start(results.close)
    closer.join(LONG)
    assert not closer.is_alive()
    assert list(results) == []


def test_it_has_the_methods_of_a_generator():
    results = gilkit.imap(pause, range(100))
    assert isinstance(results, Generator)
    assert iter(results) is results
    assert results.send(None) == 0
    with pytest.raises(TypeError):
        results.send(1)
    with pytest.raises(LookupError, match="thrown"):
        results.throw(LookupError("thrown"))
    assert list(results) == []
    with pytest.raises(KeyError):
        gilkit.imap(abs, [1]).throw(KeyError)


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, pickle.dumps])
def test_it_has_weak_references_and_no_copy(how):
    results = gilkit.imap(str, [1, 2])
    assert weakref.ref(results)() is results
    with pytest.raises(TypeError, match=r"a gilkit\.imap cannot be pickled or copied"):
        how(results)
    assert list(results) == ["1", "2"]


def test_a_source_that_asks_for_the_results():
    def source():
        yield 1
        yield next(results)

    results = gilkit.imap(abs, source())
    with pytest.raises(ValueError, match="already executing"):
        list(results)


@pytest.mark.parametrize("work", ["short", "long"])
@pytest.mark.parametrize("error", [StopIteration, GeneratorExit, SystemExit, KeyboardInterrupt, OSError])
def test_exceptions_of_the_function(error, work):
    def fail(x):
        if work == "long":
            time.sleep(0.002)
        if x == 40:
            raise error
        return x

    for source in (range(100), iter(list(range(100))), (x for x in range(100))):
        results = gilkit.imap(fail, source, threads=3)
        given = []
        with pytest.raises(RuntimeError if error is StopIteration else error):
            for result in results:
                given.append(result)
        assert given == list(range(len(given)))
        assert len(given) == 40 or error is KeyboardInterrupt
        assert list(results) == []


@pytest.mark.parametrize("error", [GeneratorExit, SystemExit, KeyboardInterrupt])
def test_exceptions_of_the_source(error):
    def source():
        yield from range(5)
        raise error

    with pytest.raises(error):
        list(gilkit.imap(pause, source(), threads=2))


def test_imap_in_imap_in_imap():
    def inner(x):
        return sum(gilkit.imap(pause, range(x), threads=2))

    def outer(x):
        return sum(gilkit.imap(inner, range(x), threads=2))

    assert list(gilkit.imap(outer, range(6), threads=2)) == [0, 0, 0, 1, 4, 10]


def test_an_abandoned_imap_that_its_function_refers_to_is_collected():
    def abandon():
        def item(x):
            return results and pause(x)

        results = gilkit.imap(item, (x for x in range(1000)), threads=2, ahead=3)
        next(results)
        return weakref.ref(item)

    item = abandon()

    def collected():
        gc.collect()
        return item() is None

    until(collected)


@pytest.mark.parametrize(
    "holder",
    [
        "g = {}",
        "class C: g = {}",
        "import sys; sys.modules['m'] = type(sys)('m'); sys.modules['m'].g = {}",
        "g = [{}]; g.append(g)",
        "import atexit; g = {}; atexit.register(next, g)",
    ],
)
def test_an_unfinished_imap_at_exit_is_quiet(holder):
    for items in ("range(10_000)", "[0.001] * 10_000"):
        imap = f"gilkit.imap(time.sleep if {items!r}[0] == '[' else abs, {items}, threads=2)"
        run(f"import gilkit, time, itertools\ni = {imap}\nnext(i)\n{holder.format('i')}\ndel i")


@pytest.mark.parametrize("work", ["abs", "time.sleep"])
def test_an_imap_that_a_finaliser_advances_at_exit_ends(work):
    code = f"""
import gilkit, time
class Last:
    results, abs = gilkit.imap({work}, [0.001] * 10_000, threads=2), abs
    def __del__(self, next=next, error=BaseException, imap=gilkit.imap):
        try:
            next(self.results)
            next(imap(self.abs, [1]))
        except error: pass
next(Last.results)
last = Last()
"""
    assert run(code) == ""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs RLIMIT_NPROC")
def test_imap_when_no_thread_can_start(unmeasured):  # a process without rights cannot save its coverage
    output = run("""
import os, resource, threading, gilkit
gilkit.imap, gilkit.map
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
if os.getuid() == 0:
    os.setgid(65534); os.setuid(65534)
try:
    threading.Thread(target=int).start()
except RuntimeError:
    for items in (range(-200, 0), [-3, 4], iter([])):
        items = list(items)
        assert list(gilkit.imap(abs, items)) == list(map(abs, items))
        assert list(gilkit.imap(abs, iter(items), progress=lambda *_: None)) == list(map(abs, items))
    results = gilkit.imap(lambda x: 1 // x, (2, 1, 0, 5))
    assert next(results) == 0 and next(results) == 1
    try: next(results)
    except ZeroDivisionError: pass
    else: raise AssertionError
    try:
        with gilkit.timeout(0.05): list(gilkit.imap(lambda _: gilkit.spin(10**14), range(3)))
    except TimeoutError: pass
    else: raise AssertionError
print("right")
""")
    assert output.split() == ["right"]


# ---- Limits ----


def test_a_timeout_limits_only_calls_of_next():
    gate = threading.Event()
    with gilkit.timeout(0.05):
        results = gilkit.imap(lambda x: gate.wait(LONG) and gilkit.spin(1000), (x for x in range(3)), threads=2)
        with pytest.raises(TimeoutError):
            next(results)
    gate.set()
    assert list(results) == [gilkit.spin(1000)] * 3  # although the block that created it has ended


@pytest.mark.parametrize("work", [abs, pause])
def test_a_timeout_ends_next_of_an_imap_made_earlier(work):
    results = gilkit.imap(work, itertools.count())
    with pytest.raises(TimeoutError), gilkit.timeout(0.05):
        for _ in results:
            pass
    next(results)
    results.close()


def test_a_token_limits_only_calls_of_next():
    token = gilkit.CancelToken()
    with token:
        results = gilkit.imap(pause, itertools.count())
        next(results)
        token.cancel()
        with pytest.raises(CancelledError):
            next(results)
    next(results)
    results.close()


def test_the_number_of_threads_is_that_of_the_block_that_made_it():
    with gilkit.threads(1):
        results = gilkit.imap(lambda _: pause(threading.get_ident()), range(40))
    assert len(set(results)) <= 2


@pytest.mark.parametrize("big", [b"", bytearray(), np.zeros(0, np.int8)], ids=["bytes", "bytearray", "array"])
def test_what_items_share_is_no_memory_of_theirs(big):
    """It counted for each item, so imap read only a few of them ahead."""
    big = type(big)(32 << 20) if not isinstance(big, np.ndarray) else np.zeros(32 << 20, np.int8)
    read = 0

    def source():
        nonlocal read
        for i in range(1000):
            read += 1
            yield big, i

    results = gilkit.imap(lambda item: time.sleep(0.005) or item[1], source(), threads=2, ahead=50)
    for _ in range(5):
        next(results)
    until(lambda: read > 15)
    results.close()
