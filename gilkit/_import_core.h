/* The table of csrc's functions in one Cython module: GK(name) is the function `name`. */
#ifndef GILKIT_IMPORT_CORE_H
#define GILKIT_IMPORT_CORE_H

#include <Python.h>

#include "exports.h"

static const gk_exports *gk_core;
#define GK(name) (gk_core->name)

/* Returns -1 with an exception if gilkit._core cannot be imported. */
static int gk_import_core(void)
{
    PyObject *module = PyImport_ImportModule("gilkit._core");
    if (module == NULL)
        return -1;
    Py_DECREF(module);
    gk_core = (const gk_exports *)PyCapsule_Import(GK_EXPORTS_CAPSULE, 0);
    return gk_core == NULL ? -1 : 0;
}

#endif
