# cython: subinterpreters_compatible = own_gil
"""Python callables on the pool: map, starmap, imap."""
import sys
from contextvars import copy_context
from functools import partial
from itertools import islice

from cpython.object cimport PyObject
from cpython.ref cimport Py_XDECREF
from libc.stdint cimport int64_t

from gilkit._call cimport Call, call_begin, call_end, integer
from gilkit._exports cimport (
    GK_INTERRUPTED, GK_MAX_THREADS, GK_OK, gk_now, gk_num_threads, gk_participants, import_core,
)
from gilkit._imap cimport finalizing, mapping, report_mapping, run_mapping, size_of, thread_hooks

from gilkit import _scopes, runtime
from gilkit._call import entered_from_outside, seconds_of
from gilkit._imap import Results, items_ahead, size_average  # the latter for gilkit.aio  # no-cython-lint
from gilkit._progress import reporter
from gilkit._signal_poll import raised_by_signal_handler

import_core()

cdef extern from "Python.h":
    void PyObject_GC_UnTrack(object op)
    void PyObject_GC_Track(object op)
    list PyList_New(Py_ssize_t size)
    PyObject **PySequence_Fast_ITEMS(object sequence)
    PyObject *PyObject_CallFunctionObjArgs(PyObject *callable, ...)

cdef extern from *:
    bint ISOLATED "CYTHON_USE_MODULE_STATE"  # in sub-interpreters, which have no signal handlers

cdef enum:
    # Up to this many items for each thread are expected to be long, and the pool is
    # woken before the first. For longer inputs, the timings of the first items decide.
    FEW = 64
    # Iterators are read in blocks of about this duration and at most this many
    # items, so not all items need to exist at once.
    BLOCK_NANOSECONDS = 50_000_000
    BLOCK_ITEMS = 65_536
    # A block ends earlier if its items take more memory, but not before it has this many items for each thread.
    BLOCK_BYTES = 16_777_216
    FEWEST = 4
    REPORT_NANOSECONDS = 50_000_000

# Seconds after its time limit at which an item of imap or aimap is given up. gilkit's calls in it have ended long
# before.
GRACE = 0.25


cdef class Block:
    """A block of items that are being computed."""

    cdef mapping m
    cdef object fn, items, context, hooks
    cdef list results
    # For a progress report: the items before this block, and the poll that the report wraps.
    cdef object report, total
    cdef int64_t before
    cdef int (*poll)(void *context) noexcept nogil
    cdef void *poll_context

    def __cinit__(self, fn, items, bint star, bint shared=False):
        # items: a tuple or list. shared: a list that other code may change.
        self.fn, self.items = fn, items
        self.results = PyList_New(len(items))
        # Its slots are still NULL, which no Python code may see. Untracked, the
        # list is invisible to gc.get_referrers() and similar functions.
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
        # An interpreter that is finalizing does not let other threads attach.
        call_begin(&call, 1 if finalizing() else threads)
        call.options.grain = 1 if chunksize is None else chunksize
        call.options.eager = self.m.n <= FEW * gk_participants(&call.options)
        self.m.from_outside = ISOLATED and entered_from_outside()
        if call.options.poll != NULL and not ISOLATED:
            self.m.signalled = <PyObject *>raised_by_signal_handler
        if self.report is not None:
            self.m.counted = True
            self.poll, self.poll_context = call.options.poll, call.options.poll_context
            self.m.report, self.m.block = report, <void *>self
            call.options.poll, call.options.poll_context = report_mapping, &self.m
        status = run_mapping(&self.m, &call.options)
        if status == GK_INTERRUPTED or self.m.error == NULL:
            return call_end(&call, status)  # the exception of a signal handler takes precedence
        call_end(&call, GK_OK)
        raise <object>self.m.error

    cdef list finished_results(self):
        PyObject_GC_Track(self.results)
        return self.results


cdef int report(void *data) noexcept:
    # As with the poll itself, an exception stays set until call_end() raises it.
    cdef Block block = <Block>data
    if block.poll != NULL and block.poll(block.poll_context) != 0:
        return 1
    cdef object done = block.before + block.m.done
    cdef PyObject *result = PyObject_CallFunctionObjArgs(
        <PyObject *>block.report, <PyObject *>done, <PyObject *>block.total, NULL)
    Py_XDECREF(result)
    return result == NULL


cdef tuple read_block(iterator, int64_t size, int64_t fewest):
    """Return up to `size` items, whether there are no more, and the exception of the iterator or None."""
    cdef list items = []
    cdef int64_t bytes_read = 0
    try:
        for item in islice(iterator, size):
            items.append(item)
            bytes_read += size_of(item)
            if bytes_read >= BLOCK_BYTES and len(items) >= fewest:
                return items, False, None
    except Exception as error:
        return items, True, error
    return items, len(items) < size, None


