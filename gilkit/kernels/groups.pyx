"""Reductions of the values of each group."""
cimport numpy as cnp
from libc.stdint cimport int64_t, uint8_t

from gilkit._call cimport Call, call_begin, call_check, call_end, integer
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport GK_FLOAT32, any_axis, as_array, as_input, gk_type, kept, sum_dtype, type_of
from gilkit.kernels.sorting cimport gk_leaf_sort, leaves

from gilkit.kernels import _numpy as np
from gilkit.kernels.sorting import select

cnp.import_array()
import_core()

cdef extern from *:
    """
    #include "kernels/histogram/group.h"
    """
    ctypedef enum gk_group_operation:
        GK_GROUP_COUNT
        GK_GROUP_SUM
        GK_GROUP_PROD
        GK_GROUP_MEAN
        GK_GROUP_VAR
        GK_GROUP_STD
        GK_GROUP_MIN
        GK_GROUP_MAX
        GK_GROUP_FIRST
        GK_GROUP_LAST
    int64_t GK_GROUP_MAX_RESULTS
    ctypedef struct gk_grouping:
        const void *labels
        gk_type label_type
        const void *values
        gk_type type
        int64_t outer
        int64_t n
        int64_t inner
        int64_t groups
        int skip_nans
        double ddof
    ctypedef struct gk_minmax:
        double min
        double max
    int gk_group_reduce "GK(gk_group_reduce)" (
        const gk_grouping *g, gk_group_operation operation, void *result, uint8_t *empty, int *out_of_range,
        const gk_options *options) noexcept nogil
    int gk_group_gather "GK(gk_group_gather)" (
        const gk_grouping *g, int64_t *starts, void *gathered, int *out_of_range,
        const gk_options *options) noexcept nogil
    int gk_group_sort "GK(gk_group_sort)" (
        void *gathered, const int64_t *starts, int64_t results, int64_t itemsize, int64_t max_length,
        gk_leaf_sort *sort, const gk_options *options) noexcept nogil
    int gk_minmax_of "GK(gk_minmax_of)" (
        const void *items, gk_type type, int64_t n, gk_minmax *minmax, const gk_options *options) noexcept nogil

cdef enum:
    SELECT_FROM = 1 << 17  # values of a group, from which selecting on all threads is faster than sorting on one
    SAMPLED_FROM = 1 << 20  # labels of which the largest is guessed from a sample, which saves reading them once more
    SAMPLE = 1 << 12
    SAMPLED_GROUPS = 1 << 16  # of more groups, the largest label often comes late

cdef dict OPERATIONS = {
    "count": GK_GROUP_COUNT, "sum": GK_GROUP_SUM, "prod": GK_GROUP_PROD, "mean": GK_GROUP_MEAN, "var": GK_GROUP_VAR,
    "std": GK_GROUP_STD, "min": GK_GROUP_MIN, "max": GK_GROUP_MAX, "first": GK_GROUP_FIRST, "last": GK_GROUP_LAST,
    "median": None, "quantile": None,
}


cdef cnp.ndarray _contiguous(cnp.ndarray a):
    return a if cnp.PyArray_IS_C_CONTIGUOUS(a) else np.ascontiguousarray(a)


cdef cnp.ndarray _as_labels(object labels):
    cdef cnp.ndarray array = as_array(labels, "labels")
    if cnp.PyArray_SIZE(array) == 0 and not isinstance(labels, np.ndarray):
        array = array.astype(np.int64)  # an empty list
    if type_of(cnp.PyArray_TYPE(array)) >= GK_FLOAT32:
        raise TypeError(f"labels must be integers, not {array.dtype}; numpy.unique(keys, return_inverse=True) makes "
                        "them from other keys")
    return _contiguous(as_input(array, "labels"))


cdef int64_t _count_groups(cnp.ndarray labels, object threads) except -1:
    """One more than the largest label."""
    cdef gk_minmax minmax
    cdef int status
    cdef Call call
    if labels.shape[0] == 0:
        return 0
    call_begin(&call, threads)
    with nogil:
        status = gk_minmax_of(cnp.PyArray_DATA(labels), type_of(cnp.PyArray_TYPE(labels)), labels.shape[0], &minmax,
                              &call.options)
    call_end(&call, status)
    if minmax.max >= GK_GROUP_MAX_RESULTS:
        raise ValueError(f"labels must be below {GK_GROUP_MAX_RESULTS}, not {int(labels.max())}")
    return max(0, <int64_t>minmax.max + 1)


