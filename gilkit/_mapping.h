/* The participants of a gilkit.map. Each attaches to the interpreter once, calls the
 * function for one item after another, and stores the results in their slots.
 *
 * This is C and not Cython, because a thread of the pool has no thread state at
 * first, and Cython's code needs one. The extension module gilkit._imap contains it,
 * and gilkit.mapping calls it through functions of that module.
 */
#ifndef GILKIT_MAPPING_H
#define GILKIT_MAPPING_H

#include <Python.h>

#include <stdatomic.h>

#include "exports.h"

typedef struct {
    /* Borrowed from the caller, which keeps them alive while the region runs. */
    PyObject *fn;
    PyObject *const *items; /* of a list or tuple that does not change, or NULL */
    PyObject *list;         /* the caller's own list, which may change; or NULL */
    PyObject *results; /* a list that the garbage collector does not track yet */
    PyObject *context; /* each participant runs in a copy */
    PyObject *hooks;   /* pairs such as (sys.setprofile, function), for new threads; or NULL */
    PyObject *signalled; /* in the main thread: returns whether a signal handler raised an error; or NULL */
    int (*report)(void *block); /* reports progress; a nonzero result ends the region */
    void *block;
    PyInterpreterState *interpreter;
    PyThreadState *caller;
    int64_t n, started;
    int star;    /* an item holds the arguments of a call */
    int counted; /* `done` is needed */
    int from_outside; /* another interpreter has started the calling thread */
    _Atomic int over; /* the caller found no more items */
    _Atomic int64_t done;
    /* The lowest index that failed. Items from here on are not needed. */
    _Atomic int64_t limit;
    PyObject *error; /* of that item */
    _Atomic int error_locked;
} mapping;

/* To be called before anything else. Returns -1 with an exception if gilkit._core cannot be imported. */
int mapping_import_core(void);

/* Whether the interpreter is finalizing. No thread can attach to it then. */
int mapping_finalizing(void);

/* PyErr_GetRaisedException and PyErr_SetRaisedException, which Python 3.12 introduced. */
PyObject *mapping_take_exception(void);
void mapping_set_exception(PyObject *error);

/* Calls the function with an item, or with the arguments that it holds. */
PyObject *mapping_call(const mapping *m, PyObject *item);

/* For gk_options.poll: attaches the thread that called map, if it is not attached, and
 * calls m->report. (PyGILState_Ensure works only in the main interpreter.) */
int mapping_report(void *data);

/* Runs the body over 0 <= i < n. The caller is attached. Returns the status of the region. */
int mapping_region(mapping *m, int64_t n, gk_body *body, gk_options *options);

/* Runs the function over the items. Returns the status of the region. */
int mapping_run(mapping *m, gk_options *options);

#endif
