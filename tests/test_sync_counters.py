"""The counters: exact sums, the limits of the range, handles, and contend."""

import copy
import math
import operator
import pickle
import signal
import threading
import time
import weakref
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import gilkit
from gilkit import sync

HIGHEST, LOWEST = 2**63 - 1, -(2**63)
KINDS = [sync.RacyCounter, sync.LockedCounter, sync.AtomicCounter, sync.ShardedCounter]
EXACT = KINDS[1:]


def run(n, body):
    """Call body(i) in n threads at once; raise the exception of one that failed."""
    start, errors = threading.Barrier(n), []

    def main(i):
        try:
            start.wait()
            body(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=main, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@pytest.mark.parametrize("kind", KINDS)
def test_interface(kind):
    counter = kind()
    assert counter.value == 0
    assert counter.add() is None
    counter.add(5)
    counter.add(n=-2)
    assert counter.value == int(counter) == 4
    same = counter
    counter += 10
    counter -= 3
    assert counter is same
    assert counter.value == 11
    assert "11" in repr(counter)
    assert kind.__name__ in repr(counter)
    assert counter.reset() == 11
    assert counter.value == 0
    assert kind(-7).value == kind(value=-7).value == -7
    assert isinstance(counter, sync.Counter)


@pytest.mark.parametrize("kind", KINDS)
def test_bad_arguments(kind):
    counter = kind(3)
    for bad in (1.0, "1", None, [1]):
        with pytest.raises(TypeError, match="n must be an integer"):
            counter.add(bad)
        with pytest.raises(TypeError):
            counter += bad
        with pytest.raises(TypeError, match="value must be an integer"):
            kind(bad)
    with pytest.raises(OverflowError, match="n must be from"):
        counter.add(HIGHEST + 1)
    assert counter.value == 3


def test_the_common_class_cannot_be_instantiated():
    with pytest.raises(TypeError, match="abstract base class"):
        sync.Counter()


@pytest.mark.parametrize("kind", KINDS)
def test_overflow_changes_nothing(kind):
    counter = kind(HIGHEST - 1)
    counter.add()
    for n in (1, 2, HIGHEST):
        with pytest.raises(OverflowError):
            counter.add(n)
        with pytest.raises(OverflowError):
            counter += n
        assert counter.value == HIGHEST
    counter.add(LOWEST)
    assert counter.value == -1
    counter.add(LOWEST + 1)
    with pytest.raises(OverflowError):
        counter.add(-1)
    with pytest.raises(OverflowError):
        counter -= 1
    assert counter.reset() == LOWEST
    assert counter.value == 0


@pytest.mark.parametrize("kind", KINDS)
def test_pickling_is_refused(kind):
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=f"cannot pickle.*{kind.__name__}.*pickle its value"):
            attempt(kind(1))


@pytest.mark.parametrize("kind", [sync.LockedCounter, sync.AtomicCounter])
def test_compare_and_set_and_add_and_get(kind):
    counter = kind(5)
    assert counter.compare_and_set(5, 9) is True
    assert counter.compare_and_set(5, 1) is False
    assert counter.value == 9
    assert counter.add_and_get() == 10
    assert counter.add_and_get(-20) == counter.value == -10
    assert counter.compare_and_set(-10, HIGHEST)
    with pytest.raises(OverflowError):
        counter.add_and_get()
    assert counter.value == HIGHEST


class Model(RuleBasedStateMachine):
    """Compare counters of all kinds, with and without handles, with an int."""

    def __init__(self):
        super().__init__()
        self.counters = [kind() for kind in KINDS] + [sync.ShardedCounter(padded=False)]
        self.handles = [counter.handle() for counter in self.counters]
        self.value = 0

    @rule(
        n=st.one_of(st.integers(-3, 3), st.integers(LOWEST, HIGHEST), st.sampled_from([2**40, -(2**62), 2**62])),
        through_handle=st.booleans(),
    )
    def add(self, n, through_handle):
        expected = self.value + n
        for counter in self.handles if through_handle else self.counters:
            if LOWEST <= expected <= HIGHEST:
                counter.add(n)
            else:
                with pytest.raises(OverflowError):
                    counter.add(n)
        if LOWEST <= expected <= HIGHEST:
            self.value = expected

    @rule()
    def reset(self):
        for counter in self.counters:
            assert counter.reset() == self.value
        self.value = 0

    @rule()
    def new_handles(self):
        self.handles = [counter.handle() for counter in self.counters]

    @invariant()
    def same(self):
        assert [counter.value for counter in self.counters] == [self.value] * len(self.counters)
        assert [int(handle) for handle in self.handles] == [self.value] * len(self.counters)


Model.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestModel = Model.TestCase


