"""sort and argsort: NumPy's, with all cores."""
import numpy as np
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, intptr_t

cimport numpy as cnp

from gilkit._call cimport Call, begin, finish
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport as_input, check_out, gk_type, may_overlap, one_axis, type_of

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
    ctypedef struct gk_leaf_sorts:
        gk_leaf_sort *of[11]
    ctypedef struct gk_lines:
        int64_t length
        int64_t src_step
        int64_t dst_step
        int ndim
        int64_t shape[64]
        int64_t src_strides[64]
        int64_t dst_strides[64]
    int gk_sort "GK(gk_sort)" (
        const char *src, char *dst, const gk_lines *lines, gk_type type, const gk_leaf_sorts *leaves,
        const gk_options *options) noexcept nogil
    int gk_argsort "GK(gk_argsort)" (
        const char *src, char *dst, const gk_lines *lines, gk_type type, const gk_leaf_sorts *leaves,
        const gk_options *options) noexcept nogil

cdef gk_leaf_sorts leaves


cdef _find_leaves():
    cdef int number
    for letter in "?bhilqBHILQfd":
        number = np.dtype(letter).num
        leaves.of[<int>type_of(number)] = numpy_sort_of(number)
        if leaves.of[<int>type_of(number)] == NULL:
            raise ImportError(f"NumPy {np.__version__} has no sort of {np.dtype(letter)} that gilkit could call")


_find_leaves()


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
    cdef cnp.ndarray array = as_input(a, "a")
    return array.ravel() if axis is None and array.ndim != 1 else array


cdef bint _needs_copy(object src, object dst):
    """Whether writing dst would change what is still to be read of src."""
    if not may_overlap(src, dst):
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
    with their bits unchanged, first those without a sign bit, by rising payload,
    then those with one, by falling payload.

    Raises TypeError for other dtypes, ``numpy.exceptions.AxisError`` for an axis
    that a does not have. Scratch: one byte an item, for lines of more than 32,767
    items; and a copy of *a* if *out* overlaps it. The arrays must not be written
    to by other threads meanwhile. Releases the GIL; Ctrl-C interrupts it (then
    the content of *out* is undefined). Twin: ``gilkit.reference.sort.sort``.
    """
    cdef cnp.ndarray src = _operand(a, axis), dst
    cdef int along, status
    cdef gk_type type = type_of(cnp.PyArray_TYPE(src))
    cdef gk_lines lines
    cdef Call call
    if axis is None:
        along = 0
    elif axis is -1 and src.ndim > 0:
        along = src.ndim - 1
    else:
        along = one_axis(axis, src.ndim)
    if out is None:
        # In numpy's order, "K": the lines of a Fortran matrix stay contiguous.
        dst = PyArray_NewLikeArray(src, cnp.NPY_KEEPORDER, NULL, 0)
    else:
        check_out(out, (<object>src).shape, src.dtype)
        dst = out
        if not cnp.PyArray_ISALIGNED(dst):
            raise ValueError("out must be aligned, but its items are not")
        if src is not dst and _needs_copy(src, dst):
            src = src.copy()
    _fill_lines(&lines, src, dst, along)
    begin(&call, threads)
    with nogil:
        status = gk_sort(cnp.PyArray_BYTES(src), cnp.PyArray_BYTES(dst), &lines, type, &leaves,
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
    the GIL; Ctrl-C interrupts it. Twin: ``gilkit.reference.sort.argsort``.
    """
    cdef cnp.ndarray src = _operand(a, axis), dst
    cdef int along, status
    cdef gk_type type = type_of(cnp.PyArray_TYPE(src))
    cdef gk_lines lines
    cdef Call call
    if axis is None:
        along = 0
    elif axis is -1 and src.ndim > 0:
        along = src.ndim - 1
    else:
        along = one_axis(axis, src.ndim)
    dst = cnp.PyArray_EMPTY(src.ndim, src.shape, cnp.NPY_INT64, 0)
    _fill_lines(&lines, src, dst, along)
    begin(&call, threads)
    with nogil:
        status = gk_argsort(cnp.PyArray_BYTES(src), cnp.PyArray_BYTES(dst), &lines, type, &leaves,
                            &call.options)
    finish(&call, status)
    return dst
