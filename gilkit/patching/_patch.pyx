"""NumPy's pointers replaced and put back, and calls on several threads: see _hooks.c and _elementwise.c."""
import sys
import time

cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uintptr_t
from libc.string cimport memset

from gilkit._exports cimport gk_body, gk_num_threads, gk_options, gk_parallel_for, import_core
from gilkit._scopes cimport Scope, current_scope

import_core()

cdef extern from "gilkit/patching/_elementwise.h":
    enum:
        GK_LEFT_REASONS
    const char *gk_left_names[GK_LEFT_REASONS]
    ctypedef struct gk_ufunc_record:
        PyObject *ufunc
        int foreign
        int64_t calls
        int64_t items
        int64_t nanoseconds
        int64_t left[GK_LEFT_REASONS]
    int gk_collect_statistics
    int gk_sum_row(object add, object capsule, object row, object total, int threads) except -1
    int gk_elementwise_import(int (*threads)() noexcept) except -1

cdef extern from "kernels/sort/sort.h":
    ctypedef enum gk_type:
        GK_FLOAT32
        GK_FLOAT64
    int gk_sort_has_ambiguous "GK(gk_sort_has_ambiguous)" (
        const char *items, int64_t stride, int64_t n, gk_type type, int *found,
        const gk_options *options) noexcept nogil

cdef extern from "gilkit/patching/_costs.h":
    ctypedef struct gk_costs:
        pass
    ctypedef enum gk_way:
        GK_SERIAL
        GK_SERIAL_MEASURED
        GK_DIVIDED
    enum:
        GK_SURELY_LARGE
    gk_way gk_choose_way(gk_costs *costs, int64_t items)
    void gk_learn_cost(gk_costs *costs, int was_divided, int64_t items, int64_t nanoseconds)

cdef extern from "gilkit/_elsewhere.h":
    void whole_parallel_for_elsewhere(
        int64_t n, gk_body *body, void *data, const gk_options *options) noexcept nogil

cdef extern from "gilkit/patching/_hooks.h":
    int gk_hooks_import() except -1
    object gk_call_divided(object ufunc, object function, object args, object kwargs, gk_ufunc_record *record)
    gk_ufunc_record *gk_hook_ufunc(object ufunc, int64_t min_items) except NULL
    int gk_hook_method(
        object method, object handler, int64_t min_items, int has_mask, int64_t min_second,
        int counts_products) except -1
    void gk_set_generalized_handler(object handler)
    int gk_hook_function(object function, object handler, int64_t min_items, int size_place) except -1
    void gk_hook_subscript(object handler, int64_t min_items)
    void gk_hook_assignment(object handler, int64_t min_items, int of_slices)
    void gk_measure_original(gk_costs *costs, int64_t items, int64_t attempt)
    int gk_count_running(int change) nogil
    int gk_has_ended() nogil
    void gk_end()
    void gk_report_later(const char *name, int flags)
    object gk_call_reporting(object handler, object args, object kwargs)
    void gk_set_hooked(int hooked)
    void gk_hook_added()
    int gk_is_hooked()
    int64_t gk_min_items
    int gk_bypass(int change)
    gk_ufunc_record *gk_record_at(int index)


cdef int threads_of_scope() noexcept:
    cdef Scope scope = current_scope()
    return 0 if scope is None else scope.threads


gk_elementwise_import(threads_of_scope)
gk_hooks_import()


# ---- Hooks ----

def hook_ufunc(ufunc, int64_t min_items):
    """Add a ufunc to those that are patched; a generalized one, for calls of at least this many items."""
    gk_hook_ufunc(ufunc, min_items)


def hook_method(
        method, handler, int64_t min_items, bint has_mask=False, int64_t min_second=0, bint counts_products=False):
    """Add a method or function of NumPy; return whether it is one that can be replaced."""
    return gk_hook_method(method, handler, min_items, has_mask, min_second, counts_products) == 0


def hook_function(function, handler, int64_t min_items, int size_place=0):
    """Add a function of NumPy that is written in Python, or a method of a random generator, with the index of its
    argument `size`; return whether it is one that can be replaced."""
    return gk_hook_function(function, handler, min_items, size_place) == 0


