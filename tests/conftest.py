"""Fixtures that several tests use."""

import contextlib
import functools
import gc
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import pytest

try:
    from hypothesis import given
    from hypothesis import settings as Settings
    from hypothesis.strategies import none
except ImportError:  # not needed by test_typing.py
    Settings = None

from instruction_sets import AVAILABLE, BEST, LEVELS
from load import Others
from under_qemu import skip_under_qemu

import gilkit
from gilkit.runtime import set_isa

if "COVERAGE_RUN" in os.environ:
    # A worker of the lab that is killed cannot save its coverage data. An idle worker exits when its input is closed.
    from gilkit.lab.workers import Worker

    def close_gracefully(self, kill=Worker.close):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            self._process.stdin.close()
            self._process.wait(1)
        kill(self)

    Worker.close = close_gracefully

# Tests that pytest-run-parallel must not run in several threads at once, by fixture or by file, with the reason.
ALONE = {
    "run_python": "tests a separate process",
    "compile_c": "would compile in each thread",
    "consumer": "the module that it builds has one total for all threads",
    "capfd": "captures the output of all threads",
    "alarm": "signals reach the whole process",
    "alarm_raises": "signals reach the whole process",
}
ALONE_FILES = {
    "aio": "waits until no call of the process is left",
    "consumers": "builds and runs packages in separate processes",
    "callers_settings": "changes settings of the process or the thread",
    "containers": "changes the affinity and the quota of processes",
    "dask": "starts a cluster of processes",
    "docs": "runs the pages in separate processes",
    "executor": "counts threads and objects of the process",
    "exit": "tests the end of a process",
    "exhaustion": "limits the threads and memory of a process",
    "fork": "forks the process",
    "joblib": "changes joblib's configuration, and counts threads",
    "lab_contexts": "measures workers and their processes",
    "lab_measure": "measures the process and its children",
    "lab_memory": "measures workers and their processes",
    "lab_predictions": "runs programs in processes of their own",
    "lab_profile": "examines the threads of the process, and runs programs",
    "lab_run": "runs programs in processes of their own, and replaces attributes of sys",
    "lab_servers": "measures workers and their processes",
    "mapping_processes": "tests separate processes",
    "mapping_signals": "signals and their handlers belong to the process",
    "patch_memory": "the memory handler belongs to the process",
    "signals": "signals and their handlers belong to the process",
    "subinterpreters": "tests separate processes",
    "sync_processes": "tests separate processes",
    "sync_signals": "signals and their handlers belong to the process",
    "sync_locktests": "CPython's tests of locks count the threads of the process",
    "stress": "counts the threads of the shared pool, and stops it",
    "thread_limits": "limits the other pools of the process, too",
    "typing": "runs type checkers",
}

