"""Random numbers: NumPy's, from a Philox generator, on all cores."""
import functools

from numpy.random import Generator, Philox, SeedSequence
from numpy.random.bit_generator import ISeedSequence

cimport numpy as cnp
from libc.stdint cimport int64_t, uint64_t

from gilkit._call cimport Call, call_begin, call_end
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport GK_FLOAT32, GK_INT8, check_out, delegate, gk_type, type_of

from gilkit.kernels import _numpy as np

import_core()
cnp.import_array()

cdef cnp.dtype FLOAT64 = np.dtype(np.float64)
cdef tuple INTEGERS = (int, np.integer)
# The lowest and the highest integer of each gk_type.
cdef dict LIMITS = {
    type_of(np.dtype(letter).num): (int(np.iinfo(letter).min), int(np.iinfo(letter).max)) for letter in "bhilqBHILQ"
}

cdef extern from *:
    int gk_uniform_float64 "GK(gk_uniform_float64)" (
        double *out, int64_t n, const uint64_t *key, const gk_options *options) noexcept nogil
    int gk_uniform_float32 "GK(gk_uniform_float32)" (
        float *out, int64_t n, const uint64_t *key, const gk_options *options) noexcept nogil
    int gk_normal_float64 "GK(gk_normal_float64)" (
        double *out, int64_t n, double loc, double scale, const uint64_t *key, const gk_options *options) noexcept nogil
    int gk_normal_float32 "GK(gk_normal_float32)" (
        float *out, int64_t n, float loc, float scale, const uint64_t *key, const gk_options *options) noexcept nogil
    int gk_exponential_float64 "GK(gk_exponential_float64)" (
        double *out, int64_t n, double scale, const uint64_t *key, const gk_options *options) noexcept nogil
    int gk_exponential_float32 "GK(gk_exponential_float32)" (
        float *out, int64_t n, float scale, const uint64_t *key, const gk_options *options) noexcept nogil
    int gk_integers "GK(gk_integers)" (
        void *out, int64_t n, int size, uint64_t low, uint64_t last, const uint64_t *key,
        const gk_options *options) noexcept nogil


# ---- Seeds


def _philox_key(seed):
    """Return the key that numpy.random.Philox derives from a seed. Its counter begins at 0."""
    sequence = seed if isinstance(seed, ISeedSequence) else SeedSequence(seed)
    first, second = sequence.generate_state(2, np.uint64)
    return int(first), int(second)


# A SeedSequence takes longer than filling a short array.
_philox_key_of_integer = functools.lru_cache(maxsize=256)(_philox_key)


cdef int philox_key(object seed, uint64_t *key) except -1:
    key[0], key[1] = _philox_key_of_integer(seed) if type(seed) is int else _philox_key(seed)
    return 0


def generator(seed):
    """Return a NumPy generator that draws the same numbers."""
    return Generator(Philox(seed))


# ---- Arguments


cdef cnp.dtype float_dtype(object dtype):
    cdef cnp.dtype kind = FLOAT64 if dtype is np.float64 else np.dtype(dtype)
    if kind.type_num != cnp.NPY_DOUBLE and kind.type_num != cnp.NPY_FLOAT or not kind.isnative:
        raise TypeError(f"dtype must be float64 or float32, not {kind}")
    return kind


cdef cnp.ndarray to_fill(object size, cnp.dtype dtype, object out):
    """Return `out`, or a new array, as an array of the exact class whose items are in one block of memory."""
    cdef cnp.ndarray target
    if out is None:
        return np.empty(1 if size is None else size, dtype)
    if size is None:
        size = np.shape(out)
    target = check_out(out, tuple(size) if np.iterable(size) else (size,), dtype)
    if not (cnp.PyArray_ISALIGNED(target) and (cnp.PyArray_IS_C_CONTIGUOUS(target)
                                               or cnp.PyArray_IS_F_CONTIGUOUS(target))):
        raise ValueError("out must be C-contiguous or Fortran-contiguous, and aligned")
    return target


cdef object filled(cnp.ndarray result, object size, object out):
    """Return what NumPy returns: `out`, the new array, or a number."""
    if out is not None:
        return out
    return float(result[0]) if size is None else result


cdef bint is_number(object value) noexcept:
    return type(value) is float or type(value) is int


