from typing import Any, SupportsIndex

import numpy.typing as npt

_Axis = SupportsIndex | tuple[SupportsIndex, ...] | None

def sum(
    a: npt.ArrayLike,
    axis: _Axis = None,
    *,
    out: npt.NDArray[Any] | None = None,
    keepdims: bool = False,
    threads: SupportsIndex | None = None,
) -> Any: ...
def mean(
    a: npt.ArrayLike,
    axis: _Axis = None,
    *,
    out: npt.NDArray[Any] | None = None,
    keepdims: bool = False,
    threads: SupportsIndex | None = None,
) -> Any: ...
def min(
    a: npt.ArrayLike,
    axis: _Axis = None,
    *,
    out: npt.NDArray[Any] | None = None,
    keepdims: bool = False,
    threads: SupportsIndex | None = None,
) -> Any: ...
def max(
    a: npt.ArrayLike,
    axis: _Axis = None,
    *,
    out: npt.NDArray[Any] | None = None,
    keepdims: bool = False,
    threads: SupportsIndex | None = None,
) -> Any: ...
def var(
    a: npt.ArrayLike,
    axis: _Axis = None,
    *,
    ddof: float = 0,
    out: npt.NDArray[Any] | None = None,
    keepdims: bool = False,
    threads: SupportsIndex | None = None,
) -> Any: ...
def std(
    a: npt.ArrayLike,
    axis: _Axis = None,
    *,
    ddof: float = 0,
    out: npt.NDArray[Any] | None = None,
    keepdims: bool = False,
    threads: SupportsIndex | None = None,
) -> Any: ...
