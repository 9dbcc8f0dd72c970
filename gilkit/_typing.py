"""Types that the stubs share, for type checkers. gilkit itself never imports this module."""

from collections.abc import Sequence
from typing import Any, Protocol, SupportsIndex, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

# The dtypes of the kernels. Functions that NumPy has too leave others (float16, complex, dates, …) to NumPy.
Signed: TypeAlias = np.bool_ | np.signedinteger[Any]  # sums are int64
Unsigned: TypeAlias = np.unsignedinteger[Any]  # sums are uint64
Float: TypeAlias = np.float32 | np.float64
Real: TypeAlias = np.bool_ | np.integer[Any] | Float
Doubles: TypeAlias = np.bool_ | np.integer[Any] | np.float64  # nearest converts them to float64

RealT = TypeVar("RealT", bound=Real)
FloatT = TypeVar("FloatT", bound=Float)
ArrayT = TypeVar("ArrayT", bound=npt.NDArray[Real])
AnyArrayT = TypeVar("AnyArrayT", bound=npt.NDArray[Any])


class SupportsArray(Protocol):
    """A NumPy array or scalar, or an object that NumPy can convert to an array (pandas, xarray and others)."""

    def __array__(self) -> npt.NDArray[Real]: ...


# Array-likes: numbers, arrays, and nested sequences of them.
Numbers: TypeAlias = float | SupportsArray | Sequence["Numbers"]

# Any array or array-like that NumPy takes, for functions that NumPy has too.
Arrays: TypeAlias = npt.ArrayLike | SupportsArray

Axis: TypeAlias = SupportsIndex | tuple[SupportsIndex, ...]
Threads: TypeAlias = SupportsIndex | None
