/* The pointers of NumPy that patch_numpy() replaces, and how they are restored.
 *
 * - `vectorcall` of each ufunc object: every call of a ufunc goes through it, a + b and a += b too.
 * - `ml_meth` in the PyMethodDef of NumPy's methods and functions. Every call reads it again, even
 * through a bound method that was kept, as numpy.sum keeps numpy.add.reduce.
 *
 * - `vectorcall` of functions that NumPy wrote in Python, such as numpy.median: the objects that look for
 *   __array_function__ before they call them. And that of the methods of random generators, which are Cython's functions.
 *
 * - `mp_subscript` and `mp_ass_subscript` of the type of arrays: array[key], and array[key] = value.
 *
 * Each is a single pointer, replaced in one store. A thread in the middle of a call finishes it
 * with the pointer that it has read. So replacing the pointers does not need other threads to
 * pause, and restoring them leaves nothing behind. A replacement that is called after it was taken
 * back calls the original.
 */
#define PY_SSIZE_T_CLEAN
#include "gilkit/patching/_hooks.h"

#include <stdatomic.h>
#include <string.h>

#define PY_ARRAY_UNIQUE_SYMBOL gilkit_patching_array_api
#define PY_UFUNC_UNIQUE_SYMBOL gilkit_patching_ufunc_api
#define NO_IMPORT_ARRAY
#define NO_IMPORT_UFUNC
#undef NPY_TARGET_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>
#include <numpy/ufuncobject.h>

#include "base/compiler.h"
#include "gilkit/_import_core.h"
#include "gilkit/patching/_call_sizes.h"

int64_t gk_min_items;
static _Atomic int hooked;

static GK_THREAD_LOCAL int bypassed;

/* The interpreter that the handlers belong to. NumPy's pointers are the whole process's, also those of its types. */
static PyInterpreterState *home;

int gk_bypass(int change)
{
    bypassed += change;
    return bypassed;
}

/* Floating-point errors that the handler which this thread is in has found, and the name for the message. They are
 * reported after the handler's return, so that a warning names the caller's line. */
static GK_THREAD_LOCAL int fp_errors;
static GK_THREAD_LOCAL char fp_name[64];

void gk_report_later(const char *name, int flags)
{
    fp_errors |= flags;
    strncpy(fp_name, name, sizeof fp_name - 1);
}

/* Returns the handler's result, or NULL with an exception if numpy.errstate asks for one. */
static PyObject *report_fp_errors(PyObject *result, int before)
{
    int found = fp_errors;
    fp_errors = before;
    if (found != 0 && result != NULL && result != Py_NotImplemented && gk_give_fp_errors(fp_name, found) < 0)
        Py_CLEAR(result);
    return result;
}

/* A handler needs a few frames of Python more than NumPy's function does. If they exceed the limit of recursion, the call is
 * left to NumPy. */
static PyObject *unless_too_deep(PyObject *result)
{
    if (result != NULL || !PyErr_ExceptionMatches(PyExc_RecursionError))
        return result;
    PyErr_Clear();
    return Py_NewRef(Py_NotImplemented);
}

/* The costs to which the next call of NumPy's function adds its time, if a handler has left that
 * call to NumPy because it was faster, or after an attempt that took time. The call is not made in the handler, or its
 * warnings would name the handler's line. */
typedef struct {
    gk_costs *costs;
    int64_t items, attempt, before;
} measurement;

static GK_THREAD_LOCAL measurement measured;

void gk_measure_original(gk_costs *costs, int64_t items, int64_t attempt)
{
    measured = (measurement){costs, items, attempt, 0};
}

/* Call this right before NumPy's function, which may call others that are measured. */
static measurement take_measured(void)
{
    measurement own = measured;
    measured.costs = NULL;
    if (own.costs != NULL)
        own.before = GK(gk_now)();
    return own;
}

