"""Which elements: argmin, argmax, nanargmin, nanargmax, any, all and count_nonzero, as NumPy's."""
from gilkit.kernels._reduce cimport (
    GK_ARGMAX, GK_ARGMIN, GK_COUNT_NONZERO, GK_NANARGMAX, GK_NANARGMIN, declare, given, gk_reduction, reduce,
    reduce_with,
)

cimport numpy as cnp

from gilkit.kernels._arrays cimport delegate

from gilkit.kernels import _numpy as np
from gilkit.kernels._docstrings import complete

cnp.import_array()

cdef extern from "kernels/reduce/reduce.h":
    gk_reduction GK_ANY
    gk_reduction GK_ALL

declare(GK_ARGMIN, "argmin")
declare(GK_ARGMAX, "argmax")
declare(GK_NANARGMIN, "nanargmin")
declare(GK_NANARGMAX, "nanargmax")
declare(GK_COUNT_NONZERO, "count_nonzero")
declare(GK_ANY, "any")
declare(GK_ALL, "all")

cdef enum:
    # NumPy's loop is the fastest one on one thread. With fewer bytes than these, a second thread does not help.
    FROM_ITEMS = 10_000
    TO_BYTES = 1 << 20

cdef bint COUNTS_ARE_INTS = type(np.count_nonzero(np.zeros(0))) is int  # before NumPy 2.4


cdef object position(gk_reduction what, object function, object a, object axis, object out, object keepdims,
                     object threads):
    if (axis is None and out is None and keepdims is False and cnp.PyArray_CheckExact(a)
            and cnp.PyArray_SIZE(a) > FROM_ITEMS and cnp.PyArray_NBYTES(a) <= TO_BYTES
            and cnp.PyArray_IS_C_CONTIGUOUS(a)):
        return delegate(function, (a,), {}, threads)
    return reduce(what, a, axis, out, keepdims, 0, threads)


def argmin(a, axis=None, out=None, *, keepdims=False, threads=None):
    """Return the index of the first smallest element along an axis.

    {parameters}

    Returns
    -------
    int or numpy.ndarray of int
        int64 (intp). Without *axis*, an index into the elements in C order.

    {raises}

    Notes
    -----
    A NaN is smaller than any number.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> gilkit.argmin([[3.0, 1.0], [1.0, 2.0]])
    np.int64(1)
    >>> gilkit.argmin([[3.0, 1.0], [1.0, 2.0]], axis=0)
    array([1, 0])
    """
    return position(GK_ARGMIN, np.argmin, a, axis, out, keepdims, threads)


def argmax(a, axis=None, out=None, *, keepdims=False, threads=None):
    """Return the index of the first largest element along an axis.

    {parameters}

    Returns
    -------
    int or numpy.ndarray of int
        int64 (intp). Without *axis*, an index into the elements in C order.

    {raises}

    Notes
    -----
    A NaN is larger than any number.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> gilkit.argmax([[3.0, 1.0], [1.0, 2.0]], axis=1)
    array([0, 1])
    """
    return position(GK_ARGMAX, np.argmax, a, axis, out, keepdims, threads)


def nanargmin(a, axis=None, out=None, *, keepdims=False, threads=None):
    """Return the index of the first smallest element that is not NaN along an axis.

    {parameters}

    Returns
    -------
    int or numpy.ndarray of int
        int64 (intp). Without *axis*, an index into the elements in C order.

    {raises}

    Notes
    -----
    If the smallest number is infinite, NumPy computes the result, because there may be nothing but NaNs.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> gilkit.nanargmin([np.nan, 2.0, 1.0])
    np.int64(2)
    """
    return reduce(GK_NANARGMIN, a, axis, out, keepdims, 0, threads)


def nanargmax(a, axis=None, out=None, *, keepdims=False, threads=None):
    """Return the index of the first largest element that is not NaN along an axis.

    {parameters}

    Returns
    -------
    int or numpy.ndarray of int
        int64 (intp). Without *axis*, an index into the elements in C order.

    {raises}

    Notes
    -----
    If the largest number is infinite, NumPy computes the result, because there may be nothing but NaNs.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> gilkit.nanargmax([np.nan, 2.0, 1.0])
    np.int64(1)
    """
    return reduce(GK_NANARGMAX, a, axis, out, keepdims, 0, threads)


def any(a, axis=None, out=None, keepdims=False, *, where=True, threads=None):
    """Return whether any element is not 0 along one or more axes.

    {parameters}

    Returns
    -------
    bool or numpy.ndarray of bool

    {raises}

    Notes
    -----
    NaN is not 0. The search ends on all threads as soon as the result is known.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> gilkit.any([[0.0, 0.0], [np.nan, 0.0]], axis=0)
    array([ True, False])
    """
    if where is not True:
        return reduce_with(GK_ANY, a, axis, out, keepdims, 0, threads, given(None, np.NoValue, where))
    return reduce(GK_ANY, a, axis, out, keepdims, 0, threads)


def all(a, axis=None, out=None, keepdims=False, *, where=True, threads=None):
    """Return whether no element is 0 along one or more axes.

    {parameters}

    Returns
    -------
    bool or numpy.ndarray of bool

    {raises}

    Notes
    -----
    NaN is not 0. The search ends on all threads as soon as the result is known.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> gilkit.all([[1.0, 0.0], [np.nan, 2.0]], axis=0)
    array([ True, False])
    """
    if where is not True:
        return reduce_with(GK_ALL, a, axis, out, keepdims, 0, threads, given(None, np.NoValue, where))
    return reduce(GK_ALL, a, axis, out, keepdims, 0, threads)


def count_nonzero(a, axis=None, *, keepdims=False, threads=None):
    """Return the number of elements that are not 0 along one or more axes.

    {parameters}

    Returns
    -------
    int or numpy.ndarray of int
        int64 (intp).

    {raises}

    Notes
    -----
    NaN is not 0.

    {notes}

    Examples
    --------
    >>> import gilkit
    >>> gilkit.count_nonzero([[0, 1], [2, 3]], axis=0)
    array([1, 2])
    """
    number = reduce(GK_COUNT_NONZERO, a, axis, None, keepdims, 0, threads)
    return int(number) if COUNTS_ARE_INTS and axis is None and not keepdims else number


for _function in (argmin, argmax, nanargmin, nanargmax, any, all, count_nonzero):
    complete(_function, can_warn=False, can_be_empty="arg" not in _function.__name__)
