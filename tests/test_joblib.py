"""gilkit.joblib: the results of joblib's own backends, and calls that end when they should."""

import contextvars
import importlib.util
import itertools
import subprocess
import sys
import threading
import time
import traceback
from multiprocessing import TimeoutError as JoblibTimeoutError
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gilkit

joblib = pytest.importorskip("joblib", reason="joblib is not installed: pip install joblib")

from joblib import Parallel, delayed, parallel_config  # noqa: E402

RUNNER = Path(__file__).parent / "support" / "joblib_tests.py"
FOREVER = 10**15  # steps of gilkit.spin


@pytest.fixture(autouse=True)
def backend():
    with parallel_config(backend="gilkit"):
        yield
    ours = [thread for thread in threading.enumerate() if thread.name.startswith("gilkit.joblib")]
    for thread in ours:  # after an early end, they end by themselves
        thread.join(60)
        assert not thread.is_alive()


def square(x):
    return x * x


def invert(x):
    return 1 / x


def squares(n):
    return (delayed(square)(i) for i in range(n))


# ---- Results


@given(
    st.integers(0, 60),
    st.sampled_from([1, 2, 5, -1]),
    st.sampled_from(["list", "generator", "generator_unordered"]),
    st.sampled_from(["auto", 1, 7]),
    st.sampled_from(["2*n_jobs", "all", 1]),
)
def test_results_are_those_of_a_loop(n, n_jobs, return_as, batch_size, pre_dispatch):
    parallel = Parallel(n_jobs, "gilkit", return_as=return_as, batch_size=batch_size, pre_dispatch=pre_dispatch)
    found = list(parallel(squares(n)))
    assert (sorted(found) if return_as == "generator_unordered" else found) == [i * i for i in range(n)]


