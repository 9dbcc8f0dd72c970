from typing import Any, SupportsIndex

import numpy.typing as npt

def dot(a: npt.ArrayLike, b: npt.ArrayLike, *, threads: SupportsIndex | None = None) -> Any: ...
