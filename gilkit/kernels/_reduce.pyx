"""How gilkit and NumPy share a reduction: see _reduce.pxd."""
cimport numpy as cnp
from libc.math cimport isfinite
from libc.stdint cimport int64_t

from gilkit._call cimport Call, call_begin, call_end
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport (
    GK_BOOL, GK_FLOAT32, GK_FLOAT64, GK_UINT64, MAX_DIMS, as_supported, axis_mask, check_out, delegate, gk_type,
    is_cast, is_flat, is_for_numpy, kept, may_overlap, out_is_for_numpy, type_of,
)

from gilkit.kernels import _numpy as np

import_core()
cnp.import_array()

cdef extern from "numpy/arrayobject.h":
    object PyArray_Scalar(void *data, cnp.dtype descr, object base)

cdef extern from *:
    enum:
        GK_REDUCE_SERIAL
        GK_REDUCED_FORWARDS
    ctypedef struct gk_layout:
        int64_t n_reduced
        int n_retained_axes
        int retained_axes[64]
    ctypedef struct gk_reduction_result:
        gk_type type
        bint can_warn
    gk_reduction_result gk_reduction_result_of "GK(gk_reduction_result_of)" (
        gk_reduction what, gk_type type) noexcept nogil
    void gk_layout_init "GK(gk_layout_init)" (
        gk_layout *layout, gk_type type, const char *data, int ndim, const int64_t *shape,
        const int64_t *stride, const char *reduced) noexcept nogil
    int gk_reduce "GK(gk_reduce)" (
        gk_reduction what, const gk_layout *layout, double ddof, void *out,
        const gk_options *options) noexcept nogil
    void gk_reduce_serial "GK(gk_reduce_serial)" (
        gk_reduction what, gk_type type, const void *x, int64_t n, double ddof, void *out) noexcept nogil

cdef enum:
    SHORT = 2048  # reducing this many elements takes less time than releasing the GIL

# NumPy's functions. They call the argument's method of the same name.
cdef dict NAMES = {}
cdef dict NUMPY = {}


cdef void declare(gk_reduction what, str name):
    NAMES[what] = name
    NUMPY[what] = np.FUNCTIONS[name]


cdef bint is_position(gk_reduction what) noexcept:
    return what == GK_ARGMIN or what == GK_ARGMAX or what == GK_NANARGMIN or what == GK_NANARGMAX


cdef cnp.dtype dtype_of(gk_reduction what, gk_type type, cnp.ndarray a):
    """The dtype of a result of this type, which is one of those that the table in operation.c names."""
    if type == GK_BOOL:
        return cnp.PyArray_DescrFromType(cnp.NPY_BOOL)
    if what == GK_COUNT_NONZERO or is_position(what):
        return cnp.PyArray_DescrFromType(cnp.NPY_INTP)
    # a's own dtype first, because long long and long are two dtypes of one gk_type.
    if type == type_of(cnp.PyArray_TYPE(a)):
        return cnp.PyArray_DescrFromType(cnp.PyArray_TYPE(a))
    if type == GK_FLOAT64:
        return cnp.PyArray_DescrFromType(cnp.NPY_FLOAT64)
    return cnp.PyArray_DescrFromType(cnp.NPY_UINT64 if type == GK_UINT64 else cnp.NPY_INT64)


cdef object numpys(gk_reduction what, object a, object axis, object out, object keepdims, double ddof,
                   object threads, dict others=None):
    """Return what NumPy's own function returns. Defaults are not passed on, because the methods of other libraries'
    arrays may not know these keywords."""
    cdef dict keywords = dict(others) if others else {}
    if axis is not None:
        keywords["axis"] = axis
    if out is not None:
        keywords["out"] = out
    if ddof != 0:
        keywords["ddof"] = int(ddof) if ddof.is_integer() and abs(ddof) < 2 ** 63 else ddof
    if keepdims is not False:
        keywords["keepdims"] = keepdims
    return delegate(NUMPY[what], (a,), keywords, threads)


cdef bint is_finite(cnp.ndarray a) except -1:
    """Whether all elements of an array of floats are finite."""
    return (isfinite(<double>reduce(GK_MIN, a, None, None, False, 0, None))
            and isfinite(<double>reduce(GK_MAX, a, None, None, False, 0, None)))


cdef bint may_need_numpy(gk_reduction what, gk_reduction_result info) noexcept:
    """Whether results that are not finite may be wrong, or may need a warning."""
    return info.can_warn or ((what == GK_NANMIN or what == GK_NANMAX) and info.type >= GK_FLOAT32)


