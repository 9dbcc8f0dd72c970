# cython: subinterpreters_compatible = own_gil
"""Semaphore, BoundedSemaphore, Event, Latch and Barrier. The headers in csrc/sync/
describe how they work."""
import warnings

cimport cython
from libc.stdint cimport INT64_MAX, int64_t, uint64_t, uintptr_t

from gilkit._call cimport integer
from gilkit.sync._c cimport (
    GK_DO_NOT_WAIT, GK_OK, gk_arrival, gk_barrier, gk_barrier_break, gk_barrier_broken, gk_barrier_init,
    gk_barrier_open, gk_barrier_reset, gk_barrier_wait, gk_barrier_waiting, gk_event, gk_event_clear,
    gk_event_is_set, gk_event_reinit, gk_event_set, gk_event_wait, gk_gil_await, gk_gil_freed, gk_gil_signalling,
    gk_latch, gk_latch_count_down, gk_latch_init, gk_latch_left, gk_latch_wait, gk_semaphore, gk_semaphore_acquire,
    gk_semaphore_init, gk_semaphore_release, gk_semaphore_try, gk_semaphore_value, gk_wait_options, import_core,
)
from gilkit.sync._condition import Condition
from gilkit.sync._locks import Lock
from gilkit.sync._wait cimport nogil_wait_options, outcome, switch_meanwhile, wait_options_of

import_core()

cdef extern from *:
    """
    _Static_assert(sizeof(gk_semaphore) <= 5 * 8, "Semaphore.state is too small");
    _Static_assert(sizeof(gk_event) <= 1 * 8, "Event.state is too small");
    _Static_assert(sizeof(gk_latch) <= 2 * 8, "Latch.state is too small");
    _Static_assert(sizeof(gk_barrier) <= 7 * 8, "Barrier.state is too small");
    """


cdef inline gk_semaphore *semaphore_of(Semaphore self) noexcept nogil:
    return <gk_semaphore *>self.state


cdef inline gk_event *event_of(Event self) noexcept nogil:
    return <gk_event *>self.state


cdef inline gk_latch *latch_of(Latch self) noexcept nogil:
    return <gk_latch *>self.state


cdef inline gk_barrier *barrier_of(Barrier self) noexcept nogil:
    return <gk_barrier *>self.state


cdef str address_of(object self):
    # One word before the class, as in the reprs of threading.
    return f"gilkit.{type(self).__name__} at {<uintptr_t><void *>self:#x}"


