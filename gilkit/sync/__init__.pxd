"""``cimport gilkit.sync``: counters and locks that code without the GIL shares
with Python. Any thread may call the methods that end in _nogil."""
from gilkit.sync._condition cimport Condition
from gilkit.sync._counters cimport AtomicCounter, Counter, LockedCounter, RacyCounter, ShardedCounter
from gilkit.sync._locks cimport Lock, RLock
from gilkit.sync._rwlock cimport RWLock
from gilkit.sync._signals cimport Barrier, BoundedSemaphore, Event, Latch, Semaphore
