from typing import Any, Literal, SupportsIndex, TypeVar, overload

import numpy as np
import numpy.typing as npt

from gilkit._typing import AnyArrayT, Arrays, Threads

_ItemT = TypeVar("_ItemT", bound=np.generic)

@overload
def take(
    a: npt.NDArray[_ItemT],
    indices: npt.NDArray[np.bool_ | np.integer[Any]],
    axis: SupportsIndex | None = None,
    out: None = None,
    mode: Literal["raise", "wrap", "clip"] = "raise",
    *,
    threads: Threads = None,
) -> npt.NDArray[_ItemT]: ...
@overload
def take(
    a: Arrays,
    indices: Arrays,
    axis: SupportsIndex | None = None,
    *,
    out: AnyArrayT,
    mode: Literal["raise", "wrap", "clip"] = "raise",
    threads: Threads = None,
) -> AnyArrayT: ...
@overload
def take(
    a: Arrays,
    indices: Arrays,
    axis: SupportsIndex | None = None,
    out: npt.NDArray[Any] | None = None,
    mode: Literal["raise", "wrap", "clip"] = "raise",
    *,
    threads: Threads = None,
) -> Any: ...
