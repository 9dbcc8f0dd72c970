/* One call of a ufunc on all cores, with NumPy's own loops.
 *
 * NumPy makes every decision that affects the result: which loop computes
 * (_resolve_dtypes_and_context, _get_strided_loop), how operands are broadcast, ordered, cast and
 * copied where they overlap (NpyIter), and how floating-point errors are reported
 * (PyUFunc_GiveFloatingpointErrors). This file divides the items, and calls the loop for each part.
 * A call that needs more than that is left to NumPy before anything has happened.
 *
 * The same bits: NumPy's loops compute each item from the operands' items alone. But some
 * compute the last items of a run, which do not fill a vector, in another way than the
 * others. So the runs that NumPy would make are divided at multiples of ALIGNED_ITEMS, and
 * an iteration over many runs is divided between them.
 */
#include "gilkit/patching/_ufunc_call.h"

#include <fenv.h>
#include <string.h>

#include "gilkit/_import_core.h"

#if !(defined(__GNUC__) || defined(__clang__))
#  pragma STDC FENV_ACCESS ON
#endif

enum {
    ALIGNED_ITEMS = 64, /* the largest vector, 64 bytes, of the smallest items */
    MIN_CHUNK = 1024,   /* items; computing fewer takes less time than claiming a chunk */
    CHUNKS_PER_THREAD = 16,
    PAIRWISE_BLOCK = 128, /* NumPy's PW_BLOCKSIZE */
    SUMS_PER_THREAD = 8
};

int gk_collect_statistics;

static int (*scope_threads)(void);

int gk_elementwise_import(int (*threads)(void))
{
    scope_threads = threads;
    return gk_import_core() < 0 ? -1 : gk_ufunc_call_import();
}

int gk_give_fp_errors(const char *name, int flags)
{
    return PyUFunc_GiveFloatingpointErrors(name, flags);
}

/* ---- Floating-point errors, which are flags of the thread that makes them ---- */

static void forget_fp_errors(void)
{
    feclearexcept(FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW | FE_INVALID);
}

static void collect_fp_errors(gk_ufunc_call *c)
{
    int flags = fetestexcept(FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW | FE_INVALID);
    if (flags == 0)
        return;
    atomic_fetch_or_explicit(&c->fp_errors,
                             ((flags & FE_DIVBYZERO) ? NPY_FPE_DIVIDEBYZERO : 0) |
                                 ((flags & FE_OVERFLOW) ? NPY_FPE_OVERFLOW : 0) |
                                 ((flags & FE_UNDERFLOW) ? NPY_FPE_UNDERFLOW : 0) |
                                 ((flags & FE_INVALID) ? NPY_FPE_INVALID : 0),
                             memory_order_relaxed);
    forget_fp_errors();
}

/* ---- Loops that are not NumPy's ---- */

static PyObject *fetch_error(void)
{
#if PY_VERSION_HEX >= 0x030c0000
    return PyErr_GetRaisedException();
#else
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL)
        PyException_SetTraceback(value, traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return value;
#endif
}

/* Calls a loop that may take the GIL and set an exception, as those of Numba do. The exception belongs to a thread state
 * that must not end with the loop's own use of the GIL. */
static int call_foreign_loop(gk_ufunc_call *c, char **data, const npy_intp *count, const npy_intp *strides)
{
    PyGILState_STATE state = PyGILState_Ensure();
    PyThreadState *thread = PyEval_SaveThread();
    int failed = c->info->loop(c->info->context, data, count, strides, c->info->auxdata);
    PyEval_RestoreThread(thread);
    if (PyErr_Occurred()) {
        PyObject *none = NULL, *error = fetch_error();
        if (!atomic_compare_exchange_strong(&c->error, &none, error))
            Py_DECREF(error);
        failed = -1;
    }
    PyGILState_Release(state);
    return failed;
}

static inline int call_loop(gk_ufunc_call *c, char **data, const npy_intp *count, const npy_intp *strides)
{
    return c->foreign ? call_foreign_loop(c, data, count, strides)
                      : c->info->loop(c->info->context, data, count, strides, c->info->auxdata);
}

/* ---- The bodies of the regions; they need no GIL ---- */

