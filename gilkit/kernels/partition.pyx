"""NumPy's partition and argpartition on all cores, and the k largest or smallest items."""
from collections import namedtuple

cimport numpy as cnp
from libc.stdint cimport int64_t

from gilkit._call cimport Call, call_begin, call_check, call_end, integer
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport any_axis, as_array, as_supported, delegate, gk_type, is_for_numpy, kept, type_of
from gilkit.kernels.sorting cimport fill_slices, gk_leaf_sorts, gk_slices, leaves

from gilkit import mapping
from gilkit.kernels import _numpy as np

cnp.import_array()
import_core()

cdef extern from *:
    cnp.ndarray PyArray_NewCopy(cnp.ndarray a, cnp.NPY_ORDER order)
    int gk_partition "GK(gk_partition)" (
        const char *src, char *dst, const gk_slices *slices, gk_type type, int positions, const int64_t *ranks,
        int64_t n_ranks, const gk_leaf_sorts *leaves, const gk_options *options) noexcept nogil
    int gk_topk "GK(gk_topk)" (
        const char *src, char *dst, const gk_slices *slices, gk_type type, int64_t k, int largest, int sorted,
        const gk_leaf_sorts *leaves, const gk_options *options) noexcept nogil

cdef enum:
    LONG = 1 << 15  # items of a slice from which the kernel is faster than NumPy
    PART = 1 << 15  # minimum number of items of a part, in an array with short slices
    MAX_PARTS = 64

TopKResult = namedtuple("TopKResult", ("values", "indices"), module=__name__)
TopKResult.__doc__ = "What gilkit.topk returns: the items, and where they are in the array."


cdef cnp.ndarray _ranks(object kth, int64_t n):
    """Return the positions in ascending order, or None if NumPy must check them."""
    cdef cnp.ndarray ranks = np.asarray(kth)
    if cnp.PyArray_NDIM(ranks) > 1 or ranks.dtype.kind not in "iu" or cnp.PyArray_SIZE(ranks) == 0:
        return None
    ranks = ranks.astype(np.int64).reshape(-1)
    ranks[ranks < 0] += n
    ranks.sort()
    return ranks if 0 <= ranks[0] and ranks[ranks.shape[0] - 1] < n else None


