"""gilkit.Executor: a ThreadPoolExecutor in every respect, and the promises that it adds."""

import asyncio
import contextvars
import gc
import os
import pickle
import random
import sys
import threading
import time
import traceback
import weakref
import zlib
from collections import deque
from concurrent.futures import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    CancelledError,
    Future,
    ThreadPoolExecutor,
    as_completed,
    wait,
)
from concurrent.futures.thread import BrokenThreadPool

import pytest
from cpython_futures import run_in_a_process
from hypothesis import given
from hypothesis import strategies as st

import gilkit

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")


@pytest.fixture(params=[1, 2, 5])
def executor(request):
    with gilkit.Executor(request.param) as executor:
        yield executor


@pytest.fixture
def gate():
    """A function that blocks until gate.open.set(), and an event that is set when it has begun."""

    def wait_here(*arguments):
        wait_here.begun.set()
        assert wait_here.open.wait(60)
        return arguments

    wait_here.begun, wait_here.open = threading.Event(), threading.Event()
    yield wait_here
    wait_here.open.set()


class Object:
    """An object that can be weakly referenced."""


def invert(x):
    return 1 / x


# ---- CPython's own tests


FAST = ["saturation", "idle_thread", "test_submit", "test_map", "stale", "free_ref", "Initializer", "del_shut", "names"]


@pytest.mark.parametrize("names", [FAST, pytest.param([], marks=pytest.mark.full)], ids=["fast", "all"])
def test_cpythons_own_tests(names):
    assert run_in_a_process(*names) >= 10


# ---- Like a ThreadPoolExecutor


@given(
    st.lists(st.integers(-1, 3), max_size=40),
    st.sampled_from([list, tuple, iter, deque, lambda items: (item for item in items)]),
    st.sampled_from([None, 1, 3]),
)
def test_map_gives_what_builtin_map_gives(numbers, kind, buffersize):
    def outcome(mapped):
        results = []
        try:
            for result in mapped:
                results.append(result)
        except Exception as error:
            return results, type(error)
        return results, None

    with gilkit.Executor(3) as executor:
        assert outcome(executor.map(invert, kind(numbers), buffersize=buffersize)) == outcome(map(invert, numbers))
        pairs = outcome(executor.map(divmod, kind(numbers), kind(numbers[::-1]), buffersize=buffersize))
        assert pairs == outcome(map(divmod, numbers, numbers[::-1]))


def test_it_is_a_thread_pool_executor():
    executor = gilkit.Executor(3, "name")
    assert isinstance(executor, ThreadPoolExecutor)
    future = executor.submit(lambda: threading.current_thread().name)
    assert isinstance(future, Future)
    assert future.result() == "name_0"
    assert not executor.submit(lambda: threading.current_thread().daemon).result()
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(executor)
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(future)
    with pytest.raises(ValueError, match="greater than 0"):
        gilkit.Executor(0)
    with pytest.raises(TypeError, match="callable"):
        gilkit.Executor(initializer=1)
    for bad in ("1", [1]):
        with pytest.raises(TypeError, match="number of seconds"):
            executor.submit(time.sleep, 0.01).result(bad)
    with pytest.raises(TypeError, match="buffersize"):
        executor.map(abs, [1], buffersize="1")
    with pytest.raises(ValueError, match="buffersize"):
        executor.map(abs, [1], buffersize=0)
    executor.shutdown()
    for call in (lambda: executor.submit(abs, 1), lambda: executor.map(abs, [1])):
        with pytest.raises(RuntimeError, match="after shutdown"):
            call()


def test_tasks_never_run_in_the_thread_that_waits(executor):
    here = threading.get_ident()
    assert here not in {executor.submit(threading.get_ident).result() for _ in range(100)}
    assert here not in set(executor.map(lambda _: threading.get_ident(), range(100)))
    assert executor.submit(asyncio.run, asyncio.sleep(0, "done")).result() == "done"


def test_tasks_that_wait_for_each_other():
    barrier = threading.Barrier(64)
    with gilkit.Executor(64) as executor:
        assert sorted(executor.map(lambda _: barrier.wait(60), range(64))) == list(range(64))
        inner = executor.submit(lambda: executor.submit(lambda: list(executor.map(abs, [-1, -2]))).result())
        assert inner.result(60) == [1, 2]


def test_map_runs_while_its_iterable_is_read():
    with gilkit.Executor(2) as executor:
        results = []

        def items():
            for i in range(20):
                yield i
                while len(results) <= i:  # until the item just given was computed
                    time.sleep(0.001)

        assert list(executor.map(lambda i: results.append(i), items())) == [None] * 20