cdef object length(iterables):
    """Return the number of items, or None if an iterable does not know its length."""
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


def check_pipeline(str what, fn, iterables, ahead, threads, chunksize):
    """Check the arguments of imap or aimap. Return the number of threads, and how many items to read ahead."""
    check(what, fn, iterables, threads, chunksize)
    cdef int64_t count = thread_count(threads)
    return count, integer(FEW * count if ahead is None else ahead, "ahead", 1, 2**40)


cdef list run_all(fn, source, bint star, threads, chunksize, report, total):
    cdef Block block
    cdef int64_t size, fewest, started
    if type(source) is tuple or type(source) is list:
        block = Block(fn, source, star, shared=type(source) is list)
        block.report, block.total = report, total
        block.run(threads, chunksize)
        return block.finished_results()
    cdef list results = []
    iterator = iter(source)
    size, fewest = FEW * thread_count(threads), FEWEST * thread_count(threads)
    while True:
        items, is_end, error = read_block(iterator, size, fewest)
        started = gk_now()
        block = Block(fn, items, star)
        block.report, block.total, block.before = report, total, len(results)
        block.run(threads, chunksize)
        results += block.finished_results()
        if error is not None:
            raise error
        if is_end:
            return results
        items = block = None  # before the next ones are read
        if gk_now() - started < BLOCK_NANOSECONDS and size < BLOCK_ITEMS:
            size *= 2


cdef bint may_switch_stacks():
    """Return whether fn may switch to another greenlet, which uses the same stack."""
    return "greenlet" in sys.modules


cdef list run_on_the_heap(str what, fn, source, bint star, threads, progress, total):
    """map for threads with greenlets: other threads read nothing that is on the caller's stack."""
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
        raise RuntimeError("the list became shorter while gilkit.map was running over it")
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
    """Return the list ``[fn(*arguments) for arguments in zip(*iterables)]``, computed by several threads.

    On a free-threaded build, any function gains. With a GIL, functions gain that
    release it while they work (those of zlib, hashlib, NumPy, gilkit and many
    extensions); others cost what builtin ``map`` costs.

    Parameters
    ----------
    fn : callable
        Called from the calling thread and from threads of the pool, for several
        items at the same time. It may call ``map`` and all of gilkit.
    *iterables : iterable
        The shortest one determines the number of calls. The calling thread reads
        lists and tuples at once, and other iterables in blocks, of up to 16 MiB
        unless four items for each thread take more.
    threads : int, optional
        Maximum number of threads, 1 to 1024. Default: ``num_threads()``.
    chunksize : int, optional
        Number of items that a thread takes at a time. Default: one at first, more
        if items turn out to be short.
    progress : bool or callable, default False
        True shows a progress bar on standard error. A function is called from time
        to time with the number of finished items and the total, which is None if
        it is unknown.

    Returns
    -------
    list
        The results, in the order of the items.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range.
    TimeoutError, concurrent.futures.CancelledError
        If a ``gilkit.timeout`` or cancel token ends the call.

    Notes
    -----
    If fn raises, no later items are started, those in progress are finished, and
    the exception of the first item that failed is raised, as by builtin ``map``.
    Ctrl-C, signal handlers that raise, ``gilkit.timeout`` and cancel tokens do
    the same, and also end gilkit's calls inside fn.

    Each thread runs in a copy of the caller's context variables, and calls the
    hooks of ``threading.settrace`` and ``threading.setprofile``. Values in
    ``threading.local`` last for one call of ``map``. Thread-safe.

    Examples
    --------
    >>> gilkit.map(pow, [2, 3, 4], [10, 20, 30])
    [1024, 3486784401, 1152921504606846976]
    """
    check("map", fn, iterables, threads, chunksize)
    star = len(iterables) > 1
    total = None if progress is False else length(iterables)
    return mapped("map", fn, zip(*iterables) if star else iterables[0], star, threads, chunksize, progress, total)


def starmap(fn, iterable, *, threads=None, chunksize=None, progress=False):
    """Return the list ``[fn(*arguments) for arguments in iterable]``, computed by several threads.

    Parameters
    ----------
    fn : callable
        See ``gilkit.map``.
    iterable : iterable of iterables
        The arguments of each call.
    threads, chunksize : int, optional
        See ``gilkit.map``.
    progress : bool or callable, default False
        See ``gilkit.map``.

    Returns
    -------
    list
        The results, in the order of the items.

    Notes
    -----
    Exceptions, signals and limits are handled as by ``gilkit.map``. Thread-safe.

    Examples
    --------
    >>> gilkit.starmap(pow, [(2, 10), (3, 3)])
    [1024, 27]
    """
    check("starmap", fn, (iterable,), threads, chunksize)
    total = None if progress is False else length((iterable,))
    return mapped("starmap", fn, iterable, True, threads, chunksize, progress, total)


