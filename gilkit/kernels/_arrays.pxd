"""Checks of array arguments, shared by the kernels on arrays.

A subclass of NumPy's array may say anything in its attributes (`shape`, `dtype`,
`flags`, `transpose`, ...). So kernels see arrays of NumPy's own class alone:
as_array() and check_out() return views of that class, whose attributes NumPy
itself computes from the array's fields in C.
"""
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

# The argument `name` as an array of NumPy's own class: NumPy's conversion, or a
# view of a subclass's memory. TypeError for subclasses that mean more than their
# numbers: masked elements, an __array_function__ of their own.
cdef cnp.ndarray as_array(object value, str name)

# The same as an array that is_plain(), copied where byte order or alignment ask
# for it. TypeError for other types.
cdef cnp.ndarray as_input(object value, str name)

# Whether NumPy's own function must compute the result for this argument, as it
# does what the argument's type asks for: __array_function__, a subclass's
# methods, or its method of this name where NumPy's function calls that.
cdef bint is_for_numpy(object value, str method) except -1

# The same for `out`.
cdef bint out_is_for_numpy(object out) except -1

# function(*arguments, **keywords), NumPy's own, once threads= and the `with`
# blocks in force have been looked at.
cdef object delegate(object function, tuple arguments, dict keywords, object threads)

# The dtype of a sum of a's elements, NumPy's.
cdef cnp.dtype sum_dtype(cnp.ndarray a)

# mask[i] = 1 for each axis that `axis` (None, an integer, a tuple of integers)
# names, else 0. Errors as NumPy's.
cdef int axis_mask(object axis, int ndim, char *mask) except -1

# One axis, from 0. Errors as NumPy's, bool is none.
cdef int one_axis(object axis, int ndim) except -1

# The same of an axis that NumPy takes a bool for.
cdef int any_axis(object axis, int ndim) except -1

# The memory of `out` as an array of NumPy's own class. Raises unless it is a
# writable array of this shape and dtype.
cdef cnp.ndarray check_out(object out, tuple shape, cnp.dtype dtype)

# Whether the memory of the two may overlap (their bounds do).
cdef bint may_overlap(cnp.ndarray a, cnp.ndarray b)

# Whether the two, of one shape, are the same elements in memory.
cdef bint is_same(cnp.ndarray a, cnp.ndarray b) noexcept
