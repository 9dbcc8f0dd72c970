"""gilkit.to_thread and gilkit.aimap against asyncio.to_thread, with functions that do nothing.

bench/robustness/event_loop.py measures how soon a cancelled call gives its thread back, and how late the event loop is
while all cores compute.
"""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

import gilkit


def nothing(x=None):
    return x


@pytest.fixture
def loop():
    with asyncio.Runner() as runner:
        yield runner


TO_THREAD = {"asyncio.to_thread": asyncio.to_thread, "gilkit.to_thread": gilkit.to_thread}


@pytest.mark.parametrize("name", TO_THREAD)
def test_round_trip(benchmark, loop, name):
    benchmark.group = "100 awaited to_thread"
    to_thread = TO_THREAD[name]

    async def main():
        for i in range(100):
            result = await to_thread(nothing, i)
        return result

    assert benchmark(lambda: loop.run(main())) == 99


@pytest.mark.parametrize("name", TO_THREAD)
def test_many_at_once(benchmark, loop, name):
    benchmark.group = "1,000 to_thread at once"
    to_thread = TO_THREAD[name]

    async def main():
        return await asyncio.gather(*(to_thread(nothing, i) for i in range(1000)))

    assert benchmark(lambda: loop.run(main())) == list(range(1000))


async def in_windows(items):
    """Do what programs do without aimap: as many calls at a time as aimap reads ahead, with results in order."""
    size = 64 * gilkit.num_threads()
    results = []
    for start in range(0, len(items), size):
        results += await asyncio.gather(*(asyncio.to_thread(nothing, item) for item in items[start : start + size]))
    return results


async def mapped(items, **options):
    return [result async for result in gilkit.aimap(nothing, items, **options)]


ITERATIONS = {
    "asyncio.gather": in_windows,
    "gilkit.aimap": mapped,
    "gilkit.aimap chunksize=32": partial(mapped, chunksize=32),
}


@pytest.mark.parametrize("name", ITERATIONS)
def test_iteration(benchmark, loop, name):
    benchmark.group = "results of 10,000 calls"
    items = list(range(10_000))
    assert benchmark(lambda: loop.run(ITERATIONS[name](items))) == items
