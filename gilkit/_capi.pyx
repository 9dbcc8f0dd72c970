"""The table of functions behind gilkit/gilkit.h and gilkit/__init__.pxd."""
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.pycapsule cimport PyCapsule_New
from libc.string cimport memset

from gilkit._call cimport Call, begin, finish
from gilkit._exports cimport GK_OK, gk_options, gk_token_list, import_core

from gilkit._core import __version__

import_core()

cdef extern from "Python.h":
    size_t PyThread_get_stacksize() noexcept

cdef extern from "gilkit/gilkit.h":
    enum:
        GILKIT_BAD_OPTIONS
        GILKIT_NOT_IMPORTED
    const char *GILKIT_VERSION
    ctypedef struct gilkit_options:
        int threads
        void *call

cdef extern from *:
    """
    /* Options have only grown since this size, and are refused below it: they
     * do not come from gilkit_default_options(). */
    enum { GILKIT_LEAST_OPTIONS = sizeof(gilkit_options) };

    /* The stacks that threads are to have is an interpreter's own setting: asked
     * for in gilkit_begin(), and of callers without it if they are attached. */
    static size_t wanted_stack_size(const gilkit_options *from)
    {
    #if PY_VERSION_HEX >= 0x030D0000
        int attached = PyThreadState_GetUnchecked() != NULL;
    #else
        int attached = _PyThreadState_UncheckedGet() != NULL;
    #endif
        if (from != NULL && from->size >= GILKIT_LEAST_OPTIONS && from->call != NULL)
            return ((const gk_options *)from->call)->stack_size;
        return attached ? PyThread_get_stacksize() : 0;
    }

    /* link: memory for as long as `to` is in use. */
    static int to_options(const gilkit_options *from, gk_options *to, gk_token_list *link)
    {
        memset(to, 0, sizeof *to);
        to->foreign = 1;
        to->stack_size = wanted_stack_size(from);
        if (from == NULL)
            return 0;
        if (from->size < GILKIT_LEAST_OPTIONS)
            return GILKIT_BAD_OPTIONS;
        to->threads = from->threads;
        to->eager = from->eager;
        to->grain = from->grain;
        to->deadline = from->deadline;
        to->token = (gk_cancel_token *)from->token;
        to->poll = from->poll;
        to->poll_context = from->poll_context;
        const gk_options *call = (const gk_options *)from->call; /* a Call begins with its options */
        if (call != NULL && call->token != NULL) {
            if (to->token == NULL || to->token == call->token) {
                to->token = call->token;
                to->outer_tokens = call->outer_tokens;
            } else { /* the caller's own token, and those of the with blocks around it */
                link->token = call->token;
                link->outer = call->outer_tokens;
                to->outer_tokens = link;
            }
        }
        return 0;
    }

    /* What the caller has not set himself comes from `call`; its tokens stay
     * there, where to_options() finds them. */
    static void from_options(const gk_options *call, gilkit_options *to)
    {
        to->threads = call->threads;
        if (call->deadline != GK_NO_DEADLINE && (to->deadline == GK_NO_DEADLINE || call->deadline < to->deadline))
            to->deadline = call->deadline;
        if (to->poll == NULL) {
            to->poll = call->poll;
            to->poll_context = call->poll_context;
        }
    }

    static int api_parallel_for(int64_t n, gilkit_body *body, void *data, const gilkit_options *options)
    {
        gk_options o;
        gk_token_list link;
        int status = to_options(options, &o, &link);
        return status != 0 ? status : GK(gk_parallel_for)(n, body, data, &o);
    }

    static int api_parallel_reduce(int64_t n, size_t size, gilkit_fold *fold, gilkit_combine *combine, void *data,
                                   void *result, const gilkit_options *options)
    {
        gk_options o;
        gk_token_list link;
        int status = to_options(options, &o, &link);
        return status != 0 ? status : GK(gk_parallel_reduce)(n, size, fold, combine, data, result, &o);
    }

    static int api_participants(const gilkit_options *options)
    {
        gk_options o;
        gk_token_list link;
        return to_options(options, &o, &link) != 0 ? 1 : GK(gk_participants)(&o);
    }

    static void api_cancel_token(gilkit_token *token)
    {
        GK(gk_cancel_token_set)((gk_cancel_token *)token, GK_CANCELLED);
    }

    static int api_lock_acquire(gilkit_lock *lock, int64_t timeout)
    {
        gk_lock *l = (gk_lock *)lock;
        if (gk_lock_try(l))
            return GILKIT_OK;
        gk_wait_options wait_options = {
            timeout < 0 ? GK_NO_DEADLINE : timeout == 0 ? GK_DO_NOT_WAIT : GK(gk_now)() + timeout, NULL, NULL};
        return GK(gk_lock_acquire)(l, &wait_options);
    }

    static int api_lock_release(gilkit_lock *lock)
    {
        gk_lock *l = (gk_lock *)lock;
        return gk_lock_try_release(l) || GK(gk_lock_release)(l) == GK_OK ? GILKIT_OK : GILKIT_NOT_HELD;
    }

    static gilkit_counter *api_counter_new(void)
    {
        return (gilkit_counter *)GK(gk_sharded_new)(1);
    }

    static void api_counter_free(gilkit_counter *counter)
    {
        GK(gk_sharded_release)((gk_sharded *)counter);
    }

    static int api_counter_add(gilkit_counter *counter, int64_t n)
    {
        return GK(gk_sharded_add)((gk_sharded *)counter, n) == GK_OK ? GILKIT_OK : GILKIT_OVERFLOW;
    }

    static int64_t api_counter_value(gilkit_counter *counter)
    {
        return GK(gk_sharded_value)((gk_sharded *)counter);
    }

    _Static_assert(sizeof(gk_lock) <= sizeof(gilkit_lock), "a lock has room in the public one");
    _Static_assert(sizeof(gilkit_token) == sizeof(gk_cancel_token), "the public token is the token");
    _Static_assert(GILKIT_OK == GK_OK && GILKIT_CANCELLED == GK_CANCELLED && GILKIT_TIMEOUT == GK_TIMEOUT &&
                   GILKIT_NO_MEMORY == GK_NO_MEMORY && GILKIT_INTERRUPTED == GK_INTERRUPTED &&
                   GILKIT_FORKED == GK_FORKED && GILKIT_NOT_HELD == GK_NOT_HELD &&
                   GILKIT_OVERFLOW == GK_OVERFLOW, "the public codes are the codes");

    /* Written once, before the first module can get at it. */
    static gilkit_api api_table;

    static void fill_table(int (*begin)(gilkit_options *), int (*finish)(gilkit_options *, int))
    {
        gilkit_api table = {
            .abi = GILKIT_ABI,
            .size = sizeof(gilkit_api),
            .version = GILKIT_VERSION,
            .parallel_for = api_parallel_for,
            .parallel_reduce = api_parallel_reduce,
            .default_grain = GK(gk_default_grain),
            .cancel = GK(gk_cancel),
            .cancelled = GK(gk_cancelled),
            .cancel_token = api_cancel_token,
            .participant = GK(gk_participant),
            .participants = api_participants,
            .num_threads = GK(gk_num_threads),
            .now = GK(gk_now),
            .begin = begin,
            .finish = finish,
            .lock_acquire = api_lock_acquire,
            .lock_release = api_lock_release,
            .counter_new = api_counter_new,
            .counter_free = api_counter_free,
            .counter_add = api_counter_add,
            .counter_value = api_counter_value,
        };
        api_table = table;
    }
    """
    void fill_table(int (*begin)(gilkit_options *) except -1, int (*finish)(gilkit_options *, int) except -1)
    const void *api_table_address "&api_table"
    int to_options(const gilkit_options *options, gk_options *to, gk_token_list *link)
    void from_options(const gk_options *call, gilkit_options *to)


