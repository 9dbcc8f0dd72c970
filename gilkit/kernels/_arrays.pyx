"""Checks of array arguments, shared by the kernels on arrays: see _arrays.pxd."""
import operator
import sys
from inspect import signature

cimport numpy as cnp

from gilkit._call cimport call_check

from gilkit.kernels import _numpy as np

cnp.import_array()

cdef extern from "numpy/arrayobject.h":
    void *ARRAY_TYPE "(&PyArray_Type)"
    cnp.ndarray PyArray_View(cnp.ndarray a, void *descr, void *type)
    bint PyArray_EquivTypes(cnp.dtype a, cnp.dtype b) noexcept
    bint PyDataType_REFCHK(cnp.dtype a) noexcept

cdef str ACCEPTED = "bool, int8 to int64, uint8 to uint64, float32 or float64"

# By NumPy's type number.
cdef gk_type TYPES[13]
TYPES[<int>cnp.NPY_BOOL] = GK_BOOL
TYPES[<int>cnp.NPY_BYTE] = GK_INT8
TYPES[<int>cnp.NPY_UBYTE] = GK_UINT8
TYPES[<int>cnp.NPY_SHORT] = GK_INT16
TYPES[<int>cnp.NPY_USHORT] = GK_UINT16
TYPES[<int>cnp.NPY_INT] = GK_INT32
TYPES[<int>cnp.NPY_UINT] = GK_UINT32
TYPES[<int>cnp.NPY_LONG] = GK_INT64 if sizeof(long) == 8 else GK_INT32
TYPES[<int>cnp.NPY_ULONG] = GK_UINT64 if sizeof(long) == 8 else GK_UINT32
TYPES[<int>cnp.NPY_LONGLONG] = GK_INT64
TYPES[<int>cnp.NPY_ULONGLONG] = GK_UINT64
TYPES[<int>cnp.NPY_FLOAT] = GK_FLOAT32
TYPES[<int>cnp.NPY_DOUBLE] = GK_FLOAT64

cdef int LAST_NUMBER = np.dtype("float16").num  # those with larger numbers are of strings or of other packages
cdef cnp.dtype INT64 = np.dtype(np.int64), UINT64 = np.dtype(np.uint64)

# Types that NumPy's functions do not dispatch on. memmap is among them, because it
# differs from ndarray only in how it handles its file.
cdef frozenset PLAIN = frozenset((
    bool, int, float, complex, str, bytes, bytearray, memoryview, list, tuple, range, type(None), np.memmap,
    *(np.dtype(letter).type for letter in "?bhilqBHILQefdgFDGSUVMm"),
))
cdef object NOT_THERE = object()
cdef dict OF_ARRAYS = {name: getattr(np.ndarray, name, NOT_THERE) for name in ("__array_function__", "__array_ufunc__")}


cdef gk_type type_of(int type_num) noexcept nogil:
    return TYPES[type_num] if 0 <= type_num < 13 else GK_TYPES


cdef bint is_plain(cnp.ndarray a) noexcept:
    return type_of(cnp.PyArray_TYPE(a)) != GK_TYPES and cnp.PyArray_ISBEHAVED_RO(a)


cdef bint is_flat(cnp.ndarray a) noexcept:
    return is_plain(a) and (cnp.PyArray_IS_C_CONTIGUOUS(a) or cnp.PyArray_IS_F_CONTIGUOUS(a))


cdef bint is_bytes(cnp.ndarray a) noexcept:
    cdef int number = cnp.PyArray_TYPE(a)
    return 0 <= number <= LAST_NUMBER and not PyDataType_REFCHK(a.descr)


cdef bint is_at_multiples(cnp.ndarray a) noexcept:
    cdef size_t size = cnp.PyArray_ITEMSIZE(a), address = <size_t>cnp.PyArray_DATA(a)
    cdef int i
    if size == 16:
        size = 8  # items are copied as two halves
    elif size != 2 and size != 4 and size != 8:
        return True
    for i in range(cnp.PyArray_NDIM(a)):
        address |= <size_t>cnp.PyArray_STRIDE(a, i)
    return address % size == 0


cdef cnp.ndarray at_multiples(cnp.ndarray a):
    return a if is_at_multiples(a) else a.copy("K")


cdef bint overrides(type kind, str name) except -1:
    """Whether the class implements this protocol differently from numpy.ndarray."""
    method = getattr(kind, name, NOT_THERE)
    return method is not NOT_THERE and method is not OF_ARRAYS[name]


