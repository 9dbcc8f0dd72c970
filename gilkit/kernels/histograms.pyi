from typing import Any, SupportsIndex

import numpy.typing as npt

def histogram(
    a: npt.ArrayLike,
    bins: SupportsIndex | str | npt.ArrayLike = 10,
    range: tuple[float, float] | None = None,
    density: bool | None = None,
    weights: npt.ArrayLike | None = None,
    *,
    threads: SupportsIndex | None = None,
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]: ...
def bincount(
    x: npt.ArrayLike,
    /,
    weights: npt.ArrayLike | None = None,
    minlength: SupportsIndex = 0,
    *,
    threads: SupportsIndex | None = None,
) -> npt.NDArray[Any]: ...