static void compute_run(int64_t begin, int64_t end, void *of)
{
    gk_ufunc_call *c = of;
    char *data[MAX_OPERANDS];
    npy_intp count = end - begin;
    for (int i = 0; i < c->nop; i++)
        data[i] = c->data[i] + begin * c->strides[i];
    forget_fp_errors();
    if (call_loop(c, data, &count, c->strides) != 0)
        atomic_store_explicit(&c->failed, 1, memory_order_relaxed);
    collect_fp_errors(c);
}

/* As compute_run(), for each run of items whose mask is true. A run is never divided: it belongs to the chunk in which it
 * begins. */
static void compute_masked(int64_t begin, int64_t end, void *of)
{
    gk_ufunc_call *c = of;
    char *data[MAX_OPERANDS];
    const char *mask = c->mask;
    npy_intp step = c->mask_stride, at = begin;
    forget_fp_errors();
    if (at > 0 && mask[(at - 1) * step])
        while (at < end && mask[at * step])
            at++;
    while (at < end) {
        npy_intp first = at;
        while (at < c->items && mask[at * step])
            at++;
        npy_intp count = at - first;
        if (count > 0) {
            for (int i = 0; i < c->nop; i++)
                data[i] = c->data[i] + first * c->strides[i];
            if (call_loop(c, data, &count, c->strides) != 0)
                atomic_store_explicit(&c->failed, 1, memory_order_relaxed);
        }
        while (at < end && !mask[at * step])
            at++;
    }
    collect_fp_errors(c);
}

/* Iterates over some of the iterator's items, which need not be neighbours in memory. Returns how many items the loop
 * computed in its first call. With `once`, it makes no other call. */
static npy_intp iterate(gk_ufunc_call *c, NpyIter *iterator, npy_intp begin, npy_intp end, int once)
{
    char *message = NULL; /* given, so that errors need no GIL */
    forget_fp_errors();
    int failed = NpyIter_ResetToIterIndexRange(iterator, begin, end, &message) != NPY_SUCCEED;
    char **data = NpyIter_GetDataPtrArray(iterator);
    npy_intp *strides = NpyIter_GetInnerStrideArray(iterator), *count = NpyIter_GetInnerLoopSizePtr(iterator);
    npy_intp computed = failed ? 0 : *count;
    if (!failed) {
        do
            failed = call_loop(c, data, count, strides);
        while (!failed && !once && c->next(iterator));
        /* Writes buffers of outputs back, and loads nothing. */
        if (once && !failed)
            failed = NpyIter_ResetToIterIndexRange(iterator, computed, computed, &message) != NPY_SUCCEED;
    }
    if (failed)
        atomic_store_explicit(&c->failed, 1, memory_order_relaxed);
    collect_fp_errors(c);
    return computed;
}

/* Returns how many items NumPy computes at a time: a cut between such runs changes no bit. 0: an
 * error. If outputs go through buffers, this computes the first items, because the iterator writes
 * its buffers back in any case. */
static int64_t items_at_a_time(gk_ufunc_call *c, NpyIter *iterator)
{
    char *message = NULL, *low, *high;
    forget_fp_errors();
    if (NpyIter_ResetToIterIndexRange(iterator, 0, c->items, &message) != NPY_SUCCEED)
        return 0;
    char **data = NpyIter_GetDataPtrArray(iterator);
    for (int o = c->nin; o < c->nop; o++) {
        gk_memory_of(NpyIter_GetOperandArray(iterator)[o], &low, &high);
        if (data[o] < low || data[o] >= high)
            return c->first = iterate(c, iterator, 0, c->items, 1);
    }
    return *NpyIter_GetInnerLoopSizePtr(iterator);
}

/* Whether the iterator has just copied an input to a buffer though it needs no cast. Before 2.3, NumPy does that if a run
 * holds several rows. A part of one row is not copied, and loops compute it in another way if its stride is negative. */
static int copies_rows(gk_ufunc_call *c, NpyIter *iterator)
{
    char **data = NpyIter_GetDataPtrArray(iterator), *low, *high;
    for (int i = 0; i < c->nin; i++) {
        PyArrayObject *op = NpyIter_GetOperandArray(iterator)[i];
        gk_memory_of(op, &low, &high);
        if ((data[i] < low || data[i] >= high) && PyArray_DESCR(op)->type_num == gk_dtype_of(c, i)->type_num)
            return 1;
    }
    return 0;
}

