from typing import Any, SupportsIndex, overload

import numpy as np
import numpy.typing as npt

from gilkit._typing import AnyArrayT, Arrays, FloatT, RealT, Signed, Threads, Unsigned

@overload
def cumsum(
    a: npt.NDArray[Signed],
    axis: SupportsIndex | None = None,
    dtype: None = None,
    out: None = None,
    *,
    threads: Threads = None,
) -> npt.NDArray[np.int64]: ...
@overload
def cumsum(
    a: npt.NDArray[Unsigned],
    axis: SupportsIndex | None = None,
    dtype: None = None,
    out: None = None,
    *,
    threads: Threads = None,
) -> npt.NDArray[np.uint64]: ...
@overload
def cumsum(
    a: npt.NDArray[FloatT],
    axis: SupportsIndex | None = None,
    dtype: None = None,
    out: None = None,
    *,
    threads: Threads = None,
) -> npt.NDArray[FloatT]: ...
@overload
def cumsum(
    a: Arrays,
    axis: SupportsIndex | None = None,
    dtype: npt.DTypeLike | None = None,
    *,
    out: AnyArrayT,
    threads: Threads = None,
) -> AnyArrayT: ...
@overload
def cumsum(
    a: Arrays,
    axis: SupportsIndex | None = None,
    dtype: npt.DTypeLike | None = None,
    out: npt.NDArray[Any] | None = None,
    *,
    threads: Threads = None,
) -> npt.NDArray[Any]: ...

nancumsum = cumsum
cumprod = cumsum
nancumprod = cumsum

@overload
def cummax(
    a: npt.NDArray[RealT],
    axis: SupportsIndex | None = None,
    dtype: None = None,
    out: None = None,
    *,
    threads: Threads = None,
) -> npt.NDArray[RealT]: ...
@overload
def cummax(
    a: Arrays,
    axis: SupportsIndex | None = None,
    dtype: npt.DTypeLike | None = None,
    *,
    out: AnyArrayT,
    threads: Threads = None,
) -> AnyArrayT: ...
@overload
def cummax(
    a: Arrays,
    axis: SupportsIndex | None = None,
    dtype: npt.DTypeLike | None = None,
    out: npt.NDArray[Any] | None = None,
    *,
    threads: Threads = None,
) -> npt.NDArray[Any]: ...

cummin = cummax

@overload
def cumulative_sum(
    x: npt.NDArray[Signed],
    /,
    *,
    axis: SupportsIndex | None = None,
    dtype: None = None,
    out: None = None,
    include_initial: bool = False,
    threads: Threads = None,
) -> npt.NDArray[np.int64]: ...
@overload
def cumulative_sum(
    x: npt.NDArray[Unsigned],
    /,
    *,
    axis: SupportsIndex | None = None,
    dtype: None = None,
    out: None = None,
    include_initial: bool = False,
    threads: Threads = None,
) -> npt.NDArray[np.uint64]: ...
@overload
def cumulative_sum(
    x: npt.NDArray[FloatT],
    /,
    *,
    axis: SupportsIndex | None = None,
    dtype: None = None,
    out: None = None,
    include_initial: bool = False,
    threads: Threads = None,
) -> npt.NDArray[FloatT]: ...
@overload
def cumulative_sum(
    x: Arrays,
    /,
    *,
    axis: SupportsIndex | None = None,
    dtype: npt.DTypeLike | None = None,
    out: AnyArrayT,
    include_initial: bool = False,
    threads: Threads = None,
) -> AnyArrayT: ...
@overload
def cumulative_sum(
    x: Arrays,
    /,
    *,
    axis: SupportsIndex | None = None,
    dtype: npt.DTypeLike | None = None,
    out: npt.NDArray[Any] | None = None,
    include_initial: bool = False,
    threads: Threads = None,
) -> npt.NDArray[Any]: ...

cumulative_prod = cumulative_sum

def diff(
    a: Arrays,
    n: SupportsIndex = 1,
    axis: SupportsIndex = -1,
    prepend: Arrays | Any = ...,
    append: Arrays | Any = ...,
    *,
    threads: Threads = None,
) -> npt.NDArray[Any]: ...
