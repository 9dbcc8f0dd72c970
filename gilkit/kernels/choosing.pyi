from typing import Any, TypeVar, overload

import numpy as np
import numpy.typing as npt

from gilkit._typing import Arrays, Threads

_ItemT = TypeVar("_ItemT", bound=np.generic)

@overload
def where(condition: Arrays, /, *, threads: Threads = None) -> tuple[npt.NDArray[np.intp], ...]: ...
@overload
def where(
    condition: Arrays, x: npt.NDArray[_ItemT], y: npt.NDArray[_ItemT], /, *, threads: Threads = None
) -> npt.NDArray[_ItemT]: ...
@overload
def where(condition: Arrays, x: Arrays, y: Arrays, /, *, threads: Threads = None) -> npt.NDArray[Any]: ...
