"""gilkit.map and imap end early: by cancel tokens, timeouts, and exceptions of signal handlers."""

import ctypes
import functools
import hashlib
import os
import signal
import threading
import time
from concurrent.futures import CancelledError

import pytest

import gilkit


def square(x):
    return x * x


def test_cancel_token():
    token = gilkit.CancelToken()
    threading.Timer(0.1, token.cancel).start()
    began = time.perf_counter()
    with token, pytest.raises(CancelledError):
        gilkit.map(time.sleep, [0.01] * 10_000, threads=2)
    assert time.perf_counter() - began < 5
    results = gilkit.imap(time.sleep, [0.01] * 10_000)
    with token, pytest.raises(CancelledError):
        list(gilkit.imap(time.sleep, [0.01] * 10_000))
    assert next(results) is None


@pytest.mark.parametrize("function", [gilkit.map, lambda *a: list(gilkit.imap(*a))])
def test_timeout(function):
    began = time.perf_counter()
    with pytest.raises(TimeoutError), gilkit.timeout(0.2):
        function(time.sleep, [0.01] * 10_000)
    assert time.perf_counter() - began < 5


class Signal(Exception):
    pass


@pytest.fixture
def alarm():
    """Return a function alarm(error) that sends a signal in 0.2 s, whose handler raises the error."""
    if not hasattr(signal, "setitimer"):
        pytest.skip("needs setitimer")
    errors = []

    def handler(*_):
        raise errors[0]

    def start(error):
        errors.append(error)
        signal.setitimer(signal.ITIMER_REAL, 0.2)

    before = signal.signal(signal.SIGALRM, handler)
    yield start
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("error", [Signal, KeyboardInterrupt])
@pytest.mark.parametrize(
    "function",
    [
        lambda: gilkit.map(time.sleep, [0.005] * 10_000, threads=3),
        lambda: gilkit.map(square, iter(int, 1), threads=3),
        lambda: gilkit.map(hashlib.sha256, [bytes(100_000)] * 1_000_000, threads=3),
        lambda: gilkit.map(time.sleep, [0.005] * 10_000, chunksize=1000),
        lambda: list(gilkit.imap(time.sleep, [0.005] * 10_000, threads=3)),
    ],
)
def test_an_exception_of_a_signal_handler_ends_the_call(function, error, alarm):
    alarm(error)
    began = time.perf_counter()
    with pytest.raises(error):
        function()
    assert time.perf_counter() - began < 5
    assert gilkit.map(square, range(100)) == [x * x for x in range(100)]


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="needs SIGUSR1")
@pytest.mark.parametrize("consume", [list, sum, lambda results: next(x for x in results if x > 1999)])
def test_a_signal_that_interrupts_no_wait_ends_an_imap(consume):
    """The signal arrives in another thread, or while list() is between two results."""
    called, sent = [], []

    def function(x):
        called.append(x)
        if not sent and threading.current_thread().name == "gilkit.imap":  # the pool's threads block signals
            sent.append(x)
            signal.raise_signal(signal.SIGUSR1)  # to this thread, which is not the main thread
        time.sleep(0.001)
        return x

    def handler(*_):
        raise Signal

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with pytest.raises(Signal):
            consume(gilkit.imap(function, range(2000), threads=2))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert len(called) < 1000


@pytest.mark.skipif(not hasattr(signal, "SIGUSR2"), reason="needs SIGUSR1 and SIGUSR2")
def test_a_signal_handler_runs_between_two_calls_of_a_builtin_function():
    """C's kill does not check for signals; the handler of the first must prevent the second call."""
    seen = []

    def handler(number, _):
        seen.append(number)
        if number == signal.SIGUSR1:
            raise Signal

    numbers = [signal.SIGUSR1, signal.SIGUSR2]
    before = [signal.signal(number, handler) for number in numbers]
    try:
        with pytest.raises(Signal):
            gilkit.starmap(
                ctypes.CDLL(None).kill, [(os.getpid(), number) for number in numbers], threads=1, chunksize=2
            )
        time.sleep(0.01)
    finally:
        for number, old in zip(numbers, before, strict=True):
            signal.signal(number, old)
    assert seen == [signal.SIGUSR1]


@pytest.mark.parametrize("error", [KeyboardInterrupt, Signal, SystemExit])
@pytest.mark.parametrize("in_python", [False, True])
def test_an_exception_of_a_signal_handler_ends_calls_inside_other_items(error, in_python, alarm):
    """The signal may arrive while the main thread's item is inside gilkit or in Python code."""
    caller = threading.get_ident()

    def item(_):
        if in_python and threading.get_ident() == caller:
            while True:
                time.sleep(0.001)
        return gilkit.spin(10**13, threads=1)

    alarm(error)
    began = time.perf_counter()
    with pytest.raises(error):
        gilkit.map(item, range(3), threads=3)
    assert time.perf_counter() - began < 5


class Handler:
    def __call__(self, *_):
        raise Signal

    def method(self, *_):
        raise Signal


@pytest.mark.parametrize(
    "handler",
    [Handler(), Handler().method, functools.partial(Handler().method, 1)],
    ids=["object", "method", "partial"],
)
def test_any_kind_of_signal_handler_ends_other_items(handler, alarm):
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    with pytest.raises(Signal):
        gilkit.map(lambda _: gilkit.spin(10**13, threads=1), range(3), threads=3)


def test_an_item_that_fails_by_itself_does_not_end_the_others(alarm):
    """Even with a signal handler: the first item that failed is known only when all items before it are done."""

    def item(index):
        if index == 1:
            raise ValueError(index)
        assert gilkit.spin(300_000_001, threads=1) == 1
        raise KeyError(index)

    for _ in range(3):
        with pytest.raises(KeyError):
            gilkit.map(item, range(2), threads=2)


@pytest.mark.parametrize(
    "call",
    [
        "gilkit.cumsum(np.ones(100_000, int))[-1]",
        "gilkit.cumsum(np.ones((5000, 20), int), axis=0)[-1].sum()",
        "gilkit.sum(np.ones(2000, int)) * 50",
    ],
)
def test_a_short_call_in_a_map_that_has_ended(run_python, call):
    """The call ends too, or computes everything; it never returns a part."""
    code = f"""
        import gilkit, numpy as np, signal, threading, time
        class End(Exception): pass
        def handler(*_): raise End
        signal.signal(signal.SIGALRM, handler)
        results = []
        def item(_):
            if threading.current_thread() is threading.main_thread():
                gilkit.spin(10**14, threads=1)
            time.sleep(0.3)
            results.append(int({call}))
        {call}
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        try:
            gilkit.map(item, range(2), threads=2)
        except End:
            print(results in ([], [100_000]), results)
    """
    assert run_python(code).startswith("True")