/* Returns where one run that holds all items may be cut. If the iterator made it of several rows, in a buffer, it makes
 * shorter runs from the middle of a row on, and it cannot be cut. */
static int64_t cut_of_one_run(gk_ufunc_call *c, NpyIter *iterator)
{
    char *message = NULL;
    if (c->items <= ALIGNED_ITEMS || copies_rows(c, iterator) ||
        NpyIter_ResetToIterIndexRange(iterator, ALIGNED_ITEMS, c->items, &message) != NPY_SUCCEED)
        return c->items;
    return *NpyIter_GetInnerLoopSizePtr(iterator) == c->items - ALIGNED_ITEMS ? ALIGNED_ITEMS : c->items;
}

static void compute_runs(int64_t begin, int64_t end, void *of)
{
    gk_ufunc_call *c = of;
    int64_t last = c->first + end * c->unit;
    iterate(c, c->iterators[GK(gk_participant)()], c->first + begin * c->unit, last < c->items ? last : c->items, 0);
}

/* ---- Two ways to iterate, as in NumPy ---- */

enum { OVERLAP = 2, BACKWARDS };

/* Whether the mask is one run, too, in the order of the operands. */
static int take_mask(gk_ufunc_call *c, PyArrayObject *like, int order)
{
    int own = PyArray_FLAGS(c->where) & (NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_F_CONTIGUOUS);
    if (!PyArray_SAMESHAPE(c->where, like) || (PyArray_NDIM(like) > 1 && own != order))
        return 0;
    c->mask = PyArray_BYTES(c->where);
    c->mask_stride = PyArray_NDIM(like) == 1 ? PyArray_STRIDE(c->where, 0) : 1;
    int backwards = c->mask_stride < 0;
    for (int i = 0; i < c->nop; i++)
        backwards |= c->op[i] != NULL && c->strides[i] < 0;
    return !backwards; /* NumPy may begin at the other end */
}

/* Finds out whether NumPy would call its loop once for all items, as it does for operands that are
 * one-dimensional or contiguous in the same order. Copies small operands of another dtype for it. */
static int is_one_run(gk_ufunc_call *c, int *fortran)
{
    PyArrayObject *first = NULL;
    int order = 0;
    for (int i = 0; i < c->nop; i++) {
        if (c->op[i] == NULL)
            continue;
        if (!PyArray_ISALIGNED(c->op[i]) || !PyArray_EquivTypes(PyArray_DESCR(c->op[i]), gk_dtype_of(c, i))) {
            if (c->where != NULL)
                return 0; /* NumPy divides the runs of a mask where its buffers end */
            int small = PyArray_NDIM(c->op[i]) == 0 || (PyArray_NDIM(c->op[i]) == 1 && PyArray_DIM(c->op[i], 0) <= NUMPY_BUFFER);
            if (i >= c->nin || !small)
                return 0;
            Py_INCREF(gk_dtype_of(c, i));
            PyArrayObject *copy = (PyArrayObject *)PyArray_CastToType(c->op[i], gk_dtype_of(c, i), 0);
            if (copy == NULL)
                return -1;
            Py_SETREF(c->op[i], copy);
        }
    }
    for (int i = 0; i < c->nop; i++) {
        PyArrayObject *op = c->op[i];
        if (op == NULL)
            continue;
        if (PyArray_NDIM(op) == 0 && i < c->nin) {
            c->strides[i] = 0;
            continue;
        }
        if (first == NULL)
            first = op;
        else if (!PyArray_SAMESHAPE(first, op))
            return 0;
        if (PyArray_NDIM(op) == 1) {
            c->strides[i] = PyArray_STRIDE(op, 0);
        } else {
            c->strides[i] = PyArray_ITEMSIZE(op);
            int own = PyArray_FLAGS(op) & (NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_F_CONTIGUOUS);
            if (own == 0 || (order != 0 && own != order))
                return 0;
            order = own;
        }
    }
    if (first == NULL || (c->where != NULL && !take_mask(c, first, order)))
        return 0;
    int forwards = 0;
    for (int i = 0; i < c->nop; i++)
        forwards |= c->op[i] == NULL || c->strides[i] > 0;
    if (!forwards)
        return BACKWARDS; /* NumPy begins at the other end; some of its loops leave out items where only outputs are backwards */
    *fortran = order == NPY_ARRAY_F_CONTIGUOUS;
    for (int o = c->nin; o < c->nop; o++) {
        char *low, *high, *other_low, *other_high;
        if (c->op[o] == NULL)
            continue;
        gk_memory_of(c->op[o], &low, &high);
        if (c->where != NULL) {
            gk_memory_of(c->where, &other_low, &other_high);
            if (low < other_high && other_low < high)
                return OVERLAP;
        }
        for (int i = 0; i < c->nin; i++) {
            /* The very same items may be replaced: each is read before it is written. */
            if (PyArray_BYTES(c->op[i]) == PyArray_BYTES(c->op[o]) && c->strides[i] == c->strides[o])
                continue;
            gk_memory_of(c->op[i], &other_low, &other_high);
            /* NumPy either copies the input, or lets the loop see the overlap, which it then computes in another way. */
            if (low < other_high && other_low < high)
                return OVERLAP;
        }
    }
    return 1;
}

