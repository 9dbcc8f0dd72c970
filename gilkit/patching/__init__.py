"""NumPy itself on every core: what ``gilkit.patch_numpy()`` does.

``_hooks.c`` replaces the pointers through which NumPy's ufuncs and methods are
called. ``_elementwise.c`` divides one call of a ufunc among threads, with NumPy's
own loops. ``_parts.py`` says how other calls are divided along an axis, with NumPy's
own functions; ``_reductions.py``, ``_functions.py`` and ``_transforms.py`` do it.
``_kernels.py`` calls gilkit's kernels where only one result is possible, and
``_random.py`` draws random numbers. Calls that none can divide with the same bits are
left to NumPy.
"""

from __future__ import annotations

import atexit
import importlib.machinery
import os
import sys
import threading
import warnings
from typing import Any, NamedTuple

import numpy as np

from gilkit.kernels._numpy import FUNCTIONS as _of
from gilkit.kernels._numpy import NEWEST, OLDEST
from gilkit.patching import _functions, _memory, _parts, _patch, _random, _reductions, _transforms

__all__ = [
    "FunctionStatistics",
    "collect_statistics",
    "memory_statistics",
    "numpy_is_patched",
    "patch_numpy",
    "statistics",
    "trim_memory",
    "ufunc",
    "unpatch_numpy",
]

_lock = threading.Lock()
_in_force: list[tuple[int, bool]] = []  # min_size and memory of each patch_numpy(); the last min_size counts
_hooks_made = False


def _after_fork() -> None:
    """Replace the lock, which a thread that the child lacks may hold."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _version() -> tuple[int, int]:
    major, minor = np.__version__.split(".")[:2]
    return int(major), int(minor)


def _ufuncs() -> list[np.ufunc]:
    from numpy._core import _multiarray_umath  # type: ignore[attr-defined]
    from numpy.fft import _pocketfft_umath  # type: ignore[attr-defined]
    from numpy.linalg import _umath_linalg

    modules = [_multiarray_umath, _umath_linalg, _pocketfft_umath]
    found = {id(f): f for module in modules for f in vars(module).values() if isinstance(f, _of["ufunc"])}
    return list(found.values())


def _hook_random() -> None:
    for hook in _random.hooks():
        _patch.hook_function(*hook)
    _patch.hook_added()


class _RandomLoader:
    """Imports numpy.random, then adds its hooks."""

    def __init__(self, loader: Any, finder: _RandomFinder) -> None:
        self._loader, self._finder = loader, finder

    def __getattr__(self, name: str) -> Any:
        if name == "_loader":  # copy and pickle look for attributes before there are any
            raise AttributeError(name)
        return getattr(self._loader, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._finder.remove()
        _hook_random()


class _RandomFinder:
    """Adds the hooks of numpy.random when a program imports it. NumPy does not import it by itself, and with it come modules
    such as `random`, which a program may have under the same name."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name != "numpy.random":
            return None
        finders = list(sys.meta_path)
        for finder in finders[finders.index(self) + 1 :] if self in finders else []:
            find_spec = getattr(finder, "find_spec", None)
            spec: importlib.machinery.ModuleSpec | None = find_spec(name, path, target) if find_spec else None
            if spec is not None:
                if hasattr(spec.loader, "create_module") and hasattr(spec.loader, "exec_module"):
                    spec.loader = _RandomLoader(spec.loader, self)  # type: ignore[assignment]
                return spec
        return None

    def remove(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)


def _make_hooks() -> None:
    global _hooks_made
    if _hooks_made:
        return
    for each in _ufuncs():
        _patch.hook_ufunc(
            each, _transforms.MIN_TRANSFORMED if each in _transforms.TRANSFORMS else _functions.MIN_STACK_ITEMS
        )
    for method in _functions.hooks():
        _patch.hook_method(*method)
    for function, handler, min_items in _functions.hooks_in_python():
        _patch.hook_function(function, handler, min_items)
    if "numpy.random" in sys.modules:
        _hook_random()
    else:
        sys.meta_path.insert(0, _RandomFinder())
    _patch.hook_generalized(_functions.generalized)
    _patch.hook_subscript(*_functions.subscript)
    for assignment in _functions.assignments:
        _patch.hook_assignment(*assignment)
    atexit.register(_patch.end)  # before the modules of the handlers are cleared
    _hooks_made = True