static void learn_measured(const measurement *own)
{
    int64_t took = GK(gk_now)() - own->before;
    gk_learn_cost(own->costs, 0, own->items, took);
    if (own->attempt > 0)
        gk_learn_cost(own->costs, 1, own->items, own->attempt + took);
}

static PyObject *measure(measurement own, PyObject *result)
{
    if (own.costs != NULL && result != NULL)
        learn_measured(&own);
    return result;
}

PyObject *gk_call_reporting(PyObject *handler, PyObject *args, PyObject *kwargs)
{
    int before = fp_errors;
    fp_errors = 0;
    measured.costs = NULL;
    bypassed++;
    PyObject *result = unless_too_deep(PyObject_Call(handler, args, kwargs));
    bypassed--;
    return report_fp_errors(result, before);
}

/* Regions whose helpers take the GIL; none may be left, or begin, when the interpreter ends. */
static _Atomic int running, ended;

int gk_count_running(int change)
{
    return atomic_fetch_add(&running, change) + change;
}

int gk_has_ended(void)
{
    return atomic_load(&ended);
}

void gk_end(void)
{
    atomic_store(&ended, 1);
    gk_set_hooked(0);
}

/* Whether this call may be divided at all. */
static int is_in_force(void)
{
    return !bypassed && atomic_load_explicit(&hooked, memory_order_relaxed) && PyInterpreterState_Get() == home;
}

/* Calls a handler with `self` before the arguments of a vectorcall. */
static PyObject *call_handler(PyObject *handler, PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    Py_ssize_t total = nargs + (kwnames == NULL ? 0 : PyTuple_GET_SIZE(kwnames));
    PyObject *few[16], **all = total < 16 ? few : PyMem_Malloc((size_t)(total + 1) * sizeof *all);
    if (all == NULL)
        return PyErr_NoMemory();
    all[0] = self;
    for (Py_ssize_t i = 0; i < total; i++)
        all[i + 1] = args[i];
    int before = fp_errors;
    fp_errors = 0;
    measured.costs = NULL;
    bypassed++; /* a handler's own calls are small, and would be handled in turn */
    PyObject *result = unless_too_deep(PyObject_Vectorcall(handler, all, (size_t)nargs + 1, kwnames));
    bypassed--;
    if (all != few)
        PyMem_Free(all);
    return report_fp_errors(result, before);
}

/* ---- Ufuncs ---- */

static PyObject *generalized_handler;

void gk_set_generalized_handler(PyObject *handler)
{
    Py_XSETREF(generalized_handler, Py_NewRef(handler));
}


enum { MAX_UFUNCS = 512, SLOTS = 2 * MAX_UFUNCS };

/* All ufuncs of NumPy have the same. One that has another is left alone. */
static vectorcallfunc original;

/* Never freed, because another thread may be inside a replacement. */
static gk_ufunc_record ufuncs[MAX_UFUNCS];
static int ufunc_count;
static gk_ufunc_record *slots[SLOTS]; /* by a hash of the ufunc's address */

static uint32_t hash_of(PyObject *object)
{
    return (uint32_t)((uint64_t)(uintptr_t)object * UINT64_C(0x9e3779b97f4a7c15) >> 40);
}

static gk_ufunc_record **slot_of(PyObject *ufunc)
{
    uint32_t i = hash_of(ufunc) % SLOTS;
    while (slots[i] != NULL && slots[i]->ufunc != ufunc)
        i = (i + 1) % SLOTS;
    return &slots[i];
}

static void count_left(gk_ufunc_record *record, gk_left left)
{
    atomic_fetch_add_explicit(&record->left[left], 1, memory_order_relaxed);
}

