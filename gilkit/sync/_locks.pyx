# cython: subinterpreters_compatible = own_gil
"""Lock and RLock. csrc/sync/lock.h describes the algorithm."""
cimport cython
from libc.stdint cimport int64_t, uintptr_t
from libc.string cimport memset

from gilkit.sync._c cimport (
    GK_CLAIM_LOCK, GK_DO_NOT_WAIT, GK_INTERRUPTED, GK_NO_DEADLINE, GK_OK, gk_claim, gk_gil_freed, gk_lock,
    gk_lock_acquire, gk_lock_is_held, gk_lock_release, gk_lock_try, gk_lock_try_release, gk_rlock, gk_rlock_acquire,
    gk_rlock_count, gk_rlock_owner, gk_rlock_release, gk_rlock_release_all, gk_rlock_set_count, gk_rlock_try,
    gk_rlock_try_release, gk_wait_options, import_core,
)
from gilkit.sync._wait cimport (
    PyThread_get_thread_ident, acquire_monitored, claim_of, detecting, dispose, exception_of_wait, forget_orders,
    has_greenlets, has_orders, is_forever, lock_wait_options, monitoring, nogil_wait_options, outcome, refuse_greenlet,
    switch_meanwhile, this_owner, wait_options_forever,
)

import_core()

cdef extern from *:
    """
    /* Once greenlet is imported, a lock records its holder; 0: free, or not known. */
    typedef struct {
        gk_lock lock;
        _Atomic uintptr_t thread, owner;
    } gk_held_lock;
    typedef struct {
        gk_rlock lock;
        _Atomic uintptr_t thread;
    } gk_held_rlock;
    #define gk_word(address) atomic_load_explicit(address, memory_order_relaxed)
    #define gk_set_word(address, value) atomic_store_explicit(address, value, memory_order_relaxed)
    _Static_assert(sizeof(gk_held_lock) <= 6 * 8, "Lock.state is too small");
    _Static_assert(sizeof(gk_held_rlock) <= 7 * 8, "RLock.state is too small");
    """
    ctypedef struct word "_Atomic uintptr_t":
        pass
    ctypedef struct gk_held_lock:
        word thread
        word owner
    ctypedef struct gk_held_rlock:
        word thread
    uintptr_t gk_word(word *address) noexcept nogil
    void gk_set_word(word *address, uintptr_t value) noexcept nogil


cdef inline gk_lock *lock_of(Lock self) noexcept nogil:
    return <gk_lock *>self.state


cdef inline gk_rlock *rlock_of(RLock self) noexcept nogil:
    return <gk_rlock *>self.state


cdef int acquire_lock(void *lock, const gk_wait_options *wait_options) noexcept nogil:
    return gk_lock_acquire(<gk_lock *>lock, wait_options)


ctypedef struct owned_rlock:
    gk_rlock *lock
    uintptr_t owner


cdef int acquire_rlock(void *wanted, const gk_wait_options *wait_options) noexcept nogil:
    return gk_rlock_acquire((<owned_rlock *>wanted).lock, (<owned_rlock *>wanted).owner, wait_options)


