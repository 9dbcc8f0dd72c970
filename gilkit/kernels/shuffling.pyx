"""Random permutations and samples, on all cores."""
import operator

cimport numpy as cnp
from libc.stdint cimport int64_t, uint64_t

from gilkit._call cimport Call, call_begin, call_end
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport any_axis, delegate
from gilkit.kernels.random cimport philox_key

from gilkit.kernels import _numpy as np
from gilkit.kernels.indexing import take
from gilkit.kernels.random import generator, integers, random
from gilkit.kernels.searching import searchsorted

import_core()
cnp.import_array()

cdef extern from "kernels/random/shuffle.h":
    enum:
        GK_SHUFFLE_SHORT

cdef extern from *:
    int gk_permutation "GK(gk_permutation)" (
        const void *items, void *to, int64_t n, int size, const uint64_t *key, const gk_options *options) noexcept nogil
    int gk_shuffle "GK(gk_shuffle)" (
        void *items, int64_t n, int size, const uint64_t *key, const gk_options *options) noexcept nogil


cdef bint is_movable(cnp.ndarray a):
    """Whether C code can move the items of the array: one-dimensional and contiguous, of 1, 2, 4, 8 or 16 bytes."""
    cdef cnp.npy_intp size = cnp.PyArray_ITEMSIZE(a)
    return (a.ndim == 1 and cnp.PyArray_IS_C_CONTIGUOUS(a) and size in (1, 2, 4, 8, 16) and not a.dtype.hasobject
            and <size_t>cnp.PyArray_DATA(a) % <size_t>min(size, 8) == 0)


cdef cnp.ndarray permuted(object items, int64_t n, object seed, object threads):
    """Return a permutation of the items of an array that is_movable(), or of the integers from 0 to n - 1."""
    cdef cnp.ndarray result = np.empty(n, np.int64 if items is None else items.dtype)
    cdef const void *source = NULL if items is None else cnp.PyArray_DATA(<cnp.ndarray>items)
    cdef uint64_t key[2]
    cdef int status
    cdef Call call
    philox_key(seed, key)
    call_begin(&call, threads)
    with nogil:
        status = gk_permutation(source, cnp.PyArray_DATA(result), n, <int>cnp.PyArray_ITEMSIZE(result), key,
                                &call.options)
    call_end(&call, status)
    return result


def permutation(x, axis=0, *, seed, threads=None):
    """Return the items of an array, or a range of integers, in random order.

    Parameters
    ----------
    x : int or array_like
        An integer n: the integers from 0 to n - 1 are permuted. An array of any shape and dtype: a copy is permuted.
    axis : int, default 0
        The axis along which the array is permuted. All of its slices are permuted in the same way.
    seed : None, int, sequence of int or numpy.random.SeedSequence
        A seed as for ``numpy.random.Philox``. None draws fresh entropy from the operating system.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        int64 for an integer *x*, otherwise of x's shape and dtype.

    Raises
    ------
    numpy.exceptions.AxisError
        For an axis that *x* does not have.
    ValueError
        For a negative seed.

    Notes
    -----
    All permutations are equally likely. The result depends only on the seed and on the number of items. Up to 32,768
    items are permuted as by ``numpy.random.Generator(numpy.random.Philox(seed)).permutation``, with equal results. With
    more items, each item first goes to a random bucket, and then each bucket is shuffled in the cache. Arrays with more
    than one axis, and arrays that are not contiguous or have items of other sizes than 1, 2, 4, 8 or 16 bytes, are
    indexed by a permutation of integers with ``gilkit.take``.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to *x* during the call. The reference
    implementation is ``gilkit.reference.shuffle.permutation``.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.permutation(5, seed=7)
    array([1, 0, 4, 2, 3])
    """
    if type(x) is int and 0 <= x < 2**63:
        return permuted(None, x, seed, threads)
    cdef cnp.ndarray a = np.arange(x) if isinstance(x, (int, np.integer)) else np.asarray(x)
    cdef int along = any_axis(axis, a.ndim)
    if is_movable(a):
        return permuted(a, a.shape[0], seed, threads)
    return take(a, permuted(None, a.shape[along], seed, threads), along, threads=threads)


