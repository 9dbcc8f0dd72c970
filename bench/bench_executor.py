"""gilkit.Executor against concurrent.futures.ThreadPoolExecutor, with tasks that do nothing.

The two run in turn, with the default number of threads. A round trip is ``submit(...).result()``; many tasks are
submitted before the first result is taken; ``map`` has its default arguments.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest

import gilkit


def nothing(x=None):
    return x


@pytest.fixture(params=[ThreadPoolExecutor, gilkit.Executor], ids=["ThreadPoolExecutor", "gilkit.Executor"])
def executor(request):
    with request.param() as executor:
        executor.submit(nothing).result()
        yield executor


def measured(benchmark, function, n):
    return benchmark.pedantic(function, rounds=2) if n >= 100_000 else benchmark(function)


def test_round_trip(benchmark, executor):
    benchmark.group = "100 round trips"

    def round_trips():
        for _ in range(100):
            result = executor.submit(nothing, 1).result()
        return result

    assert benchmark(round_trips) == 1


@pytest.mark.parametrize("n", [10_000, pytest.param(100_000, marks=pytest.mark.full)])
def test_many_tasks(benchmark, executor, n):
    benchmark.group = f"{n:,} tasks"

    def many():
        return [future.result() for future in [executor.submit(nothing, i) for i in range(n)]]

    assert measured(benchmark, many, n) == list(range(n))


@pytest.mark.parametrize("n", [10, 10_000, pytest.param(1_000_000, marks=pytest.mark.full)])
def test_map(benchmark, executor, n):
    benchmark.group = f"map of {n:,} items"
    items = list(range(n))
    assert measured(benchmark, lambda: list(executor.map(nothing, items)), n) == items


@pytest.mark.parametrize("function", [as_completed, gilkit.as_completed], ids=["stdlib", "gilkit"])
def test_as_completed(benchmark, executor, function):
    benchmark.group = "as_completed of 1,000 tasks"

    def completed():
        return len(list(function([executor.submit(nothing) for _ in range(1000)])))

    assert benchmark(completed) == 1000


def test_asyncio(benchmark, executor):
    benchmark.group = "1,000 awaited loop.run_in_executor"

    async def run():
        loop = asyncio.get_running_loop()
        return [await loop.run_in_executor(executor, nothing, 1) for _ in range(1000)]

    assert benchmark(lambda: asyncio.run(run())) == [1] * 1000
