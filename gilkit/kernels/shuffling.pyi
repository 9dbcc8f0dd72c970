from collections.abc import Sequence
from typing import Any, SupportsIndex, TypeAlias, TypeVar, overload

import numpy as np
import numpy.typing as npt
from numpy.random.bit_generator import ISeedSequence

from gilkit._typing import Threads

_Shape: TypeAlias = SupportsIndex | Sequence[SupportsIndex]
_Seed: TypeAlias = int | Sequence[int] | npt.NDArray[np.integer[Any]] | ISeedSequence | None
_ItemT = TypeVar("_ItemT", bound=np.generic)

@overload
def permutation(x: int, axis: SupportsIndex = 0, *, seed: _Seed, threads: Threads = None) -> npt.NDArray[np.int64]: ...
@overload
def permutation(
    x: npt.NDArray[_ItemT], axis: SupportsIndex = 0, *, seed: _Seed, threads: Threads = None
) -> npt.NDArray[_ItemT]: ...
@overload
def permutation(
    x: npt.ArrayLike, axis: SupportsIndex = 0, *, seed: _Seed, threads: Threads = None
) -> npt.NDArray[Any]: ...
def shuffle(x: Any, axis: SupportsIndex = 0, *, seed: _Seed, threads: Threads = None) -> None: ...
@overload
def choice(
    a: int,
    size: None = None,
    replace: bool = True,
    p: npt.ArrayLike | None = None,
    axis: SupportsIndex = 0,
    shuffle: bool = True,
    *,
    seed: _Seed,
    threads: Threads = None,
) -> int: ...
@overload
def choice(
    a: int,
    size: _Shape,
    replace: bool = True,
    p: npt.ArrayLike | None = None,
    axis: SupportsIndex = 0,
    shuffle: bool = True,
    *,
    seed: _Seed,
    threads: Threads = None,
) -> npt.NDArray[np.int64]: ...
@overload
def choice(
    a: npt.NDArray[_ItemT],
    size: _Shape,
    replace: bool = True,
    p: npt.ArrayLike | None = None,
    axis: SupportsIndex = 0,
    shuffle: bool = True,
    *,
    seed: _Seed,
    threads: Threads = None,
) -> npt.NDArray[_ItemT]: ...
@overload
def choice(
    a: npt.ArrayLike,
    size: _Shape | None = None,
    replace: bool = True,
    p: npt.ArrayLike | None = None,
    axis: SupportsIndex = 0,
    shuffle: bool = True,
    *,
    seed: _Seed,
    threads: Threads = None,
) -> Any: ...
