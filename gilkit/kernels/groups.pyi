from typing import Any, Literal, SupportsIndex, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from gilkit._typing import Numbers, RealT, Threads

_Counts: TypeAlias = Literal["count", "nancount"]
_Values: TypeAlias = Literal["min", "max", "first", "last", "nanmin", "nanmax", "nanfirst", "nanlast"]
_Others: TypeAlias = Literal[
    "sum", "prod", "mean", "var", "std", "median", "quantile",
    "nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmedian", "nanquantile",
]  # fmt: skip

@overload
def group_reduce(
    labels: Numbers,
    values: Numbers,
    op: _Counts,
    *,
    num_groups: SupportsIndex | None = None,
    axis: SupportsIndex | None = -1,
    ddof: float = 0,
    q: npt.ArrayLike = 0.5,
    fill_value: float | None = None,
    threads: Threads = None,
) -> npt.NDArray[np.int64]: ...
@overload
def group_reduce(
    labels: Numbers,
    values: npt.NDArray[RealT],
    op: _Values,
    *,
    num_groups: SupportsIndex | None = None,
    axis: SupportsIndex | None = -1,
    ddof: float = 0,
    q: npt.ArrayLike = 0.5,
    fill_value: float | None = None,
    threads: Threads = None,
) -> npt.NDArray[RealT]: ...
@overload
def group_reduce(
    labels: Numbers,
    values: Numbers,
    op: _Values | _Others,
    *,
    num_groups: SupportsIndex | None = None,
    axis: SupportsIndex | None = -1,
    ddof: float = 0,
    q: npt.ArrayLike = 0.5,
    fill_value: float | None = None,
    threads: Threads = None,
) -> npt.NDArray[Any]: ...
