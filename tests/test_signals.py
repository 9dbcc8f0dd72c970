"""Ctrl-C, timeouts and cancel tokens: calls end early with the right exception, and the pool stays usable."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import math
import os
import signal
import socket
import sys
import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

import gilkit
from gilkit import _signal_poll

MINUTE = 100_000_000_000  # steps of spin: more than a minute on any machine
posix = pytest.mark.skipif(os.name != "posix", reason="the system has no POSIX signals")


class Signalled(Exception):
    pass


@pytest.fixture
def handle():
    """Return handle(function), which runs the function on SIGUSR1; restore the old handler after the test."""
    before = signal.getsignal(signal.SIGUSR1)
    yield lambda function: signal.signal(signal.SIGUSR1, lambda number, frame: function())
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGUSR1, before)


def send_soon(number, after=0.05):
    sender = threading.Timer(after, os.kill, (os.getpid(), number))
    sender.start()
    return sender


def raise_signalled():
    raise Signalled


def usable():
    return gilkit.spin(10_000_001, threads=2) == 1


@posix
@pytest.mark.parametrize("threads", [1, 2, 3, 8, 64])
def test_ctrl_c_ends_a_call(threads):
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        send_soon(signal.SIGINT)
        gilkit.spin(MINUTE, threads=threads)
    # The promise is 100 ms (see bench/robustness), but a machine that runs tests may be busy.
    assert time.monotonic() - start < 20
    assert usable()


@posix
def test_ctrl_c_while_another_thread_holds_the_gil():
    end = threading.Event()

    def burn():
        x = 0
        while not end.is_set():
            for _ in range(10_000):
                x ^= 1

    burner = threading.Thread(target=burn)
    burner.start()
    try:
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                send_soon(signal.SIGINT)
                gilkit.spin(MINUTE)
    finally:
        end.set()
        burner.join()


@posix
def test_any_handler_runs_and_its_exception_propagates(handle):
    handle(raise_signalled)
    for after in (0.001, 0.01, 0.05, 0.1):
        with pytest.raises(Signalled):
            send_soon(signal.SIGUSR1, after)
            gilkit.spin(MINUTE)
        assert usable()


@posix
def test_a_handler_that_returns_runs_meanwhile(handle):
    """Send many signals: each shows that calls still check for signals after the previous one."""
    times = []
    handle(lambda: times.append(time.monotonic()))
    done = threading.Event()

    def send():
        while not done.wait(0.03):
            os.kill(os.getpid(), signal.SIGUSR1)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        with pytest.raises(TimeoutError), gilkit.timeout(2):
            gilkit.spin(MINUTE)
        in_call = len(times)
    finally:
        done.set()
        sender.join()
    assert in_call >= 5


@posix
def test_a_handler_may_call_gilkit(handle):
    results = []
    handle(lambda: results.append(gilkit.spin(10_000_001)))
    sender = send_soon(signal.SIGUSR1)
    with pytest.raises(TimeoutError), gilkit.timeout(0.5):
        gilkit.spin(MINUTE)
    sender.join()
    assert results == [1]

    # The handler's own call can be interrupted as well.
    def both():
        handle(raise_signalled)
        inner = send_soon(signal.SIGUSR1)
        try:
            gilkit.spin(MINUTE)
        finally:
            inner.join()

    handle(both)
    with pytest.raises(Signalled):
        sender = send_soon(signal.SIGUSR1)
        gilkit.spin(MINUTE)
    sender.join()
    assert usable()


@posix
def test_the_programs_wakeup_descriptor_is_kept(handle):
    """asyncio and other programs learn of signals through this descriptor."""
    reader, writer = socket.socketpair()
    with reader, writer:
        reader.setblocking(False)
        writer.setblocking(False)
        ran = []
        handle(lambda: ran.append(1))
        assert signal.set_wakeup_fd(writer.fileno()) == -1
        try:
            sender = send_soon(signal.SIGUSR1)
            with pytest.raises(TimeoutError), gilkit.timeout(0.3):
                gilkit.spin(MINUTE)
            sender.join()
        finally:
            assert signal.set_wakeup_fd(-1) == writer.fileno()
        assert ran == [1]
        assert reader.recv(100) == bytes([signal.SIGUSR1])


@posix
def test_no_wakeup_descriptor_is_left_behind(handle):
    handle(lambda: None)
    for _ in range(2):
        sender = send_soon(signal.SIGUSR1)
        with pytest.raises(TimeoutError), gilkit.timeout(0.2):
            gilkit.spin(MINUTE)
        sender.join()
        gilkit.spin(1000)
        assert signal.set_wakeup_fd(-1) == -1


@posix
def test_a_handler_may_change_the_wakeup_descriptor(handle):
    """After a handler changes it, as asyncio.run does, later signals are still seen."""

    def nothing_left():
        signal.set_wakeup_fd(-1)
        handle(raise_signalled)

    handle(nothing_left)
    with pytest.raises(Signalled):
        first, second = send_soon(signal.SIGUSR1, 0.1), send_soon(signal.SIGUSR1, 0.4)
        gilkit.spin(MINUTE)
    first.join()
    second.join()
    assert signal.set_wakeup_fd(-1) == -1


@posix
def test_the_signal_flag_is_found():
    """Without the flag everything works, but each check for signals acquires the GIL."""
    assert _signal_poll.signal_flag_in_use()


@posix
@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="the system does not list descriptors")
def test_calls_need_no_descriptor(run_python):
    run_python(
        """
        import os, signal, gilkit
        before = os.listdir("/proc/self/fd")
        signal.signal(signal.SIGALRM, lambda number, frame: None)
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.02)
        for _ in range(3):
            try:
                with gilkit.timeout(0.2):
                    gilkit.spin(100_000_000_000, threads=2)
            except TimeoutError:
                pass
            assert os.listdir("/proc/self/fd") == before
        signal.setitimer(signal.ITIMER_REAL, 0)
        """
    )


@posix
def test_descriptors_that_were_closed_and_opened_again_stay_untouched(run_python):
    """Daemons close all descriptors; gilkit must not read or close those that are opened afterwards."""
    run_python(
        """
        import os, signal, socket, gilkit
        signal.signal(signal.SIGALRM, lambda number, frame: None)
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.02)

        def long_call():
            try:
                with gilkit.timeout(0.2):
                    gilkit.spin(100_000_000_000)
            except TimeoutError:
                pass

        long_call()
        os.closerange(3, 256)
        pairs = [socket.socketpair() for _ in range(8)]
        ends = [end for pair in pairs for end in pair]
        for end in ends:
            end.setblocking(False)
            end.send(b"data")
        long_call()
        signal.setitimer(signal.ITIMER_REAL, 0)
        if hasattr(os, "fork"):
            child = os.fork()
            if child == 0:
                try:
                    for end in ends:
                        os.fstat(end.fileno())
                finally:
                    os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        assert [end.recv(100) for end in ends] == [b"data"] * 16
        """
    )


@posix
@pytest.mark.thread_unsafe(reason="the wake-up descriptor belongs to the process")
def test_the_programs_wakeup_descriptor_is_never_replaced(handle, capfd):
    """gilkit loses no byte and does not enable the warning of a full buffer, in short calls and in long ones."""
    reader, writer = socket.socketpair()
    with reader, writer:
        reader.setblocking(False)
        writer.setblocking(False)
        handle(lambda: None)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        try:
            sent = threading.Event()

            def send():
                for _ in range(200):
                    os.kill(os.getpid(), signal.SIGUSR1)
                    time.sleep(0.001)
                sent.set()

            sender = threading.Thread(target=send)
            sender.start()
            while not sent.is_set():
                gilkit.spin(10)
                with contextlib.suppress(TimeoutError), gilkit.timeout(0.05):
                    gilkit.spin(MINUTE)
            sender.join()
            # Several pending signals of one number merge into one, so the number of bytes may be less than 200.
            assert set(reader.recv(1000)) == {signal.SIGUSR1}
            with contextlib.suppress(BlockingIOError):
                while True:
                    writer.send(b"x" * 4096)
            with contextlib.suppress(TimeoutError), gilkit.timeout(0.1):
                gilkit.spin(MINUTE)
            os.kill(os.getpid(), signal.SIGUSR1)
            gilkit.spin(10)
        finally:
            assert signal.set_wakeup_fd(-1) == writer.fileno()
    assert capfd.readouterr().err == ""


@posix
@pytest.mark.thread_unsafe(reason="signals reach the process")
def test_a_signal_that_another_thread_receives(handle):
    """The C handler runs in that thread, and Python's in the main thread."""
    if not hasattr(signal, "pthread_kill"):
        pytest.skip("the system has no pthread_kill")
    handle(raise_signalled)

    def kill_itself():
        time.sleep(0.05)
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    for _ in range(3):
        thread = threading.Thread(target=kill_itself)
        with pytest.raises(Signalled):
            thread.start()  # inside, since a busy machine may take longer for it than the thread waits
            gilkit.spin(MINUTE)
        thread.join()


