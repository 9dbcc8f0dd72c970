"""NumPy's histogramdd and histogram2d."""
from builtins import range as _range

cimport numpy as cnp
from libc.stdint cimport int64_t

from gilkit._call cimport Call, call_begin, call_check, call_end
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport (
    GK_BOOL, GK_TYPES, as_supported, delegate, gk_type, is_for_numpy, type_of,
)

from gilkit.kernels import _numpy as np
from gilkit.kernels.histograms import slack
from gilkit.kernels.reductions import max as _max, min as _min

import_core()
cnp.import_array()

cdef extern from *:
    ctypedef struct gk_histogram:
        const void *items
        gk_type type
        const double *edges
        int64_t bins
        int uniform
        double slack
    int gk_histogramdd "GK(gk_histogramdd)" (
        const gk_histogram *of, int dims, int64_t n, const double *weights, void *bins,
        const gk_options *options) noexcept nogil

cdef enum:
    FEW = 2048  # NumPy counts this many items in less time than gilkit needs to prepare
    MOST_DIMS = 16
cdef int64_t MOST_BINS = 1 << 31
cdef int64_t PIECE = 1 << 18  # bins that are copied between two checks of timeouts and Ctrl-C


cdef list coordinates(object sample):
    """Return the coordinates of all items, each as a contiguous array of the dtype that NumPy has them in, or None if
    NumPy is to count."""
    cdef list columns
    if cnp.PyArray_CheckExact(sample):
        if sample.ndim != 2 or type_of(cnp.PyArray_TYPE(<cnp.ndarray>sample)) == GK_TYPES:
            return None
        columns = list(sample.T)
    elif type(sample) in (list, tuple):
        columns = list(sample)
        if not all(cnp.PyArray_CheckExact(each) and each.ndim == 1 for each in columns):
            return None
    else:
        return None
    if not 1 <= len(columns) <= MOST_DIMS or len({each.size for each in columns}) != 1 or columns[0].size <= FEW:
        return None
    dtype = np.result_type(*columns)
    if type_of((<cnp.dtype>dtype).type_num) in (GK_BOOL, GK_TYPES):
        return None
    return [np.ascontiguousarray(each, dtype) for each in columns]


cdef object edges_of(list columns, object bins, object range, object threads):
    """Return NumPy's edges, and for which dimensions bins is a number. Return None if NumPy is to raise its error."""
    for each in (bins, range):
        if np.iterable(each) and not hasattr(each, "__len__"):
            return None  # an iterator, which could be read only once
    dims = len(columns)
    each_bins = list(bins) if np.iterable(bins) else [bins] * dims
    outer = [None] * dims if range is None else list(range)
    if len(each_bins) != dims or len(outer) != dims:
        return None
    for i in _range(dims):
        if outer[i] is None and np.ndim(each_bins[i]) == 0:
            outer[i] = _min(columns[i], threads=threads), _max(columns[i], threads=threads)
            if not np.isfinite(outer[i]).all():
                return None
    empty = np.empty((0, 1), columns[0].dtype)
    edges = []
    for i in _range(dims):  # one by one, because NumPy makes the whole table even for an empty sample
        call_check(threads)
        try:
            edges.append(np.histogramdd(empty, [each_bins[i]], [outer[i]])[1][0])
        except (TypeError, ValueError):
            return None
    return edges, [np.ndim(each) == 0 for each in each_bins]


