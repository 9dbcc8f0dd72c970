/* The parsed arguments of one ufunc call: its operands, and the loop that NumPy chooses for them.
 * See _elementwise.c.
 *
 * Include this before anything else of NumPy.
 */
#ifndef GILKIT_UFUNC_CALL_H
#define GILKIT_UFUNC_CALL_H

#define PY_SSIZE_T_CLEAN
#include "base/compiler.h"
#include "gilkit/patching/_elementwise.h"

#include <stdatomic.h>

/* _ufunc_call.c imports NumPy's functions, for the other files too. */
#define PY_ARRAY_UNIQUE_SYMBOL gilkit_patching_array_api
#define PY_UFUNC_UNIQUE_SYMBOL gilkit_patching_ufunc_api
#ifndef GK_IMPORTS_NUMPY
#  define NO_IMPORT_ARRAY
#  define NO_IMPORT_UFUNC
#endif
#undef NPY_TARGET_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>
#include <numpy/dtype_api.h>
#include <numpy/ufuncobject.h>

enum {
    MAX_OPERANDS = 8,
    NUMPY_BUFFER = 8192 /* items: NumPy copies operands up to this size to get a single run */
};

/* The beginning of the struct in NumPy's capsule, which the docstring of
 * ufunc._resolve_dtypes_and_context describes. The capsule's name is its version. */
typedef struct {
    PyArrayMethod_StridedLoop *loop;
    PyArrayMethod_Context *context;
    NpyAuxData *auxdata;
    npy_bool requires_pyapi;
    npy_bool no_floatingpoint_errors;
} call_info;

typedef struct {
    PyUFuncObject *ufunc;
    int nin, nop;
    PyArrayObject *op[MAX_OPERANDS];      /* owned; NULL: an output to be allocated */
    PyObject *dtypes;                     /* NumPy's tuple: the loop's dtypes */
    PyObject *capsule;
    const call_info *info;
    PyArrayObject *where; /* owned, or NULL: the mask of the items to compute, and where its run begins */
    const char *mask;
    npy_intp mask_stride;
    /* One run: where each operand begins, and its stride. */
    char *data[MAX_OPERANDS];
    npy_intp strides[MAX_OPERANDS];
    /* Or many: an iterator for each thread, and where the first part begins, and how many
     * items lie between two cuts. */
    NpyIter **iterators;
    int iterator_count;
    NpyIter_IterNextFunc *next;
    int64_t first, unit;
    int64_t items;
    _Atomic int fp_errors; /* NPY_FPE_… */
    _Atomic int failed;    /* 1: a loop or a cast has failed */
    int foreign;
    PyObject *_Atomic error; /* owned: the first exception that a foreign loop set */
} gk_ufunc_call;

GK_INLINE PyArray_Descr *gk_dtype_of(const gk_ufunc_call *c, int i)
{
    return (PyArray_Descr *)PyTuple_GET_ITEM(c->dtypes, i);
}

/* Returns NULL, for `return gk_leave_to_numpy(...), 0`. */
GK_INLINE void *gk_leave_to_numpy(gk_left *left, gk_left why)
{
    *left = why;
    return NULL;
}

/* Takes the operands from the arguments. Returns 0 if the call is left to NumPy. */
int gk_take_arguments(gk_ufunc_call *call, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, gk_left *left);

/* The number of items of the broadcast operands; -1 if they do not fit together. */
int64_t gk_broadcast_size(PyArrayObject *const *op, int nop, int *ndim, npy_intp *shape);

/* Whether two outputs may share memory. */
int gk_outputs_overlap(const gk_ufunc_call *call);

/* Where the array's memory begins and ends. */
void gk_memory_of(PyArrayObject *array, char **low, char **high);

/* Asks NumPy for the dtypes and the loop, and turns numbers into arrays. Returns 0 if the call is left to NumPy. */
int gk_find_loop(gk_ufunc_call *call, PyObject *const *args, gk_left *left);

/* Fetches the loop; `strides` may be NULL. Returns 0 if it needs the GIL. */
int gk_fetch_loop(gk_ufunc_call *call, const npy_intp *strides, gk_left *left);

/* Whether numpy.setbufsize() has left as it is how NumPy divides what it casts. */
int gk_is_buffer_size_usual(void);

void gk_release_call(gk_ufunc_call *call);

/* Call once, before anything else here. */
int gk_ufunc_call_import(void);

#endif
