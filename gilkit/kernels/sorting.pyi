from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt

def sort(
    a: npt.ArrayLike,
    axis: SupportsIndex | None = -1,
    *,
    out: npt.NDArray[Any] | None = None,
    threads: SupportsIndex | None = None,
) -> npt.NDArray[Any]: ...
def argsort(
    a: npt.ArrayLike, axis: SupportsIndex | None = -1, *, threads: SupportsIndex | None = None
) -> npt.NDArray[np.int64]: ...
