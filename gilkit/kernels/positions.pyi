from typing import Any, Literal, SupportsIndex, overload

import numpy as np
import numpy.typing as npt

from gilkit._typing import AnyArrayT, Arrays, Axis, Threads

_No = Literal[False]

# The same as the signatures of reductions.pyi. An array-like of another library, or of dtype object, may give anything.

@overload
def argmin(
    a: npt.NDArray[np.generic], axis: None = None, out: None = None, *, keepdims: _No = False, threads: Threads = None
) -> np.intp: ...
@overload
def argmin(
    a: Arrays, axis: SupportsIndex | None = None, *, out: AnyArrayT, keepdims: bool = False, threads: Threads = None
) -> AnyArrayT: ...
@overload
def argmin(
    a: Arrays,
    axis: SupportsIndex | None = None,
    out: npt.NDArray[Any] | None = None,
    *,
    keepdims: bool = False,
    threads: Threads = None,
) -> Any: ...
@overload
def any(
    a: npt.NDArray[np.generic], axis: None = None, out: None = None, keepdims: _No = False, *, threads: Threads = None
) -> np.bool_: ...
@overload
def any(
    a: Arrays,
    axis: Axis | None = None,
    *,
    out: AnyArrayT,
    keepdims: bool = False,
    where: Arrays = True,
    threads: Threads = None,
) -> AnyArrayT: ...
@overload
def any(
    a: Arrays,
    axis: Axis | None = None,
    out: npt.NDArray[Any] | None = None,
    keepdims: bool = False,
    *,
    where: Arrays = True,
    threads: Threads = None,
) -> Any: ...

argmax = argmin
nanargmin = argmin
nanargmax = argmin
all = any

def count_nonzero(a: Arrays, axis: Axis | None = None, *, keepdims: bool = False, threads: Threads = None) -> Any: ...
