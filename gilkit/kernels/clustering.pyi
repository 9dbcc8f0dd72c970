from collections.abc import Sequence
from typing import Any, NamedTuple, SupportsFloat, SupportsIndex, TypeAlias, overload

import numpy as np
import numpy.typing as npt
from numpy.random.bit_generator import ISeedSequence

from gilkit._typing import Doubles, Numbers, Threads

_Wide: TypeAlias = npt.NDArray[Doubles] | Sequence[Sequence[float]]

class KMeans(NamedTuple):
    centers: npt.NDArray[np.float32] | npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    inertia: float
    iterations: int

@overload  # type checkers assume a common subclass of float64 and float32
def nearest(  # type: ignore[overload-overlap]
    points: npt.NDArray[np.float32], centers: npt.NDArray[np.float32], *, threads: Threads = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]: ...
@overload
def nearest(
    points: _Wide, centers: Numbers, *, threads: Threads = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]: ...
@overload
def nearest(
    points: Numbers, centers: _Wide, *, threads: Threads = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]: ...
@overload
def nearest(
    points: Numbers, centers: Numbers, *, threads: Threads = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]: ...
def kmeans(
    points: Numbers,
    k: SupportsIndex,
    *,
    seed: int | Sequence[int] | npt.NDArray[np.integer[Any]] | ISeedSequence | None,
    max_iter: SupportsIndex = 300,
    tol: SupportsFloat = 0.0,
    threads: Threads = None,
) -> KMeans: ...
def assign(
    points: npt.ArrayLike, centers: npt.ArrayLike, *, threads: SupportsIndex | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any], npt.NDArray[np.float64], npt.NDArray[np.int64]]: ...
