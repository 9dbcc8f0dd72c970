/* The pointers of NumPy that patch_numpy() replaces, and how they are restored: see _hooks.c. */
#ifndef GILKIT_HOOKS_H
#define GILKIT_HOOKS_H

#include <Python.h>
#include <stdint.h>

#include "gilkit/patching/_elementwise.h"

/* Call once, before anything else here. */
int gk_hooks_import(void);

/* Calls one ufunc, which need not be hooked, on several threads if that is possible and pays. Otherwise it calls
 * `function`. */
PyObject *gk_call_divided(PyObject *ufunc, PyObject *function, PyObject *args, PyObject *kwargs, gk_ufunc_record *record);

/* Adds a ufunc to those that are patched. If it is generalized, calls of fewer than `min_items` items are left to NumPy.
 * Returns its record, or NULL with an exception. */
gk_ufunc_record *gk_hook_ufunc(PyObject *ufunc, int64_t min_items);

/* Adds a method of NumPy that is implemented in C: a PyCFunction or a method descriptor. `handler`
 * is called with its arguments if they contain an array of at least `min_items` items; it returns
 * NotImplemented to leave the call to NumPy. With `has_mask`, the method does nothing where a mask among
 * the arguments is false, and calls with short sparse masks are left to NumPy. If `min_second` is not 0, so are
 * calls whose second argument is not an array of at least that many items. With `counts_products`, the method takes
 * subscripts and operands, as einsum(), and `min_items` is a number of products. Returns 0 if the method was
 * added, 1 if it has an unsupported kind of signature, or -1 with an exception. */
int gk_hook_method(PyObject *method, PyObject *handler, int64_t min_items, int has_mask, int64_t min_second,
                   int counts_products);

/* Adds a function of NumPy that is implemented in Python; the handler is called with the function before the arguments.
 * Or a method of a random generator, if `size_place` is not 0: the index of the argument `size`.
 * Returns 0, 1 if the object is of another kind, or -1 with an exception. */
int gk_hook_function(PyObject *function, PyObject *handler, int64_t min_items, int size_place);

/* Sets the handler of generalized ufuncs, which is called with the ufunc and its arguments, like
 * the handlers of methods. */
void gk_set_generalized_handler(PyObject *handler);

/* From a handler: handles floating-point errors (NPY_FPE_…) as numpy.errstate says, once the
 * handler has returned. */
void gk_report_later(const char *name, int flags);
PyObject *gk_call_reporting(PyObject *handler, PyObject *args, PyObject *kwargs);

/* Sets the handler of array[key], which is called with (array, key) if the key is an array of at
 * least `min_items` items. Call this once. */
void gk_hook_subscript(PyObject *handler, int64_t min_items);

/* Sets the handler of array[key] = value, which is called with (array, key, value): the one for keys that are arrays of
 * bool with at least `min_items` items, or the one for slices, if the value is such an array. Call this once for each. */
void gk_hook_assignment(PyObject *handler, int64_t min_items, int of_slices);

/* For a handler that is about to return NotImplemented: measure how long NumPy's function takes. If the handler has tried in
 * vain, `attempt` is the time that this took, in nanoseconds: dividing the call takes both. */
void gk_measure_original(gk_costs *costs, int64_t items, int64_t attempt);

/* Regions whose helpers take the GIL are counted. After gk_end(), which takes the hooks back, they run on one thread. */
int gk_count_running(int change);
int gk_has_ended(void);
void gk_end(void);

/* Switches all hooks on or off. */
void gk_set_hooked(int hooked);
/* Switches on the hooks that were added while the others are on. */
void gk_hook_added(void);
int gk_is_hooked(void);

/* Calls with at least this many items are divided, however long they take; 0: only calls that take
 * long enough. */
extern int64_t gk_min_items;

/* While this is not 0, this thread calls NumPy's own functions. */
int gk_bypass(int change);

/* The records, in the order in which they were added. NULL after the last one. */
gk_ufunc_record *gk_record_at(int index);

#endif