static int64_t chunk_of(int64_t items, int64_t unit, int threads, int64_t min_items)
{
    int64_t chunk = items / ((int64_t)threads * CHUNKS_PER_THREAD), least = min_items > 0 ? 1 : MIN_CHUNK;
    chunk = chunk < least ? least : chunk;
    return (chunk + unit - 1) / unit; /* in units */
}

static gk_options region_options(int threads)
{
    gk_options options = {0};
    options.threads = threads;
    options.eager = 1;
    /* A region that ended early would return an array that is half written. */
    options.uninterruptible = 1;
    return options;
}

/* Returns 1, or 0 to leave the call to NumPy, or -1 with an exception. */
static int run_once(gk_ufunc_call *c, int fortran, int ndim, const npy_intp *shape, int threads, int64_t min_items, gk_left *left)
{
    PyArrayObject *allocated = NULL;
    if (c->op[c->nin] == NULL)
        c->strides[c->nin] = gk_dtype_of(c, c->nin)->elsize;
    if (!gk_fetch_loop(c, c->strides, left))
        return 0;
    if (c->op[c->nin] == NULL) {
        Py_INCREF(gk_dtype_of(c, c->nin));
        allocated = (PyArrayObject *)PyArray_NewFromDescr(&PyArray_Type, gk_dtype_of(c, c->nin), ndim, shape, NULL, NULL,
                                                          fortran, NULL);
        if (allocated == NULL)
            return -1;
        c->op[c->nin] = allocated;
    }
    for (int i = 0; i < c->nop; i++)
        c->data[i] = PyArray_BYTES(c->op[i]);
    gk_options options = region_options(threads);
    options.grain = ALIGNED_ITEMS * chunk_of(c->items, ALIGNED_ITEMS, threads, min_items);
    Py_BEGIN_ALLOW_THREADS
    GK(gk_parallel_for)(c->items, c->where != NULL ? compute_masked : compute_run, c, &options);
    Py_END_ALLOW_THREADS
    return 1;
}

