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
_OutT = TypeVar("_OutT", bound=npt.NDArray[Float])

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
