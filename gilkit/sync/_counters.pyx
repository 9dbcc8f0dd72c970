# cython: subinterpreters_compatible = own_gil
"""The counters. See gilkit.sync, and csrc/sync/counter.h for how they work."""
import operator
from typing import NamedTuple

cimport cython
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uintptr_t
from libc.string cimport memset

from gilkit._call cimport integer
from gilkit._exports cimport GK_MAX_THREADS
from gilkit.sync._c cimport (
    GK_CONTEND_ATOMIC, GK_CONTEND_LOCKED, GK_CONTEND_OPTIMISTIC, GK_CONTEND_RACY, GK_CONTEND_SHARDED, GK_NO_MEMORY,
    GK_OK, GK_OVERFLOW, gk_atomic_add, gk_atomic_compare_and_set, gk_atomic_exchange,
    gk_cell, gk_counter, gk_counter_new, gk_counter_release, gk_counter_retain, gk_counter_value, gk_contend,
    gk_contend_run, gk_lock_try, gk_lock_try_release, gk_locked_add, gk_locked_compare_and_set, gk_locked_exchange,
    gk_locked_value, gk_lock_release, gk_wait_options, gk_racy_add, gk_sharded, gk_sharded_add, gk_sharded_add_to_cell,
    gk_sharded_give_cell, gk_sharded_new, gk_sharded_release, gk_sharded_reset, gk_sharded_retain,
    gk_sharded_take_cell, gk_sharded_value, import_core,
)
from gilkit.sync._wait cimport PyThread_get_thread_ident, outcome, wait_options_of

import_core()


cdef extern from "Python.h":
    object PyObject_RichCompare(object left, object right, int op)


cdef int64_t int64(object value, str name) except? -1:
    try:
        return value if type(value) is int else operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {value!r}") from None
    except OverflowError:
        raise OverflowError(f"{name} must be from {INT64_MIN} to {INT64_MAX}, not {value}") from None


cdef int overflow(object counter, object n) except -1:
    raise OverflowError(f"{counter!r} cannot count {n} more: it has 64 bits")


# In the place of the first value: this object is to be a handle.
_HANDLE = object()


cdef gk_counter *of(Counter self) noexcept nogil:
    return <gk_counter *>self.counter


@cython.auto_pickle(False)
cdef class Counter:
    """What the counters of gilkit.sync have in common. They count from ``value``
    within 64 bits: an addition beyond raises OverflowError and counts nothing.

    A counter compares and converts like the integer that its value is at that
    moment. Because the value changes, a counter has no hash: it cannot be in a
    set, nor a key of a dict. Its arithmetic is that of ``value``.
    """

    def __cinit__(self, *args, **kwargs):
        if type(self) is Counter:
            raise TypeError("Counter is what the counters have in common: make one of them")

    def add(self, n=1):
        """Adds ``n``, an int of either sign."""
        self.add_n(int64(n, "n"))

    def __iadd__(self, n):
        self.add_n(int64(n, "n"))
        return self

    def __isub__(self, n):
        self.add_n(int64(-n, "n"))
        return self

    @property
    def value(self):
        """The count; an int."""
        return self.value_nogil()

    def __int__(self):
        return self.value_nogil()

    def __index__(self):
        return self.value_nogil()

    def __trunc__(self):
        return self.value_nogil()

    def __floor__(self):
        return self.value_nogil()

    def __ceil__(self):
        return self.value_nogil()

    def __round__(self, ndigits=None):
        value = <object>self.value_nogil()
        return value if ndigits is None else value.__round__(ndigits)

    def __float__(self):
        return float(<object>self.value_nogil())

    def __bool__(self):
        return self.value_nogil() != 0

    def __format__(self, spec):
        return format(<object>self.value_nogil(), spec)

    __hash__ = None

    def __richcmp__(self, other, int op):
        if isinstance(other, Counter):
            other = (<Counter>other).value_nogil()
        return PyObject_RichCompare(self.value_nogil(), other, op)

    def reset(self):
        """Sets the count to 0 and returns what it was."""
        return self.reset_nogil()

    def handle(self):
        """The same counter as another object. Where there is no GIL, a thread
        that counts in a hot loop takes one for itself: else the threads contend
        for the reference count of the object, which costs more than counting.
        """
        cdef Counter other = type(self).__new__(type(self), _HANDLE)
        gk_counter_retain(of(self))
        other.counter = self.counter
        return other

    cdef int add_n(self, int64_t n) except -1:
        raise NotImplementedError

    cdef bint add_nogil(self, int64_t n=1) noexcept nogil:
        return False

    cdef int64_t value_nogil(self) noexcept nogil:
        return 0

    cdef int64_t reset_nogil(self) noexcept nogil:
        return 0

    def __repr__(self):
        return f"<gilkit.{type(self).__name__} at {<uintptr_t><void *>self:#x}: value={self.value}>"

    def __reduce__(self):
        raise TypeError(
            f"cannot pickle 'gilkit.sync.{type(self).__name__}' object: a counter belongs to its process; "
            "pickle its value")


