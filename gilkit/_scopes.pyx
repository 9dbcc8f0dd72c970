# cython: subinterpreters_compatible = own_gil
"""The settings that `with` blocks make for the calls inside them: see _scopes.pxd."""
from contextvars import ContextVar

from cpython.contextvars cimport PyContextVar_Get
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t

from gilkit._exports cimport (
    GK_CANCELLED, GK_NO_DEADLINE, gk_cancel_token_set, import_core,
)

import_core()

cdef extern from "gilkit/_scopes.h":
    bint is_released_in_chain "gk_is_released_in_chain" (PyObject *scope)
    void release_outer "gk_release_outer" (bint in_chain, PyObject *outer)


cdef class CancelToken:
    """Cancel gilkit calls from another thread.

    Calls inside ``with token:`` raise ``concurrent.futures.CancelledError`` once
    any thread has called ``token.cancel()``.

    Notes
    -----
    A token stays cancelled. One token may cover any number of calls, one after
    another or at the same time. In nested blocks, each of the tokens ends the
    calls. Thread-safe. A token belongs to its process: pickling and copying it
    raise TypeError.

    Examples
    --------
    >>> token = gilkit.CancelToken()
    >>> token.cancel()
    >>> with token:
    ...     gilkit.spin(1000)
    Traceback (most recent call last):
    concurrent.futures._base.CancelledError: the gilkit call was cancelled
    """

    def cancel(self):
        """End the calls that this token covers, now and from now on. From any thread."""
        gk_cancel_token_set(&self.token, GK_CANCELLED)

    def cancelled(self):
        """Return whether ``cancel()`` was called.

        Returns
        -------
        bool
        """
        return self.token.reason != 0

    def __enter__(self):
        enter_scope(self, None, 0, self)
        return self

    def __exit__(self, *exc):
        leave_scope(self)

    def __reduce__(self):
        raise TypeError("a gilkit.CancelToken cannot be pickled or copied, because a copy would not cancel the same "
                        "calls: share the token itself between threads; to another process, send a message, and "
                        "have it cancel a token of its own")

    def __repr__(self):
        return f"<gilkit.CancelToken {'cancelled' if self.cancelled() else 'not cancelled'}>"


cdef class Scope:

    def __dealloc__(self):
        cdef bint in_chain = is_released_in_chain(<PyObject *>self)
        self.owner = self.token = None  # finalisers run now, not between here and the next scope
        cdef PyObject *outer = <PyObject *>self.outer
        Py_INCREF(self.outer)
        self.outer = None
        release_outer(in_chain, outer)


scope_variable = ContextVar("gilkit.scope", default=None)


cdef Scope current_scope():
    cdef PyObject *value = NULL
    variable = scope_variable
    if variable is None:  # at exit, when the module is cleared
        return None
    if PyContextVar_Get(variable, NULL, &value) < 0 or value == NULL:
        return None
    scope = <object>value
    Py_DECREF(scope)
    return scope


cdef Scope scope_inside(Scope outer, owner, int threads, int64_t deadline, CancelToken token):
    cdef Scope inner = Scope()
    inner.outer, inner.owner = outer, owner
    inner.own_threads, inner.own_deadline, inner.token = threads, deadline, token
    if outer is not None:
        inner.threads, inner.deadline, inner.tokens = outer.threads, outer.deadline, outer.tokens
        inner.whole = outer.whole
    if threads >= 0:
        inner.threads = threads
    if deadline != GK_NO_DEADLINE and (inner.deadline == GK_NO_DEADLINE or deadline < inner.deadline):
        inner.deadline = deadline
    # The same token twice in a row, as in a loop that never leaves its blocks, is checked once.
    if token is not None and (inner.tokens == NULL or inner.tokens.token != &token.token):
        inner.link.token, inner.link.outer = &token.token, inner.tokens
        inner.tokens = &inner.link
    return inner


def enter_scope(owner, threads, deadline, token):
    """Open the `with` block of `owner`, whose settings are added to those of the blocks around it.

    None, 0 and None for `threads`, `deadline` and `token` leave them as they are.
    """
    scope_variable.set(scope_inside(current_scope(), owner, -1 if threads is None else threads, deadline, token))


def leave_scope(owner):
    """Close the innermost block of `owner` in this context, and no other.

    Blocks inside it that are still open stay open. If there is no such block, as
    in a context other than the one in which it was opened, nothing changes.

    ContextVar.reset() would restore the settings from before the block, which is
    wrong here: generators and tasks leave their blocks in any order.
    """
    cdef Scope inner = current_scope(), scope = inner, each
    while scope is not None and scope.owner is not owner:
        scope = scope.outer
    if scope is None:
        return
    cdef list still_open = []
    while inner is not scope:
        still_open.append(inner)
        inner = inner.outer
    scope = scope.outer
    for each in reversed(still_open):
        scope = scope_inside(scope, each.owner, each.own_threads, each.own_deadline, each.token)
    scope_variable.set(scope)


def call_whole(function, *args, **kwargs):
    """Call a function in which no signal, timeout or cancel token ends gilkit's calls."""
    cdef Scope inner = Scope()
    inner.outer, inner.owner, inner.whole, inner.own_threads = current_scope(), function, True, -1
    if inner.outer is not None:
        inner.threads = inner.outer.threads
    before = scope_variable.set(inner)
    try:
        return function(*args, **kwargs)
    finally:
        scope_variable.reset(before)


def scope_threads():
    """Return the number of threads that the current blocks set; 0 if none does."""
    cdef Scope scope = current_scope()
    return 0 if scope is None else scope.threads


def owners():
    """Return the objects of the open `with` blocks of this context, the innermost first."""
    cdef Scope scope = current_scope()
    cdef list found = []
    while scope is not None:
        found.append(scope.owner)
        scope = scope.outer
    return found


def threads_owner():
    """Return the object of the block that sets the number of threads, or None."""
    cdef Scope scope = current_scope()
    while scope is not None and scope.own_threads < 0:
        scope = scope.outer
    return None if scope is None else scope.owner
