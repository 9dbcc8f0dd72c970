"""gilkit.map, starmap and imap against builtin map and itertools.starmap."""

import contextvars
import gc
import hashlib
import io
import itertools
import queue
import sys
import threading
import time
import traceback
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waiting import LONG, until

import gilkit

THREADS = [1, 2, 3, 8, 64]


def square(x):
    return x * x


def thread_of(seconds):
    time.sleep(seconds)
    return threading.get_ident()


# ---- Results ----


@settings(deadline=None)
@given(
    items=st.lists(st.integers(), max_size=300),
    threads=st.sampled_from(THREADS),
    chunksize=st.none() | st.integers(1, 400),
    kind=st.sampled_from([list, tuple, iter, dict.fromkeys, lambda items: (x for x in items)]),
)
def test_map_equals_builtin_map(items, threads, chunksize, kind):
    expected = list(map(square, kind(items)))
    assert gilkit.map(square, kind(items), threads=threads, chunksize=chunksize) == expected
    ahead = chunksize  # any number works
    assert list(gilkit.imap(square, kind(items), threads=threads, chunksize=chunksize, ahead=ahead)) == expected


@settings(deadline=None)
@given(
    columns=st.lists(st.lists(st.integers(-9, 9), max_size=200), min_size=1, max_size=5),
    threads=st.sampled_from(THREADS),
)
def test_several_iterables_end_with_the_shortest(columns, threads):
    def collect(*arguments):
        return arguments

    expected = list(map(collect, *columns))
    assert gilkit.map(collect, *columns, threads=threads) == expected
    assert gilkit.starmap(collect, zip(*columns, strict=False), threads=threads) == expected
    assert list(gilkit.imap(collect, *columns, threads=threads)) == expected


@pytest.mark.parametrize("threads", THREADS)
def test_a_million_items(threads):
    assert gilkit.map(abs, range(-500_000, 500_000), threads=threads) == [abs(x) for x in range(-500_000, 500_000)]
    assert gilkit.map(str, [1] * 100_000, threads=threads) == ["1"] * 100_000


def test_endless_iterables_are_read_only_as_far_as_needed():
    assert gilkit.map(pow, [2, 3, 4], itertools.count()) == [1, 3, 16]
    numbers = itertools.count()
    assert list(itertools.islice(gilkit.imap(square, numbers, ahead=10), 100)) == [x * x for x in range(100)]
    assert next(numbers) <= 100 + 10 + 1


@pytest.mark.parametrize("run", [
    lambda items: gilkit.map(len, items, threads=2),
    lambda items: gilkit.starmap(len, zip(items), threads=2),
    lambda items: gilkit.map(lambda a, b: len(a), items, itertools.count(), threads=2),
    lambda items: list(gilkit.imap(lambda a, b: time.sleep(0.001) or len(a), items, itertools.count(), threads=2)),
    lambda items: list(gilkit.imap(lambda pair: time.sleep(0.001) or len(pair[0]), ([next(items)] for _ in range(150)), threads=2)),
], ids=["map", "starmap", "two iterables", "imap of two iterables", "imap of lists"])  # fmt: skip
def test_few_large_items_are_alive(run):
    """map read up to 65,536 items of an iterable ahead, whatever their size, and imap did not see what is in tuples."""

    class Large(bytes):
        alive = most = 0

        def __init__(self, *_):
            type(self).alive += 1
            type(self).most = max(self.most, self.alive)

        def __del__(self):
            type(self).alive -= 1

    assert run(Large(1_000_000) for _ in range(150)) == [1_000_000] * 150
    gc.collect()
    assert Large.most <= 40


def test_the_caller_reads_the_iterables():
    readers = set()

    def items():
        for i in range(1000):
            readers.add(threading.get_ident())
            yield i

    gilkit.map(square, items(), threads=4)
    list(gilkit.imap(square, items(), threads=4))
    assert readers == {threading.get_ident()}


def test_starmap_takes_any_iterable_of_arguments():
    assert gilkit.starmap(pow, [(2, 3), [3, 2], iter([4, 2])]) == [8, 9, 16]
    with pytest.raises(TypeError, match="not iterable"):
        gilkit.starmap(pow, [(2, 3), 5])


