"""The way from Python into csrc and back: see _call.pxd."""
import operator
import os
import threading
from contextvars import ContextVar

from cpython.contextvars cimport PyContextVar_Get
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t
from libc.string cimport memset

from gilkit._exports cimport (
    GK_CANCELLED, GK_FORKED, GK_INTERRUPTED, GK_MAX_THREADS, GK_NO_MEMORY, GK_TIMEOUT,
    gk_cancel_token, gk_cancel_token_set, gk_now, import_core,
)

import_core()

cdef extern from "Python.h":
    int PyLong_CheckExact(object value) noexcept
    long long PyLong_AsLongLongAndOverflow(object value, int *overflow) except? -1
    int PyErr_CheckSignals() noexcept
    unsigned long PyThread_get_thread_ident() noexcept
    ctypedef struct PyInterpreterState:
        pass
    PyInterpreterState *PyInterpreterState_Get() noexcept
    PyInterpreterState *PyInterpreterState_Main() noexcept

# The thread that runs signal handlers. After fork, the one that forked.
cdef unsigned long main_thread = 0
if PyInterpreterState_Get() == PyInterpreterState_Main():
    main_thread = threading.main_thread().ident


def _after_fork_in_child():
    global main_thread
    if main_thread != 0:
        main_thread = PyThread_get_thread_ident()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


cdef int run_signal_handlers(void *context) noexcept nogil:
    # An exception of a handler stays set in this thread's state, and finish()
    # raises it: the region that ends because of it runs no Python code here.
    with gil:
        return PyErr_CheckSignals() != 0


cdef poll_function poll_of_this_thread() noexcept:
    if PyThread_get_thread_ident() == main_thread:
        return run_signal_handlers
    return NULL


cdef class CancelToken:
    """Cancels calls from another thread: ``with token: gilkit.sort(a)`` raises
    ``concurrent.futures.CancelledError`` once any thread called ``cancel()``.

    A token stays cancelled. It may cover any number of calls, one after
    another or at the same time. Thread-safe.
    """

    cdef gk_cancel_token token
    cdef list resets
    cdef bint is_cancelled

    def __cinit__(self):
        memset(&self.token, 0, sizeof(self.token))
        self.resets = []
        self.is_cancelled = False

    def cancel(self):
        """Ends the calls that this token covers, and all that it will cover."""
        self.is_cancelled = True
        gk_cancel_token_set(&self.token, GK_CANCELLED)

    def cancelled(self):
        """Whether cancel() was called."""
        return self.is_cancelled

    def __enter__(self):
        self.resets.append(enter_scope(None, 0, self))
        return self

    def __exit__(self, *exc):
        scope_variable.reset(self.resets.pop())

    def __repr__(self):
        return f"<gilkit.CancelToken {'cancelled' if self.is_cancelled else 'not cancelled'}>"


cdef class Scope:
    """The settings of a with block; each inner block copies the outer's."""

    cdef int threads
    cdef int64_t deadline
    cdef CancelToken token


scope_variable = ContextVar("gilkit.scope", default=None)


cdef Scope current_scope():
    cdef PyObject *value = NULL
    if PyContextVar_Get(scope_variable, NULL, &value) < 0 or value == NULL:
        return None
    scope = <object>value
    Py_DECREF(scope)
    return scope


def enter_scope(threads, deadline, token):
    """Starts a scope whose given settings replace those of the current one;
    returns what scope_variable.reset() takes."""
    cdef Scope outer = current_scope(), inner = Scope()
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
    return scope_variable.set(inner)


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


cdef int begin(Call *call, object threads) except -1:
    memset(call, 0, sizeof(Call))
    cdef Scope scope = current_scope()
    if scope is not None:
        call.options.threads = scope.threads
        call.options.deadline = scope.deadline
        if scope.token is not None:
            call.options.token = &scope.token.token
    if threads is not None:
        call.options.threads = <int>integer(threads, "threads", 1, GK_MAX_THREADS)
    call.options.poll = poll_of_this_thread()
    if scope is not None:
        # The token lives as long as the call, whatever becomes of the context.
        Py_INCREF(scope)
        call.scope = <PyObject *>scope
    return 0


cdef int finish(Call *call, int status) except -1:
    if call.scope != NULL:
        Py_DECREF(<object>call.scope)
        call.scope = NULL
    if status == 0:
        return 0
    if status == GK_INTERRUPTED:
        return -1  # with the exception of the signal handler
    if status == GK_NO_MEMORY:
        raise MemoryError
    if status == GK_TIMEOUT:
        raise TimeoutError("the gilkit call did not end within its timeout")
    if status == GK_CANCELLED:
        from concurrent.futures import CancelledError
        raise CancelledError("the gilkit call was cancelled")
    if status == GK_FORKED:
        raise RuntimeError("this process was forked inside a gilkit call that other threads took part in; "
                           "the call can only end in the parent")
    raise RuntimeError(f"the gilkit call was cancelled with code {status}")
