from collections.abc import Sequence
from typing import Any, SupportsIndex, TypeAlias

import numpy as np
import numpy.typing as npt

from gilkit._typing import Arrays, Threads

_Bins: TypeAlias = SupportsIndex | Sequence[Any] | npt.NDArray[Any]

def histogramdd(
    sample: Arrays,
    bins: _Bins = 10,
    range: Sequence[Any] | npt.NDArray[Any] | None = None,
    density: bool | None = None,
    weights: Arrays | None = None,
    *,
    threads: Threads = None,
) -> tuple[npt.NDArray[np.float64], Sequence[npt.NDArray[Any]]]: ...
def histogram2d(
    x: Arrays,
    y: Arrays,
    bins: _Bins = 10,
    range: Sequence[Any] | npt.NDArray[Any] | None = None,
    density: bool | None = None,
    weights: Arrays | None = None,
    *,
    threads: Threads = None,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[Any], npt.NDArray[Any]]: ...