@pytest.mark.parametrize("threads", [2, 3, 8, 64])
@pytest.mark.parametrize("kind", EXACT)
@pytest.mark.parametrize("with_handle", [False, True])
def test_exact_sums_of_python_threads(kind, threads, with_handle):
    counter, each = kind(100), 8000 // threads

    def body(i):
        mine = counter.handle() if with_handle else counter
        for k in range(each):
            mine.add(i if k % 2 else -k)

    run(threads, body)
    expected = 100 + sum(i if k % 2 else -k for i in range(threads) for k in range(each))
    assert counter.value == expected
    assert counter.reset() == expected


def test_add_and_get_is_linearisable():
    """Each sum occurs once and in order per thread, and an addition that ends before another begins has the smaller sum."""
    counter, each, threads = sync.AtomicCounter(), 3000, 4
    history = [[] for _ in range(threads)]

    def body(i):
        mine, clock, append = counter.handle(), time.perf_counter_ns, history[i].append
        for _ in range(each):
            begin = clock()
            total = mine.add_and_get()
            append((total, begin, clock()))

    run(threads, body)
    operations = sorted(entry for thread in history for entry in thread)
    assert [total for total, _, _ in operations] == list(range(1, threads * each + 1))
    latest_begin = 0
    for _, begin, end in operations:
        assert latest_begin <= end
        latest_begin = max(latest_begin, begin)


def test_compare_and_set_makes_a_lock():
    flag, plain, each = sync.AtomicCounter(), [0], 500

    def body(_):
        for _ in range(each):
            while not flag.compare_and_set(0, 1):
                time.sleep(0)
            plain[0] += 1
            assert flag.compare_and_set(1, 0)

    run(4, body)
    assert plain[0] == 4 * each


def test_sharded_value_while_running():
    counter, each, done = sync.ShardedCounter(), 20000, threading.Event()
    seen = []

    def read():
        while not done.is_set():
            seen.append(counter.value)

    reader = threading.Thread(target=read)
    reader.start()

    def body(_):
        for _ in range(each):
            counter.add()

    run(3, body)
    done.set()
    reader.join()
    assert seen == sorted(seen)
    assert all(0 <= value <= 3 * each for value in seen)
    assert counter.value == 3 * each


@pytest.mark.parametrize("kind", KINDS)
def test_handle_is_the_same_counter(kind):
    counter = kind(1)
    handle = counter.handle()
    assert type(handle) is kind
    assert handle is not counter
    handle.add(2)
    again = handle.handle()
    again.add(3)
    counter.add(4)
    assert counter.value == handle.value == again.value == 10
    del counter, handle
    assert again.value == 10
    again += 1
    assert again.reset() == 11


def test_handle_of_a_sharded_counter_is_for_one_thread():
    counter = sync.ShardedCounter()
    handle = counter.handle()

    def body(_):
        handle.add()

    with pytest.raises(RuntimeError, match="only for the thread that took it"):
        run(1, body)
    assert counter.value == 0
    # Cells are reused, and more than one block of them can be in use at once.
    for _ in range(3):
        handles = [counter.handle() for _ in range(100)]
        for each in handles:
            each.add(2)
    assert counter.value == 600


@pytest.mark.parametrize("threads", [1, 2, 3, 8, 64])
@pytest.mark.parametrize("kind", EXACT)
def test_contend_is_exact(kind, threads):
    counter = kind(5)
    result = sync.contend(counter, 2000, threads=threads)
    assert result.threads == threads
    assert result.increments == 2000
    assert result.expected == result.counted == 2000 * threads
    assert result.lost == result.retries == 0
    assert result.seconds > 0
    assert result.ns_per_update == pytest.approx(result.seconds * 1e9 / result.expected)
    assert counter.value == 5 + result.expected


def test_contend_loses_updates_of_a_racy_counter():
    if gilkit.info()["affinity"] < 2:
        pytest.skip("takes two cores")
    result = sync.contend(sync.RacyCounter(), 200_000, threads=4, inside=300)
    assert 0 < result.counted < result.expected
    assert result.lost == result.expected - result.counted
    assert sync.contend(sync.RacyCounter(), 1000, threads=1).lost == 0


def test_contend_optimistically():
    result = sync.contend(sync.AtomicCounter(), 20_000, threads=4, optimistic=True, inside=50, outside=10)
    assert result.lost == 0
    assert result.retries >= 0
    with pytest.raises(TypeError, match="optimistic needs an AtomicCounter"):
        sync.contend(sync.LockedCounter(), 1, threads=1, optimistic=True)