/* As run_once(), through NumPy's iterator. */
static int run_iterators(gk_ufunc_call *c, int threads, int64_t min_items, gk_left *left)
{
    npy_uint32 op_flags[MAX_OPERANDS];
    PyArray_Descr *dtypes[MAX_OPERANDS];
    if (!gk_fetch_loop(c, NULL, left))
        return 0;
    if (!gk_is_buffer_size_usual())
        return gk_leave_to_numpy(left, GK_LEFT_ARGUMENTS), 0;
    for (int i = 0; i < c->nop; i++) {
        /* Here the errors of the cast count, and those that the loop makes by accident do not: NumPy tells them apart. */
        if (i >= c->nin && c->info->no_floatingpoint_errors && c->op[i] != NULL &&
            !PyArray_EquivTypes(PyArray_DESCR(c->op[i]), gk_dtype_of(c, i)))
            return gk_leave_to_numpy(left, GK_LEFT_DTYPE), 0;
        dtypes[i] = gk_dtype_of(c, i);
        if (c->ufunc->op_flags != NULL && c->ufunc->op_flags[i] != 0)
            return gk_leave_to_numpy(left, GK_LEFT_ARGUMENTS), 0;
        op_flags[i] = i < c->nin ? NPY_ITER_READONLY | NPY_ITER_ALIGNED | NPY_ITER_OVERLAP_ASSUME_ELEMENTWISE
                                 : NPY_ITER_WRITEONLY | NPY_ITER_ALIGNED | NPY_ITER_ALLOCATE | NPY_ITER_NO_BROADCAST |
                                       NPY_ITER_NO_SUBTYPE | NPY_ITER_OVERLAP_ASSUME_ELEMENTWISE;
    }
    npy_uint32 flags = NPY_ITER_EXTERNAL_LOOP | NPY_ITER_REFS_OK | NPY_ITER_ZEROSIZE_OK | NPY_ITER_BUFFERED | NPY_ITER_GROWINNER |
                       NPY_ITER_DELAY_BUFALLOC | NPY_ITER_COPY_IF_OVERLAP | NPY_ITER_RANGED;
    NpyIter *first = NpyIter_AdvancedNew(c->nop, c->op, flags, NPY_KEEPORDER, NPY_UNSAFE_CASTING, op_flags, dtypes, -1, NULL,
                                         NULL, 0);
    if (first == NULL)
        return -1;
    int status = 1, count = threads;
    NpyIter *few[16], **iterators = few;
    if (threads > 16 && (iterators = PyMem_Malloc((size_t)threads * sizeof *iterators)) == NULL) {
        NpyIter_Deallocate(first);
        PyErr_NoMemory();
        return -1;
    }
    iterators[0] = first;
    c->iterator_count = 1;
    c->iterators = iterators;
    for (int i = c->nin; i < c->nop; i++)
        if (c->op[i] == NULL)
            c->op[i] = (PyArrayObject *)Py_NewRef(NpyIter_GetOperandArray(first)[i]);
    c->next = NpyIter_GetIterNext(first, NULL);
    c->items = NpyIter_GetIterSize(first);
    if (c->next == NULL)
        status = -1;
    int serial = status == 1 && (NpyIter_IterationNeedsAPI(first) || count < 2); /* a cast may need the GIL */
    for (; status == 1 && !serial && c->iterator_count < count; c->iterator_count++)
        if ((iterators[c->iterator_count] = NpyIter_Copy(first)) == NULL) {
            PyErr_Clear();
            break;
        }
    if (serial) {
        iterate(c, first, 0, c->items, 0);
    } else if (status == 1) {
        gk_options options = region_options(c->iterator_count);
        Py_BEGIN_ALLOW_THREADS
        c->unit = items_at_a_time(c, first);
        if (c->unit >= c->items)
            c->unit = c->first > 0 ? ALIGNED_ITEMS : cut_of_one_run(c, first);
        if (c->unit > 0 && !atomic_load(&c->failed)) {
            options.grain = chunk_of(c->items, c->unit, options.threads, min_items);
            GK(gk_parallel_for)((c->items - c->first + c->unit - 1) / c->unit, compute_runs, c, &options);
        } else {
            atomic_store(&c->failed, 1);
        }
        Py_END_ALLOW_THREADS
    }
    /* This also writes temporary copies of outputs back. */
    for (int i = 0; i < c->iterator_count; i++)
        if (!NpyIter_Deallocate(iterators[i]))
            status = -1;
    if (iterators != few)
        PyMem_Free(iterators);
    return status;
}

/* ---- Sums of a row ---- */

/* NumPy adds the sums of two halves, and so on, down to PAIRWISE_BLOCK numbers. Here the loop computes each part of `most`
 * numbers or fewer. */
typedef struct {
    gk_ufunc_call call; /* operand 1: the row */
    int64_t most;
    npy_intp *ends; /* where each part ends, in items */
    char *sums;     /* of each part */
    npy_intp size;  /* of a sum */
} row_sum;

static int64_t half_of(int64_t n)
{
    n /= 2;
    return n - n % 8;
}