cdef int start(Counter self, object value) except -1:
    if value is _HANDLE:
        return 0
    self.counter = gk_counter_new(int64(value, "value"))
    if self.counter == NULL:
        raise MemoryError
    return 0


cdef void end(Counter self) noexcept:
    if self.counter != NULL:
        gk_counter_release(of(self))


cdef class RacyCounter(Counter):
    """A counter that loses updates: it reads, adds and writes without any lock.

    There to show what the others are for. From Python threads it loses nothing
    where there is a GIL, which each call holds; from native threads
    (``contend``) and on free-threaded builds it does.
    """

    def __cinit__(self, value=0):
        start(self, value)

    def __dealloc__(self):
        end(self)

    cdef int add_n(self, int64_t n) except -1:
        return overflow(self, n) if gk_racy_add(of(self), n) != GK_OK else 0

    cdef bint add_nogil(self, int64_t n=1) noexcept nogil:
        return gk_racy_add(of(self), n) == GK_OK

    cdef int64_t value_nogil(self) noexcept nogil:
        return gk_counter_value(of(self))

    cdef int64_t reset_nogil(self) noexcept nogil:
        return gk_atomic_exchange(of(self), 0)


cdef class LockedCounter(Counter):
    """A counter under a lock, which is what ``threading`` offers: exact, and the
    slowest where threads contend. Thread-safe.
    """

    def __cinit__(self, value=0):
        start(self, value)

    def __dealloc__(self):
        end(self)

    cdef int add_n(self, int64_t n) except -1:
        cdef int64_t total = 0
        return self.add_and_read(n, &total)

    cdef int add_and_read(self, int64_t n, int64_t *total) except -1:
        cdef gk_counter *counter = of(self)
        cdef gk_wait_options wait_options
        cdef int status
        if gk_lock_try(&counter.lock):
            status = gk_racy_add(counter, n)
            total[0] = gk_counter_value(counter)
            if not gk_lock_try_release(&counter.lock):
                gk_lock_release(&counter.lock)
        else:
            wait_options_of(&wait_options, None)
            with nogil:
                status = gk_locked_add(counter, n, total, &wait_options)
        if status == GK_OVERFLOW:
            overflow(self, n)
        outcome(status)
        return 0

    def add_and_get(self, n=1):
        """Adds ``n`` and returns the count that this made."""
        cdef int64_t total = 0
        self.add_and_read(int64(n, "n"), &total)
        return total

    def compare_and_set(self, expected, new):
        """Sets the count to ``new`` if it is ``expected``; returns whether it was."""
        return gk_locked_compare_and_set(of(self), int64(expected, "expected"), int64(new, "new")) != 0

    cdef bint add_nogil(self, int64_t n=1) noexcept nogil:
        cdef int64_t total = 0
        return gk_locked_add(of(self), n, &total, NULL) == GK_OK

    cdef int64_t value_nogil(self) noexcept nogil:
        return gk_locked_value(of(self))

    cdef int64_t reset_nogil(self) noexcept nogil:
        return gk_locked_exchange(of(self), 0)


cdef class AtomicCounter(Counter):
    """A counter whose addition is one instruction of the processor: exact, never
    waits, and all threads see its additions in one order. Thread-safe.
    """

    def __cinit__(self, value=0):
        start(self, value)

    def __dealloc__(self):
        end(self)

    cdef int add_n(self, int64_t n) except -1:
        cdef int64_t total = 0
        return overflow(self, n) if gk_atomic_add(of(self), n, &total) != GK_OK else 0

    def add_and_get(self, n=1):
        """Adds ``n`` and returns the count that this made."""
        cdef int64_t total = 0
        if gk_atomic_add(of(self), int64(n, "n"), &total) != GK_OK:
            overflow(self, n)
        return total

    def compare_and_set(self, expected, new):
        """Sets the count to ``new`` if it is ``expected``; returns whether it was."""
        return self.compare_and_set_nogil(int64(expected, "expected"), int64(new, "new")) != 0

    cdef bint add_nogil(self, int64_t n=1) noexcept nogil:
        cdef int64_t total = 0
        return gk_atomic_add(of(self), n, &total) == GK_OK

    cdef int64_t value_nogil(self) noexcept nogil:
        return gk_counter_value(of(self))

    cdef int64_t reset_nogil(self) noexcept nogil:
        return gk_atomic_exchange(of(self), 0)

    cdef bint compare_and_set_nogil(self, int64_t expected, int64_t new) noexcept nogil:
        return gk_atomic_compare_and_set(of(self), expected, new)


cdef gk_sharded *sharded(ShardedCounter self) noexcept nogil:
    return <gk_sharded *>self.counter


