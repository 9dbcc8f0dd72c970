# cython: language_level=3
"""A module that does not call gilkit.import_gilkit(), so its first call imports gilkit; it also passes no options."""
from array import array

from libc.stdint cimport int64_t
from libc.string cimport memset

cimport gilkit


cdef void double_it(int64_t begin, int64_t end, void *data) noexcept nogil:
    cdef int64_t i
    for i in range(begin, end):
        (<int64_t *>data)[i] *= 2


cdef void add_up(int64_t begin, int64_t end, void *data, void *partial) noexcept nogil:
    cdef int64_t i
    for i in range(begin, end):
        (<int64_t *>partial)[0] += (<int64_t *>data)[i]


cdef void add(void *into, const void *source, void *data) noexcept nogil:
    (<int64_t *>into)[0] += (<const int64_t *>source)[0]


def doubled(int64_t n, str how="without the GIL"):
    values = array("q", range(n))
    cdef int64_t[::1] view = values
    cdef int status = 0
    cdef gilkit.options_t options = gilkit.default_options()
    if how == "without the GIL":
        with nogil:
            status = gilkit.parallel_for(n, double_it, &view[0])
    elif how == "with the GIL":
        status = gilkit.parallel_for(n, double_it, &view[0])
    elif how == "with options":
        options.threads = 2
        status = gilkit.parallel_for(n, double_it, &view[0], &options)
    elif how == "with NULL":
        status = gilkit.parallel_for(n, double_it, &view[0], NULL)
    else:
        gilkit.run(n, double_it, &view[0])
    assert status == gilkit.OK
    return values.tolist()


def total(int64_t n, bint raising=False):
    values = array("q", range(n))
    cdef int64_t[::1] view = values
    cdef int64_t result = 0
    cdef int status = 0
    if raising:
        gilkit.run_reduce(n, sizeof(result), add_up, add, &view[0], &result)
    else:
        with nogil:
            status = gilkit.parallel_reduce(n, sizeof(result), add_up, add, &view[0], &result)
    assert status == gilkit.OK
    return result


def first_call(str name):
    cdef gilkit.token_t token = gilkit.token_t(reason=0)
    cdef gilkit.lock_t lock
    cdef gilkit.counter_t *counter
    cdef gilkit.options_t options = gilkit.default_options()
    if name == "participants":
        return gilkit.participants() >= 1
    if name == "num_threads":
        return gilkit.num_threads() >= 1
    if name == "default_grain":
        return gilkit.default_grain(256) == 1
    if name == "cancel":
        gilkit.cancel(1)
        return True
    if name == "cancelled":
        return not gilkit.cancelled()
    if name == "participant":
        return gilkit.participant() == 0
    if name == "cancel_token":
        gilkit.cancel_token(&token)
        return token.reason != 0
    if name == "now":
        return gilkit.now() > 0
    if name == "counter_new":
        counter = gilkit.counter_new()
        gilkit.counter_add(counter, 1)
        result = gilkit.counter_value(counter)
        gilkit.counter_free(counter)
        return result == 1
    if name in ("lock_acquire", "lock_release"):
        memset(&lock, 0, sizeof(lock))
        if name == "lock_release" and gilkit.lock_release(&lock) != gilkit.NOT_HELD:
            return False
        return gilkit.lock_acquire(&lock, 0) == gilkit.OK and gilkit.lock_release(&lock) == gilkit.OK
    if name == "begin":
        gilkit.begin(&options)
        gilkit.finish(&options, gilkit.OK)
        return True
    if name == "finish":
        return gilkit.finish(NULL, gilkit.OK) == 0
    raise ValueError(name)
