"""Declarations that the functions on random numbers share."""
from libc.stdint cimport uint64_t

# The key that numpy.random.Philox derives from a seed.
cdef int philox_key(object seed, uint64_t *key) except -1
