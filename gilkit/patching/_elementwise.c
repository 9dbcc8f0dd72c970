/* One call of a ufunc on all cores, with NumPy's own loops.
 *
 * NumPy decides everything that shows: which loop computes (_resolve_dtypes_and_context,
 * _get_strided_loop), how operands are broadcast, ordered, cast and copied where they overlap
 * (NpyIter), and what becomes of floating-point errors (PyUFunc_GiveFloatingpointErrors).
 * Here the items are divided, and the loop is called for each part. A call that needs more
 * than that is left to NumPy before anything has happened.
 *
 * The same bits: NumPy's loops compute each item from the operands' items alone. But some
 * compute the last items of a run, which do not fill a vector, in another way than the
 * others. So the runs that NumPy would make are divided at multiples of ALIGNED_ITEMS, and
 * an iteration over many runs is divided between them.
 */
#define PY_SSIZE_T_CLEAN
#include "gilkit/patching/_elementwise.h"

#include <fenv.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

/* This file imports NumPy's functions for _hooks.c too. */
#define PY_ARRAY_UNIQUE_SYMBOL gilkit_patching_array_api
#define PY_UFUNC_UNIQUE_SYMBOL gilkit_patching_ufunc_api
#undef NPY_TARGET_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>
#include <numpy/dtype_api.h>
#include <numpy/ufuncobject.h>

#include "gilkit/_import_core.h"

#if !(defined(__GNUC__) || defined(__clang__))
#  pragma STDC FENV_ACCESS ON
#endif

enum {
    MAX_OPERANDS = 8,
    ALIGNED_ITEMS = 64, /* the largest vector, 64 bytes, of the smallest items */
    MIN_CHUNK = 1024,   /* items; a smaller chunk costs more to hand out than it computes */
    CHUNKS_PER_THREAD = 16,
    NUMPY_BUFFER = 8192 /* items: NumPy copies operands up to this size to get a single run */
};

/* NumPy's flag of arrays from numpy.broadcast_arrays, which its headers do not show. */
static const int WARN_ON_WRITE = INT_MIN;

const char *const gk_left_names[GK_LEFT_REASONS] = {
    "too small",           "one thread",         "operand that is not an array or a number",
    "dtype",               "keyword argument",   "generalized ufunc",
    "overlapping output",  "loop that needs Python", "no loop for these dtypes",
};

int gk_collect_statistics;

static int (*scope_threads)(void);
static PyObject *resolve_name, *get_loop_name, *out_name, *where_name, *fixed_strides_names, *get_buffer_size;

int gk_elementwise_import(int (*threads)(void))
{
    if (PyArray_ImportNumPyAPI() < 0 || PyUFunc_ImportUFuncAPI() < 0 || gk_import_core() < 0)
        return -1;
    scope_threads = threads;
    resolve_name = PyUnicode_InternFromString("_resolve_dtypes_and_context");
    get_loop_name = PyUnicode_InternFromString("_get_strided_loop");
    out_name = PyUnicode_InternFromString("out");
    where_name = PyUnicode_InternFromString("where");
    fixed_strides_names = Py_BuildValue("(s)", "fixed_strides");
    PyObject *numpy = PyImport_ImportModule("numpy");
    get_buffer_size = numpy == NULL ? NULL : PyObject_GetAttrString(numpy, "getbufsize");
    Py_XDECREF(numpy);
    int failed = get_buffer_size == NULL || resolve_name == NULL || get_loop_name == NULL || out_name == NULL ||
                 where_name == NULL || fixed_strides_names == NULL;
    return failed ? -1 : 0;
}

int gk_give_fp_errors(const char *name, int flags)
{
    return PyUFunc_GiveFloatingpointErrors(name, flags);
}

/* ---- One call ---- */

/* The beginning of the struct in NumPy's capsule, which the docstring of
 * ufunc._resolve_dtypes_and_context describes. The capsule's name is its version. */
typedef struct {
    PyArrayMethod_StridedLoop *loop;
    PyArrayMethod_Context *context;
    NpyAuxData *auxdata;
    npy_bool requires_pyapi;
    npy_bool no_floatingpoint_errors;
} call_info;

static const char CALL_INFO[] = "numpy_1.24_ufunc_call_info";