def _min_size(given: int | None) -> int:
    if given is None:
        text = os.environ.get("GILKIT_PATCH_MIN_SIZE", "")
        if not text:
            return 0
        if not text.isdecimal() or int(text) < 1:
            raise ValueError(f"GILKIT_PATCH_MIN_SIZE must be a positive integer, not {text!r}")
        return int(text)
    if isinstance(given, bool) or not hasattr(given, "__index__"):
        raise TypeError(f"min_size must be an integer or None, not {type(given).__name__}")
    size: int = given.__index__()
    if size < 1:
        raise ValueError(f"min_size must be at least 1, not {size}")
    return size


class _Patched:
    """What ``patch_numpy()`` returns: leaving its ``with`` block removes the patch."""

    def __enter__(self) -> _Patched:
        return self

    def __exit__(self, *exc: object) -> None:
        unpatch_numpy()

    def __repr__(self) -> str:
        return f"<gilkit.patch_numpy(): NumPy is {'patched' if numpy_is_patched() else 'not patched'}>"


def patch_numpy(*, min_size: int | None = None, memory: bool = False) -> _Patched:
    """Run NumPy's functions on all cores, everywhere in this process.

    From now on, NumPy's ufuncs (``a + b``, ``np.sin(a)``, ``a > 0``), its reductions
    (``a.sum()``, ``a.max(axis=0)``), sorting and more use gilkit's pool where that
    pays, in this program and in the libraries that it uses. The results have the same
    bits as before; warnings and exceptions are NumPy's.

    Parameters
    ----------
    min_size : int, optional
        Divide every call of at least this many items, for tests. By default (or
        from the environment variable GILKIT_PATCH_MIN_SIZE), gilkit measures each
        function and divides the calls that are long enough to gain.
    memory : bool
        Keep the memory of large arrays for the next ones, within bounds: see
        "Fresh memory" in the documentation. Half the time of ``a + b`` on large arrays is spent in the kernel, which
        clears new pages. ``trim_memory()`` gives it back.

    Returns
    -------
    context manager
        In a ``with`` statement, the end of the block removes the patch.

    Raises
    ------
    TypeError, ValueError
        If ``min_size`` is not a positive integer.

    Warns
    -----
    RuntimeWarning
        If this version of NumPy is not known to gilkit. NumPy then stays as it is.

    See Also
    --------
    unpatch_numpy, numpy_is_patched
    ufunc : the same for one function.

    Notes
    -----
    Calls may be nested; each needs its ``unpatch_numpy()``. Thread-safe, also while
    other threads compute with NumPy. The number of threads is that of all of gilkit's
    functions: ``gilkit.threads()``, ``gilkit.set_num_threads()``, GILKIT_NUM_THREADS.
    A timeout, a cancel token or Ctrl-C takes effect between two operations of NumPy.

    Examples
    --------
    >>> import numpy as np
    >>> a = np.linspace(0, 1, 1_000_000)
    >>> expected = np.sin(a)
    >>> with gilkit.patch_numpy():
    ...     np.array_equal(np.sin(a), expected)
    True
    """
    size = min(_min_size(min_size), sys.maxsize)
    if not isinstance(memory, (bool, np.bool)):
        raise TypeError(f"memory must be True or False, not {type(memory).__name__}")
    with _lock:
        known = OLDEST <= _version() <= NEWEST
        if not known:
            oldest, newest = (".".join(map(str, version)) for version in (OLDEST, NEWEST))
            warnings.warn(
                f"gilkit can patch NumPy {oldest} to {newest}, not {np.__version__}: NumPy stays as it is; a later "
                "gilkit may know this version",
                RuntimeWarning,
                stacklevel=2,
            )
        else:
            _make_hooks()
            if memory and not _memory.is_installed():
                _memory.install()
        _in_force.append((size or (_in_force[-1][0] if _in_force else 0), bool(memory)))
        _patch.set_min_items(_in_force[-1][0])
        if known:
            _patch.set_hooked(True)
    return _Patched()


def unpatch_numpy() -> None:
    """Undo one ``patch_numpy()``; undoing the last one restores all of NumPy's own functions.

    Without a patch, nothing happens.

    Examples
    --------
    >>> _ = gilkit.patch_numpy()
    >>> gilkit.unpatch_numpy()
    >>> gilkit.numpy_is_patched()
    False
    """
    with _lock:
        if not _in_force:
            return
        _, memory = _in_force.pop()
        if memory and not any(each for _, each in _in_force) and _memory.is_installed():
            _memory.uninstall()
        if not _in_force:
            _patch.set_hooked(False)
            _random.forget_buffers()
        _patch.set_min_items(_in_force[-1][0] if _in_force else 0)


def trim_memory() -> int:
    """Give the memory that ``patch_numpy(memory=True)`` keeps back to the system.

    Returns
    -------
    int
        The number of bytes.
    """
    return _memory.trim()


