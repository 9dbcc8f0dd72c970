"""The one extension module that links csrc/: it owns the pool, and exports the
table of C functions through which the other modules call it."""
from cpython.pycapsule cimport PyCapsule_New

cdef extern from *:
    """
    #include "exports.h"
    #include "gilkit/gilkit.h"

    /* Constant and without Python objects: the same for every interpreter of
     * the process, which therefore share one pool. */
    static const gk_exports gk_export_table = {
    #define GK_MEMBER(name) name,
        GK_EXPORTS(GK_MEMBER)
    #undef GK_MEMBER
    };
    """
    ctypedef struct gk_exports:
        pass
    const gk_exports gk_export_table
    const char *GK_EXPORTS_CAPSULE
    const char *GILKIT_VERSION

# The one place of the version is gilkit.h; setup.py reads it there.
__version__ = GILKIT_VERSION.decode()

exports = PyCapsule_New(<void *>&gk_export_table, GK_EXPORTS_CAPSULE, NULL)
