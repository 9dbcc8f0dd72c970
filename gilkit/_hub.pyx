# cython: subinterpreters_compatible = own_gil
"""Greenlets that sleep in the hub of gevent or eventlet until a word changes: see _hub.pxd and csrc/base/hub.h.

A greenlet that waits switches to the hub of its thread. The thread that ends the wait, with or
without the GIL, adds the greenlet to a list and writes to a pipe, which the hub watches while
greenlets of its thread sleep. The hub then switches to each greenlet of the list.
"""
import os
import sys
import weakref

from libc.stdint cimport int64_t, uint32_t, uintptr_t
from libc.stdlib cimport free, malloc

from gilkit import _core

from gilkit._exports cimport (
    GK_FOREVER, GK_NO_DEADLINE, GK_TIMED_OUT, GK_WOKEN, gk_fork_watch, gk_hub, gk_hub_leave, gk_hub_next, gk_hub_sleep,
    gk_now, gk_sleep_function, gk_sleeper, gk_wait, gk_word, import_core,
)

from gilkit._hubs import hub_here

import_core()
gk_fork_watch()

cdef extern from "Python.h":
    unsigned long PyThread_get_thread_ident() noexcept

cdef extern from "gilkit/_hub.h":
    ctypedef struct gk_notifier:
        gk_hub hub
        int readable
        int writable
    void gk_notifier_init(gk_notifier *notifier, int readable, int writable) noexcept
    bint gk_notifier_is_ours(const gk_notifier *notifier) noexcept
    void gk_notifier_drain(gk_notifier *notifier) noexcept
    void gk_notifier_close(gk_notifier *notifier) noexcept
    gk_sleep_function gk_sleep_with_gil, gk_sleep_in_hub

PAUSE = 0.002  # Between two polls of a hub that no pipe notifies, in seconds.

# In place of a greenlet whose wait is over.
_resumed = object()

# The hubs of all threads.
_hubs = weakref.WeakSet()


def open_pipe():
    """Return the ends of the pipe that notifies a hub; (-1, -1) if there can be none."""
    try:
        if os.name == "posix":
            readable, writable = os.pipe()
            os.set_blocking(readable, False)
            os.set_blocking(writable, False)
            return readable, writable
    except OSError:  # no more descriptors
        pass
    return -1, -1


