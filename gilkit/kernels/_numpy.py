"""NumPy's functions and types as they are when gilkit's kernels are imported.

A program may replace NumPy's functions with gilkit's (``numpy.histogram = gilkit.histogram``). Looking
``numpy.histogram`` up at each call would then recurse endlessly, so kernels use the names of this module.

``numpy.ma`` and ``numpy.random`` are not among them: importing them takes longer than the rest of gilkit.
"""

from typing import Any as _Any

import numpy as _numpy
from numpy import __version__ as __version__
from numpy import abs as abs
from numpy import add as add
from numpy import all as all
from numpy import arange as arange
from numpy import argmax as argmax
from numpy import argmin as argmin
from numpy import argpartition as argpartition
from numpy import argsort as argsort
from numpy import array as array
from numpy import array_equal as array_equal
from numpy import asarray as asarray
from numpy import bincount as bincount
from numpy import bool_ as bool_
from numpy import broadcast as broadcast
from numpy import broadcast_shapes as broadcast_shapes
from numpy import broadcast_to as broadcast_to
from numpy import can_cast as can_cast
from numpy import clip as clip
from numpy import compress as compress
from numpy import concatenate as concatenate
from numpy import copyto as copyto
from numpy import corrcoef as corrcoef
from numpy import count_nonzero as count_nonzero
from numpy import cov as cov
from numpy import cumprod as cumprod
from numpy import cumsum as cumsum
from numpy import diagonal as diagonal
from numpy import diff as diff
from numpy import digitize as digitize
from numpy import dot as dot
from numpy import dtype as dtype
from numpy import empty as empty
from numpy import empty_like as empty_like
from numpy import errstate as errstate
from numpy import expand_dims as expand_dims
from numpy import extract as extract
from numpy import finfo as finfo
from numpy import flatnonzero as flatnonzero
from numpy import float32 as float32
from numpy import float64 as float64
from numpy import floating as floating
from numpy import floor as floor
from numpy import full as full
from numpy import generic as generic
from numpy import histogram as histogram
from numpy import histogram2d as histogram2d
from numpy import histogram_bin_edges as histogram_bin_edges
from numpy import histogramdd as histogramdd
from numpy import iinfo as iinfo
from numpy import inf as inf
from numpy import int32 as int32
from numpy import int64 as int64
from numpy import integer as integer
from numpy import interp as interp
from numpy import invert as invert
from numpy import iscomplexobj as iscomplexobj
from numpy import isfinite as isfinite
from numpy import isin as isin
from numpy import isinf as isinf
from numpy import isnan as isnan
from numpy import iterable as iterable
from numpy import maximum as maximum
from numpy import may_share_memory as may_share_memory
from numpy import memmap as memmap
from numpy import minimum as minimum
from numpy import moveaxis as moveaxis
from numpy import multiply as multiply
from numpy import nan as nan
from numpy import nancumprod as nancumprod
from numpy import nancumsum as nancumsum
from numpy import ndarray as ndarray
from numpy import ndim as ndim
from numpy import negative as negative
from numpy import nonzero as nonzero
from numpy import not_equal as not_equal
from numpy import ones_like as ones_like
from numpy import partition as partition
from numpy import prod as prod
from numpy import ravel as ravel
from numpy import require as require
from numpy import result_type as result_type
from numpy import searchsorted as searchsorted
from numpy import shape as shape
from numpy import signbit as signbit
from numpy import size as size
from numpy import sort as sort
from numpy import sqrt as sqrt
from numpy import subtract as subtract
from numpy import sum as sum
from numpy import take as take
from numpy import take_along_axis as take_along_axis
from numpy import true_divide as true_divide
from numpy import uint64 as uint64
from numpy import unique as unique
from numpy import where as where
from numpy import zeros as zeros
from numpy.exceptions import AxisError as AxisError

NoValue = _numpy._NoValue

# The oldest and newest NumPy whose private functions are known to behave as gilkit expects.
OLDEST, NEWEST = (2, 0), (2, 5)
VERSION = tuple(map(int, _numpy.__version__.split(".")[:2]))

# The same by name, for modules whose own functions shadow NumPy's names.
FUNCTIONS = dict(vars(_numpy))


def of_arrays(name: str) -> _Any:
    """Return NumPy's function without the dispatch to other libraries' arrays, which takes a fifth of the time for a few
    items. For arguments that are arrays of NumPy."""
    return getattr(FUNCTIONS[name], "_implementation", FUNCTIONS[name])


def ascontiguousarray(a: _Any, dtype: _Any = None) -> _Any:
    """Return a contiguous array whose items are aligned. NumPy's function does not copy those that are not."""
    found = FUNCTIONS["ascontiguousarray"](a, dtype)
    return found if found.flags.aligned else found.copy()