typedef struct {
    PyUFuncObject *ufunc;
    int nin, nop;
    PyArrayObject *op[MAX_OPERANDS];      /* owned; NULL: an output to be allocated */
    PyObject *dtypes;                     /* NumPy's tuple: what the loop takes and gives */
    PyObject *capsule;
    const call_info *info;
    /* One run: where each operand begins, and its stride. */
    char *data[MAX_OPERANDS];
    npy_intp strides[MAX_OPERANDS];
    /* Only the items for which this is true are computed. */
    PyArrayObject *where; /* owned, or NULL */
    const char *mask;
    npy_intp mask_stride;
    /* Or many: an iterator for each thread, and where the first part begins, and how many
     * items lie between two cuts. */
    NpyIter **iterators;
    int iterator_count;
    NpyIter_IterNextFunc *next;
    int64_t first, unit;
    int64_t items;
    _Atomic int fp_errors; /* NPY_FPE_… */
    _Atomic int failed;    /* what a loop or a cast returned */
    int foreign;
    PyObject *_Atomic error; /* owned: the first exception that a foreign loop set */
} call;

static PyArray_Descr *dtype_of(const call *c, int i)
{
    return (PyArray_Descr *)PyTuple_GET_ITEM(c->dtypes, i);
}

static void release(call *c)
{
    for (int i = 0; i < c->nop; i++)
        Py_CLEAR(c->op[i]);
    Py_CLEAR(c->where);
    Py_CLEAR(c->dtypes);
    Py_CLEAR(c->capsule);
    Py_XDECREF(atomic_exchange(&c->error, NULL));
}

/* ---- Floating-point errors, which are flags of the thread that makes them ---- */

static void forget_fp_errors(void)
{
    feclearexcept(FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW | FE_INVALID);
}

