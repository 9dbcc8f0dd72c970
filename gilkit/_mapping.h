/* What each participant of a gilkit.map does: attach to the interpreter once,
 * call the function for one item after the other, keep results in their places.
 *
 * In C, because a thread of the pool has no thread state at first, and Cython
 * knows only threads that have one.
 */
#ifndef GILKIT_MAPPING_H
#define GILKIT_MAPPING_H

#include <Python.h>

#include <stdatomic.h>

#include "exports.h"

#ifndef _WIN32
#  include <pthread.h>
#  include <unistd.h>
#endif

typedef struct {
    /* Borrowed from the caller, who keeps them while the region runs. */
    PyObject *fn;
    PyObject *const *items; /* of a list or tuple that nobody changes, or */
    PyObject *list;         /* the caller's own list, which anybody may change */
    PyObject *results; /* a list that the garbage collector does not see yet */
    PyObject *context; /* each participant runs in a copy of it */
    PyObject *hooks;   /* pairs (sys.setprofile, function) for threads that begin; or NULL */
    PyObject *signalled; /* in the main thread: tells whether a signal handler raised an error; or NULL */
    int (*report)(void *block); /* tells of progress; nonzero ends the region */
    void *block;
    PyInterpreterState *interpreter;
    PyThreadState *caller;
    int64_t n, started;
    int star;    /* an item is the arguments of a call */
    int counted; /* `done` is wanted */
    _Atomic int over; /* the caller found no more items */
    _Atomic int64_t done;
    /* Items from here on are not wanted any more: the lowest index that failed. */
    _Atomic int64_t limit;
    PyObject *error; /* of that item */
    _Atomic int error_locked;
} mapping;

enum { MAPPING_NOTHING = -1 }; /* a `limit` below every index */

/* About what it costs that a thread attaches: a new thread state, on
 * free-threaded builds with its own heaps, and the wait for the GIL where there
 * is one. Helpers of a region that is younger than that do not attach yet, so
 * that a short map costs no more than it would alone (the ski-rental bound). */
#ifdef Py_GIL_DISABLED
static const int64_t MAPPING_ATTACH_COST = 200 * GK_MICROSECOND;
#else
static const int64_t MAPPING_ATTACH_COST = 50 * GK_MICROSECOND;
#endif

static int mapping_finalizing(void)
{
#if PY_VERSION_HEX >= 0x030D0000
    return Py_IsFinalizing();
#else
    return _Py_IsFinalizing();
#endif
}

/* ---- Exceptions ---- */

static PyObject *mapping_take_exception(void)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyErr_GetRaisedException();
#else
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (type == NULL)
        return NULL;
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL)
        PyException_SetTraceback(value, traceback);
    Py_DECREF(type);
    Py_XDECREF(traceback);
    return value;
#endif
}

static void mapping_set_exception(PyObject *error)
{
#if PY_VERSION_HEX >= 0x030C0000
    PyErr_SetRaisedException(error);
#else
    PyErr_Restore(Py_NewRef(Py_TYPE(error)), error, PyException_GetTraceback(error));
#endif
}

/* Whether this is about the whole map, and not about the item that met it. */
static int mapping_interrupted(const mapping *m, PyObject *error)
{
    if (PyErr_GivenExceptionMatches(error, PyExc_KeyboardInterrupt))
        return 1;
    if (m->signalled == NULL || GK(gk_participant)() != 0)
        return 0;
    PyObject *answer = PyObject_CallOneArg(m->signalled, error);
    if (answer == NULL)
        PyErr_WriteUnraisable(m->signalled);
    Py_XDECREF(answer);
    return answer == Py_True;
}

