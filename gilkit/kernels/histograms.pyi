from collections.abc import Sequence
from typing import Any, Literal, Protocol, SupportsIndex, TypeAlias, TypeVar, overload

import numpy as np
import numpy.typing as npt

from gilkit._typing import Threads

_WeightT = TypeVar("_WeightT", bound=np.generic)
_Bins: TypeAlias = SupportsIndex | str | npt.ArrayLike

class _SupportsIntegers(Protocol):
    def __array__(self) -> npt.NDArray[np.bool_ | np.integer[Any]]: ...

def slack(items: npt.NDArray[Any], edges: npt.NDArray[Any], equal: bool) -> float | None: ...

# The dtype of the edges is that of numpy.histogram and depends on all of its arguments.
@overload
def histogram(
    a: npt.ArrayLike,
    bins: _Bins = 10,
    range: tuple[float, float] | None = None,
    density: Literal[False] | None = None,
    weights: None = None,
    *,
    threads: Threads = None,
) -> tuple[npt.NDArray[np.intp], npt.NDArray[Any]]: ...
@overload
def histogram(
    a: npt.ArrayLike,
    bins: _Bins = 10,
    range: tuple[float, float] | None = None,
    density: Literal[False] | None = None,
    *,
    weights: npt.NDArray[_WeightT],
    threads: Threads = None,
) -> tuple[npt.NDArray[_WeightT], npt.NDArray[Any]]: ...
@overload
def histogram(
    a: npt.ArrayLike,
    bins: _Bins = 10,
    range: tuple[float, float] | None = None,
    *,
    density: Literal[True],
    weights: npt.NDArray[np.bool_ | np.integer[Any] | np.floating[Any]] | Sequence[float] | None = None,
    threads: Threads = None,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[Any]]: ...
@overload
def histogram(
    a: npt.ArrayLike,
    bins: _Bins = 10,
    range: tuple[float, float] | None = None,
    density: bool | None = None,
    weights: npt.ArrayLike | None = None,
    *,
    threads: Threads = None,
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]: ...
@overload
def bincount(
    x: _SupportsIntegers | Sequence[SupportsIndex],
    /,
    weights: None = None,
    minlength: SupportsIndex = 0,
    *,
    threads: Threads = None,
) -> npt.NDArray[np.intp]: ...
@overload
def bincount(
    x: _SupportsIntegers | Sequence[SupportsIndex],
    /,
    weights: npt.ArrayLike,
    minlength: SupportsIndex = 0,
    *,
    threads: Threads = None,
) -> npt.NDArray[np.float64]: ...
