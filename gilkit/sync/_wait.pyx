# cython: subinterpreters_compatible = own_gil
"""Timeouts, the outcome of waits, greenlets and deadlock detection: see _wait.pxd."""
import math
import sys
import threading

from libc.math cimport ceil
from libc.stdint cimport int64_t, uintptr_t
from libc.stdlib cimport free, malloc

from gilkit._hub cimport sleep_of_this_greenlet
from gilkit._signal_poll cimport poll_of_this_thread
from gilkit.sync._c cimport (
    GK_BROKEN, GK_DETECT_INVERSIONS, GK_DETECT_NOTHING, GK_DO_NOT_WAIT, GK_FOREVER, GK_INTERRUPTED, GK_NO_DEADLINE,
    GK_NO_MEMORY, GK_OK, GK_OVERFLOW, GK_SYNC_GREENLETS, GK_TIMEOUT, gk_claim, gk_claim_free, gk_claim_hold,
    gk_claim_new, gk_claim_release, gk_claim_wait, gk_claim_withdraw, gk_claims_of, gk_deadlock_link,
    gk_deadlock_mode, gk_deadlock_set_mode, gk_now, gk_order, gk_order_free, gk_order_note, gk_orders_forget,
    gk_wait_options, import_core,
)

cdef extern from "Python.h":
    void Py_DecRef(void *object) noexcept

cdef extern from "gilkit/sync/_detection.h":
    int64_t gk_this_interpreter() noexcept
    void gk_retain_object(void *object) noexcept nogil
    object gk_place()
    void *gk_current_greenlet
    int greenlet_interface "gk_greenlet_interface" (object capsule) except -1
    uintptr_t gk_owner_among_greenlets() noexcept

cdef extern from *:
    """
    #define gk_add_monitors(n) ((void)atomic_fetch_or_explicit(GK(gk_sync_watchers), (n), memory_order_relaxed))
    """
    void add_monitors "gk_add_monitors" (int flag) noexcept nogil

import_core()

_TIMEOUT_MAX = threading.TIMEOUT_MAX
_active = threading._active


cdef int64_t nanoseconds(object timeout) except? -1:
    # From seconds. A negative timeout becomes -2.
    if not isinstance(timeout, (float, int)):
        if not hasattr(type(timeout), "__float__"):
            raise TypeError(f"timeout must be a number of seconds, not {timeout!r}")
        timeout = float(timeout)  # such as an integer of NumPy
    if math.isnan(timeout):
        raise ValueError("timeout must be a number of seconds, not NaN (not a number)")
    if timeout > _TIMEOUT_MAX:
        raise OverflowError(f"timeout value is too large: at most {_TIMEOUT_MAX} s, not {timeout}")
    if timeout < 0:
        return -2
    return <int64_t>ceil(<double>timeout * 1e9)


cdef int set_deadline(gk_wait_options *wait_options, int64_t wait) except -1:
    cdef int64_t now = gk_now()
    if wait <= 0:
        wait_options.deadline = GK_DO_NOT_WAIT
    else:
        wait_options.deadline = now + wait if wait < GK_FOREVER - now else GK_NO_DEADLINE
    return 0


cdef int lock_wait_options(gk_wait_options *wait_options, object blocking, object timeout) except -1:
    cdef int64_t wait = -1
    wait_options[0] = wait_options_forever()
    wait_options.poll = poll_of_this_thread()
    if not is_forever(timeout):
        wait = nanoseconds(timeout)
        if timeout < -_TIMEOUT_MAX:
            raise OverflowError(f"timeout value is too large: {timeout}")
        if timeout == -1:
            wait = -1
    if not blocking:
        if wait != -1:
            raise ValueError("can't specify a timeout for a non-blocking call")
        wait_options.deadline = GK_DO_NOT_WAIT
    elif wait < -1:
        raise ValueError(f"timeout value must be a non-negative number, or -1 for no timeout, not {timeout}")
    elif wait != -1:
        set_deadline(wait_options, wait)
    return 0


