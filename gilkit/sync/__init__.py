"""Counters and locks for Python, Cython and C, with and without the GIL.

Counters, from the one that shows the problem to the one that is fastest:
``RacyCounter``, ``LockedCounter``, ``AtomicCounter``, ``ShardedCounter``; and
``contend``, which drives them from native threads. ``ping_pong`` has native threads
hand a token round, which tells what a switch between two costs.

Locks with the methods of ``threading``: ``Lock``, ``RLock``, ``Condition``,
``Semaphore``, ``BoundedSemaphore``, ``Event``, ``Barrier``; and ``RWLock`` and
``Latch``. All spin for some microseconds before they sleep, release the GIL
while they wait, and let signal handlers run.

``detect_deadlocks()`` has a wait that would never end raise ``DeadlockError``.

From Cython, ``cimport gilkit.sync``: each class has methods for code without
the GIL, such as ``lock.acquire_nogil(timeout_ns)``.
"""

from threading import BrokenBarrierError

from gilkit.sync._condition import Condition
from gilkit.sync._counters import (
    AtomicCounter,
    ContentionResult,
    Counter,
    LockedCounter,
    RacyCounter,
    ShardedCounter,
    contend,
)
from gilkit.sync._deadlock import DeadlockError, LockOrderWarning, detect_deadlocks
from gilkit.sync._greenlets import follow_imports
from gilkit.sync._locks import Lock, RLock
from gilkit.sync._rwlock import RWLock
from gilkit.sync._signals import Barrier, BoundedSemaphore, Event, Latch, PingPongResult, Semaphore, ping_pong

__all__ = [
    "AtomicCounter", "Barrier", "BoundedSemaphore", "BrokenBarrierError", "Condition", "ContentionResult", "Counter",
    "DeadlockError", "Event", "Latch", "Lock", "LockOrderWarning", "LockedCounter", "PingPongResult", "RLock",
    "RWLock", "RacyCounter", "Semaphore", "ShardedCounter", "contend", "detect_deadlocks", "ping_pong",
]  # fmt: skip

# The names of 0.1.0, for one more release.
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


follow_imports()
