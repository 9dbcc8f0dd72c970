# cython: subinterpreters_compatible = own_gil
"""The iterator that gilkit.imap returns."""
import itertools
import os
import sys
import threading
from collections import deque
from collections.abc import Generator
from functools import partial

from cpython.contextvars cimport PyContextVar_Get
from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t

from gilkit._call cimport Call, call_begin, call_check, call_end, raise_cancelled
from gilkit._exports cimport GK_OK, gk_cancelled, gk_inside, gk_now, gk_options, gk_sleep_function, import_core
from gilkit._hub cimport sleep_of_this_greenlet
from gilkit._signal_poll cimport poll_of_this_thread

from gilkit import _scopes
from gilkit._progress import reporter
from gilkit._runner import start, threads_are_greenlets
from gilkit._signal_poll import raised_by_signal_handler

import_core()

cdef extern from "Python.h":
    PyObject *PyIter_Next(object iterator) except? NULL

include "_imap_stream.pxi"

cdef enum:
    MAX_AHEAD = 65_536
    # Number of cells to fill before the first result was given. Each given result allows two more.
    FIRST_AHEAD = 16
    # Maximum memory of waiting items and results, unless threads would have no work.
    BYTES_AHEAD = 16_777_216
    # A source is slow if its last item took longer than this (nanoseconds). It may be about to wait for a result.
    SLOW_SOURCE = 1_000_000
    # How long to wait for a result before asking such a source again (microseconds).
    GRACE = 2_000
    # After this many quick items in a row, the source is read even if a result is ready.
    TRUSTED_AFTER = 64
    # Time between two checks of a cancel token (microseconds).
    CHECK_EVERY = 5_000
    REPORT_NANOSECONDS = 50_000_000

# Types of iterators that never wait for anything.
_prompt = frozenset({
    type(iter(value)) for value in ([], (), {}, set(), "", "\xe9", b"", bytearray(), range(0), range(2**70),
                                    {}.values(), {}.items(), reversed([]), reversed(()), deque(), itertools.repeat(0),
                                    itertools.count())
})
_scope = _scopes.scope_variable


# ---- The consumer


def _without_limits():
    """Keep only the number of threads of the `with` blocks around the call of imap, not its limits."""
    threads = _scopes.scope_threads()
    _scope.set(None)
    if threads:
        _scopes.enter_scope(None, threads, 0, None)


cdef object current(variable):
    cdef PyObject *value = NULL
    PyContextVar_Get(variable, NULL, &value)
    if value == NULL:
        return None
    result = <object>value
    Py_DECREF(result)
    return result