/* Divides the numbers from `begin` on; returns how many parts there are. A complex number counts as two. */
static int64_t divide(const row_sum *s, int64_t begin, int64_t n, int numbers, npy_intp *ends)
{
    if (n <= s->most) {
        *ends = (begin + n) / numbers;
        return 1;
    }
    int64_t half = half_of(n), parts = divide(s, begin, half, numbers, ends);
    return parts + divide(s, begin + half, n - half, numbers, ends + parts);
}

static void sum_parts(int64_t begin, int64_t end, void *of)
{
    row_sum *s = of;
    gk_ufunc_call *c = &s->call;
    forget_fp_errors();
    for (int64_t k = begin; k < end; k++) {
        npy_intp first = k > 0 ? s->ends[k - 1] : 0, count = s->ends[k] - first;
        char *sum = s->sums + k * s->size, *data[] = {sum, c->data[1] + first * c->strides[1], sum};
        if (call_loop(c, data, &count, c->strides) != 0)
            atomic_store_explicit(&c->failed, 1, memory_order_relaxed);
    }
    collect_fp_errors(c);
}

/* Adds up the sums of the parts of n numbers; returns how many parts there are. */
static int64_t add_sums(row_sum *s, int64_t n, char *sums)
{
    if (n <= s->most)
        return 1;
    const npy_intp strides[] = {s->size, s->size, s->size}, one = 1;
    int64_t half = half_of(n), left = add_sums(s, half, sums), right = add_sums(s, n - half, sums + left * s->size);
    char *data[] = {sums, sums + left * s->size, sums};
    if (call_loop(&s->call, data, &one, strides) != 0)
        atomic_store_explicit(&s->call.failed, 1, memory_order_relaxed);
    return left + right;
}

int gk_sum_row(PyObject *add, PyObject *capsule, PyObject *row, PyObject *total, int threads)
{
    PyArrayObject *from = (PyArrayObject *)row, *to = (PyArrayObject *)total;
    row_sum s = {.size = PyArray_ITEMSIZE(to)};
    gk_ufunc_call *c = &s.call;
    gk_left left;
    int numbers = PyArray_ISCOMPLEX(from) ? 2 : 1, fp_errors = -1;
    int64_t n = PyArray_SIZE(from) * numbers, sums = (int64_t)SUMS_PER_THREAD * threads;
    s.most = n / sums > PAIRWISE_BLOCK ? n / sums : PAIRWISE_BLOCK;
    c->ufunc = (PyUFuncObject *)add;
    c->nin = 2;
    c->nop = 3;
    c->capsule = Py_NewRef(capsule);
    c->data[1] = PyArray_BYTES(from);
    c->strides[1] = PyArray_STRIDE(from, 0);
    /* A part has at least half of `most` numbers, less 8. */
    size_t room = (size_t)(n / (s.most / 2 - 8) + 1);
    s.ends = PyMem_Malloc(room * sizeof *s.ends);
    s.sums = PyMem_Malloc(room * (size_t)s.size);
    if (s.ends == NULL || s.sums == NULL) {
        PyErr_NoMemory();
    } else if (!gk_fetch_loop(c, c->strides, &left)) {
        PyErr_SetString(PyExc_NotImplementedError, gk_left_names[left]);
    } else {
        int64_t parts = divide(&s, 0, n, numbers, s.ends);
        for (int64_t k = 0; k < parts; k++)
            memcpy(s.sums + k * s.size, PyArray_DATA(to), (size_t)s.size);
        gk_options options = region_options(threads);
        options.grain = 1;
        Py_BEGIN_ALLOW_THREADS
        GK(gk_parallel_for)(parts, sum_parts, &s, &options);
        Py_END_ALLOW_THREADS
        forget_fp_errors();
        add_sums(&s, n, s.sums);
        collect_fp_errors(c);
        memcpy(PyArray_DATA(to), s.sums, (size_t)s.size);
        if (atomic_load(&c->failed))
            PyErr_SetString(PyExc_RuntimeError, "a loop of NumPy failed");
        else
            fp_errors = atomic_load(&c->fp_errors);
    }
    PyMem_Free(s.ends);
    PyMem_Free(s.sums);
    gk_release_call(c);
    return fp_errors;
}

/* ---- All together ---- */