cdef bint is_for_numpy(object value, str method) except -1:
    if cnp.PyArray_CheckExact(value):
        return type_of(cnp.PyArray_TYPE(<cnp.ndarray>value)) == GK_TYPES
    cdef type kind = type(value)
    if kind in PLAIN:
        return False
    return overrides(kind, "__array_function__") or cnp.PyArray_Check(value) or (
        method is not None and hasattr(value, method))


cdef bint is_dispatched(object value, str method) except -1:
    return not cnp.PyArray_CheckExact(value) and is_for_numpy(value, method)


cdef bint is_masked_type(type kind) except -1:
    # Not imported here: see _numpy.py. Another thread may be importing it.
    return issubclass(kind, getattr(sys.modules.get("numpy.ma.core"), "MaskedArray", ()))


cdef bint out_is_for_numpy(object out) except -1:
    if out is None or cnp.PyArray_CheckExact(out):
        return False
    if out is ...:  # "an array, also for a single result", since NumPy 2.3
        return True
    cdef type kind = type(out)
    return overrides(kind, "__array_function__") or cnp.PyArray_Check(out) and (
        overrides(kind, "__array_ufunc__") or is_masked_type(kind))


# Of the parameters of NumPy's functions, in order.
cdef dict DEFAULTS = {}


cdef bint is_default(object value, object default) except -1:
    # Where gilkit has False, such as for keepdims, NumPy may have this sentinel.
    if value is default or value is False and default is np.NoValue:
        return True
    return type(value) is type(default) and type(value) in (int, float, str) and value == default


cdef object call_without_defaults(object function, tuple arguments, dict keywords):
    """Call NumPy's function without the arguments that are its defaults, which most callers have not given. An
    __array_function__ may not know them, as those of other libraries do not know NumPy's latest ones."""
    cdef dict defaults = DEFAULTS.get(function)
    cdef Py_ssize_t n = len(arguments)
    if defaults is None:
        try:
            defaults = {name: each.default for name, each in signature(function).parameters.items()}
        except (TypeError, ValueError):
            defaults = {}
        DEFAULTS[function] = defaults
    values = list(defaults.values())
    while 0 < n <= len(values) and is_default(arguments[n - 1], values[n - 1]):
        n -= 1
    keywords = {name: each for name, each in keywords.items() if not is_default(each, defaults.get(name, NOT_THERE))}
    return function(*arguments[:n], **keywords)


cdef bint has_own_function(object value) except -1:
    if value is None or cnp.PyArray_CheckExact(value) or type(value) in PLAIN:
        return False
    return overrides(type(value), "__array_function__")


cdef object delegate(object function, tuple arguments, dict keywords, object threads):
    call_check(threads)
    for value in arguments:
        if has_own_function(value):
            return call_without_defaults(function, arguments, keywords)
    for value in keywords.values():
        if has_own_function(value):
            return call_without_defaults(function, arguments, keywords)
    return function(*arguments, **keywords)


cdef bint is_inert(object argument) noexcept:
    if argument is None:  # most often
        return True
    kind = type(argument)
    return kind is int or kind is bool or kind is float or kind is str


cdef cnp.ndarray kept(cnp.ndarray a, object one, object two=None, object three=None):
    return a if is_inert(one) and is_inert(two) and is_inert(three) else PyArray_View(a, NULL, NULL)


cdef cnp.ndarray own_class(cnp.ndarray a):
    return a if cnp.PyArray_CheckExact(a) else PyArray_View(a, NULL, ARRAY_TYPE)


cdef cnp.ndarray as_array(object value, str name):
    cdef type kind
    if cnp.PyArray_CheckExact(value):
        return value
    if not cnp.PyArray_Check(value):
        return np.asarray(value)
    kind = type(value)
    if is_masked_type(kind):
        if sys.modules["numpy.ma.core"].is_masked(value):
            raise TypeError(f"{name} is a masked array, whose mask gilkit would ignore; "
                            f"pass {name}.filled(...) or {name}.compressed()")
    elif overrides(kind, "__array_function__"):
        raise TypeError(f"{name} is a {kind.__name__}, of which gilkit would take the bare numbers; "
                        f"pass numpy.asarray({name}) if that is meant")
    return own_class(value)


def numbers(value, name):
    """Return as_array(value, name). For modules written in Python."""
    return as_array(value, name)


def supported(value, name, method):
    """Return as_supported(value, name), or None also if is_for_numpy(value, method). For modules written in Python."""
    return None if is_for_numpy(value, method) else as_supported(value, name)


def dispatched(*values):
    """Return whether is_for_numpy() is true for any of these arguments. For modules written in Python."""
    return any(is_for_numpy(value, None) for value in values)


