from typing import Any, SupportsIndex, TypeVar, overload

import numpy as np
import numpy.typing as npt

from gilkit._typing import AnyArrayT, Arrays, Threads

_ItemT = TypeVar("_ItemT", bound=np.generic)

def nonzero(a: Arrays, *, threads: Threads = None) -> tuple[npt.NDArray[np.intp], ...]: ...
def flatnonzero(a: Arrays, *, threads: Threads = None) -> npt.NDArray[np.intp]: ...
@overload
def compress(
    condition: Arrays,
    a: npt.NDArray[_ItemT],
    axis: SupportsIndex | None = None,
    out: None = None,
    *,
    threads: Threads = None,
) -> npt.NDArray[_ItemT]: ...
@overload
def compress(
    condition: Arrays, a: Arrays, axis: SupportsIndex | None = None, *, out: AnyArrayT, threads: Threads = None
) -> AnyArrayT: ...
@overload
def compress(
    condition: Arrays,
    a: Arrays,
    axis: SupportsIndex | None = None,
    out: npt.NDArray[Any] | None = None,
    *,
    threads: Threads = None,
) -> npt.NDArray[Any]: ...
@overload
def extract(condition: Arrays, arr: npt.NDArray[_ItemT], *, threads: Threads = None) -> npt.NDArray[_ItemT]: ...
@overload
def extract(condition: Arrays, arr: Arrays, *, threads: Threads = None) -> npt.NDArray[Any]: ...
@overload
def masked_select(a: npt.NDArray[_ItemT], mask: Arrays, *, threads: Threads = None) -> npt.NDArray[_ItemT]: ...
@overload
def masked_select(a: Arrays, mask: Arrays, *, threads: Threads = None) -> npt.NDArray[Any]: ...
def _assign(a: np.ndarray, mask: np.ndarray, values: np.ndarray, aligned: bool) -> bool: ...
