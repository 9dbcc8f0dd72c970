"""Checks of array arguments, shared by the kernels on arrays."""
cimport numpy as cnp
from libc.stdint cimport int64_t

cdef extern from "kernels/array/dtype.h":
    ctypedef enum gk_type:
        GK_BOOL
        GK_INT8
        GK_UINT8
        GK_INT16
        GK_UINT16
        GK_INT32
        GK_UINT32
        GK_INT64
        GK_UINT64
        GK_FLOAT32
        GK_FLOAT64
        GK_TYPES

cdef enum:
    MAX_DIMS = 64  # NumPy's limit

# The gk_type of NumPy's type number; GK_TYPES for other types.
cdef gk_type type_of(int type_num) noexcept nogil

# Whether the kernels can read the array where it is: one of their types, in
# native byte order, aligned.
cdef bint is_plain(cnp.ndarray a) noexcept

# Whether, besides, its elements lie side by side in C or Fortran order.
cdef bint is_flat(cnp.ndarray a) noexcept

# An array that is_plain() from the argument `name`: NumPy's conversion of what
# is no array, a copy where byte order or alignment ask for one.
# TypeError for other types and for masked arrays.
cdef cnp.ndarray as_input(object value, str name)

# mask[i] = 1 for each axis that `axis` (None, an integer, a tuple of integers)
# names, else 0. Errors as NumPy's.
cdef int axis_mask(object axis, int ndim, char *mask) except -1

# One axis, from 0. Errors as NumPy's.
cdef int one_axis(object axis, int ndim) except -1

# Raises unless `out` is a writable array of this shape and dtype.
cdef int check_out(object out, tuple shape, cnp.dtype dtype) except -1

# Whether the memory of the two may overlap (their bounds do).
cdef bint may_overlap(cnp.ndarray a, cnp.ndarray b)
