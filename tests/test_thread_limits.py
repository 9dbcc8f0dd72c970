"""Limits of the number of threads from outside: variables of other programs, and threadpoolctl."""

import copy
import importlib
import json
import math
import os
import pickle
import subprocess
import sys
import textwrap
import threading

import pytest

import gilkit

FOUND = gilkit.info()
CORES = min(FOUND["affinity"], math.ceil(FOUND["quota"] or FOUND["affinity"]))
FOREIGN = ("PYTHON_CPU_COUNT", "LOKY_MAX_CPU_COUNT", "OMP_NUM_THREADS", "PYTEST_XDIST_WORKER_COUNT")
PRINT = "import gilkit; print(gilkit.num_threads(), gilkit.info()['threads_source'])"


@pytest.fixture(autouse=True)
def no_setting():
    """Other tests restore the number of threads by setting it."""
    gilkit.set_num_threads(None)


def started(*options, **variables):
    """Start a program that prints the number of threads and its source."""
    environment = {key: value for key, value in os.environ.items() if key not in (*FOREIGN, "GILKIT_NUM_THREADS")}
    command = [sys.executable, *options, "-P", "-c", PRINT]
    return subprocess.Popen(
        command, env=environment | variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_variables_are_read_at_the_import(run_python):
    """Dask's LocalCluster leaves OMP_NUM_THREADS=1 in the environment of the program."""
    program = """
        import os
        for name in NAMES:
            os.environ.pop(name, None)
        import gilkit
        os.environ.update(dict.fromkeys(NAMES, "1"))
        print(gilkit.num_threads(), gilkit.info()["threads_source"])
    """
    assert run_python(f"NAMES = {(*FOREIGN, 'GILKIT_NUM_THREADS')}\n" + textwrap.dedent(program)).split() == [
        str(CORES),
        "quota" if FOUND["affinity"] > CORES else "affinity",
    ]


def test_variables_of_other_programs():
    default = (CORES, "quota" if FOUND["affinity"] > CORES else "affinity")
    expected = {name: (1, name) for name in FOREIGN} | {"-X cpu_count": (1, "-X cpu_count")}
    if CORES == 1:
        expected = dict.fromkeys(expected, default)
    xdist = "PYTEST_XDIST_WORKER_COUNT"
    cases = [
        (started(), default),
        (started(PYTHON_CPU_COUNT="1"), expected["PYTHON_CPU_COUNT"]),
        (started("-X", "cpu_count=1"), expected["-X cpu_count"]),
        (started("-X", "cpu_count=1", PYTHON_CPU_COUNT="3"), expected["-X cpu_count"]),
        (started("-X", "cpu_count=default", PYTHON_CPU_COUNT="1"), default),
        (started("-E", PYTHON_CPU_COUNT="1"), default),
        (started(LOKY_MAX_CPU_COUNT="1", OMP_NUM_THREADS="1"), expected["LOKY_MAX_CPU_COUNT"]),
        (started(OMP_NUM_THREADS="1,2"), expected["OMP_NUM_THREADS"]),
        (started(**{xdist: "1000"}), expected[xdist]),
        # A limit never raises the number, and nonsense is ignored; Python 3.13 itself refuses its own.
        (started(OMP_NUM_THREADS="900", LOKY_MAX_CPU_COUNT="900", PYTHON_CPU_COUNT="900"), default),
        (started(OMP_NUM_THREADS="many", LOKY_MAX_CPU_COUNT="0", **{xdist: ""}), default),
        # gilkit's own variable takes precedence over all of them.
        (started(GILKIT_NUM_THREADS="5", **dict.fromkeys(FOREIGN, "1")), (5, "GILKIT_NUM_THREADS")),
    ]
    if sys.version_info < (3, 13):
        cases.append((started(PYTHON_CPU_COUNT="few"), default))
        cases.append((started("-X", "cpu_count"), default))
    for process, (number, source) in cases:
        out, errors = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, f"{number} {source}\n"), (process.args, errors)


def test_the_source_of_a_setting_in_the_program():
    with gilkit.threads(3):
        assert gilkit.info()["threads_source"] == "gilkit.threads"
        with gilkit.threads(None), gilkit.timeout(60):
            assert gilkit.info()["threads_source"] == FOUND["threads_source"]
        assert gilkit.info()["threads_source"] == "gilkit.threads"