/* Calls the ufunc in the way that is quicker; function(callable, ...) is the other one. */
static PyObject *call_quicker(vectorcallfunc function, PyObject *callable, PyObject *self, PyObject *const *args,
                              size_t nargsf, PyObject *kwnames, gk_ufunc_record *record, int64_t items)
{
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    gk_costs *costs = gk_costs_of(record, args, nargs, kwnames);
    gk_way way = gk_min_items > 0 ? GK_DIVIDED : gk_choose_way(costs, items);
    gk_left left = items >= GK_SURELY_LARGE ? GK_LEFT_FASTER : GK_LEFT_TOO_SMALL; /* unless it is divided */
    PyObject *result;
    if (way == GK_SERIAL && !gk_collect_statistics)
        return function(callable, args, nargsf, kwnames);
    int64_t before = GK(gk_now)();
    if (way == GK_DIVIDED && gk_elementwise(self, args, nargs, kwnames, record, gk_min_items, &result, &left)) {
        gk_learn_cost(costs, 1, items, GK(gk_now)() - before);
        return result;
    }
    if (gk_collect_statistics)
        count_left(record, left);
    result = function(callable, args, nargsf, kwnames);
    if (way == GK_SERIAL_MEASURED && result != NULL)
        gk_learn_cost(costs, 0, items, GK(gk_now)() - before);
    return result;
}

/* Whether an operand of a generalized ufunc has more axes than one matrix or vector: there is nothing to divide otherwise, and
 * asking the handler would take longer than a dot product. */
static int has_stack(const PyUFuncObject *ufunc, PyObject *const *args, Py_ssize_t nargs)
{
    for (int i = 0; i < ufunc->nin && i < nargs; i++)
        if (PyArray_CheckExact(args[i]) && PyArray_NDIM((PyArrayObject *)args[i]) > ufunc->core_num_dims[i])
            return 1;
    return 0;
}

static PyObject *call_large(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames, int64_t items)
{
    if (!is_in_force())
        return original(self, args, nargsf, kwnames);
    gk_ufunc_record *record = *slot_of(self);
    if (((PyUFuncObject *)self)->core_enabled && generalized_handler != NULL) {
        Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
        if ((gk_min_items == 0 && items < record->min_items) ||
            (!gk_collect_statistics && !has_stack((PyUFuncObject *)self, args, nargs)))
            return original(self, args, nargsf, kwnames);
        PyObject *result = call_handler(generalized_handler, self, args, nargs, kwnames);
        if (result != Py_NotImplemented)
            return result;
        Py_DECREF(result);
        measurement own = take_measured();
        return measure(own, original(self, args, nargsf, kwnames));
    }
    return call_quicker(original, self, self, args, nargsf, kwnames, record, items);
}

static PyObject *call_ufunc(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    int64_t items = gk_glance(args, PyVectorcall_NARGS(nargsf));
    if (GK_UNLIKELY(items >= (gk_min_items > 0 ? gk_min_items : GK_MIN_ITEMS)))
        return call_large(self, args, nargsf, kwnames, items);
    if (GK_UNLIKELY(gk_collect_statistics))
        count_left(*slot_of(self), items > 0 ? GK_LEFT_TOO_SMALL : gk_why_no_items(args, PyVectorcall_NARGS(nargsf)));
    return original(self, args, nargsf, kwnames);
}

gk_ufunc_record *gk_hook_ufunc(PyObject *ufunc, int64_t min_items)
{
    gk_ufunc_record **slot = slot_of(ufunc);
    if (*slot != NULL)
        return *slot;
    if (ufunc_count == MAX_UFUNCS) {
        PyErr_SetString(PyExc_RuntimeError, "too many ufuncs");
        return NULL;
    }
    if (original == NULL)
        original = ((PyUFuncObject *)ufunc)->vectorcall;
    gk_ufunc_record *added = &ufuncs[ufunc_count++];
    added->ufunc = Py_NewRef(ufunc);
    added->min_items = min_items;
    *slot = added;
    return added;
}

int gk_hooks_import(void)
{
    home = PyInterpreterState_Get();
    return gk_import_core();
}

