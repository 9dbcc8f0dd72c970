"""NumPy's histogram and bincount on all cores."""
from libc.stdint cimport int64_t

cimport numpy as cnp

from gilkit._call cimport Call, call_begin, call_check, call_end, integer
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport (
    GK_BOOL, GK_FLOAT32, GK_INT64, GK_TYPES, GK_UINT64, delegate, gk_type, is_for_numpy, type_of,
)

from gilkit.kernels import _numpy as np
from gilkit.kernels.reductions import max as _max, min as _min

cnp.import_array()
import_core()

cdef extern from *:
    ctypedef struct gk_histogram:
        const void *items
        gk_type type
        const double *edges
        int64_t bins
        int uniform
        double slack
    ctypedef struct gk_minmax:
        double min
        double max
    int gk_histogram_counts "GK(gk_histogram_counts)" (
        const gk_histogram *h, int64_t n, int64_t *counts, const gk_options *options) noexcept nogil
    int gk_histogram_weights "GK(gk_histogram_weights)" (
        const gk_histogram *h, int64_t n, const double *weights, int single, double *sums,
        const gk_options *options) noexcept nogil
    int gk_bincount_counts "GK(gk_bincount_counts)" (
        const void *items, gk_type type, int64_t n, int64_t bins, int64_t *counts,
        const gk_options *options) noexcept nogil
    int gk_bincount_weights "GK(gk_bincount_weights)" (
        const void *items, gk_type type, int64_t n, int64_t bins, const double *weights, double *sums,
        const gk_options *options) noexcept nogil
    int gk_minmax_of "GK(gk_minmax_of)" (
        const void *items, gk_type type, int64_t n, gk_minmax *minmax, const gk_options *options) noexcept nogil

cdef enum:
    FEW = 256  # NumPy counts this many items in less time than gilkit needs to begin
    GUESS_FROM = 2048  # bincount guesses the number of bins from this many items
    MAX_GUESSED = 1 << 16
cdef int64_t PIECE = 1 << 18  # bins that NumPy computes between two checks of timeouts and Ctrl-C
cdef int64_t MAX_BINS = 0x7ffffff0
cdef double EXACT_INTEGERS = 2.0 ** 53


cdef bint _is_ours(cnp.ndarray a) noexcept:
    """Whether the kernels can read the items of a, and they are contiguous in C order."""
    cdef gk_type type = type_of(cnp.PyArray_TYPE(a))
    return type != GK_TYPES and type != GK_BOOL and cnp.PyArray_ISCARRAY_RO(a)


cdef bint _can_add(cnp.ndarray weights) noexcept:
    """Whether adding these weights in float64 and casting the sums gives numpy.histogram's result."""
    return type_of(cnp.PyArray_TYPE(weights)) not in (GK_TYPES, GK_BOOL) and cnp.PyArray_ISNOTSWAPPED(weights)


cdef bint _is_wide(cnp.ndarray a) noexcept:
    """Whether float64 may round the integers of a."""
    cdef gk_type type = type_of(cnp.PyArray_TYPE(a))
    return type == GK_INT64 or type == GK_UINT64


cdef int _find_minmax(cnp.ndarray items, gk_minmax *minmax, object threads) except -1:
    cdef gk_type type = type_of(cnp.PyArray_TYPE(items))
    cdef int status
    cdef Call call
    call_begin(&call, threads)
    with nogil:
        status = gk_minmax_of(cnp.PyArray_DATA(items), type, cnp.PyArray_SIZE(items), minmax, &call.options)
    return call_end(&call, status)


cdef cnp.ndarray _counts(cnp.npy_intp bins):
    """Return an uninitialised array with one element for each bin and one for the items outside all bins."""
    bins += 1
    return cnp.PyArray_EMPTY(1, &bins, cnp.NPY_INT64, 0)