cdef int check_scale(cnp.ndarray scale) except -1:
    if (np.signbit(scale) & ~np.isnan(scale)).any():
        raise ValueError("scale < 0")
    return 0


cdef tuple broadcast_size(object size, object out, tuple shape):
    """Return the shape of a result whose parameters have this shape together."""
    if size is None:
        if out is None:
            return shape
        size = np.shape(out)
    cdef tuple wanted = tuple(size) if np.iterable(size) else (size,)
    if np.broadcast_shapes(wanted, shape) != wanted:
        raise ValueError(f"size {wanted} is not compatible with the shape {shape} of the parameters")
    return wanted


# ---- The functions


cdef enum distribution:
    UNIFORM
    NORMAL
    EXPONENTIAL


cdef int fill(cnp.ndarray result, distribution kind, double loc, double scale, object seed, object threads) except -1:
    cdef void *out = cnp.PyArray_DATA(result)
    cdef int64_t n = cnp.PyArray_SIZE(result)
    cdef bint doubles = cnp.PyArray_ITEMSIZE(result) == 8
    cdef uint64_t key[2]
    cdef int status
    cdef Call call
    philox_key(seed, key)
    call_begin(&call, threads)
    with nogil:
        if kind == NORMAL and doubles:
            status = gk_normal_float64(<double *>out, n, loc, scale, key, &call.options)
        elif kind == NORMAL:
            status = gk_normal_float32(<float *>out, n, <float>loc, <float>scale, key, &call.options)
        elif kind == EXPONENTIAL and doubles:
            status = gk_exponential_float64(<double *>out, n, scale, key, &call.options)
        elif kind == EXPONENTIAL:
            status = gk_exponential_float32(<float *>out, n, <float>scale, key, &call.options)
        elif doubles:
            status = gk_uniform_float64(<double *>out, n, key, &call.options)
        else:
            status = gk_uniform_float32(<float *>out, n, key, &call.options)
    call_end(&call, status)
    return 0


def uniform(shape, *, seed, dtype=np.float64, out=None, threads=None):
    """Return random numbers drawn uniformly from [0, 1).

    Parameters
    ----------
    shape : int or tuple of int
        The shape of the result.
    seed : None, int, sequence of int or numpy.random.SeedSequence
        A seed as for ``numpy.random.Philox``. None draws fresh entropy from the operating system.
    dtype : dtype, default float64
        float64 (multiples of ``2**-53``) or float32 (multiples of ``2**-24``).
    out : numpy.ndarray, optional
        A writable, aligned, C-contiguous array of this shape and dtype, which is filled and returned.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        Bit for bit ``numpy.random.Generator(numpy.random.Philox(seed)).random(shape, dtype)``, for any number of
        threads.

    Raises
    ------
    TypeError
        For other dtypes.
    ValueError
        For an *out* of another shape, and for a negative seed.

    Notes
    -----
    Releases the GIL. Ctrl-C interrupts the call. Thread-safe as long as no other thread uses *out* during the call. The
    reference implementation is ``gilkit.reference.uniform.uniform``.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.uniform(3, seed=7)
    array([0.46881749, 0.42614584, 0.3629817 ])
    """
    cdef cnp.ndarray result = to_fill(() if shape is None else shape, float_dtype(dtype), out)
    if not cnp.PyArray_IS_C_CONTIGUOUS(result):
        raise ValueError("out must be C-contiguous and aligned")
    fill(result, UNIFORM, 0.0, 1.0, seed, threads)
    return result if out is None else out


def random(size=None, dtype=np.float64, out=None, *, seed, threads=None):
    """Return random numbers drawn uniformly from [0, 1), with the arguments of ``numpy.random.Generator.random``.

    Parameters
    ----------
    size : int or tuple of int, optional
        The shape of the result. None: one number, or the shape of *out*.
    dtype : dtype, default float64
        float64 (multiples of ``2**-53``) or float32 (multiples of ``2**-24``).
    out : numpy.ndarray, optional
        A writable, aligned, contiguous array of this shape and dtype, which is filled in the order of its memory.
    seed : None, int, sequence of int or numpy.random.SeedSequence
        A seed as for ``numpy.random.Philox``. None draws fresh entropy from the operating system.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    float or numpy.ndarray
        Bit for bit ``numpy.random.Generator(numpy.random.Philox(seed)).random(size, dtype, out)``, for any number of
        threads.

    Raises
    ------
    TypeError
        For other dtypes.
    ValueError
        For an *out* of another shape, and for a negative seed.

    Notes
    -----
    Releases the GIL. Ctrl-C interrupts the call. Thread-safe as long as no other thread uses *out* during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.random(3, seed=7)
    array([0.46881749, 0.42614584, 0.3629817 ])
    """
    cdef cnp.ndarray result = to_fill(size, float_dtype(dtype), out)
    fill(result, UNIFORM, 0.0, 1.0, seed, threads)
    return filled(result, size, out)