cdef object _by_numpy(cnp.ndarray a, object kth, object axis, object kind, bint positions, object threads):
    """Call NumPy's method. Parts of an array of many short slices go to different threads."""
    cdef int along
    cdef int64_t number = min(MAX_PARTS, cnp.PyArray_SIZE(a) // PART), length
    cdef cnp.ndarray result
    if a.ndim < 2 or number < 2:
        call_check(threads)
        if positions:
            return a.argpartition(kth, axis, kind)
        result = PyArray_NewCopy(a, cnp.NPY_KEEPORDER)
        result.partition(kth, axis, kind)
        return result
    along = any_axis(axis, a.ndim)
    result = np.empty(np.shape(a), np.int64) if positions else PyArray_NewCopy(a, cnp.NPY_KEEPORDER)
    cut = max((d for d in range(a.ndim) if d != along), key=lambda d: (a.shape[d] > 1, abs(a.strides[d])))
    length = a.shape[cut]
    number = min(number, length)
    before = (slice(None),) * cut

    def treat(part):
        at = (*before, slice(part * length // number, (part + 1) * length // number))
        if positions:
            result[at] = a[at].argpartition(kth, along, kind)
        else:
            result[at].partition(kth, along, kind)

    mapping.map(treat, range(number), threads=threads)
    return result


cdef object _partition(object function, object a, object kth, object axis, object kind, object order, bint positions,
                       object threads):
    if order is not None or is_for_numpy(a, "argpartition" if positions else None) and not cnp.PyArray_CheckExact(a):
        return delegate(function, (a, kth, axis, kind, order), {}, threads)
    cdef cnp.ndarray array = kept(kept(as_array(a, "a"), kth, axis), kind, threads), src, dst, ranks
    cdef int along, status
    cdef int64_t n_ranks
    cdef gk_type type
    cdef gk_slices slices
    cdef Call call
    if axis is None:
        array, axis = array.reshape(-1), -1
    if cnp.PyArray_SIZE(array) < LONG:
        return _by_numpy(array, kth, axis, kind, positions, threads)
    along = any_axis(axis, array.ndim)
    ranks = _ranks(kth, array.shape[along]) if kind == "introselect" and array.shape[along] >= LONG else None
    src = None if ranks is None else as_supported(array, "a")
    if src is None:
        return _by_numpy(array, kth, axis, kind, positions, threads)
    type = type_of(cnp.PyArray_TYPE(src))
    n_ranks = ranks.shape[0]
    dst = np.empty_like(src, np.int64 if positions else None)
    fill_slices(&slices, src, dst, along)
    call_begin(&call, threads)
    with nogil:
        status = gk_partition(cnp.PyArray_BYTES(src), cnp.PyArray_BYTES(dst), &slices, type, positions,
                              <const int64_t *>cnp.PyArray_DATA(ranks), n_ranks, &leaves, &call.options)
    call_end(&call, status)
    return dst if positions or cnp.PyArray_ISNOTSWAPPED(array) else dst.astype(array.descr)


def partition(a, kth, axis=-1, kind="introselect", order=None, *, threads=None):
    """Return a partitioned copy of an array: at each position *kth* is the item that a sort would put there.

    No item before such a position is greater, and no item after it is smaller.

    Parameters
    ----------
    a : array_like
        bool, integers, float32 or float64, of any layout and byte order. Arrays of other dtypes are left to NumPy.
    kth : int or sequence of int
        The positions. Negative ones count from the end.
    axis : int or None, default -1
        The axis to partition along. None partitions the flattened array.
    kind : {'introselect'}, optional
        NumPy's name of the only algorithm.
    order : str or list of str, optional
        The fields to compare in a structured array, which ``numpy.partition`` then partitions.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        Of a's shape and dtype. The bits are the same for any number of threads.

    Raises
    ------
    ValueError
        For a *kth* outside of the axis, and for an unknown *kind*.
    TypeError
        For a *kth* that is not an integer.
    numpy.exceptions.AxisError
        For an axis that *a* does not have.

    Notes
    -----
    NaNs come last. The order of the other items is not specified, and differs from NumPy's for slices of 32,768 items
    or more. There, -0.0 comes before 0.0, as in `gilkit.sort`. Shorter slices are partitioned by NumPy, and those of a
    large array on all threads. Scratch memory is one byte for each item of a long slice.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to *a* during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.partition([7, 1, 9, 3], 1)[:2]
    array([1, 3])
    """
    return _partition(np.partition, a, kth, axis, kind, order, False, threads)


def argpartition(a, kth, axis=-1, kind="introselect", order=None, *, threads=None):
    """Return the indices that would partition an array: see `gilkit.partition`.

    Parameters
    ----------
    a : array_like
        bool, integers, float32 or float64, of any layout and byte order. Arrays of other dtypes are left to NumPy.
    kth : int or sequence of int
        The positions. Negative ones count from the end.
    axis : int or None, default -1
        The axis to partition along. None partitions the flattened array.
    kind : {'introselect'}, optional
        NumPy's name of the only algorithm.
    order : str or list of str, optional
        The fields to compare in a structured array, which ``numpy.argpartition`` then partitions.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        int64 (intp), of a's shape. The same for any number of threads.

    Raises
    ------
    ValueError
        For a *kth* outside of the axis, and for an unknown *kind*.
    TypeError
        For a *kth* that is not an integer.
    numpy.exceptions.AxisError
        For an axis that *a* does not have.

    Notes
    -----
    As in `gilkit.partition`. Objects with a method ``argpartition`` get the result of ``numpy.argpartition``. Scratch
    memory is one byte for each item of a long slice, and four more for items of 8 and 16 bits.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to *a* during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.argpartition([7, 1, 9, 3], 0)[0]
    np.int64(1)
    """
    return _partition(np.argpartition, a, kth, axis, kind, order, True, threads)


cdef cnp.ndarray _topk_by_numpy(cnp.ndarray a, int64_t k, int axis, bint largest, bint in_order, object threads):
    """Return the indices for dtypes that gilkit does not compute with."""
    call_check(threads)
    a = np.moveaxis(a, axis, -1)
    if largest:  # the sort of the reversed array puts the lower of equal items last
        indices = a.shape[a.ndim - 1] - 1 - a[..., ::-1].argsort(-1, "stable")[..., ::-1][..., :k]
    else:
        indices = a.argsort(-1, "stable")[..., :k]
    if not in_order:
        indices.sort(-1)
    return np.moveaxis(indices, -1, axis)


def topk(a, k, *, axis=-1, largest=True, sorted=True, threads=None):
    """Return the k largest or smallest items along an axis, and their indices.

    Parameters
    ----------
    a : array_like
        bool, integers, float32 or float64, of any layout and byte order. Arrays of other dtypes that have an order are
        sorted by NumPy.
    k : int
        The number of items, from 0 to the length of the axis.
    axis : int or None, default -1
        The axis to look along. None looks at the flattened array.
    largest : bool, default True
        Whether to return the largest items. Otherwise, the smallest.
    sorted : bool, default True
        Whether the items come in order, starting with the largest or smallest. Otherwise they come in the order in
        which they are in *a*.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    values : numpy.ndarray
        Of a's dtype. The axis has the length *k*.
    indices : numpy.ndarray
        int64, of the same shape: the positions of the values along the axis. Both are the same for any number of
        threads.

    Raises
    ------
    ValueError
        For a *k* that is negative or exceeds the length of the axis.
    TypeError
        For dtypes that have no order, and for masked arrays with masked elements.
    numpy.exceptions.AxisError
        For an axis that *a* does not have.

    Notes
    -----
    As in NumPy's sorts, NaN is greater than every number, so NaNs are the first of the largest items, and the last of
    the smallest ones. Of equal items, those with the lower indices are taken, and come first. Zeros of either sign are
    equal, and so are all NaNs.

    A long slice is read twice: once to count the items on either side of a bound from a sample, and once to collect
    those that may be among the k. Scratch memory is 16 bytes for each of these, which are all items if *k* is more than
    half of the slice.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to *a* during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.topk([3.0, 9.0, 1.0, 9.0], 2)
    TopKResult(values=array([9., 9.]), indices=array([1, 3]))
    """
    cdef cnp.ndarray array = kept(as_array(a, "a"), k, axis, threads), src = as_supported(array, "a"), dst
    cdef int along, status, reverse = bool(largest), in_order = bool(sorted)
    cdef cnp.npy_intp wanted
    cdef gk_type type
    cdef gk_slices slices
    cdef Call call
    if axis is None:
        array, axis = array.reshape(-1), 0
        src = None if src is None else src.reshape(-1)
    along = any_axis(axis, array.ndim)
    wanted = integer(k, "k", 0, array.shape[along])
    if src is None:
        dst = _topk_by_numpy(array, wanted, along, reverse, in_order, threads)
    else:
        type = type_of(cnp.PyArray_TYPE(src))
        if src.ndim == 1:
            dst = cnp.PyArray_EMPTY(1, &wanted, cnp.NPY_INT64, 0)
        else:  # the kernel writes the k positions of a slice side by side
            shape = np.shape(src)
            dst = np.moveaxis(np.empty((*shape[:along], *shape[along + 1:], wanted), np.int64), -1, along)
        fill_slices(&slices, src, dst, along)
        call_begin(&call, threads)
        if wanted > 0:
            with nogil:
                status = gk_topk(cnp.PyArray_BYTES(src), cnp.PyArray_BYTES(dst), &slices, type, wanted, reverse,
                                 in_order, &leaves, &call.options)
        else:
            status = 0
        call_end(&call, status)
    return TopKResult(array[dst] if array.ndim == 1 else np.take_along_axis(array, dst, along), dst)