cdef int64_t _guess_groups(cnp.ndarray labels) except -1:
    """At most the number of groups, and usually that number; 0 if it is not worth guessing."""
    cdef int64_t step = labels.shape[0] // SAMPLE
    if labels.shape[0] < SAMPLED_FROM:
        return 0
    groups = int(labels[::-step].max()) + 1  # begins with the last label, which is the largest if they are sorted
    return groups if 0 < groups <= SAMPLED_GROUPS else 0


cdef int _refuse(cnp.ndarray labels, int64_t groups) except -1:
    too_large = labels[labels >= groups]
    label = int(too_large[0]) if too_large.size else "another one meanwhile"
    raise ValueError(f"labels must be below num_groups, {groups}, not {label}; negative labels are for values that "
                     "belong to no group")


cdef cnp.dtype _result_dtype(gk_group_operation operation, cnp.ndarray values):
    if operation == GK_GROUP_COUNT:
        return np.dtype(np.int64)
    cdef bint is_float = type_of(cnp.PyArray_TYPE(values)) >= GK_FLOAT32
    if is_float or operation >= GK_GROUP_MIN:
        return cnp.PyArray_DescrFromType(cnp.PyArray_TYPE(values))
    return sum_dtype(values) if operation <= GK_GROUP_PROD else np.dtype(np.float64)


cdef cnp.ndarray _reduced(const gk_grouping *g, gk_group_operation operation, cnp.dtype dtype, cnp.ndarray empty,
                          object threads):
    """Return the results, and fill `empty` unless it is None; return None if a label is too large."""
    cdef cnp.ndarray result = np.empty(g.outer * g.groups * g.inner, dtype)
    cdef uint8_t *to_empty = NULL if empty is None else <uint8_t *>cnp.PyArray_DATA(empty)
    cdef int status, out_of_range = 0
    cdef Call call
    call_begin(&call, threads)
    with nogil:
        status = gk_group_reduce(g, operation, cnp.PyArray_DATA(result), to_empty, &out_of_range, &call.options)
    call_end(&call, status)
    return None if out_of_range else result


cdef object _gathered(const gk_grouping *g, cnp.ndarray values, cnp.ndarray labels, object threads):
    """Return the values ordered by group, and where each group starts and ends. Short groups are sorted."""
    cdef int64_t results = g.outer * g.groups * g.inner
    cdef cnp.ndarray starts = np.empty(results + 2, np.int64)
    cdef cnp.ndarray gathered = np.empty(cnp.PyArray_SIZE(values), values.dtype)
    cdef gk_leaf_sort *sort = leaves.of[<int>g.type]
    cdef int status, out_of_range = 0
    cdef Call call
    call_begin(&call, threads)
    with nogil:
        status = gk_group_gather(g, <int64_t *>cnp.PyArray_DATA(starts), cnp.PyArray_DATA(gathered), &out_of_range,
                                 &call.options)
        if status == 0 and not out_of_range:
            status = gk_group_sort(cnp.PyArray_DATA(gathered), <int64_t *>cnp.PyArray_DATA(starts), results,
                                   gathered.strides[0], SELECT_FROM, sort, &call.options)
    call_end(&call, status)
    if out_of_range:
        _refuse(labels, g.groups)
    return gathered, starts[:results + 1]