cdef class Results:
    """Iterator over the results of a gilkit.imap, with the methods of a generator."""

    cdef Core core
    cdef object fn, source, source_error, context, hooks, threads, thread
    cdef object here, here_scope, own_scope  # for calls in the consumer's thread: their context, and its last scope
    cdef object report, close_report, total
    cdef readonly object stop_iteration  # if the function raised one
    cdef int64_t ahead, fewest, given, next_report, item_bytes, result_bytes, last_read, quick_reads, stuck_since
    cdef int inside
    cdef bint started, alone, ended, exhausted, prompt, asked_for_limits
    cdef object __weakref__

    def __cinit__(self, fn, source, bint star, int64_t ahead, threads, int64_t thread_count, context, bint limited,
                  bint alone=False, bint in_order=True, bint keep_going=False, int64_t time_limit=0):
        """limited: whether the limits of the `with` blocks around this call apply to the items.
        alone: whether the consumer computes everything. keep_going: whether exceptions are results.
        time_limit: the nanoseconds after which an item is given up; 0: none."""
        cdef int64_t capacity = 1
        self.ahead, self.fewest = min(ahead, MAX_AHEAD), thread_count + 1
        while capacity < self.ahead and not alone:
            capacity *= 2
        self.core = Core(capacity, in_order, keep_going, time_limit)
        self.fn, self.source, self.threads, self.context, self.alone = fn, source, threads, context, alone
        if not limited and current(_scope) is not None:
            context.run(_without_limits)
        self.here = context.copy()
        self.own_scope = self.here_scope = context.get(_scope)
        self.prompt = type(source) in _prompt
        self.core.s.m.fn = <PyObject *>fn
        self.core.s.m.context = <PyObject *>context
        self.core.s.m.star = star

    def tell_of(self, progress, total, what="imap"):
        """Report progress to the function or the bar that `progress` asks for."""
        manager = reporter(progress, total, what)
        self.report, self.total = manager.__enter__(), total
        self.close_report = partial(manager.__exit__, None, None, None)

    # ---- The methods of a generator

    def __iter__(self):
        return self

    def __next__(self):
        if not enter(&self.inside):
            raise ValueError("gilkit.imap: this iterator is already executing")
        try:
            if not self.ended:
                result = self.step()
                if not self.ended:
                    return result
        except BaseException as error:
            # A limit of the consumer ends only its wait.
            if not (self.asked_for_limits and is_limit(error)):
                self.end()
            self.asked_for_limits = False
            raise
        finally:
            leave(&self.inside)
        raise StopIteration

    def send(self, value):
        """Return the next result, if value is None."""
        if value is not None:
            raise TypeError("gilkit.imap takes no values")
        return next(self)

    def throw(self, kind, value=None, traceback=None):
        """Close this iterator and raise the exception."""
        self.close()
        error = kind if isinstance(kind, BaseException) else value if isinstance(value, BaseException) else kind()
        raise error if traceback is None else error.with_traceback(traceback)

    def close(self):
        """Close this iterator, and wait for the items in progress unless the caller is one of them."""
        if not enter(&self.inside):
            raise ValueError("gilkit.imap: this iterator is already executing")
        try:
            self.end()
        finally:
            leave(&self.inside)

    def __del__(self):
        # Must not wait: this runs in any thread, even in one that an item waits for.
        if not self.ended and self.core is not None:
            self.ended = True
            if self.is_mine():
                self.core.stop()
            if self.close_report is not None:
                self.close_report()

    def __reduce__(self):
        raise TypeError("a gilkit.imap cannot be pickled or copied, because its items are in progress: "
                        "pass the list of its results")

    # ---- One result

    cdef bint is_mine(self):
        return not self.started or self.core.forks == forks

    cdef int check_fork(self) except -1:
        if not self.is_mine():
            raise RuntimeError("this process was forked while gilkit.imap was running; only the parent can continue it")
        return 0

    cdef object step(self):
        cdef imap_stream *s = &self.core.s
        cdef PyObject *outcome
        cdef int failed = 0, over
        # list() and similar functions run no bytecode between two results, and a wait
        # checks for signals only if one interrupts it.
        PyErr_CheckSignals()
        self.check_fork()
        scope = current(_scope)
        if scope is not None:
            self.check_limits()
        while True:
            over = s.over  # read first, because outcomes are stored before it
            if s.broken != NULL:
                raise <object>s.broken
            if s.head < s.tail:
                outcome = imap_take(s, &failed)
                if outcome != NULL:
                    value = <object>outcome
                    Py_DECREF(value)
                    if failed and not self.is_result(value):
                        self.fail(value)
                    self.result_bytes = average(self.result_bytes, imap_bytes(<PyObject *>value))
                    if (not self.exhausted and not self.is_short() and s.tail - s.head <= self.allowed() // 2
                            and (self.prompt or self.quick_reads >= TRUSTED_AFTER)):
                        self.read()
                    return self.give(value)
            elif self.exhausted:
                if self.source_error is not None:
                    raise self.source_error
                if self.report is not None:
                    self.report(self.given, self.total)
                self.end()
                return None
            if not self.exhausted and self.computes_next():
                item = self.read_item()
                if not self.exhausted:
                    return self.give(self.call_here(item, scope))
                continue
            if over:
                raise RuntimeError("the thread of gilkit.imap ended")
            if self.exhausted or s.tail - s.head >= self.allowed() or (self.is_short() and s.head < s.tail):
                self.wait(scope)
            elif s.head == s.tail or self.prompt or not self.is_there_soon():
                self.read()

    cdef bint is_short(self):
        # An item with a time limit may turn out to be long, and could not be given up in this thread.
        return 0 < self.core.s.cost < IMAP_SHORT and self.core.s.time_limit == 0

    cdef bint computes_next(self):
        """Return whether the consumer is to compute the source's next item itself."""
        cdef imap_stream *s = &self.core.s
        return (self.alone or self.is_short()) and (
            s.head == s.tail or (not s.in_order and s.tail - s.head < self.allowed()))

    cdef int64_t allowed(self):
        """Return the maximum number of items in the ring."""
        return items_ahead(self.ahead, self.given, self.fewest, self.item_bytes + self.result_bytes)

    cdef bint is_there_soon(self) except -1:
        """Wait a moment for the next result before asking a source that may be slow; return whether it came."""
        cdef imap_stream *s = &self.core.s
        if s.cost != 0 and self.last_read < SLOW_SOURCE:
            return False
        if self.wait_for(s.head, GRACE):
            return True
        if s.cost == 0:
            s.cost = IMAP_SHORT  # it takes at least so long
        return False

    cdef object read_item(self):
        """Return the source's next item; if there is none, set `exhausted` and return None."""
        cdef PyObject *item
        try:
            item = PyIter_Next(self.source)
        except Exception as error:
            self.source_error, self.exhausted = error, True
            return None
        if item == NULL:
            self.exhausted = True
            return None
        value = <object>item
        Py_DECREF(value)
        return value

    cdef int read(self) except -1:
        """Fill cells. Ask a source that may be slow for no more than is needed."""
        cdef imap_stream *s = &self.core.s
        cdef int64_t most = self.allowed(), before = 0
        if not self.started:
            self.start_runner()
            if self.alone:
                return 0
        while s.tail - s.head < most:
            if not self.prompt:
                before = gk_now()
            item = self.read_item()
            if self.exhausted:
                break
            self.item_bytes = average(self.item_bytes, imap_bytes(<PyObject *>item))
            Py_INCREF(item)
            imap_push(s, <PyObject *>item)
            if not self.prompt:
                imap_kick(s)
                self.last_read = gk_now() - before
                self.quick_reads = self.quick_reads + 1 if self.last_read < SLOW_SOURCE else 0
                if s.cost == 0 or self.last_read >= SLOW_SOURCE or imap_is_there(s, s.head):
                    break
            if self.item_bytes > 0:
                most = self.allowed()
        imap_kick(s)
        return 0

    cdef int start_runner(self) except -1:
        self.core.forks = forks
        self.started = True
        self.hooks = thread_hooks()
        self.core.s.m.hooks = <PyObject *>self.hooks if self.hooks is not None else NULL
        if mapping_finalizing():  # a thread could not attach
            self.started, self.alone = False, True
            return 0
        try:
            function = partial(self.context.run, run, self.core, self.threads)
            if not threads_are_greenlets():
                self.thread = start(self.core, function)
            elif imap_start_thread(function) != 0:
                raise RuntimeError
        except (RuntimeError, MemoryError, OSError):  # no thread can be started
            self.started, self.alone = False, True
        return 0

    cdef object call_here(self, item, scope):
        """Return the function's result. The consumer's limits apply to the call."""
        if scope is None:
            scope = self.own_scope
        if scope is not self.here_scope:
            self.here.run(_scope.set, scope)
            self.here_scope = scope
        cdef int failed = 0
        value = <object>imap_call_here(&self.core.s, <PyObject *>self.here, <PyObject *>item, &failed)
        Py_DECREF(value)
        if failed:
            if not self.is_result(value) or (poll_of_this_thread() != NULL and raised_by_signal_handler(value)):
                self.fail(value)
            if is_limit(value):
                call_check(None)  # raises if the limit was the consumer's
                if gk_inside() and gk_cancelled():  # or that of a call around it
                    self.fail(value)
        return value

    cdef bint is_result(self, error):
        return self.core.s.keep_going and isinstance(error, Exception)

    cdef int fail(self, error) except -1:
        if isinstance(error, StopIteration):  # as in a generator, since it would silently end the consumer's loop
            self.stop_iteration = error
            raise RuntimeError("gilkit.imap: the function raised StopIteration") from error
        raise error

    cdef object give(self, value):
        self.given += 1
        if self.report is not None and gk_now() >= self.next_report:
            self.report(self.given, self.total)
            self.next_report = gk_now() + REPORT_NANOSECONDS
        return value

    cdef int wait(self, scope) except -1:
        cdef imap_stream *s = &self.core.s
        if mapping_finalizing():
            raise RuntimeError("the interpreter is finalizing, which ends the threads of gilkit.imap")
        cdef bint inside = gk_inside()
        self.wait_for(s.head, -1 if scope is None and s.time_limit == 0 and not inside else CHECK_EVERY)
        if inside and gk_cancelled():
            raise_cancelled()
        if scope is not None:
            self.check_limits()
        if s.time_limit > 0:
            self.check_time_limit()
        return 0

    cdef int wait_for(self, int64_t index, int64_t microseconds) except -1:
        """Wait for a result or the runner's end. A greenlet lets its hub run other greenlets meanwhile."""
        cdef gk_sleep_function sleep = sleep_of_this_greenlet() if "greenlet" in sys.modules else NULL
        cdef int came = imap_wait(&self.core.s, index, microseconds, sleep)
        self.check_fork()  # by another greenlet
        return came

    cdef int check_time_limit(self) except -1:
        """Give up items whose time is over. Raise if no thread could begin an item for as long."""
        cdef int64_t now = gk_now()
        imap_give_up(&self.core.s)
        if not (imap_is_stuck(&self.core.s) and imap_pending(&self.core.s)):
            self.stuck_since = 0
        elif self.stuck_since == 0:
            self.stuck_since = now
        elif now - self.stuck_since > self.core.s.time_limit:
            raise TimeoutError("every thread of gilkit.imap is in an item that did not end within its timeout")
        return 0

    cdef int check_limits(self) except -1:
        """Raise if a `with` block around the consumer has expired or its token is cancelled."""
        self.asked_for_limits = True
        call_check(None)
        self.asked_for_limits = False
        return 0

    cdef int end(self) except -1:
        """End the work. Wait for the items in progress, unless that could be a wait for the caller itself."""
        if self.ended:
            return 0
        self.ended = True
        try:
            if self.is_mine() and self.started:
                self.core.stop()
                if not gk_inside() and not mapping_finalizing():
                    self.await_end()
        finally:
            self.source = self.thread = None
            close_report, self.close_report = self.close_report, None
            if close_report is not None:
                close_report()
        return 0

    cdef int await_end(self) except -1:
        """Wait for the runner, and thereby for the items in progress, except those that were given up."""
        cdef imap_stream *s = &self.core.s
        while not s.over:
            if s.time_limit > 0:
                imap_give_up(s)
                if imap_is_stuck(s):
                    return 0
            self.wait_for(IMAP_END, -1 if s.time_limit == 0 else CHECK_EVERY)
        if self.thread is not None:
            self.thread.join()
        return 0


cpdef int64_t items_ahead(int64_t ahead, int64_t given, int64_t fewest, int64_t bytes_each) noexcept:
    """Return how many items to read before their results are given. `bytes_each`: of an item and its result.

    They are fewer while their size is unknown, or if it is large.
    """
    cdef int64_t most = min(ahead, FIRST_AHEAD + 2 * given)
    return min(most, max(fewest, BYTES_AHEAD // bytes_each)) if bytes_each > 0 else most


cdef int64_t size_of(item) noexcept:
    return imap_bytes(<PyObject *>item)


def size_average(int64_t before, object):
    """Return the average of sizes in bytes, with one more object."""
    return average(before, imap_bytes(<PyObject *>object))


cdef int64_t average(int64_t before, int64_t now):
    """Return an average that follows large sizes at once and small sizes slowly."""
    return now if now >= before else before - (before - now) // 8 - 1


cdef bint is_limit(error):
    from concurrent.futures import CancelledError
    return isinstance(error, (TimeoutError, CancelledError))


Generator.register(Results)
