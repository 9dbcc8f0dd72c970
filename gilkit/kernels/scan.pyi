from typing import Any, SupportsIndex, overload

import numpy as np
import numpy.typing as npt

from gilkit._typing import ArrayT, FloatT, Numbers, Signed, Threads, Unsigned

@overload
def cumsum(
    a: npt.NDArray[Signed], axis: SupportsIndex | None = None, *, out: None = None, threads: Threads = None
) -> npt.NDArray[np.int64]: ...
@overload
def cumsum(
    a: npt.NDArray[Unsigned], axis: SupportsIndex | None = None, *, out: None = None, threads: Threads = None
) -> npt.NDArray[np.uint64]: ...
@overload
def cumsum(
    a: npt.NDArray[FloatT], axis: SupportsIndex | None = None, *, out: None = None, threads: Threads = None
) -> npt.NDArray[FloatT]: ...
@overload
def cumsum(a: Numbers, axis: SupportsIndex | None = None, *, out: ArrayT, threads: Threads = None) -> ArrayT: ...
@overload
def cumsum(
    a: Numbers, axis: SupportsIndex | None = None, *, out: None = None, threads: Threads = None
) -> npt.NDArray[Any]: ...