def histogramdd(sample, bins=10, range=None, density=None, weights=None, *, threads=None):
    """Return the histogram of items with several coordinates.

    Parameters
    ----------
    sample : numpy.ndarray or sequence of array_like
        Of shape (n, d): one item in each row. Or d arrays of n coordinates. gilkit counts integers, float32 and
        float64.
    bins : int or sequence, default 10
        The number of bins of equal width, for each dimension if it is a sequence, or the edges for each dimension.
    range : sequence, optional
        For each dimension, the lower and upper end of bins of equal width, or None for the minimum and maximum.
    density : bool, optional
        Scale the result so that its integral is 1.
    weights : array_like, optional
        The weight of each item, which is added instead of the item counted.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    hist : numpy.ndarray of float64
        With d dimensions.
    edges : tuple of numpy.ndarray
        The edges for each dimension, as from ``numpy.histogramdd``.

    Raises
    ------
    TypeError, ValueError
        Where ``numpy.histogramdd`` raises them.

    Notes
    -----
    The bits are NumPy's, also those of sums of weights, which are added in the order of the items.
    ``numpy.histogramdd`` counts short samples, those of other dtypes or of more than 16 dimensions, for more than 2**31
    bins, and where doubles cannot tell on which side of an edge an item lies.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to the arrays during the call.

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> hist, edges = gilkit.histogramdd(np.array([[0.0, 1.0], [0.5, 3.0], [2.0, 3.0]]), bins=2)
    >>> hist
    array([[1., 1.],
           [0., 1.]])
    """
    cdef gk_histogram of[MOST_DIMS]
    cdef int dims, d, status
    cdef int64_t n, total = 1
    cdef cnp.ndarray column, doubles, addends = None, found
    cdef const double *to_add = NULL
    cdef Call call
    columns = None
    if not is_for_numpy(sample, None) and not is_for_numpy(weights, None):
        call_check(threads)
        columns = coordinates(sample)
    found_edges = None if columns is None else edges_of(columns, bins, range, threads)
    if found_edges is None:
        return delegate(np.histogramdd, (sample, bins, range, density, weights), {}, threads)
    edges, is_count = found_edges
    dims, n = len(columns), columns[0].size
    kept = []
    for d in _range(dims):
        column = columns[d]
        room = slack(column, edges[d], is_count[d])
        total *= max(edges[d].size - 1, 1)
        if room is None or total >= MOST_BINS:
            return delegate(np.histogramdd, (sample, bins, range, density, weights), {}, threads)
        doubles = np.ascontiguousarray(edges[d], np.float64)
        kept.append(doubles)
        of[d].items, of[d].type = cnp.PyArray_DATA(column), type_of(cnp.PyArray_TYPE(column))
        of[d].edges, of[d].bins = <const double *>cnp.PyArray_DATA(doubles), doubles.shape[0] - 1
        of[d].uniform, of[d].slack = room > 0, room
    if weights is not None:
        addends = as_supported(weights, "weights")
        if addends is None or addends.ndim != 1 or addends.shape[0] != n:
            return delegate(np.histogramdd, (sample, bins, range, density, weights), {}, threads)
        addends = np.ascontiguousarray(addends, np.float64)
        to_add = <const double *>cnp.PyArray_DATA(addends)
    found = np.empty(total + 1, np.int64 if weights is None else np.float64)
    call_begin(&call, threads)
    with nogil:
        status = gk_histogramdd(of, dims, n, to_add, cnp.PyArray_DATA(found), &call.options)
    call_end(&call, status)
    # NumPy's result is part of an array with bins for the items outside. That matters for the order of the sum below.
    shape = [each.size - 1 for each in edges]
    hist = np.zeros([size + 2 for size in shape], np.float64)[(slice(1, -1),) * dims]
    found = found[:total].reshape(shape)
    rows = max(PIECE * shape[0] // max(total, 1), 1)
    for k in _range(0, shape[0], rows):
        call_check(threads)
        hist[k:k + rows] = found[k:k + rows]
    if density:
        whole = hist.sum()
        for d in _range(dims):
            call_check(threads)
            along = [1] * dims
            along[d] = shape[d]
            hist = hist / np.diff(edges[d]).reshape(along)
        hist /= whole
    return hist, edges


def histogram2d(x, y, bins=10, range=None, density=None, weights=None, *, threads=None):
    """Return the histogram of items with two coordinates.

    Parameters
    ----------
    x, y : array_like
        The coordinates: two one-dimensional arrays of one length.
    bins : int, array_like or pair of these, default 10
        The number of bins of equal width, or the edges, for both or for each dimension.
    range : array_like, optional
        ``[[xmin, xmax], [ymin, ymax]]`` for bins of equal width. None means the minima and maxima.
    density : bool, optional
        Scale the result so that its integral is 1.
    weights : array_like, optional
        The weight of each item, which is added instead of the item counted.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    hist : numpy.ndarray of float64
        Of shape (bins of x, bins of y).
    xedges, yedges : numpy.ndarray
        The edges.

    Raises
    ------
    TypeError, ValueError
        Where ``numpy.histogram2d`` raises them.

    Notes
    -----
    The notes of ``gilkit.histogramdd`` apply.

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> hist, xedges, yedges = gilkit.histogram2d(np.array([0.0, 0.5, 2.0]), np.array([1.0, 3.0, 3.0]), bins=2)
    >>> hist
    array([[1., 1.],
           [0., 1.]])
    """
    own = not is_for_numpy(x, None) and not is_for_numpy(y, None) and not is_for_numpy(weights, None)
    if own:
        x, y = np.asarray(x), np.asarray(y)
        own = x.ndim == y.ndim == 1 and len(x) == len(y) > FEW
    if not own:
        return delegate(np.histogram2d, (x, y, bins, range, density, weights), {}, threads)
    if hasattr(bins, "__len__") and np.iterable(bins) and len(bins) not in (1, 2):
        edges = np.asarray(bins)
        bins = [edges, edges]
    hist, edges = histogramdd([x, y], bins, range, density, weights, threads=threads)
    return hist, edges[0], edges[1]
