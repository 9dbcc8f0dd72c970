# cython: language_level=3, cdivision=True
"""Julia sets on gilkit's pool, which balances rows of very unequal cost."""
from array import array

from libc.stdint cimport int32_t, int64_t

cimport gilkit

gilkit.import_gilkit()


cdef struct Picture:
    double real, imaginary
    int64_t width, height
    int32_t max_iter
    int32_t *pixels


cdef int32_t escape(const Picture *picture, int64_t row, int64_t column) noexcept nogil:
    cdef double x = 3.0 * column / picture.width - 1.5, y = 3.0 * row / picture.height - 1.5, xx, yy
    cdef int32_t count
    for count in range(picture.max_iter):
        xx, yy = x * x, y * y
        if xx + yy > 4.0:
            return count
        y = 2.0 * x * y + picture.imaginary
        x = xx - yy + picture.real
    return picture.max_iter


cdef void draw_rows(int64_t begin, int64_t end, void *data) noexcept nogil:
    cdef Picture *picture = <Picture *>data
    cdef int64_t row, column
    for row in range(begin, end):
        if gilkit.cancelled():  # Ctrl-C, a timeout, or an error elsewhere: stop
            return
        for column in range(picture.width):
            picture.pixels[row * picture.width + column] = escape(picture, row, column)


def draw(int64_t width, int64_t height, double complex c=-0.8 + 0.156j, int32_t max_iter=300):
    """Return the escape counts of z*z + c as an array of width * height int32."""
    pixels = array("i", bytes(4 * width * height))
    cdef int32_t[::1] view = pixels
    cdef Picture picture = Picture(c.real, c.imag, width, height, max_iter, &view[0])
    gilkit.run(height, draw_rows, &picture)
    return pixels


# ---- A reduction with the same bits for any number of threads ----

cdef void add_rows(int64_t begin, int64_t end, void *data, void *partial) noexcept nogil:
    cdef Picture *picture = <Picture *>data
    cdef double total = (<double *>partial)[0]
    cdef int64_t row, column
    for row in range(begin, end):
        for column in range(picture.width):
            total += 1.0 / (1 + escape(picture, row, column))
    (<double *>partial)[0] = total


cdef void add(void *into, const void *source, void *data) noexcept nogil:
    (<double *>into)[0] += (<const double *>source)[0]


def darkness(int64_t width, int64_t height, double complex c=-0.8 + 0.156j, int32_t max_iter=300, *, int threads=0):
    """Return the sum of 1 / (1 + count) over the picture."""
    cdef Picture picture = Picture(c.real, c.imag, width, height, max_iter, NULL)
    cdef gilkit.options_t options = gilkit.default_options()
    cdef double total = 0.0
    options.threads = threads
    gilkit.run_reduce(height, sizeof(double), add_rows, add, &picture, &total, &options)
    return total


# ---- A body that acquires the GIL where it needs it ----

cdef void call_rows(int64_t begin, int64_t end, void *data) noexcept nogil:
    cdef int64_t row
    with gil:
        function, errors = <tuple>data
        try:
            for row in range(begin, end):
                function(row)
        except BaseException as error:
            errors.append(error)
            gilkit.cancel(1)


def each_row(int64_t height, function):
    """Call function(row) for each row, from several threads, in any order."""
    cdef list errors = []
    cdef tuple both = (function, errors)
    try:
        gilkit.run(height, call_rows, <void *>both)
    except RuntimeError:
        if not errors:
            raise
        raise errors[0] from None


# ---- Locks and counters ----

cdef struct Tally:
    gilkit.lock_t lock
    int64_t under_the_lock
    gilkit.counter_t *counter


cdef void count_each(int64_t begin, int64_t end, void *data) noexcept nogil:
    cdef Tally *tally = <Tally *>data
    cdef int64_t _
    for _ in range(begin, end):
        gilkit.counter_add(tally.counter, 1)
        gilkit.lock_acquire(&tally.lock, -1)
        tally.under_the_lock += 1
        gilkit.lock_release(&tally.lock)


def count(int64_t n):
    """Count n items in two ways and return both totals."""
    cdef Tally tally = Tally(under_the_lock=0, counter=gilkit.counter_new())
    if tally.counter == NULL:
        raise MemoryError
    try:
        gilkit.run(n, count_each, &tally)
        return tally.under_the_lock, gilkit.counter_value(tally.counter)
    finally:
        gilkit.counter_free(tally.counter)


# ---- For gilkit.parallel_for ----

cdef void halve(int64_t begin, int64_t end, void *data) noexcept nogil:
    cdef double *values = <double *>data
    cdef int64_t i
    for i in range(begin, end):
        values[i] /= 2.0
