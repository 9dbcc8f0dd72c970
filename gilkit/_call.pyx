# cython: subinterpreters_compatible = own_gil
"""The way from Python into csrc and back: see _call.pxd."""
import _signal
import atexit
import operator
import os
import threading
import time
from contextvars import ContextVar

cimport cython
from cpython.contextvars cimport PyContextVar_Get
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t, uintptr_t
from libc.string cimport memset

from gilkit._exports cimport (
    GK_CANCELLED, GK_FORKED, GK_INTERRUPTED, GK_MAX_THREADS, GK_NO_DEADLINE, GK_NO_MEMORY, GK_TIMEOUT,
    gk_cancel_token, gk_cancel_token_set, gk_now, gk_num_threads, gk_token_list, import_core,
)

from gilkit import _core

import_core()

cdef extern from "gilkit/_signals.h":
    int signal_noted "gk_signal_noted" () noexcept nogil
    bint signal_flag_found "gk_signal_flag_found" (
        unsigned long main_thread, object default_handler, object ignore_handler) noexcept

cdef extern from *:
    """
    /* The main thread runs signal handlers, in the main interpreter: so this
     * exists once in a process, and PyGILState finds the right thread state. */
    static struct {
        unsigned long main_thread; /* after fork, the one that forked; 0 in sub-interpreters */
        int flag_found;            /* gk_signal_noted() can be believed */
        unsigned polls;
    } gk_signals;

    static int gk_with_gil(int (*function)(void *), void *context)
    {
        PyGILState_STATE state = PyGILState_Ensure();
        int result = function(context);
        PyGILState_Release(state);
        return result;
    }
    """
    struct signal_state:
        unsigned long main_thread
        bint flag_found
        unsigned polls
    signal_state signals "gk_signals"
    int with_gil "gk_with_gil" (int (*function)(void *context) noexcept, void *context) noexcept nogil

cdef extern from "Python.h":
    int PyLong_CheckExact(object value) noexcept
    long long PyLong_AsLongLongAndOverflow(object value, int *overflow) except? -1
    int PyErr_CheckSignals() noexcept
    PyObject *PyErr_Occurred() noexcept
    unsigned long PyThread_get_thread_ident() noexcept

# ---- Signals
#
# CPython runs signal handlers in the main thread, with the GIL, the next time it
# checks for them. A call of the main thread checks every 2 ms. Taking the GIL for
# that may last 5 ms where another thread computes in Python, so the poll first
# reads CPython's own flag, which needs no GIL: see _signals.h. Where the flag is
# not where it was expected, each poll takes the GIL, and polls become rarer
# if that takes long. No descriptor is involved, nor anything else that a program
# can set: signal.set_wakeup_fd is the program's alone.

if _core.is_main_interpreter:
    signals.main_thread = threading.main_thread().ident
    signals.flag_found = signal_flag_found(signals.main_thread, _signal.SIG_DFL, _signal.SIG_IGN)

cdef enum:
    # Polls that trust the flag, then one with the GIL: every two seconds.
    POLLS_WITHOUT_GIL = 1000


cdef int run_handlers_now(void *context) noexcept:
    # An exception of a handler stays set in this thread's state, and finish()
    # raises it: the region that ends because of it runs no Python code here.
    return PyErr_CheckSignals() != 0


cdef int run_signal_handlers(void *context) noexcept nogil:
    signals.polls += 1
    if signals.flag_found and not signal_noted() and signals.polls % POLLS_WITHOUT_GIL != 0:
        return 0
    return with_gil(run_handlers_now, context)


def signal_flag_in_use():
    """Whether polls need no GIL as long as there is no signal; for tests."""
    return bool(signals.flag_found)


