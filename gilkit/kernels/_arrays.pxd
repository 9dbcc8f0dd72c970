"""Checks of array arguments, shared by the kernels on arrays.

A subclass of numpy.ndarray can override any attribute (`shape`, `dtype`, `flags`,
`transpose`, ...). Kernels therefore only see arrays of the exact class:
as_array() and check_out() return views of that class, whose attributes NumPy
computes in C from the array's fields.
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

# The gk_type of NumPy's type number, or GK_TYPES for an unsupported type.
cdef gk_type type_of(int type_num) noexcept nogil

# Whether the kernels can read the array in place: a supported type, in native
# byte order, aligned.
cdef bint is_plain(cnp.ndarray a) noexcept

# Whether it is_plain() and contiguous in C or Fortran order.
cdef bint is_flat(cnp.ndarray a) noexcept

# The argument `name` as an array of the exact class: NumPy's conversion, or a view
# of a subclass's memory. TypeError for a subclass whose memory is not the whole
# truth: one with masked elements or its own __array_function__.
cdef cnp.ndarray as_array(object value, str name)

# The same as an array that is_plain(), copied if byte order or alignment require
# it. TypeError for unsupported types.
cdef cnp.ndarray as_input(object value, str name)

# The same, but None for unsupported types, with which NumPy's own function computes.
cdef cnp.ndarray as_supported(object value, str name)

# The array, or a view of it if converting the other arguments may run Python code. An __index__, for example, may
# assign to a.shape, but a view keeps its own. Call this before the shape is read.
cdef cnp.ndarray kept(cnp.ndarray a, object one, object two=*, object three=*)

# Whether NumPy's own function must compute the result for this argument, because
# NumPy would dispatch on its type: to __array_function__, to a subclass's methods,
# or to a method of this name.
cdef bint is_for_numpy(object value, str method) except -1

# The same for functions that move items of any dtype: arrays of the exact class are not for NumPy.
cdef bint is_dispatched(object value, str method) except -1

# The same for the argument `out`.
cdef bint out_is_for_numpy(object out) except -1

# Whether the items can be copied as bytes: they contain no references to Python objects, and have one of NumPy's own
# dtypes.
cdef bint is_bytes(cnp.ndarray a) noexcept

# Whether items of 2, 4 or 8 bytes are at multiples of their size, and items of 16 bytes at multiples of 8. Needed by
# kernels that move such items as integers: complex64 and strings may be at other addresses, and are aligned
# nevertheless.
cdef bint is_at_multiples(cnp.ndarray a) noexcept

# The array, or a copy if its items are not at such multiples.
cdef cnp.ndarray at_multiples(cnp.ndarray a)

# Calls NumPy's function(*arguments, **keywords), after checking threads= and the
# `with` blocks in force.
cdef object delegate(object function, tuple arguments, dict keywords, object threads)

# The dtype of a sum of a's elements, as in NumPy.
cdef cnp.dtype sum_dtype(cnp.ndarray a)

# Sets mask[i] to whether `axis` (None, an integer, a tuple of integers) includes
# axis i. Raises NumPy's errors.
cdef int axis_mask(object axis, int ndim, char *mask) except -1

# One axis, counted from 0. Raises NumPy's errors, and refuses bool.
cdef int one_axis(object axis, int ndim) except -1

# The same for functions whose axis may be a bool in NumPy.
cdef int any_axis(object axis, int ndim) except -1

# The memory of `out` as a view of the exact class. Raises unless it is a writable
# array of this shape and dtype.
cdef cnp.ndarray check_out(object out, tuple shape, cnp.dtype dtype)

# Whether `out` is an array of this shape but of another dtype, for which NumPy's own
# function computes.
cdef bint is_cast(object out, tuple shape, cnp.dtype dtype) except -1

# Whether the memory bounds of the two overlap.
cdef bint may_overlap(cnp.ndarray a, cnp.ndarray b)

# Whether the two, of the same shape, are the same elements in memory.
cdef bint is_same(cnp.ndarray a, cnp.ndarray b) noexcept