cdef int wait_options_of(gk_wait_options *wait_options, object timeout) except -1:
    wait_options[0] = wait_options_forever()
    wait_options.poll = poll_of_this_thread()
    if timeout is not None:
        set_deadline(wait_options, nanoseconds(timeout))
    return 0


cdef bint outcome(int status) except -1:
    if status == GK_OK:
        return True
    if status == GK_TIMEOUT:
        return False
    if status == GK_INTERRUPTED:
        return -1  # the exception of a signal handler, or one that was thrown into the greenlet, is set
    if status == GK_NO_MEMORY:
        raise MemoryError
    if status == GK_BROKEN:
        raise threading.BrokenBarrierError
    if status == GK_OVERFLOW:
        raise OverflowError("the lock is held too many times")
    raise SystemError(f"a wait ended with status {status}")


# ---- Greenlets

def expect_greenlets():
    """Make locks check for greenlets from now on. Called once greenlet is imported."""
    if not has_greenlets():
        add_monitors(GK_SYNC_GREENLETS)


cdef uintptr_t owner_among_greenlets() noexcept:
    if gk_current_greenlet == NULL and gk_this_interpreter() == 0:
        try:
            # Missing while greenlet is still being imported.
            greenlet_interface(sys.modules["greenlet"]._C_API)
        except (AttributeError, KeyError, ValueError):
            pass
    return gk_owner_among_greenlets()


cdef int switch_meanwhile(gk_wait_options *wait_options) except -1:
    if has_greenlets() and wait_options.deadline != GK_DO_NOT_WAIT:
        wait_options.sleep = sleep_of_this_greenlet()
    return 0


cdef int refuse_greenlet(object lock) except -1:
    raise RuntimeError(
        f"a greenlet cannot wait for {lock!r}, which another greenlet of the same thread holds: the wait would block "
        "the whole thread, so the holder could never run and release it. gilkit's waits run other greenlets only if "
        "gevent or eventlet has monkey-patched the program, and not in the callbacks of their hub. Otherwise, acquire "
        "with blocking=False and switch")


cdef object exception_of_wait():
    try:
        outcome(GK_INTERRUPTED)
    except BaseException as error:
        return error


# ---- Deadlock detection. See csrc/sync/deadlock.h.

# deadlock_error and warn_of_inversion of this interpreter's _deadlock.py.
_reports = None


def set_reports(deadlock_error, warn_of_inversion):
    """Set the functions that make the error and the warning."""
    global _reports
    _reports = deadlock_error, warn_of_inversion


def set_detection(int mode):
    """Set what this interpreter detects and return the previous mode.

    The modes are 0 (nothing), 1 (deadlocks) and 2 (lock order inversions as well).
    """
    cdef gk_claim *forgotten
    cdef int64_t domain = gk_this_interpreter()
    cdef int before = gk_deadlock_mode(domain)
    if gk_deadlock_set_mode(domain, mode, &forgotten) != GK_OK:
        raise MemoryError
    dispose(forgotten)
    if mode == GK_DETECT_NOTHING:
        forget_orders(NULL)
    return before


cdef void dispose(gk_claim *claims) noexcept:
    cdef gk_claim *claim
    while claims != NULL:
        claim, claims = claims, claims.next
        Py_DecRef(claim.place)
        Py_DecRef(claim.lock)
        gk_claim_free(claim)


cdef void forget_orders(void *lock) noexcept:
    cdef gk_order *orders = gk_orders_forget(gk_this_interpreter(), lock)
    cdef gk_order *order
    while orders != NULL:
        order, orders = orders, orders.next
        Py_DecRef(order.details)
        gk_order_free(order)


cdef object take_reference(void *reference):
    # Turns a reference that the caller owns into a Python object.
    result = <object>reference
    Py_DecRef(reference)
    return result


cdef int raise_deadlock(gk_deadlock_link *links, int count) except -1:
    cycle = []
    cdef int i
    try:
        for i in range(count):
            cycle.append((
                take_reference(links[i].lock), links[i].mode, take_reference(links[i].place), links[i].ident,
                take_reference(links[i].holder_place), links[i].holder_ident, links[i].holder_waits != 0))
    finally:
        free(links)
    reports = _reports
    if reports is None:  # the interpreter is shutting down
        raise RuntimeError("this wait would never end")
    raise reports[0](cycle)


