"""Code that type checkers must accept, and the types that they must infer. It never runs: see tests/test_typing.py."""

from collections.abc import AsyncGenerator, Generator
from concurrent.futures import CancelledError, Future
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import gilkit
from gilkit import sync
from gilkit.lab.experiment import Case, Experiment, Verdict

flags: npt.NDArray[np.bool_] = np.zeros(4, np.bool_)
bytes_: npt.NDArray[np.int8] = np.zeros(4, np.int8)
words: npt.NDArray[np.uint16] = np.zeros(4, np.uint16)
singles: npt.NDArray[np.float32] = np.zeros((4, 2), np.float32)
doubles: npt.NDArray[np.float64] = np.zeros((4, 2), np.float64)
unknown: npt.NDArray[Any] = np.zeros(4)

# ---- Reductions: dtype, axis, keepdims, out

assert_type(gilkit.sum(flags), np.int64)
assert_type(gilkit.sum(bytes_), np.int64)
assert_type(gilkit.sum(words), np.uint64)
assert_type(gilkit.sum(singles), np.float32)
assert_type(gilkit.sum(doubles, threads=2), np.float64)
assert_type(gilkit.sum(bytes_, axis=None), np.int64)
assert_type(gilkit.sum(bytes_, 0), npt.NDArray[np.int64] | Any)
assert_type(gilkit.sum(singles, axis=(0, 1)), npt.NDArray[np.float32] | Any)
assert_type(gilkit.sum(bytes_, keepdims=True), npt.NDArray[np.int64])
assert_type(gilkit.sum(words, axis=-1, keepdims=True), npt.NDArray[np.uint64])
assert_type(gilkit.sum(singles, axis=0, out=np.empty(2, np.float32)).dtype, np.dtype[np.float32])
assert_type(gilkit.sum([1, 2, 3]), Any)
assert_type(gilkit.sum(singles, dtype=np.float64), Any)  # left to NumPy
assert_type(gilkit.sum(singles, 0, None, None, True), Any)
assert_type(gilkit.sum(np.zeros(3, np.complex128), where=[True, False, True]), Any)
assert_type(gilkit.min(doubles, initial=0.0), Any)
assert_type(gilkit.var(doubles, correction=1), Any)

rows: npt.NDArray[np.float32] = gilkit.sum(singles, axis=0)

assert_type(gilkit.mean(bytes_), np.float64)
assert_type(gilkit.mean(singles), np.float32)
assert_type(gilkit.var(words, ddof=1), np.float64)
assert_type(gilkit.std(doubles, 1, keepdims=True), npt.NDArray[np.float64])
assert_type(gilkit.std(singles, 1), npt.NDArray[np.float32] | Any)
assert_type(gilkit.min(words), np.uint16)
assert_type(gilkit.max(singles, axis=0), npt.NDArray[np.float32] | Any)
assert_type(gilkit.max(flags, keepdims=True), npt.NDArray[np.bool_])

assert_type(gilkit.cumsum(bytes_), npt.NDArray[np.int64])
assert_type(gilkit.cumsum(words, axis=0), npt.NDArray[np.uint64])
assert_type(gilkit.cumsum(singles, out=singles), npt.NDArray[np.float32])
assert_type(gilkit.cumsum([1.5, 2]), npt.NDArray[Any])
assert_type(gilkit.cumulative_sum(bytes_, include_initial=True), npt.NDArray[np.int64])
assert_type(gilkit.cumulative_prod(singles, out=singles), npt.NDArray[np.float32])
assert_type(gilkit.dot(words, words), np.uint16 | Any)  # or a matrix
assert_type(gilkit.dot(doubles[:, 0], doubles[:, 1]), np.float64 | Any)
assert_type(gilkit.fsum(singles), float)
assert_type(gilkit.fsum(0.1), float)

# ---- Sorting, counting

assert_type(gilkit.sort(words), npt.NDArray[np.uint16])
assert_type(gilkit.sort(singles, axis=None), npt.NDArray[np.float32])
assert_type(gilkit.sort(singles, out=singles), npt.NDArray[np.float32])
assert_type(gilkit.sort([3, 1, 2]), npt.NDArray[Any])
assert_type(gilkit.sort(words, -1, "stable"), npt.NDArray[np.uint16])
assert_type(gilkit.sort(words, stable=True), npt.NDArray[np.uint16])
assert_type(gilkit.argsort(words, None), npt.NDArray[np.int64])
assert_type(gilkit.argsort(words, kind="stable"), npt.NDArray[np.int64])

