# cython: subinterpreters_compatible = own_gil
"""RWLock. See gilkit.sync, and csrc/sync/rwlock.h for how it works."""
cimport cython
from libc.stdint cimport int64_t, uintptr_t

from gilkit.sync._c cimport (
    GK_CLAIM_READ, GK_CLAIM_WRITE, GK_DO_NOT_WAIT, GK_NO_DEADLINE, GK_OK, gk_claim, gk_gil_freed, gk_wait_options,
    gk_rwlock, gk_rwlock_acquire_read, gk_rwlock_acquire_write, gk_rwlock_init, gk_rwlock_is_mine,
    gk_rwlock_is_written, gk_rwlock_readers, gk_rwlock_reads_of_mine, gk_rwlock_release_read,
    gk_rwlock_release_write, import_core,
)
from gilkit.sync._wait cimport (
    acquire_detecting, claim_of, detecting, dispose, forget_orders, has_greenlets, has_orders, is_for_ever,
    lock_wait_options, nogil_wait_options, outcome,
)

import_core()

cdef extern from *:
    """
    _Static_assert(sizeof(gk_rwlock) <= 6 * 8, "RWLock.state is too small");
    """


cdef inline gk_rwlock *lock_of(RWLock self) noexcept nogil:
    return <gk_rwlock *>self.state


cdef int acquire_read(void *lock, const gk_wait_options *wait_options) noexcept nogil:
    return gk_rwlock_acquire_read(<gk_rwlock *>lock, wait_options)


cdef int acquire_write(void *lock, const gk_wait_options *wait_options) noexcept nogil:
    return gk_rwlock_acquire_write(<gk_rwlock *>lock, wait_options)


cdef str of_greenlets():
    """The rest of an error's sentence."""
    if not has_greenlets():
        return ""
    return (" (an RWLock belongs to threads: if another greenlet of this thread holds it, use a lock of gevent or "
            "eventlet between greenlets)")


@cython.auto_pickle(False)
cdef class RWLock:
    """A lock that many threads may hold to read, or one to write::

        lock = gilkit.sync.RWLock()
        with lock.reader():
            ...
        with lock.writer():
            ...

    Writers are preferred: while one waits, only threads that read already may
    read again. A reader that has been passed by for a millisecond gets in
    before the next writer, with all other readers that wait; so none starves.
    A reader cannot become a writer, nor a writer take the lock twice: a wait
    without a timeout raises RuntimeError instead of never ending, and others
    return False. Thread-safe.
    """

    def __cinit__(self):
        gk_rwlock_init(lock_of(self))

    def __dealloc__(self):
        if has_orders():
            forget_orders(<void *>self)

    def __init__(self):
        pass

    def reader(self):
        """The lock to read under, with the methods of ``Lock``. All that are
        made for one RWLock are alike.
        """
        return ReadLock.__new__(ReadLock, self)

    def writer(self):
        """The lock to write under, with the methods of ``Lock``. All that are
        made for one RWLock are alike.
        """
        return WriteLock.__new__(WriteLock, self)

    @property
    def readers(self):
        """How many times it is held to read at this moment."""
        return gk_rwlock_readers(lock_of(self))

    @property
    def written(self):
        """Whether it is held to write at this moment."""
        return gk_rwlock_is_written(lock_of(self)) != 0

    cdef bint acquire_read_nogil(self, int64_t timeout=-1) noexcept nogil:
        cdef gk_wait_options wait_options = nogil_wait_options(timeout)
        return gk_rwlock_acquire_read(lock_of(self), &wait_options) == GK_OK

    cdef bint acquire_write_nogil(self, int64_t timeout=-1) noexcept nogil:
        cdef gk_wait_options wait_options = nogil_wait_options(timeout)
        return gk_rwlock_acquire_write(lock_of(self), &wait_options) == GK_OK

    cdef bint release_read_nogil(self) noexcept nogil:
        return gk_rwlock_release_read(lock_of(self)) == GK_OK

    cdef bint release_write_nogil(self) noexcept nogil:
        return gk_rwlock_release_write(lock_of(self)) == GK_OK

    def _at_fork_reinit(self):
        gk_rwlock_init(lock_of(self))

    def __repr__(self):
        state = "writing" if self.written else f"reading={self.readers}" if self.readers else "unlocked"
        return f"<gilkit.RWLock at {<uintptr_t><void *>self:#x}: {state}>"

    def __reduce__(self):
        raise TypeError("cannot pickle 'gilkit.sync.RWLock' object")


