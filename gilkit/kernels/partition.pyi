from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, SupportsIndex, TypeAlias, TypeVar, overload

import numpy as np
import numpy.typing as npt

from gilkit._typing import Arrays, Threads

_ItemT = TypeVar("_ItemT", bound=np.generic)
_Kth: TypeAlias = SupportsIndex | Sequence[SupportsIndex] | npt.NDArray[np.integer[Any]]
_Order: TypeAlias = str | Sequence[str] | None

class TopKResult(NamedTuple, Generic[_ItemT]):
    values: npt.NDArray[_ItemT]
    indices: npt.NDArray[np.int64]

@overload
def partition(
    a: npt.NDArray[_ItemT],
    kth: _Kth,
    axis: SupportsIndex | None = -1,
    kind: str = "introselect",
    order: _Order = None,
    *,
    threads: Threads = None,
) -> npt.NDArray[_ItemT]: ...
@overload
def partition(
    a: Arrays,
    kth: _Kth,
    axis: SupportsIndex | None = -1,
    kind: str = "introselect",
    order: _Order = None,
    *,
    threads: Threads = None,
) -> npt.NDArray[Any]: ...
def argpartition(
    a: Arrays,
    kth: _Kth,
    axis: SupportsIndex | None = -1,
    kind: str = "introselect",
    order: _Order = None,
    *,
    threads: Threads = None,
) -> npt.NDArray[np.int64]: ...
@overload
def topk(
    a: npt.NDArray[_ItemT],
    k: SupportsIndex,
    *,
    axis: SupportsIndex | None = -1,
    largest: bool = True,
    sorted: bool = True,
    threads: Threads = None,
) -> TopKResult[_ItemT]: ...
@overload
def topk(
    a: Arrays,
    k: SupportsIndex,
    *,
    axis: SupportsIndex | None = -1,
    largest: bool = True,
    sorted: bool = True,
    threads: Threads = None,
) -> TopKResult[Any]: ...
