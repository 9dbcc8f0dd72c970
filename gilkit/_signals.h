/* Whether CPython has noted a signal whose handler has not run yet, without the GIL.
 *
 * CPython's own flag tells: its C handler sets it, PyErr_CheckSignals() clears
 * it. The flag is a member of _PyRuntime, whose layout is the same in all
 * releases of one minor version. It is read as a hint and nothing depends on it
 * but the price: gk_signal_flag_found() proves once, by the values around it,
 * that the layout is the one compiled here, and callers take the GIL every
 * other while whatever it says.
 *
 * There is no public way. A wake-up descriptor (signal.set_wakeup_fd) is one for
 * the whole process, so it is the program's, and any descriptor may be closed by
 * code that closes all.
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
#  undef _PyGC_FINALIZED /* defined again, in another way */
#  include "internal/pycore_runtime.h"

#  if PY_VERSION_HEX >= 0x030C0000
#    define GK_SIGNAL_NOTED (*(volatile int *)&_PyRuntime.signals.is_tripped)
#  else
#    define GK_SIGNAL_NOTED (*(volatile int *)&_PyRuntime.ceval.signals_pending)
#  endif

/* With the GIL. main_thread: its identifier; the others are those of the signal module. */
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

/* Any thread, with the GIL or without. A late answer does no harm: it is asked again. */
static inline int gk_signal_noted(void)
{
    return GK_SIGNAL_NOTED;
}

#endif
