"""Sub-interpreters with their own GIL: functions that do not need NumPy work in them and share the process's pool.

Each program runs in a separate process, since a failure may be a crash.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import gilkit

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.skipif(sys.implementation.name != "cpython", reason="needs CPython's sub-interpreters"),
]
needs_own_gil = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="sub-interpreters share one GIL before Python 3.12"
)
needs_315 = pytest.mark.skipif(sys.version_info < (3, 15), reason="interpreter guards need Python 3.15")
needs_314 = pytest.mark.skipif(sys.version_info < (3, 14), reason="concurrent.interpreters needs Python 3.14")

# run(code) runs code in a new interpreter and ends it; the first argument of create() is the configuration.
PRELUDE = """
    import os, sys, threading, time
    if sys.version_info >= (3, 13):
        import _interpreters as interpreters
        def create(kind="isolated", **more):
            return interpreters.create(interpreters.new_config(kind, **more))
        def execute(interpreter, code):
            problem = interpreters.exec(interpreter, code)
            if problem is not None:
                raise SystemExit(f"in a sub-interpreter: {problem.formatted}\\n{problem.errdisplay}")
    else:
        import _xxsubinterpreters as interpreters
        def create(kind="isolated"):
            return interpreters.create(isolated=kind == "isolated")
        execute = interpreters.run_string
    def run(code, *configuration):
        interpreter = create(*configuration)
        try:
            execute(interpreter, code)
        finally:
            interpreters.destroy(interpreter)
    def workers():
        names = [open(f"/proc/self/task/{task}/comm").read().strip() for task in os.listdir("/proc/self/task")]
        return names.count("gilkit")
