/* Release a chain of scopes, which is long where a program never left its blocks, without recursion. */
#ifndef GILKIT_SCOPES_H
#define GILKIT_SCOPES_H

#include <Python.h>

#include "base/compiler.h"

typedef struct {
    PyObject *dying; /* its last reference may be the one that is being released */
    PyObject *next;  /* the scope around it, if it was */
} gk_scope_chain;

static GK_THREAD_LOCAL gk_scope_chain *gk_releasing;

/* Release `outer`, the scope around `scope`, which is being deallocated. Takes over the reference. */
static void gk_release_outer(PyObject *scope, PyObject *outer)
{
    if (gk_releasing != NULL && gk_releasing->dying == scope) {
        gk_releasing->next = outer; /* for the loop below, which runs farther down on this stack */
        return;
    }
    gk_scope_chain chain = {outer, NULL}, *before = gk_releasing;
    gk_releasing = &chain;
    while (chain.dying != NULL) {
        chain.next = NULL;
        Py_DECREF(chain.dying);
        chain.dying = chain.next;
    }
    gk_releasing = before;
}

#endif