cdef int api_begin(gilkit_options *options) except -1:
    cdef gk_options given
    cdef gk_token_list link
    if to_options(options, &given, &link) != 0:
        raise ValueError("the gilkit_options do not come from gilkit_default_options()")
    cdef Call *call = <Call *>PyMem_Malloc(sizeof(Call))
    if call == NULL:
        raise MemoryError
    try:
        begin(call, options.threads or None)
    except BaseException:
        PyMem_Free(call)
        raise
    call.options.stack_size = PyThread_get_stacksize()
    from_options(&call.options, options)
    options.call = call  # whose options come first
    return 0


cdef int api_finish(gilkit_options *options, int status) except -1:
    cdef Call *call = NULL
    cdef Call none
    if options != NULL and options.call != NULL:
        call = <Call *>options.call
        options.call = NULL
    try:
        if status == GILKIT_BAD_OPTIONS or status == GILKIT_NOT_IMPORTED:
            if call != NULL:
                finish(call, GK_OK)
            raise RuntimeError("the gilkit_options do not come from gilkit_default_options()"
                               if status == GILKIT_BAD_OPTIONS else "gilkit_import() was not called, or failed")
        if call != NULL:
            finish(call, status)
        else:
            memset(&none, 0, sizeof(none))
            finish(&none, status)
    finally:
        PyMem_Free(call)
    return 0


fill_table(api_begin, api_finish)
table = PyCapsule_New(<void *>api_table_address, "gilkit._capi.table", NULL)
if GILKIT_VERSION.decode() != __version__:
    raise ImportError(f"gilkit.h is of version {GILKIT_VERSION.decode()}, gilkit of version {__version__}")
