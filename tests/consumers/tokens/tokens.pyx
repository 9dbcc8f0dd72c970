# cython: language_level=3
"""Options that have a token, inside with blocks of Python's tokens."""
from concurrent.futures import CancelledError
from contextlib import ExitStack

from libc.stdint cimport int64_t

cimport gilkit

gilkit.import_gilkit()


cdef void until_cancelled(int64_t begin, int64_t end, void *data) noexcept nogil:
    if data != NULL:
        gilkit.cancel_token(<gilkit.token_t *>data)
    while not gilkit.cancelled():
        pass


def wait_inside(tokens):
    """Run in with blocks of all tokens until one of them is cancelled."""
    cdef gilkit.token_t own = gilkit.token_t(reason=0)
    cdef gilkit.options_t options = gilkit.default_options()
    options.token = &own
    with ExitStack() as stack:
        for token in tokens:
            stack.enter_context(token)
        gilkit.run(8, until_cancelled, NULL, &options)


def cancel_own(tokens):
    """Return whether the token in the options ends a region inside with blocks of all tokens."""
    cdef gilkit.token_t own = gilkit.token_t(reason=0)
    cdef gilkit.options_t options = gilkit.default_options()
    options.token = &own
    with ExitStack() as stack:
        for token in tokens:
            stack.enter_context(token)
        try:
            gilkit.run(8, until_cancelled, &own, &options)
        except CancelledError:
            return True
    return False
