"""Statistics of a moving window, with bottleneck's names."""
from libc.stdint cimport int64_t, intptr_t

cimport numpy as cnp

from gilkit._call cimport Call, call_begin, call_check, call_end, integer
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport as_input, gk_type, kept, one_axis, type_of
from gilkit.kernels.sorting cimport fill_slices, gk_slices

from inspect import cleandoc

from gilkit.kernels._docstrings import parameter_section

cnp.import_array()
import_core()

cdef extern from *:
    """
    #include "numpy/npy_2_compat.h"
    /* NumPy's own indirect sort of doubles, which needs neither the array nor the GIL. */
    static gk_move_argsort *numpy_argsort_of_doubles(void)
    {
        PyArray_Descr *descr = PyArray_DescrFromType(NPY_DOUBLE);
        gk_move_argsort *sort = (gk_move_argsort *)PyDataType_GetArrFuncs(descr)->argsort[NPY_QUICKSORT];
        Py_DECREF(descr);
        return sort;
    }
    """
    ctypedef enum gk_move_operation:
        GK_MOVE_SUM
        GK_MOVE_MEAN
        GK_MOVE_VAR
        GK_MOVE_STD
        GK_MOVE_MIN
        GK_MOVE_MAX
        GK_MOVE_MEDIAN
    ctypedef int gk_move_argsort(void *items, intptr_t *order, intptr_t n, void *unused) noexcept nogil
    gk_move_argsort *numpy_argsort_of_doubles() noexcept
    ctypedef struct gk_moving:
        gk_move_operation what
        gk_type type
        int64_t window
        int64_t min_count
        double ddof
        gk_move_argsort *argsort
    int gk_move "GK(gk_move)" (
        const gk_moving *moving, const char *src, char *dst, const gk_slices *slices,
        const gk_options *options) noexcept nogil

cdef int64_t MAX_WINDOW = 2**31 - 2
cdef gk_move_argsort *argsort_of_doubles = numpy_argsort_of_doubles()
if argsort_of_doubles == NULL:
    raise ImportError("this version of NumPy has no indirect sort of float64 that gilkit can call")


cdef cnp.ndarray move(gk_move_operation what, object value, object window, object min_count, object axis, object ddof,
                      object threads):
    cdef cnp.ndarray a, result
    cdef gk_moving moving
    cdef gk_slices slices
    cdef int status, along
    cdef Call call
    call_check(threads)
    a = kept(kept(as_input(value, "a"), window, min_count), axis, ddof, threads)
    along = one_axis(axis, a.ndim)
    moving.what = what
    moving.type = type_of(cnp.PyArray_TYPE(a))
    if a.shape[along] == 0:
        raise ValueError(f"a must have at least one item along axis {axis}, not the shape {(<object>a).shape}")
    moving.window = integer(window, "window", 1, min(a.shape[along], MAX_WINDOW))
    moving.min_count = moving.window if min_count is None else integer(min_count, "min_count", 1, moving.window)
    moving.ddof = ddof
    moving.argsort = argsort_of_doubles
    cdef int type_of_result = cnp.NPY_FLOAT if cnp.PyArray_TYPE(a) == cnp.NPY_FLOAT else cnp.NPY_DOUBLE
    result = cnp.PyArray_EMPTY(a.ndim, a.shape, type_of_result, a.ndim > 1 and cnp.PyArray_IS_F_CONTIGUOUS(a))
    fill_slices(&slices, a, result, along)
    call_begin(&call, threads)
    with nogil:
        status = gk_move(&moving, cnp.PyArray_BYTES(a), cnp.PyArray_BYTES(result), &slices, &call.options)
    call_end(&call, status)
    return result


_PARAMETERS = {
    "a": """array_like
    bool, integers, float32 or float64, of any layout, with one or more dimensions.""",
    "window": """int
    The number of items in the window, from 1 to the length of the axis.""",
    "min_count": """int, optional
    The number of items in the window, not counting NaNs, from which there is a result; with fewer it is NaN. From 1 to
    *window*, which is the default.""",
    "axis": """int, default -1
    The axis along which the window moves.""",
    "ddof": """int or float, default 0
    The divisor is the number of items in the window minus *ddof*.""",
    "threads": """int, optional
    1 to 1024. None means ``gilkit.num_threads()``.""",
}

