# cython: subinterpreters_compatible = own_gil
"""contend and ping_pong, which measure counters and thread switches with native
threads. See csrc/sync/contend.h and csrc/sync/ping_pong.h."""
from typing import NamedTuple

from libc.stdint cimport INT64_MAX
from libc.string cimport memset

from gilkit._call cimport integer
from gilkit._exports cimport GK_MAX_THREADS
from gilkit.sync._c cimport (
    GK_CONTEND_ATOMIC, GK_CONTEND_LOCKED, GK_CONTEND_OPTIMISTIC, GK_CONTEND_RACY, GK_CONTEND_SHARDED, GK_NO_MEMORY,
    GK_OVERFLOW, gk_contend, gk_contend_run, gk_counter, gk_ping_pong, gk_ping_pong_run, gk_sharded,
    gk_wait_options, import_core,
)
from gilkit.sync._counters cimport Counter, LockedCounter, RacyCounter, ShardedCounter, raise_overflow
from gilkit.sync._wait cimport outcome, wait_options_of

import_core()


class ContentionResult(NamedTuple):
    """Result of ``contend``.

    Attributes
    ----------
    threads, increments : int
        The number of threads, and of increments by each.
    expected, counted : int
        The increments of all threads, and by how much the counter rose.
    retries : int
        The compare-and-sets that failed and were repeated.
    seconds : float
        The time from the first increment to the last.
    """

    threads: int
    increments: int
    expected: int
    counted: int
    retries: int
    seconds: float

    @property
    def lost(self):
        """Number of updates that were lost; an int."""
        return self.expected - self.counted

    @property
    def ns_per_update(self):
        """Elapsed time divided by the updates of all threads, in nanoseconds; a float."""
        return self.seconds * 1e9 / self.expected if self.expected else 0.0


def contend(Counter counter not None, increments, *, threads, optimistic=False, inside=0, outside=0, timeout=None):
    """Measure a counter that several native threads increment at once.

    Parameters
    ----------
    counter : Counter
        Each thread gets its own cell of a ``ShardedCounter``.
    increments : int
        How many times each thread adds 1.
    threads : int
        The number of threads, 1 to 1024. They belong to this call, not to the
        pool, run without the GIL and start together.
    optimistic : bool, default False
        Whether to increment an ``AtomicCounter`` by a compare-and-set loop
        instead of fetch-and-add.
    inside, outside : int, default 0
        Rounds of a busy loop (some tenths of a nanosecond each) within each
        update, under the lock if there is one, and after it.
    timeout : float or None, default None
        The longest time to run, in seconds.

    Returns
    -------
    ContentionResult
        The expected and the actual count, and the time taken.

    Raises
    ------
    OverflowError
        If the count would exceed 64 bits.
    RuntimeError
        If the system cannot create the threads.
    TimeoutError
        If the timeout expired. Ctrl-C ends the call too.
    TypeError, ValueError
        For arguments of the wrong type or out of range.

    Examples
    --------
    >>> from gilkit import sync
    >>> sync.contend(sync.AtomicCounter(), 1000, threads=2).lost
    0
    """
    cdef gk_contend run
    cdef gk_wait_options wait_options
    cdef int status
    memset(&run, 0, sizeof(run))
    run.increments = integer(increments, "increments", 0, INT64_MAX)
    run.threads = <int>integer(threads, "threads", 1, GK_MAX_THREADS)
    run.inside = integer(inside, "inside", 0, INT64_MAX)
    run.outside = integer(outside, "outside", 0, INT64_MAX)
    run.counter = <gk_counter *>counter.counter
    if isinstance(counter, ShardedCounter):
        run.kind = GK_CONTEND_SHARDED
        run.sharded = <gk_sharded *>counter.counter
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
        raise_overflow(counter, 1)
    if status == GK_NO_MEMORY:
        raise RuntimeError(f"the system has no thread or memory left for {threads} threads")
    if not outcome(status):
        raise TimeoutError(f"contend did not end within {timeout} s")
    return ContentionResult(
        run.threads, run.increments, run.done, counter.value - before, run.retries, run.nanoseconds / 1e9)


class PingPongResult(NamedTuple):
    """Result of ``ping_pong``: threads, laps, and the seconds that all laps took."""

    threads: int
    laps: int
    seconds: float

    @property
    def switches(self):
        """Number of times that a thread passed the token on; an int."""
        return self.threads * self.laps

    @property
    def ns_per_switch(self):
        """Time from waking a thread until it wakes the next, in nanoseconds; a float."""
        return self.seconds * 1e9 / self.switches if self.switches else 0.0


def ping_pong(laps, *, threads, timeout=None):
    """Measure a switch between threads by passing a token round a ring of them.

    Parameters
    ----------
    laps : int
        How many times the token goes round, after one untimed lap.
    threads : int
        The number of threads, 2 to 1024. They belong to this call and run without
        the GIL. Each sleeps until the previous one wakes it.
    timeout : float or None, default None
        The longest time to run, in seconds.

    Returns
    -------
    PingPongResult
        The number of switches and the time taken.

    Raises
    ------
    RuntimeError, TimeoutError, TypeError, ValueError
        As for ``contend``. Ctrl-C ends the call too.

    Examples
    --------
    >>> from gilkit import sync
    >>> sync.ping_pong(10, threads=2).switches
    20
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
