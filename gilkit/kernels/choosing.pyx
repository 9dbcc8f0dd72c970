"""NumPy's where."""
cimport numpy as cnp
from libc.stdint cimport int64_t

from gilkit._call cimport Call, call_begin, call_check, call_end
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport (
    GK_FLOAT64, GK_INT64, GK_TYPES, GK_UINT64, MAX_DIMS, as_array, at_multiples, delegate, gk_type, is_bytes,
    is_dispatched, is_plain, type_of,
)

from gilkit.kernels import _numpy as np
from gilkit.kernels.masking import nonzero

import_core()
cnp.import_array()

cdef extern from "numpy/arrayobject.h":
    object PyArray_Where(object condition, object x, object y)

cdef extern from *:
    ctypedef struct gk_choice:
        const char *data
        const int64_t *stride
        gk_type from_ "from"
    int gk_choose "GK(gk_choose)" (
        int ndim, const int64_t *shape, const gk_choice *condition, const gk_choice *x, const gk_choice *y,
        int64_t size, gk_type result, void *chosen, const gk_options *options) noexcept nogil

cdef enum:
    FEW = 6144  # NumPy chooses this many items in less time than gilkit needs to begin


cdef bint is_short(object operand) noexcept:
    """Whether this is a number, or a short array of at most one dimension."""
    if cnp.PyArray_CheckExact(operand):
        return cnp.PyArray_NDIM(<cnp.ndarray>operand) < 2 and cnp.PyArray_SIZE(<cnp.ndarray>operand) <= FEW
    return isinstance(operand, (int, float))


cdef object chosen_dtype(object x, object y):
    """Return the dtype of numpy.where's result, or None if NumPy must compute it."""
    cdef bint both = cnp.PyArray_CheckExact(x) and cnp.PyArray_CheckExact(y)
    if both and is_plain(x) and is_plain(y) and cnp.PyArray_TYPE(x) == cnp.PyArray_TYPE(y):
        return (<cnp.ndarray>x).descr
    # Numbers of Python adapt to the dtype of the other operand.
    x, y = [np.empty(0, each.dtype) if cnp.PyArray_CheckExact(each) else each for each in (x, y)]
    cdef cnp.ndarray empty = PyArray_Where(np.empty(0, bool), x, y)
    return None if empty.dtype.kind == "V" or not is_bytes(empty) else empty.dtype


cdef int set_operand(gk_choice *choice, int64_t *stride, cnp.ndarray a, int ndim) noexcept:
    """Fill in the operand, repeated along the dimensions that it does not have."""
    cdef int d, first = ndim - cnp.PyArray_NDIM(a)
    for d in range(ndim):
        stride[d] = 0
        if d >= first and cnp.PyArray_DIM(a, d - first) != 1:
            stride[d] = cnp.PyArray_STRIDE(a, d - first)
    choice.data = <const char *>cnp.PyArray_DATA(a)
    choice.stride = stride
    choice.from_ = GK_TYPES
    return 0


def where(condition, x=np.NoValue, y=np.NoValue, /, *, threads=None):
    """Return items of one array where a condition is true, and of another one where it is not.

    Parameters
    ----------
    condition : array_like
        bool; of other items, those that are not 0 are true. Without *x* and *y*, ``gilkit.nonzero(condition)`` is
        returned.
    x, y : array_like, optional
        The items to choose from, of any dtype. Arrays of objects are left to NumPy. All three arrays are broadcast
        against each other.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        Of the common shape, and of the dtype that ``numpy.where`` returns: that of NumPy's promotion of *x* and *y*.

    Raises
    ------
    ValueError
        For only one of *x* and *y*, and for shapes that do not fit.

    Notes
    -----
    Integers and bool are converted to int64, uint64 or float64 while they are read, and other dtypes before that. The
    result is in Fortran order if the arrays are. Subclasses of ``numpy.ndarray`` and objects with
    ``__array_function__`` get the result of ``numpy.where``.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to the arrays during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.where([True, False, True], [1, 2, 3], 0)
    array([1, 0, 3])
    >>> gilkit.where([0, 5, 0, 7])
    (array([1, 3]),)
    """
    cdef cnp.ndarray c, one, other, chosen
    cdef gk_choice choices[3]
    cdef int64_t strides[3][MAX_DIMS]
    cdef int64_t shape[MAX_DIMS]
    cdef int k, ndim, status
    cdef bint fortran
    cdef gk_type result
    cdef Call call
    if x is np.NoValue and y is np.NoValue:
        if is_dispatched(condition, None):
            return delegate(np.where, (condition,), {}, threads)
        return nonzero(condition, threads=threads)
    if is_short(condition) and is_short(x) and is_short(y):
        call_check(threads)
        return PyArray_Where(condition, x, y)
    arguments = (condition, x, y) if x is not np.NoValue and y is not np.NoValue else (condition, x)
    if len(arguments) == 2 or is_dispatched(condition, None) or is_dispatched(x, None) or is_dispatched(y, None):
        return delegate(np.where, arguments, {}, threads)
    call_check(threads)
    c, one, other = as_array(condition, "condition"), as_array(x, "x"), as_array(y, "y")
    common = np.broadcast(c, one, other)  # raises the ValueError
    if common.size <= FEW or not is_bytes(c) or not is_bytes(one) or not is_bytes(other):
        return delegate(np.where, arguments, {}, threads)
    common = common.shape
    dtype = chosen_dtype(x if one is x or not one.ndim else one, y if other is y or not other.ndim else other)
    if dtype is None:
        return delegate(np.where, arguments, {}, threads)
    ndim = len(common)
    fortran = ndim > 1
    for each in (c, one, other):
        if each.ndim not in (0, ndim) or each.ndim and (each.flags.c_contiguous or not each.flags.f_contiguous):
            fortran = False
    if fortran:
        c, one, other, common = c.T, one.T, other.T, common[::-1]
    if cnp.PyArray_TYPE(c) != cnp.NPY_BOOL:
        c = c.astype(bool)
    result = type_of((<cnp.dtype>dtype).type_num)
    for k in range(ndim):
        shape[k] = common[k]
    set_operand(&choices[0], strides[0], c, ndim)
    kept = []
    for k, each in enumerate((one, other), 1):
        if not is_plain(each) or each.dtype != dtype and result not in (GK_INT64, GK_UINT64, GK_FLOAT64):
            with np.errstate(all="ignore"):  # chosen_dtype() gives the warnings for numbers, and arrays cause none
                each = np.require(each, dtype, "A")
        each = at_multiples(each)
        set_operand(&choices[k], strides[k], each, ndim)
        if each.dtype != dtype:
            choices[k].from_ = type_of(cnp.PyArray_TYPE(each))
        kept.append(each)
    chosen = np.empty(common, dtype)
    call_begin(&call, threads)
    with nogil:
        status = gk_choose(ndim, shape, &choices[0], &choices[1], &choices[2], cnp.PyArray_ITEMSIZE(chosen), result,
                           cnp.PyArray_DATA(chosen), &call.options)
    call_end(&call, status)
    return chosen.T if fortran else chosen
