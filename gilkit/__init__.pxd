"""gilkit for Cython: the functions of gilkit/gilkit.h, without the prefix.

    cimport gilkit
    gilkit.import_gilkit()          # once, at the module's top level

    cdef void body(int64_t begin, int64_t end, void *data) noexcept nogil: ...

    gilkit.run(n, body, &data)

The header documents each function. Options may be omitted. Compile with
gilkit.get_include() in the include_dirs.
"""
from libc.stdint cimport int32_t, int64_t

cdef extern from "gilkit/gilkit.h" nogil:
    enum:
        OK "GILKIT_OK"
        CANCELLED "GILKIT_CANCELLED"
        TIMEOUT "GILKIT_TIMEOUT"
        NO_MEMORY "GILKIT_NO_MEMORY"
        INTERRUPTED "GILKIT_INTERRUPTED"
        FORKED "GILKIT_FORKED"
        NOT_HELD "GILKIT_NOT_HELD"
        OVERFLOW "GILKIT_OVERFLOW"

    ctypedef void body_t "gilkit_body" (int64_t begin, int64_t end, void *data) noexcept nogil
    ctypedef void fold_t "gilkit_fold" (int64_t begin, int64_t end, void *data, void *partial) noexcept nogil
    ctypedef void combine_t "gilkit_combine" (void *into, const void *source, void *data) noexcept nogil

    ctypedef struct token_t "gilkit_token":
        int32_t reason
    ctypedef struct options_t "gilkit_options":
        int threads
        bint eager
        int64_t grain
        int64_t deadline
        token_t *token
        int (*poll)(void *context) noexcept nogil
        void *poll_context

    options_t default_options "gilkit_default_options" () noexcept

    int _parallel_for "gilkit_parallel_for" (
        int64_t n, body_t *body, void *data, const options_t *options) noexcept
    int _parallel_reduce "gilkit_parallel_reduce" (
        int64_t n, size_t size, fold_t *fold, combine_t *combine, void *data, void *result,
        const options_t *options) noexcept
    int64_t default_grain "gilkit_default_grain" (int64_t n) noexcept

    # From inside a body.
    void cancel "gilkit_cancel" (int code) noexcept
    bint cancelled "gilkit_cancelled" () noexcept
    int participant "gilkit_participant" () noexcept

    # From anywhere.
    int _participants "gilkit_participants" (const options_t *options) noexcept
    int num_threads "gilkit_num_threads" () noexcept
    void cancel_token "gilkit_cancel_token" (token_t *token) noexcept
    int64_t now "gilkit_now" () noexcept

    # Locks and counters in your own memory. Locks and counters that Python code
    # shares are in gilkit.sync, with methods for code without the GIL.
    ctypedef struct lock_t "gilkit_lock":
        pass
    int lock_acquire "gilkit_lock_acquire" (lock_t *lock, int64_t timeout) noexcept
    int lock_release "gilkit_lock_release" (lock_t *lock) noexcept
    ctypedef struct counter_t "gilkit_counter":
        pass
    counter_t *counter_new "gilkit_counter_new" () noexcept
    void counter_free "gilkit_counter_free" (counter_t *counter) noexcept
    int counter_add "gilkit_counter_add" (counter_t *counter, int64_t n) noexcept
    int64_t counter_value "gilkit_counter_value" (counter_t *counter) noexcept

cdef extern from "gilkit/gilkit.h":
    # These need the GIL, and raise.
    int import_gilkit "gilkit_import" () except -1
    int begin "gilkit_begin" (options_t *options) except -1
    int finish "gilkit_finish" (options_t *options, int status) except -1
    int _run "gilkit_run" (int64_t n, body_t *body, void *data, const options_t *options) except -1
    int _run_reduce "gilkit_run_reduce" (
        int64_t n, size_t size, fold_t *fold, combine_t *combine, void *data, void *result,
        const options_t *options) except -1

# Regions. If the body takes the GIL, the caller must not hold it.

cdef inline int parallel_for(
        int64_t n, body_t *body, void *data, const options_t *options=NULL) noexcept nogil:
    return _parallel_for(n, body, data, options)

cdef inline int parallel_reduce(
        int64_t n, size_t size, fold_t *fold, combine_t *combine, void *data, void *result,
        const options_t *options=NULL) noexcept nogil:
    return _parallel_reduce(n, size, fold, combine, data, result, options)

cdef inline int participants(const options_t *options=NULL) noexcept nogil:
    return _participants(options)

# The same, for callers that hold the GIL. These raise.

cdef inline int run(int64_t n, body_t *body, void *data, const options_t *options=NULL) except -1:
    return _run(n, body, data, options)

cdef inline int run_reduce(
        int64_t n, size_t size, fold_t *fold, combine_t *combine, void *data, void *result,
        const options_t *options=NULL) except -1:
    return _run_reduce(n, size, fold, combine, data, result, options)
