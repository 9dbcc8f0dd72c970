"""gilkit.to_thread and gilkit.aimap: results, cancelling, and what they leave behind."""

import asyncio
import contextvars
import ctypes
import gc
import itertools
import os
import platform
import struct
import sys
import sysconfig
import threading
import time
import weakref
from concurrent.futures import CancelledError
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting import LONG, until

import gilkit
from gilkit import aio, mapping

FOREVER = 10**15  # iterations of spin
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request):
    """A function that runs a coroutine in an event loop."""
    factory = None
    if request.param == "uvloop":
        factory = pytest.importorskip("uvloop").new_event_loop

    def run(coroutine):
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(asyncio.wait_for(coroutine, 3 * LONG))

    return run


class Work:
    """A function whose gilkit call would take years, and how it ended."""

    def __init__(self, call=lambda: gilkit.spin(FOREVER)):
        self.call, self.begun, self.ended, self.error = call, threading.Event(), threading.Event(), None

    def __call__(self, *unused):
        self.begun.set()
        try:
            self.call()
        except BaseException as error:
            self.error = error
            raise
        finally:
            self.ended.set()

    async def has_begun(self):
        assert await asyncio.to_thread(self.begun.wait, LONG)

    async def has_been_cancelled(self):
        assert await asyncio.to_thread(self.ended.wait, LONG)
        assert type(self.error) is CancelledError


def threads_named(name):
    return [thread for thread in threading.enumerate() if thread.name.startswith(name)]


# ---- to_thread: results


def test_results_exceptions_and_arguments(run):
    def fail():
        raise LookupError("mine")

    async def main():
        assert await gilkit.to_thread(divmod, 7, 2) == (3, 1)
        assert await gilkit.to_thread(sorted, [1, 3, 2], reverse=True) == [3, 2, 1]
        assert await gilkit.to_thread(dict, fn=1, loop=2) == {"fn": 1, "loop": 2}
        assert await gilkit.to_thread(threading.get_ident) != threading.get_ident()
        with pytest.raises(LookupError, match="mine") as caught:
            await gilkit.to_thread(fail)
        assert caught.traceback[-1].name == "fail"
        with pytest.raises(RuntimeError, match="StopIteration"):
            await gilkit.to_thread(next, iter(()))
        with pytest.raises(TypeError, match="not callable"):
            await gilkit.to_thread(1)
        return await asyncio.gather(*(gilkit.to_thread(pow, 2, n) for n in range(500)))

    assert run(main()) == [2**n for n in range(500)]
    assert 1 <= len(threads_named("gilkit.to_thread")) <= 32


def test_context_variables_and_limits_apply(run):
    variable = contextvars.ContextVar("variable", default=0)

    def work():
        before = variable.get()
        variable.set(before + 1)
        return before, variable.get(), gilkit.num_threads()

    async def main():
        variable.set(5)
        with gilkit.threads(3):
            assert await gilkit.to_thread(work) == (5, 6, 3)
        assert variable.get() == 5
        with gilkit.timeout(0.01), pytest.raises(TimeoutError, match="gilkit call"):
            await gilkit.to_thread(gilkit.spin, FOREVER)
        token = gilkit.CancelToken()
        asyncio.get_running_loop().call_later(0.01, token.cancel)
        with token, pytest.raises(CancelledError, match="gilkit call"):  # not asyncio's: the task was not cancelled
            await gilkit.to_thread(gilkit.spin, FOREVER)
        assert await gilkit.to_thread(gilkit.spin, 1000) == gilkit.spin(1000)

    run(main())


def test_nothing_is_kept(run):
    class Thing:
        pass

    def fail(thing):
        raise ValueError(thing)

    async def main():
        argument, result = Thing(), Thing()
        references = [weakref.ref(argument), weakref.ref(result)]
        assert await gilkit.to_thread(lambda a, b: b, argument, result) is result
        argument2 = Thing()
        references.append(weakref.ref(argument2))
        try:
            await gilkit.to_thread(fail, argument2)
        except ValueError:
            pass
        del argument, result, argument2
        await asyncio.sleep(0)
        for _ in range(200):
            if not any(reference() for reference in references):
                return
            await asyncio.sleep(0.01)
            gc.collect()
        raise AssertionError(references)

    run(main())
    assert not aio._running


