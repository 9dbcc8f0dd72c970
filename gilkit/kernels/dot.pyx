"""Inner products."""
cimport numpy as cnp
from libc.math cimport isfinite, isinf, isnan
from libc.stdint cimport int64_t, uint64_t

from gilkit._call cimport Call, call_begin, call_end
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport (
    GK_BOOL, GK_FLOAT32, GK_FLOAT64, as_supported, delegate, gk_type, is_for_numpy, kept, type_of,
)

from gilkit.kernels import _numpy as np
from gilkit.kernels.reductions import max as _max, min as _min

import_core()
cnp.import_array()

cdef extern from "numpy/arrayobject.h":
    object PyArray_Scalar(void *data, cnp.dtype descr, object base)

cdef extern from *:
    int gk_dot "GK(gk_dot)" (
        int as_float, int64_t n, gk_type x_type, const char *x, int64_t x_stride, gk_type y_type, const char *y,
        int64_t y_stride, const gk_options *options, void *result) noexcept nogil

cdef enum:
    SHORT = 2048  # multiplying this many elements takes less time than releasing the GIL


cdef bint is_explained(cnp.ndarray x, cnp.ndarray y, double product, object threads) except -1:
    """Whether infinite or NaN elements explain a product that is infinite or NaN. NumPy would not warn of it then. For
    few elements, answer no, because asking NumPy is cheap."""
    cdef double ends[4]
    cdef int i
    cdef bint infinite = False
    if cnp.PyArray_SIZE(x) <= SHORT:
        return False
    ends[0], ends[1] = _min(x, threads=threads), _max(x, threads=threads)
    ends[2], ends[3] = _min(y, threads=threads), _max(y, threads=threads)
    for i in range(4):
        if isnan(ends[i]):
            return isnan(product)
        infinite |= isinf(ends[i])
    return infinite and isinf(product)


def dot(a, b, out=None, *, threads=None):
    """Return the dot product of two arrays, as ``numpy.dot`` does.

    Parameters
    ----------
    a, b : array_like
        One-dimensional, of the same length: bool, integers, float32 or float64, in any combination. The product of
        other arrays, such as matrices, is NumPy's; its BLAS may have threads of its own.
    out : numpy.ndarray, optional
        An array of exactly the result's kind, which NumPy fills and which is returned.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    scalar or numpy.ndarray
        Of the shape and dtype that ``numpy.dot`` returns.

    Raises
    ------
    TypeError
        For dtypes that NumPy does not multiply.
    ValueError
        For shapes that do not fit together, and for an *out* that NumPy refuses.

    Notes
    -----
    Products of floats are computed in doubles and added as in ``gilkit.sum``. Unlike a BLAS, the bits depend on length
    and layout only, not on the number of threads or the processor. Integers wrap around, and for bool the result says
    whether any pair is true, as in NumPy. Overflows and invalid operations are reported as ``numpy.errstate`` says, and
    NumPy's result is returned for them. Subclasses of ``numpy.ndarray`` and objects with ``__array_function__`` get the
    result of ``numpy.dot``.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to the arrays during the call.

    Examples
    --------
    >>> import gilkit
    >>> float(gilkit.dot([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]))
    32.0
    """
    if out is not None or is_for_numpy(a, None) or is_for_numpy(b, None):
        return delegate(np.dot, (a, b) if out is None else (a, b, out), {}, threads)
    cdef cnp.ndarray x = as_supported(a, "a"), y = as_supported(b, "b")
    if x is None or y is None or x.ndim != 1 or y.ndim != 1 or cnp.PyArray_DIM(x, 0) != cnp.PyArray_DIM(y, 0):
        return delegate(np.dot, (a, b), {}, threads)
    x, y = kept(x, threads), kept(y, threads)
    cdef int64_t n = cnp.PyArray_DIM(x, 0)
    cdef gk_type x_type = type_of(cnp.PyArray_TYPE(x)), y_type = type_of(cnp.PyArray_TYPE(y))
    cdef cnp.dtype dtype = x.descr if cnp.PyArray_TYPE(x) == cnp.PyArray_TYPE(y) else np.result_type(x, y)
    cdef gk_type type = type_of(dtype.type_num)
    cdef bint as_float = type >= GK_FLOAT32
    cdef double product = 0
    cdef uint64_t integer = 0
    cdef void *result = <void *>&product if as_float else <void *>&integer
    cdef int status = 0
    cdef Call call

    call_begin(&call, threads)
    if 0 < n <= SHORT:
        status = gk_dot(as_float, n, x_type, <const char *>cnp.PyArray_DATA(x), cnp.PyArray_STRIDE(x, 0), y_type,
                        <const char *>cnp.PyArray_DATA(y), cnp.PyArray_STRIDE(y, 0), &call.options, result)
    elif n > 0:
        with nogil:
            status = gk_dot(as_float, n, x_type, <const char *>cnp.PyArray_DATA(x), cnp.PyArray_STRIDE(x, 0), y_type,
                            <const char *>cnp.PyArray_DATA(y), cnp.PyArray_STRIDE(y, 0), &call.options, result)
    call_end(&call, status)
    cdef float narrow = <float>product
    if as_float and not isfinite(product if type == GK_FLOAT64 else narrow):
        if not is_explained(x, y, product if type == GK_FLOAT64 else narrow, threads):
            return delegate(np.dot, (x, y), {}, threads)
    if type == GK_FLOAT64:
        return PyArray_Scalar(&product, dtype, None)
    if type == GK_FLOAT32:
        return PyArray_Scalar(&narrow, dtype, None)
    return np.bool_(integer != 0) if type == GK_BOOL else np.uint64(integer).astype(dtype)