cdef cnp.ndarray _shortened(cnp.ndarray counts, cnp.npy_intp bins):
    """Return the array shortened in place to this many bins."""
    cdef cnp.PyArray_Dims shape
    shape.ptr = &bins
    shape.len = 1
    cnp.PyArray_Resize(counts, &shape, 0, cnp.NPY_CORDER)
    return counts


cdef object _in_pieces(object dtype, int64_t n, object compute, object threads):
    """Return the array whose elements low to high are compute(low, high), computed PIECE elements at a time."""
    cdef int64_t low = 0, high
    if n <= PIECE:
        return compute(0, n)
    result = np.empty(n, dtype)
    while low < n:
        call_check(threads)
        high = min(low + PIECE, n)
        result[low:high] = compute(low, high)
        low = high
    return result


def _converted(a, dtype, threads):
    return _in_pieces(dtype, a.size, lambda low, high: a[low:high].astype(dtype), threads)


def _densities(hist, edges, threads):
    call_check(threads)
    total = hist.sum()
    return _in_pieces(np.float64, hist.size,
                      lambda low, high: hist[low:high] / np.array(np.diff(edges[low:high + 1]), float) / total, threads)


def _many_edges(start, stop, number, threads):
    """Return np.linspace(start, stop, number + 1), computed as NumPy does, in pieces."""
    step = (stop - start) / number
    edges = _in_pieces(np.float64, number + 1, lambda low, high: np.arange(low, high, dtype=float) * step + start,
                       threads)
    edges[number] = stop
    return edges


cdef object _equal_edges(object given, object bins, object outer, object threads):
    """Return np.histogram_bin_edges(given, bins, outer)."""
    cdef cnp.ndarray ends
    if isinstance(bins, int) and PIECE < bins < MAX_BINS and (
        outer is None or type(outer) in (tuple, list) and all(isinstance(end, (int, float)) for end in outer)
    ):
        ends = np.histogram_bin_edges(given, 1, outer)
        # Edges that may coincide are left to NumPy.
        if ends.dtype == np.float64 and _uniform_slack(ends, bins, 2.0 ** -52) is not None:
            return _many_edges(ends[0], ends[1], bins, threads)
    return np.histogram_bin_edges(given, bins, outer)


cdef object _uniform_slack(cnp.ndarray edges, int64_t bins, double eps):
    """Return a bound, in bins, on the rounding error of a uniform edge plus that of an item's position. Return None if
    it is so large that only NumPy's own steps give NumPy's counts. Only the first and the last edge are read."""
    cdef double *edge = <double *>cnp.PyArray_DATA(edges)
    cdef double first = edge[0], last = edge[edges.shape[0] - 1]
    cdef double reach = last - first, ulp = max(abs(first), abs(last)) * eps
    if not 1e-290 < reach < 1e300 or ulp * bins * 256 > reach:
        return None
    return 4 * ulp * bins / reach + bins * 2.0 ** -50


cdef object _slack(cnp.ndarray items, object edges, bint equal):
    """Return _uniform_slack() for bins of equal or nearly equal width, and 0.0 for other edges, which are searched.
    Return None if float64 cannot tell on which side of an edge an item lies."""
    if edges.ndim != 1 or not 2 <= edges.size < MAX_BINS or edges.dtype.kind not in "fiu" or edges.itemsize > 8:
        return None
    # For equal bins the first and last edge are enough, and converting all edges may be slow.
    doubles = edges[[0, edges.size - 1]].astype(np.float64) if equal else edges.astype(np.float64)
    if np.isnan(doubles).any() or (
        (_is_wide(items) or edges.dtype.kind in "iu") and np.abs(doubles).max() >= EXACT_INTEGERS
    ):
        return None
    if equal:
        return _uniform_slack(doubles, edges.size - 1, np.finfo(edges.dtype).eps)
    slack = _uniform_slack(doubles, edges.size - 1, 2.0 ** -52)
    if slack is None:
        return 0.0
    bins = edges.size - 1
    off = np.abs((doubles - doubles[0]) * (bins / (doubles[bins] - doubles[0])) - np.arange(bins + 1)).max()
    return slack + 2 * off if off < 1 / 64 else 0.0


