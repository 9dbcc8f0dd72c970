/* Whether CPython has noted a signal whose handler has not run yet, without the GIL.
 *
 * CPython's C-level handler sets a flag, and PyErr_CheckSignals() clears it. The
 * flag is a member of _PyRuntime, whose layout is the same in all releases of one
 * minor version. It is only a hint that saves time: gk_signal_flag_found() checks
 * once, by the values around the flag, that the layout is the one compiled here,
 * and callers acquire the GIL now and then whatever the flag says.
 *
 * There is no public way to ask. The wake-up descriptor (signal.set_wakeup_fd)
 * exists once in a process and belongs to the program, and code that closes all
 * descriptors would close any that gilkit opened.
 */
#ifndef GILKIT_SIGNALS_H
#define GILKIT_SIGNALS_H

#include <Python.h>

#ifdef __has_include
#  if __has_include("internal/pycore_runtime.h") && PY_VERSION_HEX < 0x03100000
#    define GK_SIGNAL_FLAG
#  endif
#endif

#ifdef GK_SIGNAL_FLAG
#  ifndef Py_BUILD_CORE
#    define Py_BUILD_CORE 1
#  endif
#  undef _PyGC_FINALIZED /* pycore_runtime.h has another definition */
#  include "internal/pycore_runtime.h"

#  if PY_VERSION_HEX >= 0x030C0000
#    define GK_SIGNAL_NOTED (*(volatile int *)&_PyRuntime.signals.is_tripped)
#  else
#    define GK_SIGNAL_NOTED (*(volatile int *)&_PyRuntime.ceval.signals_pending)
#  endif

/* Needs the GIL. main_thread is the main thread's identifier; the handlers are signal.SIG_DFL and SIG_IGN. */
static int gk_signal_flag_found(unsigned long main_thread, PyObject *default_handler, PyObject *ignore_handler)
{
    if (_PyRuntime.main_thread != main_thread || _PyRuntime.interpreters.main != PyInterpreterState_Main())
        return 0;
#  if PY_VERSION_HEX >= 0x030C0000
    return _PyRuntime.signals.default_handler == default_handler &&
           _PyRuntime.signals.ignore_handler == ignore_handler && (GK_SIGNAL_NOTED & ~1) == 0;
#  else
    (void)default_handler;
    (void)ignore_handler;
    return (PyThreadState *)_PyRuntime.gilstate.tstate_current._value == PyThreadState_Get() &&
           _PyRuntime.gilstate.autoInterpreterState == PyInterpreterState_Main() && (GK_SIGNAL_NOTED & ~1) == 0;
#  endif
}
#else
#  define GK_SIGNAL_NOTED 1

static int gk_signal_flag_found(unsigned long main_thread, PyObject *default_handler, PyObject *ignore_handler)
{
    (void)main_thread;
    (void)default_handler;
    (void)ignore_handler;
    return 0;
}
#endif

/* From any thread, with or without the GIL. A late answer is harmless, because callers ask again. */
static inline int gk_signal_noted(void)
{
    return GK_SIGNAL_NOTED;
}

/* Only the main thread of the main interpreter runs signal handlers, so this
 * struct exists once in a process, and PyGILState finds the right thread state. */
static struct {
    unsigned long main_thread; /* after fork, the thread that forked; 0 in sub-interpreters */
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

#endif