def within(limit, fn, *arguments):
    """Call fn with a time limit for gilkit's calls in it."""
    with limit:
        return fn(*arguments)


def outcome_options(fn, on_error, timeout):
    """Check arguments of imap or aimap. Return fn with the time limit, whether exceptions are results, and the seconds
    after which an item is given up or None."""
    if on_error not in ("raise", "return"):
        raise ValueError(f"on_error must be 'raise' or 'return', not {on_error!r}")
    seconds = None if timeout is None else seconds_of(timeout, "timeout")
    if seconds is None or seconds >= 4e9:  # as for gilkit.timeout
        return fn, on_error == "return", None
    return partial(within, runtime.timeout(seconds), fn), on_error == "return", seconds + GRACE


def imap(fn, *iterables, ahead=None, threads=None, chunksize=None, progress=False, ordered=True, on_error="raise",
         timeout=None):
    """Return an iterator over ``fn(*arguments) for arguments in zip(*iterables)`` that computes ahead.

    Results come in order, or as they are completed, and further items are computed
    while the consumer is busy.

    Parameters
    ----------
    fn : callable
        Called from a thread of imap's own, from threads of the pool and, if calls
        are short or no thread can be started, from the consumer.
    *iterables : iterable
        The shortest one determines the number of calls. They are read by the
        thread that asks for results, which gives a finished result before it
        reads more.
    ahead : int, optional
        Maximum number of items that are read before their results are given.
        Default: 64 for each thread. Large items and results lower it: those that
        wait take up to 16 MiB in all, or number one more than the threads. With
        ``ahead=1``, an item is read only after the previous result was given, so
        the iterable may depend on that result.
    threads : int, optional
        Maximum number of threads, 1 to 1024. Default: ``num_threads()``.
    chunksize : int, optional
        Accepted for compatibility with ``gilkit.map``; items are taken one at a
        time.
    progress : bool or callable, default False
        See ``gilkit.map``.
    ordered : bool, default True
        False gives each result as soon as it is ready, even if earlier items are
        still in progress.
    on_error : {"raise", "return"}, default "raise"
        "return" gives an exception of fn as the result of its item, and goes on.
        ``KeyboardInterrupt``, ``SystemExit`` and others that are not an
        ``Exception`` are still raised.
    timeout : float, optional
        Seconds for each item, from its beginning. Then gilkit's calls in the item
        raise ``TimeoutError``. Nothing can end other code: if the item has not
        ended a quarter of a second later, ``TimeoutError`` is its outcome, and fn keeps running in its thread until it
        returns, although its result is not used.

    Returns
    -------
    generator
        An iterator with ``close()``, ``throw()`` and ``send(None)``. Work begins
        when the first result is requested. ``close()`` ends it from anywhere, also
        from inside fn, and so does dropping the iterator: gilkit's calls in the
        items end, and other items in progress are finished. ``close()`` waits for
        them unless one of them calls it. An item is dropped once it is computed.

    Raises
    ------
    ValueError
        From ``next()`` and ``close()``, if another thread or the iterable is
        executing ``next()``.
    TimeoutError, concurrent.futures.CancelledError
        From ``next()``, if the ``gilkit.timeout`` or cancel token around it ends
        the wait. The iterator can be asked again. Limits do not apply to the
        items, which are also computed between two calls of ``next()``; limits
        around the call of ``imap`` alone have no effect.

    Notes
    -----
    An exception of fn is raised when its result is due, and closes the iterator;
    so does the exception of a signal handler. ``StopIteration`` becomes
    ``RuntimeError``, as in a generator, unless it is returned.

    With ``timeout=``, the consumer computes no items itself unless no thread can be
    started, and ``close()`` does not wait for items that have exceeded it. If every
    thread is in such an item and further items wait for as long, ``next()`` raises
    ``TimeoutError`` and closes the iterator, also with ``on_error="return"``.

    Examples
    --------
    >>> list(gilkit.imap(abs, range(-3, 1)))
    [3, 2, 1, 0]
    >>> sorted(gilkit.imap(abs, range(-3, 1), ordered=False))
    [0, 1, 2, 3]
    >>> list(gilkit.imap(int, ["1", "one"], on_error="return"))
    [1, ValueError("invalid literal for int() with base 10: 'one'")]
    """
    count, most = check_pipeline("imap", fn, iterables, ahead, threads, chunksize)
    fn, keep_going, seconds = outcome_options(fn, on_error, timeout)
    cdef int64_t time_limit = 0 if seconds is None else <int64_t>(<double>seconds * 1e9)
    star = len(iterables) > 1
    source = iter(zip(*iterables) if star else iterables[0])
    results = Results(fn, source, star, most, threads, count, copy_context(), False, in_order=ordered,
                      keep_going=keep_going, time_limit=time_limit)
    if progress is not None and progress is not False:
        results.tell_of(progress, length(iterables))
    return results