@pytest.mark.skipif(
    sysconfig.get_config_var("Py_GIL_DISABLED") == 1,
    reason="free-threaded builds free some objects late, those of asyncio.to_thread too",
)
def test_errors_need_no_garbage_collector():
    class Thing:
        pass

    def fail(thing):
        raise ValueError(thing)

    async def results(things, **options):
        return [result async for result in gilkit.aimap(fail, things, **options)]

    async def of_source(things):
        return [result async for result in gilkit.aimap(str, map(fail, things))]

    calls = (
        lambda thing: gilkit.to_thread(fail, thing),
        lambda thing: results([thing] * 3),
        lambda thing: results([thing] * 3, ordered=False),
        lambda thing: results([thing] * 3, on_error="return"),
        lambda thing: of_source([thing]),
    )

    async def main():
        references = []
        for call in calls:
            thing = Thing()
            references.append(weakref.ref(thing))
            try:
                await call(thing)
            except ValueError:
                pass
            del thing
        for _ in range(200):
            if not any(reference() for reference in references):
                return
            await asyncio.sleep(0.01)
        raise AssertionError(references)

    gc.collect()
    gc.disable()
    try:
        asyncio.run(main())
    finally:
        gc.enable()


# ---- to_thread: the end

CALLS = {
    "spin": lambda: gilkit.spin(FOREVER),
    "map": lambda: gilkit.map(gilkit.spin, [FOREVER] * 4, threads=2),
    "many short calls": lambda: [gilkit.spin(1000) for _ in itertools.count()],
}


async def cancel(task, work):
    await work.has_begun()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def time_out(task, work):
    await work.has_begun()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await task