def slack(cnp.ndarray items, object edges, bint equal):
    """Return _slack(). For histograms of several dimensions."""
    return _slack(items, edges, equal)


cdef object _numpys_histogram(object a, object bins, object range, object density, object weights, object threads):
    cdef dict keywords = {}
    if bins is not 10:
        keywords["bins"] = bins
    if range is not None:
        keywords["range"] = range
    if density is not None:
        keywords["density"] = density
    if weights is not None:
        keywords["weights"] = weights
    return delegate(np.histogram, (a,), keywords, threads)


def histogram(a, bins=10, range=None, density=None, weights=None, *, threads=None):
    """Return the histogram of an array.

    Parameters
    ----------
    a : array_like
        Flattened. gilkit counts integers, float32 and float64; ``numpy.histogram`` counts other dtypes.
    bins : int, str or array_like, default 10
        The number of bins of equal width, an ascending sequence of edges, or the name of one of NumPy's rules.
    range : tuple of float, optional
        The lower and upper end of bins of equal width. None means the minimum and maximum of *a*.
    density : bool, optional
        Scale the result so that its integral is 1.
    weights : array_like, optional
        Of a's shape. The weights of the items in each bin are added instead of the items counted.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    hist : numpy.ndarray
        int64 (intp), of the dtype of *weights* if they are given, or float64 with *density*.
    bin_edges : numpy.ndarray
        The edges, one more than bins, as from ``numpy.histogram``.

    Raises
    ------
    TypeError, ValueError
        Where ``numpy.histogram`` raises them.

    Notes
    -----
    Bins include their lower edge, and the last bin includes its upper edge too. Items outside and NaN are not counted.
    The result does not depend on the number of threads. Sums of weights equal NumPy's bit for bit for up to 65,536 bins
    of equal width; otherwise they are rounded less often than NumPy's. Scratch memory is one table of the bins for each
    thread, or one shared table if these would have more than 4 million entries.

    ``numpy.histogram`` computes the result, on one core, for other dtypes of *a* or *weights*, subclasses of
    ``numpy.ndarray``, objects with ``__array_function__``, bins of equal width narrower than 256 units in the last
    place, and edges beyond ``2**53``. NumPy's rules for the number of bins run on one core. The reference
    implementation is ``gilkit.reference.histogram.histogram``.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to the arrays during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.histogram([1.0, 2.0, 2.5, 4.0], bins=3)
    (array([1, 2, 1]), array([1., 2., 3., 4.]))
    """
    if is_for_numpy(a, None) or is_for_numpy(bins, None) or is_for_numpy(weights, None):
        return _numpys_histogram(a, bins, range, density, weights, threads)
    cdef cnp.ndarray items = np.asarray(a), hist, doubles, addends
    cdef gk_histogram h
    cdef gk_minmax minmax
    cdef Call call
    cdef int status, single
    cdef int64_t n
    cdef bint named = isinstance(bins, str), equal = named or np.ndim(bins) == 0
    given = weights

    call_check(threads)
    if not cnp.PyArray_ISCARRAY_RO(items):
        items = np.ascontiguousarray(items)
    if not _is_ours(items):
        return _numpys_histogram(a, bins, range, density, given, threads)
    if weights is not None:
        weights = np.asarray(weights)
        if (<object>weights).shape != (<object>items).shape or not _can_add(weights):
            return _numpys_histogram(a, bins, range, density, given, threads)
        weights = weights.reshape(-1)
    items = items.reshape(-1)
    n = items.shape[0]
    h.items = cnp.PyArray_DATA(items)
    h.type = type_of(cnp.PyArray_TYPE(items))

    if equal and not named and range is None and n > 0:
        _find_minmax(items, &minmax, threads)
        if _is_wide(items) and max(abs(minmax.min), abs(minmax.max)) >= EXACT_INTEGERS:
            return _numpys_histogram(a, bins, range, density, given, threads)
        edges = _equal_edges(np.array((minmax.min, minmax.max)).astype(items.dtype), bins, None, threads)
    elif named:
        edges = np.histogram_bin_edges(items, bins, range, weights)
    else:  # these edges depend only on the dtype of the items
        edges = (_equal_edges(items[:0], bins, range, threads) if equal
                 else np.histogram_bin_edges(items[:0], bins, range))
    slack = _slack(items, edges, equal)
    if slack is None:
        return _numpys_histogram(a, bins, range, density, given, threads)

    if edges.dtype == np.float64:
        doubles = np.ascontiguousarray(edges)
    else:
        doubles = _converted(edges, np.float64, threads)
    h.edges = <double *>cnp.PyArray_DATA(doubles)
    h.bins = doubles.shape[0] - 1
    h.uniform = slack > 0
    h.slack = slack
    if weights is None:
        hist = _counts(h.bins)
        call_begin(&call, threads)
        with nogil:
            status = gk_histogram_counts(&h, n, <int64_t *>cnp.PyArray_DATA(hist), &call.options)
        call_end(&call, status)
        hist = _shortened(hist, h.bins)
    else:
        if n > 0 and weights.dtype.kind in "iu" and n * max(abs(int(_min(weights))), abs(int(_max(weights)))) >= 2**53:
            return _numpys_histogram(a, bins, range, density, given, threads)  # sums of floats would not be exact
        addends = np.ascontiguousarray(weights, np.float64)
        single = type_of(cnp.PyArray_TYPE(weights)) == GK_FLOAT32
        hist = np.empty(h.bins, np.float64)
        call_begin(&call, threads)
        with nogil:
            status = gk_histogram_weights(&h, n, <double *>cnp.PyArray_DATA(addends), single,
                                          <double *>cnp.PyArray_DATA(hist), &call.options)
        call_end(&call, status)
        if weights.dtype.kind in "iu":
            hist = _converted(hist, np.int64, threads)  # so that large sums wrap around, as sums of integers do
        if weights.dtype != np.float64:
            hist = _converted(hist, weights.dtype, threads)
    if density:
        return _densities(hist, edges, threads), edges
    return hist, edges