def normal(loc=0.0, scale=1.0, size=None, *, seed, dtype=np.float64, out=None, threads=None):
    """Return random numbers from normal distributions.

    Parameters
    ----------
    loc : float or array_like of float, default 0.0
        The mean.
    scale : float or array_like of float, default 1.0
        The standard deviation, which must not be negative.
    size : int or tuple of int, optional
        The shape of the result. None: that of *out*, or of *loc* and *scale*; one number if these are numbers.
    seed : None, int, sequence of int or numpy.random.SeedSequence
        A seed as for ``numpy.random.Philox``. None draws fresh entropy from the operating system.
    dtype : dtype, default float64
        float64 or float32.
    out : numpy.ndarray, optional
        A writable, aligned, contiguous array of this shape and dtype, which is filled in the order of its memory.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    float or numpy.ndarray
        ``loc + scale * z`` in this dtype, where z is
        ``numpy.random.Generator(numpy.random.Philox(seed)).standard_normal(size, dtype)``, in float64 to 14 digits. So
        in float64 this is the generator's ``normal(loc, scale, size)``. The result is the same for any number of
        threads.

    Raises
    ------
    TypeError
        For other dtypes.
    ValueError
        For a negative *scale*, an *out* of another shape, and a negative seed.

    Notes
    -----
    One number in 80 takes more than one word of the stream, by the ziggurat method. So threads read pieces of the
    stream first and join the numbers afterwards, in 1 MB of scratch memory for each thread, or at most 32 MB.

    Releases the GIL. Ctrl-C interrupts the call. Thread-safe as long as no other thread uses *out* during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.normal(10.0, 0.5, 3, seed=7)
    array([ 9.29821783, 10.42420976, 10.65434013])
    """
    cdef cnp.dtype kind = float_dtype(dtype)
    cdef cnp.ndarray means, scales, result
    cdef double number = 1.0
    if is_number(loc) and is_number(scale):
        number = scale
        if number <= 0.0 and np.signbit(number):
            raise ValueError("scale < 0")
        result = to_fill(size, kind, out)
        fill(result, NORMAL, loc, number, seed, threads)
        return filled(result, size, out)
    means, scales = np.asarray(loc, np.float64), np.asarray(scale, np.float64)
    check_scale(scales)
    if means.ndim == 0 and scales.ndim == 0:
        return normal(float(means), float(scales), size, seed=seed, dtype=kind, out=out, threads=threads)
    size = broadcast_size(size, out, np.broadcast_shapes((<object>means).shape, (<object>scales).shape))
    result = to_fill(size, kind, out)
    fill(result, NORMAL, 0.0, 1.0, seed, threads)
    np.multiply(result, scales.astype(kind, copy=False), out=result)
    np.add(result, means.astype(kind, copy=False), out=result)
    return result if out is None else out


