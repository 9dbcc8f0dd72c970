# cython: subinterpreters_compatible = own_gil
"""Python callables on the pool: map, starmap, imap."""
import signal
import sys
from contextvars import copy_context
from functools import partial
from itertools import islice

from cpython.object cimport PyObject
from cpython.ref cimport Py_XDECREF
from libc.stdint cimport int64_t

from gilkit._call cimport Call, call_begin, call_end, integer
from gilkit._exports cimport (
    GK_INTERRUPTED, GK_MAX_THREADS, GK_OK, gk_now, gk_num_threads, gk_options, gk_participants, import_core,
)
from gilkit._imap cimport thread_hooks

from gilkit import _scopes
from gilkit._imap import Results
from gilkit._progress import reporter

import_core()

cdef extern from "Python.h":
    void PyObject_GC_UnTrack(object op)
    void PyObject_GC_Track(object op)
    list PyList_New(Py_ssize_t size)
    PyObject **PySequence_Fast_ITEMS(object sequence)
    PyObject *PyObject_CallFunctionObjArgs(PyObject *callable, ...)

cdef extern from "gilkit/_mapping.h":
    ctypedef struct mapping:
        PyObject *fn
        PyObject **items
        PyObject *list
        PyObject *results
        PyObject *context
        PyObject *hooks
        PyObject *signalled
        int (*report)(void *block) noexcept
        void *block
        int64_t n
        bint star
        bint counted
        # Atomic in C, so that reading and writing them is.
        int64_t done
        int64_t limit
        PyObject *error
    int mapping_run(mapping *m, gk_options *options)
    bint mapping_finalizing()
    int mapping_report(void *m) noexcept nogil
    bint ISOLATED "CYTHON_USE_MODULE_STATE"  # in sub-interpreters, which have no signal handlers

cdef enum:
    # So many items for each thread are expected to be few and long: the pool is
    # woken before the first. Of more items, the first ones tell.
    FEW = 64
    # Items of an iterator are read in blocks that take about this long and have
    # at most this many, so that not all need to exist at once.
    BLOCK_NANOSECONDS = 50_000_000
    BLOCK_ITEMS = 65_536
    REPORT_NANOSECONDS = 50_000_000


cdef class Block:
    """Some items on their way through the function."""

    cdef mapping m
    cdef object fn, items, context, hooks
    cdef list results
    # For a progress report: what comes before this block, and poll's own task.
    cdef object report, total
    cdef int64_t before
    cdef int (*poll)(void *context) noexcept nogil
    cdef void *poll_context

    def __cinit__(self, fn, items, bint star, bint shared=False):
        # items: a tuple or list; shared: a list that others have, too.
        self.fn, self.items = fn, items
        self.results = PyList_New(len(items))
        # Its places are still empty, which no code may see: gc.get_referrers()
        # and the like do not find it.
        PyObject_GC_UnTrack(self.results)
        self.m.fn = <PyObject *>fn
        if shared:
            self.m.list = <PyObject *>items
        else:
            self.m.items = PySequence_Fast_ITEMS(items)
        self.m.results = <PyObject *>self.results
        self.m.n = self.m.limit = len(items)
        self.m.star = star

    def __dealloc__(self):
        Py_XDECREF(self.m.error)

    cdef int run(self, threads, chunksize) except -1:
        cdef Call call
        cdef int status
        self.context = copy_context()
        self.hooks = thread_hooks()
        self.m.context = <PyObject *>self.context
        self.m.hooks = <PyObject *>self.hooks if self.hooks is not None else NULL
        # A dying interpreter takes no other threads in.
        call_begin(&call, 1 if mapping_finalizing() else threads)
        call.options.grain = 1 if chunksize is None else chunksize
        call.options.eager = self.m.n <= FEW * gk_participants(&call.options)
        if call.options.poll != NULL and not ISOLATED:
            self.m.signalled = <PyObject *>raised_by_signal_handler
        if self.report is not None:
            self.m.counted = True
            self.poll, self.poll_context = call.options.poll, call.options.poll_context
            self.m.report, self.m.block = report, <void *>self
            call.options.poll, call.options.poll_context = mapping_report, &self.m
        status = mapping_run(&self.m, &call.options)
        if status == GK_INTERRUPTED or self.m.error == NULL:
            return call_end(&call, status)  # what a signal handler raised comes before all else
        call_end(&call, GK_OK)
        raise <object>self.m.error

    cdef list finished_results(self):
        PyObject_GC_Track(self.results)
        return self.results


