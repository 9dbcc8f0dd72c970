"""gilkit.imap with ordered=False, on_error="return" and timeout=."""

import gc
import itertools
import signal
import sys
import threading
import time
import weakref
from concurrent.futures import CancelledError
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waiting import LONG, until

import gilkit
from gilkit import _imap, mapping

FOREVER = 10**15  # iterations of spin
KINDS = {"list": list, "iterator": iter, "generator": iter}


@pytest.fixture
def impatient(monkeypatch):
    """Let items be given up soon after their time is over."""
    monkeypatch.setattr(mapping, "GRACE", 0.03)


def act(item):
    """Do what the item says: sleep, then return its number or raise."""
    number, seconds, error = item
    if seconds:
        time.sleep(seconds)
    if error is not None:
        raise error(number)
    return number


def number_of(outcome):
    if isinstance(outcome, RuntimeError) and isinstance(outcome.__cause__, StopIteration):
        outcome = outcome.__cause__
    return (type(outcome), outcome.args[0]) if isinstance(outcome, BaseException) else outcome


# ---- Outcomes


ERRORS = st.sampled_from([None] * 6 + [ValueError, StopIteration, TimeoutError, CancelledError, SystemExit])


@settings(max_examples=60, deadline=None)
@given(
    pattern=st.lists(st.tuples(st.sampled_from([0, 0, 0, 0.0003, 0.002]), ERRORS), max_size=40),
    threads=st.sampled_from([1, 3, 8, 64]),
    ahead=st.sampled_from([None, 1, 2, 5]),
    kind=st.sampled_from(sorted(KINDS)),
    ordered=st.booleans(),
    on_error=st.sampled_from(["raise", "return"]),
    timeout=st.sampled_from([None, None, 60, 1e300]),
)
def test_outcomes_are_those_of_a_loop(pattern, threads, ahead, kind, ordered, on_error, timeout):
    items = [(number, *each) for number, each in enumerate(pattern)]
    outcomes = [number if error is None else (error, number) for number, _, error in items]
    final = [
        number
        for number, _, error in items
        if error is not None and (on_error == "raise" or not issubclass(error, Exception))
    ]
    given, raised = [], None

    def source():
        for number, item in enumerate(items):
            assert ahead is None or number - len(given) < ahead
            yield item

    source = source() if kind == "generator" else KINDS[kind](items)
    results = gilkit.imap(
        act, source, threads=threads, ahead=ahead, ordered=ordered, on_error=on_error, timeout=timeout
    )
    try:
        for result in results:
            given.append(number_of(result))
    except BaseException as error:
        raised = number_of(error)
    assert list(results) == []
    if final:
        assert raised in [outcomes[number] for number in final]
        if ordered:
            assert (given, raised) == (outcomes[: final[0]], outcomes[final[0]])
        else:
            assert set(given) <= set(outcomes)
            assert len(set(given)) == len(given)
    else:
        assert raised is None
        assert (given if ordered else sorted(given, key=outcomes.index)) == outcomes


def test_several_iterables_and_a_single_shot():
    for ordered in (True, False):
        assert sorted(gilkit.imap(divmod, range(5), itertools.repeat(2), ordered=ordered)) == [
            divmod(i, 2) for i in range(5)
        ]
        assert list(gilkit.imap(abs, [], ordered=ordered, on_error="return", timeout=1)) == []
    assert sorted(gilkit.imap(abs, range(100_000), ordered=False)) == list(range(100_000))


def test_a_slow_item_does_not_hold_up_the_others():
    for ahead in (2, 5, 100):
        gate = threading.Event()
        results = gilkit.imap(
            lambda i, gate=gate: gate.wait(LONG) if i == 0 else i, range(200), threads=2, ahead=ahead, ordered=False
        )
        assert sorted(next(results) for _ in range(199)) == list(range(1, 200))
        gate.set()
        assert list(results) == [True]


def test_each_result_comes_when_it_is_ready():
    gates = [threading.Event() for _ in range(4)]
    results = gilkit.imap(lambda i: gates[i].wait(LONG) and i, range(4), threads=4, ordered=False)
    for i in (2, 0, 3, 1):
        gates[i].set()
        assert next(results) == i
    assert list(results) == []


def test_an_error_begins_no_further_items():
    begun = []

    def function(i):
        begun.append(i)
        time.sleep(0.001)
        return 1 // (i - 3)

    with pytest.raises(ZeroDivisionError):
        list(gilkit.imap(function, range(1000), threads=2, ordered=False))
    assert len(begun) < 200


def test_a_returned_exception_has_the_traceback_of_the_function_alone():
    def fail(i):
        time.sleep(0.001 * (i % 2))
        raise ValueError(i)

    for error in gilkit.imap(fail, range(6), threads=2, on_error="return"):
        assert error.__traceback__.tb_frame.f_code is fail.__code__
        assert error.__context__ is None


