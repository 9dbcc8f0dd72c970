from collections.abc import Sequence
from typing import SupportsIndex, TypeVar, overload

import numpy as np
import numpy.typing as npt

from gilkit._typing import Float, FloatT, Threads

_GridT = TypeVar("_GridT", bound=npt.NDArray[Float])

@overload
def jacobi(
    grid: npt.NDArray[FloatT], *, iterations: SupportsIndex, out: None = None, threads: Threads = None
) -> npt.NDArray[FloatT]: ...
@overload
def jacobi(
    grid: Sequence[Sequence[float]], *, iterations: SupportsIndex, out: None = None, threads: Threads = None
) -> npt.NDArray[np.float64]: ...
@overload
def jacobi(
    grid: npt.NDArray[Float] | Sequence[Sequence[float]],
    *,
    iterations: SupportsIndex,
    out: _GridT,
    threads: Threads = None,
) -> _GridT: ...