LONG_WORKLOADS = ("gzip", "jacobi", "kmeans", "mandelbrot", "pi", "regex", "sha256")
# Tests that run only with `pytest --full`, by file and by the prefix of the test's name; CONTRIBUTING.md, "Three
# levels", has the rule. The mark `full` on a test has the same effect.
FULL = {
    "architecture": ["test_files_call_one_another_one_way[runtime]", "test_files_call_one_another_one_way[sync]"],
    "array_subclasses": ["test_pandas_skips_nan"],
    "benchmarks": ["test_benchmarks_need_no_extra"],
    "blocks": ["test_other_map_functions_give_the_same_bits"],
    "callers_settings": ["test_deep_recursion_in_items[ulimit"],
    # Each builds a package. The default keeps C here, and Cython in test_sync_nogil.
    "consumers": [
        "test_a_c_token_inside", "test_built_with", "test_cffi", "test_cython", "test_numba", "test_two_packages",
        "test_without_import_",
    ],
    "dask": ["test_any_number_of_workers_gives_the_same_bits"],
    # Pages that build or measure; .ci/run has the commands of the README.
    "docs": [
        f"test_the_code_runs[{page}]"
        for page in (
            "CONTRIBUTING.md", "README.md", "README.zh-CN.md", "docs/adding-a-kernel.md", "docs/index.md", "docs/lab.md",
            "docs/performance.md", "docs/run.md",
        )
    ],
    "exit": ["test_unloading"],
    "greenlets": [
        "test_a_signal_handler_may_switch_greenlets_inside_a_kernel[1", "test_a_signal_handler_may_switch_greenlets_inside_a_kernel[8",
        "test_a_signal_handler_may_switch_greenlets_inside_patched_numpy",
    ],
    "hubs": [
        "test_a_wait_for_a_lock_runs_other_greenlets[gevent-gilkit", "test_a_wait_for_a_lock_runs_other_greenlets[eventlet",
        "test_waits_for_signals_run_other_greenlets[gevent-patch", "test_waits_for_signals_run_other_greenlets[eventlet-gilkit",
        "test_exceptions_end_a_wait_and_nothing_is_lost[eventlet", "test_a_thousand_greenlets_in_turn[eventlet",
        "test_imap_lets_other_greenlets_run[eventlet", "test_owners_are_greenlets", "test_deadlocks_of_greenlets",
        "test_threads_without_a_hub_block", "test_without_a_descriptor", "test_fork_while_greenlets_wait",
    ],
    "joblib": ["test_joblib_knows_it_once_both_are_imported[", "test_scikit_learn"],
    "lab_compare": [
        "test_a_function_of_numpy",
        "test_a_slow_call_is_not_taken_for_a_hanging_one",
        "test_against_an_older_run",
        "test_an_exception_names_the_input",
        "test_overhead_is_measured",
        "test_floats_that_differ",
        "test_functions_in_packages[-m]",
        "test_functions_run_under_every_strategy",
        "test_paths_are_shown_from_the_current_folder",
        "test_results_that_are_equal_in_every_process",
        "test_results_that_do_not_pickle_are_explained",
        "test_seconds",
        *(f"test_the_workloads_as_workers_carry_them_out[{name}]" for name in LONG_WORKLOADS),
    ],
    "lab_experiments": [
        f"test_runs_through[{name}]" for name in ("ipc", "lost-updates", "optimistic-lock", "thread-local")
    ],
    # Each starts several processes. The default keeps one or two kinds.
    "lab_contexts": [
        "test_crashes[P", "test_crashes[processes", "test_heartbeats[giving way]", "test_heartbeats[kernel]",
        "test_short_tasks_behind_a_long_one[P", "test_short_tasks_behind_a_long_one[threads",
        "test_short_tasks_behind_a_long_one[gilkit.map",
    ],
    "lab_cli": ["test_no_line_ends_with_blanks", "test_the_table_of_a_run"],
    "lab_memory": ["test_the_memory_of_workers[fork", "test_the_memory_of_workers[spawn]"],
    "lab_predictions": ["test_the_speed_of_another_interpreter"],
    "lab_profile": ["test_predicted_and_measured"],
    "lab_pyperf": ["test_on_the_command_line"],
    "lab_run": ["test_an_interrupted_comparison", "test_compare_measures_the_part_in_numpy"],
    "lab_runner": ["test_a_signal_at_the_command_line["],
    "lab_servers": [
        "test_connections_that_stay_open[pool]", "test_connections_that_stay_open[threads]",
        "test_servers_of_processes[reuseport]", "test_servers_of_processes[shared]", "test_wake_ups[processes-e",
        "test_wake_ups[threads-r", "test_wake_ups[threads-a",
    ],
    "lab_terminal": [
        "test_a_full_disk_takes_one_sentence[experiment", "test_a_reader_of_the_progress", "test_a_table_in_a_tiny",
        "test_closed_streams",
    ],
    "lab_tasks": ["test_inspecting_a_function_ends_after_a_second"],
    "levels": [
        "test_a_thread_that_never_ends_does_not_hold_up_the_end", "test_signals_ignored_or_blocked_on_entry",
    ],
    # These start processes or compile code.
    "lab_work": [
        f"test_every_strategy_gives_the_answer[{name}-{strategy}"
        for name in LONG_WORKLOADS
        for strategy in ("pool", "free-threaded", "interpreters", "numba")
    ],
    "parallel": ["test_numba"],
    "patching_threads": ["test_exit_while", "test_fork"],
    "reductions": ["test_more_than_32_bits_of_elements"],
    "scopes": ["test_many_blocks_never_exited[<lambda>1"],
    # The default keeps the machine's best instruction set.
    "sorting": [f"test_long_slices_with_every_instruction_set[{isa}" for isa in ("scalar", "avx2")],
    "sync_deadlock_interrupted": [
        "test_children_of_forks", "test_detection_turned_on_and_off", "test_signal_handlers_that_take_locks[RLock",
        "test_signal_handlers_that_take_locks[Condition",
    ],
    "typing": ["test_checkers_accept_and_reject[pyright", "test_stubs_match_the_modules"],
}  # fmt: skip
# Tests that a busy machine can make fail by delay. Such a test is retried. After the last try it is skipped with the
# reason, or fails with --full, whose runs must not hide a fault.
LEFT_ALONE = {
    "consumers": ["test_cython_is_interruptible"],
    "executor": ["test_cpythons_own_tests"],
    "fork": ["test_from_a_signal_handler_inside_a_call"],
    "groups": ["test_a_timeout_ends_the_call"],
    "lab_measure": ["test_own_cpu_seconds", "test_sleeping_uses_nothing", "test_a_child"],
    "mandelbrot": ["test_cancelled_inside_one_row"],
    "mapping": ["test_progress_function", "test_threads_work_at_the_same_time"],
    "mapping_signals": ["test_cancel_token", "test_timeout", "test_an_exception_of_a_signal_handler"],
    "parallel": ["test_threads_take_part"],
    "stress": ["test_idle_workers_use_no_time"],
    "sync_counters": ["test_contend_timeout_and_interrupt"],
    "sync_ping_pong": ["test_a_signal_handler_ends_it"],
    "sync_signals": ["test_signal_handlers_end_waits", "test_a_signal_that_another_thread_gets"],
}
EXAMPLES = 25  # maximum number of Hypothesis examples without --full


