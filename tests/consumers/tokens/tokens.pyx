# cython: language_level=3
"""Options with a token of their own, inside with blocks of Python's tokens."""
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
    """Waits until one of the tokens is cancelled, in blocks of all of them."""
    cdef gilkit.token_t own = gilkit.token_t(reason=0)
    cdef gilkit.options_t options = gilkit.default_options()
    options.token = &own
    with ExitStack() as stack:
        for token in tokens:
            stack.enter_context(token)
        gilkit.run(8, until_cancelled, NULL, &options)


def cancel_own(tokens):
    """Whether the options' own token ends a region in blocks of all of them."""
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
