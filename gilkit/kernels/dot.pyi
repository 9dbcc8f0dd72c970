from typing import Any, overload

import numpy.typing as npt

from gilkit._typing import AnyArrayT, Arrays, RealT, Threads

@overload
def dot(a: npt.NDArray[RealT], b: npt.NDArray[RealT], out: None = None, *, threads: Threads = None) -> RealT | Any: ...
@overload
def dot(a: Arrays, b: Arrays, out: AnyArrayT, *, threads: Threads = None) -> AnyArrayT: ...
@overload
def dot(a: Arrays, b: Arrays, out: None = None, *, threads: Threads = None) -> Any: ...
