from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt

def uniform(
    shape: SupportsIndex | Sequence[SupportsIndex],
    *,
    seed: int | Sequence[int] | np.random.SeedSequence | None,
    dtype: npt.DTypeLike = ...,
    out: npt.NDArray[Any] | None = None,
    threads: SupportsIndex | None = None,
) -> npt.NDArray[Any]: ...
