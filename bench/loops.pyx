# cython: language_level=3, boundscheck=False, wraparound=False, freethreading_compatible=True
"""The same loops on gilkit's pool and in Cython's prange (OpenMP), for bench_parallel_for.py."""
from cython.parallel cimport prange
from libc.stdint cimport int64_t

cimport gilkit

gilkit.import_gilkit()


cdef struct Loop:
    double *out
    int64_t cost
    bint triangular


cdef double item(int64_t i, const Loop *loop) noexcept nogil:
    """A chain of multiplications: neither SIMD nor memory makes it faster."""
    cdef double x = i
    cdef int64_t _, steps = loop.cost * i // 1000 if loop.triangular else loop.cost
    for _ in range(steps):
        x = x * 0.999 + 1.0
    return x


cdef void body(int64_t begin, int64_t end, void *data) noexcept nogil:
    cdef Loop *loop = <Loop *>data
    cdef int64_t i
    for i in range(begin, end):
        loop.out[i] = item(i, loop)


cdef void nothing(int64_t begin, int64_t end, void *data) noexcept nogil:
    pass


def with_gilkit(double[::1] out, int64_t cost, bint triangular, int threads):
    cdef Loop loop = Loop(&out[0], cost, triangular)
    cdef gilkit.options_t options = gilkit.default_options()
    options.threads = threads
    gilkit.run(out.shape[0], body, &loop, &options)


def with_static(double[::1] out, int64_t cost, bint triangular, int threads):
    cdef Loop loop = Loop(&out[0], cost, triangular)
    cdef int64_t i, n = out.shape[0]
    for i in prange(n, nogil=True, schedule="static", num_threads=threads):
        loop.out[i] = item(i, &loop)


def with_dynamic(double[::1] out, int64_t cost, bint triangular, int threads):
    cdef Loop loop = Loop(&out[0], cost, triangular)
    cdef int64_t i, n = out.shape[0]
    for i in prange(n, nogil=True, schedule="dynamic", num_threads=threads):
        loop.out[i] = item(i, &loop)


def with_guided(double[::1] out, int64_t cost, bint triangular, int threads):
    cdef Loop loop = Loop(&out[0], cost, triangular)
    cdef int64_t i, n = out.shape[0]
    for i in prange(n, nogil=True, schedule="guided", num_threads=threads):
        loop.out[i] = item(i, &loop)


def empty_calls(int64_t calls):
    """Make the same number of C calls, the baseline for parallel_for from Python."""
    cdef int64_t _
    with nogil:
        for _ in range(calls):
            gilkit.parallel_for(1, nothing, NULL, NULL)