def test_results_are_dropped_once_they_are_given():
    class Result:
        def __init__(self, _):
            pass

    given = []
    for result in gilkit.imap(Result, range(50), threads=2, ordered=False):
        given.append(weakref.ref(result))
        del result
    assert [reference() for reference in given] == [None] * 50


def test_errors_of_the_source_and_progress():
    def source():
        yield from range(5)
        raise LookupError("source")

    seen = []
    results = gilkit.imap(
        abs, source(), ordered=False, on_error="return", progress=lambda done, total: seen.append((done, total))
    )
    assert sorted(itertools.islice(results, 5)) == list(range(5))
    with pytest.raises(LookupError, match="source"):
        next(results)
    list(gilkit.imap(abs, range(5), ordered=False, progress=lambda done, total: seen.append((done, total))))
    assert seen[-1] == (5, 5)


@pytest.mark.parametrize("how", ["close", "drop", "collect"])
def test_it_ends_inside_its_own_function(how):
    done, box = threading.Event(), []

    def item(x):
        time.sleep(0.002)
        if x > 4 and box:
            try:
                results = box.pop()
            except IndexError:
                return x
            if how == "close":
                try:
                    results.close()
                except ValueError:  # the consumer is in next()
                    box.append(results)
                    return x
            elif how == "collect":
                cycle = [results]
                cycle.append(cycle)
                del cycle
            del results
            gc.collect()
            done.set()
        return x

    box.append(gilkit.imap(item, range(300), threads=3, ordered=False, on_error="return"))
    next(box[0])
    assert done.wait(LONG)


# ---- Signals and limits of the consumer


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signal.setitimer")
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("work", [lambda _: 0, lambda _: sum(range(1000)), lambda _: time.sleep(0.001)])
def test_the_exception_of_a_signal_handler_is_not_a_result(work, ordered):
    class Signal(Exception):
        pass

    def handler(*_):
        raise Signal

    before = signal.signal(signal.SIGALRM, handler)
    try:
        results = gilkit.imap(work, itertools.count(), ordered=ordered, on_error="return")
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Signal):
            for result in results:
                assert not isinstance(result, Signal)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_limits_of_the_consumer_are_no_results():
    for work in (lambda _: gilkit.spin(1), lambda _: gilkit.spin(10**6), lambda _: time.sleep(0.001)):
        results = gilkit.imap(work, itertools.count(), on_error="return", ordered=False)
        with pytest.raises(TimeoutError), gilkit.timeout(0.03):
            for result in results:
                assert not isinstance(result, Exception)
        results.close()
        token = gilkit.CancelToken()
        results = gilkit.imap(work, itertools.count(), on_error="return")
        threading.Timer(0.03, token.cancel).start()
        with pytest.raises(CancelledError), token:
            for result in results:
                assert not isinstance(result, Exception)
        results.close()


def test_the_end_of_a_call_around_it_is_not_a_result():
    begun = threading.Event()

    def item(i):
        if i == 1:
            assert begun.wait(LONG)
            raise KeyboardInterrupt  # ends gilkit's calls in the other item
        for result in gilkit.imap(lambda _: gilkit.spin(1), itertools.count(), on_error="return"):
            begun.set()
            assert not isinstance(result, Exception)

    with pytest.raises(KeyboardInterrupt):
        gilkit.map(item, range(2), threads=2)


# ---- The time limit of items


@pytest.mark.parametrize("ordered", [True, False])
def test_gilkits_calls_end_when_the_time_is_over(ordered):
    def function(i):
        return gilkit.spin(FOREVER if i % 2 else 1)

    results = list(gilkit.imap(function, range(6), timeout=0.02, on_error="return", ordered=ordered))
    assert sum(isinstance(each, TimeoutError) for each in results) == 3
    if ordered:
        assert [isinstance(each, TimeoutError) for each in results] == [False, True] * 3
    with pytest.raises(TimeoutError, match="timeout"):
        list(gilkit.imap(function, range(6), timeout=0.02, ordered=ordered))
    assert list(gilkit.imap(divmod, [7], [2], timeout=60, ordered=ordered)) == [(3, 1)]


def test_the_function_may_handle_the_end_of_its_time():
    def function(_):
        try:
            return gilkit.spin(FOREVER)
        except TimeoutError:
            return "handled"

    assert list(gilkit.imap(function, range(3), timeout=0.01)) == ["handled"] * 3


