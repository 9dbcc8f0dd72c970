# cython: subinterpreters_compatible = own_gil
"""Compiled functions on the pool: parallel_for, and the kinds of kernels that it accepts.

A kernel is the address of a C function ``void (int64_t begin, int64_t end, void
*data)``. It is passed as an object of the library that made it, which knows its
signature. None of these libraries is imported here, because a caller that passes
such an object has already imported its library.
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

cdef extern from "gilkit/_elsewhere.h":
    int parallel_for_elsewhere(int64_t n, gk_body *body, void *data, const gk_options *options)

_SIGNATURE = "void (int64_t begin, int64_t end, void *data)"

# The C names of a 64-bit signed integer on this machine.
_INT64 = {"int64_t", "long long", "npy_int64", "int64"}
if sizeof(long) == 8:
    _INT64 |= {"long", "long int"}
if sizeof(void *) == 8:
    _INT64 |= {"ssize_t", "Py_ssize_t", "intptr_t", "ptrdiff_t", "npy_intp"}

# The addresses of numba functions by id, with weak references to the functions.
# Checking the signature of one takes longer than a short parallel_for.
_known = {}


cdef enum:
    RAISED = 1  # the status of a region that ends because a ctypes callback raised


cdef wrong_signature(kernel, found):
    return TypeError(f"kernel must be a compiled function {_SIGNATURE}; {kernel!r} is {found}")


cdef uintptr_t not_null(uintptr_t address, str name) except? 0:
    if address == 0:
        raise ValueError(f"{name} is a null pointer")
    return address


# ---- Capsules: Cython's __pyx_capi__, and any other named with its signature ----

cdef int check_signature_text(kernel, str text) except -1:
    """Raise unless `text`, a C declaration without names such as "void (int64_t, int64_t, void *)", is a kernel's."""
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
    """Return the Python function that a ctypes callback calls, or None."""
    kept = kernel._objects
    thunk = kept.get("0") if type(kept) is dict else None
    if type(thunk).__name__ != "CThunkObject":
        return None
    # It refers to its argument types, the function, and its result type, which is None.
    found = [value for value in gc.get_referents(thunk) if callable(value) and not isinstance(value, type)]
    return found[0] if len(found) == 1 else None


def _catching(kernel, function):
    """Return a callback like `kernel` that ends its region if `function` raises, and the list of exceptions.

    ctypes itself would print the exceptions and drop them. The first one ends the
    region, so later ones may be its consequences."""
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
    # numba's public view of the signature is the ctypes function.
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
    """The pointer that a kernel gets as ``data``; keeps its target alive and in place."""

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
            # The buffer of a pointer would be the pointer itself.
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
    """Run a compiled function over ``0 <= i < n`` on several threads, without the GIL.

    Parameters
    ----------
    n : int
        Number of items, 0 to 2**62.
    kernel : compiled function
        ``void (int64_t begin, int64_t end, void *data)``, called for each chunk
        ``begin <= i < end``, from several threads at the same time. One of:

        - a ctypes function with argtypes and restype (CDLL or CFUNCTYPE)
        - a cffi function pointer
        - a ``numba.cfunc``
        - a ``scipy.LowLevelCallable``, whose ``user_data`` replaces a ``data`` of None
        - a capsule named with its signature, as in the ``__pyx_capi__`` of a
          Cython module

        The last parameter may have any pointer type. The signature is checked;
        what the kernel does with memory is not.
    data : optional
        What the kernel gets as ``data``:

        - None: a null pointer
        - a contiguous buffer (bytes-like, NumPy array, array, ctypes array or
          structure), which stays in place during the call. The kernel may write
          to it, even if it is read-only to Python.
        - a ctypes or cffi pointer, a capsule, or an address as an integer, whose
          target the caller keeps alive
    threads : int, optional
        Maximum number of threads, 1 to 1024. Default: ``num_threads()``.
    grain : int, optional
        Number of items in a chunk. The default depends on n alone, so results
        that are kept for each chunk do not depend on the number of threads.

    Raises
    ------
    TypeError
        If kernel is not a compiled function or has another signature, or data has
        another type.
    ValueError
        If kernel is a null pointer, or an argument is out of range.
    TimeoutError, concurrent.futures.CancelledError
        If a ``gilkit.timeout`` or cancel token ends the call.

    Notes
    -----
    Ctrl-C, ``gilkit.timeout`` and cancel tokens take effect between chunks;
    chunks longer than a few milliseconds delay them. Thread-safe. Kernels may
    call gilkit (see gilkit.h).

    An exception in a Python function behind a ctypes callback ends the call and
    is raised; if there are several, the first one in time. numba kernels and cffi
    callbacks cannot raise: these libraries print the exception
    (``sys.unraisablehook``) and the call goes on as if there were none. Such a
    kernel can write an error to its data, or cffi's ``onerror`` can cancel a
    ``gilkit.CancelToken``.

    If the greenlet module is imported, the kernel is called only from other
    threads, so no greenlet can switch away from a running call.

    Examples
    --------
    >>> import array, ctypes
    >>> @ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.POINTER(ctypes.c_double))
    ... def double(begin, end, data):
    ...     for i in range(begin, end):
    ...         data[i] *= 2
    >>> numbers = array.array("d", [1, 2, 3])
    >>> gilkit.parallel_for(3, double, numbers)
    >>> numbers
    array('d', [2.0, 4.0, 6.0])
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
        status = parallel_for_elsewhere(count, <gk_body *>address, <void *>pointer, &call.options)
    else:
        with nogil:
            status = gk_parallel_for(count, <gk_body *>address, <void *>pointer, &call.options)
    call_end(&call, GK_OK if status == RAISED and errors else status)
    if errors:
        try:
            raise errors[0]
        finally:
            errors.clear()  # else each exception would keep itself alive through its traceback