async def fail_elsewhere(task, work):
    async def fail():
        await work.has_begun()
        raise LookupError

    async def join():
        await task

    with pytest.raises(BaseExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(join())
            group.create_task(fail())


@pytest.mark.parametrize("end", [cancel, time_out, fail_elsewhere])
@pytest.mark.parametrize("call", CALLS)
def test_cancelling_ends_the_calls_inside(run, call, end):
    async def main():
        work = Work(CALLS[call])
        await end(asyncio.ensure_future(gilkit.to_thread(work)), work)
        await work.has_been_cancelled()

    run(main())
    until(lambda: not aio._running)


@pytest.fixture
def one_thread(monkeypatch):
    """Make to_thread use one thread, which is busy until the test sets the event."""
    with gilkit.Executor(1) as executor:
        monkeypatch.setitem(aio._executors, ("to_thread", 0), executor)
        free = threading.Event()
        executor.submit(free.wait, 3 * LONG)
        yield free
        free.set()


def test_cancelled_before_the_start(run, one_thread):
    called = []

    async def main():
        soon = asyncio.ensure_future(gilkit.to_thread(called.append, 1))
        soon.cancel()  # its first step was not made
        waiting = asyncio.ensure_future(gilkit.to_thread(called.append, 2))
        await asyncio.sleep(0.01)
        waiting.cancel()
        for task in (soon, waiting):
            with pytest.raises(asyncio.CancelledError):
                await task
        one_thread.set()
        assert await gilkit.to_thread(len, called) == 0

    run(main())
    assert called == [] and not aio._running


def test_a_result_that_is_no_longer_awaited(run):
    """The loop is closed, or the waiting coroutine was dropped."""
    work, lasting = Work(), threading.Event()

    async def main():
        coroutine = gilkit.to_thread(work)
        coroutine.send(None)
        await work.has_begun()
        coroutine.close()
        await work.has_been_cancelled()
        task = asyncio.ensure_future(gilkit.to_thread(lasting.wait, LONG))
        await asyncio.sleep(0.01)
        task.cancel()

    run(main())
    lasting.set()
    until(lambda: not aio._running)


def test_calls_inside_calls_do_not_wait_for_each_other(run):
    def outer(n):
        return asyncio.run(inner(n))

    async def inner(n):
        results = [result async for result in gilkit.aimap(abs, [-n], threads=1)]
        return results[0] + await gilkit.to_thread(pow, n, 2)

    async def main():
        return await asyncio.gather(*(gilkit.to_thread(outer, n) for n in range(80)))

    assert run(main()) == [n + n**2 for n in range(80)]


def test_loops_in_several_threads(run):
    def body(k):
        async def main():
            results = await asyncio.gather(*(gilkit.to_thread(pow, n, k) for n in range(50)))
            return results, [result async for result in gilkit.aimap(lambda n: n**k, range(50))]

        outcomes[k] = run(main())

    outcomes = {}
    threads = [threading.Thread(target=body, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == {k: ([n**k for n in range(50)],) * 2 for k in range(4)}


@needs_fork
def test_in_a_forked_child(run_python):
    run_python(
        """
        import asyncio, os, gilkit
        async def main():
            both = await gilkit.to_thread(pow, 2, 5), [x async for x in gilkit.aimap(abs, [-1, -2])]
            return both == (32, [1, 2])
        assert asyncio.run(main())
        for _ in range(3):
            child = os.fork()
            if child == 0:
                os._exit(0 if asyncio.run(asyncio.wait_for(main(), 60)) else 1)
            assert os.waitpid(child, 0)[1] == 0
        assert asyncio.run(main())
        """,
        options=("-W", "ignore"),
    )


START = {
    "to_thread": "gilkit.to_thread(work)",
    "aimap": "anext(gilkit.aimap(lambda _: work(), [1], threads=2))",
}


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("start", START)
def test_ctrl_c(run_python, start):
    out = run_python(
        f"""
        import asyncio, os, signal, threading, time, gilkit
        ended = []
        def work():
            threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGINT]).start()
            try:
                gilkit.spin({FOREVER})
            finally:
                ended.append(time.monotonic())
        async def main():
            await {START[start]}
        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            print("interrupted")
        end = time.monotonic() + 60
        while not ended and time.monotonic() < end:
            time.sleep(0.001)
        assert ended
        """
    )
    assert out == "interrupted\n"


@pytest.mark.parametrize("start", START)
def test_the_interpreter_does_not_wait_for_calls_of_a_loop_that_is_gone(run_python, start):
    run_python(
        f"""
        import asyncio, gilkit
        def work():
            loop.call_soon_threadsafe(loop.stop)
            gilkit.spin({FOREVER})
        async def main():
            await {START[start]}
        loop = asyncio.new_event_loop()
        task = loop.create_task(main())
        loop.run_forever()
        """,
        timeout=60,
    )


# ---- aimap


async def asynchronous(items):
    for item in items:
        await asyncio.sleep(0)
        yield item


async def at_once(items):
    for item in items:
        yield item


def generated(items):
    yield from items


KINDS = [list, tuple, iter, generated, asynchronous, at_once]


async def collected(results):
    found = []
    try:
        async for result in results:
            found.append(result)
    except ZeroDivisionError as error:
        return found, type(error)
    return found, None


def inverse(x, y=1):
    return y / x


def expected(*iterables):
    found = []
    try:
        for result in map(inverse, *iterables):
            found.append(result)
    except ZeroDivisionError as error:
        return found, type(error)
    return found, None


@given(
    st.lists(st.integers(0, 9), max_size=60),
    st.sampled_from(KINDS),
    st.sampled_from(KINDS),
    st.sampled_from([None, 1, 2, 5]),
    st.integers(1, 4),
    st.sampled_from([None, 1, 3]),
)
def test_aimap_gives_what_builtin_map_gives(numbers, kind, other, ahead, threads, chunksize):
    options = {"ahead": ahead, "threads": threads, "chunksize": chunksize}

    async def main():
        assert await collected(gilkit.aimap(inverse, kind(numbers), **options)) == expected(numbers)
        twice = numbers + numbers
        pairs = gilkit.aimap(inverse, kind(numbers), other(twice), **options)
        assert await collected(pairs) == expected(numbers, twice)

    asyncio.run(main())


def test_aimap_in_each_loop(run):
    async def main():
        for kind in KINDS:
            with gilkit.threads(3):
                found = [each async for each in gilkit.aimap(lambda x: (x, gilkit.num_threads()), kind(range(300)))]
            assert found == [(x, 3) for x in range(300)]

    run(main())


def test_arguments_of_aimap():
    bad = [
        (TypeError, "callable", (1, []), {}),
        (TypeError, "aimap needs at least one iterable", (abs,), {}),
        (TypeError, "not iterable", (abs, 1), {}),
        (TypeError, "threads must be an integer", (abs, []), {"threads": 1.5}),
        (ValueError, "threads must be from 1", (abs, []), {"threads": 0}),
        (ValueError, "ahead must be from 1", (abs, []), {"ahead": 0}),
        (ValueError, "chunksize must be from 1", (abs, []), {"chunksize": 0}),
    ]
    for error, message, arguments, options in bad:
        with pytest.raises(error, match=message):
            gilkit.aimap(*arguments, **options)


@pytest.mark.parametrize("make", [generated, at_once])
@pytest.mark.parametrize("ahead", [1, 2, 7])
def test_no_more_than_ahead_is_read(run, ahead, make):
    read = []

    async def main():
        source = make(read.append(i) or i for i in range(50))
        got = 0
        async for result in gilkit.aimap(abs, source, ahead=ahead, threads=2):
            assert result == got
            got += 1
            await asyncio.sleep(0)
            assert len(read) <= got - 1 + ahead
        assert got == len(read) == 50

    run(main())


def test_large_results_are_not_computed_far_ahead(run):
    computed = []

    def large(i):
        computed.append(i)
        return bytes(8_000_000)

    async def main():
        given = 0
        async with aclosing(gilkit.aimap(large, range(40), threads=2)) as results:
            async for _ in results:
                given += 1
                await asyncio.sleep(0.01)
                assert given < 16 or len(computed) <= given + 3
                if given == 25:
                    break

    run(main())


@pytest.mark.parametrize("make", [list, asynchronous])
@pytest.mark.parametrize("end", ["aclose", "cancel", "timeout", "error", "drop"])
def test_ending_aimap_ends_the_calls_inside(run, make, end):
    works = [Work(lambda: None), Work(), Work()]

    def call(k):
        if end == "error" and k == 3:
            works[2].begun.wait(LONG)
            return None
        return works[k]() if k < 3 else None

    async def main():
        results = gilkit.aimap(call, make(range(100)), threads=3, ahead=10)
        await anext(results)
        await works[2].has_begun()
        if end == "aclose":
            await results.aclose()
        elif end == "cancel":
            task = asyncio.ensure_future(anext(results))
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        elif end == "timeout":
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await anext(results)
        elif end == "error":
            with pytest.raises(LookupError):
                await results.athrow(LookupError())
        del results
        gc.collect()
        for work in works[1:]:
            await work.has_been_cancelled()

    run(main())
    until(lambda: not aio._running)


def test_errors_of_iterables_come_in_their_turn(run):
    def failing():
        yield 1
        yield 2
        raise LookupError("source")

    async def failing_later():
        yield 1
        await asyncio.sleep(0.01)
        yield 2
        raise LookupError("source")

    async def cancelling():
        yield 1
        yield 2
        raise asyncio.CancelledError("source")

    async def main():
        for source, error in (
            (failing, LookupError),
            (failing_later, LookupError),
            (cancelling, asyncio.CancelledError),
        ):
            found = []
            with pytest.raises(error, match="source"):
                async for result in gilkit.aimap(abs, source()):
                    found.append(result)
            assert found == [1, 2]
        for stop in (StopIteration, StopAsyncIteration):

            def raise_stop(_, stop=stop):
                raise stop

            with pytest.raises(RuntimeError, match="Stop"):
                await anext(gilkit.aimap(raise_stop, [1]))

    run(main())


def test_a_source_is_cancelled_with_the_iterator(run):
    ended = []

    async def source():
        try:
            yield 1
            await asyncio.sleep(1000)
        finally:
            ended.append(True)

    async def main():
        before = asyncio.all_tasks()
        async with aclosing(gilkit.aimap(abs, source())) as results:
            assert await anext(results) == 1
            await asyncio.sleep(0.01)
        assert ended == [True]
        assert asyncio.all_tasks() == before

    run(main())


def test_other_tasks_have_their_turn(run):
    """This holds even if results, or items, are always available."""

    async def main():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.0005)
                ticks += 1

        for source in (range(20_000), (time.sleep(0.0005) for _ in range(100)), at_once(range(10_000))):
            ticks = 0
            async with asyncio.TaskGroup() as group:
                ticker = group.create_task(tick())
                async for _ in gilkit.aimap(lambda x: x, source):
                    pass
                ticker.cancel()
            assert ticks > 5

    run(main())


def test_results_come_while_a_source_waits(run):
    async def main():
        given = asyncio.Event()

        async def source():
            yield 1
            await asyncio.wait_for(given.wait(), LONG)
            yield 2

        found = []
        async for result in gilkit.aimap(abs, source()):
            found.append(result)
            given.set()
        assert found == [1, 2]

    run(main())


def test_an_iterator_that_was_never_used():
    gilkit.aimap(abs, [1])
    assert not aio._running


# ---- aimap: order, errors, time limits


@given(
    st.lists(st.integers(0, 9), max_size=60),
    st.sampled_from(KINDS),
    st.sampled_from([None, 1, 2, 5]),
    st.sampled_from([1, 3, 8, 64]),
    st.sampled_from([None, 3]),
    st.booleans(),
    st.sampled_from([None, 60]),
)
def test_aimap_with_errors_as_results(numbers, kind, ahead, threads, chunksize, ordered, timeout):
    async def main():
        options = {"ahead": ahead, "threads": threads, "chunksize": chunksize, "ordered": ordered, "timeout": timeout}
        found = [
            "error" if isinstance(each, ZeroDivisionError) else each
            async for each in gilkit.aimap(inverse, kind(numbers), on_error="return", **options)
        ]
        right = ["error" if number == 0 else 1 / number for number in numbers]
        assert (found if ordered else sorted(found, key=str)) == (right if ordered else sorted(right, key=str))
        found, error = await collected(gilkit.aimap(inverse, kind(numbers), **options))
        assert error is (ZeroDivisionError if 0 in numbers else None)
        assert set(found) <= set(right)

    asyncio.run(main())


def test_aimap_in_the_order_of_completion(run):
    gates = [threading.Event() for _ in range(4)]

    async def main():
        results = gilkit.aimap(lambda i: gates[i].wait(LONG) and i, range(4), threads=4, ordered=False)
        for i in (2, 0, 3, 1):
            gates[i].set()
            assert await anext(results) == i
        assert [each async for each in results] == []

    run(main())


def test_time_limits_of_items_of_aimap(run, monkeypatch):
    monkeypatch.setattr(mapping, "GRACE", 0.03)
    gate = threading.Event()

    def function(i):
        if i == 1:
            return gilkit.spin(FOREVER)
        return gate.wait(LONG) if i in (2, 3) else i

    async def main():
        for ordered in (True, False):
            results = gilkit.aimap(function, range(20), threads=2, timeout=0.02, on_error="return", ordered=ordered)
            found = [None if isinstance(each, TimeoutError) else each async for each in results]
            assert found.count(None) == 3
            assert not ordered or found == [0, None, None, None, *range(4, 20)]
            with pytest.raises(TimeoutError):
                async for _ in gilkit.aimap(function, range(20), threads=2, timeout=0.02, ordered=ordered):
                    pass

    try:
        run(main())
    finally:
        gate.set()


def test_other_exceptions_end_aimap(run):
    def stop(_):
        raise SystemExit

    async def main():
        with pytest.raises(SystemExit):
            await anext(gilkit.aimap(stop, [1], on_error="return", timeout=60))
        with pytest.raises(ValueError, match="on_error must be"):
            gilkit.aimap(abs, [1], on_error="ignore")
        with pytest.raises(TypeError, match="timeout must be"):
            gilkit.aimap(abs, [1], timeout="1")

    run(main())


# ---- Slices of time


def slice_of_this_thread():
    """Return Linux's sched_runtime of this thread in nanoseconds; 0 where there is none."""
    number = {"x86_64": 315, "aarch64": 275}[platform.machine()]
    attributes = ctypes.create_string_buffer(56)
    if ctypes.CDLL(None).syscall(number, 0, attributes, 56, 0) != 0:
        return 0
    return struct.unpack_from("Q", attributes, 24)[0]


def slice_of_another_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(slice_of_this_thread()))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"), reason="needs Linux on x86-64 or Arm"
)
def test_threads_that_compute_have_long_slices(run):
    """So a loop that wakes up need not wait for them. The loop itself has usual slices."""
    usual = slice_of_this_thread()
    if "Seccomp:\t0" not in Path("/proc/self/status").read_text() or not usual or os.nice(0) < 0:
        pytest.skip("this system tells no slices, or a filter may forbid setting them")

    async def main():
        def slices(_):
            gilkit.spin(100_000, threads=1)
            return threading.current_thread().name, slice_of_this_thread()

        assert await gilkit.to_thread(slice_of_this_thread) == 4_000_000
        return await gilkit.to_thread(gilkit.map, slices, range(64))

    # Once greenlet is imported, map has a thread of its own for the caller's share, with usual slices.
    assert {each for name, each in run(main()) if name != "gilkit.imap"} <= {4_000_000}
    assert slice_of_this_thread() == slice_of_another_thread() == usual
