from typing import Any, SupportsIndex

import numpy.typing as npt

def cumsum(
    a: npt.ArrayLike,
    axis: SupportsIndex | None = None,
    *,
    out: npt.NDArray[Any] | None = None,
    threads: SupportsIndex | None = None,
) -> npt.NDArray[Any]: ...
