from collections.abc import Sequence
from typing import Any, NamedTuple, SupportsFloat, SupportsIndex

import numpy as np
import numpy.typing as npt

class KMeans(NamedTuple):
    centers: npt.NDArray[Any]
    labels: npt.NDArray[np.int64]
    inertia: float
    iterations: int

def nearest(
    points: npt.ArrayLike, centers: npt.ArrayLike, *, threads: SupportsIndex | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]: ...
def kmeans(
    points: npt.ArrayLike,
    k: SupportsIndex,
    *,
    seed: int | Sequence[int] | np.random.SeedSequence,
    max_iter: SupportsIndex = 300,
    tol: SupportsFloat = 0.0,
    threads: SupportsIndex | None = None,
) -> KMeans: ...
def assign(
    points: npt.ArrayLike, centers: npt.ArrayLike, *, threads: SupportsIndex | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any], npt.NDArray[np.float64], npt.NDArray[np.int64]]: ...