"""


@pytest.fixture
def run(run_python):
    """Return run(code, inner), which runs a program where INNER is code for a sub-interpreter."""

    def run_(code, inner="", **environment):
        inner = textwrap.dedent(inner)
        return run_python(f"{textwrap.dedent(PRELUDE)}\nINNER = {inner!r}\n{textwrap.dedent(code)}", **environment)

    return run_


USE = """
    import hashlib, sys, threading
    import gilkit, gilkit.sync as sync
    assert gilkit.spin(10**7 + 1) == 1
    assert gilkit.pi(10**6, seed=3) == PI
    blocks = [bytes([i]) * 50_000 for i in range(100)]
    assert gilkit.map(len, blocks * 30) == [50_000] * 3000
    expected = [hashlib.sha256(block).digest() for block in blocks]
    assert gilkit.map(lambda block: hashlib.sha256(block).digest(), blocks, threads=4) == expected
    assert list(gilkit.imap(lambda block: hashlib.sha256(block).digest(), iter(blocks), threads=4)) == expected
    assert gilkit.starmap(pow, [(2, 10), (3, 3)], progress=lambda done, total: None) == [1024, 27]
    with gilkit.threads(4):
        assert sync.contend(sync.AtomicCounter(), 10_000, threads=3).lost == 0
    for kind in (sync.Lock, sync.RLock, sync.Semaphore):
        counter, lock = [0], kind()
        def count():
            for _ in range(2000):
                with lock:
                    counter[0] += 1
        threads = [threading.Thread(target=count) for _ in range(3)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert counter == [6000], kind
    condition, event, barrier, rw = sync.Condition(), sync.Event(), sync.Barrier(1), sync.RWLock()
    with condition: assert condition.wait(0.001) is False
    event.set(); event.wait(); barrier.wait()
    with rw.reader(): pass
    shards = sync.ShardedCounter()
    shards.handle().add(3)
    assert shards.value == 3
    try:
        with gilkit.timeout(0.05): gilkit.spin(10**15)
    except TimeoutError: pass
    else: raise AssertionError("no timeout")
    token = gilkit.CancelToken()
    threading.Timer(0.05, token.cancel).start()
    try:
        with token: gilkit.spin(10**15)
    except Exception as error: assert type(error).__name__ == "CancelledError"
    else: raise AssertionError("not cancelled")
    try: gilkit.map(lambda item: 1 / item, [2, 1, 0, 3])
    except ZeroDivisionError: pass
    else: raise AssertionError("no error")
    assert "numpy" not in sys.modules
"""


@needs_own_gil
@pytest.mark.parametrize("kind", ["isolated", "legacy"])
@pytest.mark.parametrize("main_first", [True, False])
def test_functions_that_need_no_numpy_work(run, kind, main_first):
    use = USE.replace("PI", repr(gilkit.pi(10**6, seed=3)))
    code = f"""
        if {main_first}: exec(INNER, {{}})
        run(INNER, {kind!r})
        run(INNER, {kind!r})
        exec(INNER, {{}})
        """
    run(code, use)


@needs_own_gil
def test_parallel_for(run, compile_c):
    library = compile_c(
        "squares",
        """
        #include <stdint.h>
        void squares(int64_t begin, int64_t end, void *data)
        {
            for (int64_t i = begin; i < end; i++)
                ((int64_t *)data)[i] = i * i;
        }
        """,
    )
    inner = f"""
        import array, ctypes, gilkit
        kernel = ctypes.CDLL({str(library)!r}).squares
        kernel.argtypes, kernel.restype = [ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p], None
        data = array.array("q", bytes(8 * 100_000))
        gilkit.parallel_for(len(data), kernel, data, threads=4)
        assert list(data) == [i * i for i in range(100_000)]
        """
    run("run(INNER); run(INNER)", inner)


@needs_314
def test_the_example_of_the_documentation():
    program = Path(__file__).with_name("interpreter_pool.py")
    output = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True).stdout
    assert output.split() == [str(gilkit.pi(10**6, seed=seed)) for seed in range(8)]


@needs_314
def test_interpreters_share_the_pool(run):
    inner = "import gilkit; gilkit.set_num_threads(4); gilkit.spin(10**8); gilkit.map(abs, range(10_000))"
    run(
        """
        from concurrent.futures import InterpreterPoolExecutor
        with InterpreterPoolExecutor(6) as executor:
            for done in [executor.submit(exec, INNER) for _ in range(60)]:
                done.result()
            assert 1 <= workers() <= 3, workers()
        import gilkit
        gilkit.spin(10**8)
        assert workers() == gilkit.info()["workers"] <= 3, workers()
        """,
        inner,
    )


@needs_own_gil
def test_many_come_and_go_at_once(run):
    """Threads create more than 32 interpreters, where Cython changes its bookkeeping, and race to import gilkit."""
    inner = "import gilkit, gilkit.sync; gilkit.map(len, [b''] * 100); gilkit.spin(10**5); gilkit.sync.AtomicCounter().add(2)"
    run(
        """
        failed = []
        def come_and_go():
            try:
                for _ in range(15): run(INNER)
            except BaseException as error:
                failed.append(error)
        threads = [threading.Thread(target=come_and_go) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert not failed, failed
        """,
        inner,
    )


@needs_own_gil
def test_functions_that_need_numpy_say_so(run):
    inner = """
        import importlib
        import gilkit
        NEED_NUMPY = ["gilkit._capi", "gilkit.array_api", "gilkit.blocks", "gilkit.pandas", "gilkit.patching"]
        def refused(import_it):
            try: import_it()
            except ImportError as error: assert "works only in the main interpreter" in str(error), error
            else: raise AssertionError("imported")
        without_numpy = {"gilkit.aio", "gilkit.executor", "gilkit.kernels.pi"}
        names = [name for name, module in gilkit._LAZY.items() if module not in without_numpy]
        assert len(names) > 15
        for name in names:
            refused(lambda: getattr(gilkit, name))
        for module in {*gilkit._LAZY.values(), *NEED_NUMPY} - without_numpy:
            refused(lambda: importlib.import_module(module))
        assert gilkit.spin(3) == 1
        """
    run("run(INNER); import gilkit; assert gilkit.sum([1, 2]) == 3; run(INNER)", inner)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="the import works since Python 3.12")
def test_before_3_12_the_import_says_what_is_needed(run):
    inner = """
        try: import gilkit
        except ImportError as error: assert "from CPython 3.12 on" in str(error), error
        else: raise AssertionError("imported")
        """
    run("run(INNER); import gilkit; assert gilkit.spin(3) == 1; run(INNER)", inner)


@needs_own_gil
def test_settings_of_the_process_follow_the_first_environment(run):
    code = """
        import gilkit.runtime
        assert gilkit.info()["spin_us"] == 7
        gilkit.runtime.set_spin(9)
        run("import gilkit; assert gilkit.info()['spin_us'] == 9")
        assert gilkit.info()["spin_us"] == 9
        """
    run(code, GILKIT_SPIN_US="7")


@needs_own_gil
def test_deadlocks_are_detected_in_the_interpreter_that_enables_it(run):
    inner = """
        from gilkit.sync import DeadlockError, Lock, detect_deadlocks
        lock = Lock()
        detect_deadlocks()
        lock.acquire()
        try: lock.acquire()
        except DeadlockError: pass
        else: raise AssertionError("not detected")
        """
    run(
        """
        from gilkit.sync import Lock
        run(INNER)
        lock = Lock()
        with lock: assert not lock.acquire(timeout=0.01)
        exec(INNER)
        """,
        inner,
    )


IN_FLIGHT = {
    "spin": "gilkit.spin(10**15)",
    "pi": "gilkit.pi(10**15)",
    "map": "gilkit.map(time.sleep, [0.02] * 100_000, threads=4)",
    "imap": "list(gilkit.imap(time.sleep, [0.02] * 100_000, threads=4))",
    "lock": "lock = sync.Lock(); lock.acquire(); lock.acquire()",
    "contend": "sync.contend(sync.LockedCounter(), 10**12, threads=2)",
}


@needs_314
@pytest.mark.parametrize("call", IN_FLIGHT)
def test_an_interpreter_that_ends_during_a_call(run, call):
    """If a sub-interpreter ends while its daemon thread is in a call, the pool stays intact."""
    inner = f"""
        import threading, time
        import gilkit, gilkit.sync as sync
        begun = threading.Event()
        def work():
            begun.set()
            {IN_FLIGHT[call]}
        threading.Thread(target=work, daemon=True).start()
        begun.wait()
        time.sleep(0.1)
        """
    # contend starts its own threads, which end with the process.
    run(
        """
        interpreter = create("isolated", allow_daemon_threads=True)
        execute(interpreter, INNER)
        interpreters.destroy(interpreter)
        import gilkit
        threads = set()
        def note(_):
            threads.add(threading.get_ident())
            time.sleep(0.01)
        until = time.monotonic() + 20
        while len(threads) < 4 and time.monotonic() < until:
            gilkit.map(note, range(100), threads=4)
        assert len(threads) == 4, threads
        """,
        inner,
    )


@needs_314
@pytest.mark.parametrize("call", IN_FLIGHT)
def test_a_process_that_ends_during_a_call(run, call):
    # Avoid two crashes of CPython 3.14 itself. It sometimes crashes if the process ends during an import. And it crashes
    # if the thread that entered the sub-interpreter returns to Python afterwards, since its thread state was freed: a
    # loop of time.sleep(0.02) without gilkit does so one time in three (github.com/python/cpython/issues/126016).
    calls = {**IN_FLIGHT, "map": "gilkit.map(nap, [_thread.get_ident()] * 100_000, threads=4)"}
    inner = f"""
        import gilkit, gilkit.sync as sync, _thread, os, time
        def nap(caller): time.sleep(1000 if _thread.get_ident() == caller else 0.02)
        os.write(WRITER, b'.')
        {calls[call]}
        """
    run(
        """
        import warnings
        warnings.simplefilter("ignore")  # about a sub-interpreter that still exists
        reader, writer = os.pipe()
        code = INNER.replace("WRITER", str(writer))
        threading.Thread(target=interpreters.exec, args=(create(), code), daemon=True).start()
        os.read(reader, 1)
        time.sleep(0.1)
        """,
        inner,
    )


@needs_own_gil
def test_an_abandoned_imap_does_not_delay_the_end(run):
    inner = """
        import gilkit
        results = gilkit.imap(abs, range(10**6))
        assert next(results) == 0
        """
    run("run(INNER)", inner)


@needs_own_gil
def test_calls_after_the_modules_are_destroyed(run):
    inner = """
        import os, sys, threading
        import gilkit, gilkit.sync
        class Last:
            keep = gilkit.spin, gilkit.sync.AtomicCounter(), gilkit.sync.Lock(), os.write
            def __del__(self, keep=keep):
                spin, counter, lock, write = keep
                with lock: counter.add(2)
                write(1, b"%d %d\\n" % (spin(3), counter.value))
        last, threading.last, sys.last = Last(), Last(), Last()
        """
    output = run("run(INNER); run(INNER)", inner)
    assert output.splitlines().count("1 2") == 2


@needs_315
def test_an_interpreter_waits_for_the_items_of_its_daemon_threads(run):
    """Before 3.15, a worker with such an item stayed attached to an interpreter that no longer existed."""
    inner = """
        import os, threading, time
        import gilkit
        begun = threading.Event()
        def item(i):
            begun.set()
            time.sleep(2)  # longer than gilkit waits without a guard
            os.write(1, b"%d\\n" % i)
        threading.Thread(target=gilkit.map, args=(item, range(100)), kwargs={"threads": 3}, daemon=True).start()
        begun.wait()
        time.sleep(0.2)
        """
    output = run(
        """
        interpreter = create("isolated", allow_daemon_threads=True)
        execute(interpreter, INNER)
        interpreters.destroy(interpreter)
        os.write(1, b"ended\\n")
        import gilkit
        assert workers() == 2  # none is lost
        """,
        inner,
    )
    *items, end = output.splitlines()
    assert 0 < len(items) < 100
    assert end == "ended"


@needs_315
def test_map_in_an_interpreter_that_is_ending_runs_in_the_calling_thread(run):
    inner = """
        import gilkit, os, threading
        class Last:
            def __del__(self, map=gilkit.map, me=threading.get_ident, write=os.write):
                write(1, b"%d\\n" % len(set(map(lambda _: me(), range(100_000), threads=4))))
        last = Last()
        """
    assert run("run(INNER)", inner).split() == ["1"]
