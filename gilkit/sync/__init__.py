"""Counters and locks for Python, Cython and C, with and without the GIL.

Counters, from the one that loses updates to the fastest: ``RacyCounter``,
``LockedCounter``, ``AtomicCounter``, ``ShardedCounter``. ``contend`` measures them
under contention of native threads, and ``ping_pong`` measures a switch between threads.

Locks with the interface of ``threading``: ``Lock``, ``RLock``, ``Condition``,
``Semaphore``, ``BoundedSemaphore``, ``Event``, ``Barrier``; and further ``RWLock``
and ``Latch``. A waiting thread releases the GIL, spins for a few microseconds and
then sleeps. In the main thread, signal handlers run during a wait.

With ``detect_deadlocks()``, a wait that would never end raises ``DeadlockError``.

In Cython, use ``cimport gilkit.sync``: each class has methods for code without the
GIL, such as ``lock.acquire_nogil(timeout_ns)``.
"""

from threading import BrokenBarrierError

from gilkit._imports import when_imported
from gilkit.sync._condition import Condition
from gilkit.sync._contention import ContentionResult, PingPongResult, contend, ping_pong
from gilkit.sync._counters import AtomicCounter, Counter, LockedCounter, RacyCounter, ShardedCounter
from gilkit.sync._deadlock import DeadlockError, LockOrderWarning, detect_deadlocks
from gilkit.sync._locks import Lock, RLock
from gilkit.sync._rwlock import RWLock
from gilkit.sync._signals import Barrier, BoundedSemaphore, Event, Latch, Semaphore
from gilkit.sync._wait import expect_greenlets

__all__ = [
    "AtomicCounter", "Barrier", "BoundedSemaphore", "BrokenBarrierError", "Condition", "ContentionResult", "Counter",
    "DeadlockError", "Event", "Latch", "Lock", "LockOrderWarning", "LockedCounter", "PingPongResult", "RLock",
    "RWLock", "RacyCounter", "Semaphore", "ShardedCounter", "contend", "detect_deadlocks", "ping_pong",
]  # fmt: skip

# Names from 0.1.0, deprecated and kept for one release.
_RENAMED = {
    "hammer": "contend", "Hammering": "ContentionResult", "relay": "ping_pong", "Relaying": "PingPongResult",
}  # fmt: skip


def __getattr__(name: str) -> object:
    if name not in _RENAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import warnings

    new = _RENAMED[name]
    warnings.warn(f"gilkit.sync.{name} is now gilkit.sync.{new}", DeprecationWarning, stacklevel=2)
    return globals()[new]


when_imported("greenlet", expect_greenlets)
