from collections.abc import Sequence
from typing import Any, SupportsIndex, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from gilkit._typing import ArrayT, Numbers, RealT, Threads

_Kind: TypeAlias = str | None  # not a Literal, because NumPy accepts abbreviations
_Order: TypeAlias = str | Sequence[str]

@overload
def sort(
    a: npt.NDArray[RealT],
    axis: SupportsIndex | None = -1,
    kind: _Kind = None,
    order: None = None,
    *,
    stable: bool | None = None,
    out: None = None,
    threads: Threads = None,
) -> npt.NDArray[RealT]: ...
@overload
def sort(
    a: Numbers,
    axis: SupportsIndex | None = -1,
    kind: _Kind = None,
    order: None = None,
    *,
    stable: bool | None = None,
    out: ArrayT,
    threads: Threads = None,
) -> ArrayT: ...
@overload
def sort(
    a: Numbers,
    axis: SupportsIndex | None = -1,
    kind: _Kind = None,
    order: None = None,
    *,
    stable: bool | None = None,
    out: None = None,
    threads: Threads = None,
) -> npt.NDArray[Any]: ...
@overload  # structured arrays
def sort(
    a: npt.NDArray[np.void],
    axis: SupportsIndex | None = -1,
    kind: _Kind = None,
    *,
    order: _Order,
    stable: bool | None = None,
    out: npt.NDArray[np.void] | None = None,
    threads: Threads = None,
) -> npt.NDArray[np.void]: ...
@overload
def argsort(
    a: Numbers,
    axis: SupportsIndex | None = -1,
    kind: _Kind = None,
    order: None = None,
    *,
    stable: bool | None = None,
    threads: Threads = None,
) -> npt.NDArray[np.int64]: ...
@overload
def argsort(
    a: npt.NDArray[np.void],
    axis: SupportsIndex | None = -1,
    kind: _Kind = None,
    *,
    order: _Order,
    stable: bool | None = None,
    threads: Threads = None,
) -> npt.NDArray[np.int64]: ...
