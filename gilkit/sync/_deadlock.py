"""Deadlock detection, as users see it: the error, the warning and the switch.

csrc/sync/deadlock.c keeps what threads hold and wait for; it runs no Python code.
It holds no lock while the functions of this module run.
"""

from __future__ import annotations

import os
import threading
import warnings
from types import CodeType
from typing import Any, NamedTuple

from gilkit.sync._wait import set_detection, set_reports, thread_name


class Link(NamedTuple):
    """One thread of a deadlock, the lock it waits for, and the holder of that lock."""

    thread: str
    lock: object
    mode: str  # "lock", "read" or "write"
    waits_at: str
    holder: str
    taken_at: str  # where the holder acquired the lock, or waits to write


class LockRepr(str):
    """The repr of a lock, in a pickled DeadlockError: locks cannot be pickled."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class DeadlockError(RuntimeError):
    """Raised by a wait that would close a cycle of threads waiting for one another.

    Attributes
    ----------
    cycle : tuple of Link
        One named tuple for each thread: ``thread``, ``lock``, ``mode``,
        ``waits_at``, ``holder`` and ``taken_at``. In a pickled copy, ``lock`` is a
        string, the lock's repr.
    """

    def __init__(self, cycle: tuple[Link, ...]):
        self.cycle = cycle
        lines = ["this wait would never end:"]
        for link in cycle:
            lines.append(
                f"  thread {link.thread!r} waits {purpose(link.mode)}{repr_of(link.lock)} at {link.waits_at}, "
                f"which thread {link.holder!r} {link.taken_at}"
            )
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[Any, ...]:
        state = self.__dict__ | {
            "cycle": tuple(link._replace(lock=LockRepr(repr_of(link.lock))) for link in self.cycle)
        }
        return rebuild_error, (type(self), self.args), state

    def __copy__(self) -> DeadlockError:
        copied = rebuild_error(type(self), self.args)
        copied.__dict__.update(self.__dict__)
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> DeadlockError:
        return self.__copy__()


DeadlockError.__module__ = "gilkit.sync"


def rebuild_error(cls: type[DeadlockError], args: tuple[Any, ...]) -> DeadlockError:
    """Make an error with the given args; __init__ would compute them from the cycle."""
    error = cls.__new__(cls, *args)
    error.args = args
    return error


class LockOrderWarning(RuntimeWarning):
    """Warns of two locks that were acquired in both orders, which may deadlock later."""


LockOrderWarning.__module__ = "gilkit.sync"


def purpose(mode: str) -> str:
    return "for " if mode == "lock" else f"to {mode} under "


# Threads that are computing the repr of a lock.
reprs_in_progress: set[int] = set()


def repr_of(lock: object) -> str:
    """Return repr(lock), or object's repr if the lock's own raises or reports a deadlock itself."""
    me = threading.get_ident()
    if me not in reprs_in_progress:
        reprs_in_progress.add(me)
        try:
            return repr(lock)
        except Exception:
            pass
        finally:
            reprs_in_progress.discard(me)
    return object.__repr__(lock)


MODES = ("lock", "read", "write")  # indexed by GK_CLAIM_LOCK, GK_CLAIM_READ, GK_CLAIM_WRITE

Place = tuple[CodeType | None, int]


def place_of(place: Place) -> str:
    code, line = place
    return "a place outside Python code" if code is None else f"{code.co_filename}:{line} in {code.co_qualname}"


def deadlock_error(cycle: list[tuple[object, int, Place, int, Place, int, bool]]) -> DeadlockError:
    return DeadlockError(
        tuple(
            Link(
                thread_name(ident), lock, MODES[mode], place_of(place), thread_name(holder),
                f"{'waits to write under' if holder_waits else 'took'} at {place_of(holder_place)}",
            )
            for lock, mode, place, ident, holder_place, holder, holder_waits in cycle
        )
    )  # fmt: skip


def warn_of_inversion(
    lock: object, first: object, here: tuple[str, Place, Place], opposite: tuple[str, Place, Place]
) -> None:
    """Warn that `lock` is acquired while `first` is held, though they were acquired in the other order before."""
    name, first_place, place = here
    other, other_first, other_second = opposite
    warnings.warn(
        LockOrderWarning(
            f"thread {name!r} takes {repr_of(lock)} at {place_of(place)} while it holds {repr_of(first)}, taken at "
            f"{place_of(first_place)}; thread {other!r} took them the other way round, at {place_of(other_first)} "
            f"and {place_of(other_second)}; two threads that do so at the same time can deadlock"
        ),
        stacklevel=2,
    )


set_reports(deadlock_error, warn_of_inversion)


NOTHING, DEADLOCKS, INVERSIONS = range(3)  # modes of set_detection()


class Detection:
    """Context manager that ``detect_deadlocks`` returns; restores the previous setting at the end."""

    def __init__(self, before: int):
        self.before = before

    def __enter__(self) -> Detection:
        return self

    def __exit__(self, *exc: object) -> None:
        set_detection(self.before)


def detect_deadlocks(enabled: bool = True, *, inversions: bool = False) -> Detection:
    """Turn deadlock detection on or off for all threads of this interpreter.

    While it is on, a wait that would close a cycle of threads waiting for one
    another raises ``DeadlockError`` instead of hanging.

    Parameters
    ----------
    enabled : bool, default True
        Whether to turn detection on or off.
    inversions : bool, default False
        Whether to issue a ``LockOrderWarning`` when two locks are acquired in both
        orders, even if nothing hangs yet.

    Returns
    -------
    context manager
        Restores the previous setting when its ``with`` block ends. Without
        ``with``, the setting stays.

    Notes
    -----
    Detection covers ``Lock``, ``RLock`` and ``RWLock``, in any mix, as acquired by
    Python code. A wait with a timeout ends by itself and closes no cycle. The
    detector assumes that the thread that acquires a ``Lock`` also releases it; if
    another thread is to release it, use a ``Semaphore``.

    Locks acquired before detection was turned on, or by code without the GIL
    (``acquire_nogil``, the C interface), are unknown to the detector: a deadlock
    through such a lock hangs. The environment variable ``GILKIT_DEADLOCK=raise``
    turns detection on from the start, ``GILKIT_DEADLOCK=warn`` with inversions.

    Examples
    --------
    >>> from gilkit import sync
    >>> lock = sync.Lock()
    >>> with sync.detect_deadlocks(), lock:
    ...     try:
    ...         lock.acquire()
    ...     except sync.DeadlockError:
    ...         print("this thread would wait for itself")
    this thread would wait for itself
    """
    return Detection(set_detection((INVERSIONS if inversions else DEADLOCKS) if enabled else NOTHING))


def apply_environment() -> None:
    wanted = os.environ.get("GILKIT_DEADLOCK", "")
    if wanted not in ("", "off", "raise", "warn"):
        warnings.warn(f"GILKIT_DEADLOCK must be raise, warn or off, not {wanted!r}", RuntimeWarning, stacklevel=1)
    if wanted in ("raise", "warn"):
        detect_deadlocks(inversions=wanted == "warn")


apply_environment()