def pytest_configure(config):
    # Register the mark here, since pytest-run-parallel need not be installed.
    config.addinivalue_line("markers", "thread_unsafe(reason): do not run in several threads at once")


def pytest_collection_finish():
    # Many tests call gc.collect(). It need not traverse the modules and tests each time, which takes a third of a
    # second.
    if Settings:
        # Hypothesis registers its random generator in its first test, and warns if gc.get_referrers() does not find it.
        Settings(database=None, max_examples=1)(given(none())(lambda _: None))()
    gc.collect()
    gc.freeze()


def pytest_itemcollected(item):
    reasons = [reason for fixture, reason in ALONE.items() if fixture in getattr(item, "fixturenames", ())]
    reasons += [reason for name, reason in ALONE_FILES.items() if item.path.stem.startswith(f"test_{name}")]
    if reasons:
        item.add_marker(pytest.mark.thread_unsafe(reason=reasons[0]))
    if item.name.startswith(tuple(FULL.get(item.path.stem.removeprefix("test_"), ()))):
        item.add_marker(pytest.mark.full)
    if getattr(item, "callspec", None) and item.callspec.params.get("isa", "scalar") not in ("scalar", BEST):
        item.add_marker(pytest.mark.full)  # sets between scalar and the machine's best
    if item.name.startswith(tuple(LEFT_ALONE.get(item.path.stem.removeprefix("test_"), ()))):
        item.obj = tried_again(item.obj, skips=not item.config.getoption("--full"))
    if Settings and (
        not item.config.getoption("--full") or item.config.getoption("--hypothesis-profile", None) == "few"
    ):
        few_examples(item)
    skip_under_qemu(item)


def tried_again(test, skips):
    """Run the test up to three times while it fails and other programs use the cores."""

    @functools.wraps(test)
    def run(*args, **kwargs):
        for left in (2, 1, 0):
            others = Others()
            try:
                return test(*args, **kwargs)
            except AssertionError as error:
                percent = others.disturb()  # None: the time was too short to tell
                if percent == 0 or (not left and not (skips and percent)):
                    raise
                if not left:
                    pytest.skip(f"needs an idle machine; other programs used {percent:.0f} % of a core: {error}")

    return run


def few_examples(item):
    """Lower the number of examples and of steps in a test's own settings, which no Hypothesis profile can override."""
    if hasattr(getattr(item, "cls", None), "runTest") and isinstance(getattr(item.cls, "settings", None), Settings):
        item.cls.settings = fewer(item.cls.settings)  # settings of a state machine
    settings = getattr(item.obj, "_hypothesis_internal_use_settings", None)
    if settings:
        item.obj._hypothesis_internal_use_settings = fewer(settings)


