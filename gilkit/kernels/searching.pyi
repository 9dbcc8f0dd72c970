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