def test_a_buffer_limits_what_is_read(executor):
    read = []
    mapped = executor.map(abs, (read.append(i) or i for i in range(10)), buffersize=2)
    assert read == [0, 1]
    assert [next(mapped), next(mapped)] == [0, 1]
    assert read == [0, 1, 2, 3]
    assert list(mapped) == list(range(2, 10))


def test_a_closed_map_begins_no_more_calls(gate):
    begun = []
    with gilkit.Executor(1) as executor:
        mapped = executor.map(lambda i: (begun.append(i), gate()), range(5), timeout=0.05)
        with pytest.raises(TimeoutError):
            next(mapped)
        gate.open.set()
    assert len(begun) <= 1
    with gilkit.Executor(1) as executor:
        mapped = executor.map(lambda i: (begun.append(i), time.sleep(0.001)), range(10_000))
        next(mapped)
        mapped.close()
    assert len(begun) < 5_000


def test_map_calls_an_overridden_submit():
    class Counting(gilkit.Executor):
        count = 0

        def submit(self, fn, /, *args, **kwargs):
            self.count += 1
            return super().submit(fn, *args, **kwargs)

    with Counting(2) as executor:
        assert list(executor.map(abs, [-1, -2, -3])) == [1, 2, 3]
    assert executor.count == 3


def test_exceptions_travel_with_their_traceback(executor):
    future = executor.submit(invert, 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError) as raised:
            future.result()
    assert "in invert" in "".join(traceback.format_exception(raised.value))
    assert future.exception() is raised.value
    for error in (KeyboardInterrupt, SystemExit, GeneratorExit):

        def fail(error=error):
            raise error

        with pytest.raises(error):
            executor.submit(fail).result()
    assert executor.submit(abs, -1).result() == 1


def test_the_attributes_that_other_libraries_use(gate):
    with gilkit.Executor(1) as executor:
        running = executor.submit(gate)
        waiting = [executor.submit(abs, i) for i in range(3)]
        executor.map(abs, range(4))
        assert gate.begun.wait(60)
        assert executor._work_queue.qsize() == 7
        assert not executor._work_queue.empty()
        assert (running._state, waiting[0]._state) == ("RUNNING", "PENDING")
        assert "state=pending" in repr(waiting[0])
        with waiting[0]._condition:
            assert waiting[0]._waiters == [] and waiting[0]._done_callbacks == []
        item = executor._work_queue.get_nowait()
        assert item.future is waiting[0] and item.future.cancel()
        gate.open.set()
        assert waiting[2].result() == 2
        assert "returned int" in repr(waiting[2])
        assert len(executor._threads) == executor._max_workers == 1


def test_context_variables_are_those_of_the_thread():
    variable = contextvars.ContextVar("variable", default=0)
    variable.set(1)
    values = []
    for kind in (gilkit.Executor, ThreadPoolExecutor):
        with kind(1) as executor:
            values.append((executor.submit(variable.get).result(), list(executor.map(lambda _: variable.get(), [0]))))
    assert values[0] == values[1]


# ---- Waiting


def test_every_way_to_wait(executor):
    for _ in range(20):
        futures = [executor.submit(divmod, 1, i % 3) for i in range(30)]
        assert set(as_completed(futures, 60)) == set(futures)
        futures = [executor.submit(time.sleep, 0.0005 * (i % 2)) for i in range(8)]
        for when in (FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED):
            done, not_done = wait(futures, 60, when)
            assert done and done | not_done == set(futures)
        failing = executor.submit(invert, 0)
        assert failing in wait([failing, executor.submit(abs, 1)], 60, FIRST_EXCEPTION).done
        called = []
        future = executor.submit(abs, -1)
        future.add_done_callback(called.append)
        assert future.result() == 1
        future.add_done_callback(called.append)
        while len(called) < 2:
            time.sleep(0.0001)
        assert called == [future, future]


def test_callbacks_that_raise_or_wait(caplog):
    with gilkit.Executor(2) as executor:
        answers = []
        for i in range(50):
            added = threading.Event()
            future = executor.submit(added.wait)
            future.add_done_callback(lambda _: answers.append(executor.submit(abs, -2).result(60)))
            future.add_done_callback(lambda _: 1 / 0)
            future.add_done_callback(lambda _: sys.exit("the thread goes on"))
            added.set()
            assert future.result() is True
            while len(answers) <= i:
                time.sleep(0.0001)
        assert list(executor.map(abs, [-1, -2])) == [1, 2]
    assert answers == [2] * 50
    assert len(executor._threads) <= 2


