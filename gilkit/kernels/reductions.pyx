"""Reductions with NumPy's names, keywords and results."""
cimport numpy as cnp
from libc.math cimport isfinite
from libc.stdint cimport int64_t

from gilkit._call cimport Call, call_begin, call_end
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport (
    GK_FLOAT32, GK_FLOAT64, MAX_DIMS, as_input, axis_mask, check_out, delegate, gk_type, is_flat, is_for_numpy,
    may_overlap, out_is_for_numpy, sum_dtype, type_of,
)

from inspect import cleandoc

from gilkit.kernels import _numpy as np

import_core()
cnp.import_array()

cdef extern from "numpy/arrayobject.h":
    object PyArray_Scalar(void *data, cnp.dtype descr, object base)

cdef extern from *:
    ctypedef enum gk_reduction:
        GK_SUM
        GK_MEAN
        GK_VAR
        GK_STD
        GK_MIN
        GK_MAX
    enum:
        GK_REDUCE_SERIAL
    ctypedef struct gk_layout:
        int64_t n_reduced
        int n_retained_axes
        int retained_axes[64]
    void gk_layout_init "GK(gk_layout_init)" (
        gk_layout *layout, gk_type type, const char *data, int ndim, const int64_t *shape,
        const int64_t *stride, const char *reduced) noexcept nogil
    int gk_reduce "GK(gk_reduce)" (
        gk_reduction what, const gk_layout *layout, double ddof, void *out,
        const gk_options *options) noexcept nogil
    void gk_reduce_serial "GK(gk_reduce_serial)" (
        gk_reduction what, gk_type type, const void *x, int64_t n, double ddof, void *out) noexcept nogil

cdef enum:
    SHORT = 2048  # elements that are reduced sooner than the GIL changes hands

# The methods of arrays and their like that NumPy's functions call.
cdef tuple NAMES = ("sum", "mean", "var", "std", "min", "max")  # in the order of gk_reduction
NUMPY = [getattr(np, name) for name in NAMES]

cdef cnp.dtype DOUBLE = np.dtype(np.float64)


cdef cnp.dtype result_dtype(gk_reduction what, cnp.ndarray a):
    cdef gk_type type = type_of(cnp.PyArray_TYPE(a))
    if type >= GK_FLOAT32 or what >= GK_MIN:
        return cnp.PyArray_DescrFromType(cnp.PyArray_TYPE(a))
    return sum_dtype(a) if what == GK_SUM else DOUBLE


cdef object numpys(gk_reduction what, object a, object axis, object out, object keepdims, double ddof,
                   object threads):
    """NumPy's own result. Arguments that have their default are not passed on: what has NumPy's protocols and
    methods need not know them."""
    cdef dict keywords = {}
    if axis is not None:
        keywords["axis"] = axis
    if out is not None:
        keywords["out"] = out
    if ddof != 0:
        keywords["ddof"] = int(ddof) if ddof.is_integer() else ddof
    if keepdims is not False:
        keywords["keepdims"] = keepdims
    return delegate(NUMPY[what], (a,), keywords, threads)


cdef bint is_finite(cnp.ndarray a) except -1:
    """Whether no element of an array of floats is infinite or NaN."""
    return (isfinite(<double>reduce(GK_MIN, a, None, None, False, 0, None))
            and isfinite(<double>reduce(GK_MAX, a, None, None, False, 0, None)))


cdef object unexplained(cnp.ndarray a, object axis, object result):
    """Which results are infinite or NaN by more than the infinities and NaNs among
    the elements, so that NumPy would warn. Of few elements, all are that are not finite: NumPy itself will tell."""
    if cnp.PyArray_SIZE(a) <= SHORT:
        return ~np.isfinite(result)
    low = reduce(GK_MIN, a, axis, None, False, 0, None)
    high = reduce(GK_MAX, a, axis, None, False, 0, None)
    infinite = np.isinf(low) | np.isinf(high)
    return np.isnan(result) & ~np.isnan(low) | np.isinf(result) & ~infinite


