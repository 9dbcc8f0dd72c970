# cython: subinterpreters_compatible = own_gil
"""RWLock. csrc/sync/rwlock.h describes the algorithm."""
cimport cython
from libc.stdint cimport int64_t, uintptr_t

from gilkit.sync._c cimport (
    GK_CLAIM_READ, GK_CLAIM_WRITE, GK_DO_NOT_WAIT, GK_NO_DEADLINE, GK_OK, gk_claim, gk_gil_freed, gk_rwlock,
    gk_rwlock_acquire_read, gk_rwlock_acquire_write, gk_rwlock_init, gk_rwlock_is_held_beside, gk_rwlock_is_written,
    gk_rwlock_is_written_by, gk_rwlock_readers, gk_rwlock_reads_of, gk_rwlock_release_read, gk_rwlock_release_write,
    gk_thread_ident, gk_wait_options, import_core,
)
from gilkit.sync._wait cimport (
    acquire_function, acquire_monitored, claim_of, detecting, dispose, forget_orders, has_greenlets, has_orders,
    is_forever, lock_wait_options, nogil_wait_options, outcome, refuse_greenlet, switch_meanwhile, this_owner,
    wait_options_forever,
)

import_core()

cdef extern from *:
    """
    _Static_assert(sizeof(gk_rwlock) <= 7 * 8, "RWLock.state is too small");
    """


cdef inline gk_rwlock *lock_of(RWLock self) noexcept nogil:
    return <gk_rwlock *>self.state


ctypedef struct owned_rwlock:
    gk_rwlock *lock
    uintptr_t owner


cdef int acquire_read(void *wanted, const gk_wait_options *wait_options) noexcept nogil:
    cdef owned_rwlock *lock = <owned_rwlock *>wanted
    return gk_rwlock_acquire_read(lock.lock, lock.owner, wait_options)


cdef int acquire_write(void *wanted, const gk_wait_options *wait_options) noexcept nogil:
    cdef owned_rwlock *lock = <owned_rwlock *>wanted
    return gk_rwlock_acquire_write(lock.lock, lock.owner, wait_options)


cdef int acquire_slowly(
        RWLock of, int mode, uintptr_t owner, bint claims, gk_wait_options *wait_options) except? -1:
    cdef owned_rwlock wanted
    cdef int status
    wanted.lock, wanted.owner = lock_of(of), owner
    switch_meanwhile(wait_options)
    if (has_greenlets() and wait_options.deadline == GK_NO_DEADLINE and wait_options.sleep == NULL
            and gk_rwlock_is_held_beside(wanted.lock, owner, mode == GK_CLAIM_WRITE)):
        refuse_greenlet(of)
    cdef acquire_function acquire = acquire_read if mode == GK_CLAIM_READ else acquire_write
    if claims:
        return acquire_monitored(of, mode, acquire, &wanted, wait_options)
    with nogil:
        gk_gil_freed()
        status = acquire(&wanted, wait_options)
    return status


