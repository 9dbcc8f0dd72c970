"""Declarations that the functions to sort, partition and select share."""
cimport numpy as cnp
from libc.stdint cimport int64_t, intptr_t

cdef extern from "kernels/sort/sort.h":
    ctypedef int gk_leaf_sort(void *items, intptr_t n, void *unused) noexcept nogil
    ctypedef struct gk_leaf_sorts:
        gk_leaf_sort *of[11]
    ctypedef struct gk_dims:
        int n
    ctypedef struct gk_slices:
        int64_t length
        int64_t src_step
        int64_t dst_step
        gk_dims src
        gk_dims dst

# NumPy's own sorts of contiguous items.
cdef gk_leaf_sorts leaves

# Describes the slices of two arrays along an axis. Their other axes have the same lengths.
cdef void fill_slices(gk_slices *slices, cnp.ndarray src, cnp.ndarray dst, int axis) noexcept