@cython.auto_pickle(False)
cdef class Semaphore:
    """Semaphore with the interface of ``threading.Semaphore``.

    Parameters
    ----------
    value : int, default 1
        The initial number of permits; ValueError if negative.

    Notes
    -----
    Thread-safe. Waiting threads get permits in the order of their arrival.
    Signals and fork: see ``Lock``.

    Examples
    --------
    >>> from gilkit import sync
    >>> semaphore = sync.Semaphore(1)
    >>> semaphore.acquire(), semaphore.acquire(blocking=False)
    (True, False)
    """

    def __init__(self, value=1):
        self.start(value, False)

    cdef int start(self, object value, bint bounded) except -1:
        if value < 0:
            raise ValueError(f"semaphore initial value must be >= 0, not {value}")
        cdef int64_t permits = integer(value, "value", 0, INT64_MAX)
        gk_semaphore_init(semaphore_of(self), permits, permits if bounded else INT64_MAX)
        return 0

    def acquire(self, blocking=True, timeout=None):
        """Take a permit, waiting for one if necessary.

        Parameters
        ----------
        blocking : bool, default True
            Whether to wait if there is no permit.
        timeout : float or None, default None
            The longest time to wait, in seconds; None waits without limit.

        Returns
        -------
        bool
            True if a permit was taken, False otherwise.
        """
        if timeout is None and gk_semaphore_try(semaphore_of(self)):
            return True
        return self.acquire_slowly(blocking, timeout)

    def __enter__(self):
        return gk_semaphore_try(semaphore_of(self)) != 0 or self.acquire_slowly(True, None)

    def __exit__(self, exc_type=None, exc=None, traceback=None):
        self.release()

    def release(self, n=1):
        """Return ``n`` permits, an int of 1 or more.

        Raise ValueError if ``n < 1``, or if a BoundedSemaphore would exceed its
        initial value.
        """
        if n < 1:
            raise ValueError(f"n must be one or more, not {n}")
        gk_gil_signalling()
        if gk_semaphore_release(semaphore_of(self), integer(n, "n", 1, INT64_MAX)) != GK_OK:
            raise ValueError("Semaphore released too many times")

    @property
    def _value(self):
        return gk_semaphore_value(semaphore_of(self))

    cdef bint acquire_slowly(self, object blocking, object timeout) except -1:
        cdef gk_wait_options wait_options
        cdef int status
        if not blocking and timeout is not None:
            raise ValueError("can't specify timeout for non-blocking acquire")
        wait_options_of(&wait_options, timeout)
        if not blocking:
            wait_options.deadline = GK_DO_NOT_WAIT
        switch_meanwhile(&wait_options)
        with nogil:
            gk_gil_freed()
            status = gk_semaphore_acquire(semaphore_of(self), &wait_options)
            gk_gil_await()
        return outcome(status)

    cdef bint acquire_nogil(self, int64_t timeout=-1) noexcept nogil:
        cdef gk_wait_options wait_options = nogil_wait_options(timeout)
        return gk_semaphore_acquire(semaphore_of(self), &wait_options) == GK_OK

    cdef bint release_nogil(self, int64_t n=1) noexcept nogil:
        return n >= 1 and gk_semaphore_release(semaphore_of(self), n) == GK_OK

    def __repr__(self):
        return f"<{address_of(self)}: value={self._value}>"

    def __reduce__(self):
        raise TypeError(f"cannot pickle 'gilkit.sync.{type(self).__name__}' object")


@cython.auto_pickle(False)
cdef class BoundedSemaphore(Semaphore):
    """Semaphore that never has more permits than its initial ``value``.

    It has the interface of ``threading.BoundedSemaphore`` and is otherwise like
    ``Semaphore``: a release that would exceed the initial value raises ValueError.

    Parameters
    ----------
    value : int, default 1
        The initial and maximum number of permits; ValueError if negative.

    Examples
    --------
    >>> from gilkit import sync
    >>> semaphore = sync.BoundedSemaphore(1)
    >>> try:
    ...     semaphore.release()
    ... except ValueError as error:
    ...     print(error)
    Semaphore released too many times
    """

    def __init__(self, value=1):
        self.start(value, True)

    @property
    def _initial_value(self):
        return semaphore_of(self).bound

    def __repr__(self):
        return f"<{address_of(self)}: value={self._value}/{self._initial_value}>"


