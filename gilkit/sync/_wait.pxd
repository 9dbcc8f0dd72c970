"""Helpers that the locks share: timeouts, the outcome of waits, greenlets and
deadlock detection."""
from libc.stdint cimport int64_t, uintptr_t

from gilkit.sync._c cimport (
    GK_DO_NOT_WAIT, GK_FOREVER, GK_NO_DEADLINE, GK_OK, GK_TIMEOUT, gk_claim, gk_now, gk_wait_options,
)

cdef extern from "Python.h":
    unsigned long PyThread_get_thread_ident() noexcept nogil
    int PyLong_CheckExact(object value) noexcept
    long PyLong_AsLongAndOverflow(object value, int *overflow) noexcept

# The options of a wait that has no deadline and runs nothing meanwhile.
cdef inline gk_wait_options wait_options_forever() noexcept nogil:
    cdef gk_wait_options wait_options
    wait_options.deadline = GK_NO_DEADLINE
    wait_options.poll = NULL
    wait_options.context = NULL
    wait_options.sleep = NULL
    return wait_options

# Converts the arguments of Lock.acquire(blocking, timeout); -1 waits without limit.
cdef int lock_wait_options(gk_wait_options *wait_options, object blocking, object timeout) except -1

# Converts the argument of Event.wait(timeout); None waits without limit, and a
# negative timeout is 0.
cdef int wait_options_of(gk_wait_options *wait_options, object timeout) except -1

# Converts a timeout in nanoseconds; a negative one waits without limit. For code
# without the GIL, which runs no signal handlers.
cdef inline gk_wait_options nogil_wait_options(int64_t timeout) noexcept nogil:
    cdef gk_wait_options wait_options = wait_options_forever()
    if timeout == 0:
        wait_options.deadline = GK_DO_NOT_WAIT
    elif timeout > 0 and timeout < GK_FOREVER - gk_now():
        wait_options.deadline = gk_now() + timeout
    return wait_options

# Returns True for GK_OK and False for GK_TIMEOUT; otherwise raises.
cdef bint outcome(int status) except -1

# Whether `timeout` is the int -1, the default.
cdef inline bint is_forever(object timeout) noexcept:
    cdef int overflow = 0
    return PyLong_CheckExact(timeout) and PyLong_AsLongAndOverflow(timeout, &overflow) == -1 and overflow == 0

# Greenlets and deadlock detection add work to each acquire and release. Most
# programs use neither, so the fast paths test only monitoring(), which says whether
# this process uses either. The other functions are called only while it does.
cdef extern from *:
    """
    #define gk_monitors() atomic_load_explicit(GK(gk_sync_watchers), memory_order_relaxed)
    #define gk_monitoring() (gk_monitors() != 0)
    #define gk_has_greenlets() ((gk_monitors() & GK_SYNC_GREENLETS) != 0)
    #define gk_detecting() (gk_monitors() >= GK_SYNC_DETECTION)
    #define gk_has_orders() (atomic_load_explicit(GK(gk_orders_noted), memory_order_relaxed) != 0)
    """
    bint monitoring "gk_monitoring" () noexcept nogil
    bint has_greenlets "gk_has_greenlets" () noexcept nogil
    bint detecting "gk_detecting" () noexcept nogil
    bint has_orders "gk_has_orders" () noexcept nogil

# The owner of a lock that is acquired now: this thread, or its current greenlet.
cdef uintptr_t owner_among_greenlets() noexcept
cdef inline uintptr_t this_owner() noexcept:
    return owner_among_greenlets() if has_greenlets() else PyThread_get_thread_ident()
# Called before a wait: lets it run the other greenlets of this thread, if the current one
# can wait in a hub of gevent or eventlet.
cdef int switch_meanwhile(gk_wait_options *wait_options) except -1
cdef int refuse_greenlet(object lock) except -1
# Returns the exception of a wait that was interrupted.
cdef object exception_of_wait()

ctypedef int (*acquire_function)(void *lock, const gk_wait_options *wait_options) noexcept nogil

# Acquires the lock and returns the status. Reports to the deadlock detector what
# this thread waits for and holds.
cdef int acquire_monitored(
    object lock, int mode, acquire_function acquire, void *state, const gk_wait_options *wait_options) except? -1
# claim_of() is called before a release and dispose() after it. Nothing can fail and
# no Python code runs between the two.
cdef gk_claim *claim_of(object lock, int mode) noexcept
cdef void dispose(gk_claim *claims) noexcept
# For __dealloc__, if has_orders().
cdef void forget_orders(void *lock) noexcept
