"""gilkit.as_completed: concurrent.futures.as_completed, for futures of any executor."""

import asyncio
import concurrent.futures
import gc
import importlib.util
import os
import signal
import threading
import time
import weakref
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor

import pytest
from cpython_futures import run_in_a_process
from hypothesis import given, settings
from hypothesis import strategies as st
from waiting import LONG, start, until

import gilkit


@pytest.fixture
def gate():
    """An event that is set at the end, whatever happens."""
    event = threading.Event()
    yield event
    event.set()


class Gates(dict):
    def __missing__(self, key):
        return self.setdefault(key, threading.Event())

    def task(self, key):
        return self[key].wait(LONG) and key


@settings(max_examples=30, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(["gilkit", "stdlib", "plain", "done", "cancelled", "failed"]), max_size=12),
    order=st.permutations(range(12)),
    threads=st.sampled_from([1, 3, 8, 64]),
)
def test_each_future_once_in_the_order_of_completion(kinds, order, threads):
    gates, plain = Gates(), {}
    with gilkit.Executor(max(threads, 12)) as ours, ThreadPoolExecutor(12) as theirs:
        futures = []
        for i, kind in enumerate(kinds):
            if kind in ("gilkit", "stdlib"):
                futures.append((ours if kind == "gilkit" else theirs).submit(gates.task, i))
            else:
                futures.append(Future())
                if kind == "plain":
                    plain[i] = futures[i]
                elif kind == "done":
                    futures[i].set_result(i)
                elif kind == "cancelled":
                    futures[i].cancel()
                    futures[i].set_running_or_notify_cancel()
                else:
                    futures[i].set_exception(KeyError(i))
        pending = [i for i, kind in enumerate(kinds) if kind in ("gilkit", "stdlib", "plain")]
        given = gilkit.as_completed(iter([*futures, *futures]), timeout=LONG)
        for i in range(len(kinds)):
            if i not in pending:
                assert next(given) is futures[i]
        for i in order:
            if i not in pending:
                continue
            if i in plain:
                plain[i].set_result(i)
            else:
                gates[i].set()
            future = next(given)
            assert future is futures[i]
            assert future.result() == i
        assert list(given) == []


@pytest.mark.parametrize("threads", [1, 3, 8, 64])
def test_many_futures(threads):
    with gilkit.Executor(threads) as executor:
        futures = {executor.submit(divmod, i, i % 3): i for i in range(3000)}
        seen = set()
        for future in gilkit.as_completed(futures):
            assert future.done()
            seen.add(futures[future])
            if futures[future] % 3 == 0:
                assert isinstance(future.exception(), ZeroDivisionError)
            else:
                assert future.result() == divmod(futures[future], futures[future] % 3)
        assert seen == set(range(3000))


def test_several_iterators_waits_and_callbacks_for_the_same_futures():
    with gilkit.Executor(4) as executor:
        for _ in range(20):
            futures = [executor.submit(time.sleep, 0.0001 * (i % 5)) for i in range(100)]
            called, found = [], []

            def collect(function, *arguments, futures=futures, found=found):
                found.append(set(function(futures, *arguments)))

            threads = [start(collect, gilkit.as_completed, LONG) for _ in range(3)]
            threads.append(start(collect, concurrent.futures.as_completed, LONG))
            threads.append(start(collect, lambda fs: concurrent.futures.wait(fs, LONG).done))
            threads.append(start(collect, lambda fs: [f for f in fs if f.result(LONG) is None]))
            for future in futures[::3]:
                future.add_done_callback(called.append)
            for thread in threads:
                thread.join(LONG)
            assert found == [set(futures)] * 6
            until(lambda called=called, futures=futures: set(called) == set(futures[::3]))


def test_cancelled_tasks(gate):
    executor = gilkit.Executor(1)
    running = executor.submit(gate.wait, LONG)
    waiting = [executor.submit(pow, 2, i) for i in range(4)]
    results = gilkit.as_completed([running, *waiting], LONG)
    found = []
    thread = start(lambda: found.extend(results))
    time.sleep(0.01)
    assert waiting[0].cancel()
    executor.shutdown(wait=False, cancel_futures=True)
    until(lambda: len(waiting[1]._waiters) == 0 and waiting[1].cancelled())
    gate.set()
    thread.join(LONG)
    assert set(found) == {running, *waiting}
    assert all(future.cancelled() for future in waiting)