@cython.auto_pickle(False)
cdef class Lock:
    """Mutual exclusion lock with the interface of ``threading.Lock``.

    Cython and C code can hold it without the GIL: ``cimport gilkit.sync``, then
    ``lock.acquire_nogil(timeout_ns)``.

    Notes
    -----
    Thread-safe. Any thread may release the lock. A waiting thread releases the
    GIL, spins for a few microseconds and then sleeps. Once the first thread in
    the queue has waited for 1 ms, the next release hands it the lock, so no
    thread starves.

    In the main thread, signal handlers run during a wait, and Ctrl-C ends it.
    After ``os.fork`` the lock is in the child as it was in the parent, without
    the waiting threads. If gevent or eventlet has patched the program, a wait
    runs other greenlets.

    Examples
    --------
    >>> from gilkit import sync
    >>> lock = sync.Lock()
    >>> with lock:
    ...     lock.locked()
    True
    >>> lock.locked()
    False
    """

    def __init__(self):
        pass

    def __dealloc__(self):
        if has_orders():
            forget_orders(<void *>self)

    def acquire(self, blocking=True, timeout=-1):
        """Acquire the lock, waiting for it if necessary.

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
        ValueError
            If the timeout is NaN or negative (other than -1), or is given with
            ``blocking=False``.
        OverflowError
            If the timeout exceeds ``threading.TIMEOUT_MAX``.
        RuntimeError
            If another greenlet of the same thread holds the lock, the wait has no
            timeout, and no hub can run that greenlet.
        DeadlockError
            If the wait would close a cycle; see ``detect_deadlocks``.
        """
        if is_forever(timeout) and not monitoring() and gk_lock_try(lock_of(self)):
            return True
        return self.acquire_slowly(blocking, timeout)

    def release(self):
        """Release the lock.

        Raises
        ------
        RuntimeError
            If the lock is not held.
        """
        if monitoring() or not gk_lock_try_release(lock_of(self)):
            self.release_slowly()

    def __enter__(self):
        if monitoring() or not gk_lock_try(lock_of(self)):
            self.acquire_slowly(True, -1)
        return True

    def __exit__(self, exc_type=None, exc=None, traceback=None):
        if monitoring() or not gk_lock_try_release(lock_of(self)):
            self.release_slowly()

    def locked(self):
        """Return whether the lock is held at this moment."""
        return gk_lock_is_held(lock_of(self)) != 0

    cdef bint acquire_slowly(self, object blocking, object timeout) except -1:
        cdef gk_wait_options wait_options
        lock_wait_options(&wait_options, blocking, timeout)
        return outcome(self.acquire_with(&wait_options))

    cdef int acquire_with(self, void *how) except? -1:
        cdef gk_wait_options *wait_options = <gk_wait_options *>how
        cdef int status
        if not detecting() and gk_lock_try(lock_of(self)):
            status = GK_OK
        else:
            if has_greenlets():  # also if the lock is free: another thread may take it first
                self.prepare_wait(wait_options)
            if detecting():
                status = acquire_monitored(self, GK_CLAIM_LOCK, acquire_lock, self.state, wait_options)
            elif wait_options.deadline == GK_DO_NOT_WAIT:
                status = gk_lock_acquire(lock_of(self), wait_options)
            else:
                with nogil:
                    gk_gil_freed()
                    status = gk_lock_acquire(lock_of(self), wait_options)
        if status == GK_OK and has_greenlets():
            self.note_holder()
        return status

    cdef int release_slowly(self) except -1:
        cdef gk_claim *claim = NULL
        cdef int status
        if monitoring() and gk_lock_is_held(lock_of(self)):
            self.forget_holder()
            if detecting():
                claim = claim_of(self, GK_CLAIM_LOCK)
        status = gk_lock_release(lock_of(self))
        dispose(claim)
        if status != GK_OK:
            raise RuntimeError("release unlocked lock")
        return 0

    cdef int reacquire(self) except -1:
        cdef gk_wait_options wait_options
        cdef int status = GK_INTERRUPTED
        error = None
        while status == GK_INTERRUPTED:
            wait_options = wait_options_forever()
            status = self.acquire_with(&wait_options)
            if status == GK_INTERRUPTED:  # raised once the lock is held
                error = exception_of_wait()
        outcome(status)
        if error is not None:
            raise error
        return 0

    cdef void note_holder(self) noexcept:
        gk_set_word(&(<gk_held_lock *>self.state).owner, this_owner())
        gk_set_word(&(<gk_held_lock *>self.state).thread, PyThread_get_thread_ident())

    cdef void forget_holder(self) noexcept nogil:
        if gk_word(&(<gk_held_lock *>self.state).thread) != 0:
            gk_set_word(&(<gk_held_lock *>self.state).thread, 0)

    cdef int prepare_wait(self, void *how) except -1:
        cdef gk_wait_options *wait_options = <gk_wait_options *>how
        switch_meanwhile(wait_options)
        # A greenlet that waits for itself hangs, as a thread does with threading.Lock.
        if (wait_options.deadline == GK_NO_DEADLINE and wait_options.sleep == NULL and gk_lock_is_held(lock_of(self))
                and gk_word(&(<gk_held_lock *>self.state).thread) == PyThread_get_thread_ident()
                and gk_word(&(<gk_held_lock *>self.state).owner) != this_owner()):
            refuse_greenlet(self)
        return 0

    cdef bint acquire_nogil(self, int64_t timeout=-1) noexcept nogil:
        if gk_lock_try(lock_of(self)):
            return True
        cdef gk_wait_options wait_options = nogil_wait_options(timeout)
        return gk_lock_acquire(lock_of(self), &wait_options) == GK_OK

    cdef bint release_nogil(self) noexcept nogil:
        if has_greenlets():
            self.forget_holder()
        return gk_lock_try_release(lock_of(self)) or gk_lock_release(lock_of(self)) == GK_OK

    def _at_fork_reinit(self):
        memset(self.state, 0, sizeof(self.state))

    def __repr__(self):
        return (f"<{'locked' if self.locked() else 'unlocked'} gilkit.sync.Lock object at "
                f"{<uintptr_t><void *>self:#x}>")

    def __reduce__(self):
        raise TypeError("cannot pickle 'gilkit.sync.Lock' object")


