from typing import Any, SupportsIndex, overload

import numpy as np
import numpy.typing as npt

from gilkit._typing import ArrayT, Numbers, RealT, Threads

@overload
def sort(
    a: npt.NDArray[RealT], axis: SupportsIndex | None = -1, *, out: None = None, threads: Threads = None
) -> npt.NDArray[RealT]: ...
@overload
def sort(a: Numbers, axis: SupportsIndex | None = -1, *, out: ArrayT, threads: Threads = None) -> ArrayT: ...
@overload
def sort(
    a: Numbers, axis: SupportsIndex | None = -1, *, out: None = None, threads: Threads = None
) -> npt.NDArray[Any]: ...
def argsort(a: Numbers, axis: SupportsIndex | None = -1, *, threads: Threads = None) -> npt.NDArray[np.int64]: ...