def test_any_callable():
    class Adder:
        def __init__(self, n):
            self.n = n

        def __call__(self, x):
            return x + self.n

        def method(self, x):
            return x - self.n

    assert gilkit.map(Adder(3), range(5)) == [3, 4, 5, 6, 7]
    assert gilkit.map(Adder(3).method, range(5)) == [-3, -2, -1, 0, 1]
    assert gilkit.map(complex, range(3)) == [0j, 1 + 0j, 2 + 0j]
    assert gilkit.map("{:03}".format, range(3)) == ["000", "001", "002"]


def test_empty():
    assert gilkit.map(square, []) == gilkit.map(square, ()) == gilkit.map(square, iter([])) == []
    assert gilkit.starmap(square, []) == list(gilkit.imap(square, [])) == []


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: gilkit.map(3, [1]), TypeError, "fn must be callable, not 3"),
        (lambda: gilkit.map(square), TypeError, "map needs at least one iterable"),
        (lambda: gilkit.map(square, 3), TypeError, "not iterable"),
        (lambda: gilkit.map(square, [1], threads=0), ValueError, "threads must be from 1 to 1024, not 0"),
        (lambda: gilkit.map(square, [1], threads=1.5), TypeError, "threads must be an integer, not 1.5"),
        (lambda: gilkit.map(square, [1], chunksize=0), ValueError, "chunksize must be from 1 to"),
        (lambda: gilkit.map(square, [1], chunksize="1"), TypeError, "chunksize must be an integer"),
        (lambda: gilkit.map(square, [1], progress=5), TypeError, "progress must be True, False or a function"),
        (lambda: gilkit.imap(square, [1], ahead=0), ValueError, "ahead must be from 1"),
        (lambda: gilkit.imap(None, [1]), TypeError, "fn must be callable, not None"),
        (lambda: gilkit.imap(square, 1), TypeError, "not iterable"),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ---- Threads ----


@pytest.mark.parametrize("function", [gilkit.map, lambda *a, **k: list(gilkit.imap(*a, **k))])
def test_threads_work_at_the_same_time(function):
    began = time.perf_counter()
    used = set(function(thread_of, [0.05] * 8, threads=4))
    assert 2 <= len(used) <= 5
    assert time.perf_counter() - began < 0.05 * 8


def test_one_thread_is_the_caller():
    assert set(gilkit.map(thread_of, [0.001] * 20, threads=1)) == {threading.get_ident()}
    with gilkit.threads(1):
        assert set(gilkit.map(thread_of, [0.001] * 20)) == {threading.get_ident()}


def test_nested_calls():
    def outer(n):
        inner = gilkit.map(square, range(n), threads=3)
        return sum(gilkit.imap(square, inner, threads=2)) + gilkit.spin(1000 * n)

    def serial(n):
        return sum(x**4 for x in range(n)) + gilkit.spin(1000 * n, threads=1)

    assert gilkit.map(outer, range(50), threads=4) == [serial(n) for n in range(50)]