PyObject *gk_call_divided(PyObject *ufunc, PyObject *function, PyObject *args, PyObject *kwargs, gk_ufunc_record *record)
{
    PyObject *all[32], *kwnames = NULL, *key, *value, *result = NULL;
    Py_ssize_t nargs = PyTuple_GET_SIZE(args), total = nargs, at = 0;
    if (nargs + PyDict_GET_SIZE(kwargs) <= 32) {
        for (Py_ssize_t i = 0; i < nargs; i++)
            all[i] = PyTuple_GET_ITEM(args, i);
        kwnames = PyTuple_New(PyDict_GET_SIZE(kwargs));
        if (kwnames == NULL)
            return NULL;
        while (PyDict_Next(kwargs, &at, &key, &value)) {
            PyTuple_SET_ITEM(kwnames, total - nargs, Py_NewRef(key));
            all[total++] = value;
        }
        int64_t items = gk_glance(all, nargs);
        vectorcallfunc own = ((PyUFuncObject *)ufunc)->vectorcall;
        if (own == call_ufunc)
            own = original;
        if (function != ufunc) /* Numba's, which compiles a loop when it is called */
            own = PyObject_Vectorcall;
        if (items >= (gk_min_items > 0 ? gk_min_items : GK_MIN_ITEMS) && !bypassed)
            result = call_quicker(own, function, ufunc, all, (size_t)nargs, kwnames, record, items);
        else
            result = own(function, all, (size_t)nargs, kwnames);
        Py_DECREF(kwnames);
        return result;
    }
    return PyObject_Call(function, args, kwargs);
}

gk_ufunc_record *gk_record_at(int index)
{
    return index < ufunc_count ? &ufuncs[index] : NULL;
}

/* ---- Methods and functions ---- */

enum { MAX_METHODS = 32 };

typedef struct {
    PyMethodDef *definition;
    PyCFunction original, replacement;
    PyObject *handler;
    int64_t min_items;
    int has_keywords;
    int has_mask;
    int64_t min_second;
    int counts_products; /* min_items is a number of products, as in einsum(subscripts, *operands) */
} hooked_method;

static hooked_method methods[MAX_METHODS];
static int method_count;

static int is_wanted(int64_t min_items, PyObject *self, PyObject *first)
{
    /* numpy.concatenate takes a sequence of arrays. A handler looks at each, which is too slow for many. */
    enum { MOST_ARRAYS = 256 };
    if (first != NULL && (PyTuple_CheckExact(first) || PyList_CheckExact(first))) {
        Py_ssize_t arrays = PySequence_Fast_GET_SIZE(first);
        first = arrays > 0 && arrays <= MOST_ARRAYS ? PySequence_Fast_GET_ITEM(first, 0) : NULL;
    }
    return is_in_force() &&
           ((self != NULL && holds_large_array(self, min_items)) ||
            (first != NULL && holds_large_array(first, min_items)));
}

typedef PyObject *(*fast_function)(PyObject *, PyObject *const *, Py_ssize_t, PyObject *);
typedef PyObject *(*plain_function)(PyObject *, PyObject *const *, Py_ssize_t);

/* Returns 0 if a sparse mask or a short second argument shows that nothing can be gained. The first argument of functions
 * with a mask is the array to assign to, which may be of bool too. */
static int may_gain(const hooked_method *method, PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    Py_ssize_t total = nargs + (kwnames == NULL ? 0 : PyTuple_GET_SIZE(kwnames));
    if (method->min_second > 0 && (nargs < 2 || !holds_large_array(args[1], method->min_second)))
        return 0;
    if (method->has_mask && self != NULL && is_sparse_mask(self, method->min_items))
        return 0;
    for (Py_ssize_t i = 1; method->has_mask && i < total; i++)
        if (is_sparse_mask(args[i], method->min_items))
            return 0;
    return 1;
}

