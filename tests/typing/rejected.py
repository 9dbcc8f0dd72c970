"""Code that type checkers must reject: each marked line, and no other. See tests/test_typing.py."""

import numpy as np
import numpy.typing as npt

import gilkit
from gilkit import sync

doubles: npt.NDArray[np.float64] = np.zeros((4, 2))
integers: npt.NDArray[np.int64] = np.zeros(4, np.int64)
complexes: npt.NDArray[np.complex128] = np.zeros(4, np.complex128)
halves: npt.NDArray[np.float16] = np.zeros(4, np.float16)
dates: npt.NDArray[np.datetime64] = np.zeros(4, "M8[s]")

gilkit.sum(doubles, 0, None, None, False, 0, True, 2)  # rejected: threads is keyword-only
gilkit.sum(doubles, out=[0.0])  # rejected: out must be an array
gilkit.sum(doubles, axis=0.5)  # rejected: an axis must be an integer
gilkit.mean(doubles, ddof=1)  # rejected: only var and std have ddof
gilkit.min(doubles, threads=2.5)  # rejected: a number of threads must be an integer
gilkit.fsum(complexes)  # rejected
gilkit.fsum(halves)  # rejected: there is no kernel for float16
gilkit.fsum(dates)  # rejected
gilkit.dot(doubles)  # rejected
gilkit.cumsum(doubles, axis=(0, 1))  # rejected: one axis
gilkit.sort(doubles, kind=1)  # rejected: kinds must be strings
gilkit.bincount(doubles)  # rejected: must be an array of integers
gilkit.histogram(doubles, range=0.5)  # rejected: a range must be a pair
gilkit.uniform(5)  # rejected: a seed must be given
gilkit.uniform(5, seed=1, dtype=np.int64)  # rejected: must be float32 or float64
gilkit.normal(size=5)  # rejected: a seed must be given
gilkit.exponential(size=5, seed=1, dtype=np.int64)  # rejected: must be float32 or float64
gilkit.permutation(5, seed="x")  # rejected: no such seed
gilkit.jacobi(integers, iterations=1)  # rejected: must be a grid of floats
gilkit.jacobi(doubles)  # rejected: iterations must be given
gilkit.kmeans(doubles, 2)  # rejected: a seed must be given
gilkit.mandelbrot(80.5, 25)  # rejected
gilkit.map(len, [1, 2])  # rejected: numbers have no length
gilkit.map(len)  # rejected: there is no iterable
gilkit.map(divmod, [1], ["a"])  # rejected
gilkit.starmap(pow, 3)  # rejected
gilkit.imap(str, [1], on_error="ignore")  # rejected
gilkit.imap(divmod, [1], ["a"], on_error="return")  # rejected
gilkit.as_completed(len, [1])  # rejected: it takes futures
gilkit.parallel_for("10", None)  # rejected
gilkit.timeout("soon")  # rejected
gilkit.to_thread(len, 3)  # rejected
gilkit.aimap(len, 3)  # rejected
gilkit.nothing  # rejected: no such name  # noqa: B018
whole: np.int32 = gilkit.sum(integers)  # rejected: it is int64
ordered = gilkit.sort(doubles)
single: npt.NDArray[np.float32] = ordered  # rejected: it is float64

sync.Lock(1)  # rejected
sync.Lock().acquire("now")  # rejected
sync.AtomicCounter("1")  # rejected
sync.RacyCounter().compare_and_set(0, 1)  # rejected: this counter has no such method
sync.contend(sync.Lock(), 1, threads=2)  # rejected: it is not a counter
