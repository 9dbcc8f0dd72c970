"""Checks of array arguments, shared by the kernels on arrays: see _arrays.pxd."""
import operator

cimport numpy as cnp

import numpy as np

cnp.import_array()

ACCEPTED = "bool, int8 to int64, uint8 to uint64, float32 or float64"

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


cdef gk_type type_of(int type_num) noexcept nogil:
    return TYPES[type_num] if 0 <= type_num < 13 else GK_TYPES


cdef bint is_plain(cnp.ndarray a) noexcept:
    return type_of(cnp.PyArray_TYPE(a)) != GK_TYPES and cnp.PyArray_ISBEHAVED_RO(a)


cdef bint is_flat(cnp.ndarray a) noexcept:
    return is_plain(a) and (cnp.PyArray_IS_C_CONTIGUOUS(a) or cnp.PyArray_IS_F_CONTIGUOUS(a))


cdef cnp.ndarray as_input(object value, str name):
    cdef cnp.ndarray a
    if not cnp.PyArray_CheckExact(value):
        if isinstance(value, np.ma.MaskedArray):
            raise TypeError(f"{name} is a masked array, whose mask gilkit would ignore; "
                            f"pass {name}.filled(...) or {name}.compressed()")
        value = np.asarray(value)
    a = value
    if type_of(cnp.PyArray_TYPE(a)) == GK_TYPES:
        raise TypeError(f"{name} must be an array of {ACCEPTED}, not {a.dtype}")
    if not cnp.PyArray_ISBEHAVED_RO(a):
        a = np.require(a, a.dtype.newbyteorder("="), "A")
    return a


cdef int one_axis(object axis, int ndim) except -1:
    cdef Py_ssize_t i = operator.index(axis)
    if not -ndim <= i < ndim:
        raise np.exceptions.AxisError(i, ndim)
    return <int>(i + ndim if i < 0 else i)


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


cdef int check_out(object out, tuple shape, cnp.dtype dtype) except -1:
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a NumPy array, not {type(out).__name__}")
    if out.shape != shape:
        raise ValueError(f"out must have the shape {shape}, not {out.shape}")
    if out.dtype != dtype:
        raise TypeError(f"out must have the dtype {dtype}, not {out.dtype}")
    if not out.flags.writeable:
        raise ValueError("out must be writable, but it is read-only")
    return 0


cdef bint may_overlap(cnp.ndarray a, cnp.ndarray b):
    return np.may_share_memory(a, b)