def test_many_callers_at_once():
    wrong = []

    def call():
        for _ in range(20):
            if gilkit.map(hashlib.sha256, blocks) is None or gilkit.map(square, range(500)) != squares:
                wrong.append(1)

    blocks, squares = [b"x" * 5000] * 20, [x * x for x in range(500)]
    callers = [threading.Thread(target=call) for _ in range(32)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def test_items_see_the_callers_context_variables_and_cannot_change_them():
    variable = contextvars.ContextVar("variable", default="default")

    def read_and_set(x):
        time.sleep(0.002)
        seen = variable.get()
        if x % 2:
            variable.set("changed")
            variable.set(seen)
        return seen

    variable.set("the caller's")
    assert set(gilkit.map(read_and_set, range(40), threads=4)) == {"the caller's"}
    results = gilkit.imap(read_and_set, range(40), threads=4)
    variable.set("later")
    assert set(results) == {"the caller's"}
    gilkit.map(lambda _: variable.set("a worker's"), range(40), threads=4)
    assert variable.get() == "later"


def test_thread_locals_and_current_thread():
    local = threading.local()

    def body(_):
        time.sleep(0.001)
        local.count = getattr(local, "count", 0) + 1
        assert threading.current_thread().ident == threading.get_ident()
        return threading.get_ident(), local.count

    counts = {}
    for ident, _ in gilkit.map(body, range(50), threads=4):
        counts[ident] = counts.get(ident, 0) + 1
    assert sum(counts.values()) == 50


@pytest.mark.thread_unsafe(reason="sets hooks for all threads")
def test_profilers_and_tracers_see_every_thread():
    for install in (threading.setprofile, threading.settrace):
        seen = set()

        def hook(frame, event, argument, seen=seen):
            if frame.f_code is thread_of.__code__ and event == "call":
                seen.add(threading.get_ident())

        install(hook)
        try:
            used = set(gilkit.map(thread_of, [0.005] * 40, threads=4))
        finally:
            install(None)
        assert len(used) > 1
        assert seen >= used - {threading.get_ident()}


# ---- Errors ----


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("kind", [list, iter])
def test_the_error_of_the_first_failing_item_is_raised(threads, kind):
    def fail(x):
        if x % 7 == 5:
            time.sleep(0.002 if x < 10 else 0)  # a later item fails earlier
            raise ValueError(x)
        return x

    for _ in range(20):
        with pytest.raises(ValueError, match=r"^5$") as caught:
            gilkit.map(fail, kind(range(1000)), threads=threads)
        assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "fail"
    results = gilkit.imap(fail, kind(range(1000)), threads=threads)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match=r"^5$"):
        next(results)


def test_no_item_starts_after_an_error():
    began = []

    def fail(x):
        began.append(x)
        if x == 10:
            raise KeyError(x)
        time.sleep(0.001)

    with pytest.raises(KeyError):
        gilkit.map(fail, range(10_000), threads=4)
    assert set(range(11)) <= set(began)
    assert len(began) < 1000