@pytest.mark.full
def test_joblibs_own_tests():
    """Those of test_parallel.py and test_config.py that run with a backend of threads."""
    if importlib.util.find_spec("joblib.test") is None:
        pytest.skip("joblib was installed without its tests")
    done = subprocess.run([sys.executable, RUNNER, "-q"], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def test_the_number_of_jobs():
    with gilkit.threads(6):
        for n_jobs, expected in ((None, 6), (1, 1), (4, 4), (-1, 6), (-2, 5), (-100, 1), (100, 100)):
            assert joblib.effective_n_jobs(n_jobs) == expected
            assert Parallel(n_jobs)._effective_n_jobs() == expected
        with pytest.raises(ValueError, match="n_jobs == 0"):
            Parallel(0)(squares(3))
        with parallel_config("gilkit", cores=3):
            assert joblib.effective_n_jobs(-1) == 3
    with pytest.raises(TypeError, match="nonsense"):
        parallel_config("gilkit", nonsense=1)
    with parallel_config("gilkit", inner_max_num_threads=0), pytest.raises(ValueError, match="0"):
        Parallel(2)(squares(3))


def test_tasks_run_in_threads_of_the_executor():
    names = set(Parallel(3)(delayed(lambda _: threading.current_thread().name)(i) for i in range(30)))
    assert names and all(name.startswith("gilkit.joblib_") for name in names)
    barrier = threading.Barrier(5)
    assert sorted(Parallel(5, batch_size=1)(delayed(barrier.wait)(60) for _ in range(5))) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("first", ["gilkit, joblib", "joblib, gilkit", "gilkit.joblib, joblib"])
def test_joblib_knows_it_once_both_are_imported(run_python, first):
    run_python(f"import {first}\nassert joblib.Parallel(2, 'gilkit')([joblib.delayed(pow)(2, 3)]) == [8]")
    run_python("import gilkit, sys\nassert 'joblib' not in sys.modules")


def test_it_can_be_the_default(run_python):
    run_python(
        """
        import gilkit, joblib
        gilkit.joblib.register(make_default=True)
        parallel = joblib.Parallel(2)
        assert parallel(joblib.delayed(pow)(2, i) for i in range(5)) == [1, 2, 4, 8, 16]
        assert isinstance(parallel._backend, gilkit.joblib.GilkitBackend)
        """
    )


def test_short_tasks_are_put_into_batches():
    for jobs in (2, 4):
        parallel = Parallel(jobs)
        assert parallel(squares(20_000)) == [i * i for i in range(20_000)]
        assert parallel.n_dispatched_batches < 2_000
    slow = Parallel(2)
    slow(delayed(time.sleep)(0.006) for _ in range(20))
    assert slow.n_dispatched_batches == 20


def test_batches_become_smaller_again():
    parallel = Parallel(2)
    parallel(itertools.chain(squares(2000), (delayed(time.sleep)(0.02) for _ in range(30))))
    assert parallel._backend.compute_batch_size() == 1


def test_one_block_for_several_generators():
    """They share the backend of the block, and the end of one must not be that of the others."""
    one = Parallel(2, return_as="generator")(squares(50))
    other = Parallel(3, return_as="generator_unordered")(squares(40))
    assert next(one) == 0
    assert sorted(other) == [i * i for i in range(40)]
    assert list(one) == [i * i for i in range(1, 50)]


def test_many_threads_use_one_backend():
    from gilkit.joblib import GilkitBackend

    shared, found = GilkitBackend(nesting_level=0), {}

    def user(i):
        found[i] = [Parallel(2, shared)(squares(i)) for _ in range(20)]

    threads = [threading.Thread(target=user, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {i: [[j * j for j in range(i)]] * 20 for i in range(4)}


# ---- Tasks inside tasks, and gilkit inside tasks


def levels(deep):
    with Parallel(2) as parallel:
        here = type(parallel._backend).__name__, parallel._backend.nesting_level
        return [here, *(parallel([delayed(levels)(deep - 1)])[0] if deep else [])]


def test_nested_calls():
    assert levels(3) == [("GilkitBackend", 0), ("GilkitBackend", 1), ("SequentialBackend", 2), ("SequentialBackend", 2)]
    nested = Parallel(3)(delayed(lambda i: Parallel(2)(squares(i)))(i) for i in range(20))
    assert nested == [[j * j for j in range(i)] for i in range(20)]


def test_nested_calls_share_the_cores():
    def jobs(_):
        return [joblib.effective_n_jobs(n) for n in (-1, None, 5)]

    with gilkit.threads(8):
        assert Parallel(3)(delayed(jobs)(i) for i in range(3)) == [[2, 1, 5]] * 3
        assert Parallel()(delayed(jobs)(i) for i in range(3)) == [[1, 1, 5]] * 3


def test_the_limit_of_threads_in_tasks():
    def threads(_):
        return gilkit.num_threads()

    with gilkit.threads(7):
        assert set(Parallel(2)(delayed(threads)(i) for i in range(9))) == {7}
        with parallel_config("gilkit", inner_max_num_threads=3):
            assert set(Parallel(2)(delayed(threads)(i) for i in range(9))) == {3}
            nested = Parallel(2)(
                delayed(lambda _: Parallel(2)(delayed(threads)(i) for i in range(3)))(i) for i in range(3)
            )
            assert nested == [[3] * 3] * 3


def test_tasks_see_the_callers_context():
    variable = contextvars.ContextVar("variable", default=0)
    variable.set(5)

    def change(_):
        before = variable.get()
        variable.set(before + 1)
        return before

    assert Parallel(2, batch_size=1)(delayed(change)(i) for i in range(20)) == [5] * 20
    assert variable.get() == 5
    for _ in range(3):
        with gilkit.timeout(0.05), pytest.raises(TimeoutError):
            Parallel(2)(delayed(gilkit.spin)(FOREVER) for _ in range(3))


# ---- Early ends


def test_an_error_ends_the_other_tasks():
    begun = []

    def task(i):
        if i == 5:
            time.sleep(0.05)
            return invert(0)
        begun.append(i)
        return gilkit.spin(FOREVER if i == 4 else 1)

    for return_as in ("list", "generator", "generator_unordered"):
        with pytest.raises(ZeroDivisionError):
            list(Parallel(2, return_as=return_as, batch_size=1)(delayed(task)(i) for i in range(1000)))
    assert max(begun) < 100


def test_an_error_has_its_traceback():
    for return_as in ("list", "generator"):
        with pytest.raises(ZeroDivisionError) as raised:
            list(Parallel(2, return_as=return_as)(delayed(invert)(i % 7 - 3) for i in range(50)))
        if return_as == "list":
            assert "in invert\n    return 1 / x" in "".join(traceback.format_exception(raised.value))
            assert raised.value.__cause__ is None
            assert "x" in raised.traceback[-1].frame.f_locals
    for error in (KeyboardInterrupt, SystemExit, GeneratorExit, StopIteration, RecursionError):

        def fail(_, error=error):
            raise error

        with pytest.raises(RuntimeError if error is StopIteration else error):
            Parallel(2)(delayed(fail)(i) for i in range(5))
    assert Parallel(2)(squares(3)) == [0, 1, 4]


def test_a_source_that_raises():
    def source(error, n):
        yield from squares(n)
        raise error

    for error, n in itertools.product((OSError, SystemExit), (0, 3, 19, 100)):
        for _ in range(20):
            with pytest.raises(error):
                Parallel(2, batch_size=1)(source(error, n))


def test_a_managed_parallel_works_after_an_error():
    with Parallel(2) as parallel:
        for _ in range(5):
            with pytest.raises(ZeroDivisionError):
                parallel(delayed(invert)(i) for i in range(9))
            assert parallel(squares(9)) == [i * i for i in range(9)]


def test_a_timeout_ends_the_tasks():
    for return_as in ("list", "generator", "generator_unordered"):
        with pytest.raises(JoblibTimeoutError):
            list(Parallel(2, timeout=0.05, return_as=return_as)(delayed(gilkit.spin)(FOREVER) for _ in range(5)))
    assert Parallel(2, timeout=60)(squares(5)) == [0, 1, 4, 9, 16]


@pytest.mark.parametrize("return_as", ["generator", "generator_unordered"])
def test_a_closed_generator_ends_the_tasks(return_as):
    results = Parallel(2, batch_size=1, return_as=return_as)(delayed(gilkit.spin)(n) for n in [1] + [FOREVER] * 9)
    assert next(results) is not None
    with pytest.warns(UserWarning, match="cancelled"):
        results.close()


def test_ctrl_c(run_python):
    run_python(
        """
        import gilkit, joblib, os, signal, threading, time
        for return_as in ("list", "generator"):
            for fn, n in ((gilkit.spin, 10**15), (time.sleep, 0.3)):
                threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
                began = time.monotonic()
                try:
                    list(joblib.Parallel(2, "gilkit", return_as=return_as)(joblib.delayed(fn)(n) for _ in range(100)))
                except KeyboardInterrupt:
                    assert time.monotonic() < began + 5
                else:
                    raise SystemExit("not interrupted")
        """
    )


def test_an_error_of_joblibs_callback_is_raised(caplog):
    class Loud(Parallel):
        def print_progress(self):
            raise OSError("closed")

    with pytest.raises(OSError, match="closed"):
        Loud(2)(squares(10))
    assert "Exception in a callback" in caplog.text


# ---- scikit-learn


def test_scikit_learn_gives_the_same_results():
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install scikit-learn")
    from sklearn.datasets import make_classification
    from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, cross_val_score

    X, y = make_classification(200, 6, random_state=0)

    def results(n_jobs):
        forest = RandomForestClassifier(8, random_state=0, n_jobs=n_jobs).fit(X, y)
        trees = ExtraTreesRegressor(5, random_state=0, n_jobs=n_jobs).fit(X, y)
        search = GridSearchCV(RandomForestClassifier(5, random_state=0, n_jobs=n_jobs), {"max_depth": [1, 3]}, cv=3)
        search.set_params(n_jobs=n_jobs).fit(X, y)
        return [
            forest.predict_proba(X).tolist(),
            trees.predict(X).tolist(),
            search.cv_results_["mean_test_score"].tolist(),
            cross_val_score(LogisticRegression(), X, y, n_jobs=n_jobs).tolist(),
        ]

    with parallel_config(backend="sequential"):
        expected = results(1)
    assert results(None) == results(-1) == results(3) == expected