@posix
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_ctrl_c_in_the_child_of_another_thread(run_python):
    """The thread that forked becomes the child's main thread, and its calls must see signals."""
    run_python(
        """
        import os, signal, threading, gilkit
        signal.signal(signal.SIGUSR1, lambda number, frame: None)

        def child():
            # Send the signal only after gilkit's call has begun.
            try:
                threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
                gilkit.spin(100_000_000_000)
            except KeyboardInterrupt:
                os._exit(0 if gilkit.spin(1_000_001) == 1 else 2)
            os._exit(1)

        def fork():
            pid = os.fork()
            if pid == 0:
                child()
            statuses.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

        statuses = []
        forker = threading.Timer(0.2, fork)
        forker.start()
        try:
            with gilkit.timeout(1):
                gilkit.spin(100_000_000_000)
        except TimeoutError:
            pass
        forker.join()
        assert statuses == [0], statuses
        """,
        timeout=60,
    )


# ---- Timeouts


@pytest.mark.parametrize("threads", [1, 2, 3, 8, 64])
def test_timeout(threads):
    start = time.monotonic()
    with pytest.raises(TimeoutError, match="within its timeout"), gilkit.timeout(0.1):
        gilkit.spin(MINUTE, threads=threads)
    assert 0.1 <= time.monotonic() - start < 20
    assert usable()


