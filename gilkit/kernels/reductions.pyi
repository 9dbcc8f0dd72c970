from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from gilkit._typing import AnyArrayT, Arrays, Axis, FloatT, RealT, Signed, Threads, Unsigned

# NumPy's other keywords are only in the last overloads, because the dtype of the result then depends on them.
#
# Reducing one axis of a one-dimensional array returns a scalar, and of other arrays an array. The types do not include
# the number of dimensions, hence "| Any".

_Whole = np.bool_ | np.integer[Any]  # mean, var and std of these are float64
_No = Literal[False]
_Yes = Literal[True]

@overload
def sum(
    a: npt.NDArray[Signed],
    axis: None = None,
    dtype: None = None,
    out: None = None,
    keepdims: _No = False,
    *,
    threads: Threads = None,
) -> np.int64: ...
@overload
def sum(
    a: npt.NDArray[Signed],
    axis: Axis | None = None,
    dtype: None = None,
    out: None = None,
    *,
    keepdims: _Yes,
    threads: Threads = None,
) -> npt.NDArray[np.int64]: ...
@overload
def sum(
    a: npt.NDArray[Signed],
    axis: Axis,
    dtype: None = None,
    out: None = None,
    keepdims: _No = False,
    *,
    threads: Threads = None,
) -> npt.NDArray[np.int64] | Any: ...
@overload
def sum(
    a: npt.NDArray[Unsigned],
    axis: None = None,
    dtype: None = None,
    out: None = None,
    keepdims: _No = False,
    *,
    threads: Threads = None,
) -> np.uint64: ...
@overload
def sum(
    a: npt.NDArray[Unsigned],
    axis: Axis | None = None,
    dtype: None = None,
    out: None = None,
    *,
    keepdims: _Yes,
    threads: Threads = None,
) -> npt.NDArray[np.uint64]: ...
@overload
def sum(
    a: npt.NDArray[Unsigned],
    axis: Axis,
    dtype: None = None,
    out: None = None,
    keepdims: _No = False,
    *,
    threads: Threads = None,
) -> npt.NDArray[np.uint64] | Any: ...
@overload
def sum(
    a: npt.NDArray[FloatT],
    axis: None = None,
    dtype: None = None,
    out: None = None,
    keepdims: _No = False,
    *,
    threads: Threads = None,
) -> FloatT: ...
@overload
def sum(
    a: npt.NDArray[FloatT],
    axis: Axis | None = None,
    dtype: None = None,
    out: None = None,
    *,
    keepdims: _Yes,
    threads: Threads = None,
) -> npt.NDArray[FloatT]: ...
@overload
def sum(
    a: npt.NDArray[FloatT],
    axis: Axis,
    dtype: None = None,
    out: None = None,
    keepdims: _No = False,
    *,
    threads: Threads = None,
) -> npt.NDArray[FloatT] | Any: ...
@overload
def sum(
    a: Arrays,
    axis: Axis | None = None,
    dtype: npt.DTypeLike | None = None,
    *,
    out: AnyArrayT,
    keepdims: bool = False,
    initial: Any = ...,
    where: Arrays = True,
    threads: Threads = None,
) -> AnyArrayT: ...
@overload
def sum(
    a: Arrays,
    axis: Axis | None = None,
    dtype: npt.DTypeLike | None = None,
    out: npt.NDArray[Any] | None = None,
    keepdims: bool = False,
    initial: Any = ...,
    where: Arrays = True,
    *,
    threads: Threads = None,
) -> Any: ...
@overload
def mean(
    a: npt.NDArray[_Whole],
    axis: None = None,
    dtype: None = None,
    out: None = None,
    keepdims: _No = False,
    *,
    threads: Threads = None,
) -> np.float64: ...
@overload
def mean(
    a: npt.NDArray[_Whole],
    axis: Axis | None = None,
    dtype: None = None,
    out: None = None,
    *,
    keepdims: _Yes,
    threads: Threads = None,
) -> npt.NDArray[np.float64]: ...
@overload
def mean(
    a: npt.NDArray[_Whole],
    axis: Axis,
    dtype: None = None,
    out: None = None,
    keepdims: _No = False,
    *,
    threads: Threads = None,
) -> npt.NDArray[np.float64] | Any: ...
@overload
def mean(
    a: npt.NDArray[FloatT],
    axis: None = None,
    dtype: None = None,
    out: None = None,
    keepdims: _No = False,
    *,
    threads: Threads = None,
) -> FloatT: ...
@overload
def mean(
    a: npt.NDArray[FloatT],
    axis: Axis | None = None,
    dtype: None = None,
    out: None = None,
    *,
    keepdims: _Yes,
    threads: Threads = None,
) -> npt.NDArray[FloatT]: ...
@overload
def mean(
    a: npt.NDArray[FloatT],
    axis: Axis,
    dtype: None = None,
    out: None = None,
    keepdims: _No = False,
    *,
    threads: Threads = None,
) -> npt.NDArray[FloatT] | Any: ...
@overload
def mean(
    a: Arrays,
    axis: Axis | None = None,
    dtype: npt.DTypeLike | None = None,
    *,
    out: AnyArrayT,
    keepdims: bool = False,
    where: Arrays = True,
    threads: Threads = None,
) -> AnyArrayT: ...
@overload
def mean(
    a: Arrays,
    axis: Axis | None = None,
    dtype: npt.DTypeLike | None = None,
    out: npt.NDArray[Any] | None = None,
    keepdims: bool = False,
    *,
    where: Arrays = True,
    threads: Threads = None,
) -> Any: ...
@overload
def var(
    a: npt.NDArray[_Whole],
    axis: None = None,
    dtype: None = None,
    out: None = None,
    ddof: float = 0,
    keepdims: _No = False,
    *,
    threads: Threads = None,
) -> np.float64: ...
@overload
def var(
    a: npt.NDArray[_Whole],
    axis: Axis | None = None,
    dtype: None = None,
    out: None = None,
    ddof: float = 0,
    *,
    keepdims: _Yes,
    threads: Threads = None,
) -> npt.NDArray[np.float64]: ...
@overload
def var(
    a: npt.NDArray[_Whole],
    axis: Axis,
    dtype: None = None,
    out: None = None,
    ddof: float = 0,
    keepdims: _No = False,
    *,
    threads: Threads = None,
) -> npt.NDArray[np.float64] | Any: ...
@overload
def var(
    a: npt.NDArray[FloatT],
    axis: None = None,
    dtype: None = None,
    out: None = None,
    ddof: float = 0,
    keepdims: _No = False,
    *,
    threads: Threads = None,
) -> FloatT: ...
@overload
def var(
    a: npt.NDArray[FloatT],
    axis: Axis | None = None,
    dtype: None = None,
    out: None = None,
    ddof: float = 0,
    *,
    keepdims: _Yes,
    threads: Threads = None,
) -> npt.NDArray[FloatT]: ...
@overload
def var(
    a: npt.NDArray[FloatT],
    axis: Axis,
    dtype: None = None,
    out: None = None,
    ddof: float = 0,
    keepdims: _No = False,
    *,
    threads: Threads = None,
) -> npt.NDArray[FloatT] | Any: ...
@overload
def var(
    a: Arrays,
    axis: Axis | None = None,
    dtype: npt.DTypeLike | None = None,
    *,
    out: AnyArrayT,
    ddof: float = 0,
    keepdims: bool = False,
    where: Arrays = True,
    mean: Any = ...,
    correction: Any = ...,
    threads: Threads = None,
) -> AnyArrayT: ...
@overload
def var(
    a: Arrays,
    axis: Axis | None = None,
    dtype: npt.DTypeLike | None = None,
    out: npt.NDArray[Any] | None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Arrays = True,
    mean: Any = ...,
    correction: Any = ...,
    threads: Threads = None,
) -> Any: ...
@overload
def std(
    a: npt.NDArray[_Whole],
    axis: None = None,
    dtype: None = None,
    out: None = None,
    ddof: float = 0,
    keepdims: _No = False,
    *,
    threads: Threads = None,
) -> np.float64: ...
@overload
def std(
    a: npt.NDArray[_Whole],
    axis: Axis | None = None,
    dtype: None = None,
    out: None = None,
    ddof: float = 0,
    *,
    keepdims: _Yes,
    threads: Threads = None,
) -> npt.NDArray[np.float64]: ...
@overload
def std(
    a: npt.NDArray[_Whole],
    axis: Axis,
    dtype: None = None,
    out: None = None,
    ddof: float = 0,
    keepdims: _No = False,
    *,
    threads: Threads = None,
) -> npt.NDArray[np.float64] | Any: ...
@overload
def std(
    a: npt.NDArray[FloatT],
    axis: None = None,
    dtype: None = None,
    out: None = None,
    ddof: float = 0,
    keepdims: _No = False,
    *,
    threads: Threads = None,
) -> FloatT: ...
@overload
def std(
    a: npt.NDArray[FloatT],
    axis: Axis | None = None,
    dtype: None = None,
    out: None = None,
    ddof: float = 0,
    *,
    keepdims: _Yes,
    threads: Threads = None,
) -> npt.NDArray[FloatT]: ...
@overload
def std(
    a: npt.NDArray[FloatT],
    axis: Axis,
    dtype: None = None,
    out: None = None,
    ddof: float = 0,
    keepdims: _No = False,
    *,
    threads: Threads = None,
) -> npt.NDArray[FloatT] | Any: ...
@overload
def std(
    a: Arrays,
    axis: Axis | None = None,
    dtype: npt.DTypeLike | None = None,
    *,
    out: AnyArrayT,
    ddof: float = 0,
    keepdims: bool = False,
    where: Arrays = True,
    mean: Any = ...,
    correction: Any = ...,
    threads: Threads = None,
) -> AnyArrayT: ...
@overload
def std(
    a: Arrays,
    axis: Axis | None = None,
    dtype: npt.DTypeLike | None = None,
    out: npt.NDArray[Any] | None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Arrays = True,
    mean: Any = ...,
    correction: Any = ...,
    threads: Threads = None,
) -> Any: ...
@overload
def min(
    a: npt.NDArray[RealT], axis: None = None, out: None = None, keepdims: _No = False, *, threads: Threads = None
) -> RealT: ...
@overload
def min(
    a: npt.NDArray[RealT], axis: Axis | None = None, out: None = None, *, keepdims: _Yes, threads: Threads = None
) -> npt.NDArray[RealT]: ...
@overload
def min(
    a: npt.NDArray[RealT], axis: Axis, out: None = None, keepdims: _No = False, *, threads: Threads = None
) -> npt.NDArray[RealT] | Any: ...
@overload
def min(
    a: Arrays,
    axis: Axis | None = None,
    *,
    out: AnyArrayT,
    keepdims: bool = False,
    initial: Any = ...,
    where: Arrays = True,
    threads: Threads = None,
) -> AnyArrayT: ...
@overload
def min(
    a: Arrays,
    axis: Axis | None = None,
    out: npt.NDArray[Any] | None = None,
    keepdims: bool = False,
    initial: Any = ...,
    where: Arrays = True,
    *,
    threads: Threads = None,
) -> Any: ...
@overload
def max(
    a: npt.NDArray[RealT], axis: None = None, out: None = None, keepdims: _No = False, *, threads: Threads = None
) -> RealT: ...
@overload
def max(
    a: npt.NDArray[RealT], axis: Axis | None = None, out: None = None, *, keepdims: _Yes, threads: Threads = None
) -> npt.NDArray[RealT]: ...
@overload
def max(
    a: npt.NDArray[RealT], axis: Axis, out: None = None, keepdims: _No = False, *, threads: Threads = None
) -> npt.NDArray[RealT] | Any: ...
@overload
def max(
    a: Arrays,
    axis: Axis | None = None,
    *,
    out: AnyArrayT,
    keepdims: bool = False,
    initial: Any = ...,
    where: Arrays = True,
    threads: Threads = None,
) -> AnyArrayT: ...
@overload
def max(
    a: Arrays,
    axis: Axis | None = None,
    out: npt.NDArray[Any] | None = None,
    keepdims: bool = False,
    initial: Any = ...,
    where: Arrays = True,
    *,
    threads: Threads = None,
) -> Any: ...

prod = sum

# The same types, without NaNs.
nansum = sum
nanprod = sum
nanmean = mean
nanvar = var
nanstd = std
nanmin = min
nanmax = max