cdef list other_held_locks(int64_t domain, object lock):
    # (lock, place) of each lock that this thread or greenlet holds, except `lock`.
    cdef gk_claim few[8]
    cdef gk_claim *claims = few
    cdef int capacity = 8, count, i
    held = []
    try:
        while True:
            count = gk_claims_of(domain, this_owner(), <void *>lock, claims, capacity, gk_retain_object)
            if count <= capacity:
                break
            if claims != few:
                free(claims)
            capacity = 2 * count
            claims = <gk_claim *>malloc(capacity * sizeof(gk_claim))
            if claims == NULL:
                raise MemoryError
        for i in range(count):
            held.append((take_reference(claims[i].lock), take_reference(claims[i].place)))
    finally:
        if claims != few:
            free(claims)
    return held


cdef int note_orders(int64_t domain, object lock, object place) except -1:
    # Records that `lock` is acquired after all locks that this thread holds. Warns of
    # each inversion once.
    cdef void *opposite
    cdef int noted
    name_of = thread_name
    if name_of is None:  # at exit, after the module has been cleared
        return 0
    found = []
    for first, first_place in other_held_locks(domain, lock):
        details = (name_of(this_owner()), first_place, place)
        noted = gk_order_note(domain, <void *>first, <void *>lock, <void *>details, gk_retain_object, &opposite)
        if noted == GK_NO_MEMORY:
            raise MemoryError
        if opposite != NULL:
            found.append((first, details, take_reference(opposite)))
    reports = _reports
    if found and reports is not None:
        for first, details, other in found:
            reports[1](lock, first, details, other)
    return 0


def thread_name(ident):
    """Return threading's name of a thread. Unlike current_thread(), make no object for an unknown thread."""
    if ident % 2 == 1 and has_greenlets():
        return f"greenlet at {ident - 1:#x}"
    try:
        return _active[ident]._name
    except (AttributeError, KeyError):
        return f"ident {ident}"


cdef int acquire_monitored(
        object lock, int mode, acquire_function acquire, void *state, const gk_wait_options *wait_options) except? -1:
    cdef gk_wait_options no_wait = wait_options[0]
    cdef int64_t domain = gk_this_interpreter()
    cdef int detects = gk_deadlock_mode(domain), status, count
    cdef gk_deadlock_link *cycle = NULL
    if detects == GK_DETECT_NOTHING:  # turned off meanwhile, or on in another interpreter only
        with nogil:
            status = acquire(state, wait_options)
        return status
    place = gk_place()
    if detects == GK_DETECT_INVERSIONS and wait_options.deadline != GK_DO_NOT_WAIT:
        note_orders(domain, lock, place)
    # Do everything that can fail before the lock is acquired. Between that and
    # gk_claim_hold() no Python code runs, so nothing can interrupt.
    cdef gk_claim *claim = gk_claim_new(domain, mode, <void *>lock, <void *>place, this_owner())
    if claim == NULL:
        raise MemoryError
    claim.switches = wait_options.sleep != NULL
    gk_retain_object(<void *>lock)
    gk_retain_object(<void *>place)
    no_wait.deadline = GK_DO_NOT_WAIT
    status = acquire(state, &no_wait)
    # Report a wait only if there is one. A wait with a timeout ends by itself and cannot deadlock.
    if status == GK_TIMEOUT and wait_options.deadline != GK_DO_NOT_WAIT:
        if wait_options.deadline == GK_NO_DEADLINE:
            status = gk_claim_wait(claim, gk_retain_object, &cycle, &count)
            if cycle != NULL:
                dispose(claim)
                raise_deadlock(cycle, count)
            if status != GK_OK:
                dispose(claim)
                raise MemoryError
        with nogil:
            status = acquire(state, wait_options)
    if status == GK_OK:
        dispose(gk_claim_hold(claim))
    else:
        gk_claim_withdraw(claim)
        dispose(claim)
    return status


cdef gk_claim *claim_of(object lock, int mode) noexcept:
    return gk_claim_release(gk_this_interpreter(), mode, <void *>lock, this_owner())
