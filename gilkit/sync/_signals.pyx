# cython: subinterpreters_compatible = own_gil
"""Semaphore, BoundedSemaphore, Event, Latch and Barrier, and ping_pong. See
gilkit.sync, and csrc/sync/ for how they work."""
import warnings
from typing import NamedTuple

cimport cython
from libc.stdint cimport INT64_MAX, int64_t, uint64_t, uintptr_t
from libc.string cimport memset

from gilkit._call cimport integer
from gilkit._exports cimport GK_MAX_THREADS
from gilkit.sync._c cimport (
    GK_DO_NOT_WAIT, GK_NO_MEMORY, GK_OK, gk_arrival, gk_barrier, gk_barrier_break, gk_barrier_broken, gk_barrier_init,
    gk_barrier_open, gk_barrier_reset, gk_barrier_wait, gk_barrier_waiting, gk_event, gk_event_clear,
    gk_event_is_set, gk_event_reinit, gk_event_set, gk_event_wait, gk_gil_await, gk_gil_freed, gk_gil_signalling,
    gk_latch, gk_latch_count_down, gk_latch_init, gk_latch_left, gk_latch_wait, gk_wait_options, gk_ping_pong,
    gk_ping_pong_run,
    gk_semaphore, gk_semaphore_acquire, gk_semaphore_init, gk_semaphore_release, gk_semaphore_try,
    gk_semaphore_value, import_core,
)
from gilkit.sync._condition import Condition
from gilkit.sync._locks import Lock
from gilkit.sync._wait cimport nogil_wait_options, outcome, wait_options_of

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
    # One word before the class, as the reprs of threading have.
    return f"gilkit.{type(self).__name__} at {<uintptr_t><void *>self:#x}"