static int is_method_wanted(const hooked_method *method, PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (method->counts_products)
        return is_in_force() && products_of(args, nargs) >= (gk_min_items > 0 ? gk_min_items : method->min_items);
    return is_wanted(method->min_items, self, nargs > 0 ? args[0] : NULL);
}

/* METH_FASTCALL | METH_KEYWORDS, and METH_FASTCALL with kwnames NULL */
static PyObject *call_fast(int k, PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    hooked_method *method = &methods[k];
    measurement own = {0};
    if (GK_UNLIKELY(is_method_wanted(method, self, args, nargs)) &&
        may_gain(method, self, args, nargs, kwnames)) {
        PyObject *result = call_handler(method->handler, self, args, nargs, kwnames);
        if (result != Py_NotImplemented)
            return result;
        Py_DECREF(result);
        own = take_measured();
    }
    return measure(own,
                   method->has_keywords ? ((fast_function)(void (*)(void))method->original)(self, args, nargs, kwnames)
                                        : ((plain_function)(void (*)(void))method->original)(self, args, nargs));
}

/* METH_VARARGS | METH_KEYWORDS, and METH_VARARGS with kwargs NULL */
static PyObject *call_tuple(int k, PyObject *self, PyObject *args, PyObject *kwargs)
{
    hooked_method *method = &methods[k];
    measurement own = {0};
    PyObject *const *items = PySequence_Fast_ITEMS(args);
    Py_ssize_t nargs = PyTuple_GET_SIZE(args);
    if (GK_UNLIKELY(is_method_wanted(method, self, items, nargs)) &&
        may_gain(method, self, items, nargs, NULL)) {
        PyObject *first = PyTuple_Pack(1, self), *all = first == NULL ? NULL : PySequence_Concat(first, args);
        PyObject *result = all == NULL ? NULL : gk_call_reporting(method->handler, all, kwargs);
        Py_XDECREF(first);
        Py_XDECREF(all);
        if (result != Py_NotImplemented)
            return result;
        Py_DECREF(result);
        own = take_measured();
    }
    return measure(own,
                   method->has_keywords ? ((PyCFunctionWithKeywords)(void (*)(void))method->original)(self, args, kwargs)
                                        : method->original(self, args));
}

/* A C function does not learn which PyMethodDef it was called through, so each hooked method has
 * its own replacements. */
#define REPLACEMENTS(k)                                                                                      \
    static PyObject *fast_##k(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)   \
    {                                                                                                         \
        return call_fast(k, self, args, nargs, kwnames);                                                     \
    }                                                                                                         \
    static PyObject *plain_##k(PyObject *self, PyObject *const *args, Py_ssize_t nargs)                       \
    {                                                                                                         \
        return call_fast(k, self, args, nargs, NULL);                                                        \
    }                                                                                                         \
    static PyObject *tuple_##k(PyObject *self, PyObject *args, PyObject *kwargs)                             \
    {                                                                                                         \
        return call_tuple(k, self, args, kwargs);                                                            \
    }                                                                                                         \
    static PyObject *bare_##k(PyObject *self, PyObject *args)                                                \
    {                                                                                                         \
        return call_tuple(k, self, args, NULL);                                                              \
    }
#define EIGHT(X, row) X(row##0) X(row##1) X(row##2) X(row##3) X(row##4) X(row##5) X(row##6) X(row##7)
#define ALL(X) EIGHT(X, 0) EIGHT(X, 01) EIGHT(X, 02) EIGHT(X, 03) /* octal numbers, 0 to 31 */
ALL(REPLACEMENTS)
#define FAST(k) (PyCFunction)(void (*)(void))fast_##k,
#define PLAIN(k) (PyCFunction)(void (*)(void))plain_##k,
#define TUPLE(k) (PyCFunction)(void (*)(void))tuple_##k,
#define BARE(k) bare_##k,
static const PyCFunction fast[MAX_METHODS] = {ALL(FAST)}, plain[MAX_METHODS] = {ALL(PLAIN)},
                         tuple[MAX_METHODS] = {ALL(TUPLE)}, bare[MAX_METHODS] = {ALL(BARE)};

