# cython: subinterpreters_compatible = own_gil
"""Counters. csrc/sync/counter.h describes how they work."""
import operator

cimport cython
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uintptr_t

from gilkit.sync._c cimport (
    GK_OK, GK_OVERFLOW, gk_atomic_add, gk_atomic_compare_and_set, gk_atomic_exchange, gk_cell, gk_counter,
    gk_counter_new, gk_counter_release, gk_counter_retain, gk_counter_value, gk_lock_release, gk_lock_try,
    gk_lock_try_release, gk_locked_add, gk_locked_compare_and_set, gk_locked_exchange, gk_locked_value, gk_racy_add,
    gk_sharded, gk_sharded_add, gk_sharded_add_to_cell, gk_sharded_give_cell, gk_sharded_new, gk_sharded_release,
    gk_sharded_reset, gk_sharded_retain, gk_sharded_take_cell, gk_sharded_value, gk_wait_options, import_core,
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


cdef int raise_overflow(object counter, object n) except -1:
    raise OverflowError(f"adding {n} to {counter!r} would overflow its 64 bits")


# Passed instead of an initial value to make a handle.
_HANDLE = object()


cdef gk_counter *counter_of(Counter self) noexcept nogil:
    return <gk_counter *>self.counter


@cython.auto_pickle(False)
cdef class Counter:
    """Counter(value=0)

    Abstract base class of the counters; create one of its subclasses.

    Parameters
    ----------
    value : int, default 0
        The initial count, a signed 64-bit integer.

    Notes
    -----
    A counter compares and converts like its current value. Counters are
    unhashable, since that value changes. For arithmetic, use ``value``. An
    addition that would overflow raises OverflowError and changes nothing.

    Examples
    --------
    >>> from gilkit import sync
    >>> counter = sync.AtomicCounter(40)
    >>> counter += 2
    >>> isinstance(counter, sync.Counter), counter == 42, f"{counter:04}"
    (True, True, '0042')
    """

    def __cinit__(self, *args, **kwargs):
        if type(self) is Counter:
            raise TypeError("Counter is an abstract base class; create an AtomicCounter, ShardedCounter, "
                            "LockedCounter or RacyCounter")

    def add(self, n=1):
        """Add ``n``, an int of either sign. Raise OverflowError if the count would exceed 64 bits."""
        self.add_n(int64(n, "n"))

    def __iadd__(self, n):
        self.add_n(int64(n, "n"))
        return self

    def __isub__(self, n):
        self.add_n(int64(-n, "n"))
        return self

    @property
    def value(self):
        """The current count; an int."""
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
        """Set the count to 0 and return its previous value, an int."""
        return self.reset_nogil()

    def handle(self):
        """Return another object for the same counter.

        On a free-threaded build, take one handle per thread for hot loops:
        threads that share one object contend for its reference count, which
        costs more than counting.
        """
        cdef Counter other = type(self).__new__(type(self), _HANDLE)
        gk_counter_retain(counter_of(self))
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


cdef int init_counter(Counter self, object value) except -1:
    if value is _HANDLE:
        return 0
    self.counter = gk_counter_new(int64(value, "value"))
    if self.counter == NULL:
        raise MemoryError
    return 0


cdef void release_counter(Counter self) noexcept:
    if self.counter != NULL:
        gk_counter_release(counter_of(self))


cdef class RacyCounter(Counter):
    """RacyCounter(value=0)

    Counter that reads, adds and writes without a lock, and so loses updates.

    It shows why the other counters exist. Native threads (``contend``) lose
    updates, and so do Python threads on free-threaded builds; on other builds
    the GIL protects each call.

    Parameters
    ----------
    value : int, default 0
        The initial count.

    Examples
    --------
    >>> from gilkit import sync
    >>> result = sync.contend(sync.RacyCounter(), 100_000, threads=2)
    >>> result.lost >= 0  # usually many
    True
    """

    def __cinit__(self, value=0):
        init_counter(self, value)

    def __dealloc__(self):
        release_counter(self)

    cdef int add_n(self, int64_t n) except -1:
        return raise_overflow(self, n) if gk_racy_add(counter_of(self), n) != GK_OK else 0

    cdef bint add_nogil(self, int64_t n=1) noexcept nogil:
        return gk_racy_add(counter_of(self), n) == GK_OK

    cdef int64_t value_nogil(self) noexcept nogil:
        return gk_counter_value(counter_of(self))

    cdef int64_t reset_nogil(self) noexcept nogil:
        return gk_atomic_exchange(counter_of(self), 0)


cdef class LockedCounter(Counter):
    """LockedCounter(value=0)

    Counter protected by a lock, as one would build it with ``threading``.

    Exact and thread-safe, but the slowest under contention.

    Parameters
    ----------
    value : int, default 0
        The initial count.

    Examples
    --------
    >>> from gilkit import sync
    >>> counter = sync.LockedCounter(5)
    >>> counter.add_and_get(2)
    7
    """

    def __cinit__(self, value=0):
        init_counter(self, value)

    def __dealloc__(self):
        release_counter(self)

    cdef int add_n(self, int64_t n) except -1:
        cdef int64_t total = 0
        return self.add_and_read(n, &total)

    cdef int add_and_read(self, int64_t n, int64_t *total) except -1:
        cdef gk_counter *counter = counter_of(self)
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
            raise_overflow(self, n)
        outcome(status)
        return 0

    def add_and_get(self, n=1):
        """Add ``n`` and return the new count, an int."""
        cdef int64_t total = 0
        self.add_and_read(int64(n, "n"), &total)
        return total

    def compare_and_set(self, expected, new):
        """Set the count to ``new`` if it equals ``expected``; return whether it did."""
        return gk_locked_compare_and_set(counter_of(self), int64(expected, "expected"), int64(new, "new")) != 0

    cdef bint add_nogil(self, int64_t n=1) noexcept nogil:
        cdef int64_t total = 0
        return gk_locked_add(counter_of(self), n, &total, NULL) == GK_OK

    cdef int64_t value_nogil(self) noexcept nogil:
        return gk_locked_value(counter_of(self))

    cdef int64_t reset_nogil(self) noexcept nogil:
        return gk_locked_exchange(counter_of(self), 0)


cdef class AtomicCounter(Counter):
    """AtomicCounter(value=0)

    Counter whose addition is one atomic instruction; the default choice.

    Thread-safe and linearisable. An addition never waits.

    Parameters
    ----------
    value : int, default 0
        The initial count.

    Examples
    --------
    >>> from gilkit import sync
    >>> counter = sync.AtomicCounter(5)
    >>> counter.add_and_get(2), counter.compare_and_set(7, 1), counter.value
    (7, True, 1)
    """

    def __cinit__(self, value=0):
        init_counter(self, value)

    def __dealloc__(self):
        release_counter(self)

    cdef int add_n(self, int64_t n) except -1:
        cdef int64_t total = 0
        return raise_overflow(self, n) if gk_atomic_add(counter_of(self), n, &total) != GK_OK else 0

    def add_and_get(self, n=1):
        """Add ``n`` and return the new count, an int."""
        cdef int64_t total = 0
        if gk_atomic_add(counter_of(self), int64(n, "n"), &total) != GK_OK:
            raise_overflow(self, n)
        return total

    def compare_and_set(self, expected, new):
        """Set the count to ``new`` if it equals ``expected``; return whether it did."""
        return self.compare_and_set_nogil(int64(expected, "expected"), int64(new, "new")) != 0

    cdef bint add_nogil(self, int64_t n=1) noexcept nogil:
        cdef int64_t total = 0
        return gk_atomic_add(counter_of(self), n, &total) == GK_OK

    cdef int64_t value_nogil(self) noexcept nogil:
        return gk_counter_value(counter_of(self))

    cdef int64_t reset_nogil(self) noexcept nogil:
        return gk_atomic_exchange(counter_of(self), 0)

    cdef bint compare_and_set_nogil(self, int64_t expected, int64_t new) noexcept nogil:
        return gk_atomic_compare_and_set(counter_of(self), expected, new)


cdef gk_sharded *sharded_of(ShardedCounter self) noexcept nogil:
    return <gk_sharded *>self.counter


cdef class ShardedCounter(Counter):
    """ShardedCounter(value=0, *, padded=True)

    Counter split into cells, for many threads that count and few that read.

    Parameters
    ----------
    value : int, default 0
        The initial count.
    padded : bool, default True
        Whether each cell has cache lines of its own. False makes the cells share
        them, to show the cost of false sharing.

    Notes
    -----
    Thread-safe. ``value`` is exact once the counting threads are joined. A read
    during counting includes every addition that completed before it, none that
    began after it, and any of those that overlap it.

    Examples
    --------
    >>> import threading
    >>> from gilkit import sync
    >>> counter = sync.ShardedCounter()
    >>> threads = [threading.Thread(target=counter.add, args=(n,)) for n in (1, 2)]
    >>> for thread in threads:
    ...     thread.start()
    >>> for thread in threads:
    ...     thread.join()
    >>> counter.value
    3
    """

    def __cinit__(self, value=0, *, padded=True):
        if value is _HANDLE:
            return
        cdef int64_t first = int64(value, "value")
        self.counter = gk_sharded_new(bool(padded))
        if self.counter == NULL:
            raise MemoryError
        gk_sharded_add(sharded_of(self), first)

    def __dealloc__(self):
        if self.counter == NULL:
            return
        if self.cell != NULL:
            gk_sharded_give_cell(sharded_of(self), <gk_cell *>self.cell)
        gk_sharded_release(sharded_of(self))

    def handle(self):
        """Return another object for the same counter, for the calling thread only.

        It has a cell of its own, so its additions need no atomic instruction.
        Additions from any other thread raise RuntimeError.
        """
        cdef ShardedCounter other = type(self).__new__(type(self), _HANDLE)
        other.cell = gk_sharded_take_cell(sharded_of(self))
        if other.cell == NULL:
            raise MemoryError
        gk_sharded_retain(sharded_of(self))
        other.counter = self.counter
        other.owner = PyThread_get_thread_ident()
        return other

    cdef int add_n(self, int64_t n) except -1:
        cdef int status
        if self.cell == NULL:
            status = gk_sharded_add(sharded_of(self), n)
        elif PyThread_get_thread_ident() == self.owner:
            status = gk_sharded_add_to_cell(sharded_of(self), <gk_cell *>self.cell, n)
        else:
            raise RuntimeError("a ShardedCounter handle works only for the thread that took it; call handle() in "
                               "each thread")
        return raise_overflow(self, n) if status != GK_OK else 0

    cdef bint add_nogil(self, int64_t n=1) noexcept nogil:
        if self.cell != NULL and PyThread_get_thread_ident() == self.owner:
            return gk_sharded_add_to_cell(sharded_of(self), <gk_cell *>self.cell, n) == GK_OK
        return gk_sharded_add(sharded_of(self), n) == GK_OK

    cdef int64_t value_nogil(self) noexcept nogil:
        return gk_sharded_value(sharded_of(self))

    cdef int64_t reset_nogil(self) noexcept nogil:
        return gk_sharded_reset(sharded_of(self))
