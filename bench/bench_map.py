"""gilkit.map against builtin map, concurrent.futures and multiprocessing.pool.ThreadPool.

A function that does nothing shows the overhead per item. hashlib and zlib release the GIL while they work. The
pure-Python body gains on free-threaded builds only. The last benchmarks run workloads built from existing libraries.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess
import zlib
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from multiprocessing.pool import ThreadPool

import pytest

import gilkit
from gilkit.lab import workloads
from gilkit.lab.worker.gilkit_tasks.gzip import compress
from gilkit.lab.worker.gilkit_tasks.text import text

THREADS = gilkit.num_threads()
BLOCKS = [bytes([i % 256]) * 65_536 for i in range(1000)]


def nothing(x):
    pass


def two_microseconds(x):
    total = 0
    for i in range(50):
        total += i ^ x
    return total


def sha256(block):
    return hashlib.sha256(block).digest()


@pytest.fixture(params=["builtin", "gilkit", "gilkit.imap", "ThreadPoolExecutor", "ThreadPool", "ThreadPool chunked"])
def mapper(request):
    """Return a function like list(map(...)) whose threads have been started."""
    if request.param == "builtin":
        yield lambda fn, items: list(map(fn, items))
    elif request.param == "gilkit":
        yield gilkit.map
    elif request.param == "gilkit.imap":
        yield lambda fn, items: list(gilkit.imap(fn, items))
    elif request.param == "ThreadPoolExecutor":
        with ThreadPoolExecutor(THREADS) as pool:
            yield lambda fn, items: list(pool.map(fn, items))
    else:
        with ThreadPool(THREADS) as pool:
            # Without a chunksize, ThreadPool.map takes n / (4 * threads); with 1 it balances best.
            yield partial(pool.map, chunksize=None if "chunked" in request.param else 1)


@pytest.mark.parametrize(
    ("fn", "items"),
    [
        pytest.param(nothing, list(range(5_000)), id="nothing"),
        pytest.param(two_microseconds, list(range(5_000)), id="2 us of Python"),
        pytest.param(nothing, list(range(100_000)), id="nothing, many", marks=pytest.mark.full),
        pytest.param(two_microseconds, list(range(50_000)), id="2 us of Python, many", marks=pytest.mark.full),
        pytest.param(zlib.crc32, BLOCKS, id="crc32 of 64 KiB"),
        pytest.param(sha256, BLOCKS, id="sha256 of 64 KiB"),
    ],
)
def test_map(benchmark, mapper, fn, items):
    benchmark.group = f"map: {fn.__name__}, {len(items):,} times"
    result = benchmark(mapper, fn, items)
    assert result == list(map(fn, items))


@pytest.mark.parametrize("way", ["gilkit.imap", "ThreadPool.imap_unordered", "ThreadPoolExecutor, as_completed"])
@pytest.mark.parametrize(("fn", "n"), [(two_microseconds, 5_000), (sha256, 200)])
def test_in_the_order_of_completion(benchmark, fn, n, way):
    items = list(range(n)) if fn is two_microseconds else BLOCKS[:n]
    benchmark.group = f"results as they are completed: {fn.__name__}, {len(items):,} times"
    with ThreadPool(THREADS) as pool, ThreadPoolExecutor(THREADS) as executor:
        if way == "gilkit.imap":
            mapped = lambda: gilkit.imap(fn, items, ordered=False)  # noqa: E731
        elif way == "ThreadPool.imap_unordered":
            mapped = lambda: pool.imap_unordered(fn, items)  # noqa: E731
        else:
            mapped = lambda: (each.result() for each in as_completed([executor.submit(fn, x) for x in items]))  # noqa: E731
        assert set(benchmark(lambda: list(mapped()))) == set(map(fn, items))


@pytest.mark.full
@pytest.mark.benchmark(group="a million items that do nothing")
@pytest.mark.parametrize("mapper", ["builtin", "gilkit", "ThreadPool chunked"], indirect=True)
def test_a_million(benchmark, mapper):
    items = list(range(1_000_000))
    assert benchmark(mapper, nothing, items) == [None] * 1_000_000


@pytest.mark.parametrize("way", ["gzip", "gilkit", "pigz"])
@pytest.mark.parametrize("megabytes", [5, pytest.param(100, marks=pytest.mark.full)])
def test_gzip(benchmark, tmp_path, megabytes, way):
    benchmark.group = f"gzip -6 of {megabytes} MB of text"
    data = text(1_000_000 * megabytes)
    if way == "pigz":
        if not shutil.which("pigz"):
            pytest.skip("no pigz")
        file = tmp_path / "text"
        file.write_bytes(data)  # reads a file, not a pipe
        command = ["pigz", "-6", "-c", "-p", str(THREADS), str(file)]
        pack = lambda: subprocess.run(command, capture_output=True, check=True).stdout  # noqa: E731
    elif way == "gzip":
        pack = partial(gzip.compress, data, 6)
    else:
        pack = partial(compress, gilkit.map, memoryview(data), 6)
    packed = benchmark(pack)
    benchmark.extra_info["bytes"] = len(packed)
    assert gzip.decompress(packed) == data


@pytest.mark.strategies("serial", "threads", "gilkit")
@pytest.mark.parametrize("name", ["gzip", "sha256", "regex"])
def test_workload(benchmark, race, name):
    benchmark.group = name
    race(workloads.get(name))