def exponential(scale=1.0, size=None, *, seed, dtype=np.float64, out=None, threads=None):
    """Return random numbers from exponential distributions.

    Parameters
    ----------
    scale : float or array_like of float, default 1.0
        The mean, which must not be negative.
    size : int or tuple of int, optional
        The shape of the result. None: that of *out* or *scale*; one number if *scale* is a number.
    seed : None, int, sequence of int or numpy.random.SeedSequence
        A seed as for ``numpy.random.Philox``. None draws fresh entropy from the operating system.
    dtype : dtype, default float64
        float64 or float32.
    out : numpy.ndarray, optional
        A writable, aligned, contiguous array of this shape and dtype, which is filled in the order of its memory.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    float or numpy.ndarray
        ``scale * x`` in this dtype, where x is
        ``numpy.random.Generator(numpy.random.Philox(seed)).standard_exponential(size, dtype)``, in float32 up to the
        last digit. So in float64 this is the generator's ``exponential(scale, size)``. The result is the same for any
        number of threads.

    Raises
    ------
    TypeError
        For other dtypes.
    ValueError
        For a negative *scale*, an *out* of another shape, and a negative seed.

    Notes
    -----
    Method and memory are those of ``gilkit.normal``. Releases the GIL. Ctrl-C interrupts the call. Thread-safe as long
    as no other thread uses *out* during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.exponential(2.0, 3, seed=7)
    array([4.63077012, 1.02928699, 0.79828285])
    """
    cdef cnp.dtype kind = float_dtype(dtype)
    cdef cnp.ndarray scales, result
    cdef double number
    if is_number(scale):
        number = scale
        if number <= 0.0 and np.signbit(number):
            raise ValueError("scale < 0")
        result = to_fill(size, kind, out)
        fill(result, EXPONENTIAL, 0.0, number, seed, threads)
        return filled(result, size, out)
    scales = np.asarray(scale, np.float64)
    check_scale(scales)
    if scales.ndim == 0:
        return exponential(float(scales), size, seed=seed, dtype=kind, out=out, threads=threads)
    size = broadcast_size(size, out, (<object>scales).shape)
    result = to_fill(size, kind, out)
    fill(result, EXPONENTIAL, 0.0, 1.0, seed, threads)
    np.multiply(result, scales.astype(kind, copy=False), out=result)
    return result if out is None else out


def integers(low, high=None, size=None, dtype=np.int64, endpoint=False, *, seed, threads=None):
    """Return random integers from ``low`` to ``high``, all equally likely.

    Parameters
    ----------
    low : int or array_like of int
        The lowest integer; if *high* is None, the end of the range, which then begins at 0.
    high : int or array_like of int, optional
        The end of the range, which is not drawn unless *endpoint* is True.
    size : int or tuple of int, optional
        The shape of the result. None: one number, or the shape of *low* and *high* together.
    dtype : dtype, default int64
        An integer type or bool, in native byte order.
    endpoint : bool, default False
        Whether *high* is among the results.
    seed : None, int, sequence of int or numpy.random.SeedSequence
        A seed as for ``numpy.random.Philox``. None draws fresh entropy from the operating system.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    int or numpy.ndarray
        Equal to ``numpy.random.Generator(numpy.random.Philox(seed)).integers(low, high, size, dtype, endpoint)``, for
        any number of threads.

    Raises
    ------
    TypeError
        For other dtypes.
    ValueError
        For an empty range, a range that does not fit into the dtype, and a negative seed.

    Notes
    -----
    NumPy draws arrays of bool, and ranges that are arrays, on one core.

    Releases the GIL. Ctrl-C interrupts the call. Thread-safe. The reference implementation is
    ``gilkit.reference.integers.integers``.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.integers(1, 6, 10, endpoint=True, seed=7)
    array([2, 3, 6, 3, 1, 3, 5, 2, 2, 1])
    """
    cdef cnp.ndarray result
    cdef uint64_t key[2], first, range
    cdef cnp.dtype kind = np.dtype(dtype)
    cdef gk_type type = type_of(kind.type_num)
    cdef int status
    cdef Call call
    begin, end = (0, low) if high is None else (low, high)
    if not (size is not None and GK_INT8 <= type < GK_FLOAT32 and kind.isnative
            and isinstance(begin, INTEGERS) and isinstance(end, INTEGERS)):
        return delegate(generator(seed).integers, (low, high, size, dtype, endpoint), {}, threads)
    lowest, highest = int(begin), int(end) if endpoint else int(end) - 1
    if not LIMITS[<int>type][0] <= lowest <= highest <= LIMITS[<int>type][1]:  # NumPy raises the error
        return delegate(generator(seed).integers, (low, high, size, dtype, endpoint), {}, threads)
    first, range = lowest & 0xffffffffffffffff, highest - lowest
    result = np.empty(size, kind)
    philox_key(seed, key)
    call_begin(&call, threads)
    with nogil:
        status = gk_integers(cnp.PyArray_DATA(result), cnp.PyArray_SIZE(result), <int>cnp.PyArray_ITEMSIZE(result),
                             first, range, key, &call.options)
    call_end(&call, status)
    return result
