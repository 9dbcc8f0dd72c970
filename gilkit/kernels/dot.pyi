from typing import Any, overload

import numpy.typing as npt

from gilkit._typing import Numbers, RealT, Threads

@overload
def dot(a: npt.NDArray[RealT], b: npt.NDArray[RealT], *, threads: Threads = None) -> RealT: ...
@overload
def dot(a: Numbers, b: Numbers, *, threads: Threads = None) -> Any: ...