@cython.auto_pickle(False)
cdef class Event:
    """Flag that threads wait for, with the interface of ``threading.Event``.

    Setting the flag wakes all threads that wait at that moment, even if it is
    cleared at once.

    Notes
    -----
    Thread-safe. Signals and fork: see ``Lock``.

    Examples
    --------
    >>> from gilkit import sync
    >>> event = sync.Event()
    >>> event.wait(timeout=0.01)
    False
    >>> event.set()
    >>> event.wait()
    True
    """

    def __init__(self):
        pass

    def is_set(self):
        """Return whether the flag is set."""
        return gk_event_is_set(event_of(self)) != 0

    def isSet(self):
        """Call ``is_set``, under its deprecated name."""
        warnings.warn("isSet() is deprecated, use is_set() instead", DeprecationWarning, stacklevel=1)
        return self.is_set()

    def set(self):
        """Set the flag and wake all waiting threads."""
        gk_gil_signalling()
        gk_event_set(event_of(self))

    def clear(self):
        """Clear the flag."""
        gk_event_clear(event_of(self))

    def wait(self, timeout=None):
        """Wait until the flag is set.

        Parameters
        ----------
        timeout : float or None, default None
            The longest time to wait, in seconds; None waits without limit.

        Returns
        -------
        bool
            True if the flag was set, False if the timeout expired.
        """
        cdef gk_wait_options wait_options
        cdef int status
        if timeout is None and gk_event_is_set(event_of(self)):
            return True
        wait_options_of(&wait_options, timeout)
        switch_meanwhile(&wait_options)
        with nogil:
            gk_gil_freed()
            status = gk_event_wait(event_of(self), &wait_options)
            gk_gil_await()
        return outcome(status)

    @property
    def _cond(self):
        # For programs that use this attribute of threading.Event; gilkit does not.
        # All threads get the same condition, even if several ask for it at once.
        condition = Condition(Lock())
        with cython.critical_section(self):
            if self.condition is None:
                self.condition = condition
            return self.condition

    cdef bint is_set_nogil(self) noexcept nogil:
        return gk_event_is_set(event_of(self))

    cdef void set_nogil(self) noexcept nogil:
        gk_event_set(event_of(self))

    cdef void clear_nogil(self) noexcept nogil:
        gk_event_clear(event_of(self))

    cdef bint wait_nogil(self, int64_t timeout=-1) noexcept nogil:
        cdef gk_wait_options wait_options = nogil_wait_options(timeout)
        return gk_event_wait(event_of(self), &wait_options) == GK_OK

    def _at_fork_reinit(self):
        gk_event_reinit(event_of(self))
        with cython.critical_section(self):
            self.condition = None

    def __repr__(self):
        return f"<{address_of(self)}: {'set' if self.is_set() else 'unset'}>"

    def __reduce__(self):
        raise TypeError("cannot pickle 'gilkit.sync.Event' object")


@cython.auto_pickle(False)
cdef class Latch:
    """One-shot gate that opens once ``count`` things have happened.

    Parameters
    ----------
    count : int
        The number of things to wait for; ValueError if negative.

    Notes
    -----
    Thread-safe. Signals and fork: see ``Lock``.

    Examples
    --------
    >>> from gilkit import sync
    >>> latch = sync.Latch(2)
    >>> latch.count_down(2)
    >>> latch.wait()
    True
    """

    def __init__(self, count):
        gk_latch_init(latch_of(self), integer(count, "count", 0, INT64_MAX))

    @property
    def count(self):
        """Remaining count; an int, 0 once the latch is open."""
        return gk_latch_left(latch_of(self))

    def count_down(self, n=1):
        """Decrease the count by ``n``, an int of 0 or more.

        Raise ValueError and change nothing if fewer than ``n`` are left, even
        when the latch is open.
        """
        gk_gil_signalling()
        if gk_latch_count_down(latch_of(self), integer(n, "n", 0, INT64_MAX)) != GK_OK:
            raise ValueError(f"n must be at most the number that is left ({self.count}), not {n}")

    def wait(self, timeout=None):
        """Wait until the latch is open.

        Return True, or False if ``timeout`` (seconds; None: no limit) expired.
        """
        cdef gk_wait_options wait_options
        cdef int status
        wait_options_of(&wait_options, timeout)
        switch_meanwhile(&wait_options)
        with nogil:
            gk_gil_freed()
            status = gk_latch_wait(latch_of(self), &wait_options)
            gk_gil_await()
        return outcome(status)

    def arrive_and_wait(self, timeout=None):
        """Call ``count_down()``, then return ``wait(timeout)``."""
        self.count_down()
        return self.wait(timeout)

    cdef bint count_down_nogil(self, int64_t n=1) noexcept nogil:
        return n >= 0 and gk_latch_count_down(latch_of(self), n) == GK_OK

    cdef bint wait_nogil(self, int64_t timeout=-1) noexcept nogil:
        cdef gk_wait_options wait_options = nogil_wait_options(timeout)
        return gk_latch_wait(latch_of(self), &wait_options) == GK_OK

    def __repr__(self):
        return f"<{address_of(self)}: count={self.count}>"

    def __reduce__(self):
        raise TypeError("cannot pickle 'gilkit.sync.Latch' object")