def fewer(settings):
    profile = Settings()
    return Settings(
        settings,
        max_examples=min(settings.max_examples, EXAMPLES, profile.max_examples),
        stateful_step_count=min(settings.stateful_step_count, profile.stateful_step_count),
    )


@pytest.fixture(params=LEVELS)
def isa(request):
    """Run the test once with each instruction set that this machine has."""
    before = gilkit.info()["isa"]
    if request.param not in AVAILABLE:
        pytest.skip(f"this machine's best is {BEST}")
    set_isa(request.param)
    yield request.param
    set_isa(before)


@pytest.fixture
def unmeasured(monkeypatch):
    """Keep coverage.py out of child processes in a test that it would disturb."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture
def often(pytestconfig):
    """Return a function often(a, b) that gives the number of repetitions: a, or b with --promises."""
    return lambda few, many: many if pytestconfig.getoption("--promises") else few


@pytest.fixture
def lab_task():
    """Return a function that runs a task of the lab in a worker, whose processes must have ended afterwards."""
    import psutil

    from gilkit.lab.interpreters import running
    from gilkit.lab.workers import Worker

    def left(pid):
        found = []
        for each in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):  # it has just ended
                command = " ".join(each.cmdline())
                # multiprocessing's own servers end with the worker
                if "resource_tracker" not in command and "forkserver" not in command:
                    found.append(each)
        return found

    with Worker(running()) as worker:

        def run(task, **arguments):
            try:
                return worker.call(task, arguments, timeout=60)
            finally:
                deadline = time.monotonic() + 10
                while left(worker.pid):
                    assert time.monotonic() < deadline, left(worker.pid)
                    time.sleep(0.01)

        yield run


# Signals that may be ignored on purpose: by nohup, by job control, or by Python itself.
LEFT_IGNORED = {"SIGHUP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGPIPE", "SIGXFSZ", "SIGXFZ"}


@pytest.fixture(autouse=True, scope="session")
def default_signals():
    """Give tests, and the processes that they start, the signal dispositions of an interactive shell.

    A shell's `pytest &` ignores SIGINT, and other parents block or ignore signals. Tests that send signals, and the
    programs that they start, would then wait forever.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    signals = signal.valid_signals()
    mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    names = {number: getattr(number, "name", "") for number in signals}
    ignored = [
        number
        for number, name in names.items()
        if name not in LEFT_IGNORED and signal.getsignal(number) is signal.SIG_IGN
    ]
    for number in ignored:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@pytest.fixture
def default_hangup():
    """Let SIGHUP end this process and those that the test starts; in all other tests, nohup's setting stays."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL) if hasattr(signal, "SIGHUP") else None
    yield
    if before is not None:
        signal.signal(signal.SIGHUP, before)


@pytest.fixture
def run_python():
    """Return a function that runs code in a new interpreter, checks its exit status and returns its output."""

    def run(code, *arguments, options=(), timeout=120, **environment):
        command = [sys.executable, *options, "-c", textwrap.dedent(code), *map(str, arguments)]
        env = {**os.environ, **environment}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=timeout)
        assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


@pytest.fixture
def compile_c(tmp_path):
    """Return a function that compiles C text and files to a shared library; skip the test without a compiler."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None or sys.platform == "win32":
        pytest.skip("no C compiler")

    def compile_(name, text, *arguments):
        source, library = tmp_path / f"{name}.c", tmp_path / f"{name}.so"
        source.write_text(textwrap.dedent(text))
        command = [compiler, "-std=gnu11", "-O1", "-fPIC", "-shared", "-pthread", "-o", library, source, *arguments]
        subprocess.run(list(map(str, command)), check=True)
        return library

    return compile_


@pytest.fixture
def unpatched():
    """Make sure that NumPy is not patched before and after the test."""
    from gilkit import patching

    assert not gilkit.numpy_is_patched()
    yield
    left_over = 0
    while patching._in_force:
        gilkit.unpatch_numpy()
        left_over += 1
    assert not left_over
    patching.collect_statistics(False)


@pytest.fixture
def patched(unpatched):
    """Divide every call of NumPy."""
    with gilkit.patch_numpy(min_size=1):
        yield


@pytest.fixture
def rng():
    import numpy as np

    return np.random.default_rng(1)