@cython.auto_pickle(False)
cdef class RWLock:
    """Lock that many threads may hold to read, or one thread to write.

    Notes
    -----
    Thread-safe. Once greenlet is imported, each greenlet counts as a thread.
    Writers have priority: while one waits, only threads that already hold the
    lock to read may acquire it again. Once the first thread in
    the queue is a reader that has waited for 1 ms, all waiting readers go before
    the next writer, so no thread starves.

    A reader cannot become a writer, and a writer cannot acquire the lock again.
    Such a wait raises ``RuntimeError`` if it has no timeout, since it would
    never end; otherwise it returns False. Signals and fork: see ``Lock``.

    Examples
    --------
    >>> from gilkit import sync
    >>> lock = sync.RWLock()
    >>> with lock.reader():
    ...     lock.readers
    1
    >>> with lock.writer():
    ...     lock.written
    True
    """

    def __cinit__(self):
        gk_rwlock_init(lock_of(self))

    def __dealloc__(self):
        if has_orders():
            forget_orders(<void *>self)

    def __init__(self):
        pass

    def reader(self):
        """Return a view of the lock with the methods of ``Lock``, which acquires it to read.

        Returns
        -------
        ReadLock
            Usually used in a ``with`` statement. All views of one lock are equivalent.
        """
        return ReadLock.__new__(ReadLock, self)

    def writer(self):
        """Return a view of the lock with the methods of ``Lock``, which acquires it to write.

        Returns
        -------
        WriteLock
            Usually used in a ``with`` statement. All views of one lock are equivalent.
        """
        return WriteLock.__new__(WriteLock, self)

    @property
    def readers(self):
        """Number of threads that hold the lock to read at this moment; an int."""
        return gk_rwlock_readers(lock_of(self))

    @property
    def written(self):
        """Whether the lock is held to write at this moment; a bool."""
        return gk_rwlock_is_written(lock_of(self)) != 0

    cdef bint acquire_read_nogil(self, int64_t timeout=-1) noexcept nogil:
        cdef gk_wait_options wait_options = nogil_wait_options(timeout)
        return gk_rwlock_acquire_read(lock_of(self), gk_thread_ident(), &wait_options) == GK_OK

    cdef bint acquire_write_nogil(self, int64_t timeout=-1) noexcept nogil:
        cdef gk_wait_options wait_options = nogil_wait_options(timeout)
        return gk_rwlock_acquire_write(lock_of(self), gk_thread_ident(), &wait_options) == GK_OK

    cdef bint release_read_nogil(self) noexcept nogil:
        return gk_rwlock_release_read(lock_of(self), gk_thread_ident()) == GK_OK

    cdef bint release_write_nogil(self) noexcept nogil:
        return gk_rwlock_release_write(lock_of(self), gk_thread_ident()) == GK_OK

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
    """View of an ``RWLock`` that acquires it to read; made by ``RWLock.reader``."""

    cdef RWLock of
    cdef object __weakref__

    def __cinit__(self, RWLock of not None):
        self.of = of

    def acquire(self, blocking=True, timeout=-1):
        """Acquire the lock to read. A thread that holds it to read may do so again.

        Parameters
        ----------
        blocking : bool, default True
            Whether to wait if the lock is not available.
        timeout : float, default -1
            The longest time to wait, in seconds; -1 waits without limit.

        Returns
        -------
        bool
            True if the lock was acquired; False if it is not available and
            ``blocking`` is false, or if the timeout expired.

        Raises
        ------
        RuntimeError
            If this thread holds the lock to write and the wait has no timeout.
        ValueError, OverflowError, DeadlockError
            As for ``Lock.acquire``.
        """
        return self.acquire_slowly(blocking, timeout)

    def release(self):
        """Undo one ``acquire()``. Raise RuntimeError if this thread does not hold the lock to read."""
        cdef gk_claim *claim = NULL
        cdef uintptr_t owner = this_owner()
        cdef int status
        if detecting() and gk_rwlock_reads_of(lock_of(self.of), owner) == 1:
            claim = claim_of(self.of, GK_CLAIM_READ)
        status = gk_rwlock_release_read(lock_of(self.of), owner)
        dispose(claim)
        if status != GK_OK:
            raise RuntimeError("cannot release a reader's lock that this thread does not hold")

    def locked(self):
        """Return whether any thread holds the lock to read at this moment."""
        return gk_rwlock_readers(lock_of(self.of)) > 0

    def _is_owned(self):  # called by Condition
        return gk_rwlock_reads_of(lock_of(self.of), this_owner()) > 0

    def __enter__(self):
        return self.acquire_slowly(True, -1)

    def __exit__(self, exc_type=None, exc=None, traceback=None):
        self.release()

    cdef bint acquire_slowly(self, object blocking, object timeout) except -1:
        cdef gk_rwlock *lock = lock_of(self.of)
        cdef gk_wait_options wait_options = wait_options_forever()
        cdef uintptr_t owner = this_owner()
        wait_options.deadline = GK_DO_NOT_WAIT
        # Usually the lock is available, and the GIL need not be released.
        if not detecting() and is_forever(timeout) and gk_rwlock_acquire_read(lock, owner, &wait_options) == GK_OK:
            return True
        lock_wait_options(&wait_options, blocking, timeout)
        if wait_options.deadline == GK_NO_DEADLINE and gk_rwlock_is_written_by(lock, owner):
            raise RuntimeError("this thread holds the RWLock to write and cannot also read")
        cdef bint claims = detecting() and not gk_rwlock_reads_of(lock, owner)
        return outcome(acquire_slowly(self.of, GK_CLAIM_READ, owner, claims, &wait_options))

    def __reduce__(self):
        raise TypeError("cannot pickle 'gilkit.sync.ReadLock' object")


