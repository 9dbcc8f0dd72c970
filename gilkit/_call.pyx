# cython: subinterpreters_compatible = own_gil
"""The way from Python into csrc and back: see _call.pxd."""
import _signal
import atexit
import operator
import os
import threading
import time
from contextvars import ContextVar

from cpython.contextvars cimport PyContextVar_Get
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t, uintptr_t
from libc.string cimport memset

from gilkit._exports cimport (
    GK_CANCELLED, GK_FORKED, GK_INTERRUPTED, GK_MAX_THREADS, GK_NO_MEMORY, GK_TIMEOUT,
    gk_cancel_token, gk_cancel_token_set, gk_now, gk_num_threads, import_core,
)

from gilkit import _core

import_core()

cdef extern from *:
    """
    #ifndef _WIN32
    #  include <unistd.h>
    /* Takes out what the pipe holds; returns whether it held anything. */
    static int gk_drain(int fd)
    {
        char bytes[64];
        ssize_t count, seen = 0;
        while ((count = read(fd, bytes, sizeof bytes)) > 0)
            seen += count;
        return seen > 0;
    }
    #else
    static int gk_drain(int fd) { (void)fd; return 1; }
    #endif

    /* Exported since 3.13; before, there is signal.set_wakeup_fd alone, which
     * needs the GIL and takes a microsecond. */
    #if PY_VERSION_HEX >= 0x030D0000
    #  define GK_WAKEUP_IN_C 1
    #  define gk_set_wakeup_fd PySignal_SetWakeupFd
    #else
    #  define GK_WAKEUP_IN_C 0
    static int gk_set_wakeup_fd(int fd) { return fd; }
    #endif

    /* The main thread runs signal handlers, in the main interpreter: so this
     * exists once in a process, and PyGILState finds the right thread state. */
    static struct {
        unsigned long main_thread; /* after fork, the one that forked; 0 in sub-interpreters */
        int reader, writer;        /* the pipe */
        int tried;                 /* to make it */
        int watching;              /* the writer is CPython's wake-up descriptor */
        int looked;                /* since the last call of the main thread began */
        int expect_long;           /* so many of its calls may be long, as one before them was */
        unsigned unseen;
    } gk_signals = {.reader = -1, .writer = -1};

    static int gk_with_gil(int (*function)(void *), void *context)
    {
        PyGILState_STATE state = PyGILState_Ensure();
        int result = function(context);
        PyGILState_Release(state);
        return result;
    }
    """
    int drain "gk_drain" (int fd) noexcept nogil
    bint WAKEUP_IN_C "GK_WAKEUP_IN_C"
    int set_wakeup_fd "gk_set_wakeup_fd" (int fd) noexcept nogil
    struct signal_state:
        unsigned long main_thread
        int reader
        int writer
        bint tried
        bint watching
        bint looked
        int expect_long
        unsigned unseen
    signal_state signals "gk_signals"
    int with_gil "gk_with_gil" (int (*function)(void *context) noexcept, void *context) noexcept nogil

cdef extern from "Python.h":
    int PyLong_CheckExact(object value) noexcept
    long long PyLong_AsLongLongAndOverflow(object value, int *overflow) except? -1
    int PyErr_CheckSignals() noexcept
    PyObject *PyErr_Occurred() noexcept
    void PyErr_Fetch(PyObject **kind, PyObject **value, PyObject **trace) noexcept
    void PyErr_Restore(PyObject *kind, PyObject *value, PyObject *trace) noexcept
    unsigned long PyThread_get_thread_ident() noexcept

# ---- Signals
#
# CPython runs signal handlers in the main thread, with the GIL, when it comes to
# look. A call of the main thread looks every 2 ms. Taking the GIL for that may
# last 5 ms where another thread computes in Python, so the call first finds
# out whether a signal came: while it runs, CPython writes a byte to a pipe for
# each (as signal.set_wakeup_fd does). The pipe is made by the first call that
# lasts long enough. A wake-up descriptor that the program has set stays as it is;
# then the call takes the GIL each time, and more seldom if that takes long.