def _quantiles(gathered, starts, probabilities, is_median, threads):
    """Return an array with a row of results for each probability."""
    counts = starts[1:] - starts[:starts.size - 1]
    last = np.maximum(counts - 1, 0)
    places = [last * q for q in probabilities]
    lows = [np.floor(place).astype(np.int64) for place in places]
    highs = [np.minimum(low + 1, last) for low in lows]
    for r in np.flatnonzero(counts > SELECT_FROM):
        # The last one too: it is NaN if any is.
        ranks = np.unique(np.array([*(low[r] for low in lows), *(high[r] for high in highs), last[r]], np.int64))
        group = gathered[starts[r]:starts[r + 1]]
        group[ranks] = select(group, ranks, threads)
    result_dtype = np.float32 if gathered.dtype == np.float32 else np.float64
    results = np.empty((len(probabilities), counts.size), result_dtype)
    end = starts[counts.size]
    if not end:
        results[...] = np.nan
        return results
    begins = np.minimum(starts[:starts.size - 1], end - 1)  # empty groups read an arbitrary value
    missing = counts == 0
    if gathered.dtype.kind == "f":
        missing |= np.isnan(gathered[begins + last])
    with np.errstate(invalid="ignore", over="ignore"):
        for row, place, low, high in zip(results, places, lows, highs):
            call_check(threads)
            a = gathered[begins + low].astype(np.float64)
            b = gathered[begins + high].astype(np.float64)
            if is_median:
                a = np.where(counts % 2, a, (a + b) / 2)
            else:  # as numpy.quantile rounds
                share, step = place - low, b - a
                between = np.where(share >= 0.5, b - step * (1 - share), a + step * share)
                a = np.where((a == b) | (share == 0), a, between)
            row[...] = a + 0.0  # no negative zeros, because the order of equal zeros is not defined
            row[missing] = np.nan
    return results