int gk_elementwise(PyObject *ufunc, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, gk_ufunc_record *record,
                   int64_t min_items, PyObject **result, gk_left *left)
{
    gk_ufunc_call c = {.ufunc = (PyUFuncObject *)ufunc, .nin = ((PyUFuncObject *)ufunc)->nin, .nop = ((PyUFuncObject *)ufunc)->nargs};
    npy_intp shape[NPY_MAXDIMS];
    int ndim, fortran = 0, status = 0;
    c.foreign = record->foreign;
    int threads = scope_threads();
    if (threads == 0)
        threads = GK(gk_num_threads)();
    if (threads < 2 && min_items == 0)
        return gk_leave_to_numpy(left, GK_LEFT_ONE_THREAD), 0;
    if (c.ufunc->core_enabled)
        return gk_leave_to_numpy(left, GK_LEFT_CORE), 0;
    if (c.nop > MAX_OPERANDS || c.nin < 1)
        return gk_leave_to_numpy(left, GK_LEFT_ARGUMENTS), 0;
    if (!gk_take_arguments(&c, args, nargs, kwnames, left))
        goto done;
    c.items = gk_broadcast_size(c.op, c.nop, &ndim, shape);
    if (c.items < 1 || ndim == 0) {
        gk_leave_to_numpy(left, c.items < 0 ? GK_LEFT_ARGUMENTS : GK_LEFT_TOO_SMALL);
        goto done;
    }
    for (int o = c.nin; o < c.nop; o++)
        /* An output that does not have the shape is an error, or is broadcast: NumPy knows. */
        if (c.op[o] != NULL && (PyArray_NDIM(c.op[o]) != ndim || !PyArray_CompareLists(PyArray_DIMS(c.op[o]), shape, ndim))) {
            gk_leave_to_numpy(left, GK_LEFT_ARGUMENTS);
            goto done;
        }
    if (gk_outputs_overlap(&c)) {
        gk_leave_to_numpy(left, GK_LEFT_OVERLAP); /* which is written last depends on the order */
        goto done;
    }
    if (!gk_find_loop(&c, args, left))
        goto done;
    int64_t before = GK(gk_now)();
    int one = c.nop - c.nin == 1 ? is_one_run(&c, &fortran) : 0;
    if (one == 0 && c.where != NULL) {
        gk_leave_to_numpy(left, GK_LEFT_KEYWORD);
        goto done;
    }
    if (one == BACKWARDS) {
        gk_leave_to_numpy(left, GK_LEFT_BACKWARDS);
        goto done;
    }
    if (one == OVERLAP) {
        gk_leave_to_numpy(left, GK_LEFT_OVERLAP);
        goto done;
    }
    status = one < 0    ? -1
             : one == 1 ? run_once(&c, fortran, ndim, shape, threads, min_items, left)
                        : run_iterators(&c, threads, min_items, left);
    if (status == 0)
        goto done;
    *result = NULL;
    if (status == 1 && atomic_load(&c.failed)) {
        PyObject *error = atomic_exchange(&c.error, NULL);
        if (error != NULL) {
            PyErr_SetObject((PyObject *)Py_TYPE(error), error);
            Py_DECREF(error);
        } else if (!PyErr_Occurred())
            PyErr_NoMemory(); /* a buffer of a cast; loops that raise are not divided */
        status = -1;
    }
    if (status == 1 && !c.info->no_floatingpoint_errors && c.fp_errors != 0 &&
        PyUFunc_GiveFloatingpointErrors(c.ufunc->name, c.fp_errors) < 0)
        status = -1;
    if (status == 1 && c.nop - c.nin == 1) {
        *result = Py_NewRef((PyObject *)c.op[c.nin]);
    } else if (status == 1) {
        *result = PyTuple_New(c.nop - c.nin);
        for (int o = c.nin; *result != NULL && o < c.nop; o++)
            PyTuple_SET_ITEM(*result, o - c.nin, Py_NewRef((PyObject *)c.op[o]));
    }
    if (gk_collect_statistics) {
        atomic_fetch_add(&record->calls, 1);
        atomic_fetch_add(&record->items, c.items);
        atomic_fetch_add(&record->nanoseconds, GK(gk_now)() - before);
    }
    status = 1;
done:
    gk_release_call(&c);
    return status;
}