int gk_hook_method(PyObject *method, PyObject *handler, int64_t min_items, int has_mask, int64_t min_second,
                   int counts_products)
{
    PyMethodDef *definition = NULL;
    if (PyCFunction_Check(method))
        definition = ((PyCFunctionObject *)method)->m_ml;
    else if (Py_IS_TYPE(method, &PyMethodDescr_Type))
        definition = ((PyMethodDescrObject *)method)->d_method;
    if (definition == NULL)
        return 1;
    int k = 0;
    while (k < method_count && methods[k].definition != definition)
        k++;
    if (k == MAX_METHODS) {
        PyErr_SetString(PyExc_RuntimeError, "too many methods");
        return -1;
    }
    const PyCFunction *replacements = definition->ml_flags == (METH_FASTCALL | METH_KEYWORDS)  ? fast
                                      : definition->ml_flags == (METH_VARARGS | METH_KEYWORDS) ? tuple
                                      : definition->ml_flags == METH_FASTCALL                  ? plain
                                      : definition->ml_flags == METH_VARARGS                   ? bare
                                                                                                : NULL;
    if (replacements == NULL)
        return 1;
    if (k == method_count) {
        methods[k] = (hooked_method){definition, definition->ml_meth, replacements[k], Py_NewRef(handler), min_items,
                                     (definition->ml_flags & METH_KEYWORDS) != 0, has_mask, min_second, counts_products};
        method_count++;
    }
    return 0;
}

/* ---- Functions in Python, and methods of random generators ---- */

enum { MAX_FUNCTIONS = 128, FUNCTION_SLOTS = 512 };

typedef struct {
    PyObject *function, *handler;
    vectorcallfunc original;
    int64_t min_items;
    int size_place; /* the index of the argument `size`, or 0 if the first argument is an array */
} hooked_function;

static hooked_function functions[MAX_FUNCTIONS];
static int function_count;
static hooked_function *function_slots[FUNCTION_SLOTS];

static hooked_function **function_slot_of(PyObject *function)
{
    uint32_t i = hash_of(function) % FUNCTION_SLOTS;
    while (function_slots[i] != NULL && function_slots[i]->function != function)
        i = (i + 1) % FUNCTION_SLOTS;
    return &function_slots[i];
}

static vectorcallfunc *vectorcall_of(PyObject *function)
{
    return (vectorcallfunc *)(void *)((char *)function + Py_TYPE(function)->tp_vectorcall_offset);
}

/* Whether an argument `size` or `out` is of at least this many items. */
static int is_many(PyObject *object, int64_t min_items)
{
    int overflow;
    if (PyLong_CheckExact(object))
        return PyLong_AsLongLongAndOverflow(object, &overflow) >= min_items || overflow > 0;
    if (!PyTuple_CheckExact(object))
        return PyArray_CheckExact(object) && PyArray_SIZE((PyArrayObject *)object) >= min_items;
    double items = 1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(object); i++) {
        if (!PyLong_CheckExact(PyTuple_GET_ITEM(object, i)))
            return 0;
        items *= (double)PyLong_AsLongLongAndOverflow(PyTuple_GET_ITEM(object, i), &overflow);
    }
    return items >= (double)min_items;
}

static PyObject *word_size, *word_out;

/* Names of keyword arguments are nearly always interned. */
static int is_word(PyObject *name, PyObject *word)
{
    return name == word || (!PyUnicode_CHECK_INTERNED(name) && PyUnicode_Compare(name, word) == 0);
}

static int asks_for_many(const hooked_function *function, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    int64_t min_items = gk_min_items > 0 ? gk_min_items : function->min_items;
    if (nargs > function->size_place && is_many(args[function->size_place], min_items))
        return 1;
    for (Py_ssize_t i = 0; kwnames != NULL && i < PyTuple_GET_SIZE(kwnames); i++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, i);
        if ((is_word(name, word_size) || is_word(name, word_out)) && is_many(args[nargs + i], min_items))
            return 1;
    }
    return 0;
}

