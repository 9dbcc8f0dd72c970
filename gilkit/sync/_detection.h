/* The parts of deadlock detection and lock ownership that use CPython or greenlet.
 * Only _wait.pyx includes this file. */
#ifndef GILKIT_SYNC_DETECTION_H
#define GILKIT_SYNC_DETECTION_H

#include <Python.h>

#include "exports.h"

static int64_t gk_this_interpreter(void)
{
    return PyInterpreterState_GetID(PyInterpreterState_Get());
}

/* The detector requires a function that runs no other code. */
static void gk_retain_object(void *object)
{
    Py_INCREF((PyObject *)object);
}

/* Where the calling Python code is: (code object, line), or (None, 0) if no
 * Python code calls. Runs no Python code; the text is made only for a message. */
static PyObject *gk_place(void)
{
    PyFrameObject *frame = PyEval_GetFrame();
    if (frame == NULL)
        return Py_BuildValue("(Oi)", Py_None, 0);
    return Py_BuildValue("(Ni)", (PyObject *)PyFrame_GetCode(frame), PyFrame_GetLineNumber(frame));
}

/* ---- Greenlets. Several in one thread may hold locks; each is an owner of its own. */

/* PyGreenlet_GetCurrent(), which has always been the fifth function of greenlet's
 * C interface; NULL until greenlet is imported. */
static PyObject *(*gk_current_greenlet)(void);
/* The thread's first greenlet, which lives as long as the thread. */
static GK_THREAD_LOCAL PyObject *gk_first_greenlet;

static int gk_greenlet_interface(PyObject *capsule)
{
    void **functions = PyCapsule_GetPointer(capsule, "greenlet._C_API");
    if (functions == NULL)
        return -1;
    gk_current_greenlet = (PyObject * (*)(void)) functions[4];
    return 0;
}

static PyObject *gk_root_of(PyObject *greenlet)
{
    PyObject *root = Py_NewRef(greenlet);
    for (;;) {
        PyObject *parent = PyObject_GetAttrString(root, "parent");
        if (parent == NULL || parent == Py_None) {
            Py_XDECREF(parent);
            PyErr_Clear();
            return root;
        }
        Py_SETREF(root, parent);
    }
}

/* The owner of a lock that is acquired now. A thread's first greenlet is identified
 * by the thread's ident: code without the GIL uses the same owner, and locks acquired
 * before greenlet was imported keep theirs. Any other greenlet is identified by its
 * address with the lowest bit set, which no thread's ident has. */
static uintptr_t gk_owner_among_greenlets(void)
{
    uintptr_t thread = PyThread_get_thread_ident();
    PyObject *greenlet = gk_current_greenlet ? gk_current_greenlet() : NULL;
    if (greenlet == NULL) {
        PyErr_Clear();
        return thread;
    }
    if (gk_first_greenlet == NULL) {
        gk_first_greenlet = gk_root_of(greenlet);
        Py_DECREF(gk_first_greenlet);
    }
    uintptr_t owner = greenlet == gk_first_greenlet ? thread : (uintptr_t)greenlet | 1;
    Py_DECREF(greenlet);
    return owner;
}

#endif
