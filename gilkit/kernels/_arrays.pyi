from typing import Any

import numpy.typing as npt

def numbers(value: npt.ArrayLike, name: str) -> npt.NDArray[Any]: ...
