#include "gilkit/_mapping.h"

#include "gilkit/_import_core.h"

#ifndef _WIN32
#  include <pthread.h>
#  include <unistd.h>
#endif

enum { MAPPING_NOTHING = -1 }; /* a `limit` below every index */

/* The approximate cost of attaching a thread: a new thread state (with its own heaps on
 * free-threaded builds), and the wait for the GIL if there is one. Helpers do not
 * attach until a region is older than that, so a short map costs no more than with
 * one thread (the ski-rental strategy). */
#ifdef Py_GIL_DISABLED
static const int64_t MAPPING_ATTACH_COST = 200 * GK_MICROSECOND;
#else
static const int64_t MAPPING_ATTACH_COST = 50 * GK_MICROSECOND;
#endif

int mapping_import_core(void)
{
    return gk_import_core();
}

int mapping_finalizing(void)
{
#if PY_VERSION_HEX >= 0x030D0000
    return Py_IsFinalizing();
#else
    return _Py_IsFinalizing();
#endif
}

/* ---- Exceptions ---- */

PyObject *mapping_take_exception(void)
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

void mapping_set_exception(PyObject *error)
{
#if PY_VERSION_HEX >= 0x030C0000
    PyErr_SetRaisedException(error);
#else
    PyErr_Restore(Py_NewRef(Py_TYPE(error)), error, PyException_GetTraceback(error));
#endif
}

/* Whether the exception ends the whole map, rather than failing only the item in which it
 * occurred. */
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

/* Records the current exception, unless an earlier item has failed. */
static void mapping_fail(mapping *m, int64_t index)
{
    PyObject *error = mapping_take_exception();
    if (index == MAPPING_NOTHING || mapping_interrupted(m, error)) {
        /* Ends everything, including gilkit's calls inside other items. */
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

/* Returns an item of a list that may change, as a new reference. */
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

PyObject *mapping_call(const mapping *m, PyObject *item)
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
            return; /* the region checks after every chunk */
        if (GK(gk_cancelled)())
            return;
        /* A builtin function runs no bytecode, which would check for signals. */
        if (PyErr_CheckSignals() != 0) {
            mapping_fail(m, MAPPING_NOTHING);
            return;
        }
    }
}

/* Installs the hooks of threading.setprofile and threading.settrace, as threading does
 * for its own threads. */
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

/* For helpers: waits to see whether the region lasts long enough to be worth attaching. */
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
        PyErr_Clear(); /* out of memory: other participants do the work, or the caller raises */
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

int mapping_report(void *data)
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

/* From 3.15 on, a sub-interpreter does not end before the regions of its threads have, so that no participant is attached
 * to an interpreter that no longer exists. The main interpreter need not wait: its memory outlives it, and a daemon
 * thread must not keep the process from ending. Nor must the call of a thread that entered the sub-interpreter from
 * outside, which nothing ends. */
#if PY_VERSION_HEX >= 0x030F0000
typedef PyInterpreterGuard *mapping_guard;
#else
typedef void *mapping_guard;
#endif

/* If the interpreter is already ending, helpers could not attach, so there are none. */
static mapping_guard mapping_hold_interpreter(const mapping *m, gk_options *options)
{
    mapping_guard guard = NULL;
#if PY_VERSION_HEX >= 0x030F0000
    if (m->interpreter == PyInterpreterState_Main())
        return NULL;
    guard = PyInterpreterGuard_FromCurrent();
    if (guard == NULL) {
        PyErr_Clear();
        options->threads = 1;
    } else if (m->from_outside) {
        PyInterpreterGuard_Close(guard);
        guard = NULL;
    }
#else
    (void)m;
    (void)options;
#endif
    return guard;
}

static void mapping_release_interpreter(mapping_guard guard)
{
#if PY_VERSION_HEX >= 0x030F0000
    if (guard != NULL)
        PyInterpreterGuard_Close(guard);
#else
    (void)guard;
#endif
}

int mapping_region(mapping *m, int64_t n, gk_body *body, gk_options *options)
{
    int status;
    options->on_enter = mapping_enter;
    options->on_exit = mapping_leave;
    options->foreign = 1;
    options->stack_size = PyThread_get_stacksize();
    m->started = GK(gk_now)();
    m->interpreter = PyInterpreterState_Get();
    mapping_guard guard = mapping_hold_interpreter(m, options);
    m->caller = PyEval_SaveThread();
#ifndef _WIN32
    /* Before 3.14, CPython ends a daemon thread with pthread_exit if it requests the
     * GIL while the interpreter is finalizing. The thread's stack holds the region,
     * which workers may still use, so the thread must hang instead, as 3.14 does. */
    pthread_cleanup_push(mapping_hang, NULL);
    status = GK(gk_parallel_for)(n, body, m, options);
    pthread_cleanup_pop(0);
#else
    status = GK(gk_parallel_for)(n, body, m, options);
#endif
    PyEval_RestoreThread(m->caller);
    mapping_release_interpreter(guard);
    return status;
}

int mapping_run(mapping *m, gk_options *options)
{
    return mapping_region(m, m->n, mapping_body, options);
}