static void collect_fp_errors(call *c)
{
    int flags = fetestexcept(FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW | FE_INVALID);
    if (flags != 0)
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
static int call_foreign_loop(call *c, char **data, const npy_intp *count, const npy_intp *strides)
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

static inline int call_loop(call *c, char **data, const npy_intp *count, const npy_intp *strides)
{
    return c->foreign ? call_foreign_loop(c, data, count, strides)
                      : c->info->loop(c->info->context, data, count, strides, c->info->auxdata);
}

/* Where the array's memory begins and ends. */
static void memory_of(PyArrayObject *array, char **low, char **high)
{
    *low = *high = PyArray_BYTES(array);
    for (int axis = 0; axis < PyArray_NDIM(array); axis++) {
        npy_intp reach = PyArray_STRIDE(array, axis) * (PyArray_DIM(array, axis) - 1);
        *(reach < 0 ? low : high) += reach;
    }
    *high += PyArray_ITEMSIZE(array);
}

/* ---- The bodies of the regions; they need no GIL ---- */

static void compute_run(int64_t begin, int64_t end, void *of)
{
    call *c = of;
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
    call *c = of;
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
static npy_intp iterate(call *c, NpyIter *iterator, npy_intp begin, npy_intp end, int once)
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

/* Returns how many items NumPy computes at a time: a cut between these changes no bit. 0: an error. If outputs go through
 * buffers, this computes the first items, because the iterator writes its buffers back in any case. */
static int64_t items_at_a_time(call *c, NpyIter *iterator)
{
    char *message = NULL, *low, *high;
    forget_fp_errors();
    if (NpyIter_ResetToIterIndexRange(iterator, 0, c->items, &message) != NPY_SUCCEED)
        return 0;
    char **data = NpyIter_GetDataPtrArray(iterator);
    for (int o = c->nin; o < c->nop; o++) {
        memory_of(NpyIter_GetOperandArray(iterator)[o], &low, &high);
        if (data[o] < low || data[o] >= high)
            return c->first = iterate(c, iterator, 0, c->items, 1);
    }
    return *NpyIter_GetInnerLoopSizePtr(iterator);
}

/* Returns where one run that holds all items may be cut. If the iterator made it of several rows, in a buffer, it makes
 * shorter runs from the middle of a row on, and it cannot be cut. */
static int64_t cut_of_one_run(call *c, NpyIter *iterator)
{
    char *message = NULL;
    if (c->items <= ALIGNED_ITEMS ||
        NpyIter_ResetToIterIndexRange(iterator, ALIGNED_ITEMS, c->items, &message) != NPY_SUCCEED)
        return c->items;
    return *NpyIter_GetInnerLoopSizePtr(iterator) == c->items - ALIGNED_ITEMS ? ALIGNED_ITEMS : c->items;
}

static void compute_runs(int64_t begin, int64_t end, void *of)
{
    call *c = of;
    int64_t last = c->first + end * c->unit;
    iterate(c, c->iterators[GK(gk_participant)()], c->first + begin * c->unit, last < c->items ? last : c->items, 0);
}

/* ---- What may be divided ---- */

/* The dtypes whose loops and casts are NumPy's own and do without Python. */
static int is_plain(const PyArray_Descr *dtype)
{
    int number = dtype->type_num;
    return PyTypeNum_ISNUMBER(number) || number == NPY_BOOL || number == NPY_DATETIME || number == NPY_TIMEDELTA;
}

/* Loops that raise exceptions: they set them in the thread that they run in, where they would be lost. Integers to negative
 * powers, and since NumPy 2.5 overflows of dates and durations. */
static int loop_raises(const call *c)
{
    for (int o = c->nin; o < c->nop; o++)
        if (PyTypeNum_ISDATETIME(dtype_of(c, o)->type_num))
            return 1;
    return strcmp(c->ufunc->name, "power") == 0 && PyTypeNum_ISINTEGER(dtype_of(c, 0)->type_num);
}

static int is_number(PyObject *object)
{
    return PyFloat_CheckExact(object) || PyLong_CheckExact(object) || PyComplex_CheckExact(object);
}

static void *leave(gk_left *left, gk_left why)
{
    *left = why;
    return NULL;
}

int64_t gk_glance(PyObject *const *args, Py_ssize_t nargs)
{
    const PyArrayObject *largest = NULL, *other = NULL;
    for (Py_ssize_t i = 0; i < nargs; i++) {
        if (!PyArray_CheckExact(args[i]))
            continue;
        const PyArrayObject *array = (const PyArrayObject *)args[i];
        if (largest == NULL || PyArray_NDIM(array) > PyArray_NDIM(largest))
            other = largest, largest = array;
        else
            other = array;
    }
    if (largest == NULL)
        return 0;
    int ndim = PyArray_NDIM(largest), first = other == NULL ? ndim : ndim - PyArray_NDIM(other);
    int64_t items = 1;
    for (int axis = 0; axis < ndim; axis++) {
        int64_t length = PyArray_DIMS(largest)[axis];
        if (axis >= first && PyArray_DIMS(other)[axis - first] > length)
            length = PyArray_DIMS(other)[axis - first]; /* broadcast */
        items *= length;
    }
    return items;
}

/* The number of items of the broadcast operands; -1 if they do not fit together. */
static int64_t broadcast_size(PyArrayObject *const *op, int nop, int *ndim, npy_intp *shape)
{
    *ndim = 0;
    for (int i = 0; i < nop; i++)
        if (op[i] != NULL && PyArray_NDIM(op[i]) > *ndim)
            *ndim = PyArray_NDIM(op[i]);
    for (int axis = 0; axis < *ndim; axis++)
        shape[axis] = 1;
    for (int i = 0; i < nop; i++) {
        if (op[i] == NULL)
            continue;
        int first = *ndim - PyArray_NDIM(op[i]);
        for (int axis = first; axis < *ndim; axis++) {
            npy_intp length = PyArray_DIM(op[i], axis - first);
            if (length == 1 || length == shape[axis])
                continue;
            if (shape[axis] != 1)
                return -1;
            shape[axis] = length;
        }
    }
    return PyArray_MultiplyList(shape, *ndim);
}

/* Whether two items of the array may be in the same place. */
static int overlaps_itself(PyArrayObject *array)
{
    npy_intp extent = PyArray_ITEMSIZE(array);
    int ndim = PyArray_NDIM(array), done[NPY_MAXDIMS] = {0};
    for (int round = 0; round < ndim; round++) {
        int nearest = -1;
        for (int axis = 0; axis < ndim; axis++)
            if (!done[axis] && (nearest < 0 || imaxabs(PyArray_STRIDE(array, axis)) < imaxabs(PyArray_STRIDE(array, nearest))))
                nearest = axis;
        done[nearest] = 1;
        if (PyArray_DIM(array, nearest) == 1)
            continue;
        npy_intp stride = imaxabs(PyArray_STRIDE(array, nearest));
        if (stride < extent)
            return 1;
        extent = stride * (PyArray_DIM(array, nearest) - 1) + extent;
    }
    return 0;
}

/* Whether two outputs may share memory. */
static int outputs_overlap(const call *c)
{
    char *low, *high, *other_low, *other_high;
    for (int o = c->nin + 1; o < c->nop; o++)
        for (int p = c->nin; p < o; p++) {
            if (c->op[o] == NULL || c->op[p] == NULL)
                continue;
            memory_of(c->op[o], &low, &high);
            memory_of(c->op[p], &other_low, &other_high);
            if (low < other_high && other_low < high)
                return 1;
        }
    return 0;
}

/* ---- Arguments ---- */

/* Takes the operands from the arguments. Returns 0 if the call is left to NumPy. */
static int take_arguments(call *c, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, gk_left *left)
{
    int nout = c->nop - c->nin;
    PyObject *out = NULL, *where = NULL;
    if (nargs < c->nin || nargs > c->nop)
        return leave(left, GK_LEFT_OPERANDS), 0;
    for (Py_ssize_t k = 0; kwnames != NULL && k < PyTuple_GET_SIZE(kwnames); k++) {
        if (PyUnicode_Compare(PyTuple_GET_ITEM(kwnames, k), out_name) == 0 && nargs == c->nin)
            out = args[nargs + k];
        else if (PyUnicode_Compare(PyTuple_GET_ITEM(kwnames, k), where_name) == 0)
            where = args[nargs + k];
        else
            return leave(left, GK_LEFT_KEYWORD), 0;
    }
    if (where != NULL && where != Py_True) {
        /* A loop that is not NumPy's would take the GIL for each run of the mask. */
        if (c->foreign || !PyArray_CheckExact(where) || PyArray_TYPE((PyArrayObject *)where) != NPY_BOOL)
            return leave(left, GK_LEFT_KEYWORD), 0;
        c->where = (PyArrayObject *)Py_NewRef(where);
    }
    /* NumPy warns of a third positional argument. */
    if (nargs > c->nin && (strcmp(c->ufunc->name, "maximum") == 0 || strcmp(c->ufunc->name, "minimum") == 0))
        return leave(left, GK_LEFT_KEYWORD), 0;
    for (int i = 0; i < c->nop; i++) {
        PyObject *given = i < nargs ? args[i] : NULL;
        if (out != NULL && i >= c->nin) {
            if (PyTuple_CheckExact(out) && PyTuple_GET_SIZE(out) == nout)
                given = PyTuple_GET_ITEM(out, i - c->nin);
            else if (nout == 1)
                given = out;
            else
                return leave(left, GK_LEFT_KEYWORD), 0;
        }
        if (i >= c->nin && (given == NULL || given == Py_None)) {
            if (where != NULL)
                return leave(left, GK_LEFT_KEYWORD), 0; /* NumPy may warn: the other items are arbitrary */
            continue;
        }
        if (PyArray_CheckExact(given)) {
            c->op[i] = (PyArrayObject *)Py_NewRef(given);
            if (!is_plain(PyArray_DESCR(c->op[i])))
                return leave(left, GK_LEFT_DTYPE), 0;
            if (i >= c->nin && (!PyArray_ISWRITEABLE(c->op[i]) || overlaps_itself(c->op[i]) ||
                                (PyArray_FLAGS(c->op[i]) & WARN_ON_WRITE)))
                return leave(left, GK_LEFT_OVERLAP), 0;
        } else if (i >= c->nin || !(is_number(given) || PyBool_Check(given) || PyArray_CheckAnyScalarExact(given))) {
            return leave(left, GK_LEFT_OPERANDS), 0;
        }
    }
    return 1;
}

/* Whether a Python number becomes an item of the dtype without a warning or an error. */
static int fits(PyObject *number, int type_num)
{
    if (PyTypeNum_ISINTEGER(type_num))
        return PyLong_CheckExact(number);
    if (type_num == NPY_DOUBLE || type_num == NPY_CDOUBLE || type_num == NPY_LONGDOUBLE || type_num == NPY_CLONGDOUBLE)
        return 1;
    if (PyComplex_CheckExact(number) || type_num == NPY_BOOL || PyTypeNum_ISDATETIME(type_num))
        return 0;
    /* Within the range of float16. */
    double value = PyFloat_CheckExact(number) ? PyFloat_AS_DOUBLE(number) : PyLong_AsDouble(number);
    if (value == -1 && PyErr_Occurred())
        return PyErr_Clear(), 0;
    return value == 0 || isnan(value) || isinf(value) || (fabs(value) > 1e-4 && fabs(value) < 60000);
}

/* Asks NumPy for the dtypes and the loop. Numbers of Python have types instead of dtypes, which
 * adapt to the other operands. */
static int find_loop(call *c, PyObject *const *args, gk_left *left)
{
    PyObject *given = PyTuple_New(c->nop), *found;
    if (given == NULL)
        return 0;
    for (int i = 0; i < c->nop; i++) {
        PyObject *dtype = Py_None;
        if (c->op[i] != NULL)
            dtype = (PyObject *)PyArray_DESCR(c->op[i]);
        else if (i < c->nin && is_number(args[i]))
            dtype = (PyObject *)Py_TYPE(args[i]);
        else if (i < c->nin) {
            c->op[i] = (PyArrayObject *)PyArray_FromAny(args[i], NULL, 0, 0, 0, NULL);
            if (c->op[i] == NULL || !is_plain(PyArray_DESCR(c->op[i]))) {
                PyErr_Clear();
                Py_DECREF(given);
                return leave(left, GK_LEFT_DTYPE), 0;
            }
            dtype = (PyObject *)PyArray_DESCR(c->op[i]);
        }
        PyTuple_SET_ITEM(given, i, Py_NewRef(dtype));
    }
    found = PyObject_CallMethodOneArg((PyObject *)c->ufunc, resolve_name, given);
    Py_DECREF(given);
    if (found == NULL) {
        PyErr_Clear(); /* NumPy will raise it, or find a way for these values */
        return leave(left, GK_LEFT_NO_LOOP), 0;
    }
    c->dtypes = Py_NewRef(PyTuple_GET_ITEM(found, 0));
    c->capsule = Py_NewRef(PyTuple_GET_ITEM(found, 1));
    Py_DECREF(found);
    for (int i = 0; i < c->nop; i++)
        if (!is_plain(dtype_of(c, i)))
            return leave(left, GK_LEFT_DTYPE), 0;
    if (loop_raises(c))
        return leave(left, GK_LEFT_PYTHON), 0;
    /* Numbers become arrays as in NumPy: those that do not fit raise, or are compared in another way. */
    for (int i = 0; i < c->nin; i++) {
        if (c->op[i] != NULL)
            continue;
        PyArray_Descr *dtype = dtype_of(c, i);
        if (!fits(args[i], dtype->type_num))
            return leave(left, GK_LEFT_OPERANDS), 0;
        Py_INCREF(dtype);
        c->op[i] = (PyArrayObject *)PyArray_NewFromDescr(&PyArray_Type, dtype, 0, NULL, NULL, NULL, 0, NULL);
        if (c->op[i] == NULL || PyArray_Pack(dtype, PyArray_DATA(c->op[i]), args[i]) < 0) {
            PyErr_Clear();
            return leave(left, GK_LEFT_OPERANDS), 0;
        }
    }
    return 1;
}

/* Whether numpy.setbufsize() has changed how NumPy divides what it casts. */
static int is_buffer_size_usual(void)
{
    PyObject *size = PyObject_CallNoArgs(get_buffer_size);
    long items = size == NULL ? -1 : PyLong_AsLong(size);
    Py_XDECREF(size);
    PyErr_Clear();
    return items == NUMPY_BUFFER;
}

/* Fetches the loop; `strides` may be NULL. Returns 0 if it needs the GIL. */
static int fetch_loop(call *c, const npy_intp *strides, gk_left *left)
{
    PyObject *fixed = Py_NewRef(Py_None), *args[3] = {(PyObject *)c->ufunc, c->capsule, NULL}, *done;
    if (strides != NULL) {
        Py_SETREF(fixed, PyTuple_New(c->nop));
        for (int i = 0; fixed != NULL && i < c->nop; i++)
            PyTuple_SET_ITEM(fixed, i, PyLong_FromSsize_t(strides[i]));
    }
    args[2] = fixed;
    done = fixed == NULL ? NULL : PyObject_VectorcallMethod(get_loop_name, args, 2, fixed_strides_names);
    Py_XDECREF(fixed);
    if (done == NULL) {
        PyErr_Clear();
        return leave(left, GK_LEFT_NO_LOOP), 0;
    }
    Py_DECREF(done);
    c->info = PyCapsule_GetPointer(c->capsule, CALL_INFO);
    if (c->info == NULL) {
        PyErr_Clear();
        return leave(left, GK_LEFT_NO_LOOP), 0;
    }
    return c->info->requires_pyapi ? leave(left, GK_LEFT_PYTHON), 0 : 1;
}

/* ---- Two ways to iterate, as in NumPy ---- */

enum { OVERLAP = 2 };

/* Whether the mask is one run, too, in the order of the operands. */
static int take_mask(call *c, PyArrayObject *like, int order)
{
    int own = PyArray_FLAGS(c->where) & (NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_F_CONTIGUOUS);
    if (!PyArray_SAMESHAPE(c->where, like) || (PyArray_NDIM(like) > 1 && own != order))
        return 0;
    c->mask = PyArray_BYTES(c->where);
    c->mask_stride = PyArray_NDIM(like) == 1 ? PyArray_STRIDE(c->where, 0) : 1;
    int backwards = c->mask_stride < 0;
    for (int i = 0; i < c->nop; i++)
        backwards |= c->op[i] != NULL && c->strides[i] < 0;
    return !backwards; /* NumPy goes through the items the other way round if all do so */
}

/* Finds out whether NumPy would call its loop once for all items, as it does for operands that are
 * one-dimensional or contiguous in the same order. Copies small operands of another dtype for it. */
static int is_one_run(call *c, int *fortran)
{
    PyArrayObject *first = NULL;
    int order = 0;
    for (int i = 0; i < c->nop; i++) {
        if (c->op[i] == NULL)
            continue;
        if (!PyArray_ISALIGNED(c->op[i]) || !PyArray_EquivTypes(PyArray_DESCR(c->op[i]), dtype_of(c, i))) {
            if (c->where != NULL)
                return 0; /* NumPy divides the runs of a mask where its buffers end */
            int small = PyArray_NDIM(c->op[i]) == 0 || (PyArray_NDIM(c->op[i]) == 1 && PyArray_DIM(c->op[i], 0) <= NUMPY_BUFFER);
            if (i >= c->nin || !small)
                return 0;
            Py_INCREF(dtype_of(c, i));
            PyArrayObject *copy = (PyArrayObject *)PyArray_CastToType(c->op[i], dtype_of(c, i), 0);
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
    *fortran = order == NPY_ARRAY_F_CONTIGUOUS;
    for (int o = c->nin; o < c->nop; o++) {
        char *low, *high, *other_low, *other_high;
        if (c->op[o] == NULL)
            continue;
        memory_of(c->op[o], &low, &high);
        if (c->where != NULL) {
            memory_of(c->where, &other_low, &other_high);
            if (low < other_high && other_low < high)
                return OVERLAP;
        }
        for (int i = 0; i < c->nin; i++) {
            /* The very same items may be replaced: each is read before it is written. */
            if (PyArray_BYTES(c->op[i]) == PyArray_BYTES(c->op[o]) && c->strides[i] == c->strides[o])
                continue;
            memory_of(c->op[i], &other_low, &other_high);
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
static int run_once(call *c, int fortran, int ndim, const npy_intp *shape, int threads, int64_t min_items, gk_left *left)
{
    PyArrayObject *allocated = NULL;
    if (c->op[c->nin] == NULL)
        c->strides[c->nin] = dtype_of(c, c->nin)->elsize;
    if (!fetch_loop(c, c->strides, left))
        return 0;
    if (c->op[c->nin] == NULL) {
        Py_INCREF(dtype_of(c, c->nin));
        allocated = (PyArrayObject *)PyArray_NewFromDescr(&PyArray_Type, dtype_of(c, c->nin), ndim, shape, NULL, NULL,
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
static int run_iterators(call *c, int threads, int64_t min_items, gk_left *left)
{
    npy_uint32 op_flags[MAX_OPERANDS];
    PyArray_Descr *dtypes[MAX_OPERANDS];
    if (!fetch_loop(c, NULL, left))
        return 0;
    if (!is_buffer_size_usual())
        return leave(left, GK_LEFT_OPERANDS), 0;
    for (int i = 0; i < c->nop; i++) {
        /* Here the errors of the cast count, and those that the loop makes by accident do not: NumPy tells them apart. */
        if (i >= c->nin && c->info->no_floatingpoint_errors && c->op[i] != NULL &&
            !PyArray_EquivTypes(PyArray_DESCR(c->op[i]), dtype_of(c, i)))
            return leave(left, GK_LEFT_DTYPE), 0;
        dtypes[i] = dtype_of(c, i);
        if (c->ufunc->op_flags != NULL && c->ufunc->op_flags[i] != 0)
            return leave(left, GK_LEFT_OPERANDS), 0;
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

/* ---- Costs ---- */

/* Costs are kept by the dtype of the first array, which is known before NumPy is asked for a loop. */
gk_costs *gk_costs_of(gk_ufunc_record *record, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    for (Py_ssize_t k = 0; kwnames != NULL && k < PyTuple_GET_SIZE(kwnames); k++)
        if (PyUnicode_Compare(PyTuple_GET_ITEM(kwnames, k), where_name) == 0)
            return &record->masked;
    for (Py_ssize_t i = 0; i < nargs; i++)
        if (PyArray_CheckExact(args[i]) && PyArray_NDIM((PyArrayObject *)args[i]) > 0)
            return &record->costs[PyArray_TYPE((PyArrayObject *)args[i]) % GK_COST_DTYPES];
    return &record->costs[0];
}

/* ---- All together ---- */

int gk_elementwise(PyObject *ufunc, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, gk_ufunc_record *record,
                   int64_t min_items, PyObject **result, gk_left *left)
{
    call c = {.ufunc = (PyUFuncObject *)ufunc, .nin = ((PyUFuncObject *)ufunc)->nin, .nop = ((PyUFuncObject *)ufunc)->nargs};
    npy_intp shape[NPY_MAXDIMS];
    int ndim, fortran = 0, status = 0;
    c.foreign = record->foreign;
    int threads = scope_threads();
    if (threads == 0)
        threads = GK(gk_num_threads)();
    if (threads < 2 && min_items == 0)
        return leave(left, GK_LEFT_ONE_THREAD), 0;
    if (c.ufunc->core_enabled)
        return leave(left, GK_LEFT_CORE), 0;
    if (c.nop > MAX_OPERANDS || c.nin < 1)
        return leave(left, GK_LEFT_OPERANDS), 0;
    if (!take_arguments(&c, args, nargs, kwnames, left))
        goto done;
    c.items = broadcast_size(c.op, c.nop, &ndim, shape);
    if (c.items < 1 || ndim == 0) {
        leave(left, c.items < 0 ? GK_LEFT_OPERANDS : GK_LEFT_TOO_SMALL);
        goto done;
    }
    for (int o = c.nin; o < c.nop; o++)
        /* An output that does not have the shape is an error, or is broadcast: NumPy knows. */
        if (c.op[o] != NULL && (PyArray_NDIM(c.op[o]) != ndim || !PyArray_CompareLists(PyArray_DIMS(c.op[o]), shape, ndim))) {
            leave(left, GK_LEFT_OPERANDS);
            goto done;
        }
    if (outputs_overlap(&c)) {
        leave(left, GK_LEFT_OVERLAP); /* which is written last depends on the order */
        goto done;
    }
    if (!find_loop(&c, args, left))
        goto done;
    int64_t before = GK(gk_now)();
    int one = c.nop - c.nin == 1 ? is_one_run(&c, &fortran) : 0;
    if (one == 0 && c.where != NULL) {
        leave(left, GK_LEFT_KEYWORD);
        goto done;
    }
    if (one == OVERLAP) {
        leave(left, GK_LEFT_OVERLAP);
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
    release(&c);
    return status;
}