def hook_generalized(handler):
    """Set the handler of generalized ufuncs."""
    gk_set_generalized_handler(handler)


def hook_subscript(handler, int64_t min_items):
    """Set the handler of array[key] for keys that are large arrays."""
    gk_hook_subscript(handler, min_items)


def hook_assignment(handler, int64_t min_items, bint of_slices):
    """Set the handler of array[key] = value for keys that are large arrays of bool, or for large values and slices."""
    gk_hook_assignment(handler, min_items, of_slices)


def set_hooked(bint hooked):
    """Put all replacements in place, or the originals back."""
    gk_set_hooked(hooked)


def hook_added():
    """Put the replacements that were added since set_hooked() in place, if the others are."""
    gk_hook_added()


def end():
    """Put the originals back for good, before the interpreter ends, and wait for threads of the pool in parts."""
    gk_end()
    deadline = time.monotonic() + 5
    while gk_count_running(0) and time.monotonic() < deadline:
        time.sleep(0.0005)


def is_hooked():
    """Return whether the replacements are in place."""
    return gk_is_hooked() != 0


def set_min_items(int64_t items):
    """Divide every call of at least this many items; 0: only calls that are long enough to gain."""
    global gk_min_items
    gk_min_items = items


def min_items():
    """Return what set_min_items() set."""
    return gk_min_items


# ---- Statistics ----

def collect_statistics(bint collect):
    """Start or stop counting the calls of ufuncs."""
    global gk_collect_statistics
    gk_collect_statistics = collect


def ufunc_statistics():
    """Return (name, calls, items, seconds, {reason: calls left to NumPy}) for each ufunc that was called."""
    cdef int k = 0
    cdef int reason
    cdef gk_ufunc_record *record
    found = []
    while True:
        record = gk_record_at(k)
        if record == NULL:
            return found
        k += 1
        left = {gk_left_names[reason].decode(): record.left[reason] for reason in range(GK_LEFT_REASONS)
                if record.left[reason]}
        if left or record.calls:
            found.append(((<object>record.ufunc).__name__, record.calls, record.items, record.nanoseconds / 1e9, left))


def reset_statistics():
    """Forget all counts."""
    cdef int k = 0
    cdef int reason
    cdef gk_ufunc_record *record = gk_record_at(0)
    while record != NULL:
        record.calls = record.items = record.nanoseconds = 0
        for reason in range(GK_LEFT_REASONS):
            record.left[reason] = 0
        k += 1
        record = gk_record_at(k)


# ---- Calls ----

SURELY_LARGE = GK_SURELY_LARGE  # items

cdef class Costs:
    """The times of the calls of one function: see _costs.h."""
    cdef gk_costs costs

    def __cinit__(self):
        memset(&self.costs, 0, sizeof(self.costs))

    def divide(self, int64_t items):
        """Return whether to divide the next call of this many items."""
        return gk_min_items > 0 or gk_choose_way(&self.costs, items) == GK_DIVIDED

    def measure_original(self, int64_t items, int64_t attempt=0):
        """Measure the call of NumPy's function that follows when a handler returns NotImplemented. `attempt` is the
        time in nanoseconds that the handler has spent in vain."""
        gk_measure_original(&self.costs, items, attempt)

    def learn(self, bint divided, int64_t items, int64_t nanoseconds):
        """Remember what a call took."""
        gk_learn_cost(&self.costs, divided, items, nanoseconds)


cdef bint scipy_reports_errors() except -1:
    """Return whether scipy.special is set to report errors in this thread. Its loops report them themselves."""
    special = sys.modules.get("scipy.special")
    geterr = getattr(special, "geterr", None)
    return geterr is not None and any(action != "ignore" for action in geterr().values())


