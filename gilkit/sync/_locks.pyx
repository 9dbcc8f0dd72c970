# cython: subinterpreters_compatible = own_gil
"""Lock and RLock. See gilkit.sync, and csrc/sync/lock.h for how they work."""
cimport cython
from libc.stdint cimport int64_t, uintptr_t
from libc.string cimport memset

from gilkit.sync._c cimport (
    GK_SYNC_OK, gk_gil_freed, gk_lock, gk_lock_acquire, gk_lock_is_held, gk_lock_release, gk_lock_try,
    gk_lock_try_release, gk_patience, gk_rlock, gk_rlock_acquire, gk_rlock_count, gk_rlock_owner, gk_rlock_release,
    gk_rlock_release_all, gk_rlock_set_count, gk_rlock_try, gk_rlock_try_release, import_core,
)
from gilkit.sync._wait cimport (
    PyThread_get_thread_ident, acquire_watched, is_for_ever, lock_patience, nogil_patience, outcome, released, watching,
)

import_core()

cdef extern from *:
    """
    _Static_assert(sizeof(gk_lock) <= 4 * 8, "Lock.state is too small");
    _Static_assert(sizeof(gk_rlock) <= 6 * 8, "RLock.state is too small");
    """


cdef inline gk_lock *lock_of(Lock self) noexcept nogil:
    return <gk_lock *>self.state


cdef inline gk_rlock *rlock_of(RLock self) noexcept nogil:
    return <gk_rlock *>self.state


cdef int acquire_lock(void *lock, const gk_patience *patience) noexcept nogil:
    return gk_lock_acquire(<gk_lock *>lock, patience)


cdef int acquire_rlock(void *lock, const gk_patience *patience) noexcept nogil:
    return gk_rlock_acquire(<gk_rlock *>lock, patience)


@cython.auto_pickle(False)
cdef class Lock:
    """A lock like ``threading.Lock``, which Cython and C code can hold without the
    GIL (``cimport gilkit.sync``, ``acquire_nogil``).

    A thread that has to wait spins for some microseconds, then sleeps; it runs
    signal handlers meanwhile, if it is the main thread. One that has waited for
    a millisecond is handed the lock by the next release, so none starves.
    Thread-safe; any thread may release it. After ``os.fork`` the child finds it
    as it was, but without those who waited.
    """

    def __init__(self):
        pass

    def acquire(self, blocking=True, timeout=-1):
        """Takes the lock and returns True, or False if it is held by another and
        ``blocking`` is false or ``timeout`` (seconds; -1: none) is over.

        Raises ValueError for a negative timeout, or one with ``blocking``
        false, and OverflowError beyond ``threading.TIMEOUT_MAX``.
        """
        if is_for_ever(timeout) and not watching() and gk_lock_try(lock_of(self)):
            return True
        return self.acquire_slowly(blocking, timeout)

    def release(self):
        """Frees the lock. RuntimeError if nobody holds it.
        """
        if watching() or not gk_lock_try_release(lock_of(self)):
            self.release_slowly()

    def __enter__(self):
        if watching() or not gk_lock_try(lock_of(self)):
            self.acquire_slowly(True, -1)
        return True

    def __exit__(self, exc_type=None, exc=None, traceback=None):
        if watching() or not gk_lock_try_release(lock_of(self)):
            self.release_slowly()

    def locked(self):
        """Whether somebody holds it at this moment.
        """
        return gk_lock_is_held(lock_of(self)) != 0

    cdef bint acquire_slowly(self, object blocking, object timeout) except -1:
        cdef gk_patience patience
        cdef int status
        lock_patience(&patience, blocking, timeout)
        if watching():
            return outcome(acquire_watched(self, "lock", acquire_lock, self.state, &patience))
        if patience.deadline == 0:
            return gk_lock_acquire(lock_of(self), &patience) == GK_SYNC_OK
        with nogil:
            gk_gil_freed()
            status = gk_lock_acquire(lock_of(self), &patience)
        return outcome(status)

    cdef int release_slowly(self) except -1:
        if watching() and gk_lock_is_held(lock_of(self)):
            released(self, "lock")
        if gk_lock_release(lock_of(self)) != GK_SYNC_OK:
            raise RuntimeError("release unlocked lock")
        return 0

    cdef bint acquire_nogil(self, int64_t timeout=-1) noexcept nogil:
        if gk_lock_try(lock_of(self)):
            return True
        cdef gk_patience patience = nogil_patience(timeout)
        return gk_lock_acquire(lock_of(self), &patience) == GK_SYNC_OK

    cdef bint release_nogil(self) noexcept nogil:
        return gk_lock_try_release(lock_of(self)) or gk_lock_release(lock_of(self)) == GK_SYNC_OK

    def _at_fork_reinit(self):
        memset(self.state, 0, sizeof(self.state))

    def __repr__(self):
        return (f"<{'locked' if self.locked() else 'unlocked'} gilkit.sync.Lock object at "
                f"{<uintptr_t><void *>self:#x}>")

    def __reduce__(self):
        raise TypeError("cannot pickle 'gilkit.sync.Lock' object")