def is_short(a, Py_ssize_t items, threads):
    """Return whether a is an array of fewer items. If so, check threads= and the `with` blocks in force.

    For modules written in Python, which then call NumPy's function themselves. A call costs less than numpys().
    """
    if not cnp.PyArray_CheckExact(a) or cnp.PyArray_SIZE(<cnp.ndarray>a) >= items:
        return False
    call_check(threads)
    return True


def are_short(arrays, Py_ssize_t items, threads):
    """Return whether is_short() is true for each of a tuple or list of arrays."""
    if not isinstance(arrays, (tuple, list)) or not arrays:
        return False
    for a in arrays:
        if not cnp.PyArray_CheckExact(a) or cnp.PyArray_SIZE(<cnp.ndarray>a) >= items:
            return False
    call_check(threads)
    return True


def numpys(function, args, keywords, threads):
    """Return what NumPy's function returns, after checking threads= and the `with` blocks in force."""
    return delegate(function, args, keywords, threads)


cdef cnp.ndarray as_supported(object value, str name):
    cdef cnp.ndarray a = as_array(value, name)
    if type_of(cnp.PyArray_TYPE(a)) == GK_TYPES:
        return None
    if not cnp.PyArray_ISBEHAVED_RO(a):
        a = np.require(a, a.dtype.newbyteorder("="), "A")
    return a


cdef cnp.ndarray as_input(object value, str name):
    cdef cnp.ndarray array = as_array(value, name), a = as_supported(array, name)
    if a is None:
        raise TypeError(f"{name} must be an array of {ACCEPTED}, not {array.dtype}")
    return a


cdef cnp.dtype sum_dtype(cnp.ndarray a):
    cdef gk_type type = type_of(cnp.PyArray_TYPE(a))
    if type >= GK_INT64:
        # By type number, because long long and long are distinct in NumPy. Not a.descr, which may be byte-swapped.
        return cnp.PyArray_DescrFromType(cnp.PyArray_TYPE(a))
    return UINT64 if cnp.PyArray_ISUNSIGNED(a) else INT64


cdef int any_axis(object axis, int ndim) except -1:
    cdef Py_ssize_t i = operator.index(axis)
    if not -ndim <= i < ndim:
        raise np.AxisError(i, ndim)
    return <int>(i + ndim if i < 0 else i)


cdef int one_axis(object axis, int ndim) except -1:
    if axis is True or axis is False:
        raise TypeError(f"axis must be an integer, not {axis}")
    return any_axis(axis, ndim)


cdef int axis_mask(object axis, int ndim, char *mask) except -1:
    cdef int i
    for i in range(ndim):
        mask[i] = axis is None
    if axis is None:
        return 0
    for one in axis if isinstance(axis, tuple) else (axis,):
        i = one_axis(one, ndim)
        if mask[i]:
            raise ValueError("duplicate value in 'axis'")
        mask[i] = 1
    return 0


cdef cnp.ndarray check_out(object out, tuple shape, cnp.dtype dtype):
    cdef cnp.ndarray target
    if not cnp.PyArray_Check(out):
        raise TypeError(f"out must be a NumPy array, not {type(out).__name__}")
    target = PyArray_View(out, NULL, ARRAY_TYPE)
    actual = (<object>target).shape
    if actual != shape:
        raise ValueError(f"out must have the shape {shape}, not {actual}")
    if not PyArray_EquivTypes(target.descr, dtype):
        raise TypeError(f"out must have the dtype {dtype}, not {target.dtype}")
    if not cnp.PyArray_ISWRITEABLE(target):
        raise ValueError("out must be writable, but it is read-only")
    return target


cdef bint is_cast(object out, tuple shape, cnp.dtype dtype) except -1:
    return (cnp.PyArray_Check(out) and not PyArray_EquivTypes((<cnp.ndarray>out).descr, dtype)
            and (<object>own_class(out)).shape == shape)


cdef bint may_overlap(cnp.ndarray a, cnp.ndarray b):
    return np.may_share_memory(a, b)


cdef bint is_same(cnp.ndarray a, cnp.ndarray b) noexcept:
    cdef int i
    if cnp.PyArray_DATA(a) != cnp.PyArray_DATA(b) or cnp.PyArray_TYPE(a) != cnp.PyArray_TYPE(b):
        return False
    for i in range(cnp.PyArray_NDIM(a)):
        if cnp.PyArray_STRIDE(a, i) != cnp.PyArray_STRIDE(b, i):
            return False
    return True
