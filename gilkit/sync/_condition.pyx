# cython: subinterpreters_compatible = own_gil
"""Condition. csrc/sync/condition.h describes the algorithm."""
import time
import warnings

cimport cython
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from gilkit.sync._c cimport (
    GK_DO_NOT_WAIT, GK_OK, gk_condition, gk_condition_enter, gk_condition_leave, gk_condition_notify,
    gk_condition_retake, gk_condition_retake_rlock, gk_condition_sleep, gk_condition_wait, gk_condition_wait_rlock,
    gk_condition_waiters, gk_gil_await, gk_gil_freed, gk_gil_signalling, gk_lock, gk_lock_acquire, gk_lock_is_held,
    gk_lock_release, gk_rlock, gk_rlock_acquire_again, gk_rlock_owner, gk_rlock_release_all, gk_wait_options,
    gk_waiter, import_core,
)
from gilkit.sync._locks cimport Lock, RLock
from gilkit.sync._wait cimport (
    detecting, has_greenlets, nogil_wait_options, outcome, switch_meanwhile, this_owner, wait_options_forever,
    wait_options_of,
)

import_core()

cdef extern from *:
    """
    _Static_assert(sizeof(gk_condition) <= 3 * 8, "Condition.state is too small");
    """


cdef inline gk_condition *condition_of(Condition self) noexcept nogil:
    return <gk_condition *>self.state


