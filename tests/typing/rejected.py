"""What type checkers must reject: each line that is marked, and no other. See tests/test_typing.py."""

import numpy as np
import numpy.typing as npt

import gilkit
from gilkit import sync

doubles: npt.NDArray[np.float64] = np.zeros((4, 2))
integers: npt.NDArray[np.int64] = np.zeros(4, np.int64)
complexes: npt.NDArray[np.complex128] = np.zeros(4, np.complex128)
halves: npt.NDArray[np.float16] = np.zeros(4, np.float16)
dates: npt.NDArray[np.datetime64] = np.zeros(4, "M8[s]")

gilkit.sum(complexes)  # rejected: no kernel for complex numbers
gilkit.sum(halves, axis=0)  # rejected: nor for float16
gilkit.sum(doubles, None, None)  # rejected: out is a keyword
gilkit.sum(doubles, out=[0.0])  # rejected: out is an array
gilkit.sum(doubles, axis=0.5)  # rejected: an axis is an integer
gilkit.mean(doubles, ddof=1)  # rejected: only var and std have ddof
gilkit.max(dates)  # rejected
gilkit.min(doubles, threads=2.5)  # rejected: a number of threads is an integer
gilkit.fsum(complexes)  # rejected
gilkit.dot(complexes, complexes)  # rejected
gilkit.cumsum(dates)  # rejected
gilkit.sort(complexes)  # rejected
gilkit.sort(doubles, kind=1)  # rejected: kinds are strings
gilkit.sort(doubles, order="x")  # rejected: it has no fields
gilkit.bincount(doubles)  # rejected: of integers
gilkit.histogram(doubles, range=0.5)  # rejected: a range is a pair
gilkit.uniform(5)  # rejected: a seed must be given
gilkit.uniform(5, seed=1, dtype=np.int64)  # rejected: float32 or float64
gilkit.jacobi(integers, iterations=1)  # rejected: a grid of floats
gilkit.jacobi(doubles)  # rejected: iterations must be given
gilkit.kmeans(doubles, 2)  # rejected: a seed must be given
gilkit.mandelbrot(80.5, 25)  # rejected
gilkit.map(len, [1, 2])  # rejected: numbers have no length
gilkit.map(len)  # rejected: of nothing
gilkit.map(divmod, [1], ["a"])  # rejected
gilkit.starmap(pow, 3)  # rejected
gilkit.parallel_for("10", None)  # rejected
gilkit.timeout("soon")  # rejected
gilkit.nothing  # rejected: no such name  # noqa: B018
whole: np.int32 = gilkit.sum(integers)  # rejected: it is int64
ordered = gilkit.sort(doubles)
single: npt.NDArray[np.float32] = ordered  # rejected: it is float64

sync.Lock(1)  # rejected
sync.Lock().acquire("now")  # rejected
sync.AtomicCounter("1")  # rejected
sync.RacyCounter().compare_and_set(0, 1)  # rejected: only where it is atomic
sync.contend(sync.Lock(), 1, threads=2)  # rejected: that is no counter
