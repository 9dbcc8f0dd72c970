"""gilkit under threadpoolctl: ``threadpool_limits(n)`` limits gilkit, and ``threadpool_info()`` lists it.

Both take effect once gilkit and threadpoolctl are imported, in either order. Programs need not import this module.
"""

from __future__ import annotations

import contextlib
import operator
import os
import sys
from typing import Any

try:
    import threadpoolctl
    from threadpoolctl import LibController
except ImportError as _error:
    raise ImportError(
        "gilkit.threadpoolctl needs threadpoolctl 3.2 or later (pip install threadpoolctl)", name="threadpoolctl"
    ) from _error

from gilkit import _scopes, runtime

__all__ = ["Controller", "register"]

MAX_THREADS = 1024
CORE = os.path.realpath(str(sys.modules["gilkit._core"].__file__))


def _is_core(path: str) -> bool:
    """Return whether the system's name of a library means gilkit._core. Windows and macOS may spell it differently."""
    with contextlib.suppress(OSError):  # the file is gone, after an upgrade for instance
        return os.path.samefile(path, CORE)
    return path == CORE


class _Limit:
    """A limit in force in this context, as a block of `gilkit.threads` that is inside `depth` - 1 other limits."""

    def __init__(self, depth: int, n: int) -> None:
        self.depth, self.n = depth, n

    def enter(self) -> None:
        _scopes.enter_scope(self, self.n, 0, None)


def _current() -> _Limit | None:
    return next((owner for owner in _scopes.owners() if isinstance(owner, _Limit)), None)


def _limit(n: int) -> None:
    current = _current()
    if current is not None and _scopes.owners()[0] is current:
        # Replaced, since a program may set limits in a loop and never restore one.
        _scopes.leave_scope(current)
        _Limit(current.depth, n).enter()
    else:
        _Limit(1 if current is None else current.depth + 1, n).enter()


def _restore(depth: int, n: int) -> None:
    """Return to the limit that was the innermost one before (depth 0: none was)."""
    current = _current()
    while current is not None and current.depth > depth:
        _scopes.leave_scope(current)
        current = _current()
    if depth > 0 and (current is None or current.depth < depth):
        _limit(n)  # the limit of another context
    elif current is not None and current.n != n:
        _scopes.leave_scope(current)
        _Limit(depth, n).enter()


class ThreadCount(int):
    """A number of threads that remembers whether a limit set it. threadpoolctl hands it back to restore the limit."""

    depth: int
    n: int

    def __new__(cls, count: int, limit: _Limit | None) -> ThreadCount:
        new = super().__new__(cls, count)
        new.depth, new.n = (0, 0) if limit is None else (limit.depth, limit.n)
        return new

    def __reduce__(self) -> tuple[Any, ...]:
        return int, (int(self),)  # in a copy, just a number


class Controller(LibController):  # type: ignore[misc,unused-ignore]
    """The controller that threadpoolctl calls. A limit applies to this thread or asyncio task, as ``gilkit.threads``
    does."""

    user_api = internal_api = "gilkit"
    filename_prefixes = ("_core",)
    check_symbols = ("PyInit__core",)

    def set_additional_attributes(self) -> None:
        if not _is_core(self.filepath):
            self.dynlib = None  # the _core of another package, which lacks the symbols and is skipped

    def get_version(self) -> str:
        return runtime.info()["version"]

    def get_num_threads(self) -> int:
        return ThreadCount(runtime.num_threads(), _current())

    def set_num_threads(self, num_threads: int) -> None:
        if isinstance(num_threads, ThreadCount):
            _restore(num_threads.depth, num_threads.n)
        else:
            _limit(max(1, min(operator.index(num_threads), MAX_THREADS)))


def register() -> None:
    """Make threadpoolctl list and limit gilkit, which it does without this call after a plain import of both.

    It is needed only after ``importlib.reload(threadpoolctl)``. Further calls have no effect.

    Examples
    --------
    >>> import gilkit.threadpoolctl
    >>> from threadpoolctl import threadpool_limits
    >>> gilkit.threadpoolctl.register()
    >>> with threadpool_limits(1):
    ...     gilkit.num_threads()
    1
    """
    if Controller not in threadpoolctl._ALL_CONTROLLERS:
        threadpoolctl.register(Controller)