@cython.auto_pickle(False)
cdef class RLock:
    """Reentrant lock with the interface of ``threading.RLock``.

    Its owner may acquire it again, and must release it as many times.

    Notes
    -----
    Thread-safe; only the owner may release it. The owner is a thread, or a
    greenlet once greenlet is imported. Otherwise like ``Lock``.

    Examples
    --------
    >>> from gilkit import sync
    >>> lock = sync.RLock()
    >>> with lock, lock:
    ...     lock.locked()
    True
    """

    def __init__(self):
        pass

    def __dealloc__(self):
        if has_orders():
            forget_orders(<void *>self)

    def acquire(self, blocking=True, timeout=-1):
        """Acquire the lock, again if this thread already owns it.

        Parameters
        ----------
        blocking : bool, default True
            Whether to wait if another thread holds the lock.
        timeout : float, default -1
            The longest time to wait, in seconds; -1 waits without limit.

        Returns
        -------
        bool
            True if the lock was acquired, False otherwise.

        Raises
        ------
        ValueError, OverflowError, RuntimeError, DeadlockError
            As for ``Lock.acquire``.
        """
        if is_forever(timeout) and not monitoring() and gk_rlock_try(rlock_of(self), PyThread_get_thread_ident()):
            return True
        return self.acquire_slowly(blocking, timeout)

    def release(self):
        """Undo one ``acquire()``; the last one frees the lock.

        Raises
        ------
        RuntimeError
            If this thread does not own the lock.
        """
        if monitoring() or not gk_rlock_try_release(rlock_of(self), PyThread_get_thread_ident()):
            self.release_slowly()

    def __enter__(self):
        if monitoring() or not gk_rlock_try(rlock_of(self), PyThread_get_thread_ident()):
            self.acquire_slowly(True, -1)
        return True

    def __exit__(self, exc_type=None, exc=None, traceback=None):
        if monitoring() or not gk_rlock_try_release(rlock_of(self), PyThread_get_thread_ident()):
            self.release_slowly()

    def locked(self):
        """Return whether the lock is held at this moment."""
        return gk_lock_is_held(&rlock_of(self).lock) != 0

    cdef bint acquire_slowly(self, object blocking, object timeout) except -1:
        cdef gk_wait_options wait_options
        lock_wait_options(&wait_options, blocking, timeout)
        return outcome(self.acquire_with(&wait_options))

    cdef int acquire_with(self, void *how) except? -1:
        cdef gk_wait_options *wait_options = <gk_wait_options *>how
        cdef owned_rlock wanted
        cdef int status
        wanted.lock = rlock_of(self)
        wanted.owner = this_owner()
        if has_greenlets():
            if gk_rlock_try(wanted.lock, wanted.owner) if not detecting() else False:
                self.note_holder()
                return GK_OK
            if gk_rlock_owner(wanted.lock) != wanted.owner:
                switch_meanwhile(wait_options)
            if (wait_options.deadline == GK_NO_DEADLINE and wait_options.sleep == NULL
                    and gk_rlock_owner(wanted.lock) != wanted.owner
                    and gk_word(&(<gk_held_rlock *>self.state).thread) == PyThread_get_thread_ident()):
                refuse_greenlet(self)
        if detecting() and gk_rlock_owner(wanted.lock) != wanted.owner:
            status = acquire_monitored(self, GK_CLAIM_LOCK, acquire_rlock, &wanted, wait_options)
        else:
            with nogil:
                gk_gil_freed()
                status = acquire_rlock(&wanted, wait_options)
        if status == GK_OK and has_greenlets():
            self.note_holder()
        return status

    cdef int release_slowly(self) except -1:
        cdef gk_claim *claim = NULL
        cdef uintptr_t owner = this_owner()
        cdef int status
        if gk_rlock_owner(rlock_of(self)) == owner and gk_rlock_count(rlock_of(self)) == 1:
            self.forget_holder()
            if detecting():
                claim = claim_of(self, GK_CLAIM_LOCK)
        status = gk_rlock_release(rlock_of(self), owner)
        dispose(claim)
        if status != GK_OK:
            raise RuntimeError("cannot release un-acquired lock")
        return 0

    cdef int reacquire(self, uint64_t count) except -1:
        cdef gk_wait_options wait_options
        cdef int status = GK_INTERRUPTED
        error = None
        while status == GK_INTERRUPTED:
            wait_options = wait_options_forever()
            status = self.acquire_with(&wait_options)
            if status == GK_INTERRUPTED:  # raised once the lock is held
                error = exception_of_wait()
        outcome(status)
        gk_rlock_set_count(rlock_of(self), count)
        if error is not None:
            raise error
        return 0

    cdef void note_holder(self) noexcept:
        gk_set_word(&(<gk_held_rlock *>self.state).thread, PyThread_get_thread_ident())

    cdef void forget_holder(self) noexcept nogil:
        if gk_word(&(<gk_held_rlock *>self.state).thread) != 0:
            gk_set_word(&(<gk_held_rlock *>self.state).thread, 0)

    cdef bint acquire_nogil(self, int64_t timeout=-1) noexcept nogil:
        cdef gk_wait_options wait_options = nogil_wait_options(timeout)
        return gk_rlock_acquire(rlock_of(self), PyThread_get_thread_ident(), &wait_options) == GK_OK

    cdef bint release_nogil(self) noexcept nogil:
        if has_greenlets() and gk_rlock_count(rlock_of(self)) == 1:
            self.forget_holder()
        return gk_rlock_release(rlock_of(self), PyThread_get_thread_ident()) == GK_OK

    # The methods that threading.Condition calls on its lock.

    def _is_owned(self):
        return gk_rlock_owner(rlock_of(self)) == this_owner()

    def _release_save(self):
        cdef gk_claim *claim = NULL
        cdef uintptr_t owner = this_owner(), count
        if gk_rlock_owner(rlock_of(self)) == owner:
            self.forget_holder()
            if detecting():
                claim = claim_of(self, GK_CLAIM_LOCK)
        count = gk_rlock_release_all(rlock_of(self), owner)
        dispose(claim)
        if count == 0:
            raise RuntimeError("cannot release un-acquired lock")
        return count, owner

    def _acquire_restore(self, saved):
        self.reacquire(saved[0])

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