static PyObject *call_function(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    const hooked_function *function = *function_slot_of(self);
    measurement own = {0};
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    if (function->size_place == 0 ? nargs > 0 && is_wanted(function->min_items, NULL, args[0])
                                  : nargs > 0 && (nargs > 1 || kwnames != NULL) && asks_for_many(function, args, nargs, kwnames) &&
                                        is_in_force()) {
        PyObject *result = function->size_place == 0
                               ? call_handler(function->handler, self, args, nargs, kwnames)
                               : call_handler(function->handler, args[0], args + 1, nargs - 1, kwnames);
        if (result != Py_NotImplemented)
            return result;
        Py_DECREF(result);
        own = take_measured();
    }
    return measure(own, function->original(self, args, nargsf, kwnames));
}

int gk_hook_function(PyObject *function, PyObject *handler, int64_t min_items, int size_place)
{
    const char *type = size_place > 0 ? "cython_function_or_method" : "numpy._ArrayFunctionDispatcher";
    const char *own = Py_TYPE(function)->tp_name;
    size_t length = strlen(own), wanted = strlen(type);
    if (length < wanted || strcmp(own + length - wanted, type) != 0 || Py_TYPE(function)->tp_vectorcall_offset <= 0 ||
        *vectorcall_of(function) == NULL)
        return 1;
    if (*function_slot_of(function) != NULL) /* it was added before an interruption */
        return 0;
    if (function_count == MAX_FUNCTIONS) {
        PyErr_SetString(PyExc_RuntimeError, "too many functions");
        return -1;
    }
    if (word_out == NULL && ((word_size = PyUnicode_InternFromString("size")) == NULL ||
                             (word_out = PyUnicode_InternFromString("out")) == NULL))
        return -1;
    hooked_function *added = &functions[function_count++];
    *added = (hooked_function){Py_NewRef(function), Py_NewRef(handler), *vectorcall_of(function), min_items, size_place};
    *function_slot_of(function) = added;
    return 0;
}

/* ---- array[key] ---- */

static binaryfunc original_subscript;
static PyObject *subscript_handler;
static int64_t subscript_min_items;

static PyObject *subscript(PyObject *self, PyObject *key)
{
    if (GK_UNLIKELY(holds_large_array(key, subscript_min_items) && !is_sparse_mask(key, subscript_min_items) &&
                    PyArray_CheckExact(self) && is_in_force())) {
        PyObject *result = call_handler(subscript_handler, self, &key, 1, NULL);
        if (result != Py_NotImplemented)
            return result;
        Py_DECREF(result);
        measurement own = take_measured();
        return measure(own, original_subscript(self, key));
    }
    return original_subscript(self, key);
}

void gk_hook_subscript(PyObject *handler, int64_t min_items)
{
    Py_XSETREF(subscript_handler, Py_NewRef(handler));
    subscript_min_items = min_items;
    original_subscript = PyArray_Type.tp_as_mapping->mp_subscript;
}

/* ---- array[key] = value ---- */

static objobjargproc original_assignment;

typedef struct {
    PyObject *handler;
    int64_t min_items;
} assignment_handler;

static assignment_handler by_mask, by_slice;

static int is_slicing(PyObject *key)
{
    if (!PyTuple_CheckExact(key))
        return PySlice_Check(key) || key == Py_Ellipsis;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(key); i++) {
        PyObject *item = PyTuple_GET_ITEM(key, i);
        if (!PySlice_Check(item) && !PyLong_CheckExact(item) && item != Py_Ellipsis && item != Py_None)
            return 0;
    }
    return 1;
}