def test_contend_bad_arguments():
    counter = sync.AtomicCounter()
    with pytest.raises(ValueError, match="threads must be from 1"):
        sync.contend(counter, 1, threads=0)
    with pytest.raises(ValueError, match="increments must be from 0"):
        sync.contend(counter, -1, threads=1)
    with pytest.raises(TypeError, match="increments must be an integer"):
        sync.contend(counter, 1.5, threads=1)
    with pytest.raises(TypeError):
        sync.contend(None, 1, threads=1)
    with pytest.raises(TypeError):
        sync.contend(counter, 1)
    assert counter.value == 0
    assert sync.contend(counter, 0, threads=2).ns_per_update == 0


def test_contend_stops_at_the_end_of_the_range():
    counter = sync.AtomicCounter(HIGHEST - 10)
    with pytest.raises(OverflowError):
        sync.contend(counter, 1000, threads=3)
    assert counter.value == HIGHEST


@pytest.mark.thread_unsafe(reason="signals reach the process")
def test_contend_timeout_and_interrupt():
    counter = sync.AtomicCounter()
    begin = time.monotonic()
    with pytest.raises(TimeoutError):
        sync.contend(counter, 2**60, threads=2, timeout=0.05)
    assert time.monotonic() - begin < 2
    after = counter.value
    time.sleep(0.02)
    assert counter.value == after > 0
    if not hasattr(signal, "SIGALRM"):
        return  # Windows

    def raise_it(*_):
        raise ZeroDivisionError

    before = signal.signal(signal.SIGALRM, raise_it)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(ZeroDivisionError):
            sync.contend(counter, 2**60, threads=2)
    finally:
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("work", [{"inside": 2**63 - 1}, {"outside": 2**63 - 1}, {"inside": 10**7, "outside": 10**7}])
@pytest.mark.parametrize("kind", [sync.RacyCounter, sync.LockedCounter, sync.AtomicCounter, sync.ShardedCounter])
def test_contend_with_long_work_ends_at_its_timeout(kind, work):
    begin = time.monotonic()
    with pytest.raises(TimeoutError):
        sync.contend(kind(), 10**6, threads=2, timeout=0.05, **work)
    assert time.monotonic() - begin < 5


@given(st.integers(LOWEST, HIGHEST), st.integers(LOWEST, HIGHEST))
def test_compare_and_set_against_an_int(value, expected):
    counter = sync.AtomicCounter(value)
    assert counter.compare_and_set(expected, 1) is (value == expected)
    assert counter.value == (1 if value == expected else value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [0, 1, -1, 7, HIGHEST, LOWEST])
def test_compares_and_converts_as_an_integer(kind, value):
    counter = kind(value)
    assert bool(counter) is bool(value)
    assert (int(counter), operator.index(counter), float(counter), complex(counter)) == (
        value, value, float(value), complex(value),
    )  # fmt: skip
    assert [f(counter) for f in (math.trunc, math.floor, math.ceil, round)] == [value] * 4
    assert (hex(counter), round(counter, -1)) == (hex(value), round(value, -1))
    assert [f"{counter:{spec}}" for spec in ("", "d", ",", "+x", ">30", "e")] == [
        f"{value:{spec}}" for spec in ("", "d", ",", "+x", ">30", "e")
    ]
    comparisons = operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge
    for other in (value, value - 1, value + 1, float(value), 0, True, math.inf, math.nan, Fraction(1, 3)):
        for compare in comparisons:
            assert compare(counter, other) is compare(value, other)
            assert compare(other, counter) is compare(other, value)
    for other_kind in KINDS:
        for compare in comparisons:
            assert compare(counter, other_kind(value)) is compare(value, value)
            assert compare(counter, other_kind(0)) is compare(value, 0)
    assert (counter == "0", counter != None, counter == [value]) == (False, True, False)  # noqa: E711
    with pytest.raises(TypeError, match="not supported between instances"):
        counter < "1"  # noqa: B015
    with pytest.raises(ValueError, match="format"):
        f"{counter:s}"
    assert counter == counter.handle()
    assert repr(counter).startswith("<gilkit.")


@pytest.mark.parametrize("kind", KINDS)
def test_counters_have_no_hash(kind):
    """Counters compare by value, and the value changes, so they cannot be hashed."""

    class Mine(kind):
        pass

    for cls in (kind, Mine):
        assert cls.__hash__ is None
        with pytest.raises(TypeError, match="unhashable"):
            hash(cls())
        with pytest.raises(TypeError, match="unhashable"):
            {cls()}
    counter = kind()
    assert weakref.ref(counter)() is counter


@pytest.mark.parametrize("kind", KINDS)
def test_counters_count_and_index_by_counters(kind):
    counter = kind(2)
    counter += sync.AtomicCounter(3)
    assert counter == 5
    assert "abcdef"[counter] == "f"
    assert list(range(counter)) == [0, 1, 2, 3, 4]
    assert kind(counter) == 5