/* Keeps the exception that is set, unless an item before this one has failed. */
static void mapping_fail(mapping *m, int64_t index)
{
    PyObject *error = mapping_take_exception();
    if (index == MAPPING_NOTHING || mapping_interrupted(m, error)) {
        /* Ends everything, also gilkit's calls inside of other items. */
        index = MAPPING_NOTHING;
        GK(gk_cancel)(GK_CANCELLED);
    }
    while (atomic_exchange_explicit(&m->error_locked, 1, memory_order_acquire) != 0)
        GK(gk_thread_yield)();
    if (index < atomic_load_explicit(&m->limit, memory_order_relaxed)) {
        atomic_store_explicit(&m->limit, index, memory_order_relaxed);
        PyObject *later = m->error;
        m->error = error;
        error = later;
    }
    atomic_store_explicit(&m->error_locked, 0, memory_order_release);
    Py_XDECREF(error);
}

/* ---- The region ---- */

/* Item of a list that may change: a new reference. */
static PyObject *mapping_list_item(const mapping *m, int64_t index)
{
#ifdef Py_GIL_DISABLED
    PyObject *item = PyList_GetItemRef(m->list, (Py_ssize_t)index);
#else
    PyObject *item = index < PyList_GET_SIZE(m->list) ? Py_NewRef(PyList_GET_ITEM(m->list, index)) : NULL;
#endif
    if (item == NULL)
        PyErr_SetString(PyExc_RuntimeError, "the list became shorter while gilkit.map was running over it");
    return item;
}

