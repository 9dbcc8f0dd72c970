"""Exactly rounded sums."""
import math

cimport numpy as cnp
from libc.stdint cimport int64_t

from gilkit._call cimport Call, call_begin, call_check, call_end
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport MAX_DIMS, as_input, gk_type, type_of

import_core()
cnp.import_array()

cdef extern from *:
    ctypedef struct gk_layout:
        pass
    void gk_layout_init "GK(gk_layout_init)" (
        gk_layout *layout, gk_type type, const char *data, int ndim, const int64_t *shape,
        const int64_t *stride, const char *reduced) noexcept nogil
    ctypedef enum gk_fsum_kind:
        GK_FSUM_EXACT
        GK_FSUM_NOT_FINITE
        GK_FSUM_LARGE
    enum:
        GK_FSUM_PLUS
        GK_FSUM_MINUS
        GK_FSUM_NAN
    ctypedef struct gk_fsum_result:
        gk_fsum_kind kind
        int seen
        double sum
    int gk_fsum "GK(gk_fsum)" (
        const gk_layout *layout, const gk_options *options, gk_fsum_result *result) noexcept nogil
    enum:
        GK_FSUM_PARTS
    int gk_fsum_parts "GK(gk_fsum_parts)" (
        const gk_layout *layout, const gk_options *options, gk_fsum_result *result, double *parts,
        int *count) noexcept nogil


cdef void lay_out(cnp.ndarray array, gk_layout *layout) noexcept:
    cdef int64_t shape[MAX_DIMS]
    cdef int64_t stride[MAX_DIMS]
    cdef char reduced[MAX_DIMS]
    cdef int i
    for i in range(array.ndim):
        shape[i] = cnp.PyArray_DIM(array, i)
        stride[i] = cnp.PyArray_STRIDE(array, i)
        reduced[i] = 1
    gk_layout_init(layout, type_of(cnp.PyArray_TYPE(array)), <const char *>cnp.PyArray_DATA(array), array.ndim, shape,
                   stride, reduced)


def fsum(a, *, threads=None):
    """Return the correctly rounded sum of all elements, as ``math.fsum`` does.

    Parameters
    ----------
    a : array_like
        bool, integers, float32 or float64, of any shape and layout. Each element is converted to the nearest double
        first.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    float
        The bits that ``math.fsum`` returns, NaN and infinities included.

    Raises
    ------
    TypeError
        For other dtypes.
    ValueError
        For infinities of both signs.
    OverflowError
        Where ``math.fsum`` overflows.

    Notes
    -----
    If the magnitudes add up to ``2**1022`` or more, ``math.fsum`` computes the sum, in C order, on one core.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to *a* during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.fsum([1.0, 1e100, 1.0, -1e100])
    2.0
    """
    cdef cnp.ndarray array = as_input(a, "a")
    cdef gk_layout layout
    cdef gk_fsum_result result
    cdef int status
    cdef Call call

    if cnp.PyArray_SIZE(array) == 0:
        call_check(threads)
        return 0.0
    call_begin(&call, threads)
    lay_out(array, &layout)
    with nogil:
        status = gk_fsum(&layout, &call.options, &result)
    call_end(&call, status)
    if result.kind == GK_FSUM_LARGE:
        return math.fsum(array.flat)
    if result.kind == GK_FSUM_NOT_FINITE:
        if result.seen & GK_FSUM_PLUS and result.seen & GK_FSUM_MINUS:
            raise ValueError("-inf + inf in fsum")
        if result.seen & GK_FSUM_NAN:
            return math.nan
        return math.inf if result.seen & GK_FSUM_PLUS else -math.inf
    return result.sum


def fsum_parts(a, *, threads=None):
    """Return a short list of floats whose ``math.fsum`` is ``fsum(a)``.

    The lists of several arrays can be concatenated in any order; ``gilkit.blocks.sum`` does so.

    Parameters
    ----------
    a : array_like
        As for ``fsum``.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    list of float
        At most 44 finite floats, or NaN and the infinities of each sign that occurs. If the magnitudes add up to
        ``2**1022`` or more, the list holds every element.
    """
    cdef cnp.ndarray array = as_input(a, "a")
    cdef gk_layout layout
    cdef gk_fsum_result result
    cdef double parts[GK_FSUM_PARTS]
    cdef int count = 0, status, i
    cdef Call call

    if cnp.PyArray_SIZE(array) == 0:
        call_check(threads)
        return []
    call_begin(&call, threads)
    lay_out(array, &layout)
    with nogil:
        status = gk_fsum_parts(&layout, &call.options, &result, parts, &count)
    call_end(&call, status)
    if result.kind == GK_FSUM_LARGE:
        return [float(x) for x in array.flat]
    if result.kind == GK_FSUM_NOT_FINITE:
        seen = ((GK_FSUM_PLUS, math.inf), (GK_FSUM_MINUS, -math.inf), (GK_FSUM_NAN, math.nan))
        return [value for bit, value in seen if result.seen & bit]
    return [parts[i] for i in range(count)]
