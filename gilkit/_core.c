/* The one extension module that links csrc/: it owns the pool, and exports the
 * table of C functions through which the other modules call it.
 *
 * In C, because all interpreters of a process load this same one, and so share
 * the pool: it has no state, and can be imported anew.
 */
#include <Python.h>

#include <stdatomic.h>

#include "exports.h"
#include "gilkit/gilkit.h"

/* Constant and without Python objects, for all interpreters. */
static const gk_exports export_table = {
#define GK_MEMBER(name) &name,
    GK_EXPORTS(GK_MEMBER)
#undef GK_MEMBER
};

static atomic_flag taken = ATOMIC_FLAG_INIT;

/* Adds a value, whose reference it takes. */
static int add(PyObject *module, const char *name, PyObject *value)
{
    int status = value == NULL ? -1 : PyModule_AddObjectRef(module, name, value);
    Py_XDECREF(value);
    return status;
}

static int execute(PyObject *module)
{
    int is_main = PyInterpreterState_Get() == PyInterpreterState_Main();
    /* The first to import gilkit: its environment is the one that sets up the pool. */
    int is_first = !atomic_flag_test_and_set(&taken);
    if (add(module, "exports", PyCapsule_New((void *)&export_table, GK_EXPORTS_CAPSULE, NULL)) < 0 ||
        PyModule_AddStringConstant(module, "__version__", GILKIT_VERSION) < 0 || /* the one place: gilkit.h */
        add(module, "is_main_interpreter", PyBool_FromLong(is_main)) < 0 ||
        add(module, "is_first_interpreter", PyBool_FromLong(is_first)) < 0)
        return -1;
    return 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)execute},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_GIL_DISABLED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "gilkit._core",
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&definition);
}