static PyObject *mapping_call(const mapping *m, PyObject *item)
{
    if (!m->star) {
        PyObject *arguments[2] = {NULL, item};
        return PyObject_Vectorcall(m->fn, arguments + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    }
    if (PyTuple_CheckExact(item))
        return PyObject_Vectorcall(m->fn, ((PyTupleObject *)item)->ob_item, (size_t)PyTuple_GET_SIZE(item), NULL);
    PyObject *arguments = PySequence_Tuple(item);
    if (arguments == NULL)
        return NULL;
    PyObject *result = PyObject_CallObject(m->fn, arguments);
    Py_DECREF(arguments);
    return result;
}

static void mapping_body(int64_t begin, int64_t end, void *data)
{
    mapping *m = data;
    for (int64_t i = begin; i < end; i++) {
        if (i >= atomic_load_explicit(&m->limit, memory_order_relaxed))
            return;
        PyObject *result;
        if (m->list == NULL) {
            result = mapping_call(m, m->items[i]);
        } else {
            PyObject *item = mapping_list_item(m, i);
            result = item == NULL ? NULL : mapping_call(m, item);
            Py_XDECREF(item);
        }
        if (result == NULL) {
            mapping_fail(m, i);
            return;
        }
        ((PyListObject *)m->results)->ob_item[i] = result;
        if (m->counted)
            atomic_fetch_add_explicit(&m->done, 1, memory_order_relaxed);
        if (end - begin == 1)
            return; /* after a chunk, the region looks itself */
        if (GK(gk_cancelled)())
            return;
        /* What a builtin function calls for, no bytecode looks for. */
        if (PyErr_CheckSignals() != 0) {
            mapping_fail(m, MAPPING_NOTHING);
            return;
        }
    }
}

/* As threading does for its own threads: what threading.setprofile and
 * threading.settrace want for each thread. */
static void mapping_install_hooks(PyObject *hooks)
{
    for (Py_ssize_t i = 0; hooks != NULL && i < PyTuple_GET_SIZE(hooks); i++) {
        PyObject *hook = PyTuple_GET_ITEM(hooks, i);
        PyObject *result = PyObject_CallOneArg(PyTuple_GET_ITEM(hook, 0), PyTuple_GET_ITEM(hook, 1));
        if (result == NULL)
            PyErr_WriteUnraisable(hook);
        Py_XDECREF(result);
    }
}

static void mapping_detach(mapping *m)
{
    PyThreadState *state = PyThreadState_Get();
    if (state == m->caller) {
        PyEval_SaveThread();
    } else {
        PyThreadState_Clear(state);
        PyThreadState_DeleteCurrent();
    }
}

/* For helpers: whether the region lasts long enough to attach for it. */
static int mapping_worth_attaching(mapping *m)
{
    while (GK(gk_now)() - m->started < MAPPING_ATTACH_COST) {
        if (atomic_load_explicit(&m->over, memory_order_relaxed) || GK(gk_cancelled)())
            return 0;
        for (int i = 0; i < 16; i++)
            gk_cpu_relax();
        GK(gk_thread_yield)();
    }
    return !atomic_load_explicit(&m->over, memory_order_relaxed) && !mapping_finalizing();
}

static void *mapping_enter(void *data)
{
    mapping *m = data;
    PyThreadState *state = m->caller;
    if (GK(gk_participant)() != 0)
        state = mapping_worth_attaching(m) ? PyThreadState_New(m->interpreter) : NULL;
    if (state == NULL)
        return NULL;
    PyEval_RestoreThread(state);
    PyObject *context = PyContext_Copy(m->context);
    if (context == NULL || PyContext_Enter(context) != 0) {
        PyErr_Clear(); /* out of memory: the others do the work, or the caller raises it */
        Py_XDECREF(context);
        mapping_detach(m);
        return NULL;
    }
    if (state != m->caller)
        mapping_install_hooks(m->hooks);
    return context;
}

static void mapping_leave(void *data, void *entered)
{
    mapping *m = data;
    PyObject *context = entered;
    if (GK(gk_participant)() == 0)
        atomic_store_explicit(&m->over, 1, memory_order_relaxed);
    PyObject *error = mapping_take_exception(); /* a signal handler's, for call_end() */
    if (PyContext_Exit(context) != 0)
        PyErr_WriteUnraisable(context);
    Py_DECREF(context);
    if (error != NULL)
        mapping_set_exception(error);
    mapping_detach(m);
}

#ifndef _WIN32
static void mapping_hang(void *unused)
{
    (void)unused;
    for (;;)
        pause();
}
#endif

/* For gk_options.poll: calls m->report, attached. The thread is the one that
 * called map, and may be attached already. (Not PyGILState_Ensure, which knows
 * of the main interpreter alone.) */
static int mapping_report(void *data)
{
    mapping *m = data;
#if PY_VERSION_HEX >= 0x030D0000
    int attached = PyThreadState_GetUnchecked() == m->caller;
#else
    int attached = _PyThreadState_UncheckedGet() == m->caller;
#endif
    if (!attached)
        PyEval_RestoreThread(m->caller);
    int result = m->report(m->block);
    if (!attached)
        PyEval_SaveThread();
    return result;
}

/* Runs the body over 0 <= i < n, for a thread that is attached; returns the status of the region. */
static int mapping_region(mapping *m, int64_t n, gk_body *body, gk_options *options)
{
    int status;
    options->on_enter = mapping_enter;
    options->on_exit = mapping_leave;
    options->foreign = 1;
    options->stack_size = PyThread_get_stacksize();
    m->started = GK(gk_now)();
    m->interpreter = PyInterpreterState_Get();
    m->caller = PyEval_SaveThread();
#ifndef _WIN32
    /* Until 3.13, a daemon thread that wants the GIL at the interpreter's end is
     * ended with pthread_exit. Its stack holds the region, where workers may be
     * at work still: it must stay. (Since 3.14, CPython itself lets it hang.) */
    pthread_cleanup_push(mapping_hang, NULL);
    status = GK(gk_parallel_for)(n, body, m, options);
    pthread_cleanup_pop(0);
#else
    status = GK(gk_parallel_for)(n, body, m, options);
#endif
    PyEval_RestoreThread(m->caller);
    return status;
}

/* Runs the function over the items; returns the status of the region. */
static int mapping_run(mapping *m, gk_options *options)
{
    return mapping_region(m, m->n, mapping_body, options);
}

#endif
