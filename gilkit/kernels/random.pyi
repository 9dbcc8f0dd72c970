from collections.abc import Sequence
from typing import Any, Literal, SupportsIndex, TypeAlias, TypeVar, overload

import numpy as np
import numpy.typing as npt
from numpy.random.bit_generator import ISeedSequence

from gilkit._typing import Float, Threads

_Shape: TypeAlias = SupportsIndex | Sequence[SupportsIndex]
_Seed: TypeAlias = int | Sequence[int] | npt.NDArray[np.integer[Any]] | ISeedSequence | None
_Single: TypeAlias = type[np.float32] | np.dtype[np.float32] | Literal["float32", "f4", "f"]
_Double: TypeAlias = type[float] | type[np.float64] | np.dtype[np.float64] | Literal["float64", "f8", "d"]
_Number: TypeAlias = float | np.floating[Any] | np.integer[Any]
_Numbers: TypeAlias = Sequence[float] | npt.NDArray[np.floating[Any] | np.integer[Any]]
_Whole: TypeAlias = int | np.integer[Any]
_OutT = TypeVar("_OutT", bound=npt.NDArray[Float])
_ItemT = TypeVar("_ItemT", bound=np.integer[Any])

def generator(seed: _Seed) -> np.random.Generator: ...
@overload  # type checkers assume a common subclass of float and float32
def uniform(  # type: ignore[overload-overlap]
    shape: _Shape, *, seed: _Seed, dtype: _Double = ..., out: None = None, threads: Threads = None
) -> npt.NDArray[np.float64]: ...
@overload
def uniform(
    shape: _Shape, *, seed: _Seed, dtype: _Single, out: None = None, threads: Threads = None
) -> npt.NDArray[np.float32]: ...
@overload
def uniform(
    shape: _Shape, *, seed: _Seed, dtype: _Double | _Single = ..., out: _OutT, threads: Threads = None
) -> _OutT: ...
@overload
def uniform(
    shape: _Shape, *, seed: _Seed, dtype: np.dtype[Any], out: None = None, threads: Threads = None
) -> npt.NDArray[Any]: ...
@overload
def random(
    size: None = None,
    dtype: _Double | _Single = ...,
    out: None = None,
    *,
    seed: _Seed,
    threads: Threads = None,
) -> float: ...
@overload
def random(  # type: ignore[overload-overlap]
    size: _Shape, dtype: _Double = ..., out: None = None, *, seed: _Seed, threads: Threads = None
) -> npt.NDArray[np.float64]: ...
@overload
def random(
    size: _Shape, dtype: _Single, out: None = None, *, seed: _Seed, threads: Threads = None
) -> npt.NDArray[np.float32]: ...
@overload
def random(
    size: _Shape | None, dtype: _Double | _Single, out: _OutT, *, seed: _Seed, threads: Threads = None
) -> _OutT: ...
@overload
def random(
    size: _Shape | None = None, dtype: _Double | _Single = ..., *, out: _OutT, seed: _Seed, threads: Threads = None
) -> _OutT: ...
@overload
def normal(
    loc: _Number = 0.0,
    scale: _Number = 1.0,
    size: None = None,
    *,
    seed: _Seed,
    dtype: _Double | _Single = ...,
    out: None = None,
    threads: Threads = None,
) -> float: ...
@overload
def normal(  # type: ignore[overload-overlap]
    loc: _Number | _Numbers = 0.0,
    scale: _Number | _Numbers = 1.0,
    *,
    size: _Shape,
    seed: _Seed,
    dtype: _Double = ...,
    out: None = None,
    threads: Threads = None,
) -> npt.NDArray[np.float64]: ...
@overload
def normal(
    loc: _Number | _Numbers,
    scale: _Number | _Numbers,
    size: _Shape,
    *,
    seed: _Seed,
    dtype: _Double = ...,
    out: None = None,
    threads: Threads = None,
) -> npt.NDArray[np.float64]: ...
@overload
def normal(
    loc: _Number | _Numbers = 0.0,
    scale: _Number | _Numbers = 1.0,
    *,
    size: _Shape,
    seed: _Seed,
    dtype: _Single,
    out: None = None,
    threads: Threads = None,
) -> npt.NDArray[np.float32]: ...
@overload
def normal(
    loc: _Number | _Numbers = 0.0,
    scale: _Number | _Numbers = 1.0,
    size: _Shape | None = None,
    *,
    seed: _Seed,
    dtype: _Double | _Single = ...,
    out: _OutT,
    threads: Threads = None,
) -> _OutT: ...
@overload
def normal(
    loc: _Number | _Numbers = 0.0,
    scale: _Number | _Numbers = 1.0,
    size: _Shape | None = None,
    *,
    seed: _Seed,
    dtype: _Double | _Single | np.dtype[Any] = ...,
    out: None = None,
    threads: Threads = None,
) -> Any: ...
@overload
def exponential(
    scale: _Number = 1.0,
    size: None = None,
    *,
    seed: _Seed,
    dtype: _Double | _Single = ...,
    out: None = None,
    threads: Threads = None,
) -> float: ...
@overload
def exponential(  # type: ignore[overload-overlap]
    scale: _Number | _Numbers = 1.0,
    *,
    size: _Shape,
    seed: _Seed,
    dtype: _Double = ...,
    out: None = None,
    threads: Threads = None,
) -> npt.NDArray[np.float64]: ...
@overload
def exponential(
    scale: _Number | _Numbers,
    size: _Shape,
    *,
    seed: _Seed,
    dtype: _Double = ...,
    out: None = None,
    threads: Threads = None,
) -> npt.NDArray[np.float64]: ...
@overload
def exponential(
    scale: _Number | _Numbers = 1.0,
    *,
    size: _Shape,
    seed: _Seed,
    dtype: _Single,
    out: None = None,
    threads: Threads = None,
) -> npt.NDArray[np.float32]: ...
@overload
def exponential(
    scale: _Number | _Numbers = 1.0,
    size: _Shape | None = None,
    *,
    seed: _Seed,
    dtype: _Double | _Single = ...,
    out: _OutT,
    threads: Threads = None,
) -> _OutT: ...
@overload
def exponential(
    scale: _Number | _Numbers = 1.0,
    size: _Shape | None = None,
    *,
    seed: _Seed,
    dtype: _Double | _Single | np.dtype[Any] = ...,
    out: None = None,
    threads: Threads = None,
) -> Any: ...
@overload
def integers(
    low: _Whole,
    high: _Whole | None = None,
    *,
    size: _Shape,
    endpoint: bool = False,
    seed: _Seed,
    threads: Threads = None,
) -> npt.NDArray[np.int64]: ...
@overload
def integers(
    low: _Whole, high: _Whole | None, size: _Shape, *, endpoint: bool = False, seed: _Seed, threads: Threads = None
) -> npt.NDArray[np.int64]: ...
@overload
def integers(
    low: _Whole,
    high: _Whole | None,
    size: _Shape,
    dtype: type[_ItemT] | np.dtype[_ItemT],
    endpoint: bool = False,
    *,
    seed: _Seed,
    threads: Threads = None,
) -> npt.NDArray[_ItemT]: ...
@overload
def integers(
    low: npt.ArrayLike,
    high: npt.ArrayLike | None = None,
    size: _Shape | None = None,
    dtype: npt.DTypeLike = ...,
    endpoint: bool = False,
    *,
    seed: _Seed,
    threads: Threads = None,
) -> Any: ...
