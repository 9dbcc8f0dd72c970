"""sort and argsort: NumPy's, with all cores."""
import operator

import numpy as np
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, intptr_t

cimport numpy as cnp

from gilkit._call cimport Call, begin, finish
from gilkit._exports cimport GK_OK, gk_options, import_core

cnp.import_array()
import_core()

cdef extern from *:
    """
    #include "numpy/npy_2_compat.h"
    /* NumPy's own sort of contiguous items. For its built-in numbers the function
     * looks at nothing but the items, so it needs neither the array nor the GIL. */
    static gk_leaf_sort *numpy_sort_of(int type_number)
    {
        PyArray_Descr *descr = PyArray_DescrFromType(type_number);
        gk_leaf_sort *sort = (gk_leaf_sort *)PyDataType_GetArrFuncs(descr)->sort[NPY_QUICKSORT];
        Py_DECREF(descr);
        return sort;
    }
    """
    cnp.ndarray PyArray_NewLikeArray(cnp.ndarray prototype, cnp.NPY_ORDER order, PyObject *descr, int subok)
    ctypedef int gk_leaf_sort(void *items, intptr_t n, void *unused) noexcept nogil
    gk_leaf_sort *numpy_sort_of(int type_number)
    ctypedef enum gk_sort_type:
        GK_SORT_UINT8
        GK_SORT_INT8
        GK_SORT_UINT16
        GK_SORT_INT16
        GK_SORT_UINT32
        GK_SORT_INT32
        GK_SORT_UINT64
        GK_SORT_INT64
        GK_SORT_FLOAT32
        GK_SORT_FLOAT64
        GK_SORT_TYPES
    ctypedef struct gk_leaf_sorts:
        gk_leaf_sort *of[10]
    enum: GK_MAX_DIMS
    ctypedef struct gk_lines:
        int64_t length
        int64_t src_step
        int64_t dst_step
        int ndim
        int64_t shape[64]
        int64_t src_strides[64]
        int64_t dst_strides[64]
    int gk_sort "GK(gk_sort)" (
        const char *src, char *dst, const gk_lines *lines, gk_sort_type type, const gk_leaf_sorts *leaves,
        const gk_options *options) noexcept nogil
    int gk_argsort "GK(gk_argsort)" (
        const char *src, char *dst, const gk_lines *lines, gk_sort_type type, const gk_leaf_sorts *leaves,
        const gk_options *options) noexcept nogil

cdef enum:
    UNSUPPORTED = -1
    BUILTIN_TYPES = 24  # NumPy's type numbers of bool to half

cdef gk_leaf_sorts leaves
cdef int sort_types[BUILTIN_TYPES]  # by NumPy's type number


cdef _fill_tables():
    cdef int number
    for number in range(BUILTIN_TYPES):
        sort_types[number] = UNSUPPORTED
    for code, letters in (
        (GK_SORT_UINT8, "?B"), (GK_SORT_INT8, "b"), (GK_SORT_UINT16, "H"), (GK_SORT_INT16, "h"),
        (GK_SORT_UINT32, "IL"), (GK_SORT_INT32, "il"), (GK_SORT_UINT64, "LQ"), (GK_SORT_INT64, "lq"),
        (GK_SORT_FLOAT32, "f"), (GK_SORT_FLOAT64, "d"),
    ):  # fmt: skip
        for letter in letters:
            dtype = np.dtype(letter)
            if dtype.itemsize == (1, 1, 2, 2, 4, 4, 8, 8, 4, 8)[code]:
                number = dtype.num
                sort_types[number] = code
                leaves.of[<int>code] = numpy_sort_of(number)
                if leaves.of[<int>code] == NULL:
                    raise ImportError(f"NumPy {np.__version__} has no sort function for {dtype} that gilkit could call")


_fill_tables()

try:
    from numpy.exceptions import AxisError
except ImportError:  # NumPy < 1.25
    from numpy import AxisError


cdef int _type_of(cnp.ndarray a) except -1:
    cdef int number = cnp.PyArray_TYPE(a)
    if 0 <= number < BUILTIN_TYPES and sort_types[number] != UNSUPPORTED:
        return sort_types[number]
    raise TypeError(
        f"a: got an array of {a.dtype}; accepted are bool, int8 to int64, uint8 to uint64, float32 and float64")


cdef int _axis_of(object axis, int ndim) except -1:
    cdef object index = operator.index(axis)
    if not -ndim <= index < ndim:
        raise AxisError(index, ndim)
    return index + ndim if index < 0 else index


cdef void _fill_lines(gk_lines *lines, cnp.ndarray src, cnp.ndarray dst, int axis) noexcept:
    cdef int d
    lines.length = src.shape[axis]
    lines.src_step = src.strides[axis]
    lines.dst_step = dst.strides[axis]
    lines.ndim = 0
    for d in range(src.ndim):
        if d != axis:
            lines.shape[lines.ndim] = src.shape[d]
            lines.src_strides[lines.ndim] = src.strides[d]
            lines.dst_strides[lines.ndim] = dst.strides[d]
            lines.ndim += 1