cdef object unexplained(gk_reduction what, cnp.ndarray a, object axis, object result):
    """Return a mask of the infinite and NaN results that infinite and NaN elements do not explain. NumPy would warn
    of these. For few elements, mark every result that is not finite, because asking NumPy is cheap."""
    if cnp.PyArray_SIZE(a) <= SHORT:
        return ~np.isfinite(result)
    if what == GK_PROD or what == GK_NANPROD:
        infinite = np.isinf(a).any(axis=axis)
        return np.isinf(result) & ~infinite | np.isnan(result) & infinite
    # A slice with only NaNs has nothing to reduce, and NumPy must warn about it.
    if what in (GK_NANSUM, GK_NANMEAN, GK_NANVAR, GK_NANSTD, GK_NANMIN, GK_NANMAX):
        return ~np.isfinite(result)
    low = reduce(GK_MIN, a, axis, None, False, 0, None)
    high = reduce(GK_MAX, a, axis, None, False, 0, None)
    infinite = np.isinf(low) | np.isinf(high)
    return np.isnan(result) & ~np.isnan(low) | np.isinf(result) & ~infinite


cdef int settle(gk_reduction what, cnp.ndarray a, tuple axis, cnp.ndarray result, double ddof) except -1:
    """Recompute the unexplained() results with NumPy, which warns as numpy.errstate says. Each is computed from a copy
    of its own elements, because NumPy's rounding may depend on the elements next to them."""
    which = unexplained(what, a, axis, result)
    if (what == GK_PROD or what == GK_NANPROD) and cnp.PyArray_SIZE(a) > SHORT:
        # An infinite product is right, and only the warning is NumPy's.
        if np.isinf(result[which]).any():
            np.multiply.reduce(np.full(2, np.finfo(result.dtype).max))
        which &= np.isnan(result)
    if not which.any():
        return 0
    if result.ndim == 0:
        result[()] = numpys(what, a, None, None, False, ddof, None)
        return 0
    elements = np.moveaxis(a, axis, range(-len(axis), 0))[which]
    result[which] = numpys(what, elements.reshape(elements.shape[0], -1), 1, None, False, ddof, None)
    return 0


cdef bint is_c_int(object number) except -1:
    return isinstance(number, int) and -(2 ** 31) <= number < 2 ** 31


cdef object reduce(gk_reduction what, object value, object axis, object out, object keepdims,
                   double ddof, object threads):
    cdef cnp.ndarray a
    cdef gk_type type
    cdef gk_reduction_result info
    cdef int64_t n
    cdef double memory[1]
    cdef void *scalar = memory

    # A fast path for the most common call, so that short arrays take no longer than in NumPy.
    if axis is None and out is None and threads is None and keepdims is False and cnp.PyArray_CheckExact(value):
        a = value
        n = cnp.PyArray_SIZE(a)
        if (0 < n <= GK_REDUCE_SERIAL and is_flat(a) and <double>n > ddof
                and (cnp.PyArray_IS_C_CONTIGUOUS(a) or not is_position(what))):
            type = type_of(cnp.PyArray_TYPE(a))
            if n <= SHORT:
                gk_reduce_serial(what, type, cnp.PyArray_DATA(a), n, ddof, memory)
            else:
                with nogil:
                    gk_reduce_serial(what, type, cnp.PyArray_DATA(a), n, ddof, memory)
            info = gk_reduction_result_of(what, type)
            result = PyArray_Scalar(memory, dtype_of(what, info.type, a), None)
            if (may_need_numpy(what, info)
                    and not isfinite(memory[0] if info.type == GK_FLOAT64 else (<float *>scalar)[0])):
                settled = np.asarray(result)
                settle(what, a, tuple(range(a.ndim)), settled, ddof)
                return settled[()]
            if (what == GK_NANARGMIN or what == GK_NANARGMAX) and (<int64_t *>scalar)[0] < 0:
                return numpys(what, a, None, None, False, ddof, None)
            return result
    # NumPy decides which other values are accepted as keepdims, and which of several errors is raised.
    if is_for_numpy(value, NAMES[what]) or out_is_for_numpy(out) or not is_c_int(keepdims):
        return numpys(what, value, axis, out, keepdims, ddof, threads)
    a = as_supported(value, "a")
    if a is None:
        return numpys(what, value, axis, out, keepdims, ddof, threads)
    return reduce_any(what, kept(a, axis, threads), axis, out, keepdims, ddof, threads)


cdef object reduce_with(gk_reduction what, object value, object axis, object out, object keepdims, double ddof,
                        object threads, dict others):
    cdef cnp.ndarray a
    if list(others) == ["dtype"] and not is_for_numpy(value, NAMES[what]):
        a = as_supported(value, "a")
        if a is not None:
            usual = dtype_of(what, gk_reduction_result_of(what, type_of(cnp.PyArray_TYPE(a))).type, a)
            if np.dtype(others["dtype"]) is usual:
                return reduce(what, a, axis, out, keepdims, ddof, threads)
    return numpys(what, value, axis, out, keepdims, ddof, threads, others)


cdef dict given(object dtype, object initial, object where):
    others = {}
    if dtype is not None:
        others["dtype"] = dtype
    if initial is not np.NoValue:
        others["initial"] = initial
    if where is not True:
        others["where"] = where
    return others


cdef bint is_real(object number) except -1:
    if isinstance(number, int):
        return -(2 ** 63) <= number < 2 ** 63
    return isinstance(number, (float, np.integer, np.floating))