@pytest.mark.full
def test_workers_of_loky_get_their_share():
    pytest.importorskip("joblib")
    code = "import gilkit, joblib; print(joblib.Parallel(2)([joblib.delayed(gilkit.info)()])[0])"
    environment = {key: value for key, value in os.environ.items() if key not in (*FOREIGN, "GILKIT_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found = eval(done.stdout)
    assert found["threads"] == max(1, CORES // 2)
    assert found["threads_source"] == ("OMP_NUM_THREADS" if CORES > 1 else "affinity")


# ---- threadpoolctl

CHECK = """
mine, = [each for each in threadpoolctl.threadpool_info() if each["internal_api"] == "gilkit"]
assert mine["num_threads"] == gilkit.num_threads() and mine["version"] == gilkit.__version__, mine
assert mine["user_api"] == "gilkit" and mine["filepath"].endswith(gilkit._core.__file__.split("/")[-1])
with threadpoolctl.threadpool_limits(7):
    assert gilkit.num_threads() == 7 and gilkit.info()["threads_source"] == "threadpoolctl"
assert gilkit.num_threads() == default
"""


@pytest.mark.parametrize(
    "imports",
    [
        "import gilkit, threadpoolctl",
        "import threadpoolctl, gilkit",
        "import threadpoolctl; threadpoolctl.threadpool_info(); import gilkit",
        """
import gilkit, importlib.util, json, sys
hooks = lambda: [each for each in sys.meta_path if getattr(each, "name", "") == "threadpoolctl"]
assert "threadpoolctl" not in sys.modules and "gilkit.threadpoolctl" not in sys.modules and hooks()
spec = importlib.util.find_spec("threadpoolctl")
assert spec.loader.get_source("threadpoolctl") and "threadpoolctl" not in sys.modules and hooks()
import threadpoolctl
assert not hooks() and threadpoolctl.__loader__ is threadpoolctl.__spec__.loader
assert type(threadpoolctl.__loader__) is type(json.__loader__), threadpoolctl.__loader__
""",
        "import gilkit, threadpoolctl, importlib; importlib.reload(threadpoolctl)\n"
        "import gilkit.threadpoolctl; gilkit.threadpoolctl.register(); gilkit.threadpoolctl.register()",
    ],
    ids=["gilkit first", "threadpoolctl first", "used first", "hook", "reloaded"],
)
def test_threadpoolctl_knows_gilkit(imports, run_python):
    pytest.importorskip("threadpoolctl")
    run_python(f"{imports}\ndefault = gilkit.num_threads()\n{CHECK}")


def test_without_threadpoolctl_or_with_an_old_one(run_python, tmp_path):
    block = "import sys\nsys.modules['threadpoolctl'] = None\nimport gilkit\n"
    run_python(
        f"{block}try: import gilkit.threadpoolctl\nexcept ImportError as error: assert '3.2 or later' in str(error)"
    )
    (tmp_path / "threadpoolctl.py").write_text("def threadpool_info(): return []\n")
    run_python(
        f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nimport gilkit, threadpoolctl\nassert gilkit.num_threads() > 0"
    )
    (tmp_path / "threadpoolctl.py").write_text("1 / 0\n")
    run_python(
        f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nimport gilkit\n"
        "try: import threadpoolctl\nexcept ZeroDivisionError: assert 'threadpoolctl' not in sys.modules"
    )


@pytest.fixture
def limits():
    return pytest.importorskip("threadpoolctl").threadpool_limits


def own_limits():
    from gilkit import _scopes

    return [owner for owner in _scopes.owners() if type(owner).__name__ == "_Limit"]


def test_limits_are_restored_exactly(limits):
    default = gilkit.num_threads()

    def check(n):
        assert gilkit.num_threads() == n
        assert set(gilkit.map(lambda _: gilkit.num_threads(), range(4))) == {n}

    with limits(5):
        check(5)
        with limits(3):
            check(3)
            with limits({"gilkit": 6}):
                check(6)
            with limits(limits=1, user_api="blas"):
                check(3)
            check(3)
        check(5)
        with gilkit.threads(4):  # the innermost block counts
            check(4)
            with limits(2):
                check(2)
            check(4)
        check(5)
        with limits(limits=None):
            check(5)
    # Nothing is left of them, so the default follows the quota again.
    assert own_limits() == [] and gilkit.num_threads() == default
    with gilkit.threads(4):
        with limits(2):
            check(2)
        check(4)
        assert own_limits() == []
    for too_much, n in ((0, 1), (-1, 1), (5000, 1024)):
        with limits({"gilkit": too_much}):
            assert gilkit.num_threads() == n


def test_limits_that_are_never_restored_take_no_memory(limits):
    def run():
        for i in range(100):
            last = limits({"gilkit": i % 3 + 1})
        assert gilkit.num_threads() == 1 and len(own_limits()) == 1
        last.restore_original_limits()
        return gilkit.num_threads()

    assert gilkit.map(lambda _: run(), [0], threads=1) == [3]
    assert own_limits() == []


def test_a_limit_applies_to_its_thread(limits):
    """So overlapping limits of several threads cannot leave one behind, as limits of the process can."""
    default = gilkit.num_threads()
    seen = []

    def limited():
        with limits({"gilkit": 9}):
            seen.append(gilkit.num_threads())
            begun.set()
            assert end.wait(60)
        seen.append(gilkit.num_threads())

    begun, end = threading.Event(), threading.Event()
    thread = threading.Thread(target=limited)
    thread.start()
    assert begun.wait(60)
    with limits({"gilkit": 7}):
        end.set()
        thread.join()
        assert gilkit.num_threads() == 7
    assert seen == [9, default] and gilkit.num_threads() == default


def test_what_threadpool_info_returns_can_be_kept(limits):
    from threadpoolctl import threadpool_info

    def mine():
        return next(each for each in threadpool_info() if each["internal_api"] == "gilkit")

    with limits({"gilkit": 5}):
        saved = mine()
        count = saved["num_threads"]
        assert json.loads(json.dumps(saved)) == saved == copy.deepcopy(saved) == pickle.loads(pickle.dumps(saved))
        assert type(pickle.loads(pickle.dumps(count))) is int and repr(count) == "5"
    assert gilkit.map(lambda _: with_saved(limits, saved), [0], threads=1) == [(5, None)]
    assert mine()["num_threads"] == gilkit.num_threads()


def with_saved(limits, saved):
    with limits([saved]):
        inside = gilkit.num_threads()
    return inside, own_limits() or None


def test_the_core_of_another_package_is_passed_over(limits, tmp_path, compile_c):
    import ctypes

    from threadpoolctl import threadpool_info

    library = compile_c("_core", "void *PyInit__core(void) { return 0; }")
    loaded = ctypes.CDLL(str(library))
    assert [each["filepath"] for each in threadpool_info() if each["prefix"] == "_core"] == [
        os.path.realpath(importlib.import_module("gilkit._core").__file__)
    ]
    assert loaded is not None


def test_gilkits_core_under_another_spelling(limits, tmp_path):
    """As on Windows and macOS, whose file names ignore case."""
    from gilkit import threadpoolctl as own

    core = importlib.import_module("gilkit._core").__file__
    if os.name == "nt":
        assert own._is_core(core.swapcase())
    else:
        (tmp_path / "_CORE.pyd").symlink_to(core)
        assert own._is_core(str(tmp_path / "_CORE.pyd"))
    (tmp_path / "_core.pyd").write_bytes(b"")
    assert not own._is_core(str(tmp_path / "_core.pyd"))
    assert not own._is_core(str(tmp_path / "gone"))


def test_threadpoolctl_tells_the_scope(limits):
    from threadpoolctl import threadpool_info

    try:
        found = threadpool_info(debugging_info=True)
    except TypeError:
        pytest.skip("an older threadpoolctl")
    mine = next(each for each in found if each["internal_api"] == "gilkit")
    inherits = bool(getattr(sys.flags, "thread_inherit_context", False))
    assert mine["thread_limit_scope"] == "current_thread" or inherits
    assert own_limits() == []