_REST = """Returns
-------
numpy.ndarray
    Of a's shape. float32 for float32, otherwise float64.

Raises
------
TypeError
    For other dtypes, and for a *window*, *min_count* or *axis* that is not an integer.
ValueError
    For a *window* or *min_count* outside its range.
numpy.exceptions.AxisError
    For an axis that *a* does not have.

Notes
-----
Item i of the result is computed from the items ``i - window + 1`` to ``i`` along the axis, of which those before the
first one count as NaN. {notes}The arguments are those of ``bottleneck.{name}``, and so are the results,
except for rounding: gilkit computes in doubles, from the items in the window alone. In bottleneck, rounding errors and
infinities stay after their cause has left the window. The result has the same bits for any number of threads and on
every instruction set.

Releases the GIL. Ctrl-C interrupts the call. No other thread may write to *a* during the call."""


def move_sum(a, window, min_count=None, axis=-1, *, threads=None):
    """Return the sum of the items in a window that moves along an axis, without regard to NaNs.

    {parameters}

    {rest}

    Examples
    --------
    >>> import gilkit
    >>> gilkit.move_sum([1.0, 2.0, 3.0, 4.0], 2)
    array([nan,  3.,  5.,  7.])
    """
    return move(GK_MOVE_SUM, a, window, min_count, axis, 0, threads)


def move_mean(a, window, min_count=None, axis=-1, *, threads=None):
    """Return the mean of the items in a window that moves along an axis, without regard to NaNs.

    {parameters}

    {rest}

    Examples
    --------
    >>> import gilkit
    >>> gilkit.move_mean([1.0, 2.0, 3.0, 5.0], 2, min_count=1)
    array([1. , 1.5, 2.5, 4. ])
    """
    return move(GK_MOVE_MEAN, a, window, min_count, axis, 0, threads)


def move_var(a, window, min_count=None, axis=-1, ddof=0, *, threads=None):
    """Return the variance of the items in a window that moves along an axis, without regard to NaNs.

    {parameters}

    {rest}

    Examples
    --------
    >>> import gilkit
    >>> gilkit.move_var([1.0, 3.0, 3.0, 7.0], 2)
    array([nan,  1.,  0.,  4.])
    """
    return move(GK_MOVE_VAR, a, window, min_count, axis, ddof, threads)


def move_std(a, window, min_count=None, axis=-1, ddof=0, *, threads=None):
    """Return the standard deviation of the items in a window that moves along an axis, without regard to NaNs.

    {parameters}

    {rest}

    Examples
    --------
    >>> import gilkit
    >>> gilkit.move_std([1.0, 3.0, 3.0, 7.0], 2)
    array([nan,  1.,  0.,  2.])
    """
    return move(GK_MOVE_STD, a, window, min_count, axis, ddof, threads)


def move_min(a, window, min_count=None, axis=-1, *, threads=None):
    """Return the smallest of the items in a window that moves along an axis, without regard to NaNs.

    {parameters}

    {rest}

    Examples
    --------
    >>> import gilkit
    >>> gilkit.move_min([3.0, 1.0, 2.0, 4.0], 2)
    array([nan,  1.,  1.,  2.])
    """
    return move(GK_MOVE_MIN, a, window, min_count, axis, 0, threads)


def move_max(a, window, min_count=None, axis=-1, *, threads=None):
    """Return the largest of the items in a window that moves along an axis, without regard to NaNs.

    {parameters}

    {rest}

    Examples
    --------
    >>> import gilkit
    >>> gilkit.move_max([3.0, 1.0, 2.0, 4.0], 2)
    array([nan,  3.,  2.,  4.])
    """
    return move(GK_MOVE_MAX, a, window, min_count, axis, 0, threads)


def move_median(a, window, min_count=None, axis=-1, *, threads=None):
    """Return the median of the items in a window that moves along an axis, without regard to NaNs.

    {parameters}

    {rest}

    Examples
    --------
    >>> import gilkit
    >>> gilkit.move_median([3.0, 1.0, 2.0, 9.0], 3)
    array([nan, nan,  2.,  2.])
    """
    return move(GK_MOVE_MEDIAN, a, window, min_count, axis, 0, threads)


_NOTES = {
    "move_median": "Each stretch of *window* items is sorted once. ",
}

for _function in (move_sum, move_mean, move_var, move_std, move_min, move_max, move_median):
    _name = _function.__name__
    _function.__doc__ = cleandoc(_function.__doc__).format(
        parameters=parameter_section(_function, _PARAMETERS),
        rest=_REST.format(name=_name, notes=_NOTES.get(_name, "")))
