"""Use all cores from ordinary CPython.

gilkit has kernels that release the GIL and run on native threads, counters and locks
for Python, Cython and C, and one pool of threads that other packages share. Each
function has a docstring; the guides are in ``docs/``.
"""

import importlib as _importlib

try:
    from gilkit import _core as _core
except ImportError as _error:  # pragma: no cover - a test runs it in a copy of this file
    import os as _os

    _here = _os.path.dirname(_os.path.abspath(__file__))
    if _os.path.exists(_os.path.join(_os.path.dirname(_here), "csrc", "exports.h")):
        raise ImportError(
            f"this is gilkit's source tree ({_os.path.dirname(_here)}), which hides the installed package: its "
            "extension modules are not built here. Run `pip install .` in it once, then start Python from another "
            "folder, or with `python -P`."
        ) from _error
    raise

if not _core.is_main_interpreter:
    from gilkit import _interpreters as _interpreters

    _interpreters.prepare()

from gilkit._core import __version__

try:  # first, since other modules import gilkit.runtime, too
    from gilkit.runtime import info, num_threads, set_num_threads, threads, timeout
except ValueError as _error:  # an environment variable GILKIT_* has an invalid value
    from _gilkit_command import exit_if_command as _exit_if_command

    _exit_if_command(_error)
    raise

from gilkit._imports import when_imported as _when_imported
from gilkit._scopes import CancelToken
from gilkit.kernels.spin import spin
from gilkit.mapping import imap, map, starmap
from gilkit.parallel import parallel_for

# Modules that need NumPy, or are rarely needed, are loaded at first use. So gilkit imports quickly, even where NumPy
# cannot be imported (sub-interpreters with their own GIL).
_LAZY: dict[str, str] = {
    **dict.fromkeys(("Executor", "as_completed"), "gilkit.executor"),
    **dict.fromkeys(("aimap", "to_thread"), "gilkit.aio"),
    "mandelbrot": "gilkit.kernels.mandelbrot",
    "pi": "gilkit.kernels.pi",
    **dict.fromkeys(
        (
            "cumsum",
            "cumprod",
            "cummax",
            "cummin",
            "cumulative_sum",
            "cumulative_prod",
            "nancumsum",
            "nancumprod",
            "diff",
        ),
        "gilkit.kernels.scan",
    ),
    "dot": "gilkit.kernels.dot",
    "fsum": "gilkit.kernels.fsum",
    "group_reduce": "gilkit.kernels.groups",
    "jacobi": "gilkit.kernels.stencil",
    **dict.fromkeys(("uniform", "random", "normal", "exponential", "integers"), "gilkit.kernels.random"),
    **dict.fromkeys(("permutation", "shuffle", "choice"), "gilkit.kernels.shuffling"),
    **dict.fromkeys(
        (
            "sum",
            "prod",
            "mean",
            "var",
            "std",
            "min",
            "max",
            "nansum",
            "nanprod",
            "nanmean",
            "nanvar",
            "nanstd",
            "nanmin",
            "nanmax",
        ),
        "gilkit.kernels.reductions",
    ),
    **dict.fromkeys(
        ("argmin", "argmax", "nanargmin", "nanargmax", "any", "all", "count_nonzero"), "gilkit.kernels.positions"
    ),
    **dict.fromkeys(("average", "ptp"), "gilkit.kernels.averages"),
    **dict.fromkeys(("sort", "argsort"), "gilkit.kernels.sorting"),
    "lexsort": "gilkit.kernels.lexsort",
    **dict.fromkeys(("partition", "argpartition", "topk"), "gilkit.kernels.partition"),
    **dict.fromkeys(("searchsorted", "isin", "digitize", "interp"), "gilkit.kernels.searching"),
    **dict.fromkeys(
        ("median", "quantile", "percentile", "nanmedian", "nanquantile", "nanpercentile"), "gilkit.kernels.quantiles"
    ),
    **dict.fromkeys(
        (
            "unique",
            "unique_all",
            "unique_counts",
            "unique_inverse",
            "unique_values",
            "intersect1d",
            "union1d",
            "setdiff1d",
            "setxor1d",
        ),
        "gilkit.kernels.sets",
    ),
    **dict.fromkeys(("histogram", "bincount"), "gilkit.kernels.histograms"),
    **dict.fromkeys(("histogram2d", "histogramdd"), "gilkit.kernels.histogramsdd"),
    **dict.fromkeys(("corrcoef", "cov"), "gilkit.kernels.covariance"),
    "take": "gilkit.kernels.indexing",
    "where": "gilkit.kernels.choosing",
    **dict.fromkeys(("compress", "extract", "flatnonzero", "masked_select", "nonzero"), "gilkit.kernels.masking"),
    **dict.fromkeys(
        ("move_sum", "move_mean", "move_var", "move_std", "move_min", "move_max", "move_median"),
        "gilkit.kernels.moving",
    ),
    **dict.fromkeys(("numpy_is_patched", "patch_numpy", "ufunc", "unpatch_numpy"), "gilkit.patching"),
    **dict.fromkeys(("nearest", "kmeans", "KMeans"), "gilkit.kernels.clustering"),
}

_SUBPACKAGES = ("array_api", "blocks", "patching", "reference", "sync")
_FOR_OTHER_PACKAGES = ("dask", "joblib", "pandas")  # not in __all__: these may need packages that are not installed

__all__ = [
    "CancelToken", "__version__", "get_include", "imap", "info", "map", "num_threads", "parallel_for",
    "set_num_threads", "spin", "starmap", "threads", "timeout",
    *_LAZY, *_SUBPACKAGES,
]  # fmt: skip


def __getattr__(name: str) -> object:
    if name in _SUBPACKAGES or name in _FOR_OTHER_PACKAGES:
        return _importlib.import_module(f"gilkit.{name}")
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module 'gilkit' has no attribute {name!r}")
    value = getattr(_importlib.import_module(module), name)
    globals()[name] = value
    return value


def _register_with_threadpoolctl() -> None:
    try:
        from gilkit.threadpoolctl import register
    except ImportError:  # its version is too old
        return
    register()


def _register_with_joblib() -> None:
    try:
        _importlib.import_module("gilkit.joblib")  # which registers itself: it may be the module that imports joblib
    except ImportError:  # its version is too old
        return


_when_imported("joblib", _register_with_joblib)
_when_imported("threadpoolctl", _register_with_threadpoolctl)


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))


def get_include() -> str:
    """Return the directory of the C header, for a compiler's ``-I`` option.

    With it, C and Cython code finds ``#include <gilkit/gilkit.h>``.

    Returns
    -------
    str

    Examples
    --------
    >>> import os
    >>> os.path.exists(os.path.join(gilkit.get_include(), "gilkit", "gilkit.h"))
    True
    """
    import os

    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "include")
