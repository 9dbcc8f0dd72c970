"""Bit generators that give what one of NumPy's gives from any position on: see csrc/kernels/random/bit_stream.h."""
import _thread

cimport numpy as cnp
from cpython.pycapsule cimport PyCapsule_New
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

import numpy as np

from gilkit._exports cimport import_core

cnp.import_array()
import_core()

# A cimport of numpy.random would import it, and this module must not.
cdef extern from "numpy/random/bitgen.h":
    ctypedef struct bitgen_t:
        void *state
        uint64_t (*next_uint64)(void *stream) noexcept nogil
        uint32_t (*next_uint32)(void *stream) noexcept nogil
        double (*next_double)(void *stream) noexcept nogil
        uint64_t (*next_raw)(void *stream) noexcept nogil

cdef extern from "gilkit/_import_core.h":
    ctypedef enum gk_bit_generator:
        GK_PCG64
        GK_PCG64DXSM
        GK_MT19937
    ctypedef struct gk_wide:
        uint64_t high
        uint64_t low
    enum:
        GK_MERSENNE_WORDS
    ctypedef struct gk_bit_stream:
        gk_bit_generator generator
        gk_wide state
        gk_wide increment
        int next
        int has_half
        uint32_t half
        uint32_t *key
    void gk_stream_start_pcg64 "GK(gk_stream_start_pcg64)" (
        gk_bit_stream *stream, gk_bit_generator generator, gk_wide state, gk_wide increment, int has_half,
        uint32_t half) noexcept nogil
    void gk_stream_start_mersenne "GK(gk_stream_start_mersenne)" (
        gk_bit_stream *stream, const uint32_t *key, int position) noexcept nogil
    int64_t gk_stream_position "GK(gk_stream_position)" (const gk_bit_stream *stream) noexcept nogil
    void gk_stream_advance "GK(gk_stream_advance)" (gk_bit_stream *stream, int64_t words) noexcept nogil
    ctypedef struct gk_stream_functions:
        uint64_t (*uint64)(void *stream) noexcept nogil
        uint32_t (*uint32)(void *stream) noexcept nogil
        double (*float64)(void *stream) noexcept nogil
    gk_stream_functions gk_stream_functions_of "GK(gk_stream_functions_of)" (const gk_bit_stream *stream) noexcept nogil
    void gk_stream_doubles "GK(gk_stream_doubles)" (gk_bit_stream *stream, double *out, int64_t n) noexcept nogil


cdef gk_wide wide_of(object number) except *:
    return gk_wide(number >> 64, number & 0xFFFFFFFFFFFFFFFF)


cdef object number_of(gk_wide wide):
    return <object>wide.high << 64 | wide.low


cdef class Stream:
    """What numpy.random.Generator and RandomState need of a bit generator. Used by one thread at a time."""
    cdef gk_bit_stream stream
    cdef bitgen_t functions
    cdef readonly object capsule, lock

    def __cinit__(self):
        self.capsule = PyCapsule_New(&self.functions, "BitGenerator", NULL)
        self.lock = _thread.allocate_lock()

    def start(self, dict state):
        """Begin at the state of one of NumPy's generators."""
        name, own = state["bit_generator"], state["state"]
        if name == "MT19937":
            gk_stream_start_mersenne(&self.stream, <const uint32_t *>cnp.PyArray_DATA(own["key"]), own["pos"])
        else:
            generator = GK_PCG64 if name == "PCG64" else GK_PCG64DXSM
            gk_stream_start_pcg64(&self.stream, generator, wide_of(own["state"]), wide_of(own["inc"]),
                                  state["has_uint32"], state["uinteger"])
        cdef gk_stream_functions functions = gk_stream_functions_of(&self.stream)
        self.functions.state = &self.stream
        self.functions.next_uint64 = self.functions.next_raw = functions.uint64
        self.functions.next_uint32 = functions.uint32
        self.functions.next_double = functions.float64

    def start_at(self, Stream other):
        """Begin where another stream of the same generator is."""
        self.stream = other.stream

    def advance(self, int64_t words):
        """Pass over some words of 64 bits of PCG64, or 32 bits of the Mersenne Twister."""
        with nogil:
            gk_stream_advance(&self.stream, words)

    @property
    def position(self):
        """How many words were used since start()."""
        return gk_stream_position(&self.stream)

    @property
    def half(self):
        """The half of a word that is left, or None."""
        return self.stream.half if self.stream.has_half else None

    # RandomState.get_state() and set_state() also read and set the rest of its own state.
    @property
    def state(self):
        return {"bit_generator": "MT19937", "state": None}

    @state.setter
    def state(self, value):
        pass

    def numpy_state(self):
        """Return the state of NumPy's generator at this position."""
        cdef cnp.ndarray key
        if self.stream.generator == GK_MT19937:
            key = np.empty(GK_MERSENNE_WORDS, np.uint32)
            memcpy(cnp.PyArray_DATA(key), self.stream.key, GK_MERSENNE_WORDS * sizeof(uint32_t))
            return {"bit_generator": "MT19937", "state": {"key": key, "pos": self.stream.next}}
        name = "PCG64" if self.stream.generator == GK_PCG64 else "PCG64DXSM"
        own = {"state": number_of(self.stream.state), "inc": number_of(self.stream.increment)}
        return {"bit_generator": name, "state": own, "has_uint32": self.stream.has_half, "uinteger": self.stream.half}

    def fill(self, cnp.ndarray out):
        """Fill a contiguous array of float64 with numbers in [0, 1), and stay at this position."""
        cdef double *items = <double *>cnp.PyArray_DATA(out)
        cdef int64_t n = cnp.PyArray_SIZE(out)
        cdef gk_bit_stream stream = self.stream
        with nogil:
            gk_stream_doubles(&stream, items, n)


cdef object state_of(object generator):
    return generator.get_state(legacy=False) if hasattr(generator, "get_state") else generator._bit_generator.state


def read_state(generator):
    """Return the state of a Generator or RandomState."""
    with generator._bit_generator.lock:
        return state_of(generator)


cdef bint are_equal(dict one, dict other) except -1:
    if one["bit_generator"] != "MT19937":
        return one == other
    keys = one["state"]["key"].tobytes() == other["state"]["key"].tobytes()
    positions = one["state"]["pos"] == other["state"]["pos"]
    return keys and positions and one["has_gauss"] == other["has_gauss"] and one["gauss"] == other["gauss"]


def exchange_state(generator, dict before, dict after):
    """Set the state if it still is what it was before; return whether it was.

    Another thread, or a signal handler, may have drawn numbers meanwhile. No signal handler runs inside of this
    function, because it executes no Python.
    """
    lock = generator._bit_generator.lock
    lock.acquire()
    try:
        if not are_equal(before, state_of(generator)):
            return False
        if before["bit_generator"] == "MT19937":
            generator.set_state(after)
        else:
            generator._bit_generator.state = after
        return True
    finally:
        lock.release()
