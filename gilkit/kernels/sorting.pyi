from collections.abc import Sequence
from typing import Any, SupportsIndex, TypeAlias, TypeVar, overload

import numpy as np
import numpy.typing as npt

from gilkit._typing import AnyArrayT, Arrays, Threads

_ItemT = TypeVar("_ItemT", bound=np.generic)
_Kind: TypeAlias = str | None  # not a Literal, because NumPy accepts abbreviations
_Order: TypeAlias = str | Sequence[str] | None

@overload
def sort(
    a: npt.NDArray[_ItemT],
    axis: SupportsIndex | None = -1,
    kind: _Kind = None,
    order: _Order = None,
    *,
    stable: bool | None = None,
    descending: bool | None = None,
    out: None = None,
    threads: Threads = None,
) -> npt.NDArray[_ItemT]: ...
@overload
def sort(
    a: Arrays,
    axis: SupportsIndex | None = -1,
    kind: _Kind = None,
    order: _Order = None,
    *,
    stable: bool | None = None,
    descending: bool | None = None,
    out: AnyArrayT,
    threads: Threads = None,
) -> AnyArrayT: ...
@overload
def sort(
    a: Arrays,
    axis: SupportsIndex | None = -1,
    kind: _Kind = None,
    order: _Order = None,
    *,
    stable: bool | None = None,
    descending: bool | None = None,
    out: None = None,
    threads: Threads = None,
) -> npt.NDArray[Any]: ...
def argsort(
    a: Arrays,
    axis: SupportsIndex | None = -1,
    kind: _Kind = None,
    order: _Order = None,
    *,
    stable: bool | None = None,
    descending: bool | None = None,
    threads: Threads = None,
) -> npt.NDArray[np.int64]: ...
def select(items: npt.NDArray[_ItemT], ranks: npt.NDArray[np.int64], threads: Threads) -> npt.NDArray[_ItemT]: ...
def count_nans(items: npt.NDArray[Any], threads: Threads) -> int: ...