def _after_fork_in_child():
    if signals.main_thread != 0:
        signals.main_thread = PyThread_get_thread_ident()


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
    another or at the same time; in nested blocks, each of the tokens ends the
    calls. Thread-safe. It belongs to its process: pickling and copying raise
    TypeError.
    """

    cdef gk_cancel_token token
    cdef object __weakref__

    def cancel(self):
        """Ends the calls that this token covers, and all that it will cover."""
        gk_cancel_token_set(&self.token, GK_CANCELLED)

    def cancelled(self):
        """Whether cancel() was called."""
        return self.token.reason != 0

    def __enter__(self):
        enter_scope(self, None, 0, self)
        return self

    def __exit__(self, *exc):
        leave_scope(self)

    def __reduce__(self):
        raise TypeError("a gilkit.CancelToken cannot be pickled or copied, because a copy would not cancel the same "
                        "calls: share the token itself between threads; to another process, send a message, and "
                        "have it cancel a token of its own")

    def __repr__(self):
        return f"<gilkit.CancelToken {'cancelled' if self.cancelled() else 'not cancelled'}>"


@cython.final
@cython.trashcan(True)  # chains may be long, where blocks were never left
cdef class Scope:
    """One with block: what it sets, and what is in force inside it. Immutable,
    since copies of a context share it."""

    cdef Scope outer
    cdef object owner  # the with block's object
    # Set by this block: -1, 0, None if it does not.
    cdef int own_threads
    cdef int64_t own_deadline
    cdef CancelToken token
    # In force, with what the outer blocks have set.
    cdef int threads
    cdef int64_t deadline
    cdef gk_token_list link
    cdef gk_token_list *tokens


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


cdef Scope scope_inside(Scope outer, owner, int threads, int64_t deadline, CancelToken token):
    cdef Scope inner = Scope()
    inner.outer, inner.owner = outer, owner
    inner.own_threads, inner.own_deadline, inner.token = threads, deadline, token
    if outer is not None:
        inner.threads, inner.deadline, inner.tokens = outer.threads, outer.deadline, outer.tokens
    if threads >= 0:
        inner.threads = threads
    if deadline != GK_NO_DEADLINE and (inner.deadline == GK_NO_DEADLINE or deadline < inner.deadline):
        inner.deadline = deadline
    # A token twice in a row, as in a loop that never leaves its blocks, is looked at once.
    if token is not None and (inner.tokens == NULL or inner.tokens.token != &token.token):
        inner.link.token, inner.link.outer = &token.token, inner.tokens
        inner.tokens = &inner.link
    return inner


def enter_scope(owner, threads, deadline, token):
    """Starts the with block of `owner`, whose given settings (None, 0, None: not
    given) are added to those of the blocks around it."""
    scope_variable.set(scope_inside(current_scope(), owner, -1 if threads is None else threads, deadline, token))


def leave_scope(owner):
    """Ends the innermost block of `owner` in this context, and no other: blocks
    inside it that have not been left stay. Without one, as in another context
    than that in which it was entered, nothing changes.

    Not ContextVar.reset(), which would bring back the settings before that block:
    blocks of generators and tasks are left in any order.
    """
    cdef Scope inner = current_scope(), scope = inner, each
    while scope is not None and scope.owner is not owner:
        scope = scope.outer
    if scope is None:
        return
    cdef list still_open = []
    while inner is not scope:
        still_open.append(inner)
        inner = inner.outer
    scope = scope.outer
    for each in reversed(still_open):
        scope = scope_inside(scope, each.owner, each.own_threads, each.own_deadline, each.token)
    scope_variable.set(scope)


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
    cdef const gk_token_list *tokens
    memset(call, 0, sizeof(Call))
    cdef Scope scope = current_scope()
    if scope is not None:
        call.options.threads = scope.threads
        call.options.deadline = scope.deadline
        # Also calls too small for a region do not begin any more.
        if scope.deadline != GK_NO_DEADLINE and gk_now() >= scope.deadline:
            raise_timeout()
        if scope.tokens != NULL:
            call.options.token, call.options.outer_tokens = scope.tokens.token, scope.tokens.outer
            tokens = scope.tokens
            while tokens != NULL:
                if tokens.token.reason != 0:
                    raise_cancelled()
                tokens = tokens.outer
    if threads is not None:
        call.options.threads = <int>integer(threads, "threads", 1, GK_MAX_THREADS)
    if call.options.threads == 0:
        # Fixed for the whole call: scratch memory made for so many participants
        # stays large enough, whatever the default becomes meanwhile.
        call.options.threads = gk_num_threads()
    call.options.poll = poll_of_this_thread()
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
