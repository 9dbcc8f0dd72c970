# cython: subinterpreters_compatible = own_gil
"""Condition. See gilkit.sync, and csrc/sync/condition.h for how it works."""
import time
import warnings

cimport cython
from libc.stdint cimport int64_t
from libc.string cimport memset

from gilkit.sync._c cimport (
    GK_DO_NOT_WAIT, GK_OK, gk_condition, gk_condition_enter, gk_condition_leave, gk_condition_notify,
    gk_condition_retake, gk_condition_retake_rlock, gk_condition_sleep, gk_condition_wait, gk_condition_wait_rlock,
    gk_condition_waiters,
    gk_gil_await, gk_gil_freed, gk_gil_signalling, gk_lock, gk_lock_acquire, gk_lock_is_held, gk_lock_release,
    gk_wait_options, gk_rlock, gk_rlock_acquire_again, gk_rlock_owner, gk_rlock_release_all, gk_waiter, import_core,
)
from gilkit.sync._locks cimport Lock, RLock
from gilkit.sync._wait cimport detecting, has_greenlets, nogil_wait_options, outcome, wait_options_of, this_owner

import_core()

cdef extern from *:
    """
    _Static_assert(sizeof(gk_condition) <= 3 * 8, "Condition.state is too small");
    """


cdef inline gk_condition *condition_of(Condition self) noexcept nogil:
    return <gk_condition *>self.state


@cython.auto_pickle(False)
cdef class Condition:
    """A condition variable like ``threading.Condition``: threads that hold
    ``lock`` (a new RLock unless given; any lock with ``acquire`` and
    ``release``) wait until another notifies them.

    There are no wake-ups without a notification, and those who have waited
    longest are notified first. With a lock of gilkit the whole wait runs
    without the GIL. Thread-safe.
    """

    def __init__(self, lock=None):
        if lock is None:
            lock = RLock()
        self._lock = lock
        self.lock = <void *>(<Lock>lock).state if type(lock) is Lock else NULL
        self.rlock = <void *>(<RLock>lock).state if type(lock) is RLock else NULL

    def acquire(self, *args, **kwargs):
        """Takes the lock: its ``acquire``."""
        return self._lock.acquire(*args, **kwargs)

    def release(self):
        """Frees the lock: its ``release``."""
        return self._lock.release()

    def locked(self):
        """Whether somebody holds the lock: its ``locked``."""
        return self._lock.locked()

    def __enter__(self):
        return self._lock.__enter__()

    def __exit__(self, *exc):
        return self._lock.__exit__(*exc)

    def wait(self, timeout=None):
        """Frees the lock, waits for a notification, and takes the lock again.

        Returns False if ``timeout`` seconds passed instead, else True. Signal
        handlers run meanwhile; one that raises ends the wait, once the lock is
        held again. RuntimeError if this thread does not hold the lock.
        """
        cdef gk_wait_options wait_options
        cdef gk_waiter waiter
        cdef uintptr_t count = 0, owner = 0
        cdef int status
        self.check_owned("wait")
        wait_options_of(&wait_options, timeout)
        if detecting() or (self.lock == NULL and self.rlock == NULL):
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
        # First the GIL, then the lock: one who held the lock while he waited for
        # the GIL would stop whoever has the GIL and wants the lock.
        if not self.try_again(owner, count):
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

    cdef bint try_again(self, uintptr_t owner, uintptr_t count) noexcept:
        cdef gk_wait_options none
        none.deadline = GK_DO_NOT_WAIT
        none.poll = NULL
        none.context = NULL
        if self.rlock != NULL:
            return gk_rlock_acquire_again(<gk_rlock *>self.rlock, owner, count, &none) == GK_OK
        return gk_lock_acquire(<gk_lock *>self.lock, &none) == GK_OK

    def _wait_with_any_lock(self, timeout):
        cdef gk_wait_options wait_options
        cdef gk_waiter waiter
        cdef int status
        wait_options_of(&wait_options, timeout)
        gk_condition_enter(condition_of(self), &waiter)
        try:
            saved = self._release_save()
        except BaseException:
            gk_condition_leave(condition_of(self), &waiter)
            raise
        try:
            with nogil:
                gk_gil_freed()
                status = gk_condition_sleep(condition_of(self), &waiter, &wait_options)
                gk_gil_await()
            return outcome(status)
        finally:
            self._acquire_restore(saved)

    def wait_for(self, predicate, timeout=None):
        """Waits until ``predicate()`` is true or ``timeout`` seconds have passed;
        returns the predicate's last value.
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
        """Wakes up to ``n`` of the threads that wait, those who have waited
        longest. RuntimeError if this thread does not hold the lock.
        """
        self.check_owned("notify")
        gk_gil_signalling()
        if n > 0:
            gk_condition_notify(condition_of(self), min(n, 0x7fffffff))

    def notify_all(self):
        """Wakes all threads that wait. RuntimeError if this thread does not hold the lock."""
        self.check_owned("notify")
        gk_gil_signalling()
        gk_condition_notify(condition_of(self), -1)

    def notifyAll(self):
        """The old name of ``notify_all``."""
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

    # What is asked of the lock; as threading.Condition does without, for locks
    # that do not have it.

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
            (<Lock>self._lock).take_back()
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