cdef int report(void *data) noexcept:
    # As with poll itself, an exception stays set, and call_end() raises it.
    cdef Block block = <Block>data
    if block.poll != NULL and block.poll(block.poll_context) != 0:
        return 1
    cdef object done = block.before + block.m.done
    cdef PyObject *result = PyObject_CallFunctionObjArgs(
        <PyObject *>block.report, <PyObject *>done, <PyObject *>block.total, NULL)
    Py_XDECREF(result)
    return result == NULL


def raised_by_signal_handler(error):
    """Whether the error comes out of the function that handles some signal now.

    CPython runs it in the middle of whatever the main thread does: nothing but
    the traceback tells what it raises from what that raised."""
    codes = set()
    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        while isinstance(handler, partial):
            handler = handler.func
        if callable(handler):
            function = getattr(handler, "__func__", handler)
            codes.add(getattr(function, "__code__", None) or getattr(type(handler).__call__, "__code__", None))
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in codes:
            return True
        trace = trace.tb_next
    return False


cdef tuple read_block(iterator, int64_t size):
    """(at most `size` items, the exception of the iterator or None)"""
    cdef list items = []
    try:
        for item in islice(iterator, size):
            items.append(item)
    except Exception as error:
        return items, error
    return items, None


cdef object length(iterables):
    """How many items there are, or None if an iterable does not say, or not rightly."""
    try:
        lengths = [len(iterable) for iterable in iterables]
        lengths.sort()
        return lengths[0]
    except Exception as error:
        if raised_by_signal_handler(error):
            raise
        return None


cdef int64_t thread_count(threads) except -1:
    return threads if threads is not None else _scopes.scope_threads() or gk_num_threads()


cdef int check(str what, fn, iterables, threads, chunksize) except -1:
    if not callable(fn):
        raise TypeError(f"fn must be callable, not {fn!r}")
    if not iterables:
        raise TypeError(f"{what} needs at least one iterable")
    if threads is not None:
        integer(threads, "threads", 1, GK_MAX_THREADS)
    if chunksize is not None:
        integer(chunksize, "chunksize", 1, 2**62)
    return 0


cdef list run_all(fn, source, bint star, threads, chunksize, report, total):
    cdef Block block
    cdef int64_t size, started
    if type(source) is tuple or type(source) is list:
        block = Block(fn, source, star, shared=type(source) is list)
        block.report, block.total = report, total
        block.run(threads, chunksize)
        return block.finished_results()
    cdef list results = []
    iterator = iter(source)
    size = FEW * thread_count(threads)
    while True:
        items, error = read_block(iterator, size)
        started = gk_now()
        block = Block(fn, items, star)
        block.report, block.total, block.before = report, total, len(results)
        block.run(threads, chunksize)
        results += block.finished_results()
        if error is not None:
            raise error
        if len(items) < size:
            return results
        if gk_now() - started < BLOCK_NANOSECONDS and size < BLOCK_ITEMS:
            size *= 2


cdef bint may_switch_stacks():
    """Whether the function may switch to another greenlet of this thread, which uses the same stack."""
    return "greenlet" in sys.modules


cdef list run_on_the_heap(str what, fn, source, bint star, threads, progress, total):
    """map for threads with greenlets: nothing that another thread looks at is on the caller's stack."""
    cdef int64_t count = thread_count(threads), expected = len(source) if type(source) is list else 0
    results = Results(fn, iter(source), star, 2**40, threads, count, copy_context(), True, count == 1)
    if progress is not None and progress is not False:
        results.tell_of(progress, total, what)
    try:
        values = list(results)
    except RuntimeError:
        if results.stop_iteration is None:
            raise
        raise results.stop_iteration
    if type(source) is list and len(values) < expected:
        raise RuntimeError("the list became shorter while gilkit.map was at work on it")
    return values


cdef list mapped(str what, fn, source, bint star, threads, chunksize, progress, total):
    if may_switch_stacks():
        return run_on_the_heap(what, fn, source, star, threads, progress, total)
    if progress is False:
        return run_all(fn, source, star, threads, chunksize, None, None)
    with reporter(progress, total, what) as report:
        results = run_all(fn, source, star, threads, chunksize, report, total)
        if report is not None:
            report(len(results), total)
        return results


