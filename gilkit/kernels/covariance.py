"""NumPy's cov and corrcoef."""

from __future__ import annotations

from typing import Any

from gilkit.kernels import _numpy as np
from gilkit.kernels._arrays import dispatched, is_short, numbers, numpys

_SHORT = 1 << 16  # NumPy needs no longer for this many items
_cov_of_arrays, _corrcoef_of_arrays = np.of_arrays("cov"), np.of_arrays("corrcoef")


def _centred(m: Any, y: Any, rowvar: Any, dtype: Any, threads: Any) -> Any:
    """Return the variables minus their means, as rows in the layout that NumPy uses, or None if NumPy must compute."""
    if dispatched(m, y) or dtype is not None:
        return None
    x = numbers(m, "m")
    if x.dtype != np.float64 or x.ndim not in (1, 2) or x.size <= _SHORT:
        return None
    if not (x.flags.c_contiguous or x.flags.f_contiguous):
        x = np.array(x)  # as NumPy does: the order in which numbers are added depends on their order in memory
    one_row = x.ndim == 1
    x = np.array(x, ndmin=2, copy=None)
    if not rowvar and not one_row:
        x = x.T
    if y is not None:
        y = numbers(y, "y")
        if y.dtype != np.float64 or y.ndim not in (1, 2):
            return None
        y = np.array(y, ndmin=2, copy=None)
        if not rowvar and y.shape[0] != 1:
            y = y.T
        if y.shape[1] != x.shape[1]:
            return None
        x = np.concatenate((x, y), axis=0)
    means = np.add.reduce(x, axis=1) / x.shape[1]
    # On one core: new memory is the bottleneck, and dividing the work took longer wherever it was measured.
    return numpys(np.subtract, (x, means[:, None]), {}, threads)


def cov(
    m: Any,
    y: Any = None,
    rowvar: Any = True,
    bias: Any = False,
    ddof: Any = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
    threads: Any = None,
) -> Any:
    """Return the covariance matrix of several variables.

    Parameters
    ----------
    m : array_like
        Of one or two dimensions: one variable in each row. gilkit computes with float64, and NumPy with other dtypes.
    y : array_like, optional
        Further variables, with as many observations.
    rowvar : bool, default True
        Whether the rows are the variables. Otherwise, the columns are.
    bias : bool, default False
        Whether to divide by the number of observations n instead of n - 1.
    ddof : int, optional
        Divide by n - ddof, whatever *bias* says.
    fweights, aweights : array_like, optional
        How often each observation occurs, and its importance; left to NumPy.
    dtype : data-type, optional
        The type to compute in; left to NumPy.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``. It does not apply to the product of matrices.

    Returns
    -------
    numpy.ndarray
        Of shape (variables, variables), or without dimensions for one variable.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        Where ``numpy.cov`` raises them.

    Notes
    -----
    The bits are NumPy's. The means are subtracted on one core, without copying the array first. NumPy's BLAS computes
    the product of matrices. Subclasses of ``numpy.ndarray`` and objects with ``__array_function__`` get the result of
    ``numpy.cov``.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.cov([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]])
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    if y is None and fweights is None and aweights is None and dtype is None and is_short(m, _SHORT, threads):
        return _cov_of_arrays(m, None, rowvar, bias, ddof)
    x = None
    divisor = (1 if bias == 0 else 0) if ddof is None else ddof
    if fweights is None and aweights is None and type(divisor) is int:
        x = _centred(m, y, rowvar, dtype, threads)
    if x is None or x.shape[1] <= divisor:
        keywords = {} if dtype is None else {"dtype": dtype}
        return numpys(np.cov, (m, y, rowvar, bias, ddof, fweights, aweights), keywords, threads)
    c = np.dot(x, x.T)
    c *= np.true_divide(1, x.shape[1] - divisor)
    return c.squeeze()


def corrcoef(x: Any, y: Any = None, rowvar: Any = True, *, dtype: Any = None, threads: Any = None) -> Any:
    """Return the correlation coefficients of several variables.

    Parameters
    ----------
    x : array_like
        Of one or two dimensions: one variable in each row. gilkit computes with float64, and NumPy with other dtypes.
    y : array_like, optional
        Further variables, with as many observations.
    rowvar : bool, default True
        Whether the rows are the variables. Otherwise, the columns are.
    dtype : data-type, optional
        The type to compute in; left to NumPy.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``. It does not apply to the product of matrices.

    Returns
    -------
    numpy.ndarray
        Of shape (variables, variables), or without dimensions for one variable.

    Notes
    -----
    The notes of ``gilkit.cov`` apply.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.corrcoef([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]])
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    if y is None and dtype is None and is_short(x, _SHORT, threads):
        return _corrcoef_of_arrays(x, None, rowvar)
    if dispatched(x, y) or dtype is not None or np.ndim(x) not in (1, 2) or np.size(x) <= _SHORT:
        keywords = {} if dtype is None else {"dtype": dtype}
        return numpys(np.corrcoef, (x, y, rowvar), keywords, threads)
    c = cov(x, y, rowvar, threads=threads)
    if c.ndim == 0:
        return c / c
    deviations = np.sqrt(np.diagonal(c).real)
    c /= deviations[:, None]
    c /= deviations[None, :]
    np.clip(c.real, -1, 1, out=c.real)
    if np.iscomplexobj(c):
        np.clip(c.imag, -1, 1, out=c.imag)
    return c