cdef int settle(gk_reduction what, cnp.ndarray a, tuple axis, cnp.ndarray result, double ddof) except -1:
    """Lets NumPy compute the results that are not finite without a reason in their own elements, with its warnings.
    Each is computed from a copy of its elements alone, so that no result depends on what lies beside it."""
    which = unexplained(a, axis, result)
    if not which.any():
        return 0
    if result.ndim == 0:
        result[()] = numpys(what, a, None, None, False, ddof, None)
        return 0
    elements = np.moveaxis(a, axis, range(-len(axis), 0))[which]
    result[which] = numpys(what, elements.reshape(elements.shape[0], -1), 1, None, False, ddof, None)
    return 0


cdef object reduce(gk_reduction what, object value, object axis, object out, object keepdims,
                   double ddof, object threads):
    cdef cnp.ndarray a
    cdef gk_type type
    cdef int64_t n
    cdef double memory[1]
    cdef void *scalar = memory

    # The commonest call first, so that short arrays take no longer than NumPy's.
    if axis is None and out is None and threads is None and keepdims is False and cnp.PyArray_CheckExact(value):
        a = value
        n = cnp.PyArray_SIZE(a)
        if 0 < n <= GK_REDUCE_SERIAL and is_flat(a) and <double>n > ddof:
            type = type_of(cnp.PyArray_TYPE(a))
            if n <= SHORT:
                gk_reduce_serial(what, type, cnp.PyArray_DATA(a), n, ddof, memory)
            else:
                with nogil:
                    gk_reduce_serial(what, type, cnp.PyArray_DATA(a), n, ddof, memory)
            result = PyArray_Scalar(memory, result_dtype(what, a), None)
            if type >= GK_FLOAT32 and what < GK_MIN:
                if not isfinite(memory[0] if type == GK_FLOAT64 else (<float *>scalar)[0]):
                    if unexplained(a, None, result):
                        return numpys(what, a, None, None, False, ddof, None)
            return result
    # Few things besides a bool are a keepdims, and which of several errors is raised is NumPy's business.
    if is_for_numpy(value, NAMES[what]) or out_is_for_numpy(out) or not isinstance(keepdims, int):
        return numpys(what, value, axis, out, keepdims, ddof, threads)
    return reduce_any(what, as_input(value, "a"), axis, out, keepdims, ddof, threads)


cdef object reduce_any(gk_reduction what, cnp.ndarray a, object axis, object out, bint keepdims,
                       double ddof, object threads):
    cdef int ndim = a.ndim, i
    cdef char reduced[MAX_DIMS]
    cdef int64_t shape[MAX_DIMS]
    cdef int64_t stride[MAX_DIMS]
    cdef gk_layout layout
    cdef cnp.dtype dtype = result_dtype(what, a)
    cdef cnp.ndarray result, memory, target = None
    cdef double count = 1
    cdef bint is_float = type_of(cnp.PyArray_TYPE(a)) >= GK_FLOAT32, in_place
    cdef int status
    cdef Call call

    if ndim == 0 and axis is not None:
        return numpys(what, a, axis, out, keepdims, ddof, threads)
    try:
        axis_mask(axis, ndim, reduced)
    except (TypeError, ValueError):  # of which NumPy raises one or the other, as the function and the shape are
        return numpys(what, a, axis, out, keepdims, ddof, threads)
    result_shape = []
    for i in range(ndim):
        shape[i] = cnp.PyArray_DIM(a, i)
        stride[i] = cnp.PyArray_STRIDE(a, i)
        if reduced[i]:
            count *= shape[i]
        if keepdims or not reduced[i]:
            result_shape.append(1 if reduced[i] else shape[i])
    if out is not None:
        target = check_out(out, tuple(result_shape), dtype)
    if cnp.PyArray_SIZE(a) == 0 or count <= ddof:
        return numpys(what, a, axis, out, keepdims, ddof, threads)

    gk_layout_init(&layout, type_of(cnp.PyArray_TYPE(a)), <const char *>cnp.PyArray_DATA(a), ndim, shape, stride,
                   reduced)
    # The kernel writes the outputs side by side, in the order of the input in
    # memory: into `memory`, whose axes are in that order.
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

    result = memory if order == retained else memory.transpose([order.index(axis_) for axis_ in retained])
    if is_float and what < GK_MIN and not is_finite(memory):
        settle(what, a, tuple([i for i in range(ndim) if reduced[i]]), result, ddof)
    if keepdims:
        result = result.reshape(result_shape)
    if out is None:
        return result if result.ndim else result[()]
    if not in_place:
        np.copyto(target, result)
    return out


