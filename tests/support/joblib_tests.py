"""Run joblib's own tests of its backends with gilkit's backend in place of "threading": joblib_tests.py [OPTION...].

The options are pytest's."""

import sys

import joblib._parallel_backends
import joblib.parallel
import pytest

import gilkit.joblib

# These test behaviour that differs here: batches of one task, and the refusal of inner_max_num_threads.
DIFFERENT = ["test_batching_auto_threading", "test_threadpool_limitation_in_child_context_error"]


class ThreadingBackend(gilkit.joblib.GilkitBackend):
    """The tests compare the name, and the number of jobs of calls that set none."""

    default_n_jobs = 1


def main():
    for module in (joblib._parallel_backends, joblib.parallel):
        module.ThreadingBackend = ThreadingBackend
    joblib.parallel.BACKENDS["threading"] = ThreadingBackend
    # Some tests run with all known backends, and some with the default.
    joblib.register_parallel_backend("gilkit", ThreadingBackend, make_default=True)
    from joblib.test import test_config, test_parallel

    chosen = "(threading or gilkit or nested or generator or dispatch) and not loky and not multiprocessing"
    chosen += " and not back_compat"  # processes of loky, too
    chosen += "".join(f" and not {name}" for name in DIFFERENT)
    options = ["--noconftest", "-c", "/dev/null", "-p", "no:cacheprovider", "-p", "no:benchmark", "-W", "ignore"]
    options += ["-k", chosen]
    sys.exit(pytest.main([*options, *sys.argv[1:], test_config.__file__, test_parallel.__file__]))


if __name__ == "__main__":
    main()
