from typing import SupportsIndex

import numpy as np
import numpy.typing as npt

from gilkit._typing import Threads

def mandelbrot(
    width: SupportsIndex,
    height: SupportsIndex,
    *,
    x: tuple[float, float] = (-2.0, 1.0),
    y: tuple[float, float] = (-1.5, 1.5),
    max_iter: SupportsIndex = 256,
    threads: Threads = None,
) -> npt.NDArray[np.int32]: ...
