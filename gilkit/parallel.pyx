# cython: subinterpreters_compatible = own_gil
"""Compiled functions on the pool: parallel_for, and the kernels that it takes.

A kernel is the address of a C function ``void (int64_t begin, int64_t end, void
*data)``. It comes in an object of the library that made it, which knows its
signature; none of these libraries is imported here, since whoever passes such
an object has it in sys.modules.
"""
import gc
import sys
import weakref

from cpython.buffer cimport PyBUF_ANY_CONTIGUOUS, PyBuffer_Release, PyObject_CheckBuffer, PyObject_GetBuffer
from cpython.pycapsule cimport PyCapsule_CheckExact, PyCapsule_GetName, PyCapsule_GetPointer
from libc.stdint cimport int64_t, uintptr_t

from gilkit._call cimport Call, call_begin, call_end, exact_integer, integer
from gilkit._exports cimport GK_OK, gk_body, gk_cancel, gk_options, gk_parallel_for, import_core

import_core()

cdef extern from "Python.h":
    size_t PyThread_get_stacksize() noexcept

cdef extern from "gilkit/_parallel.h":
    int parallel_elsewhere(int64_t n, gk_body *body, void *data, const gk_options *options)

_SIGNATURE = "void (int64_t begin, int64_t end, void *data)"

# What C calls a 64-bit signed integer on this machine.
_INT64 = {"int64_t", "long long", "npy_int64", "int64"}
if sizeof(long) == 8:
    _INT64 |= {"long", "long int"}
if sizeof(void *) == 8:
    _INT64 |= {"ssize_t", "Py_ssize_t", "intptr_t", "ptrdiff_t", "npy_intp"}

# Addresses of numba's functions by id, with weak references to them: asking one
# for its signature takes longer than a short parallel_for.
_known = {}


cdef enum:
    RAISED = 1  # how a region ends whose body is a ctypes callback that raised


cdef wrong_signature(kernel, found):
    return TypeError(f"kernel must be a compiled function {_SIGNATURE}; {kernel!r} is {found}")


cdef uintptr_t not_null(uintptr_t address, str name) except? 0:
    if address == 0:
        raise ValueError(f"{name} is a null pointer")
    return address


# ---- Capsules: Cython's __pyx_capi__, and any other named with its signature ----

cdef int check_signature_text(kernel, str text) except -1:
    """text: a C declaration without names, as "void (int64_t, int64_t, void *)"."""
    result, _, arguments = text.replace("*", " * ").partition("(")
    found = [" ".join(argument.split()) for argument in arguments.rpartition(")")[0].split(",")]
    if not (result.split() == ["void"] and len(found) == 3 and found[0] in _INT64 and found[1] in _INT64
            and found[2].endswith("*") and not found[2].endswith("* *")):
        raise wrong_signature(kernel, text)
    return 0


cdef uintptr_t capsule_address(kernel, str signature) except? 0:
    cdef const char *name = PyCapsule_GetName(kernel)
    if signature is None:
        if name == NULL:
            raise TypeError(f"kernel is a capsule without a name; it must be named with its signature, {_SIGNATURE}")
        signature = name.decode()
    check_signature_text(kernel, signature)
    return <uintptr_t>PyCapsule_GetPointer(kernel, name)


# ---- ctypes ----

cdef bint is_ctypes_function(value) except -1:
    ctypes = sys.modules.get("_ctypes")
    return ctypes is not None and isinstance(value, ctypes.CFuncPtr)


cdef bint is_ctypes_int64(kind) except -1:
    import ctypes
    code = getattr(kind, "_type_", None)
    return isinstance(code, str) and code in "lq" and ctypes.sizeof(kind) == 8


cdef uintptr_t ctypes_address(kernel) except? 0:
    import ctypes
    from _ctypes import FUNCFLAG_PYTHONAPI
    arguments, result = kernel.argtypes, kernel.restype
    if arguments is None:
        raise TypeError(f"kernel {kernel!r} has no argtypes: set kernel.argtypes = [c_int64, c_int64, c_void_p] and "
                        "kernel.restype = None")
    if not (result is None and len(arguments) == 3 and is_ctypes_int64(arguments[0]) and is_ctypes_int64(arguments[1])
            and (arguments[2] is ctypes.c_void_p or issubclass(arguments[2], ctypes._Pointer))):
        names = ", ".join([getattr(kind, "__name__", repr(kind)) for kind in arguments])
        raise wrong_signature(kernel, f"{getattr(result, '__name__', result)} ({names})")
    if kernel._flags_ & FUNCFLAG_PYTHONAPI:
        raise TypeError(f"kernel {kernel!r} needs the GIL (PyDLL or PYFUNCTYPE), which parallel_for does not hold")
    return not_null(ctypes.cast(kernel, ctypes.c_void_p).value or 0, "kernel")


