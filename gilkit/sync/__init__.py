"""Counters and locks for Python, Cython and C, with and without the GIL.

Counters, from the one that shows the problem to the one that is fastest:
``RacyCounter``, ``LockedCounter``, ``AtomicCounter``, ``ShardedCounter``; and
``hammer``, which drives them from native threads. ``relay`` has native threads
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
    Counter,
    Hammering,
    LockedCounter,
    RacyCounter,
    ShardedCounter,
    hammer,
)
from gilkit.sync._deadlock import DeadlockError, LockOrderWarning, detect_deadlocks
from gilkit.sync._greenlets import follow_imports
from gilkit.sync._locks import Lock, RLock
from gilkit.sync._rwlock import RWLock
from gilkit.sync._signals import Barrier, BoundedSemaphore, Event, Latch, Relaying, Semaphore, relay

__all__ = [
    "AtomicCounter", "Barrier", "BoundedSemaphore", "BrokenBarrierError", "Condition", "Counter", "DeadlockError",
    "Event", "Hammering", "Latch", "Lock", "LockOrderWarning", "LockedCounter", "RLock", "RWLock", "RacyCounter",
    "Relaying", "Semaphore", "ShardedCounter", "detect_deadlocks", "hammer", "relay",
]  # fmt: skip

follow_imports()
