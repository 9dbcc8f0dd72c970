"""Bit generators that give what one of NumPy's gives from any position on: see csrc/kernels/random/bit_stream.h."""
import _thread

cimport numpy as cnp
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from cpython.version cimport PY_VERSION_HEX
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

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

cdef extern from "Python.h":
    int PyGC_Disable()
    int PyGC_Enable()

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


# ---- The state of a generator ----

# The state of PCG64 and PCG64DXSM is read and written in the memory of NumPy. For `state`, Python computes with
# large integers, and in the middle of that it may run signal handlers and finalizers, which may draw numbers.
cdef struct memory_of_pcg64:  # pcg64_state in NumPy's pcg64.h
    uint64_t *words  # two of the state and two of the increment
    int has_half
    uint32_t half

ctypedef struct raw_state:
    uint64_t words[4]
    int has_half
    uint32_t half

cdef int high_word = -1  # which of two words is the high one, as C's integers of 128 bits or NumPy's own have it


cdef memory_of_pcg64 *memory_of(object bit_generator) except NULL:
    cdef bitgen_t *functions = <bitgen_t *>PyCapsule_GetPointer(bit_generator.capsule, "BitGenerator")
    return <memory_of_pcg64 *>functions.state


cdef raw_state raw_of(dict state) except *:
    cdef raw_state raw
    cdef gk_wide own = wide_of(state["state"]["state"])
    cdef gk_wide increment = wide_of(state["state"]["inc"])
    raw.words[high_word], raw.words[1 - high_word] = own.high, own.low
    raw.words[2 + high_word], raw.words[3 - high_word] = increment.high, increment.low
    raw.has_half, raw.half = state["has_uint32"], state["uinteger"]
    return raw


cdef dict state_of_raw(str name, raw_state raw):
    own = number_of(gk_wide(raw.words[high_word], raw.words[1 - high_word]))
    increment = number_of(gk_wide(raw.words[2 + high_word], raw.words[3 - high_word]))
    return {"bit_generator": name, "state": {"state": own, "inc": increment},
            "has_uint32": raw.has_half, "uinteger": raw.half}


cdef raw_state read_raw(memory_of_pcg64 *memory) noexcept:
    cdef raw_state raw
    memcpy(raw.words, memory.words, sizeof(raw.words))
    raw.has_half, raw.half = memory.has_half, memory.half
    return raw


def know_memory(bit_generator):
    """Find out how this NumPy keeps the state of PCG64 and PCG64DXSM, with one of them that nobody else uses. Return
    whether this is known."""
    global high_word
    bit_generator.state = {
        "bit_generator": type(bit_generator).__name__,
        "state": {"state": 0x0123456789ABCDEF_FEDCBA9876543210, "inc": 0x1122334455667788_99AABBCCDDEEFF01},
        "has_uint32": 1, "uinteger": 0x87654321,
    }
    cdef raw_state raw = read_raw(memory_of(bit_generator))
    cdef int k
    for k in range(2):
        high_word = k
        if state_of_raw(type(bit_generator).__name__, raw) == bit_generator.state:
            return True
    high_word = -1
    return False


def read_state(generator):
    """Return the state of a Generator with PCG64 or PCG64DXSM, or of a RandomState."""
    bit_generator = generator._bit_generator
    lock = bit_generator.lock
    cdef memory_of_pcg64 *memory
    cdef raw_state raw
    if hasattr(generator, "get_state"):
        return read_mersenne(generator, lock)
    memory = memory_of(bit_generator)
    lock.acquire()
    raw = read_raw(memory)
    lock.release()
    return state_of_raw(type(bit_generator).__name__, raw)


cdef bint is_same_mersenne(dict one, dict other) except -1:
    keys = one["state"]["key"].tobytes() == other["state"]["key"].tobytes()
    positions = one["state"]["pos"] == other["state"]["pos"]
    return keys and positions and one["has_gauss"] == other["has_gauss"] and one["gauss"] == other["gauss"]


cdef bint stop_collector() noexcept:
    """Keep the garbage collector, and with it finalizers, from running where an object is created. Since Python 3.12,
    it only runs between two instructions of Python. Return whether to start it again."""
    return PY_VERSION_HEX < 0x030C0000 and PyGC_Disable()


cdef dict read_mersenne(object generator, object lock):
    cdef bint collected = False
    lock.acquire()
    try:
        collected = stop_collector()
        return generator.get_state(legacy=False)
    finally:
        if collected:
            PyGC_Enable()
        lock.release()


cdef bint exchange_mersenne(object generator, object lock, dict before, dict after) except -1:
    cdef bint collected = False
    lock.acquire()
    try:
        collected = stop_collector()
        if not is_same_mersenne(before, generator.get_state(legacy=False)):
            return False
        generator.set_state(after)
        return True
    finally:
        if collected:
            PyGC_Enable()
        lock.release()


def exchange_state(generator, dict before, dict after):
    """Set the state if it still is what it was before; return whether it was.

    Another thread, a signal handler or a finalizer may have drawn numbers meanwhile. Neither of the latter runs between
    the comparison and the change, because no Python is executed there.
    """
    bit_generator = generator._bit_generator
    lock = bit_generator.lock
    if before["bit_generator"] == "MT19937":
        return exchange_mersenne(generator, lock, before, after)
    cdef memory_of_pcg64 *memory = memory_of(bit_generator)
    cdef raw_state old = raw_of(before)
    cdef raw_state new = raw_of(after)
    cdef raw_state now
    lock.acquire()
    now = read_raw(memory)
    cdef bint is_same = (memcmp(now.words, old.words, sizeof(now.words)) == 0 and now.has_half == old.has_half
                         and now.half == old.half)
    if is_same:
        memcpy(memory.words, new.words, sizeof(new.words))
        memory.has_half, memory.half = new.has_half, new.half
    lock.release()
    return is_same