@cython.auto_pickle(False)
cdef class Semaphore:
    """A semaphore like ``threading.Semaphore``: ``value`` permits, which
    ``acquire`` takes and ``release`` gives back.

    Permits go to those who wait in the order of their coming. Thread-safe.
    ValueError for a value below 0.
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
        """Takes a permit and returns True, or False if none is free and
        ``blocking`` is false or ``timeout`` seconds are over.
        """
        if timeout is None and gk_semaphore_try(semaphore_of(self)):
            return True
        return self.acquire_slowly(blocking, timeout)

    def __enter__(self):
        return gk_semaphore_try(semaphore_of(self)) != 0 or self.acquire_slowly(True, None)

    def __exit__(self, exc_type=None, exc=None, traceback=None):
        self.release()

    def release(self, n=1):
        """Gives back ``n`` permits. ValueError for n < 1, or if a
        BoundedSemaphore would then have more than at first.
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
    """A semaphore like ``threading.BoundedSemaphore``: never has more permits
    than at first. Thread-safe.
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
    """An event like ``threading.Event``: a flag that threads wait for.

    Whoever waits when it is set gets on, even if it is cleared at once.
    Thread-safe.
    """

    def __init__(self):
        pass

    def is_set(self):
        """Whether the flag is set."""
        return gk_event_is_set(event_of(self)) != 0

    def isSet(self):
        """The old name of ``is_set``."""
        warnings.warn("isSet() is deprecated, use is_set() instead", DeprecationWarning, stacklevel=1)
        return self.is_set()

    def set(self):
        """Sets the flag and lets all go that wait for it."""
        gk_gil_signalling()
        gk_event_set(event_of(self))

    def clear(self):
        """Clears the flag."""
        gk_event_clear(event_of(self))

    def wait(self, timeout=None):
        """Waits until the flag is set; False if ``timeout`` seconds pass before, else True."""
        cdef gk_wait_options wait_options
        cdef int status
        if timeout is None and gk_event_is_set(event_of(self)):
            return True
        wait_options_of(&wait_options, timeout)
        with nogil:
            gk_gil_freed()
            status = gk_event_wait(event_of(self), &wait_options)
            gk_gil_await()
        return outcome(status)

    @property
    def _cond(self):
        # threading.Event is built on one, and a few programs use it. Here
        # nothing else does. All threads get the same one, also if several are
        # the first to ask: what is made in vain is thrown away.
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
    """A gate that opens for good once ``count`` things have happened.

    Thread-safe. ValueError for a count below 0.
    """

    def __init__(self, count):
        gk_latch_init(latch_of(self), integer(count, "count", 0, INT64_MAX))

    @property
    def count(self):
        """How many are left; 0: open."""
        return gk_latch_left(latch_of(self))

    def count_down(self, n=1):
        """Counts ``n`` things (0 or more).

        ValueError, and nothing counted, if fewer are left: so also at 0, where
        Java's CountDownLatch ignores the call, and for std::latch of C++ the
        behaviour is undefined.
        """
        gk_gil_signalling()
        if gk_latch_count_down(latch_of(self), integer(n, "n", 0, INT64_MAX)) != GK_OK:
            raise ValueError(f"n must be at most the number that is left ({self.count}), not {n}")

    def wait(self, timeout=None):
        """Waits until the latch is open; False if ``timeout`` seconds pass before, else True."""
        cdef gk_wait_options wait_options
        cdef int status
        wait_options_of(&wait_options, timeout)
        with nogil:
            gk_gil_freed()
            status = gk_latch_wait(latch_of(self), &wait_options)
            gk_gil_await()
        return outcome(status)

    def arrive_and_wait(self, timeout=None):
        """``count_down()``, then ``wait(timeout)``."""
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
    """A barrier like ``threading.Barrier``: ``parties`` threads wait for one
    another, again and again. The last to arrive calls ``action``.

    ``timeout`` (seconds) is that of waits without one. Thread-safe. ValueError
    for fewer than 1 party.
    """

    def __init__(self, parties, action=None, timeout=None):
        gk_barrier_init(barrier_of(self), <uint64_t>integer(parties, "parties", 1, 0x7fffffff))
        self.action = action
        self.timeout = timeout

    def wait(self, timeout=None):
        """Waits for the others and returns this thread's index: 0 for the first
        to arrive, parties - 1 for the last.

        Raises ``threading.BrokenBarrierError`` if the barrier is broken, or
        breaks meanwhile; it breaks when a wait times out or is interrupted, or
        the action raises.
        """
        cdef gk_wait_options wait_options
        cdef gk_arrival arrival
        cdef gk_barrier *barrier = barrier_of(self)
        cdef int status
        wait_options_of(&wait_options, self.timeout if timeout is None else timeout)
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
        """Begins anew: those who wait get BrokenBarrierError."""
        gk_barrier_reset(barrier_of(self))

    def abort(self):
        """Breaks the barrier: those who wait, and those who come, get BrokenBarrierError."""
        gk_barrier_break(barrier_of(self))

    @property
    def parties(self):
        """How many threads have to meet."""
        return barrier_of(self).parties

    @property
    def n_waiting(self):
        """How many have arrived."""
        return gk_barrier_waiting(barrier_of(self))

    @property
    def broken(self):
        """Whether the barrier is broken."""
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


class PingPongResult(NamedTuple):
    """What ``ping_pong`` did."""

    threads: int
    laps: int
    seconds: float  # for all laps

    @property
    def switches(self):
        """How often one thread handed the token to the next."""
        return self.threads * self.laps

    @property
    def ns_per_switch(self):
        """Time from waking a thread to that thread waking the next, in nanoseconds."""
        return self.seconds * 1e9 / self.switches if self.switches else 0.0


def ping_pong(laps, *, threads, timeout=None):
    """Has ``threads`` native threads (2 or more) hand a token round a ring
    ``laps`` times, without the GIL, and returns a PingPongResult: how long it took.
    Each sleeps until the one before wakes it, so every step is a switch from
    one thread to another by way of the kernel.

    The threads are the call's own, not those of the pool. A lap before the
    first, in which they start, is not timed.

    Ctrl-C ends it, as does ``timeout`` (seconds) with TimeoutError. Raises
    RuntimeError if the system has no more threads, ValueError for numbers out
    of range. Thread-safe.
    """
    cdef gk_ping_pong run
    cdef gk_wait_options wait_options
    cdef int status
    memset(&run, 0, sizeof(run))
    run.laps = integer(laps, "laps", 0, INT64_MAX)
    run.threads = <int>integer(threads, "threads", 2, GK_MAX_THREADS)
    wait_options_of(&wait_options, timeout)
    with nogil:
        status = gk_ping_pong_run(&run, &wait_options)
    if status == GK_NO_MEMORY:
        raise RuntimeError(f"the system has no thread or memory left for {threads} threads")
    if not outcome(status):
        raise TimeoutError(f"ping_pong did not end within {timeout} s")
    return PingPongResult(run.threads, run.done, run.nanoseconds / 1e9)