def map(fn, *iterables, threads=None, chunksize=None, progress=False):
    """The list ``[fn(*arguments) for arguments in zip(*iterables)]``, computed
    by several threads.

    On a free-threaded build any function gains; with a GIL, those that release
    it while they work (zlib, hashlib, NumPy, gilkit, extensions' own), and the
    others cost what builtin ``map`` does.

    fn: any callable; called from the calling thread and from threads of the
    pool, several items at the same time. iterables: the shortest one ends it;
    they are read by the calling thread, lists and tuples at once, others bit
    by bit. threads: at most so many take part; None: ``num_threads()``.
    chunksize: a thread takes so many items at once; None: few at first, more
    if they turn out to be short. progress: True shows a bar on standard error,
    a function is called with (items done, items in all or None) now and then.

    Results are in order. If fn raises, items after that one are not begun any
    more, and the exception of the first item that fails is raised, as by
    builtin ``map``; those that are at work are finished first. The same goes
    for Ctrl-C, other signals whose handler raises, ``gilkit.timeout`` and
    cancel tokens (TimeoutError, CancelledError), which also end gilkit's calls
    inside fn. Each thread runs in a copy of the caller's context
    variables, and calls the hooks of ``threading.settrace`` and
    ``setprofile``; its ``threading.local`` values last for one call of map.
    fn may call map and all of gilkit. Thread-safe.
    """
    check("map", fn, iterables, threads, chunksize)
    star = len(iterables) > 1
    total = None if progress is False else length(iterables)
    return mapped("map", fn, zip(*iterables) if star else iterables[0], star, threads, chunksize, progress, total)


def starmap(fn, iterable, *, threads=None, chunksize=None, progress=False):
    """The list ``[fn(*arguments) for arguments in iterable]``, computed by
    several threads. All else is as with ``gilkit.map``."""
    check("starmap", fn, (iterable,), threads, chunksize)
    total = None if progress is False else length((iterable,))
    return mapped("starmap", fn, iterable, True, threads, chunksize, progress, total)


def imap(fn, *iterables, ahead=None, threads=None, chunksize=None, progress=False):
    """Return an iterator over ``fn(*arguments) for arguments in zip(*iterables)``,
    in order, which computes ahead while its consumer is busy.

    Parameters
    ----------
    fn : callable
        Called from a thread of imap's own, from threads of the pool and, where
        calls are short or no thread can be had, from the consumer.
    *iterables : iterable
        The shortest one ends it. They are read by the thread that asks for
        results. A result that is there is given before more is read.
    ahead : int, optional
        At most so many items are read whose results were not given yet; 64 for
        each thread by default. Fewer where items and results are large: those
        that wait take 16 MiB in all, or one more than there are threads. With
        ``ahead=1`` an item is read only when the result before it was given, so
        that the iterable may depend on it.
    threads : int, optional
        At most so many take part; ``num_threads()`` by default.
    chunksize : int, optional
        Accepted as by ``gilkit.map``; items are taken one at a time.
    progress : bool or callable, optional
        As with ``gilkit.map``.

    Returns
    -------
    generator
        With ``close()``, ``throw()`` and ``send(None)``. Work begins when the
        first result is asked for. ``close()``, or dropping the iterator, ends
        it, anywhere, also inside fn: gilkit's calls in the items end, other
        items that are at work are finished. ``close()`` waits for them unless
        it is called by one of them. An item is dropped once it is computed.

    Raises
    ------
    ValueError
        By ``next()`` and ``close()`` while another thread, or the iterable,
        executes ``next()``.
    TimeoutError, concurrent.futures.CancelledError
        By ``next()``, when the ``gilkit.timeout`` or cancel token around it ends
        the wait; the iterator can be asked again. Such blocks do not hold for
        the items, which are at work also between two calls of ``next()``; those
        around the call of ``imap`` alone have no effect.

    Notes
    -----
    What fn raises is raised when its result is due, and closes the iterator, as
    does what a signal handler raises. ``StopIteration`` becomes ``RuntimeError``,
    as in a generator.

    Examples
    --------
    >>> list(gilkit.imap(abs, range(-3, 1)))
    [3, 2, 1, 0]
    """
    check("imap", fn, iterables, threads, chunksize)
    star = len(iterables) > 1
    count = thread_count(threads)
    if ahead is None:
        ahead = FEW * count
    cdef int64_t most = integer(ahead, "ahead", 1, 2**40)
    source = iter(zip(*iterables) if star else iterables[0])
    results = Results(fn, source, star, most, threads, count, copy_context(), False)
    if progress is not None and progress is not False:
        results.tell_of(progress, length(iterables))
    return results