def group_reduce(labels, values, op, *, num_groups=None, axis=-1, ddof=0, q=0.5, fill_value=None, threads=None):
    """Return the sum, mean or another reduction of the values of each group.

    Parameters
    ----------
    labels : array_like of int
        The number of the group of each value, from 0: any integer dtype, one-dimensional, of the length of *values*
        along *axis*. A value with a negative label belongs to no group.
    values : array_like
        bool, integers, float32 or float64, of one or more dimensions.
    op : str
        'sum', 'mean', 'var', 'std', 'min', 'max', 'prod', 'count', 'first', 'last', 'median' or 'quantile'. With the
        prefix 'nan', as in 'nansum', NaNs are left out; without it, a group with a NaN has NaN as its result.
    num_groups : int, optional
        The number of groups. None means one more than the largest label.
    axis : int or None, default -1
        The axis of *values* that the groups divide. None flattens *values*, and *labels* must have the same shape.
    ddof : int or float, default 0
        For 'var' and 'std': the divisor is the number of values minus *ddof*.
    q : float or array_like of float, default 0.5
        For 'quantile': one or more probabilities from 0 to 1. Interpolates linearly, as ``numpy.quantile``.
    fill_value : scalar, optional
        The result of groups without values. None means what NumPy's function returns for no items.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        The shape is that of *values*, with *num_groups* in place of the length of *axis*; in front of it is the shape
        of *q*. The dtype is that of NumPy's reduction: int64 or uint64 for sums and products of integers, modulo
        ``2**64``; float64 for means, variances and quantiles of integers; int64 for counts; otherwise that of *values*.

    Raises
    ------
    TypeError
        For labels that are not integers, and for dtypes of *values* other than those above.
    ValueError
        For an unknown *op*, a label that is not below *num_groups*, labels of another length than the axis, a *q*
        outside 0 to 1, and if the minimum, maximum, first or last value is wanted of a group that has none: integers
        have no NaN. *fill_value* avoids the latter.
    numpy.exceptions.AxisError
        For an axis that *values* does not have.

    Notes
    -----
    A group without values has the sum 0, the product 1 and the count 0; all else is NaN. 'count' counts NaNs too,
    'nancount' does not. No warnings are given for such groups or for overflows.

    Floats are added in doubles, in stretches whose sums are added with compensation; more than 65,536 results that have
    few values each, in the order of the values. Variances are computed from deviations from means, and merged. The
    result has the same bits for any number of threads. Scratch memory is 8 to 32 bytes for each result, for several
    tables 2 to 8 bytes for each value, and for medians and quantiles a copy of *values*.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to the arrays during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.group_reduce([0, 1, 0, -1, 1], [1.0, 2.0, 3.0, 100.0, 5.0], "mean")
    array([2. , 3.5])
    >>> gilkit.group_reduce([0, 2, 0], [[1, 2, 3], [4, 5, 6]], "sum", num_groups=4)
    array([[ 4,  0,  2,  0],
           [10,  0,  5,  0]])
    """
    cdef cnp.ndarray array, groups_of, result, empty = None
    cdef gk_grouping g
    cdef int64_t groups, guess = 0
    cdef int i, along
    cdef gk_group_operation operation = GK_GROUP_COUNT
    cdef bint skip_nans = isinstance(op, str) and op.startswith("nan")
    name = op[3:] if skip_nans else op
    if not isinstance(name, str) or name not in OPERATIONS:
        raise ValueError(f"op must be one of {', '.join(OPERATIONS)}, also with the prefix nan, not {op!r}")
    call_check(threads)
    groups_of = _as_labels(labels)
    array = kept(kept(as_input(values, "values"), axis, threads), num_groups, ddof)
    if axis is None:
        if (<object>groups_of).shape != (<object>array).shape:
            raise ValueError(f"labels must have the shape of values, {(<object>array).shape}, with axis=None, not "
                             f"{(<object>groups_of).shape}")
        groups_of, array, along = groups_of.reshape(-1), array.reshape(-1), 0
    else:
        along = any_axis(axis, array.ndim)
        if groups_of.ndim != 1 or groups_of.shape[0] != array.shape[along]:
            raise ValueError(f"labels must have the shape ({array.shape[along]},), one label for each of the values "
                             f"along axis {axis}, not {(<object>groups_of).shape}")
    array = _contiguous(array)
    if num_groups is None:
        if OPERATIONS[name] is not None and cnp.PyArray_SIZE(array) > 0:  # without items, nothing checks the guess
            groups = guess = _guess_groups(groups_of)
        if not guess:
            groups = _count_groups(groups_of, threads)
    else:
        groups = integer(num_groups, "num_groups", 0, GK_GROUP_MAX_RESULTS - 1)
    g.labels, g.label_type = cnp.PyArray_DATA(groups_of), type_of(cnp.PyArray_TYPE(groups_of))
    g.values, g.type = cnp.PyArray_DATA(array), type_of(cnp.PyArray_TYPE(array))
    # NumPy's nanvar is its var for dtypes without NaN, also where there are too few items.
    g.skip_nans = skip_nans and cnp.PyArray_ISFLOAT(array)
    g.n, g.groups, g.ddof = array.shape[along], groups, ddof
    g.outer = g.inner = 1
    for i in range(array.ndim):
        if i < along:
            g.outer *= array.shape[i]
        elif i > along:
            g.inner *= array.shape[i]
    shape = (<object>array).shape[:along] + (groups,) + (<object>array).shape[along + 1:]
    # In Python's integers, because the product may be too large for C's.
    if int(g.outer) * int(g.inner) * int(groups) >= GK_GROUP_MAX_RESULTS:
        raise ValueError(f"the result must have less than {GK_GROUP_MAX_RESULTS} items; num_groups={groups} makes one "
                         f"of the shape {shape}")

    if OPERATIONS[name] is None:
        probabilities = np.asarray(0.5 if name == "median" else q, np.float64)
        if not np.all((probabilities >= 0) & (probabilities <= 1)):
            raise ValueError(f"q must be from 0 to 1, not {q!r}")
        gathered, starts = _gathered(&g, array, groups_of, threads)
        result = _quantiles(gathered, starts, probabilities.reshape(-1).tolist(), name == "median", threads)
        if fill_value is not None:
            empty = starts[1:] == starts[:starts.size - 1]
    else:
        operation = OPERATIONS[name]
        if operation >= GK_GROUP_MIN:
            empty = np.zeros(g.outer * g.inner * groups, np.bool_)
        result = _reduced(&g, operation, _result_dtype(operation, array), empty, threads)
        if result is None and guess:
            return group_reduce(groups_of, array, op, num_groups=_count_groups(groups_of, threads), axis=along,
                                ddof=ddof, fill_value=fill_value, threads=threads)
        if result is None:
            _refuse(groups_of, groups)
        if empty is None and fill_value is not None:
            counts = (result if operation == GK_GROUP_COUNT
                      else _reduced(&g, GK_GROUP_COUNT, np.dtype(np.int64), None, threads))
            if counts is None:
                _refuse(groups_of, groups)
            empty = counts == 0
        probabilities = None
    if empty is not None and empty.any():
        if fill_value is None:
            if g.type < GK_FLOAT32:
                first = np.flatnonzero(empty)[0] // g.inner % groups
                raise ValueError(f"values: none of them belongs to group {first}, and {array.dtype} has no NaN for its "
                                 f"{name}; give it a fill_value")
            fill_value = np.nan
        np.copyto(result, fill_value, where=empty, casting="same_kind")
    return result.reshape((() if probabilities is None else probabilities.shape) + shape)
