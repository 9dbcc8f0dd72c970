/* Parses the arguments of a ufunc call, and checks whether _elementwise.c can divide it. */
#define GK_IMPORTS_NUMPY
#include "gilkit/patching/_ufunc_call.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <string.h>

/* NumPy's flag of arrays from numpy.broadcast_arrays, which its headers do not show. */
static const int WARN_ON_WRITE = INT_MIN;

const char *const gk_left_names[GK_LEFT_REASONS] = {
    "too small",           "one thread",         "operand that is not an array or a number",
    "dtype",               "keyword argument",   "generalized ufunc",
    "overlapping output",  "loop that needs Python", "no loop for these dtypes",
    "arguments",           "negative strides",   "one thread was faster",
};

static const char CALL_INFO[] = "numpy_1.24_ufunc_call_info";

static PyObject *resolve_name, *get_loop_name, *out_name, *where_name, *fixed_strides_names, *get_buffer_size;

int gk_ufunc_call_import(void)
{
    if (PyArray_ImportNumPyAPI() < 0 || PyUFunc_ImportUFuncAPI() < 0)
        return -1;
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

void gk_release_call(gk_ufunc_call *c)
{
    for (int i = 0; i < c->nop; i++)
        Py_CLEAR(c->op[i]);
    Py_CLEAR(c->where);
    Py_CLEAR(c->dtypes);
    Py_CLEAR(c->capsule);
    Py_XDECREF(atomic_exchange(&c->error, NULL));
}

/* Where the array's memory begins and ends. */
void gk_memory_of(PyArrayObject *array, char **low, char **high)
{
    *low = *high = PyArray_BYTES(array);
    for (int axis = 0; axis < PyArray_NDIM(array); axis++) {
        npy_intp reach = PyArray_STRIDE(array, axis) * (PyArray_DIM(array, axis) - 1);
        *(reach < 0 ? low : high) += reach;
    }
    *high += PyArray_ITEMSIZE(array);
}

/* ---- Calls that may be divided ---- */

/* The dtypes whose loops and casts are NumPy's own and do without Python. */
static int is_plain(const PyArray_Descr *dtype)
{
    int number = dtype->type_num;
    return PyTypeNum_ISNUMBER(number) || number == NPY_BOOL || number == NPY_DATETIME || number == NPY_TIMEDELTA;
}

/* Loops that raise exceptions: they set them in the thread that they run in, where they would be lost. Integers to negative
 * powers, and since NumPy 2.5 overflows of dates and durations. */
static int loop_raises(const gk_ufunc_call *c)
{
    for (int o = c->nin; o < c->nop; o++)
        if (PyTypeNum_ISDATETIME(gk_dtype_of(c, o)->type_num))
            return 1;
    return strcmp(c->ufunc->name, "power") == 0 && PyTypeNum_ISINTEGER(gk_dtype_of(c, 0)->type_num);
}

static int is_number(PyObject *object)
{
    return PyFloat_CheckExact(object) || PyLong_CheckExact(object) || PyComplex_CheckExact(object);
}

static int is_scalar(PyObject *object)
{
    return is_number(object) || PyBool_Check(object) || PyArray_CheckAnyScalarExact(object);
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

gk_left gk_why_no_items(PyObject *const *args, Py_ssize_t nargs)
{
    for (Py_ssize_t i = 0; i < nargs; i++)
        if (!PyArray_CheckExact(args[i]) && !is_scalar(args[i]))
            return GK_LEFT_OPERANDS;
    return GK_LEFT_TOO_SMALL; /* numbers, and arrays without items */
}

/* The number of items of the broadcast operands; -1 if they do not fit together. */
int64_t gk_broadcast_size(PyArrayObject *const *op, int nop, int *ndim, npy_intp *shape)
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

/* Whether two items of the array may share memory. */
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
int gk_outputs_overlap(const gk_ufunc_call *c)
{
    char *low, *high, *other_low, *other_high;
    for (int o = c->nin + 1; o < c->nop; o++)
        for (int p = c->nin; p < o; p++) {
            if (c->op[o] == NULL || c->op[p] == NULL)
                continue;
            gk_memory_of(c->op[o], &low, &high);
            gk_memory_of(c->op[p], &other_low, &other_high);
            if (low < other_high && other_low < high)
                return 1;
        }
    return 0;
}

/* ---- Arguments ---- */

/* Takes the operands from the arguments. Returns 0 if the call is left to NumPy. */
int gk_take_arguments(gk_ufunc_call *c, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, gk_left *left)
{
    int nout = c->nop - c->nin;
    PyObject *out = NULL, *where = NULL;
    if (nargs < c->nin || nargs > c->nop)
        return gk_leave_to_numpy(left, GK_LEFT_ARGUMENTS), 0;
    for (Py_ssize_t k = 0; kwnames != NULL && k < PyTuple_GET_SIZE(kwnames); k++) {
        if (PyUnicode_Compare(PyTuple_GET_ITEM(kwnames, k), out_name) == 0 && nargs == c->nin)
            out = args[nargs + k];
        else if (PyUnicode_Compare(PyTuple_GET_ITEM(kwnames, k), where_name) == 0)
            where = args[nargs + k];
        else
            return gk_leave_to_numpy(left, GK_LEFT_KEYWORD), 0;
    }
    if (where != NULL && where != Py_True) {
        /* A loop that is not NumPy's would take the GIL for each run of the mask. */
        if (c->foreign || !PyArray_CheckExact(where) || PyArray_TYPE((PyArrayObject *)where) != NPY_BOOL)
            return gk_leave_to_numpy(left, GK_LEFT_KEYWORD), 0;
        c->where = (PyArrayObject *)Py_NewRef(where);
    }
    /* NumPy warns of a third positional argument. */
    if (nargs > c->nin && (strcmp(c->ufunc->name, "maximum") == 0 || strcmp(c->ufunc->name, "minimum") == 0))
        return gk_leave_to_numpy(left, GK_LEFT_KEYWORD), 0;
    for (int i = 0; i < c->nop; i++) {
        PyObject *given = i < nargs ? args[i] : NULL;
        if (out != NULL && i >= c->nin) {
            if (PyTuple_CheckExact(out) && PyTuple_GET_SIZE(out) == nout)
                given = PyTuple_GET_ITEM(out, i - c->nin);
            else if (nout == 1)
                given = out;
            else
                return gk_leave_to_numpy(left, GK_LEFT_KEYWORD), 0;
        }
        if (i >= c->nin && (given == NULL || given == Py_None)) {
            if (where != NULL)
                return gk_leave_to_numpy(left, GK_LEFT_KEYWORD), 0; /* the items left out would be arbitrary: NumPy may warn */
            continue;
        }
        if (PyArray_CheckExact(given)) {
            c->op[i] = (PyArrayObject *)Py_NewRef(given);
            if (!is_plain(PyArray_DESCR(c->op[i])))
                return gk_leave_to_numpy(left, GK_LEFT_DTYPE), 0;
            if (i >= c->nin && (!PyArray_ISWRITEABLE(c->op[i]) || overlaps_itself(c->op[i]) ||
                                (PyArray_FLAGS(c->op[i]) & WARN_ON_WRITE)))
                return gk_leave_to_numpy(left, GK_LEFT_OVERLAP), 0;
        } else if (i >= c->nin || !is_scalar(given)) {
            return gk_leave_to_numpy(left, GK_LEFT_OPERANDS), 0;
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
int gk_find_loop(gk_ufunc_call *c, PyObject *const *args, gk_left *left)
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
                return gk_leave_to_numpy(left, GK_LEFT_DTYPE), 0;
            }
            dtype = (PyObject *)PyArray_DESCR(c->op[i]);
        }
        PyTuple_SET_ITEM(given, i, Py_NewRef(dtype));
    }
    found = PyObject_CallMethodOneArg((PyObject *)c->ufunc, resolve_name, given);
    Py_DECREF(given);
    if (found == NULL) {
        PyErr_Clear(); /* NumPy will raise it, or find a way for these values */
        return gk_leave_to_numpy(left, GK_LEFT_NO_LOOP), 0;
    }
    c->dtypes = Py_NewRef(PyTuple_GET_ITEM(found, 0));
    c->capsule = Py_NewRef(PyTuple_GET_ITEM(found, 1));
    Py_DECREF(found);
    for (int i = 0; i < c->nop; i++)
        if (!is_plain(gk_dtype_of(c, i)))
            return gk_leave_to_numpy(left, GK_LEFT_DTYPE), 0;
    if (loop_raises(c))
        return gk_leave_to_numpy(left, GK_LEFT_PYTHON), 0;
    /* Numbers become arrays as in NumPy: those that do not fit raise, or are compared in another way. */
    for (int i = 0; i < c->nin; i++) {
        if (c->op[i] != NULL)
            continue;
        PyArray_Descr *dtype = gk_dtype_of(c, i);
        if (!fits(args[i], dtype->type_num))
            return gk_leave_to_numpy(left, GK_LEFT_ARGUMENTS), 0;
        Py_INCREF(dtype);
        c->op[i] = (PyArrayObject *)PyArray_NewFromDescr(&PyArray_Type, dtype, 0, NULL, NULL, NULL, 0, NULL);
        if (c->op[i] == NULL || PyArray_Pack(dtype, PyArray_DATA(c->op[i]), args[i]) < 0) {
            PyErr_Clear();
            return gk_leave_to_numpy(left, GK_LEFT_ARGUMENTS), 0;
        }
    }
    return 1;
}

/* Whether numpy.setbufsize() has changed how NumPy divides what it casts. */
int gk_is_buffer_size_usual(void)
{
    PyObject *size = PyObject_CallNoArgs(get_buffer_size);
    long items = size == NULL ? -1 : PyLong_AsLong(size);
    Py_XDECREF(size);
    PyErr_Clear();
    return items == NUMPY_BUFFER;
}

/* Fetches the loop; `strides` may be NULL. Returns 0 if it needs the GIL. */
int gk_fetch_loop(gk_ufunc_call *c, const npy_intp *strides, gk_left *left)
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
        return gk_leave_to_numpy(left, GK_LEFT_NO_LOOP), 0;
    }
    Py_DECREF(done);
    c->info = PyCapsule_GetPointer(c->capsule, CALL_INFO);
    if (c->info == NULL) {
        PyErr_Clear();
        return gk_leave_to_numpy(left, GK_LEFT_NO_LOOP), 0;
    }
    return c->info->requires_pyapi ? gk_leave_to_numpy(left, GK_LEFT_PYTHON), 0 : 1;
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