counts, edges = gilkit.histogram(singles, bins=20, range=(0, 1))
assert_type(counts, npt.NDArray[np.intp])
assert_type(edges, npt.NDArray[Any])
assert_type(gilkit.histogram(singles, "auto")[0], npt.NDArray[np.intp])
assert_type(gilkit.histogram(words, [0.0, 1.0, 5.0], weights=singles)[0], npt.NDArray[np.float32])
assert_type(gilkit.histogram(words, density=True)[0], npt.NDArray[np.float64])
assert_type(gilkit.histogram(words, density=True, weights=[1.0, 2.0, 3.0, 4.0])[0], npt.NDArray[np.float64])
assert_type(gilkit.bincount(words), npt.NDArray[np.intp])
assert_type(gilkit.bincount([1, 1, 5], minlength=8), npt.NDArray[np.intp])
assert_type(gilkit.bincount(words, singles), npt.NDArray[np.float64])

# ---- The others

assert_type(gilkit.uniform((3, 4), seed=1), npt.NDArray[np.float64])
assert_type(gilkit.uniform(5, seed=[1, 2], dtype=np.float32), npt.NDArray[np.float32])
assert_type(gilkit.uniform([5], seed=None, dtype="float32"), npt.NDArray[np.float32])
assert_type(gilkit.uniform(5, seed=np.random.SeedSequence(3), dtype=float), npt.NDArray[np.float64])
assert_type(gilkit.uniform((4, 2), seed=1, dtype=np.float32, out=singles), npt.NDArray[np.float32])
assert_type(gilkit.random(seed=1), float)
assert_type(gilkit.random((3, 4), seed=1), npt.NDArray[np.float64])
assert_type(gilkit.random(5, np.float32, seed=[1, 2]), npt.NDArray[np.float32])
assert_type(gilkit.random(out=singles, dtype="f4", seed=1), npt.NDArray[np.float32])
assert_type(gilkit.normal(5, 2.5, seed=1), float)
assert_type(gilkit.normal(size=5, seed=1), npt.NDArray[np.float64])
assert_type(gilkit.normal([1.0, 2.0], 1.0, (3, 2), seed=1), npt.NDArray[np.float64])
assert_type(gilkit.normal(size=5, dtype=np.float32, seed=1), npt.NDArray[np.float32])
assert_type(gilkit.normal(out=doubles, seed=1), npt.NDArray[np.float64])
assert_type(gilkit.exponential(seed=1), float)
assert_type(gilkit.exponential(2.0, 5, seed=1), npt.NDArray[np.float64])
assert_type(gilkit.exponential(size=5, dtype="f4", seed=1), npt.NDArray[np.float32])
assert_type(gilkit.integers(1, 6, 10, endpoint=True, seed=1), npt.NDArray[np.int64])
assert_type(gilkit.integers(0, 256, 10, np.uint8, seed=1), npt.NDArray[np.uint8])
assert_type(gilkit.permutation(5, seed=1), npt.NDArray[np.int64])
assert_type(gilkit.permutation(singles, 1, seed=1), npt.NDArray[np.float32])
assert_type(gilkit.choice(5, seed=1), int)
assert_type(gilkit.choice(5, (2, 3), p=[0.2] * 5, seed=1), npt.NDArray[np.int64])
assert_type(gilkit.choice(words, 3, False, seed=1), npt.NDArray[np.uint16])
gilkit.shuffle([1, 2], seed=1)
assert_type(gilkit.nearest(singles, singles)[1], npt.NDArray[np.float32])
assert_type(gilkit.nearest(singles, doubles)[1], npt.NDArray[np.float64])
assert_type(gilkit.nearest(words, [[0.0]])[0], npt.NDArray[np.int64])
clusters = gilkit.kmeans(singles, 2, seed=1, max_iter=10, tol=1e-3)
assert_type(clusters, gilkit.KMeans)
assert_type(clusters.labels, npt.NDArray[np.int64])
assert_type(clusters.inertia, float)
assert_type(gilkit.jacobi(singles, iterations=3), npt.NDArray[np.float32])
assert_type(gilkit.jacobi([[0.0, 1.0], [0.0, 1.0]], iterations=3), npt.NDArray[np.float64])
assert_type(gilkit.jacobi(doubles, iterations=3, out=doubles), npt.NDArray[np.float64])
assert_type(gilkit.mandelbrot(80, 25, x=(-2, 1), max_iter=100), npt.NDArray[np.int32])
assert_type(gilkit.pi(1000, seed=np.int64(3)), float)
assert_type(gilkit.spin(1000), int)