@cython.auto_pickle(False)
cdef class RLock:
    """A lock like ``threading.RLock``: its owner may take it again, and has to
    release it as often. Otherwise like ``Lock``. Thread-safe; only the owner may
    release it.
    """

    def __init__(self):
        pass

    def acquire(self, blocking=True, timeout=-1):
        """Takes the lock, perhaps once more, and returns True; otherwise as
        ``Lock.acquire``.
        """
        if is_for_ever(timeout) and not watching() and gk_rlock_try(rlock_of(self), PyThread_get_thread_ident()):
            return True
        return self.acquire_slowly(blocking, timeout)

    def release(self):
        """Gives back what one ``acquire()`` took. RuntimeError if this thread does
        not hold the lock.
        """
        if watching() or not gk_rlock_try_release(rlock_of(self), PyThread_get_thread_ident()):
            self.release_slowly()

    def __enter__(self):
        if watching() or not gk_rlock_try(rlock_of(self), PyThread_get_thread_ident()):
            self.acquire_slowly(True, -1)
        return True

    def __exit__(self, exc_type=None, exc=None, traceback=None):
        if watching() or not gk_rlock_try_release(rlock_of(self), PyThread_get_thread_ident()):
            self.release_slowly()

    def locked(self):
        """Whether somebody holds it at this moment.
        """
        return gk_lock_is_held(&rlock_of(self).lock) != 0

    cdef bint acquire_slowly(self, object blocking, object timeout) except -1:
        cdef gk_patience patience
        cdef int status
        lock_patience(&patience, blocking, timeout)
        if watching() and not self._is_owned():
            return outcome(acquire_watched(self, "lock", acquire_rlock, self.state, &patience))
        with nogil:
            gk_gil_freed()
            status = gk_rlock_acquire(rlock_of(self), &patience)
        return outcome(status)

    cdef int release_slowly(self) except -1:
        if watching() and self._recursion_count() == 1:
            released(self, "lock")
        if gk_rlock_release(rlock_of(self)) != GK_SYNC_OK:
            raise RuntimeError("cannot release un-acquired lock")
        return 0

    cdef bint acquire_nogil(self, int64_t timeout=-1) noexcept nogil:
        cdef gk_patience patience = nogil_patience(timeout)
        return gk_rlock_acquire(rlock_of(self), &patience) == GK_SYNC_OK

    cdef bint release_nogil(self) noexcept nogil:
        return gk_rlock_release(rlock_of(self)) == GK_SYNC_OK

    # What threading.Condition asks of a lock.

    def _is_owned(self):
        return gk_rlock_owner(rlock_of(self)) == PyThread_get_thread_ident()

    def _release_save(self):
        if watching() and self._is_owned():
            released(self, "lock")
        cdef uintptr_t count = gk_rlock_release_all(rlock_of(self))
        if count == 0:
            raise RuntimeError("cannot release un-acquired lock")
        return count, PyThread_get_thread_ident()

    def _acquire_restore(self, saved):
        cdef uintptr_t count = saved[0]
        self.acquire_slowly(True, -1)
        gk_rlock_set_count(rlock_of(self), count)

    def _recursion_count(self):
        return gk_rlock_count(rlock_of(self)) if self._is_owned() else 0

    def _at_fork_reinit(self):
        memset(self.state, 0, sizeof(self.state))

    def __repr__(self):
        cdef uintptr_t owner = gk_rlock_owner(rlock_of(self))
        return (f"<{'locked' if owner else 'unlocked'} gilkit.sync.RLock object owner={owner} "
                f"count={gk_rlock_count(rlock_of(self))} at {<uintptr_t><void *>self:#x}>")

    def __reduce__(self):
        raise TypeError("cannot pickle 'gilkit.sync.RLock' object")