def memory_statistics() -> dict[str, int]:
    """Return how much memory ``patch_numpy(memory=True)`` keeps, and how often it was reused.

    Returns
    -------
    dict
        ``bytes`` and ``blocks`` are kept now; ``hits`` and ``misses`` count the large
        arrays that got kept memory, and those that got new memory. ``limit`` is in bytes.
    """
    return dict(_memory.statistics())  # type: ignore[arg-type]


def numpy_is_patched() -> bool:
    """Return whether ``patch_numpy()`` is in force.

    Returns
    -------
    bool

    Examples
    --------
    >>> gilkit.numpy_is_patched()
    False
    """
    return _patch.is_hooked()


class FunctionStatistics(NamedTuple):
    """How often a function of NumPy ran on several threads, and why not at other times."""

    calls: int
    items: int
    seconds: float
    serial: dict[str, int]


def collect_statistics(collect: bool = True) -> None:
    """Start or stop counting the calls of patched functions, from zero.

    Parameters
    ----------
    collect : bool
        Whether to count.
    """
    _parts.collecting = bool(collect)
    if collect:
        _patch.reset_statistics()
        _parts.counts.clear()
    _patch.collect_statistics(bool(collect))


def _public_names() -> dict[str, str]:
    """Return the functions that call the ufuncs of numpy.linalg and numpy.fft, such as "linalg.solve" for "solve1"."""
    from numpy.fft import _pocketfft_umath  # type: ignore[attr-defined]
    from numpy.linalg import _umath_linalg

    return {
        name: f"{home}.{name.split('_')[0].rstrip('1')}"
        for home, module in (("linalg", _umath_linalg), ("fft", _pocketfft_umath))
        for name, each in vars(module).items()
        if isinstance(each, _of["ufunc"])
    }


def statistics() -> dict[str, FunctionStatistics]:
    """Return what has been counted since ``collect_statistics()``, by the function's name.

    Returns
    -------
    dict of str to FunctionStatistics
        ``calls``, ``items`` and ``seconds`` are those on several threads. ``serial``
        has the number of calls left to NumPy for each reason.
    """
    found: dict[str, FunctionStatistics] = {}
    names = _public_names()
    counted = [*_patch.ufunc_statistics(), *((name, *each) for name, each in _parts.statistics().items())]
    for name, calls, items, seconds, serial in counted:
        public = names.get(name, name)
        before = found.get(public, FunctionStatistics(0, 0, 0.0, {}))
        all_serial = {reason: before.serial.get(reason, 0) + serial.get(reason, 0) for reason in before.serial | serial}
        found[public] = FunctionStatistics(
            before.calls + calls, before.items + items, before.seconds + seconds, all_serial
        )
    return found


class ufunc(_patch.UfuncCall):
    """Run one ufunc on all cores, without patching NumPy.

    Parameters
    ----------
    function : numpy.ufunc
        Of NumPy, of ``scipy.special``, of astropy, or made by Numba's ``vectorize``.
        A ufunc made by ``numpy.frompyfunc`` calls Python for each item, and is
        refused: use ``gilkit.map``.

    Raises
    ------
    TypeError
        If it is not such a function.

    See Also
    --------
    patch_numpy : the same for all of NumPy.

    Notes
    -----
    The callable takes the same arguments and gives the same results, bit for bit. It
    has the ufunc's methods and attributes. Thread-safe.

    Examples
    --------
    >>> import numpy as np
    >>> sin = gilkit.ufunc(np.sin)
    >>> a = np.arange(1_000_000.0)
    >>> np.array_equal(sin(a), np.sin(a))
    True
    """

    def __init__(self, function: Any) -> None:
        inner = getattr(function, "ufunc", function)  # of Numba's DUFunc
        if not isinstance(inner, _of["ufunc"]):
            raise TypeError(
                f"gilkit.ufunc needs a numpy.ufunc, not {type(function).__name__}; for a Python function, use "
                "gilkit.map"
            )
        if inner.types and all("O" in loop for loop in inner.types):
            raise TypeError(
                f"{inner.__name__} computes Python objects, which need the GIL: use gilkit.map with the function "
                "that it was made from"
            )
        super().__init__(inner, function, _reductions.reduce, all(inner is not each for each in _ufuncs()))
        self._function = function
        self.__name__ = inner.__name__
        self.__doc__ = inner.__doc__

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copy and pickle look for them before there is a function
            raise AttributeError(name)
        return getattr(self._function, name)

    def __reduce__(self) -> Any:
        return type(self), (self._function,)

    def __repr__(self) -> str:
        return f"<gilkit.ufunc({self.__name__!r})>"
