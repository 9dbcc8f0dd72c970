from libc.stdint cimport int64_t


# In julia.__pyx_capi__, for gilkit.parallel_for: data is an array of doubles.
cdef void halve(int64_t begin, int64_t end, void *data) noexcept nogil
