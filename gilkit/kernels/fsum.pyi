from typing import SupportsIndex

import numpy.typing as npt

def fsum(a: npt.ArrayLike, *, threads: SupportsIndex | None = None) -> float: ...