if _core.is_main_interpreter:
    signals.main_thread = threading.main_thread().ident

cdef enum:
    # Calls that are expected to be long after one that was, where to expect it
    # costs a microsecond; so much of them is lost at most.
    EXPECT_LONG = 100
    # So many looks at the pipe, then one with the GIL: every two seconds.
    LOOKS_WITHOUT_GIL = 1000


cdef int exchange_wakeup_fd(int fd) noexcept:
    """Sets CPython's wake-up descriptor and returns the one before; in the main
    thread, with the GIL."""
    if WAKEUP_IN_C:
        return set_wakeup_fd(fd)
    cdef PyObject *kind
    cdef PyObject *value
    cdef PyObject *trace
    cdef int before = -1
    PyErr_Fetch(&kind, &value, &trace)  # finish() may be about to raise it
    try:
        before = _signal.set_wakeup_fd(fd)
    except ValueError:  # the descriptor was closed by somebody
        pass
    PyErr_Restore(kind, value, trace)
    return before


cdef void watch() noexcept:
    """Lets signals write to the pipe, unless they write elsewhere already."""
    cdef int before = exchange_wakeup_fd(signals.writer)
    signals.watching = before == -1 or before == signals.writer
    if not signals.watching:
        exchange_wakeup_fd(before)


cdef void unwatch() noexcept:
    cdef int before = exchange_wakeup_fd(-1)
    if before != signals.writer:
        exchange_wakeup_fd(before)
    signals.watching = False


cdef bint no_signal_came() noexcept nogil:
    """True only if no signal came since the handlers ran; without the GIL."""
    cdef int before
    if not signals.watching:
        return False
    # A handler or a body may have changed the descriptor.
    if WAKEUP_IN_C:
        before = set_wakeup_fd(signals.writer)
        if before != signals.writer:
            if before != -1:
                set_wakeup_fd(before)
            return False
    else:
        signals.unseen += 1
        if signals.unseen % LOOKS_WITHOUT_GIL == 0:
            return False
    return not drain(signals.reader)


cdef void make_pipe() noexcept:
    signals.tried = True
    if os.name != "posix":
        return
    try:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
    except OSError:  # no descriptors left: the GIL it is
        return
    signals.reader, signals.writer = reader, writer


cdef int run_handlers_now(void *call) noexcept:
    cdef bint watched
    if not signals.tried:
        make_pipe()
    # Not for a wait that has no Call: nobody would stop watching after it.
    if signals.writer >= 0 and (signals.watching or call != NULL):
        watched = signals.watching
        watch()
        if not watched:
            (<Call *>call).watches = signals.watching
    # An exception of a handler stays set in this thread's state, and finish()
    # raises it: the region that ends because of it runs no Python code here.
    return PyErr_CheckSignals() != 0


cdef int run_signal_handlers(void *call) noexcept nogil:
    signals.looked = True
    return 0 if no_signal_came() else with_gil(run_handlers_now, call)


def _after_fork_in_child():
    if signals.main_thread == 0:
        return
    signals.main_thread = PyThread_get_thread_ident()
    if signals.watching:
        unwatch()
    for fd in (signals.reader, signals.writer):  # the parent's
        if fd >= 0:
            os.close(fd)
    signals.reader = signals.writer = -1
    signals.tried = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


cdef poll_function poll_of_this_thread() noexcept:
    if PyThread_get_thread_ident() == signals.main_thread:
        return run_signal_handlers
    return NULL


# ---- The end of a sub-interpreter
#
# Daemon threads hang when they come back from C to an interpreter that is gone,
# and so would workers that gilkit.map has attached to it. So its last act is to
# end their calls, with SystemExit; they notice as they do signals. Not the call
# of a thread that entered the interpreter from outside, which happens only when
# the process ends: it must not come back any more.

