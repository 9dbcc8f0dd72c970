"""Random numbers."""
import functools

cimport numpy as cnp
from libc.stdint cimport uint64_t

from gilkit._call cimport Call, call_begin, call_end
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport check_out

from gilkit.kernels import _numpy as np

import_core()
cnp.import_array()

SEED_SEQUENCE = np.ISeedSequence

cdef extern from *:
    int gk_uniform_float64 "GK(gk_uniform_float64)" (
        double *out, cnp.int64_t n, const uint64_t *key, const gk_options *options) noexcept nogil
    int gk_uniform_float32 "GK(gk_uniform_float32)" (
        float *out, cnp.int64_t n, const uint64_t *key, const gk_options *options) noexcept nogil


def _philox_key(seed):
    """Return the key that numpy.random.Philox derives from a seed. Its counter begins at 0."""
    sequence = seed if isinstance(seed, SEED_SEQUENCE) else np.SeedSequence(seed)
    first, second = sequence.generate_state(2, np.uint64)
    return int(first), int(second)


# A SeedSequence takes longer than filling a short array.
_philox_key_of_integer = functools.lru_cache(maxsize=256)(_philox_key)


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
    cdef cnp.ndarray result
    cdef uint64_t key[2]
    cdef int status
    cdef Call call

    kind = np.dtype(dtype)
    if kind != np.float64 and kind != np.float32:
        raise TypeError(f"dtype must be float64 or float32, not {kind}")
    if out is None:
        result = out = np.empty(shape, kind)
    else:
        result = check_out(out, tuple(shape) if np.iterable(shape) else (shape,), kind)
        if not (cnp.PyArray_IS_C_CONTIGUOUS(result) and cnp.PyArray_ISALIGNED(result)):
            raise ValueError("out must be C-contiguous and aligned")
    key[0], key[1] = _philox_key_of_integer(seed) if type(seed) is int else _philox_key(seed)
    call_begin(&call, threads)
    with nogil:
        if cnp.PyArray_ITEMSIZE(result) == 8:
            status = gk_uniform_float64(
                <double *>cnp.PyArray_DATA(result), cnp.PyArray_SIZE(result), key, &call.options)
        else:
            status = gk_uniform_float32(<float *>cnp.PyArray_DATA(result), cnp.PyArray_SIZE(result), key, &call.options)
    call_end(&call, status)
    return out
