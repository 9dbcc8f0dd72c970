/* One call of a ufunc on all cores, with NumPy's own loops: see _elementwise.c. */
#ifndef GILKIT_ELEMENTWISE_H
#define GILKIT_ELEMENTWISE_H

#include <Python.h>
#include <stdint.h>

#include "gilkit/patching/_costs.h"

/* Why a call was left to NumPy. gk_left_names has the words for each. */
typedef enum {
    GK_LEFT_TOO_SMALL,
    GK_LEFT_ONE_THREAD,
    GK_LEFT_OPERANDS,
    GK_LEFT_DTYPE,
    GK_LEFT_KEYWORD,
    GK_LEFT_CORE,
    GK_LEFT_OVERLAP,
    GK_LEFT_PYTHON,
    GK_LEFT_NO_LOOP,
    GK_LEFT_ARGUMENTS,
    GK_LEFT_BACKWARDS,
    GK_LEFT_FASTER, /* a large call */
    GK_LEFT_REASONS
} gk_left;

extern const char *const gk_left_names[GK_LEFT_REASONS];

enum { GK_COST_DTYPES = 16 };

/* The record of a ufunc's calls. */
typedef struct {
    PyObject *ufunc;
    int foreign; /* not NumPy's: its loops may set exceptions */
    gk_costs costs[GK_COST_DTYPES], masked; /* see gk_costs_of() */
    /* Collected if gk_collect_statistics is set. */
    _Atomic int64_t calls, items, nanoseconds, left[GK_LEFT_REASONS];
    int64_t min_items; /* if generalized: the handler is called for at least this many */
} gk_ufunc_record;

extern int gk_collect_statistics;

/* Calls with fewer items go to NumPy at once, by default. */
enum { GK_MIN_ITEMS = 4096 };

/* Calls the ufunc on several threads, with the arguments of a vectorcall. Returns 1 with
 * *result set (NULL: an exception), or 0 if the call is left to NumPy; then nothing has
 * happened yet, and *left says why. With min_items > 0, each call of at least that many items is
 * divided; with 0, only calls that are long enough to gain. */
int gk_elementwise(PyObject *ufunc, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, gk_ufunc_record *record,
                   int64_t min_items, PyObject **result, gk_left *left);

/* Sums up a row of floats or complex numbers, in NumPy's order, on several threads. `total` is an array of one item, which
 * holds NumPy's initial value and gets the sum. Both have the dtype of the loop in `capsule`, which is from
 * add._resolve_dtypes_and_context(). Returns the floating-point errors (NPY_FPE_…), or -1 with an exception. */
int gk_sum_row(PyObject *add, PyObject *capsule, PyObject *row, PyObject *total, int threads);

/* A quick estimate of the number of items of the call, from two of its operands: 0 if neither is an
 * array. */
int64_t gk_glance(PyObject *const *args, Py_ssize_t nargs);

/* Why a call for which gk_glance() is 0 is left to NumPy. */
gk_left gk_why_no_items(PyObject *const *args, Py_ssize_t nargs);

gk_costs *gk_costs_of(gk_ufunc_record *record, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);

/* Handles floating-point errors (NPY_FPE_…) as numpy.errstate says. Returns -1 with an
 * exception. */
int gk_give_fp_errors(const char *name, int flags);

/* Call once, before anything else here. `threads` returns the setting of `with gilkit.threads()`, or 0. */
int gk_elementwise_import(int (*threads)(void));

#endif