cdef object variance(gk_reduction what, object a, object axis, object dtype, object out, object ddof, object keepdims,
                     object where, object mean, object correction, object threads):
    if correction is not np.NoValue:
        if ddof != 0:
            raise ValueError("ddof and correction can't be provided simultaneously; they are two names of one argument")
        ddof = correction
    if not is_real(ddof):  # NumPy accepts arrays and complex numbers
        others = given(dtype, np.NoValue, where)
        others["ddof"] = ddof
        if mean is not np.NoValue:
            others["mean"] = mean
        return numpys(what, a, axis, out, keepdims, 0, threads, others)
    if dtype is None and where is True and mean is np.NoValue:
        return reduce(what, a, axis, out, keepdims, ddof, threads)
    others = given(dtype, np.NoValue, where)
    if mean is not np.NoValue:
        others["mean"] = mean
    return reduce_with(what, a, axis, out, keepdims, ddof, threads, others)


cdef object reduce_any(gk_reduction what, cnp.ndarray a, object axis, object out, bint keepdims,
                       double ddof, object threads):
    cdef int ndim = a.ndim, i
    cdef char reduced[MAX_DIMS]
    cdef int64_t shape[MAX_DIMS]
    cdef int64_t stride[MAX_DIMS]
    cdef gk_layout layout
    cdef gk_reduction_result info = gk_reduction_result_of(what, type_of(cnp.PyArray_TYPE(a)))
    cdef cnp.dtype dtype = dtype_of(what, info.type, a)
    cdef cnp.ndarray result, memory, target = None
    cdef double count = 1
    cdef bint in_place
    cdef int status
    cdef Call call

    if (ndim == 0 and axis is not None) or (is_position(what) and isinstance(axis, tuple)):
        return numpys(what, a, axis, out, keepdims, ddof, threads)
    if is_position(what) and axis is None and ndim > 1:
        if keepdims and out is not None:
            return numpys(what, a, axis, out, keepdims, ddof, threads)
        place = reduce_any(what, a.reshape(-1), None, out, False, ddof, threads)
        return np.full((1,) * ndim, place) if keepdims else place
    try:
        axis_mask(axis, ndim, reduced)
    except (TypeError, ValueError):  # which of the two NumPy raises depends on the function and the shape
        return numpys(what, a, axis, out, keepdims, ddof, threads)
    result_shape = []
    for i in range(ndim):
        shape[i] = cnp.PyArray_DIM(a, i)
        stride[i] = cnp.PyArray_STRIDE(a, i)
        if reduced[i]:
            count *= shape[i]
            if is_position(what):
                reduced[i] = GK_REDUCED_FORWARDS
        if keepdims or not reduced[i]:
            result_shape.append(1 if reduced[i] else shape[i])
    if out is not None:
        if is_cast(out, tuple(result_shape), dtype):
            return numpys(what, a, axis, out, keepdims, ddof, threads)
        target = check_out(out, tuple(result_shape), dtype)
    if cnp.PyArray_SIZE(a) == 0 or count <= ddof:
        return numpys(what, a, axis, out, keepdims, ddof, threads)

    gk_layout_init(&layout, type_of(cnp.PyArray_TYPE(a)), <const char *>cnp.PyArray_DATA(a), ndim, shape, stride,
                   reduced)
    # The kernel writes the outputs contiguously, in the order of the input in memory. The axes of `memory` are in
    # that order; `result` is a view of it with the axes in the caller's order.
    order = [layout.retained_axes[i] for i in range(layout.n_retained_axes)]
    retained = sorted(order)
    in_place = False
    if target is not None and not may_overlap(a, target):
        memory = target
        if keepdims:
            memory = target[tuple([0 if reduced[i] else slice(None) for i in range(ndim)]) + (...,)]
        memory = memory.transpose([retained.index(axis_) for axis_ in order])
        in_place = cnp.PyArray_IS_C_CONTIGUOUS(memory) and cnp.PyArray_ISALIGNED(memory)
    if not in_place:
        memory = np.empty([shape[axis_] for axis_ in order], dtype)
    call_begin(&call, threads)
    with nogil:
        status = gk_reduce(what, &layout, ddof, cnp.PyArray_DATA(memory), &call.options)
    call_end(&call, status)

    if (what == GK_NANARGMIN or what == GK_NANARGMAX) and (<object>memory < 0).any():
        return numpys(what, a, axis, out, keepdims, ddof, threads)  # to find out whether there are only NaNs
    result = memory if order == retained else memory.transpose([order.index(axis_) for axis_ in retained])
    if may_need_numpy(what, info) and not is_finite(memory):
        settle(what, a, tuple([i for i in range(ndim) if reduced[i]]), result, ddof)
    if is_position(what) and out is None:
        result = np.ascontiguousarray(result).reshape((<object>result).shape)  # NumPy's are in C order
    if keepdims:
        result = result.reshape(result_shape)
    if out is None:
        return result if result.ndim else result[()]
    if not in_place:
        np.copyto(target, result)
    return out