@cython.auto_pickle(False)
cdef class Condition:
    """Condition variable with the interface of ``threading.Condition``.

    Parameters
    ----------
    lock : Lock, RLock or any lock with ``acquire`` and ``release``, optional
        The lock that threads hold while they wait or notify; by default, a new
        ``RLock``.

    Notes
    -----
    Thread-safe. There are no spurious wake-ups, and the threads that have waited
    longest are notified first. With a gilkit lock the whole wait runs without
    the GIL. Signals and fork: see ``Lock``.

    Examples
    --------
    >>> import threading
    >>> from gilkit import sync
    >>> ready, items = sync.Condition(), []
    >>> def produce():
    ...     with ready:
    ...         items.append(1)
    ...         ready.notify()
    >>> thread = threading.Thread(target=produce)
    >>> with ready:
    ...     thread.start()
    ...     ready.wait_for(lambda: items)
    [1]
    >>> thread.join()
    """

    def __init__(self, lock=None):
        if lock is None:
            lock = RLock()
        for method in ("acquire", "release"):  # what is not a lock fails here, as in threading, and not when it is used
            getattr(lock, method)
        self._lock = lock
        self.lock = <void *>(<Lock>lock).state if type(lock) is Lock else NULL
        self.rlock = <void *>(<RLock>lock).state if type(lock) is RLock else NULL

    def acquire(self, *args, **kwargs):
        """Acquire the lock; call its ``acquire`` with the same arguments."""
        return self._lock.acquire(*args, **kwargs)

    def release(self):
        """Release the lock; call its ``release``."""
        return self._lock.release()

    def locked(self):
        """Return whether the lock is held; call its ``locked``."""
        return self._lock.locked()

    def __enter__(self):
        return self._lock.__enter__()

    def __exit__(self, *exc):
        return self._lock.__exit__(*exc)

    def wait(self, timeout=None):
        """Release the lock, wait for a notification, and acquire the lock again.

        Parameters
        ----------
        timeout : float or None, default None
            The longest time to wait for the notification, in seconds; None waits
            without limit.

        Returns
        -------
        bool
            True if the thread was notified, False if the timeout expired.

        Raises
        ------
        RuntimeError
            If this thread does not hold the lock.

        Notes
        -----
        An exception from a signal handler, such as Ctrl-C's, is raised once the
        lock is held again.
        """
        cdef gk_wait_options wait_options
        cdef gk_waiter waiter
        cdef uintptr_t count = 0, owner = 0
        cdef int status
        self.check_owned("wait")
        wait_options_of(&wait_options, timeout)
        switch_meanwhile(&wait_options)
        # Even without a wait for the notification, greenlets of this thread may have the lock before it is reacquired.
        if (detecting() or wait_options.sleep != NULL or (self.lock == NULL and self.rlock == NULL)
                or (has_greenlets() and wait_options.deadline == GK_DO_NOT_WAIT)):
            return self._wait_with_any_lock(timeout)
        gk_condition_enter(condition_of(self), &waiter)
        if self.rlock != NULL:
            owner = this_owner()
            (<RLock>self._lock).forget_holder()
            count = gk_rlock_release_all(<gk_rlock *>self.rlock, owner)
        else:
            (<Lock>self._lock).forget_holder()
            gk_lock_release(<gk_lock *>self.lock)
        with nogil:
            gk_gil_freed()
            status = gk_condition_sleep(condition_of(self), &waiter, &wait_options)
            gk_gil_await()
        # Take the GIL first, then the lock: a thread that held the lock while it
        # waited for the GIL would block a thread that has the GIL and wants the lock.
        if not self.try_reacquire(owner, count):
            with nogil:
                gk_gil_freed()
                if self.rlock != NULL:
                    status = gk_condition_retake_rlock(<gk_rlock *>self.rlock, owner, count, status, &wait_options)
                else:
                    status = gk_condition_retake(<gk_lock *>self.lock, status, &wait_options)
        if has_greenlets():
            if self.rlock != NULL:
                (<RLock>self._lock).note_holder()
            else:
                (<Lock>self._lock).note_holder()
        return outcome(status)

    cdef bint try_reacquire(self, uintptr_t owner, uintptr_t count) noexcept:
        cdef gk_wait_options none = wait_options_forever()
        none.deadline = GK_DO_NOT_WAIT
        if self.rlock != NULL:
            return gk_rlock_acquire_again(<gk_rlock *>self.rlock, owner, count, &none) == GK_OK
        return gk_lock_acquire(<gk_lock *>self.lock, &none) == GK_OK

    def _wait_with_any_lock(self, timeout):
        cdef gk_wait_options wait_options
        cdef int status
        wait_options_of(&wait_options, timeout)
        switch_meanwhile(&wait_options)
        # On the heap: the lock's own methods may switch greenlets, and thus stacks.
        cdef gk_waiter *waiter = <gk_waiter *>malloc(sizeof(gk_waiter))
        if waiter == NULL:
            raise MemoryError
        gk_condition_enter(condition_of(self), waiter)
        try:
            saved = self._release_save()
        except BaseException:
            gk_condition_leave(condition_of(self), waiter)
            free(waiter)
            raise
        try:
            with nogil:
                gk_gil_freed()
                status = gk_condition_sleep(condition_of(self), waiter, &wait_options)
                gk_gil_await()
            free(waiter)
            return outcome(status)
        finally:
            self._acquire_restore(saved)

    def wait_for(self, predicate, timeout=None):
        """Wait until a predicate is true.

        Parameters
        ----------
        predicate : callable
            Called without arguments while the lock is held, first before any
            wait and again after each notification.
        timeout : float or None, default None
            The longest time to wait in all, in seconds; None waits without limit.

        Returns
        -------
        object
            The last value of the predicate: false if the timeout expired.
        """
        end = None
        result = predicate()
        while not result:
            left = timeout
            if timeout is not None:
                if end is None:
                    end = time.monotonic() + timeout
                else:
                    left = end - time.monotonic()
                    if left <= 0:
                        break
            self.wait(left)
            result = predicate()
        return result

    def notify(self, n=1):
        """Wake up to ``n`` waiting threads, those that have waited longest first.

        Parameters
        ----------
        n : int, default 1
            The number of threads to wake; nothing happens if it is 0 or less.

        Raises
        ------
        RuntimeError
            If this thread does not hold the lock.
        """
        self.check_owned("notify")
        gk_gil_signalling()
        if n > 0:
            gk_condition_notify(condition_of(self), min(n, 0x7fffffff))

    def notify_all(self):
        """Wake all waiting threads. Raise RuntimeError if this thread does not hold the lock."""
        self.check_owned("notify")
        gk_gil_signalling()
        gk_condition_notify(condition_of(self), -1)

    def notifyAll(self):
        """Call ``notify_all``, under its deprecated name."""
        warnings.warn("notifyAll() is deprecated, use notify_all() instead", DeprecationWarning, stacklevel=1)
        self.notify_all()

    cdef int check_owned(self, str action) except -1:
        if not self._is_owned():
            raise RuntimeError(f"cannot {action} on un-acquired lock")
        return 0

    cdef bint wait_nogil(self, int64_t timeout=-1) noexcept nogil:
        cdef gk_wait_options wait_options = nogil_wait_options(timeout)
        if self.rlock != NULL:
            return gk_condition_wait_rlock(condition_of(self), <gk_rlock *>self.rlock, &wait_options) == GK_OK
        return gk_condition_wait(condition_of(self), <gk_lock *>self.lock, &wait_options) == GK_OK

    cdef void notify_nogil(self, int64_t n=1) noexcept nogil:
        gk_condition_notify(condition_of(self), n)

    # Use the lock's own method if it has one, and otherwise what threading.Condition
    # does for such locks.

    def _is_owned(self):
        if self.rlock != NULL:
            return gk_rlock_owner(<gk_rlock *>self.rlock) == this_owner()
        if self.lock != NULL:
            return gk_lock_is_held(<gk_lock *>self.lock) != 0
        own = getattr(self._lock, "_is_owned", None)
        if own is not None:
            return own()
        if self._lock.acquire(False):
            self._lock.release()
            return False
        return True

    def _release_save(self):
        own = getattr(self._lock, "_release_save", None)
        return self._lock.release() if own is None else own()

    def _acquire_restore(self, saved):
        own = getattr(self._lock, "_acquire_restore", None)
        if self.lock != NULL:
            (<Lock>self._lock).reacquire()
        elif own is None:
            self._lock.acquire()
        else:
            own(saved)

    def _at_fork_reinit(self):
        self._lock._at_fork_reinit()
        memset(self.state, 0, sizeof(self.state))

    def __repr__(self):
        return f"<Condition({self._lock!r}, {gk_condition_waiters(condition_of(self))})>"

    def __reduce__(self):
        raise TypeError("cannot pickle 'gilkit.sync.Condition' object")