# What the docstrings below have in common.
_COMMON = """

a: an array of bool, integers, float32 or float64 of any shape and layout,
or what numpy.asarray makes one of. axis: an integer or a tuple of them;
None: all. keepdims: whether reduced axes stay, with length 1. out: an array
of the result's shape and dtype; it is filled and returned. threads: 1 to
1024; None: ``num_threads()``.

Subclasses of numpy.ndarray, and objects that have __array_function__ or a
method of this name, get the result of numpy.{name}: masked elements are
left out, pandas skips NaN, units stay.

The bits depend on shape, strides and dtype alone, not on threads or
processor. Warnings and errors are numpy.{name}'s: for nothing to reduce,
and, as numpy.errstate says, for overflows and invalid operations. TypeError
and ValueError for other arguments (numpy.exceptions.AxisError for an axis
that is not there); nothing is written then. Releases the GIL; thread-safe
as long as nobody writes to *a* or *out*; Ctrl-C interrupts it.
"""


def sum(a, axis=None, *, out=None, keepdims=False, threads=None):
    """The sum along *axis*; as numpy.sum. int64 for bool and signed integers,
    uint64 for unsigned ones, both modulo ``2**64``; float32 and float64 stay,
    and so do numpy.longlong and numpy.ulonglong.

    Floats are added in doubles with compensation: the error is below 8 units
    in the last place of the sum of magnitudes, whatever the length. Twin:
    ``math.fsum``."""
    return reduce(GK_SUM, a, axis, out, keepdims, 0, threads)


def mean(a, axis=None, *, out=None, keepdims=False, threads=None):
    """The mean along *axis*; as numpy.mean. float64, but float32 for float32.

    Summed as by ``gilkit.sum``."""
    return reduce(GK_MEAN, a, axis, out, keepdims, 0, threads)


def var(a, axis=None, *, ddof=0, out=None, keepdims=False, threads=None):
    """The variance along *axis*: the sum of squared deviations from the mean,
    over the number of elements less *ddof*; as numpy.var. float64, but float32
    for float32.

    One pass over memory, in doubles: means and squared deviations of blocks
    that fit into the cache, merged as by Chan, Golub and LeVeque, without
    cancellation and without a temporary array."""
    return reduce(GK_VAR, a, axis, out, keepdims, ddof, threads)


def std(a, axis=None, *, ddof=0, out=None, keepdims=False, threads=None):
    """The standard deviation along *axis*, the square root of ``gilkit.var``;
    as numpy.std. float64, but float32 for float32."""
    return reduce(GK_STD, a, axis, out, keepdims, ddof, threads)


def min(a, axis=None, *, out=None, keepdims=False, threads=None):
    """The least element along *axis*, NaN if there is one; as numpy.min. Of the
    array's dtype."""
    return reduce(GK_MIN, a, axis, out, keepdims, 0, threads)


def max(a, axis=None, *, out=None, keepdims=False, threads=None):
    """The greatest element along *axis*, NaN if there is one; as numpy.max. Of
    the array's dtype."""
    return reduce(GK_MAX, a, axis, out, keepdims, 0, threads)


for _function in (sum, mean, var, std, min, max):
    _function.__doc__ = cleandoc(_function.__doc__) + _COMMON.format(name=_function.__name__)
