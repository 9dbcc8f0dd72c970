"""ping_pong, a ring of native threads: its result, its arguments, and that it can be interrupted."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gilkit import sync


@pytest.mark.parametrize("threads", [2, 3, 8, 64])
def test_every_lap_is_counted(threads):
    result = sync.ping_pong(20, threads=threads)
    assert (result.threads, result.laps, result.switches) == (threads, 20, 20 * threads)
    assert result.seconds > 0
    assert result.ns_per_switch == pytest.approx(result.seconds * 1e9 / result.switches)


def test_zero_laps():
    result = sync.ping_pong(0, threads=2)
    assert result.switches == 0
    assert result.ns_per_switch == 0


def test_the_gil_is_released():
    counted = []
    stop = threading.Event()

    def count():
        while not stop.wait(0.001):
            counted.append(1)

    thread = threading.Thread(target=count)
    thread.start()
    with pytest.raises(TimeoutError, match="ping_pong did not end within 1"):
        sync.ping_pong(2**60, threads=2, timeout=1)
    stop.set()
    thread.join()
    assert len(counted) > 2  # with the GIL held, at most twice; other tests may fill the cores


def test_several_at_once():
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda threads: sync.ping_pong(30, threads=threads), [2, 3, 4, 5]))
    assert [each.switches for each in results] == [60, 90, 120, 150]


@pytest.mark.parametrize(
    ("error", "arguments", "options"),
    [
        (ValueError, (1,), {"threads": 1}),
        (ValueError, (-1,), {"threads": 2}),
        (ValueError, (1,), {"threads": 10**9}),
        (TypeError, (1.5,), {"threads": 2}),
        (TypeError, (1,), {"threads": "two"}),
        (TypeError, (1,), {}),
        (TypeError, (1,), {"threads": 2, "timeout": "soon"}),
    ],
)
def test_bad_arguments(error, arguments, options):
    with pytest.raises(error):
        sync.ping_pong(*arguments, **options)


@pytest.mark.thread_unsafe(reason="signals reach the process")
def test_a_signal_handler_ends_it():
    def raise_it(*_):
        raise ZeroDivisionError

    before = signal.signal(signal.SIGALRM, raise_it)
    begin = time.monotonic()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(ZeroDivisionError):
            sync.ping_pong(2**60, threads=2)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("hammer", "contend"),
        ("Hammering", "ContentionResult"),
        ("relay", "ping_pong"),
        ("Relaying", "PingPongResult"),
    ],
)
def test_names_of_the_first_release_still_work(old, new):
    with pytest.warns(DeprecationWarning, match=f"gilkit.sync.{old} is now gilkit.sync.{new}"):
        assert getattr(sync, old) is getattr(sync, new)
