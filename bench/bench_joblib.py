"""joblib with gilkit's backend, and with its own: tasks of about 5 µs, and calls of few tasks.

All run with ``n_jobs=2`` and ``batch_size="auto"``. A task counts in plain Python, so with a GIL it gains nothing from
threads: the figures show what the backends cost.
"""

from __future__ import annotations

import pytest

import gilkit  # noqa: F401  makes the backend known to joblib

joblib = pytest.importorskip("joblib", reason="joblib is not installed: pip install joblib")

BACKENDS = ["threading", "loky", "gilkit"]


def make_work():
    # As a local function, it is sent to loky's processes whole. They could not import this file.
    def work(n):
        total = 0
        for i in range(230):
            total += i
        return total + n

    return work


work = make_work()


@pytest.fixture(params=BACKENDS)
def parallel(request):
    # loky's processes stay, so the first call starts them.
    joblib.Parallel(2, request.param)(joblib.delayed(work)(i) for i in range(10))
    return lambda **options: joblib.Parallel(2, request.param, **options)


@pytest.mark.parametrize("n", [5_000, pytest.param(100_000, marks=pytest.mark.full)])
def test_short_tasks(benchmark, parallel, n):
    benchmark.group = f"{n:,} tasks of 5 µs"
    found = benchmark.pedantic(lambda: parallel()(joblib.delayed(work)(i) for i in range(n)), rounds=3)
    assert found == [26335 + i for i in range(n)]


def test_short_calls(benchmark, parallel):
    benchmark.group = "a call with 4 tasks of 5 µs"
    found = benchmark.pedantic(lambda: parallel()(joblib.delayed(work)(i) for i in range(4)), rounds=20)
    assert found == [26335 + i for i in range(4)]


def test_calls_of_a_managed_parallel(benchmark, parallel):
    benchmark.group = "a call with 4 tasks of 5 µs, in `with Parallel()`"
    with parallel() as managed:
        found = benchmark.pedantic(lambda: managed(joblib.delayed(work)(i) for i in range(4)), rounds=20)
    assert found == [26335 + i for i in range(4)]