@cython.auto_pickle(False)
@cython.final
cdef class ReadLock:
    """An RWLock, to be held to read."""

    cdef RWLock of
    cdef object __weakref__

    def __cinit__(self, RWLock of not None):
        self.of = of

    def acquire(self, blocking=True, timeout=-1):
        """Takes the lock to read and returns True, or False if that is not
        possible at once and ``blocking`` is false, or within ``timeout``
        seconds. A thread that reads may do so again. RuntimeError if this
        thread writes and would wait without a timeout.
        """
        return self.acquire_slowly(blocking, timeout)

    def release(self):
        """Gives back what one ``acquire()`` took. RuntimeError if this thread does not read."""
        cdef gk_claim *claim = NULL
        cdef int status
        if detecting() and gk_rwlock_reads_of_mine(lock_of(self.of)) == 1:
            claim = claim_of(self.of, GK_CLAIM_READ)
        status = gk_rwlock_release_read(lock_of(self.of))
        dispose(claim)
        if status != GK_OK:
            raise RuntimeError("cannot release a reader's lock that this thread does not hold")

    def locked(self):
        """Whether somebody reads at this moment."""
        return gk_rwlock_readers(lock_of(self.of)) > 0

    def _is_owned(self):  # asked by a condition
        return gk_rwlock_reads_of_mine(lock_of(self.of)) > 0

    def __enter__(self):
        return self.acquire_slowly(True, -1)

    def __exit__(self, exc_type=None, exc=None, traceback=None):
        self.release()

    cdef bint acquire_slowly(self, object blocking, object timeout) except -1:
        cdef gk_rwlock *lock = lock_of(self.of)
        cdef gk_wait_options wait_options
        cdef int status
        wait_options.poll = NULL
        wait_options.context = NULL
        wait_options.deadline = GK_DO_NOT_WAIT
        # Mostly it is free, and the GIL need not be let go.
        if not detecting() and is_for_ever(timeout) and gk_rwlock_acquire_read(lock, &wait_options) == GK_OK:
            return True
        lock_wait_options(&wait_options, blocking, timeout)
        if wait_options.deadline == GK_NO_DEADLINE and gk_rwlock_is_mine(lock):
            raise RuntimeError(f"this thread holds the RWLock to write, and cannot read beside that{of_greenlets()}")
        if detecting() and not gk_rwlock_reads_of_mine(lock):
            status = acquire_detecting(self.of, GK_CLAIM_READ, acquire_read, lock, &wait_options)
        else:
            with nogil:
                gk_gil_freed()
                status = gk_rwlock_acquire_read(lock, &wait_options)
        return outcome(status)

    def __reduce__(self):
        raise TypeError("cannot pickle 'gilkit.sync.ReadLock' object")


@cython.auto_pickle(False)
@cython.final
cdef class WriteLock:
    """An RWLock, to be held to write."""

    cdef RWLock of
    cdef object __weakref__

    def __cinit__(self, RWLock of not None):
        self.of = of

    def acquire(self, blocking=True, timeout=-1):
        """Takes the lock to write and returns True, or False if that is not
        possible at once and ``blocking`` is false, or within ``timeout``
        seconds. RuntimeError if this thread reads or writes already and would
        wait without a timeout.
        """
        return self.acquire_slowly(blocking, timeout)

    def release(self):
        """Frees the lock. RuntimeError if this thread does not write."""
        cdef gk_claim *claim = NULL
        cdef int status
        if detecting() and gk_rwlock_is_mine(lock_of(self.of)):
            claim = claim_of(self.of, GK_CLAIM_WRITE)
        status = gk_rwlock_release_write(lock_of(self.of))
        dispose(claim)
        if status != GK_OK:
            raise RuntimeError("cannot release a writer's lock that this thread does not hold")

    def locked(self):
        """Whether somebody writes at this moment."""
        return gk_rwlock_is_written(lock_of(self.of)) != 0

    def _is_owned(self):  # asked by a condition
        return gk_rwlock_is_mine(lock_of(self.of)) != 0

    def __enter__(self):
        return self.acquire_slowly(True, -1)

    def __exit__(self, exc_type=None, exc=None, traceback=None):
        self.release()

    cdef bint acquire_slowly(self, object blocking, object timeout) except -1:
        cdef gk_rwlock *lock = lock_of(self.of)
        cdef gk_wait_options wait_options
        cdef int status
        wait_options.poll = NULL
        wait_options.context = NULL
        wait_options.deadline = GK_DO_NOT_WAIT
        if not detecting() and is_for_ever(timeout) and gk_rwlock_acquire_write(lock, &wait_options) == GK_OK:
            return True
        lock_wait_options(&wait_options, blocking, timeout)
        if wait_options.deadline == GK_NO_DEADLINE and gk_rwlock_is_mine(lock):
            raise RuntimeError(f"this thread holds the RWLock to write already{of_greenlets()}")
        if wait_options.deadline == GK_NO_DEADLINE and gk_rwlock_reads_of_mine(lock):
            raise RuntimeError(
                "this thread holds the RWLock to read; a reader cannot become a writer, for two that tried would "
                f"wait for each other{of_greenlets()}")
        if detecting():
            status = acquire_detecting(self.of, GK_CLAIM_WRITE, acquire_write, lock, &wait_options)
        else:
            with nogil:
                gk_gil_freed()
                status = gk_rwlock_acquire_write(lock, &wait_options)
        return outcome(status)

    def __reduce__(self):
        raise TypeError("cannot pickle 'gilkit.sync.WriteLock' object")
