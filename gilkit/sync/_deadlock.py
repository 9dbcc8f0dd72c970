"""Detection of deadlocks, as users see it: the errors, the warnings, and the switch.

What threads hold and wait for is kept by csrc/sync/deadlock.c, which runs no
Python code. The functions in here run while nothing of it is locked.
"""

from __future__ import annotations

import os
import threading
import warnings
from types import CodeType
from typing import Any, NamedTuple

from gilkit.sync._wait import set_detection, set_reports, thread_name


class Link(NamedTuple):
    """A thread of a deadlock, what it waits for, and who holds that."""

    thread: str
    lock: object
    mode: str  # "lock", "read" or "write"
    waits_at: str
    holder: str
    taken_at: str  # where the holder took it, or waits to write


class LockOfOther(str):
    """The repr of a lock that stayed in another process: locks cannot be pickled."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class DeadlockError(RuntimeError):
    """A wait that would never have ended: ``cycle`` has a Link for each thread.

    In a copy that has been pickled, each ``lock`` is a string, the lock's repr.
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
            "cycle": tuple(link._replace(lock=LockOfOther(repr_of(link.lock))) for link in self.cycle)
        }
        return restored, (type(self), self.args), state

    def __copy__(self) -> DeadlockError:
        copied = restored(type(self), self.args)
        copied.__dict__.update(self.__dict__)
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> DeadlockError:
        return self.__copy__()


DeadlockError.__module__ = "gilkit.sync"


def restored(cls: type[DeadlockError], args: tuple[Any, ...]) -> DeadlockError:
    """An error with these args, which __init__ would make anew from the cycle."""
    error = cls.__new__(cls, *args)
    error.args = args
    return error


class LockOrderWarning(RuntimeWarning):
    """Two locks were taken in both orders: a deadlock that has not happened yet."""


LockOrderWarning.__module__ = "gilkit.sync"


def purpose(mode: str) -> str:
    return "for " if mode == "lock" else f"to {mode} under "


# Threads that are making the repr of a lock.
describing: set[int] = set()


def repr_of(lock: object) -> str:
    """The lock's repr. Where a subclass has one that raises, or ends in a deadlock itself, the plain one."""
    me = threading.get_ident()
    if me not in describing:
        describing.add(me)
        try:
            return repr(lock)
        except Exception:
            pass
        finally:
            describing.discard(me)
    return object.__repr__(lock)


MODES = ("lock", "read", "write")  # in the order of GK_CLAIM_LOCK and so on

Place = tuple[CodeType | None, int]


def place_of(place: Place) -> str:
    code, line = place
    return "a place outside of Python code" if code is None else f"{code.co_filename}:{line} in {code.co_qualname}"


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
    """Tells of locks that were taken the other way round before; `first` was held when `lock` was wanted."""
    name, first_place, place = here
    other, other_first, other_second = opposite
    warnings.warn(
        LockOrderWarning(
            f"thread {name!r} takes {repr_of(lock)} at {place_of(place)} while it holds {repr_of(first)}, taken at "
            f"{place_of(first_place)}; thread {other!r} took them the other way round, at {place_of(other_first)} "
            f"and {place_of(other_second)}: two threads that do so at once wait for each other for ever"
        ),
        stacklevel=2,
    )


set_reports(deadlock_error, warn_of_inversion)


NOTHING, DEADLOCKS, INVERSIONS = range(3)  # what is detected


class Detection:
    """Returned by ``detect_deadlocks``: as a context manager, restores at the end what was before."""

    def __init__(self, before: int):
        self.before = before

    def __enter__(self) -> Detection:
        return self

    def __exit__(self, *exc: object) -> None:
        set_detection(self.before)


def detect_deadlocks(enabled: bool = True, *, inversions: bool = False) -> Detection:
    """From now on, for the whole process, has a wait that would close a cycle of
    threads waiting for one another raise ``DeadlockError`` instead of hanging.

    It covers Lock, RLock and RWLock, mixed, as taken by Python code; waits with
    a timeout end by themselves and close no cycle. It takes for granted that
    the thread that took a Lock gives it back: where one thread waits for another
    to release a Lock for it, use a Semaphore. Locks taken before, or by code
    without the GIL (``acquire_nogil`` and its like, the C interface), are not
    known: a deadlock that goes through such a lock hangs as it would otherwise.
    ``inversions`` adds a ``LockOrderWarning`` where two locks are taken in both
    orders, though nothing hangs yet.

    ``enabled=False`` ends it; then it costs nothing. In a ``with`` statement it
    lasts as long as the block. The environment variable GILKIT_DEADLOCK turns it
    on from the start: ``raise``, or ``warn`` for inversions as well.
    """
    return Detection(set_detection((INVERSIONS if inversions else DEADLOCKS) if enabled else NOTHING))


def follow_environment() -> None:
    wanted = os.environ.get("GILKIT_DEADLOCK", "")
    if wanted not in ("", "off", "raise", "warn"):
        warnings.warn(f"GILKIT_DEADLOCK must be raise, warn or off, not {wanted!r}", RuntimeWarning, stacklevel=1)
    if wanted in ("raise", "warn"):
        detect_deadlocks(inversions=wanted == "warn")


follow_environment()