@cython.auto_pickle(False)
cdef class Barrier:
    """Reusable barrier with the interface of ``threading.Barrier``.

    Parameters
    ----------
    parties : int
        The number of threads that wait for one another, at least 1.
    action : callable or None, default None
        Called without arguments by the last thread to arrive.
    timeout : float or None, default None
        The default timeout of ``wait``, in seconds.

    Notes
    -----
    Thread-safe. Signals and fork: see ``Lock``.

    Examples
    --------
    >>> import threading
    >>> from gilkit import sync
    >>> barrier = sync.Barrier(2, action=lambda: print("both have arrived"))
    >>> thread = threading.Thread(target=barrier.wait)
    >>> thread.start()
    >>> index = barrier.wait()
    both have arrived
    >>> thread.join()
    """

    def __init__(self, parties, action=None, timeout=None):
        gk_barrier_init(barrier_of(self), <uint64_t>integer(parties, "parties", 1, 0x7fffffff))
        self.action = action
        self.timeout = timeout

    def wait(self, timeout=None):
        """Wait until all parties have arrived.

        Parameters
        ----------
        timeout : float or None, default None
            The longest time to wait, in seconds; None takes the barrier's default.

        Returns
        -------
        int
            The order of this thread's arrival, from 0 to ``parties - 1``.

        Raises
        ------
        threading.BrokenBarrierError
            If the barrier is broken or breaks during the wait. It breaks when a
            wait times out or is interrupted, or when the action raises.
        """
        cdef gk_wait_options wait_options
        cdef gk_arrival arrival
        cdef gk_barrier *barrier = barrier_of(self)
        cdef int status
        wait_options_of(&wait_options, self.timeout if timeout is None else timeout)
        switch_meanwhile(&wait_options)
        with nogil:
            gk_gil_freed()
            status = gk_barrier_wait(barrier, &wait_options, &arrival)
            gk_gil_await()
        if not outcome(status):
            from threading import BrokenBarrierError
            raise BrokenBarrierError
        if arrival.index == barrier.parties - 1:
            if self.action is not None:
                try:
                    self.action()
                except BaseException:
                    gk_barrier_break(barrier)
                    raise
            gk_gil_signalling()
            outcome(gk_barrier_open(barrier, &arrival))
        return arrival.index

    def reset(self):
        """Reset the barrier; threads that wait get BrokenBarrierError."""
        gk_barrier_reset(barrier_of(self))

    def abort(self):
        """Break the barrier; waiting threads and later arrivals get BrokenBarrierError."""
        gk_barrier_break(barrier_of(self))

    @property
    def parties(self):
        """Number of threads that wait for one another; an int."""
        return barrier_of(self).parties

    @property
    def n_waiting(self):
        """Number of threads that have arrived; an int."""
        return gk_barrier_waiting(barrier_of(self))

    @property
    def broken(self):
        """Whether the barrier is broken; a bool."""
        return gk_barrier_broken(barrier_of(self)) != 0

    cdef int64_t wait_nogil(self, int64_t timeout=-1) noexcept nogil:
        cdef gk_wait_options wait_options = nogil_wait_options(timeout)
        cdef gk_arrival arrival
        if gk_barrier_wait(barrier_of(self), &wait_options, &arrival) != GK_OK:
            return -1
        if arrival.index == barrier_of(self).parties - 1 and gk_barrier_open(barrier_of(self), &arrival) != GK_OK:
            return -1
        return arrival.index

    def __repr__(self):
        if self.broken:
            return f"<{address_of(self)}: broken>"
        return f"<{address_of(self)}: waiters={self.n_waiting}/{self.parties}>"

    def __reduce__(self):
        raise TypeError("cannot pickle 'gilkit.sync.Barrier' object")
