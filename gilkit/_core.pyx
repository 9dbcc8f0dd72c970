# cython: subinterpreters_compatible = own_gil
"""The one extension module that links csrc/: it owns the pool, and exports the
table of C functions through which the other modules call it. All interpreters
of a process load this same one (see _interpreters.py), and so share the pool."""
from cpython.pycapsule cimport PyCapsule_New

cdef extern from *:
    """
    #include "exports.h"

    #include <stdatomic.h>

    /* Constant and without Python objects, for all interpreters. */
    static const gk_exports gk_export_table = {
    #define GK_MEMBER(name) &name,
        GK_EXPORTS(GK_MEMBER)
    #undef GK_MEMBER
    };

    static int gk_is_first(void)
    {
        static atomic_flag taken = ATOMIC_FLAG_INIT;
        return !atomic_flag_test_and_set(&taken);
    }
    """
    ctypedef struct gk_exports:
        pass
    const gk_exports gk_export_table
    const char *GK_EXPORTS_CAPSULE
    bint is_first "gk_is_first" () noexcept

cdef extern from "Python.h":
    ctypedef struct PyInterpreterState:
        pass
    PyInterpreterState *PyInterpreterState_Get() noexcept
    PyInterpreterState *PyInterpreterState_Main() noexcept

exports = PyCapsule_New(<void *>&gk_export_table, GK_EXPORTS_CAPSULE, NULL)

is_main_interpreter = PyInterpreterState_Get() == PyInterpreterState_Main()
# The first to import gilkit: its environment is the one that sets up the pool.
is_first_interpreter = bool(is_first())