cdef extern from *:
    """
    #include <stdatomic.h>
    #include <stdlib.h>

    /* Of a sub-interpreter; never freed, since a thread that hangs may look. */
    typedef struct {
        _Atomic int ending;
        _Atomic int calls; /* at work */
    } gk_interpreter;

    static int gk_is_ending(void *interpreter)
    {
        return atomic_load_explicit(&((gk_interpreter *)interpreter)->ending, memory_order_relaxed);
    }
    """
    bint ISOLATED "CYTHON_USE_MODULE_STATE"
    ctypedef struct interpreter "gk_interpreter":
        bint ending
        int calls
    int is_ending "gk_is_ending" (void *context) noexcept nogil
    void count_calls "atomic_fetch_add" (int *calls, int n) noexcept nogil
    void *calloc(size_t count, size_t size) noexcept

_CALLS_MAY_LAST = 1.0  # seconds; a function that gilkit.map calls takes its time

if ISOLATED:
    interpreter_address = <uintptr_t>calloc(1, sizeof(interpreter))
    if not interpreter_address:
        raise MemoryError


def _end_calls(address):
    cdef interpreter *this = <interpreter *><uintptr_t>address
    outside = (type(threading.main_thread()), threading._DummyThread)
    inside = [thread for thread in threading.enumerate() if not isinstance(thread, outside)]
    if not inside:
        return
    this.ending = True
    until = time.monotonic() + _CALLS_MAY_LAST
    while this.calls > 0 and time.monotonic() < until:
        time.sleep(0.001)


if ISOLATED:
    atexit.register(_end_calls, interpreter_address)

# ---- Scopes: what with blocks set for the calls inside them


cdef class CancelToken:
    """Cancels calls from another thread: ``with token: gilkit.sort(a)`` raises
    ``concurrent.futures.CancelledError`` once any thread called ``cancel()``.

    A token stays cancelled. It may cover any number of calls, one after
    another or at the same time. Thread-safe.
    """

    cdef gk_cancel_token token
    cdef bint is_cancelled

    def __cinit__(self):
        memset(&self.token, 0, sizeof(self.token))
        self.is_cancelled = False

    def cancel(self):
        """Ends the calls that this token covers, and all that it will cover."""
        self.is_cancelled = True
        gk_cancel_token_set(&self.token, GK_CANCELLED)

    def cancelled(self):
        """Whether cancel() was called."""
        return self.is_cancelled

    def __enter__(self):
        enter_scope(None, 0, self)
        return self

    def __exit__(self, *exc):
        leave_scope()

    def __repr__(self):
        return f"<gilkit.CancelToken {'cancelled' if self.is_cancelled else 'not cancelled'}>"


cdef class Scope:
    """The settings of a with block; each inner block copies the outer's."""

    cdef Scope outer
    cdef int threads
    cdef int64_t deadline
    cdef CancelToken token


scope_variable = ContextVar("gilkit.scope", default=None)


cdef Scope current_scope():
    cdef PyObject *value = NULL
    variable = scope_variable
    if variable is None:  # at exit, when the module is cleared
        return None
    if PyContextVar_Get(variable, NULL, &value) < 0 or value == NULL:
        return None
    scope = <object>value
    Py_DECREF(scope)
    return scope


def enter_scope(threads, deadline, token):
    """Starts a scope whose given settings replace those of the current one."""
    cdef Scope outer = current_scope(), inner = Scope()
    inner.outer = outer
    if outer is not None:
        inner.threads = outer.threads
        inner.deadline = outer.deadline
        inner.token = outer.token
    if threads is not None:
        inner.threads = threads
    if deadline and (inner.deadline == 0 or deadline < inner.deadline):
        inner.deadline = deadline
    if token is not None:
        inner.token = token
    scope_variable.set(inner)


def leave_scope():
    """Returns to the settings before the last enter_scope() in this context.

    Not ContextVar.reset(): one object may be entered by several threads at a
    time, and would have to keep apart whose reset token is whose.
    """
    cdef Scope inner = current_scope()
    if inner is not None:
        scope_variable.set(inner.outer)