cdef class ShardedCounter(Counter):
    """A counter that is spread over cells on cache lines of their own, which
    threads seldom share: the fastest where many count and few read.

    ``value`` is exact once the threads that counted are joined. Before, it has
    every addition that was finished when it began to read, none that began
    after it ended, and perhaps those between. ``padded=False`` puts the cells
    side by side, to show what that costs. Thread-safe.
    """

    def __cinit__(self, value=0, *, padded=True):
        if value is _HANDLE:
            return
        cdef int64_t first = int64(value, "value")
        self.counter = gk_sharded_new(bool(padded))
        if self.counter == NULL:
            raise MemoryError
        gk_sharded_add(sharded(self), first)

    def __dealloc__(self):
        if self.counter == NULL:
            return
        if self.cell != NULL:
            gk_sharded_give_cell(sharded(self), <gk_cell *>self.cell)
        gk_sharded_release(sharded(self))

    def handle(self):
        """The same counter as another object, with a cell that only the calling
        thread adds to, and hence without an atomic instruction. RuntimeError
        where another thread adds through it. See also AtomicCounter.handle.
        """
        cdef ShardedCounter other = type(self).__new__(type(self), _HANDLE)
        other.cell = gk_sharded_take_cell(sharded(self))
        if other.cell == NULL:
            raise MemoryError
        gk_sharded_retain(sharded(self))
        other.counter = self.counter
        other.owner = PyThread_get_thread_ident()
        return other

    cdef int add_n(self, int64_t n) except -1:
        cdef int status
        if self.cell == NULL:
            status = gk_sharded_add(sharded(self), n)
        elif PyThread_get_thread_ident() == self.owner:
            status = gk_sharded_add_to_cell(sharded(self), <gk_cell *>self.cell, n)
        else:
            raise RuntimeError("a handle of a ShardedCounter counts only for the thread that took it")
        return overflow(self, n) if status != GK_OK else 0

    cdef bint add_nogil(self, int64_t n=1) noexcept nogil:
        if self.cell != NULL and PyThread_get_thread_ident() == self.owner:
            return gk_sharded_add_to_cell(sharded(self), <gk_cell *>self.cell, n) == GK_OK
        return gk_sharded_add(sharded(self), n) == GK_OK

    cdef int64_t value_nogil(self) noexcept nogil:
        return gk_sharded_value(sharded(self))

    cdef int64_t reset_nogil(self) noexcept nogil:
        return gk_sharded_reset(sharded(self))


class ContentionResult(NamedTuple):
    """What ``contend`` did: threads; increments by each of them; expected, the
    increments of all; counted, by how much the counter rose; retries, the
    compare-and-sets that had to be done again; seconds from the first increment
    to the last.
    """

    threads: int
    increments: int
    expected: int
    counted: int
    retries: int
    seconds: float

    @property
    def lost(self):
        """Updates that were lost."""
        return self.expected - self.counted

    @property
    def ns_per_update(self):
        """Wall time divided by the number of updates of all threads, in nanoseconds."""
        return self.seconds * 1e9 / self.expected if self.expected else 0.0


def contend(Counter counter not None, increments, *, threads, optimistic=False, inside=0, outside=0, timeout=None):
    """Adds 1 to ``counter`` ``increments`` times in each of ``threads`` native
    threads at once, without the GIL, and returns a ContentionResult: what was expected
    and counted, and how long it took.

    The threads are the call's own, not those of the pool, and start together.
    Each gets a cell of a ShardedCounter. ``optimistic`` has an AtomicCounter
    read, and compare-and-set until that succeeds, instead of fetch-and-add.
    ``inside`` and ``outside`` are rounds of a busy loop (some tenths of a
    nanosecond each) within each update, under the lock if there is one, and
    after it.

    Ctrl-C ends it, as does ``timeout`` (seconds) with TimeoutError. Raises
    OverflowError if the counter is full, RuntimeError if the system has no more
    threads, ValueError for numbers out of range.
    """
    cdef gk_contend run
    cdef gk_wait_options wait_options
    cdef int status
    memset(&run, 0, sizeof(run))
    run.increments = integer(increments, "increments", 0, INT64_MAX)
    run.threads = <int>integer(threads, "threads", 1, GK_MAX_THREADS)
    run.inside = integer(inside, "inside", 0, INT64_MAX)
    run.outside = integer(outside, "outside", 0, INT64_MAX)
    run.counter = of(counter)
    if isinstance(counter, ShardedCounter):
        run.kind = GK_CONTEND_SHARDED
        run.sharded = sharded(counter)
    elif isinstance(counter, LockedCounter):
        run.kind = GK_CONTEND_LOCKED
    elif isinstance(counter, RacyCounter):
        run.kind = GK_CONTEND_RACY
    else:
        run.kind = GK_CONTEND_OPTIMISTIC if optimistic else GK_CONTEND_ATOMIC
    if optimistic and run.kind != GK_CONTEND_OPTIMISTIC:
        raise TypeError(f"optimistic needs an AtomicCounter, not {counter!r}")
    before = counter.value
    wait_options_of(&wait_options, timeout)
    with nogil:
        status = gk_contend_run(&run, &wait_options)
    if status == GK_OVERFLOW:
        overflow(counter, 1)
    if status == GK_NO_MEMORY:
        raise RuntimeError(f"the system has no thread or memory left for {threads} threads")
    if not outcome(status):
        raise TimeoutError(f"contend did not end within {timeout} s")
    return ContentionResult(
        run.threads, run.increments, run.done, counter.value - before, run.retries, run.nanoseconds / 1e9)