/* Returns the handler for this kind of key, or NULL if NumPy is as fast. */
static PyObject *handler_of_assignment(PyObject *self, PyObject *key, PyObject *value)
{
    if (value == NULL || !PyArray_CheckExact(self))
        return NULL;
    if (holds_large_array(key, by_mask.min_items) && PyArray_TYPE((PyArrayObject *)key) == NPY_BOOL &&
        !is_sparse_mask(key, by_mask.min_items))
        return by_mask.handler;
    /* After array[key] += x, the value is a view of the array, and nothing is left to do. */
    if (holds_large_array(value, by_slice.min_items) && PyArray_BASE((PyArrayObject *)value) != self && is_slicing(key))
        return by_slice.handler;
    return NULL;
}

static int assign(PyObject *self, PyObject *key, PyObject *value)
{
    PyObject *handler = handler_of_assignment(self, key, value);
    if (GK_LIKELY(handler == NULL || !is_in_force()))
        return original_assignment(self, key, value);
    PyObject *args[] = {key, value}, *result = call_handler(handler, self, args, 2, NULL);
    if (result != Py_NotImplemented) {
        Py_XDECREF(result);
        return result == NULL ? -1 : 0;
    }
    Py_DECREF(result);
    measurement own = take_measured();
    int status = original_assignment(self, key, value);
    if (own.costs != NULL && status == 0)
        learn_measured(&own);
    return status;
}

void gk_hook_assignment(PyObject *handler, int64_t min_items, int of_slices)
{
    assignment_handler *added = of_slices ? &by_slice : &by_mask;
    Py_XSETREF(added->handler, Py_NewRef(handler));
    added->min_items = min_items;
    original_assignment = PyArray_Type.tp_as_mapping->mp_ass_subscript;
}

/* ---- All together ---- */

static void replace_pointers(int wanted)
{
    atomic_thread_fence(memory_order_release); /* the tables of hooks come before the pointers that lead to them */
    for (int i = 0; i < ufunc_count; i++) {
        PyUFuncObject *ufunc = (PyUFuncObject *)ufuncs[i].ufunc;
        /* Another package may have replaced it after gilkit; it calls gilkit's, which then calls the original. */
        if (wanted && ufunc->vectorcall == original)
            ufunc->vectorcall = call_ufunc;
        else if (!wanted && ufunc->vectorcall == call_ufunc)
            ufunc->vectorcall = original;
    }
    PyMappingMethods *mapping = PyArray_Type.tp_as_mapping;
    if (wanted && original_subscript != NULL && mapping->mp_subscript == original_subscript)
        mapping->mp_subscript = subscript;
    else if (!wanted && mapping->mp_subscript == subscript)
        mapping->mp_subscript = original_subscript;
    if (wanted && original_assignment != NULL && mapping->mp_ass_subscript == original_assignment)
        mapping->mp_ass_subscript = assign;
    else if (!wanted && mapping->mp_ass_subscript == assign)
        mapping->mp_ass_subscript = original_assignment;
    for (int i = 0; i < function_count; i++) {
        vectorcallfunc *vectorcall = vectorcall_of(functions[i].function);
        if (wanted && *vectorcall == functions[i].original)
            *vectorcall = call_function;
        else if (!wanted && *vectorcall == call_function)
            *vectorcall = functions[i].original;
    }
    for (int i = 0; i < method_count; i++) {
        if (wanted && methods[i].definition->ml_meth == methods[i].original)
            methods[i].definition->ml_meth = methods[i].replacement;
        else if (!wanted && methods[i].definition->ml_meth == methods[i].replacement)
            methods[i].definition->ml_meth = methods[i].original;
    }
}

void gk_set_hooked(int wanted)
{
    atomic_store(&hooked, wanted);
    replace_pointers(wanted);
}

void gk_hook_added(void)
{
    replace_pointers(gk_is_hooked());
}

int gk_is_hooked(void)
{
    return atomic_load(&hooked);
}