cdef object python_function(kernel):
    """The Python function that a ctypes callback calls, or None."""
    kept = kernel._objects
    thunk = kept.get("0") if type(kept) is dict else None
    if type(thunk).__name__ != "CThunkObject":
        return None
    # Its argument types, the function, and its result type, which is None.
    found = [value for value in gc.get_referents(thunk) if callable(value) and not isinstance(value, type)]
    return found[0] if len(found) == 1 else None


def _catching(kernel, function):
    """A callback like `kernel` that ends its region where `function` raises, and
    the list of exceptions: ctypes would print and forget them. The first one
    ends the region, so later ones may be its consequences."""
    errors = []

    def call(first, end, data):
        try:
            function(first, end, data)
        except BaseException as error:
            errors.append(error)
            gk_cancel(RAISED)

    return type(kernel)(call), errors


# ---- cffi ----

cdef object cffi_backend(value):
    backend = sys.modules.get("_cffi_backend")
    return backend if backend is not None and isinstance(value, backend._CDataBase) else None


cdef uintptr_t cffi_pointer(backend, value) except? 0:
    return int(backend.cast(backend.new_primitive_type("uintptr_t"), value))


cdef uintptr_t cffi_address(backend, kernel) except? 0:
    kind = backend.typeof(kernel)
    if not (kind.kind == "function" and kind.result.kind == "void" and not kind.ellipsis and len(kind.args) == 3
            and kind.args[0].cname in _INT64 and kind.args[1].cname in _INT64 and kind.args[2].kind == "pointer"):
        raise wrong_signature(kernel, kind.cname)
    return not_null(cffi_pointer(backend, kernel), "kernel")


# ---- numba ----

cdef bint is_numba_cfunc(kernel) except -1:
    numba = sys.modules.get("numba.core.ccallback")
    return numba is not None and isinstance(kernel, numba.CFunc)


cdef uintptr_t numba_address(kernel) except? 0:
    # As ctypes sees it: numba's own public view of the signature.
    address = ctypes_address(kernel.ctypes)
    key = <uintptr_t><void *>kernel
    _known[key] = (weakref.ref(kernel, lambda _: _known.pop(key, None)), address)
    return address


# ---- All of them ----

cdef uintptr_t address_of(kernel, str signature=None) except? 0:
    entry = _known.get(<uintptr_t><void *>kernel)
    if entry is not None and (<tuple>entry)[0]() is kernel:
        return (<tuple>entry)[1]
    if PyCapsule_CheckExact(kernel):
        return capsule_address(kernel, signature)
    if is_ctypes_function(kernel):
        return ctypes_address(kernel)
    if is_numba_cfunc(kernel):
        return numba_address(kernel)
    backend = cffi_backend(kernel)
    if backend is not None:
        return cffi_address(backend, kernel)
    if isinstance(kernel, int):
        raise TypeError(f"kernel must not be a bare address, whose signature is unknown: wrap it as "
                        f"ctypes.CFUNCTYPE(None, c_int64, c_int64, c_void_p)({kernel:#x})")
    if callable(kernel):
        raise TypeError(f"kernel must be a compiled function {_SIGNATURE}, from ctypes, cffi, numba.cfunc, "
                        f"scipy.LowLevelCallable or a Cython capsule, not the Python callable {kernel!r}; "
                        "gilkit.map runs those (and cffi's API mode has ffi.addressof(lib, 'name'))")
    raise TypeError(f"kernel must be a compiled function {_SIGNATURE}, not {kernel!r}")


cdef bint is_low_level_callable(kernel) except -1:
    scipy = sys.modules.get("scipy._lib._ccallback")
    return scipy is not None and isinstance(kernel, scipy.LowLevelCallable)


