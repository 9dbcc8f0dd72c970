"""The declarations of csrc for Cython modules, which call it through the table of _core.

A module must call import_core() once, at its top level, before it uses anything else from here.
"""
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cdef extern from "gilkit/_import_core.h":
    int import_core "gk_import_core" () except -1

    # base
    enum:
        GK_OK
        GK_CANCELLED
        GK_TIMEOUT
        GK_NO_MEMORY
        GK_INTERRUPTED
        GK_FORKED
        GK_NOT_HELD
        GK_OVERFLOW
        GK_OWNED
        GK_BROKEN
    int64_t GK_NO_DEADLINE
    int64_t GK_DO_NOT_WAIT
    ctypedef struct gk_word "_Atomic uint32_t":
        pass
    ctypedef int (*gk_sleep_function)(gk_word *word, uint32_t expected, int64_t deadline) noexcept nogil
    ctypedef struct gk_wait_options:
        int64_t deadline
        int (*poll)(void *context) noexcept nogil
        void *context
        gk_sleep_function sleep
    enum:
        GK_RAISED
        GK_WOKEN
        GK_TIMED_OUT
    int gk_wait "GK(gk_wait)" (gk_word *word, uint32_t expected, int64_t deadline) noexcept nogil
    ctypedef struct gk_hub:
        pass
    ctypedef struct gk_sleeper:
        pass
    bint gk_hub_sleep "GK(gk_hub_sleep)" (
        gk_hub *hub, gk_sleeper *sleeper, gk_word *word, uint32_t expected) noexcept nogil
    void gk_fork_watch "GK(gk_fork_watch)" () noexcept nogil
    void gk_hub_leave "GK(gk_hub_leave)" (gk_sleeper *sleeper) noexcept nogil
    gk_sleeper *gk_hub_next "GK(gk_hub_next)" (gk_hub *hub) noexcept nogil
    int64_t GK_FOREVER
    int64_t GK_SECOND
    int64_t gk_now "GK(gk_now)" () noexcept nogil
    int gk_cores_online "GK(gk_cores_online)" () noexcept nogil
    int gk_cores_affinity "GK(gk_cores_affinity)" () noexcept nogil
    double gk_cores_quota "GK(gk_cores_quota)" (const char *root) noexcept nogil
    int gk_cores_usable "GK(gk_cores_usable)" () noexcept nogil
    ctypedef enum gk_isa_level:
        GK_ISA_LEVELS
    gk_isa_level gk_isa "GK(gk_isa)" () noexcept nogil
    gk_isa_level gk_isa_best "GK(gk_isa_best)" () noexcept nogil
    const char *gk_isa_name "GK(gk_isa_name)" (gk_isa_level level) noexcept nogil
    int gk_set_isa "GK(gk_set_isa)" (gk_isa_level level) noexcept nogil
    void gk_thread_inject_failures "GK(gk_thread_inject_failures)" (int count) noexcept nogil
    void gk_thread_use_long_slices "GK(gk_thread_use_long_slices)" () noexcept nogil

    # runtime
    enum:
        GK_MAX_THREADS
    ctypedef struct gk_cancel_token:
        int32_t reason  # atomic in C, so reading it is atomic
    ctypedef struct gk_token_list:
        gk_cancel_token *token
        const gk_token_list *outer
    ctypedef struct gk_options:
        int threads
        int eager
        int64_t grain
        int64_t deadline
        gk_cancel_token *token
        int (*poll)(void *context) noexcept nogil
        void *poll_context
        void *(*on_enter)(void *data) noexcept nogil
        void (*on_exit)(void *data, void *entered) noexcept nogil
        bint foreign
        size_t stack_size
        const gk_token_list *outer_tokens
        bint uninterruptible
    ctypedef void gk_body(int64_t begin, int64_t end, void *data) noexcept nogil
    int gk_parallel_for "GK(gk_parallel_for)" (
        int64_t n, gk_body *body, void *data, const gk_options *options) noexcept nogil
    int64_t gk_default_grain "GK(gk_default_grain)" (int64_t n) noexcept nogil
    void gk_cancel "GK(gk_cancel)" (int code) noexcept nogil
    int gk_cancelled "GK(gk_cancelled)" () noexcept nogil
    void gk_cancel_token_set "GK(gk_cancel_token_set)" (gk_cancel_token *token, int reason) noexcept nogil
    int gk_participant "GK(gk_participant)" () noexcept nogil
    int gk_inside "GK(gk_inside)" () noexcept nogil
    ctypedef struct gk_regions_aside:
        pass
    void gk_set_regions_aside "GK(gk_set_regions_aside)" (gk_regions_aside *aside) noexcept nogil
    void gk_resume_regions "GK(gk_resume_regions)" (const gk_regions_aside *aside) noexcept nogil
    int gk_participants "GK(gk_participants)" (const gk_options *options) noexcept nogil
    int gk_num_threads "GK(gk_num_threads)" () noexcept nogil
    const char *gk_num_threads_source "GK(gk_num_threads_source)" () noexcept nogil
    void gk_set_num_threads "GK(gk_set_num_threads)" (int threads) noexcept nogil
    void gk_set_python_cpu_count "GK(gk_set_python_cpu_count)" (int cores) noexcept nogil
    int gk_pool_workers "GK(gk_pool_workers)" () noexcept nogil
    int gk_pool_sleepers "GK(gk_pool_sleepers)" () noexcept nogil
    int64_t gk_pool_spin "GK(gk_pool_spin)" () noexcept nogil
    void gk_pool_set_spin "GK(gk_pool_set_spin)" (int64_t nanoseconds) noexcept nogil
    int gk_pool_stop "GK(gk_pool_stop)" () noexcept nogil
    void gk_pool_use_long_slices "GK(gk_pool_use_long_slices)" () noexcept nogil

    # kernels
    int gk_spin "GK(gk_spin)" (int64_t iterations, const gk_options *options, uint64_t *x) noexcept nogil
    int gk_pi "GK(gk_pi)" (
        uint64_t begin, uint64_t end, uint64_t seed, const gk_options *options, uint64_t *inside) noexcept nogil
    int gk_mandelbrot "GK(gk_mandelbrot)" (
        int64_t width, int64_t height, double x0, double x1, double y0, double y1,
        int32_t max_iter, int32_t *out, const gk_options *options) noexcept nogil