@pytest.mark.parametrize("threads", [2, 8])
def test_items_that_nothing_can_end_are_given_up(threads, impatient):
    gate, ended = threading.Event(), []

    def function(i):
        if i == 1:
            gate.wait(LONG)
            ended.append(i)
        return i

    before = time.monotonic()
    results = list(gilkit.imap(function, range(300), threads=threads, timeout=0.02, on_error="return"))
    assert isinstance(results.pop(1), TimeoutError)
    assert results == [0, *range(2, 300)]
    unordered = gilkit.imap(function, range(300), threads=threads, timeout=0.02, on_error="return", ordered=False)
    assert sorted(map(str, unordered)) == sorted([*map(str, results), "the item did not end within its timeout"])
    with pytest.raises(TimeoutError, match="the item did not end"):
        list(gilkit.imap(function, range(300), threads=threads, timeout=0.02))
    assert time.monotonic() - before < LONG / 2
    assert not ended
    gate.set()
    until(lambda: len(ended) == 3)  # their threads go on


def test_a_thread_that_ends_late_takes_further_items(impatient):
    gates = [threading.Event() for _ in range(3)]

    def function(i):
        if i < 3:
            gates[i].wait(LONG)
        return i

    results = gilkit.imap(function, range(6), threads=2, timeout=0.01, on_error="return")
    for gate in gates:
        assert isinstance(next(results), TimeoutError)
        gate.set()
    assert list(results) == [3, 4, 5]


def test_an_item_times_out_even_if_no_thread_waits_for_it(impatient):
    def function(i):
        if i == 1:
            time.sleep(0.15)
        if i == 2:
            time.sleep(0.15)
            raise ValueError(i)
        return i

    results = gilkit.imap(function, range(4), threads=4, timeout=0.05, on_error="return")
    assert next(results) == 0
    time.sleep(0.4)
    late, failed, last = results
    assert isinstance(late, TimeoutError)
    assert isinstance(failed, TimeoutError)
    assert last == 3


def test_when_every_thread_is_in_such_an_item(impatient):
    gate = threading.Event()
    results = gilkit.imap(lambda _: gate.wait(LONG), range(10), threads=2, timeout=0.02, on_error="return")
    with pytest.raises(TimeoutError, match="every thread of gilkit.imap"):
        for result in results:
            assert isinstance(result, TimeoutError)
    assert list(results) == []
    gate.set()


def test_close_does_not_wait_for_items_that_are_given_up(impatient):
    gate = threading.Event()
    for ordered in (True, False):
        results = gilkit.imap(lambda i: i and gate.wait(LONG), range(5), threads=2, timeout=0.02, ordered=ordered)
        assert next(results) == 0
        before = time.monotonic()
        results.close()
        assert time.monotonic() - before < LONG / 2
        assert list(results) == []
    gate.set()


def test_where_no_thread_can_be_started(monkeypatch, impatient):
    def fail(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_imap, "start", fail)
    for ordered in (True, False):
        results = gilkit.imap(act, [(0, 0, None), (1, 0, ValueError), (2, 0.1, None)], timeout=0.02, on_error="return")
        assert next(results) == 0
        assert isinstance(next(results), ValueError)
        assert isinstance(next(results), TimeoutError)
        with pytest.raises(TimeoutError):
            list(gilkit.imap(lambda _: gilkit.spin(FOREVER), range(3), timeout=0.02, ordered=ordered))


@pytest.mark.parametrize("state", ["given up", "in progress", "not begun"])
def test_an_unfinished_one_at_exit_is_quiet(state, run_python):
    code = f"""
    import gilkit, sys, threading
    gate = threading.Event()
    results = gilkit.imap(lambda i: gate.wait() if i else i, range(50), threads=2, timeout=0.02, on_error="return",
                          ordered=False)
    state = {state!r}
    if state != "not begun":
        assert next(results) == 0
    if state == "given up":
        assert isinstance(next(results), TimeoutError)
    sys.stderr = sys.stdout
    """
    assert run_python(code, timeout=30) == ""


# ---- Arguments


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"on_error": "ignore"}, ValueError, "on_error must be 'raise' or 'return', not 'ignore'"),
        ({"on_error": None}, ValueError, "on_error must be"),
        ({"timeout": "1"}, TypeError, "timeout must be a number or None, not '1'"),
        ({"timeout": [1]}, TypeError, "timeout must be a number"),
        ({"timeout": -1}, ValueError, "timeout must be at least 0, not -1"),
        ({"timeout": float("nan")}, ValueError, "timeout must be at least 0"),
        ({"ahead": 0, "ordered": False}, ValueError, "ahead"),
        ({"order": False}, TypeError, "order"),
    ],
)
def test_bad_options(options, error, said):
    with pytest.raises(error, match=said):
        gilkit.imap(abs, [1], **options)


def test_kinds_of_time_limits():
    for timeout in (0, 0.5, 1, Decimal(1), 10**9, float("inf"), sys.float_info.max, True):
        assert list(gilkit.imap(abs, [-1, -2], timeout=timeout)) == [1, 2]
    with pytest.raises(TimeoutError):
        list(gilkit.imap(gilkit.spin, [1], timeout=0))