cdef cnp.ndarray _count(const void *items, gk_type type, int64_t n, int64_t bins, object threads):
    cdef cnp.ndarray counts = _counts(bins)
    cdef int status
    cdef Call call
    call_begin(&call, threads)
    with nogil:
        status = gk_bincount_counts(items, type, n, bins, <int64_t *>cnp.PyArray_DATA(counts), &call.options)
    call_end(&call, status)
    return counts


cdef object _bincount_of_arrays = np.of_arrays("bincount")


cdef object _numpys_bincount(object x, object weights, object minlength, object threads):
    cdef dict keywords = {}
    if weights is not None:
        keywords["weights"] = weights
    if minlength is not 0:
        keywords["minlength"] = minlength
    return delegate(np.bincount, (x,), keywords, threads)


cdef cnp.ndarray NO_ITEMS = np.empty(0, np.int64)


cdef int64_t _min_bins(object minlength) except -1:
    if type(minlength) is not int or minlength < 0:
        np.bincount(NO_ITEMS, None, minlength)  # raises NumPy's errors
    return integer(minlength, "minlength", 0, MAX_BINS)


def bincount(x, /, weights=None, minlength=0, *, threads=None):
    """Count how often each value occurs in an array of integers >= 0.

    Parameters
    ----------
    x : array_like
        One-dimensional, of bool or integers >= 0.
    weights : array_like, optional
        Of x's length. The weights of the items of each value are added instead of the items counted.
    minlength : int, default 0
        The minimum length of the result.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        int64 (intp), or float64 with *weights*. Its length is the larger of ``max(x) + 1`` and *minlength*.

    Raises
    ------
    TypeError
        If the items are not integers, or the weights do not cast to float64 safely.
    ValueError
        For negative items, for more than one dimension, and for weights of another length.

    Notes
    -----
    The result does not depend on the number of threads. For up to 65,536 bins, weights are added in order within blocks
    of 65,536 items, and then the sums of the blocks in order; for more bins, each weight is added in the order of *x*,
    as in NumPy. Scratch memory is one table of the bins for each thread, or one shared table if these would have more
    than 4 million entries. Subclasses of ``numpy.ndarray`` and objects with ``__array_function__`` get the result of
    ``numpy.bincount``. The reference implementation is ``gilkit.reference.histogram.bincount``.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to the arrays during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.bincount([0, 1, 1, 3], minlength=6)
    array([1, 2, 0, 1, 0, 0])
    """
    if is_for_numpy(x, None) or is_for_numpy(weights, None):
        return _numpys_bincount(x, weights, minlength, threads)
    cdef cnp.ndarray items, hist, addends
    cdef gk_minmax minmax
    cdef gk_type type
    cdef Call call
    cdef int status
    cdef int64_t n, bins, min_bins
    cdef const void *data
    cdef int64_t *counts

    items = x if cnp.PyArray_CheckExact(x) else np.asarray(x)
    n = cnp.PyArray_SIZE(items)
    if n == 0:  # NumPy accepts empty arrays of some dtypes that it rejects otherwise
        return _numpys_bincount(x, weights, minlength, threads)
    type = type_of(cnp.PyArray_TYPE(items))
    if items.ndim != 1 or type >= GK_FLOAT32:
        return _numpys_bincount(x, weights, minlength, threads)
    min_bins = 0 if minlength is 0 else _min_bins(minlength)
    if not cnp.PyArray_ISCARRAY_RO(items):
        items = np.ascontiguousarray(items, items.dtype.newbyteorder("="))
    data = cnp.PyArray_DATA(items)

    if weights is None:
        # Guess the number of bins from the first items, and count. If no item lies outside the bins, the guess was
        # right, and this pass is the only one.
        gk_minmax_of(data, type, min(n, <int64_t>GUESS_FROM), &minmax, NULL)
        if minmax.min >= 0 and minmax.max < MAX_GUESSED:
            if n <= FEW and type != GK_UINT64 and min_bins < MAX_GUESSED:  # a timeout ends the clearing of more
                call_check(threads)
                return _bincount_of_arrays(items, None, min_bins)
            bins = <int64_t>minmax.max + 1 if n <= GUESS_FROM else 2 * <int64_t>minmax.max + 16
            hist = _count(data, type, n, max(bins, min_bins), threads)
            bins = hist.shape[0] - 1
            counts = <int64_t *>cnp.PyArray_DATA(hist)
            if counts[bins] == 0:
                while bins > min_bins and counts[bins - 1] == 0:
                    bins -= 1
                return _shortened(hist, bins)

    _find_minmax(items, &minmax, threads)
    if not (0 <= minmax.min and minmax.max < MAX_BINS):
        raise ValueError(
            f"x must be from 0 to {MAX_BINS - 1}, not from {int(minmax.min)} to {int(minmax.max)}")
    bins = max(<int64_t>minmax.max + 1, min_bins)
    if weights is not None:
        addends = np.asarray(weights)
        if addends.ndim != 1 or addends.shape[0] != n or not np.can_cast(addends.dtype, np.float64):
            return _numpys_bincount(x, weights, minlength, threads)
        addends = np.ascontiguousarray(addends, np.float64)
    if weights is None:
        return _shortened(_count(data, type, n, bins, threads), bins)
    hist = np.empty(bins, np.float64)
    call_begin(&call, threads)
    with nogil:
        status = gk_bincount_weights(data, type, n, bins, <double *>cnp.PyArray_DATA(addends),
                                     <double *>cnp.PyArray_DATA(hist), &call.options)
    call_end(&call, status)
    return hist