def scope_threads():
    """The number of threads set by the current scope; 0 if none is."""
    cdef Scope scope = current_scope()
    return 0 if scope is None else scope.threads


cdef object exact_integer(object value, str name, object low, object high):
    try:
        exact = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {value!r}") from None
    if not low <= exact <= high:
        raise ValueError(f"{name} must be from {low} to {high}, not {exact}")
    return exact


cdef int64_t integer(object value, str name, int64_t low, int64_t high) except? -1:
    cdef int overflow
    cdef long long exact
    if PyLong_CheckExact(value):  # nearly always: no object is made
        exact = PyLong_AsLongLongAndOverflow(value, &overflow)
        if not overflow and low <= exact <= high:
            return exact
    return exact_integer(value, name, low, high)


cdef int raise_timeout() except -1:
    raise TimeoutError("the gilkit call did not end within its timeout")


cdef int raise_cancelled() except -1:
    from concurrent.futures import CancelledError
    raise CancelledError("the gilkit call was cancelled")


cdef int begin(Call *call, object threads) except -1:
    memset(call, 0, sizeof(Call))
    cdef Scope scope = current_scope()
    if scope is not None:
        call.options.threads = scope.threads
        call.options.deadline = scope.deadline
        # Also calls too small for a region do not begin any more.
        if scope.deadline != 0 and gk_now() >= scope.deadline:
            raise_timeout()
        if scope.token is not None:
            call.options.token = &scope.token.token
            if scope.token.is_cancelled:
                raise_cancelled()
    if threads is not None:
        call.options.threads = <int>integer(threads, "threads", 1, GK_MAX_THREADS)
    if call.options.threads == 0:
        # Fixed for the whole call: scratch memory made for so many participants
        # stays large enough, whatever the default becomes meanwhile.
        call.options.threads = gk_num_threads()
    call.options.poll = poll_of_this_thread()
    if call.options.poll != NULL:
        call.options.poll_context = call
        if signals.looked:
            signals.expect_long = EXPECT_LONG
        elif signals.expect_long > 0:
            signals.expect_long -= 1
        signals.looked = False
        # Where that takes a microsecond, only if a call before was long, too.
        if (WAKEUP_IN_C or signals.expect_long > 0) and not signals.watching and signals.writer >= 0:
            watch()
            call.watches = signals.watching
            # One that came just before is not seen through the pipe.
            if PyErr_CheckSignals() != 0:
                if call.watches:
                    unwatch()
                return -1
    if ISOLATED:
        address = interpreter_address
        if address is not None:  # else the module is cleared already
            call.interpreter = <void *><uintptr_t>address
            call.options.poll, call.options.poll_context = is_ending, call.interpreter
            count_calls(&(<interpreter *>call.interpreter).calls, 1)
    if scope is not None:
        # The token lives as long as the call, whatever becomes of the context.
        Py_INCREF(scope)
        call.scope = <PyObject *>scope
    return 0


cdef int finish(Call *call, int status) except -1:
    if call.watches and signals.watching:
        unwatch()
    if ISOLATED and call.interpreter != NULL:
        count_calls(&(<interpreter *>call.interpreter).calls, -1)
    if call.scope != NULL:
        Py_DECREF(<object>call.scope)
        call.scope = NULL
    if status == 0:
        return 0
    if ISOLATED and status == GK_INTERRUPTED and PyErr_Occurred() == NULL:
        raise SystemExit("the interpreter of this gilkit call ends")
    # Whatever else ended the region: what a signal handler raised comes first.
    if status == GK_INTERRUPTED or PyErr_Occurred() != NULL:
        return -1
    if status == GK_NO_MEMORY:
        raise MemoryError
    if status == GK_TIMEOUT:
        raise_timeout()
    if status == GK_CANCELLED:
        raise_cancelled()
    if status == GK_FORKED:
        raise RuntimeError("this process was forked inside a gilkit call that other threads took part in; "
                           "the call can only end in the parent")
    raise RuntimeError(f"the gilkit call was cancelled with code {status}")