def shuffle(x, axis=0, *, seed, threads=None):
    """Put the items of an array into random order, in place.

    Parameters
    ----------
    x : numpy.ndarray or mutable sequence
        An array of any shape and dtype. NumPy shuffles lists and other sequences, and subclasses of arrays.
    axis : int, default 0
        The axis along which the array is shuffled. All of its slices are shuffled in the same way.
    seed : None, int, sequence of int or numpy.random.SeedSequence
        A seed as for ``numpy.random.Philox``. None draws fresh entropy from the operating system.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    None

    Raises
    ------
    TypeError
        For an array without dimensions, and for an *x* without a length.
    ValueError
        For a read-only array, and for a negative seed.
    numpy.exceptions.AxisError
        For an axis that *x* does not have.

    Notes
    -----
    The new order is that of ``gilkit.permutation``, with the same seed. An array of more than 32,768 items is copied
    first. If the call ends early, the array has either its old order or the new one.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may use *x* during the call.

    Examples
    --------
    >>> import gilkit
    >>> import numpy as np
    >>> a = np.arange(5)
    >>> gilkit.shuffle(a, seed=7)
    >>> a
    array([1, 0, 4, 2, 3])
    """
    cdef cnp.ndarray a
    cdef uint64_t key[2]
    cdef int along, status
    cdef int64_t n
    cdef Call call
    if isinstance(x, np.memmap):
        x = x.view(np.ndarray)
    if not cnp.PyArray_CheckExact(x):
        delegate(generator(seed).shuffle, (x, axis), {}, threads)
        return
    n = len(x)  # TypeError without dimensions
    a = x
    if not cnp.PyArray_ISWRITEABLE(a):
        raise ValueError("x must be writable, but it is read-only")
    along = any_axis(axis, a.ndim)
    if not is_movable(a):
        a[...] = take(a, permuted(None, a.shape[along], seed, threads), along, threads=threads)
        return
    philox_key(seed, key)
    call_begin(&call, threads)
    with nogil:
        status = gk_shuffle(cnp.PyArray_DATA(a), n, <int>cnp.PyArray_ITEMSIZE(a), key, &call.options)
    call_end(&call, status)


cdef object checked_cdf(object p, int64_t population):
    """Return the cumulative probabilities, or None if NumPy must check them."""
    cdef cnp.ndarray given = np.ascontiguousarray(p, np.float64)
    if given.ndim != 1 or given.shape[0] != population or not (given >= 0).all():
        return None
    if not abs(given.sum() - 1) < 1e-9:  # NumPy accepts more, depending on the dtype
        return None
    cdf = given.cumsum()
    cdf /= cdf[population - 1]
    return cdf


def choice(a, size=None, replace=True, p=None, axis=0, shuffle=True, *, seed, threads=None):
    """Return random items of an array or a range of integers.

    Parameters
    ----------
    a : int or array_like
        An integer n: the integers from 0 to n - 1 are chosen from. An array: its slices along *axis* are chosen from.
    size : int or tuple of int, optional
        The shape of the result, whose items are slices of *a*. None: a single one.
    replace : bool, default True
        Whether the same item may be chosen more than once.
    p : array_like of float, optional
        The probability of each item. By default, all are equally likely.
    axis : int, default 0
        The axis of *a* to choose from.
    shuffle : bool, default True
        Whether the order of a sample without replacement must be random, too.
    seed : None, int, sequence of int or numpy.random.SeedSequence
        A seed as for ``numpy.random.Philox``. None draws fresh entropy from the operating system.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    int, item of a, or numpy.ndarray
        With replacement, and for samples of up to 32,768 items, the result is that of
        ``numpy.random.Generator(numpy.random.Philox(seed)).choice``.

    Raises
    ------
    ValueError
        For an empty *a*, a sample without replacement of more items than there are, wrong probabilities, and a negative
        seed.
    IndexError
        For an axis that *a* does not have.

    Notes
    -----
    A sample without replacement and without probabilities, of more than 32,768 items and more than a fiftieth of all
    (a twentieth with ``shuffle=False``), is the beginning of ``gilkit.permutation``. Other samples without replacement
    are drawn by NumPy, on one core.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to *a* or *p* during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.choice(["red", "green", "blue"], 4, seed=7)
    array(['red', 'green', 'blue', 'green'], dtype='<U5')
    """
    cdef int64_t n
    items = np.asarray(a)
    chosen = None
    if size is not None and not (type(size) is tuple and not size) and (items.ndim > 0 or items.dtype.kind in "iu"):
        population = items.shape[axis] if items.ndim else operator.index(items.item())
        if 0 < population < 2**63 and replace:
            if p is None:
                chosen = integers(0, population, size, seed=seed, threads=threads)
            else:
                cdf = checked_cdf(p, population)
                if cdf is not None:
                    chosen = searchsorted(cdf, random(size, seed=seed, threads=threads), "right", threads=threads)
        elif GK_SHUFFLE_SHORT < population < 2**63 and p is None:
            n = np.prod(size, dtype=np.int64)
            if max(GK_SHUFFLE_SHORT, population // (50 if shuffle else 20)) < n <= population:
                chosen = permuted(None, population, seed, threads)[:n].reshape(size)
    if chosen is None:
        return delegate(generator(seed).choice, (a, size, replace, p, axis, shuffle), {}, threads)
    return take(items, chosen, axis, threads=threads) if items.ndim else chosen