# ---- Callables


def ratio(a: int, b: float) -> float:
    return a / b


def progress(done: int, total: int | None) -> None:
    print(done, total)


assert_type(gilkit.map(len, ["a", "b"]), list[int])
assert_type(gilkit.map(ratio, [1, 2], [2.0, 3.0], chunksize=1, progress=progress), list[float])
assert_type(gilkit.map(lambda a, b, c, d: f"{a}{b}{c}{d}", [1], [2], [3], [4]), list[str])
assert_type(gilkit.starmap(ratio, [(1, 2.0), (3, 4.0)], progress=True), list[float])
assert_type(gilkit.starmap(max, [[1, 2], [3]]), list[Any])
assert_type(gilkit.imap(str, range(3), ahead=8), Generator[str, None, None])
gilkit.imap(str, range(3)).close()
assert_type(gilkit.imap(str, range(3), ordered=False, timeout=1), Generator[str, None, None])
assert_type(gilkit.imap(str, range(3), on_error="return"), Generator[str | Exception, None, None])
gilkit.imap(divmod, [1], [2], on_error="raise").close()
assert_type(gilkit.imap(ratio, [1], [2.0], on_error="return"), Generator[float | Exception, None, None])
three = gilkit.imap(lambda a, b, c: f"{a}{b}{c}", [1], [2], [3], on_error="return")
assert_type(three, Generator[str | Exception, None, None])
four = gilkit.imap(lambda a, b, c, d: f"{a}{b}{c}{d}", [1], [2], [3], [4], on_error="return")
assert_type(four, Generator[str | Exception, None, None])
with gilkit.Executor() as executor:
    for future in gilkit.as_completed([executor.submit(len, "abc")], timeout=1):
        assert_type(future, Future[int])
gilkit.parallel_for(10, object(), doubles, grain=1, threads=2)

# ---- Settings

token = gilkit.CancelToken()
try:
    with gilkit.threads(2) as threads, gilkit.timeout(1.5), token:
        assert_type(threads, gilkit.threads)
        gilkit.spin(10)
except (TimeoutError, CancelledError):
    token.cancel()
assert_type(gilkit.num_threads(), int)
assert_type(gilkit.info()["quota"], float | None)
assert_type(gilkit.get_include(), str)
assert_type(gilkit.__version__, str)
gilkit.set_num_threads(None)

# ---- Counters and locks

counter = sync.AtomicCounter(3)
counter += 2
assert_type(counter, sync.AtomicCounter)
assert_type(int(counter), int)
assert_type(sync.ShardedCounter(padded=False).handle(), sync.ShardedCounter)
assert_type(sync.contend(counter, 1000, threads=4).lost, int)

lock = sync.RLock()
with lock:
    pass
condition = sync.Condition(lock)
with condition:
    assert_type(condition.wait_for(lambda: [1], timeout=1), list[int])
readers_and_writers = sync.RWLock()
with readers_and_writers.reader():
    assert_type(readers_and_writers.readers, int)
assert_type(readers_and_writers.writer().acquire(timeout=0.5), bool)
assert_type(sync.Barrier(2, timeout=3).n_waiting, int)
assert_type(sync.Latch(1).arrive_and_wait(), bool)
with sync.detect_deadlocks(inversions=True):
    try:
        lock.acquire()
    except sync.DeadlockError as error:
        print(error)

# ---- asyncio


async def in_an_event_loop(names: list[str]) -> AsyncGenerator[int, None]:
    assert_type(await gilkit.to_thread(len, "abc"), int)
    assert_type(await gilkit.to_thread(sorted, [2, 1], reverse=True), list[int])
    async for length in gilkit.aimap(len, names, ahead=2, threads=1, chunksize=1):
        assert_type(length, int)
        yield length
    results = gilkit.aimap(pow, [1, 2], in_an_event_loop(names))
    await results.aclose()
    async for outcome in gilkit.aimap(len, names, ordered=False, on_error="return", timeout=2):
        assert_type(outcome, int | Exception)


# ---- The lab


def medians(experiment: Experiment, cases: list[Case]) -> Verdict | None:
    for case in cases:
        assert_type(case.threads, int)
    return None
