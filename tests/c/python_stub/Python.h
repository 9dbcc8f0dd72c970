/* The part of CPython's interface that gilkit/_pipeline.c needs, without CPython: objects that
 * count their references, locks, and no GIL. So the sanitizers see all of the pipeline's threads,
 * and their builds need no interpreter.
 */
#ifndef STUB_PYTHON_H
#define STUB_PYTHON_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/park.h"

#define Py_GIL_DISABLED 1
#define PY_VERSION_HEX 0x030E0000

typedef ptrdiff_t Py_ssize_t;

/* ---- Objects ---- */

typedef struct PyObject {
    _Atomic int references;
    const struct PyObject *type; /* the class of an exception; NULL: a number or a class */
    int64_t value;
    struct PyObject *context;
} PyObject;

static _Atomic int64_t stub_objects; /* that are alive */

static inline PyObject *stub_new(const PyObject *type, int64_t value)
{
    PyObject *object = malloc(sizeof *object);
    if (object == NULL)
        abort();
    *object = (PyObject){1, type, value, NULL};
    atomic_fetch_add(&stub_objects, 1);
    return object;
}

static inline void Py_INCREF(PyObject *object)
{
    atomic_fetch_add(&object->references, 1);
}

static inline void Py_DECREF(PyObject *object)
{
    int before = atomic_fetch_sub(&object->references, 1);
    if (before <= 0)
        abort();
    if (before > 1)
        return;
    if (object->context != NULL)
        Py_DECREF(object->context);
    free(object);
    atomic_fetch_sub(&stub_objects, 1);
}

static inline void Py_XINCREF(PyObject *object)
{
    if (object != NULL)
        Py_INCREF(object);
}

static inline void Py_XDECREF(PyObject *object)
{
    if (object != NULL)
        Py_DECREF(object);
}

static inline PyObject *Py_NewRef(PyObject *object)
{
    Py_INCREF(object);
    return object;
}

/* ---- Exceptions ---- */

static PyObject stub_exceptions[] = {{.references = 1}, {.references = 1}, {.references = 1}};
#define PyExc_Exception (&stub_exceptions[0])
#define PyExc_TimeoutError (&stub_exceptions[1])
#define PyExc_KeyboardInterrupt (&stub_exceptions[2])

static inline int PyErr_GivenExceptionMatches(PyObject *error, PyObject *type)
{
    return error->type == type || (type == PyExc_Exception && error->type == PyExc_TimeoutError);
}

static inline PyObject *PyObject_CallFunction(PyObject *type, const char *format, const char *message)
{
    (void)format;
    (void)message;
    return stub_new(type, -1);
}

static inline void PyException_SetContext(PyObject *error, PyObject *context)
{
    error->context = context;
}

static inline int PyErr_CheckSignals(void)
{
    return 0;
}

static inline void PyErr_Clear(void)
{
}

static inline void PyErr_WriteUnraisable(PyObject *object)
{
    (void)object;
}

/* ---- Threads ---- */

typedef int PyThreadState;
typedef int PyInterpreterState;
typedef long long PY_TIMEOUT_T;
typedef enum { PY_LOCK_FAILURE, PY_LOCK_ACQUIRED, PY_LOCK_INTR } PyLockStatus;
typedef _Atomic uint32_t *PyThread_type_lock;
enum { NOWAIT_LOCK, WAIT_LOCK };

#define Py_BEGIN_ALLOW_THREADS {
#define Py_END_ALLOW_THREADS }

static inline PyThreadState *PyEval_SaveThread(void)
{
    return NULL;
}

static inline void PyEval_RestoreThread(PyThreadState *state)
{
    (void)state;
}

static inline PyThread_type_lock PyThread_allocate_lock(void)
{
    return calloc(1, sizeof(_Atomic uint32_t));
}

static inline void PyThread_free_lock(PyThread_type_lock lock)
{
    free((void *)lock);
}

static inline PyLockStatus PyThread_acquire_lock_timed(PyThread_type_lock lock, PY_TIMEOUT_T microseconds, int intr)
{
    (void)intr;
    int64_t until = microseconds < 0 ? GK_FOREVER : gk_now() + microseconds * GK_MICROSECOND;
    for (;;) {
        uint32_t free_lock = 0;
        if (atomic_compare_exchange_strong(lock, &free_lock, 1))
            return PY_LOCK_ACQUIRED;
        if (microseconds == 0 || gk_now() >= until)
            return PY_LOCK_FAILURE;
        gk_wait(lock, 1, until);
    }
}

static inline int PyThread_acquire_lock(PyThread_type_lock lock, int wait)
{
    return PyThread_acquire_lock_timed(lock, wait ? -1 : 0, 0) == PY_LOCK_ACQUIRED;
}

static inline void PyThread_release_lock(PyThread_type_lock lock)
{
    atomic_store(lock, 0);
    gk_wake(lock, GK_WAKE_ALL);
}

/* ---- Functions that the tests do not call ---- */

typedef struct {
    Py_ssize_t len;
} Py_buffer;

#define PyBUF_FULL_RO 0
#define PYTHREAD_INVALID_THREAD_ID ((unsigned long)-1)
#define PyLong_CheckExact(object) ((void)(object), 1)
#define PyFloat_CheckExact(object) ((void)(object), 0)
#define PyUnicode_CheckExact(object) ((void)(object), 0)
#define PyUnicode_GET_LENGTH(object) 0
#define PyUnicode_KIND(object) 0
#define PyTuple_CheckExact(object) ((void)(object), 0)
#define PyList_CheckExact(object) ((void)(object), 0)
#define PyBytes_CheckExact(object) ((void)(object), 0)
#define PyByteArray_CheckExact(object) ((void)(object), 0)
#define PyByteArray_GET_SIZE(object) 0
#define Py_SIZE(object) 0
#define Py_REFCNT(object) 1
static inline PyObject *PySequence_GetItem(PyObject *sequence, Py_ssize_t i)
{
    (void)sequence, (void)i;
    return NULL;
}
#define Py_None NULL
#define PyObject_CheckBuffer(object) 0
#define PyObject_GetBuffer(object, view, flags) ((view)->len = 0, 0)
#define PyBuffer_Release(view) ((void)(view))
#define PyContext_Enter(context) ((void)(context), 0)
#define PyContext_Exit(context) ((void)(context), 0)
#define PyInterpreterState_Get() NULL
#define PyThreadState_New(interpreter) ((void)(interpreter), (PyThreadState *)NULL)
#define PyThreadState_Clear(state) ((void)(state))
#define PyThreadState_DeleteCurrent() ((void)0)
#define PyObject_CallNoArgs(function) Py_NewRef(function)
#define PyThread_start_new_thread(function, argument) ((void)(function), (void)(argument), PYTHREAD_INVALID_THREAD_ID)
#define PyImport_ImportModule(name) stub_new(NULL, 0)
#define PyCapsule_Import(name, no_block) ((void)(no_block), stub_capsule)

static const void *stub_capsule; /* the pointer in gilkit._core's capsule */

#endif
