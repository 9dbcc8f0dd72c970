from typing import Any, SupportsIndex

import numpy.typing as npt

def jacobi(
    grid: npt.ArrayLike,
    *,
    iterations: SupportsIndex,
    out: npt.NDArray[Any] | None = None,
    threads: SupportsIndex | None = None,
) -> npt.NDArray[Any]: ...
