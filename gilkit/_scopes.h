/* Releases a chain of scopes, which is long where a program never left its blocks, without recursion. */
#ifndef GILKIT_SCOPES_H
#define GILKIT_SCOPES_H

#include <Python.h>

#include "base/compiler.h"

/* The scope that gk_release_outer() is releasing, and the one around it, which its deallocation hands back.
 * They are set only while no other Python code runs, so a finaliser that switches greenlets sees neither. */
static GK_THREAD_LOCAL PyObject *gk_dying, *gk_next;

/* Whether gk_release_outer() is releasing this scope. To be called before anything else in its deallocation. */
static int gk_is_released_in_chain(PyObject *scope)
{
    int is = gk_dying == scope;
    gk_dying = NULL;
    return is;
}

/* Releases the scope around one that is being deallocated. Takes over the reference. */
static void gk_release_outer(int in_chain, PyObject *outer)
{
    if (in_chain) {
        gk_next = outer; /* for the loop below, which runs farther down on this stack */
        return;
    }
    while (outer != NULL) {
        gk_dying = outer;
        gk_next = NULL;
        Py_DECREF(outer);
        gk_dying = NULL;
        outer = gk_next;
        gk_next = NULL;
    }
}

#endif
