from typing import Any, Literal, SupportsIndex, overload

import numpy as np
import numpy.typing as npt

from gilkit._typing import Arrays, Threads

@overload
def searchsorted(
    a: Arrays,
    v: float,
    side: Literal["left", "right"] = "left",
    sorter: Arrays | None = None,
    *,
    threads: Threads = None,
) -> np.int64: ...
@overload
def searchsorted(
    a: Arrays,
    v: Arrays,
    side: Literal["left", "right"] = "left",
    sorter: Arrays | None = None,
    *,
    threads: Threads = None,
) -> npt.NDArray[np.int64] | Any: ...
@overload
def digitize(x: float, bins: Arrays, right: bool = False, *, threads: Threads = None) -> np.int64: ...
@overload
def digitize(
    x: Arrays, bins: Arrays, right: bool = False, *, threads: Threads = None
) -> npt.NDArray[np.int64] | Any: ...
def interp(
    x: Arrays,
    xp: Arrays,
    fp: Arrays,
    left: complex | None = None,
    right: complex | None = None,
    period: float | None = None,
    *,
    threads: Threads = None,
) -> Any: ...
def isin(
    element: Arrays,
    test_elements: Arrays,
    assume_unique: bool = False,
    invert: bool = False,
    *,
    kind: Literal["sort", "table"] | None = None,
    threads: Threads = None,
) -> npt.NDArray[np.bool_]: ...
def unique_runs(
    items: npt.NDArray[Any],
    equal_nan: bool,
    want_values: bool,
    want_starts: bool,
    places: npt.NDArray[np.int64] | None,
    threads: SupportsIndex | None,
) -> tuple[Any, Any, Any]: ...