cdef cnp.ndarray _operand(object a, object axis):
    """a as an array of native byte order, aligned, and flat if axis is None."""
    cdef cnp.ndarray array
    if type(a) is cnp.ndarray:
        array = <cnp.ndarray>a
    else:
        array = np.asarray(a)
    if axis is None and array.ndim != 1:
        array = array.ravel()
    if not cnp.PyArray_ISBEHAVED_RO(array):
        array = cnp.PyArray_FROM_OF(array, cnp.NPY_ARRAY_ALIGNED | cnp.NPY_ARRAY_NOTSWAPPED)
    return array


cdef cnp.ndarray _checked_out(object out, object a):
    """out, if the sorted items of a can be written there."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out: got {type(out).__name__}; accepted is a NumPy array")
    if out.dtype != a.dtype:
        raise TypeError(f"out: got an array of {out.dtype}; accepted is the dtype of a, {a.dtype}")
    if out.shape != a.shape:
        raise ValueError(f"out: got shape {out.shape}; accepted is the shape of the result, {a.shape}")
    if not out.flags.behaved:
        raise ValueError("out: got an array that is read-only, misaligned or not in native byte order")
    return out


cdef bint _needs_copy(object src, object dst):
    """Whether writing dst would change what is still to be read of src."""
    if not np.may_share_memory(src, dst):
        return False
    return src.ctypes.data != dst.ctypes.data or src.strides != dst.strides


def sort(a, axis=-1, *, out=None, threads=None):
    """Returns a sorted copy of *a*: ``numpy.sort`` on all cores.

    a: array_like of bool, (u)int8 to (u)int64, float32 or float64, any layout.
    axis: the axis to sort along; None sorts the flattened array.
    out: an array of the result's shape and a's dtype to write to; it may be *a*
    itself (sorting in place) or overlap it. threads: 1 to 1024; None:
    ``num_threads()``.

    The result is a permutation of a's bits, the same for any number of threads:
    where NumPy leaves the order open, -0.0 comes before 0.0, and NaNs come last
    with their bits unchanged, those without a sign bit first, each by payload.

    Raises TypeError for other dtypes, ``numpy.exceptions.AxisError`` for an axis
    that a does not have. Scratch: one byte an item, for lines of more than 32,767
    items; and a copy of *a* if *out* overlaps it. The arrays must not be written
    to by other threads meanwhile. Releases the GIL; Ctrl-C interrupts it (then
    the content of *out* is undefined). Twin: ``gilkit.reference.sort``.
    """
    cdef cnp.ndarray src = _operand(a, axis), dst
    cdef int type = _type_of(src), status, along
    cdef gk_lines lines
    cdef Call call
    if axis is None:
        along = 0
    elif axis is -1 and src.ndim > 0:
        along = src.ndim - 1
    else:
        along = _axis_of(axis, src.ndim)
    if out is None:
        # In numpy's order, "K": the lines of a Fortran matrix stay contiguous.
        dst = PyArray_NewLikeArray(src, cnp.NPY_KEEPORDER, NULL, 0)
    else:
        dst = _checked_out(out, src)
        if src is not dst and _needs_copy(src, dst):
            src = src.copy()
    _fill_lines(&lines, src, dst, along)
    begin(&call, threads)
    with nogil:
        status = gk_sort(cnp.PyArray_BYTES(src), cnp.PyArray_BYTES(dst), &lines, <gk_sort_type>type, &leaves,
                         &call.options)
    finish(&call, status)
    return dst if out is None else out


def argsort(a, axis=-1, *, threads=None):
    """Returns the positions that sort *a*, as int64 (intp):
    ``numpy.argsort(a, axis, kind="stable")`` on all cores.

    a: array_like of bool, (u)int8 to (u)int64, float32 or float64, any layout.
    axis: the axis to sort along; None sorts the flattened array. threads: 1 to
    1024; None: ``num_threads()``.

    Stable: of equal items the first comes first. -0.0 equals 0.0, and NaNs equal
    each other and come last. So the result does not depend on the threads.

    Raises TypeError for other dtypes, ``numpy.exceptions.AxisError`` for an axis
    that a does not have. Scratch: nine bytes an item, for lines of more than
    32,767 items. *a* must not be written to by other threads meanwhile. Releases
    the GIL; Ctrl-C interrupts it. Twin: ``gilkit.reference.argsort``.
    """
    cdef cnp.ndarray src = _operand(a, axis), dst
    cdef int type = _type_of(src), status, along
    cdef gk_lines lines
    cdef Call call
    if axis is None:
        along = 0
    elif axis is -1 and src.ndim > 0:
        along = src.ndim - 1
    else:
        along = _axis_of(axis, src.ndim)
    dst = cnp.PyArray_EMPTY(src.ndim, src.shape, cnp.NPY_INT64, 0)
    _fill_lines(&lines, src, dst, along)
    begin(&call, threads)
    with nogil:
        status = gk_argsort(cnp.PyArray_BYTES(src), cnp.PyArray_BYTES(dst), &lines, <gk_sort_type>type, &leaves,
                            &call.options)
    finish(&call, status)
    return dst
