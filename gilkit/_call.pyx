# cython: subinterpreters_compatible = own_gil
"""The beginning and end of every call from Python into csrc: see _call.pxd."""
import atexit
import operator
import threading
import time

from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t, uintptr_t
from libc.string cimport memset

from gilkit._exports cimport (
    GK_CANCELLED, GK_FORKED, GK_INTERRUPTED, GK_MAX_THREADS, GK_NO_DEADLINE, GK_NO_MEMORY, GK_TIMEOUT, gk_now,
    gk_num_threads, gk_token_list, import_core,
)
from gilkit._scopes cimport Scope, current_scope
from gilkit._signal_poll cimport poll_of_this_thread

import_core()

cdef extern from "Python.h":
    int PyLong_CheckExact(object value) noexcept
    long long PyLong_AsLongLongAndOverflow(object value, int *overflow) except? -1
    PyObject *PyErr_Occurred() noexcept

# ---- The end of a sub-interpreter
#
# A daemon thread hangs when it returns from C to an interpreter that no longer
# exists, and so would the workers that gilkit.map has attached to it. Therefore, the last thing that the interpreter
# does is to end the calls of its threads with SystemExit, which their polls notice. The exception is the call of a
# thread that entered the interpreter from outside. It is still running only when the process ends, and must not return.

cdef extern from "gilkit/_interpreter_end.h":
    bint ISOLATED "CYTHON_USE_MODULE_STATE"
    ctypedef struct interpreter "gk_interpreter":
        bint ending
        int calls
    int is_ending "gk_is_ending" (void *context) noexcept nogil
    void count_calls "atomic_fetch_add" (int *calls, int n) noexcept nogil
    void *calloc(size_t count, size_t size) noexcept

_CALLS_MAY_LAST = 1.0  # seconds; functions that gilkit.map calls end when they are done

if ISOLATED:
    interpreter_address = <uintptr_t>calloc(1, sizeof(interpreter))
    if not interpreter_address:
        raise MemoryError


_FROM_OUTSIDE = (type(threading.main_thread()), threading._DummyThread)


def entered_from_outside():
    """Return whether another interpreter has started the current thread."""
    return isinstance(threading.current_thread(), _FROM_OUTSIDE)


def _end_calls(address):
    cdef interpreter *this = <interpreter *><uintptr_t>address
    inside = [thread for thread in threading.enumerate() if not isinstance(thread, _FROM_OUTSIDE)]
    if not inside:
        return
    this.ending = True
    until = time.monotonic() + _CALLS_MAY_LAST
    while this.calls > 0 and time.monotonic() < until:
        time.sleep(0.001)


if ISOLATED:
    atexit.register(_end_calls, interpreter_address)

# ---- Arguments


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
    if PyLong_CheckExact(value):  # nearly always, and creates no object
        exact = PyLong_AsLongLongAndOverflow(value, &overflow)
        if not overflow and low <= exact <= high:
            return exact
    return exact_integer(value, name, low, high)


def seconds_of(value, name):
    """Return value as a number of seconds; errors name the argument `name`."""
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{name} must be a number or None, not {value!r}")
    try:
        seconds = float(value)
    except TypeError:
        raise TypeError(f"{name} must be a number or None, not {value!r}") from None
    if not seconds >= 0:
        raise ValueError(f"{name} must be at least 0, not {value!r}")
    return seconds


# ---- Begin and end


cdef int raise_timeout() except -1:
    raise TimeoutError("the gilkit call did not end within its timeout")


cdef int raise_cancelled() except -1:
    from concurrent.futures import CancelledError
    raise CancelledError("the gilkit call was cancelled")


cdef inline int check_limits(Scope scope) except -1:
    # Expired and cancelled calls fail even when they are too small to need a region.
    cdef const gk_token_list *tokens = scope.tokens
    if scope.deadline != GK_NO_DEADLINE and gk_now() >= scope.deadline:
        raise_timeout()
    while tokens != NULL:
        if tokens.token.reason != 0:
            raise_cancelled()
        tokens = tokens.outer
    return 0


cdef int call_check(object threads) except -1:
    cdef Scope scope = current_scope()
    if scope is not None:
        check_limits(scope)
    if threads is not None:
        integer(threads, "threads", 1, GK_MAX_THREADS)
    return 0


def check():
    """Raise if a ``gilkit.timeout`` in force has passed or a cancel token in force is cancelled."""
    call_check(None)


cdef int call_begin(Call *call, object threads) except -1:
    memset(call, 0, sizeof(Call))
    cdef Scope scope = current_scope()
    if scope is not None:
        check_limits(scope)
        call.options.threads = scope.threads
        call.options.deadline = scope.deadline
        if scope.tokens != NULL:
            call.options.token, call.options.outer_tokens = scope.tokens.token, scope.tokens.outer
    if threads is not None:
        call.options.threads = <int>integer(threads, "threads", 1, GK_MAX_THREADS)
    if call.options.threads == 0:
        # Fixed for the whole call, so that scratch memory for each participant
        # stays large enough if the default changes meanwhile.
        call.options.threads = gk_num_threads()
    if scope is not None and scope.whole:
        call.options.uninterruptible = True
    else:
        call.options.poll = poll_of_this_thread()
    if ISOLATED:
        address = interpreter_address
        if address is not None:  # None when the module is cleared at exit
            call.interpreter = <void *><uintptr_t>address
            call.options.poll, call.options.poll_context = is_ending, call.interpreter
            count_calls(&(<interpreter *>call.interpreter).calls, 1)
    if scope is not None:
        # Keeps the tokens alive during the call, even if the context goes away.
        Py_INCREF(scope)
        call.scope = <PyObject *>scope
    return 0


cdef int call_end(Call *call, int status) except -1:
    if ISOLATED and call.interpreter != NULL:
        count_calls(&(<interpreter *>call.interpreter).calls, -1)
    if call.scope != NULL:
        Py_DECREF(<object>call.scope)
        call.scope = NULL
    if status == 0:
        return 0
    if ISOLATED and status == GK_INTERRUPTED and PyErr_Occurred() == NULL:
        raise SystemExit("the interpreter of this gilkit call ends")
    # The exception of a signal handler takes precedence over any other status.
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
