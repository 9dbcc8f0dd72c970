from typing import Any, SupportsIndex, overload

import numpy as np
import numpy.typing as npt

from gilkit._typing import Numbers, Threads

@overload
def move_sum(
    a: npt.NDArray[np.float32],
    window: SupportsIndex,
    min_count: SupportsIndex | None = None,
    axis: SupportsIndex = -1,
    *,
    threads: Threads = None,
) -> npt.NDArray[np.float32]: ...
@overload
def move_sum(
    a: Numbers,
    window: SupportsIndex,
    min_count: SupportsIndex | None = None,
    axis: SupportsIndex = -1,
    *,
    threads: Threads = None,
) -> npt.NDArray[Any]: ...
@overload
def move_var(
    a: npt.NDArray[np.float32],
    window: SupportsIndex,
    min_count: SupportsIndex | None = None,
    axis: SupportsIndex = -1,
    ddof: float = 0,
    *,
    threads: Threads = None,
) -> npt.NDArray[np.float32]: ...
@overload
def move_var(
    a: Numbers,
    window: SupportsIndex,
    min_count: SupportsIndex | None = None,
    axis: SupportsIndex = -1,
    ddof: float = 0,
    *,
    threads: Threads = None,
) -> npt.NDArray[Any]: ...

move_mean = move_min = move_max = move_median = move_sum
move_std = move_var