cdef class Data:
    """What a kernel gets as ``data``, kept alive and in its place."""

    cdef Py_buffer buffer
    cdef bint is_buffer
    cdef object owner
    cdef uintptr_t address

    def __cinit__(self, value):
        self.owner = value
        if value is None:
            return
        if isinstance(value, int):
            self.address = exact_integer(value, "data", 0, 2**(8 * sizeof(void *)) - 1)
            return
        if PyCapsule_CheckExact(value):
            self.address = <uintptr_t>PyCapsule_GetPointer(value, PyCapsule_GetName(value))
            return
        ctypes = sys.modules.get("_ctypes")
        if ctypes is not None and isinstance(value, (ctypes._Pointer, ctypes._SimpleCData)):
            # A pointer's buffer would be the pointer itself.
            import ctypes
            if isinstance(value, (ctypes._Pointer, ctypes.c_void_p, ctypes.c_char_p)):
                self.address = ctypes.cast(value, ctypes.c_void_p).value or 0
                return
        backend = cffi_backend(value)
        if backend is not None:
            if backend.typeof(value).kind not in ("pointer", "array"):
                raise TypeError(f"data must be a pointer or an array of cffi, not {value!r}")
            self.address = cffi_pointer(backend, value)
            return
        if not PyObject_CheckBuffer(value):
            raise TypeError(f"data must be None, an object with a buffer, a pointer or an address, not {value!r}")
        try:
            PyObject_GetBuffer(value, &self.buffer, PyBUF_ANY_CONTIGUOUS)
        except (BufferError, ValueError) as error:
            raise ValueError(f"data must be contiguous: {error}") from None
        self.is_buffer = True
        self.address = <uintptr_t>self.buffer.buf

    def __dealloc__(self):
        if self.is_buffer:
            PyBuffer_Release(&self.buffer)


def parallel_for(n, kernel, data=None, *, threads=None, grain=None):
    """Runs a compiled function over 0 <= i < n on several threads, without the GIL.

    kernel: ``void (int64_t begin, int64_t end, void *data)``, which is called
    for each chunk begin <= i < end, from several threads at the same time: a
    function of ctypes with argtypes and restype (CDLL or CFUNCTYPE), a function
    pointer of cffi, a ``numba.cfunc``, a ``scipy.LowLevelCallable``, or a
    capsule named with its signature, as in the ``__pyx_capi__`` of a Cython
    module. Any pointer will do as the type of data. The signature is checked;
    what the kernel does with the memory is not.

    data: None (NULL), a contiguous buffer (bytes-like, NumPy array, array, ctypes
    array or structure), which stays in its place meanwhile and which the kernel
    may write whether it is read-only or not; a pointer of ctypes or cffi, a
    capsule, or an address as an integer, whose target the caller keeps alive.
    A LowLevelCallable's user_data stands in for None.

    Exceptions: that of a Python function behind a ctypes callback ends the call
    and is raised; of several, the one that came first. Kernels of numba
    and callbacks of cffi cannot raise: these libraries print the exception
    (``sys.unraisablehook``) and go on, and the call ends as if there were none.
    Let such a kernel write what went wrong into its data, or let cffi's
    ``onerror`` cancel a ``gilkit.CancelToken``.

    threads: at most so many take part; None: ``num_threads()``. grain: items in
    a chunk; None: chosen from n alone, so that results that are kept for each
    chunk do not depend on the number of threads.

    Between chunks the call looks for Ctrl-C, ``gilkit.timeout`` and cancel
    tokens: chunks of more than some milliseconds delay them. TypeError for a
    kernel that is none or has another signature, ValueError for a null pointer.
    Thread-safe; kernels may call gilkit (see gilkit.h). Where greenlets are in
    use (the module is imported), the kernel is called from other threads alone,
    so that none can switch away from a running call.
    """
    cdef Call call
    cdef int64_t count = integer(n, "n", 0, 2**62), size = 0
    cdef uintptr_t address, pointer = 0
    cdef Data holder
    cdef int status
    cdef list errors = None
    function = kernel
    if is_low_level_callable(kernel):
        function = kernel.function
        address = address_of(function, kernel.signature if PyCapsule_CheckExact(function) else None)
        if data is None:
            data = kernel.user_data
    else:
        address = address_of(kernel)
    if is_ctypes_function(function):
        callback = python_function(function)
        if callback is not None:
            function, errors = _catching(function, callback)
            address = ctypes_address(function)
    if grain is not None:
        size = integer(grain, "grain", 1, 2**62)
    if data is not None:
        holder = Data(data)
        pointer = holder.address
    call_begin(&call, threads)
    call.options.grain = size
    call.options.foreign = True
    call.options.stack_size = PyThread_get_stacksize()
    if "greenlet" in sys.modules:
        status = parallel_elsewhere(count, <gk_body *>address, <void *>pointer, &call.options)
    else:
        with nogil:
            status = gk_parallel_for(count, <gk_body *>address, <void *>pointer, &call.options)
    call_end(&call, GK_OK if status == RAISED and errors else status)
    if errors:
        try:
            raise errors[0]
        finally:
            errors.clear()  # or each exception would keep itself alive, by its traceback