cdef class Hub:
    """The greenlets of one thread that sleep."""

    cdef gk_notifier notifier
    cdef object loop
    # Greenlets by the address of their sleeper. None: one that has not switched to the hub yet.
    cdef dict asleep
    cdef bint watching
    cdef object stop_polling
    cdef unsigned long thread
    cdef object __weakref__

    def __cinit__(self, loop):
        readable, writable = open_pipe()
        gk_notifier_init(&self.notifier, readable, writable)
        self.loop = loop
        self.asleep = {}
        self.thread = PyThread_get_thread_ident()
        _hubs.add(self)

    def __dealloc__(self):
        # No greenlet sleeps: each keeps this object alive.
        gk_notifier_close(&self.notifier)

    def close_if_over(self):
        """Close the pipe of a hub that has ended. gevent may keep such a hub, and so this object, for ever."""
        if not self.asleep and self.loop.is_over():
            gk_notifier_close(&self.notifier)
            gk_notifier_init(&self.notifier, -1, -1)

    cdef int renew_pipe(self) except -1:
        """Get another pipe after the program has closed this one. No greenlet sleeps, so no thread writes to it."""
        readable, writable = open_pipe()
        self.loop.forget_watch()
        gk_notifier_close(&self.notifier)
        gk_notifier_init(&self.notifier, readable, writable)
        return 0

    cdef int sleep(self, gk_word *word, uint32_t expected, int64_t deadline) except -1:
        """Run other greenlets until gk_wake() is called for the word, or until the deadline."""
        cdef bint limited = deadline != GK_NO_DEADLINE and deadline != GK_FOREVER
        cdef int64_t left = deadline - gk_now() if limited else 0
        if limited and left <= 0:
            return GK_TIMED_OUT
        if not self.asleep and self.notifier.readable >= 0 and not gk_notifier_is_ours(&self.notifier):
            self.renew_pipe()
        cdef gk_sleeper *sleeper = <gk_sleeper *>malloc(sizeof(gk_sleeper))
        if sleeper == NULL:
            raise MemoryError
        if not gk_hub_sleep(&self.notifier.hub, sleeper, word, expected):
            free(sleeper)
            return GK_WOKEN
        cdef uintptr_t key = <uintptr_t>sleeper
        cancel = None
        try:
            # In the loop's methods, a signal handler may run, which may wait, or raise.
            self.asleep[key] = None
            if not self.watching:
                self.watch()
            if limited:
                cancel = self.loop.later(left / 1e9, self.resume, key)
            switch = self.loop.find_switch()
            # From here to the switch, no Python code runs.
            if self.asleep[key] is None:
                self.asleep[key] = sys.modules["greenlet"].getcurrent()
                switch()
        finally:
            self.asleep.pop(key, None)
            gk_hub_leave(sleeper)
            free(sleeper)
            try:
                if cancel is not None:
                    cancel()
            finally:
                if not self.asleep:
                    self.unwatch()
        return GK_TIMED_OUT if limited and gk_now() >= deadline else GK_WOKEN

    def resume(self, key):
        greenlet = self.asleep.get(key, _resumed)  # an exception may have ended its wait
        if greenlet is not _resumed:
            self.asleep[key] = _resumed
            if greenlet is not None:
                greenlet.switch()

    def resume_woken(self):
        """Switch to the greenlets that were woken."""
        cdef gk_sleeper *sleeper
        if self.notifier.readable >= 0:
            gk_notifier_drain(&self.notifier)
        while True:
            sleeper = gk_hub_next(&self.notifier.hub)
            if sleeper == NULL:
                return
            self.loop.soon(self.resume, <uintptr_t>sleeper)

    def poll(self):
        self.stop_polling = self.loop.later(PAUSE, self.poll)
        self.resume_woken()

    cdef int watch(self) except -1:
        if self.notifier.readable >= 0:
            self.loop.watch(self.notifier.readable, self.resume_woken)
        else:
            self.stop_polling = self.loop.later(PAUSE, self.poll)
        self.watching = True
        return 0

    cdef int unwatch(self) except -1:
        self.watching = False
        self.loop.unwatch()
        if self.stop_polling is not None:
            stop, self.stop_polling = self.stop_polling, None
            stop()
        if self.asleep:  # by a signal handler during these calls
            self.watch()
        return 0

    def after_fork_in_child(self):
        """Replace the pipe, which is shared with the parent, and wake all greenlets."""
        cdef int readable = self.notifier.readable, writable = self.notifier.writable
        cdef bint ours = gk_notifier_is_ours(&self.notifier)
        if self.thread != PyThread_get_thread_ident():
            return
        new = open_pipe() if ours and self.loop.is_own_in_child else (-1, -1)
        if new[0] >= 0:  # the loop goes on watching the same numbers
            for own, other in zip(new, (readable, writable)):
                os.dup2(own, other, inheritable=False)
                os.close(own)
        elif readable >= 0:
            self.loop.forget_watch()
            gk_notifier_close(&self.notifier)
            readable = writable = -1
            if self.asleep:
                self.watching = True
                self.stop_polling = self.loop.later(PAUSE, self.poll)
        gk_notifier_init(&self.notifier, readable, writable)
        for key in list(self.asleep):
            self.loop.soon(self.resume, key)


cdef Hub find_hub():
    hub, loop = hub_here()
    if hub is None:
        return None
    found = getattr(hub, "_gilkit", None)
    if found is None:
        for other in list(_hubs):
            other.close_if_over()
        found = hub._gilkit = Hub(loop(hub))
    return found


cdef int sleep_here(gk_word *word, uint32_t expected, int64_t deadline) except -1:
    hub = find_hub()
    if hub is not None:
        return hub.sleep(word, expected, deadline)
    with nogil:  # the hub has ended since the wait began
        return gk_wait(word, expected, deadline)


cdef gk_sleep_function sleep_of_this_greenlet() except? NULL:
    if _core.is_main_interpreter and find_hub() is not None:
        return gk_sleep_in_hub
    return NULL


gk_sleep_with_gil = <gk_sleep_function>sleep_here


def _after_fork_in_child():
    for hub in list(_hubs):
        hub.after_fork_in_child()


if hasattr(os, "register_at_fork") and _core.is_main_interpreter:
    os.register_at_fork(after_in_child=_after_fork_in_child)
