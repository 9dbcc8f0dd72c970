"""The table of functions behind gilkit/gilkit.h and gilkit/__init__.pxd."""
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.pycapsule cimport PyCapsule_New
from libc.string cimport memset

from gilkit._call cimport Call, call_begin, call_end
from gilkit._exports cimport GK_OK, gk_options, gk_token_list, import_core

from gilkit._core import __version__

import_core()

cdef extern from "Python.h":
    size_t PyThread_get_stacksize() noexcept

cdef extern from "gilkit/gilkit.h":
    enum:
        GILKIT_BAD_OPTIONS
        GILKIT_NOT_IMPORTED
    const char *GILKIT_VERSION
    ctypedef struct gilkit_options:
        int threads
        void *call

cdef extern from "gilkit/_capi.h":
    void fill_table(int (*begin)(gilkit_options *) except -1, int (*finish)(gilkit_options *, int) except -1)
    const void *api_table_address "&api_table"
    int to_options(const gilkit_options *options, gk_options *to, gk_token_list *link)
    void from_options(const gk_options *call, gilkit_options *to)


cdef int api_begin(gilkit_options *options) except -1:
    cdef gk_options given
    cdef gk_token_list link
    if to_options(options, &given, &link) != 0:
        raise ValueError("the gilkit_options do not come from gilkit_default_options()")
    cdef Call *call = <Call *>PyMem_Malloc(sizeof(Call))
    if call == NULL:
        raise MemoryError
    try:
        call_begin(call, options.threads or None)
    except BaseException:
        PyMem_Free(call)
        raise
    call.options.stack_size = PyThread_get_stacksize()
    from_options(&call.options, options)
    options.call = call  # a Call begins with its gk_options
    return 0


cdef int api_finish(gilkit_options *options, int status) except -1:
    cdef Call *call = NULL
    cdef Call none
    if options != NULL and options.call != NULL:
        call = <Call *>options.call
        options.call = NULL
    try:
        if status == GILKIT_BAD_OPTIONS or status == GILKIT_NOT_IMPORTED:
            if call != NULL:
                call_end(call, GK_OK)
            raise RuntimeError("the gilkit_options do not come from gilkit_default_options()"
                               if status == GILKIT_BAD_OPTIONS else "gilkit_import() was not called, or failed")
        if call != NULL:
            call_end(call, status)
        else:
            memset(&none, 0, sizeof(none))
            call_end(&none, status)
    finally:
        PyMem_Free(call)
    return 0


fill_table(api_begin, api_finish)
table = PyCapsule_New(<void *>api_table_address, "gilkit._capi.table", NULL)
if GILKIT_VERSION.decode() != __version__:
    raise ImportError(f"gilkit.h is of version {GILKIT_VERSION.decode()}, gilkit of version {__version__}")