def test_a_timeout_of_a_result(gate, executor):
    future = executor.submit(gate)
    for timeout in (0, -1, 0.01):
        with pytest.raises(TimeoutError):
            future.result(timeout)
        with pytest.raises(TimeoutError):
            future.exception(timeout)
    assert not future.done() and not future.cancel()
    gate.open.set()
    assert future.result(60) == () and future.result(-1) == ()


def test_many_threads_submit_cancel_and_wait():
    def user(seed):
        choose = random.Random(seed)
        try:
            for _ in range(60):
                futures = [executor.submit(abs, -i) for i in range(choose.randrange(30))]
                cancelled = [choose.random() < 0.3 and future.cancel() for future in futures]
                if choose.random() < 0.5:
                    assert not wait(futures, 60).not_done
                for i, (future, gone) in enumerate(zip(futures, cancelled, strict=True)):
                    assert future.cancelled() == gone or not gone
                    if gone:
                        with pytest.raises(CancelledError):
                            future.result(60)
                    else:
                        assert future.result(60) == i
                assert list(executor.map(abs, range(50))) == list(range(50))
        except BaseException as error:
            errors.append(error)

    errors = []
    for workers in (1, 3, 64):
        with gilkit.Executor(workers) as executor:
            threads = [threading.Thread(target=user, args=(seed,)) for seed in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert not errors, errors
        assert executor._work_queue.qsize() == 0


def test_builtin_functions_leave_the_gil_to_others():
    data = list(range(20_000))
    with gilkit.Executor(1) as executor:
        futures = [executor.submit(sorted, data) for _ in range(1000)]
        mapped = executor.map(sorted, [data] * 1000)
        began, longest = time.monotonic(), 0.0
        while not futures[-1].done() and time.monotonic() < began + 0.5:
            before = time.monotonic()
            time.sleep(0)
            longest = max(longest, time.monotonic() - before)
        executor.shutdown(cancel_futures=True)
        del mapped
    assert longest < 5  # by the end of all tasks, without that


# ---- References


@pytest.mark.skipif(
    not getattr(sys, "_is_gil_enabled", lambda: True)(),
    reason="without a GIL, an object that another thread made lives until that thread runs",
)
def test_nothing_is_kept_after_a_task():
    def make(thing, keyword):
        return Object()

    with gilkit.Executor(2) as executor:
        for _ in range(300):
            argument, keyword = Object(), Object()
            given_objects = weakref.ref(argument), weakref.ref(keyword)
            future = executor.submit(make, argument, keyword=keyword)
            result = future.result()
            del argument, keyword
            made = weakref.ref(result), weakref.ref(future)
            del result, future
            assert [reference() for reference in given_objects + made] == [None] * 4
        waiting = [executor.submit(time.sleep, 0.01) for _ in range(4)]
        argument = Object()
        reference = weakref.ref(argument)
        future = executor.submit(make, argument, keyword=1)
        del argument
        if future.cancel():
            assert reference() is None
        wait(waiting)


@pytest.mark.skipif(
    "COVERAGE_RUN" in os.environ, reason="coverage.py keeps objects of each thread that it has measured"
)
def test_no_references_leak():
    def work():
        with gilkit.Executor(2) as executor:
            futures = [executor.submit(invert, i % 2) for i in range(20)]
            wait(futures)
            list(executor.map(abs, range(10)))
            mapped = executor.map(invert, [1, 0, 1])
            with pytest.raises(ZeroDivisionError):
                list(mapped)
            executor.submit(abs, 1).cancel()

    def objects():
        gc.collect()
        return len(gc.get_objects())

    for _ in range(3):
        work()
    before = objects()
    for _ in range(20):
        work()
    assert objects() - before < 100


def test_a_dropped_executor_ends_its_threads():
    executor = gilkit.Executor(2)
    future = executor.submit(time.sleep, 0.01)
    threads, reference = executor._threads, weakref.ref(executor)
    del executor
    gc.collect()
    assert reference() is None
    for thread in threads:
        thread.join(60)
    assert future.done()


# ---- The end


def test_shutdown_in_a_task_and_twice(gate):
    executor = gilkit.Executor(1)
    first = executor.submit(gate)
    assert gate.begun.wait(60)
    ends = executor.submit(executor.shutdown, wait=False)
    later = executor.submit(abs, -1)
    gate.open.set()
    assert (first.result(60), ends.result(60), later.result(60)) == ((), None, 1)
    executor.shutdown()
    executor.shutdown()


def test_cancelled_futures_end_every_wait(gate):
    executor = gilkit.Executor(1)
    executor.submit(gate)
    assert gate.begun.wait(60)
    futures = [executor.submit(abs, 1) for _ in range(3)]
    mapped = executor.map(abs, range(3))
    executor.shutdown(wait=False, cancel_futures=True)
    assert wait(futures, 60).done == set(futures) == set(as_completed(futures, 60))
    with pytest.raises(CancelledError):
        next(mapped)
    gate.open.set()


def test_arguments_by_keyword():
    began = []
    with gilkit.Executor(
        max_workers=1, thread_name_prefix="named", initializer=began.append, initargs=(7,)
    ) as executor:
        assert executor.submit(lambda: threading.current_thread().name).result() == "named_0"
        assert executor._max_workers == 1
        assert began == [7]


def test_a_failing_initializer(caplog):
    def fail():
        time.sleep(0.05)
        raise ValueError("in the initializer")

    executor = gilkit.Executor(2, initializer=fail)
    mapped = executor.map(abs, range(3))
    future = executor.submit(abs, 1)
    for call in (future.result, lambda: next(mapped), lambda: executor.submit(abs, 1)):
        with pytest.raises(BrokenThreadPool):
            call()
    assert "in the initializer" in caplog.text
    executor.shutdown()


def test_no_thread_can_be_started(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    executor = gilkit.Executor(3)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start"):
            executor.submit(abs, 1)
        with pytest.raises(RuntimeError, match="can't start"):
            executor.map(abs, [1])
    future = executor.submit(abs, -1)
    assert future.result(60) == 1
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)  # one thread is enough
        assert list(executor.map(abs, range(5))) == list(range(5))
    executor.shutdown()


def test_the_exit_of_the_interpreter(run_python):
    output = run_python(
        r"""
        import atexit, gilkit, os, time
        executor = gilkit.Executor(2)
        unused = gilkit.Executor(2)
        executor.submit(abs, 1).result()
        for i in range(4):
            executor.submit(lambda i=i: (time.sleep(0.02), os.write(1, b"task %d\n" % i)))
        executor.map(lambda i: os.write(1, b"item %d\n" % i), range(3))

        @atexit.register
        def late():
            for each in (executor, unused):
                try:
                    each.submit(print, "never")
                except RuntimeError as error:
                    print(error)
        """
    )
    assert sorted(output.splitlines()) == [
        *["cannot schedule new futures after interpreter shutdown"] * 2,
        *(f"item {i}" for i in range(3)),
        *(f"task {i}" for i in range(4)),
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process there")
def test_ctrl_c_ends_a_wait(run_python):
    run_python(
        """
        import gilkit, os, signal, threading, time
        open_ = threading.Event()
        executor = gilkit.Executor(2)
        for wait in (executor.submit(open_.wait).result, executor.map(lambda _: open_.wait(), [1]).__next__):
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
            began = time.monotonic()
            try:
                wait()
            except KeyboardInterrupt:
                assert time.monotonic() - began < 5
            else:
                raise AssertionError
        open_.set()
        assert executor.submit(abs, -1).result() == 1
        """
    )


# ---- Processes


@needs_fork
def test_fork(run_python):
    run_python(
        """
        import gilkit, os, threading, time, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        executor = gilkit.Executor(2)
        end = threading.Event()
        blocks = [executor.submit(end.wait) for _ in range(2)]
        waiting = executor.submit(abs, -1)
        mapped = executor.map(abs, [-1])

        def child():
            for wait in (waiting.result, lambda: next(mapped)):
                try:
                    wait()
                except RuntimeError as error:
                    assert "forked" in str(error)
                else:
                    return 1
            if executor._work_queue.qsize() or executor._threads:
                return 2
            if list(executor.map(abs, [-1, -2])) != [1, 2] or executor.submit(abs, -3).result() != 3:
                return 3
            executor.shutdown()
            return 0

        def fork():
            pid = os.fork()
            if pid == 0:
                try:
                    os._exit(child())
                finally:
                    os._exit(9)
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

        for _ in range(10):
            assert fork() == 0
        others = gilkit.Executor(2)
        assert others.submit(fork).result() == 0
        end.set()
        assert waiting.result() == 1 and list(mapped) == [1]
        """
    )


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sub-interpreters share one GIL before Python 3.12")
def test_sub_interpreters(run_python):
    run_python(
        """
        import sys
        if sys.version_info >= (3, 13):
            import _interpreters as interpreters
        else:
            import _xxsubinterpreters as interpreters
        code = '''
        import gilkit
        from concurrent.futures import as_completed
        executor = gilkit.Executor(2)
        futures = [executor.submit(pow, 2, i) for i in range(100)]
        assert [future.result() for future in futures] == [2**i for i in range(100)]
        assert len(list(as_completed(executor.submit(divmod, 1, i % 2) for i in range(20)))) == 20
        assert list(executor.map(abs, range(100))) == list(range(100))
        '''
        import gilkit, textwrap
        with gilkit.Executor(2) as executor:
            executor.submit(abs, 1).result()
            for _ in range(3):
                interpreter = interpreters.create()
                problem = (interpreters.exec if sys.version_info >= (3, 13) else interpreters.run_string)(
                    interpreter, textwrap.dedent(code))
                assert problem is None, problem
                interpreters.destroy(interpreter)
            assert executor.submit(abs, -1).result() == 1
        """
    )


def test_gevent(run_python):
    pytest.importorskip("gevent")
    run_python(
        """
        import gevent.monkey
        gevent.monkey.patch_all()
        import gevent, gilkit, time
        ticks = []
        ticker = gevent.spawn(lambda: [ticks.append(gevent.sleep(0.01)) for _ in range(10)])
        with gilkit.Executor(2) as executor:
            assert executor.submit(lambda: time.sleep(0.1) or 3).result() == 3
            assert list(executor.map(abs, [-1, -2])) == [1, 2]
        assert len(ticks) >= 5
        """
    )


# ---- gilkit inside tasks


def test_kernels_and_limits_in_tasks():
    blocks = [bytes([i]) * 10_000 for i in range(8)]

    def task(i):
        with gilkit.threads(2):
            assert gilkit.map(zlib.crc32, blocks) == [zlib.crc32(block) for block in blocks]
        try:
            with gilkit.timeout(0.01):
                gilkit.spin(10**12)
        except TimeoutError:
            return i

    with gilkit.Executor(4) as executor:
        assert list(executor.map(task, range(8))) == list(range(8))
        token = gilkit.CancelToken()

        def cancelled():
            with token:
                gilkit.spin(10**12)

        future = executor.submit(cancelled)
        token.cancel()
        with pytest.raises(CancelledError):
            future.result(60)
        # Limits around submit() do not apply to the task.
        with gilkit.timeout(0.0001):
            assert executor.submit(gilkit.spin, 1_000_001).result(60) == 1


def test_asyncio():
    async def main():
        loop = asyncio.get_running_loop()
        loop.set_default_executor(gilkit.Executor(2))
        return await asyncio.gather(*(asyncio.to_thread(pow, 2, i) for i in range(50)))

    assert asyncio.run(main()) == [2**i for i in range(50)]


# ---- Faults that were found


@pytest.mark.skipif(
    not getattr(sys, "_is_gil_enabled", lambda: True)(),
    reason="without a GIL, an object that another thread made lives until that thread runs",
)
def test_a_destructor_of_a_dropped_result_may_wait_for_a_task():
    with gilkit.Executor(2) as executor:
        results = []

        class Submits:
            def __del__(self):
                results.append(executor.submit(lambda: 42).result(timeout=60))

        executor.submit(lambda: (time.sleep(0.05), Submits())[1])
        for _ in range(6000):
            if results:
                break
            time.sleep(0.01)
    assert results == [42]


def test_an_interrupted_start_of_a_thread_does_not_count(monkeypatch):
    def start(self, real=threading.Thread.start):
        monkeypatch.setattr(threading.Thread, "start", real)
        raise KeyboardInterrupt

    with gilkit.Executor(1) as executor:
        monkeypatch.setattr(threading.Thread, "start", start)
        with pytest.raises(KeyboardInterrupt):
            executor.submit(pow, 2, 3)
        assert executor.submit(pow, 2, 3).result(timeout=60) == 8


@needs_fork
def test_fork_inside_a_task(run_python):
    run_python(
        """
        import gilkit, os, threading, time, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        calls, write = os.pipe()
        executor = gilkit.Executor(1)

        def later():
            time.sleep(0.1)
            os._exit(executor.submit(pow, 2, 3).result(timeout=60))

        def task(index):
            os.write(write, b"x")
            if index == 0 and (child := os.fork()):
                return child
            if index == 0:
                threading.Thread(target=later).start()

        # The child's executor works, and makes none of the parent's other calls.
        child, *rest = executor.map(task, range(4))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 8
        os.close(write)
        assert os.read(calls, 100) == b"xxxx" and rest == [None] * 3
        # A child whose parent waits for the task does not sleep forever.
        child = executor.submit(os.fork).result()
        os.waitpid(child, 0)
        """
    )
