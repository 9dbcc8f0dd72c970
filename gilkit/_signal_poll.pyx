# cython: subinterpreters_compatible = own_gil
"""The poll that lets signal handlers run while a thread is in C: see _signal_poll.pxd.

CPython runs signal handlers in the main thread, with the GIL, at its next check. A
call of the main thread checks every 2 ms. Acquiring the GIL for each check could
take 5 ms while another thread runs Python code, so the poll first reads CPython's
own flag, which needs no GIL (_signals.h). If the flag was not found where it was
expected, every poll acquires the GIL, and the pool polls less often when that is
slow. The poll uses no file descriptor and nothing else that a program may
configure: signal.set_wakeup_fd belongs to the program.
"""
import _signal
import os
import sys
import threading
from functools import partial

from gilkit import _core

from gilkit._exports cimport gk_regions_aside, gk_resume_regions, gk_set_regions_aside, import_core

import_core()

cdef extern from "gilkit/_signals.h":
    int signal_noted "gk_signal_noted" () noexcept nogil
    bint signal_flag_found "gk_signal_flag_found" (
        unsigned long main_thread, object default_handler, object ignore_handler) noexcept
    struct signal_state:
        unsigned long main_thread
        bint flag_found
        unsigned polls
    signal_state signals "gk_signals"
    int with_gil "gk_with_gil" (int (*function)(void *context) noexcept, void *context) noexcept nogil

cdef extern from "Python.h":
    int PyErr_CheckSignals() noexcept
    unsigned long PyThread_get_thread_ident() noexcept
    int PyGILState_Check() noexcept nogil

cdef enum:
    # One poll in a thousand acquires the GIL whatever the flag says: one every two seconds.
    POLLS_WITHOUT_GIL = 1000
    MOVES_STACK = 2

if _core.is_main_interpreter:
    signals.main_thread = threading.main_thread().ident
    signals.flag_found = signal_flag_found(signals.main_thread, _signal.SIG_DFL, _signal.SIG_IGN)


cdef int run_handlers(void *context) noexcept:
    # The exception of a handler stays set in this thread's state until call_end()
    # raises it: the region that it ends runs no Python code in this thread.
    return PyErr_CheckSignals() != 0


cdef int run_handlers_that_keep_the_stack(void *context) noexcept:
    # Only handlers that switch to another greenlet move the stack, and helpers use the regions on it.
    if "greenlet" not in sys.modules:
        return run_handlers(context)
    return MOVES_STACK if signal_noted() or not signals.flag_found else 0


cdef int run_signal_handlers(void *context) noexcept nogil:
    cdef gk_regions_aside aside
    signals.polls += 1
    if signals.flag_found and not signal_noted() and signals.polls % POLLS_WITHOUT_GIL != 0:
        return 0
    if PyGILState_Check():
        return with_gil(run_handlers, context)  # a helper may wait for the GIL, so none can be waited for
    cdef int end = with_gil(run_handlers_that_keep_the_stack, context)
    if end == MOVES_STACK:
        gk_set_regions_aside(&aside)
        end = with_gil(run_handlers, context)
        gk_resume_regions(&aside)
    return end


cdef poll_function poll_of_this_thread() noexcept:
    if PyThread_get_thread_ident() == signals.main_thread:
        return run_signal_handlers
    return NULL


def signal_flag_in_use():
    """Return whether polls avoid the GIL while no signal is pending. For tests."""
    return bool(signals.flag_found)


def raised_by_signal_handler(error):
    """Return whether the error was raised by the current handler of some signal.

    CPython runs handlers in the middle of whatever the main thread does. Only the
    traceback distinguishes the handler's exceptions from the interrupted code's."""
    if error.__traceback__ is None:  # it was raised in C
        return False
    codes = set()
    for number in _signal.valid_signals():
        handler = _signal.getsignal(number)
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


def _after_fork_in_child():
    if signals.main_thread != 0:
        signals.main_thread = PyThread_get_thread_ident()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