@cython.auto_pickle(False)
@cython.final
cdef class WriteLock:
    """View of an ``RWLock`` that acquires it to write; made by ``RWLock.writer``."""

    cdef RWLock of
    cdef object __weakref__

    def __cinit__(self, RWLock of not None):
        self.of = of

    def acquire(self, blocking=True, timeout=-1):
        """Acquire the lock to write.

        Parameters
        ----------
        blocking : bool, default True
            Whether to wait if the lock is held.
        timeout : float, default -1
            The longest time to wait, in seconds; -1 waits without limit.

        Returns
        -------
        bool
            True if the lock was acquired; False if it is held and ``blocking``
            is false, or if the timeout expired.

        Raises
        ------
        RuntimeError
            If this thread already holds the lock, to read or to write, and the
            wait has no timeout.
        ValueError, OverflowError, DeadlockError
            As for ``Lock.acquire``.
        """
        return self.acquire_slowly(blocking, timeout)

    def release(self):
        """Release the lock. Raise RuntimeError if this thread does not hold it to write."""
        cdef gk_claim *claim = NULL
        cdef uintptr_t owner = this_owner()
        cdef int status
        if detecting() and gk_rwlock_is_written_by(lock_of(self.of), owner):
            claim = claim_of(self.of, GK_CLAIM_WRITE)
        status = gk_rwlock_release_write(lock_of(self.of), owner)
        dispose(claim)
        if status != GK_OK:
            raise RuntimeError("cannot release a writer's lock that this thread does not hold")

    def locked(self):
        """Return whether a thread holds the lock to write at this moment."""
        return gk_rwlock_is_written(lock_of(self.of)) != 0

    def _is_owned(self):  # called by Condition
        return gk_rwlock_is_written_by(lock_of(self.of), this_owner()) != 0

    def __enter__(self):
        return self.acquire_slowly(True, -1)

    def __exit__(self, exc_type=None, exc=None, traceback=None):
        self.release()

    cdef bint acquire_slowly(self, object blocking, object timeout) except -1:
        cdef gk_rwlock *lock = lock_of(self.of)
        cdef gk_wait_options wait_options = wait_options_forever()
        cdef uintptr_t owner = this_owner()
        wait_options.deadline = GK_DO_NOT_WAIT
        if not detecting() and is_forever(timeout) and gk_rwlock_acquire_write(lock, owner, &wait_options) == GK_OK:
            return True
        lock_wait_options(&wait_options, blocking, timeout)
        if wait_options.deadline == GK_NO_DEADLINE and gk_rwlock_is_written_by(lock, owner):
            raise RuntimeError("this thread holds the RWLock to write already")
        if wait_options.deadline == GK_NO_DEADLINE and gk_rwlock_reads_of(lock, owner):
            raise RuntimeError(
                "this thread holds the RWLock to read; a reader cannot become a writer, because two readers that "
                "tried would wait for each other")
        return outcome(acquire_slowly(self.of, GK_CLAIM_WRITE, owner, detecting(), &wait_options))

    def __reduce__(self):
        raise TypeError("cannot pickle 'gilkit.sync.WriteLock' object")