def test_an_error_of_the_iterable_is_raised_after_the_items_before_it():
    def items():
        yield from range(10)
        raise OSError("the source broke")

    done = []
    with pytest.raises(OSError, match="the source broke"):
        gilkit.map(done.append, items())
    assert sorted(done) == list(range(10))
    with pytest.raises(ZeroDivisionError):
        gilkit.map(lambda x: 1 // (x - 5), items())
    results = gilkit.imap(square, items())
    assert [next(results) for _ in range(10)] == [x * x for x in range(10)]
    with pytest.raises(OSError, match="the source broke"):
        next(results)


def test_a_list_that_shrinks():
    items = list(range(10_000))

    def shrink(x):
        if x == 100:
            del items[500:]
        return x

    with pytest.raises(RuntimeError, match="the list became shorter"):
        gilkit.map(shrink, items)


@pytest.mark.parametrize("error", [SystemExit, GeneratorExit, StopIteration, KeyboardInterrupt, Exception])
def test_exceptions_of_every_kind_propagate(error):
    def fail(x):
        time.sleep(0.001)
        if x == 3:
            raise error

    with pytest.raises(error):
        gilkit.map(fail, range(100), threads=4)


@pytest.mark.thread_unsafe(reason="gc.collect() does nothing while another thread collects")
def test_nothing_leaks():
    class Item:
        pass

    items = [Item() for _ in range(100)]
    items[50].bad = True

    def fail(x):
        if hasattr(x, "bad"):
            raise ValueError(x)
        return Item()

    references = [weakref.ref(item) for item in items]
    before = sys.getrefcount(fail)
    for function in (gilkit.map, lambda *a: list(gilkit.imap(*a))):
        with pytest.raises(ValueError):  # noqa: PT011
            function(fail, items)
        with pytest.raises(ValueError):  # noqa: PT011
            function(fail, iter(items))
    results = gilkit.map(lambda x: x, items)
    assert gc.is_tracked(results)
    assert sys.getrefcount(fail) == before
    del results, items
    gc.collect()
    assert not any(reference() for reference in references)


def test_partial_results_are_not_visible():
    marker = object()

    def look(_):
        return [r for r in gc.get_referrers(marker) if isinstance(r, list) and len(r) == 200]

    assert not any(gilkit.map(lambda x: look(x) if x == 199 else marker, range(200), threads=1)[199])


# ---- imap ----


def test_imap_works_ahead_while_the_consumer_is_busy():
    done = []
    results = gilkit.imap(done.append, range(100), ahead=20)
    next(results)
    deadline = time.monotonic() + 10
    while len(done) < 10 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert 10 <= len(done) <= 21
    results.close()


def test_imap_that_is_dropped_ends():
    seen = set()

    def step(seconds):
        seen.add(threading.current_thread())
        time.sleep(seconds)

    results = gilkit.imap(step, [0.001] * 100_000)
    next(results)
    until(lambda: any(thread.name == "gilkit.imap" for thread in seen))
    (own,) = (thread for thread in list(seen) if thread.name == "gilkit.imap")
    assert own.is_alive()
    del results
    own.join(LONG)
    assert not own.is_alive()


def test_imap_yields_a_result_as_soon_as_it_is_ready():
    gate = queue.Queue()
    results = gilkit.imap(lambda x: gate.get() if x == 3 else x, range(10), threads=2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    gate.put("three")
    assert list(results) == ["three", 4, 5, 6, 7, 8, 9]


# ---- Progress ----


@pytest.mark.parametrize("kind", [list, iter])
def test_progress_function(kind):
    reports = []
    items = [0.002] * 100
    gilkit.map(time.sleep, kind(items), threads=2, progress=lambda done, total: reports.append((done, total)))
    total = 100 if kind is list else None
    assert reports[-1] == (100, total)
    assert len(reports) > 3
    assert reports == sorted(reports, key=lambda report: report[0])
    reports.clear()
    list(gilkit.imap(time.sleep, kind(items), progress=lambda done, total: reports.append((done, total))))
    assert reports[-1] == (100, total)


def test_an_error_of_the_progress_function_is_raised():
    def report(done, total):
        raise LookupError(done)

    with pytest.raises(LookupError):
        gilkit.map(time.sleep, [0.005] * 1000, progress=report)


def test_progress_bar(capsys):
    assert gilkit.map(square, range(10), progress=True) == [x * x for x in range(10)]
    output = capsys.readouterr()
    assert output.out == ""
    assert "10/10" in output.err


class Sized:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return iter(range(10))

    def __len__(self):
        if isinstance(self.n, type):
            raise self.n
        return self.n


@pytest.mark.parametrize("n", [OSError, RuntimeError, MemoryError, 2**70, -1, "ten", None, 1.5, 0, 3, 2**62])
@pytest.mark.parametrize("progress", [True, lambda done, total: None])
def test_progress_of_an_iterable_that_lies_about_its_length(n, progress, capsys):
    assert gilkit.map(square, Sized(n), progress=progress) == [x * x for x in range(10)]
    assert list(gilkit.imap(square, Sized(n), progress=progress)) == [x * x for x in range(10)]
    assert gilkit.map(pow, Sized(n), range(10), progress=progress) == [x**x for x in range(10)]


class Broken:
    """Standard error that fails in some way."""

    encoding = "utf-8"

    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    def write(self, text):
        raise OSError("the device is full")


def closed():
    file = io.StringIO()
    file.close()
    return file


@pytest.mark.thread_unsafe(reason="replaces sys.stderr")
@pytest.mark.parametrize(
    "stderr",
    [
        lambda: None,
        closed,
        object,
        Broken,
        lambda: Broken(encoding=None),
        lambda: Broken(encoding=3),
        lambda: Broken(encoding="no such encoding"),
        lambda: Broken(isatty=lambda: True),
        lambda: Broken(isatty=lambda: 1 // 0, flush=lambda: 1 // 0),
        lambda: io.TextIOWrapper(io.BytesIO(), encoding="ascii"),
        lambda: io.TextIOWrapper(io.BytesIO(), encoding="koi8-r"),
    ],
)
def test_progress_where_standard_error_cannot_be_written(stderr, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stderr())
    assert gilkit.map(square, range(10), progress=True) == [x * x for x in range(10)]
    assert list(gilkit.imap(square, range(10), progress=True)) == [x * x for x in range(10)]


@pytest.mark.thread_unsafe(reason="replaces sys.stderr")
def test_progress_in_an_encoding_that_lacks_the_bar(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    gilkit.map(square, range(10), progress=True)
    sys.stderr.flush()
    assert b"10/10" in sys.stderr.buffer.getvalue()
