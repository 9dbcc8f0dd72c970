"""NumPy's ufuncs on all cores, for kernels that are built from them."""

from __future__ import annotations

import contextlib
import functools
from typing import Any

from gilkit.kernels import _numpy as np
from gilkit.runtime import threads as _limited_to


@functools.cache
def _on_all_cores(name: str) -> Any:
    from gilkit.patching import ufunc  # which imports the kernels

    return ufunc(np.FUNCTIONS[name])


def _limit(threads: Any) -> Any:
    return contextlib.nullcontext() if threads is None else _limited_to(threads)


def call(name: str, *args: Any, threads: Any = None, **keywords: Any) -> Any:
    """Return what the ufunc of this name returns, computed by this many threads."""
    with _limit(threads):
        return _on_all_cores(name)(*args, **keywords)