cdef class UfuncCall:
    """Calls of one ufunc, patched or not, on several threads."""
    cdef gk_ufunc_record record
    cdef object ufunc, function, reducer

    def __cinit__(self, *args):
        memset(&self.record, 0, sizeof(self.record))

    def __init__(self, ufunc, function, reducer, bint foreign):
        self.ufunc, self.function, self.reducer = ufunc, function, reducer
        self.record.foreign = foreign

    cdef int check_initialized(self) except -1:
        if self.ufunc is None:
            raise TypeError("the __init__() of gilkit.ufunc has not been called")
        return 0

    def __call__(self, *args, **kwargs):
        self.check_initialized()
        if self.record.foreign and scipy_reports_errors():
            return self.function(*args, **kwargs)
        return gk_call_divided(self.ufunc, self.function, args, kwargs, &self.record)

    def reduce(self, *args, **kwargs):
        """Reduce an array as the ufunc's method does."""
        self.check_initialized()
        result = NotImplemented
        if not self.record.foreign:
            result = gk_call_reporting(self.reducer, (self.ufunc, *args), kwargs)
        return self.function.reduce(*args, **kwargs) if result is NotImplemented else result


def threads():
    """Return how many threads a call would use now."""
    return threads_of_scope() or gk_num_threads()


def give_fp_errors(str name, int flags):
    """Handle floating-point errors as numpy.errstate says, after the handler that calls this has returned."""
    gk_report_later(name.encode(), flags)


@cython.internal
cdef class Tasks:
    cdef object function
    cdef list arguments
    cdef list errors
    cdef list interrupts


cdef void run_task(int64_t begin, int64_t end, void *data) noexcept with gil:
    cdef Tasks tasks = <Tasks>data
    gk_bypass(1)
    for i in range(begin, end):
        try:
            tasks.function(*tasks.arguments[i])
        except BaseException as error:
            # The exception may be that of a signal handler, and the task must still be completed. Running a task twice
            # is harmless.
            try:
                tasks.function(*tasks.arguments[i])
            except BaseException:
                tasks.errors.append(error)
            else:
                tasks.interrupts.append(error)
    gk_bypass(-1)


def run_tasks(function, list arguments):
    """Call the function with each tuple of arguments, on several threads, with NumPy's own functions in force.

    Neither signals, nor timeouts, nor cancel tokens end it early. Each task that raises is done once more. Raise the
    first exception, of a task or of a signal handler, after all tasks.
    """
    cdef Tasks tasks = Tasks.__new__(Tasks)
    cdef gk_options options
    cdef int64_t n = len(arguments)
    memset(&options, 0, sizeof(options))
    options.threads = threads()
    options.eager = options.foreign = options.uninterruptible = 1
    options.grain = 1
    tasks.function, tasks.arguments, tasks.errors, tasks.interrupts = function, arguments, [], []
    gk_count_running(1)
    if gk_has_ended():
        options.threads = 1
    cdef bint greenlets = "greenlet" in sys.modules
    with nogil:
        if greenlets:
            whole_parallel_for_elsewhere(n, run_task, <void *>tasks, &options)
        else:
            gk_parallel_for(n, run_task, <void *>tasks, &options)
    gk_count_running(-1)
    for error in tasks.errors + tasks.interrupts:
        raise error


def sum_row(add, row, total):
    """Add a row of floats or complex numbers to total[0] as NumPy does, on several threads.

    Return NumPy's flags of floating-point errors.
    """
    _, capsule = add._resolve_dtypes_and_context((None, row.dtype, None), reduction=True)
    return gk_sum_row(add, capsule, row, total, threads())


# ---- Floats that compare as equal although their bits differ ----

def has_ambiguous_floats(array):
    """Return whether -0.0 or NaN is among the items of a one-dimensional array of float32 or float64."""
    cdef gk_options options
    cdef int found = 0
    cdef const char *items = <const char *><uintptr_t>array.__array_interface__["data"][0]
    cdef int64_t stride = array.strides[0], n = array.shape[0]
    cdef gk_type type = GK_FLOAT64 if array.itemsize == 8 else GK_FLOAT32
    memset(&options, 0, sizeof(options))
    options.threads = threads()
    options.uninterruptible = 1
    with nogil:
        gk_sort_has_ambiguous(items, stride, n, type, &found, &options)
    return bool(found)


def bypassed(function, *args, **kwargs):
    """Call the function with NumPy's own functions in force."""
    gk_bypass(1)
    try:
        return function(*args, **kwargs)
    finally:
        gk_bypass(-1)