def test_timeouts(gate):
    with gilkit.Executor(2) as executor:
        done, blocked = executor.submit(int), executor.submit(gate.wait, LONG)
        concurrent.futures.wait([done])
        for other in (blocked, Future()):
            for timeout in (0, 0.01, -1):
                results = gilkit.as_completed([other, done], timeout)
                assert next(results) is done
                with pytest.raises(TimeoutError, match=r"^1 \(of 2\) futures unfinished$"):
                    next(results)
                assert list(results) == []
        before = time.monotonic()
        results = gilkit.as_completed([blocked], 0.1)
        time.sleep(0.2)
        with pytest.raises(TimeoutError):  # the time begins with the call
            next(results)
        assert time.monotonic() - before < 10
        gate.set()
        assert list(gilkit.as_completed([blocked], LONG)) == [blocked]


def test_limits_around_it(gate):
    with gilkit.Executor(1) as executor:
        blocked = executor.submit(gate.wait, LONG)
        for future in (blocked, Future()):
            with pytest.raises(TimeoutError, match="gilkit call"), gilkit.timeout(0.02):
                next(gilkit.as_completed([future], LONG))
            token = gilkit.CancelToken()
            threading.Timer(0.02, token.cancel).start()
            with pytest.raises(CancelledError), token:
                next(gilkit.as_completed([future]))
            with pytest.raises(TimeoutError, match="unfinished"), gilkit.timeout(LONG):
                next(gilkit.as_completed([future], 0.02))
        gate.set()
        with gilkit.timeout(LONG):
            assert list(gilkit.as_completed([blocked])) == [blocked]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signal.setitimer")
def test_a_signal_handler_ends_the_wait():
    def handler(*_):
        raise LookupError("signal")

    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(LookupError, match="signal"):
            list(gilkit.as_completed([Future()]))
    finally:
        signal.signal(signal.SIGALRM, before)


def test_nothing_is_kept(gate):
    with gilkit.Executor(2) as executor:
        futures = [executor.submit(object) for _ in range(20)]
        given = []
        results = gilkit.as_completed(futures)
        del futures
        for future in results:
            given.append(weakref.ref(future))
            del future
            until(lambda: given[-1]() is None)  # the worker may still have it

        blocked, plain = executor.submit(gate.wait, LONG), Future()
        for _ in range(3):
            results = gilkit.as_completed([blocked, plain], 0.01)
            with pytest.raises(TimeoutError):
                next(results)
            assert plain._waiters == []
        results = gilkit.as_completed([blocked, plain], LONG)
        plain.set_result(1)
        assert next(results) is plain
        del results
        gc.collect()
        assert blocked.collect(print)  # the iterator has let it go
        blocked.end_collecting()
        gate.set()


def test_bad_input():
    with pytest.raises(TypeError, match=r"gilkit.imap\(..., ordered=False\)"):
        gilkit.as_completed(abs)
    with pytest.raises(TypeError, match="as_completed takes futures of concurrent.futures, not 1"):
        gilkit.as_completed([Future(), 1])
    with pytest.raises(TypeError, match="not iterable"):
        gilkit.as_completed(Future())
    with pytest.raises(TypeError):
        gilkit.as_completed([], "1")
    loop = asyncio.new_event_loop()
    with pytest.raises(TypeError, match="as_completed takes futures of concurrent.futures"):
        gilkit.as_completed([loop.create_future()])
    loop.close()
    assert list(gilkit.as_completed([])) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_child_does_not_wait_for_tasks_of_its_parent(run_python):
    code = """
    import gilkit, os, threading
    gate = threading.Event()
    executor = gilkit.Executor(2)
    done, blocked = executor.submit(int), executor.submit(gate.wait)
    done.result()
    child = os.fork()
    if child == 0:
        try:
            assert list(gilkit.as_completed([done])) == [done]
            list(gilkit.as_completed([blocked]))
        except RuntimeError as error:
            os._exit(0 if "only the parent gets its result" in str(error) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    gate.set()
    """
    run_python(code, timeout=60)


def test_with_greenlets_as_threads(run_python):
    if importlib.util.find_spec("gevent") is None:
        pytest.skip("needs gevent")
    code = """
    import gevent.monkey; gevent.monkey.patch_all()
    import gilkit, time
    with gilkit.Executor(3) as executor:
        futures = [executor.submit(time.sleep, 0.03 - 0.01 * i) for i in range(3)]
        assert list(gilkit.as_completed(futures, 20)) == futures[::-1]
    """
    run_python(code, timeout=60)


def test_cpythons_own_tests():
    assert run_in_a_process("--as-completed", "AsCompleted") > 3
