# The stream that the consumer of an imap shares with its runner, and the runner: a part of _imap.pyx.

cdef extern from "gilkit/_mapping.h":
    int mapping_import_core() except -1
    int mapping_run(mapping *m, gk_options *options)
    int mapping_report(void *m) noexcept nogil
    bint mapping_finalizing()

cdef extern from "gilkit/_pipeline.h":
    int imap_import_core() except -1
    ctypedef struct imap_stream:
        mapping m
        int64_t head
        int64_t time_limit
        bint in_order, keep_going
        # Atomic in C, so that reading and writing them is.
        int64_t tail
        int64_t cost
        int closed
        int over
        PyObject *broken
    int64_t IMAP_END, IMAP_SHORT
    int imap_init(imap_stream *s, int64_t capacity, int64_t time_limit) except -1
    void imap_free(imap_stream *s)
    bint imap_is_there(imap_stream *s, int64_t index)
    int imap_wait(imap_stream *s, int64_t index, int64_t microseconds, gk_sleep_function sleep) except -1
    void imap_kick(imap_stream *s)
    void imap_push(imap_stream *s, PyObject *item)
    PyObject *imap_take(imap_stream *s, int *failed)
    void imap_give_up(imap_stream *s)
    bint imap_is_stuck(imap_stream *s)
    bint imap_pending(imap_stream *s)
    void imap_stop(imap_stream *s)
    bint imap_await_work(imap_stream *s)
    bint imap_hold(imap_stream *s)
    void imap_let_go(imap_stream *s)
    int imap_run(imap_stream *s, gk_options *options)
    void imap_end(imap_stream *s)
    void imap_break(imap_stream *s, PyObject *error)
    PyObject *imap_call_here(imap_stream *s, PyObject *context, PyObject *item, int *failed) except NULL
    int64_t imap_bytes(PyObject *object)
    int imap_start_thread(object function)
    int forks "imap_forks"
    bint enter "imap_enter" (int *inside)
    void leave "imap_leave" (int *inside)

mapping_import_core()
imap_import_core()


def _count_fork():
    global forks
    forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_count_fork)


cdef class Core:
    """The state that the consumer and the runner share."""

    cdef imap_stream s
    cdef int forks
    cdef object __weakref__

    def __cinit__(self, int64_t capacity, bint in_order, bint keep_going, int64_t time_limit):
        self.forks = forks
        if imap_init(&self.s, capacity, time_limit) < 0:
            raise MemoryError
        self.s.in_order, self.s.keep_going = in_order, keep_going

    def __dealloc__(self):
        imap_free(&self.s)

    def stop(self):
        imap_stop(&self.s)


def run(Core core, threads):
    """Begin a region whenever there are items."""
    cdef Call call
    cdef int status
    try:
        while imap_await_work(&core.s) and imap_hold(&core.s):
            try:
                # An interpreter that is finalizing does not let other threads attach.
                call_begin(&call, 1 if mapping_finalizing() else threads)
                status = imap_run(&core.s, &call.options)
                call_end(&call, GK_OK if core.s.closed else status)
            finally:
                imap_let_go(&core.s)
    except BaseException as error:
        Py_INCREF(error)
        imap_break(&core.s, <PyObject *>error)
    finally:
        imap_end(&core.s)


cdef int run_mapping(mapping *m, gk_options *options) noexcept:
    return mapping_run(m, options)


cdef int report_mapping(void *m) noexcept nogil:
    return mapping_report(m)


cdef bint finalizing() noexcept:
    return mapping_finalizing()


cdef tuple thread_hooks():
    profile, trace = threading.getprofile(), threading.gettrace()
    if profile is None and trace is None:
        return None
    hooks = ((sys.setprofile, profile), (sys.settrace, trace))
    return tuple([hook for hook in hooks if hook[1] is not None])