def test_timeout_of_other_threads():
    def call(seconds):
        with pytest.raises(TimeoutError), gilkit.timeout(seconds):
            gilkit.spin(MINUTE)
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(call, [0.01, 0.05, 0.1, 0.2]))
    assert usable()


def test_calls_after_the_deadline_do_not_start():
    with gilkit.timeout(0):
        for iterations in (0, 1, MINUTE):
            with pytest.raises(TimeoutError):
                gilkit.spin(iterations)
    assert gilkit.spin(1) == 1


def test_the_earliest_of_nested_timeouts_applies():
    start = time.monotonic()
    with gilkit.timeout(0.1), gilkit.timeout(100), pytest.raises(TimeoutError):
        gilkit.spin(MINUTE)
    assert time.monotonic() - start < 20
    with gilkit.timeout(100):
        with gilkit.timeout(0), pytest.raises(TimeoutError):
            gilkit.spin(1)
        assert gilkit.spin(1) == 1
        with gilkit.timeout(None):
            assert gilkit.spin(1) == 1


def test_a_timeout_object_can_be_used_again():
    block = gilkit.timeout(0.2)
    assert repr(block) == "gilkit.timeout(0.2)"
    for _ in range(2):
        with block:
            assert gilkit.spin(1) == 1
            with pytest.raises(TimeoutError):
                gilkit.spin(MINUTE)


@pytest.mark.parametrize("far", [None, math.inf, 1e300, 1e9, 10])
def test_far_timeouts(far):
    with gilkit.timeout(far):
        assert usable()


@pytest.mark.parametrize("bad", [-1, -1e-9, math.nan, -math.inf])
def test_timeouts_out_of_range(bad):
    with pytest.raises(ValueError, match=f"seconds must be at least 0, not {bad}"):
        gilkit.timeout(bad)


@pytest.mark.parametrize("bad", ["1", b"1", [1], 1j, object()])
def test_timeouts_that_are_not_numbers(bad):
    with pytest.raises(TypeError, match="seconds must be a number or None, not"):
        gilkit.timeout(bad)


def test_timeouts_belong_to_one_asyncio_task():
    async def limited():
        with gilkit.timeout(0):
            await asyncio.sleep(0.01)
            with pytest.raises(TimeoutError):
                gilkit.spin(1)

    async def free():
        await asyncio.sleep(0.005)
        return gilkit.spin(1)

    async def both():
        return (await asyncio.gather(limited(), free()))[1]

    assert asyncio.run(both()) == 1


# ---- Tokens


@pytest.mark.parametrize("threads", [1, 2, 3, 8, 64])
def test_token_cancels_from_another_thread(threads):
    token = gilkit.CancelToken()
    timer = threading.Timer(0.05, token.cancel)
    timer.start()
    with token, pytest.raises(CancelledError):
        gilkit.spin(MINUTE, threads=threads)
    timer.join()
    assert token.cancelled()
    assert usable()


def test_token_stays_cancelled_in_its_block_only():
    token = gilkit.CancelToken()
    with token:
        assert gilkit.spin(1) == 1
    token.cancel()
    assert gilkit.spin(1) == 1
    with token:
        for iterations in (0, 1, MINUTE):
            with pytest.raises(CancelledError):
                gilkit.spin(iterations)


def test_one_token_covers_many_threads():
    """Several threads may enter a token at the same time and exit it in any order."""
    token = gilkit.CancelToken()
    started = threading.Barrier(9)

    def call(index):
        with token:
            started.wait()
            with pytest.raises(CancelledError):
                gilkit.spin(MINUTE)
            time.sleep(index % 3 / 100)
        return gilkit.spin(1)

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(contextvars.Context().run, call, index) for index in range(8)]
        started.wait()
        token.cancel()
        assert [future.result() for future in futures] == [1] * 8


def test_a_token_inside_a_timeout():
    token = gilkit.CancelToken()
    with gilkit.timeout(0.1), token, pytest.raises(TimeoutError):
        gilkit.spin(MINUTE)
    assert not token.cancelled()


@posix
def test_a_signal_and_a_token_at_once(handle):
    """The handler's exception is never lost, whatever else ends the call."""
    for _ in range(20):
        token = gilkit.CancelToken()

        def both(token=token):
            token.cancel()
            raise Signalled

        handle(both)
        with pytest.raises(Signalled), token:
            sender = send_soon(signal.SIGUSR1, 0.04)
            gilkit.spin(MINUTE)
        sender.join()
        assert sys.exc_info() == (None, None, None)
