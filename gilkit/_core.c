/* The only extension module that links csrc/. It owns the pool, and exports the table
 * of C functions through which the other modules call it.
 *
 * It is written in C because all interpreters of a process load it, and so share the
 * pool. It has no module state, and each interpreter can import it.
 */
#include <Python.h>

#include <stdatomic.h>

#include "exports.h"
#include "gilkit/gilkit.h"

/* All interpreters use it, so it is constant and has no Python objects. */
static const gk_exports export_table = {
#define GK_MEMBER(name) &name,
    GK_EXPORTS(GK_MEMBER)
#undef GK_MEMBER
};

static atomic_flag taken = ATOMIC_FLAG_INIT;

/* Adds a value to the module. Steals the reference. */
static int add(PyObject *module, const char *name, PyObject *value)
{
    int status = value == NULL ? -1 : PyModule_AddObjectRef(module, name, value);
    Py_XDECREF(value);
    return status;
}

static int execute(PyObject *module)
{
    int is_main = PyInterpreterState_Get() == PyInterpreterState_Main();
    /* The first interpreter that imports gilkit configures the pool from the environment. */
    int is_first = !atomic_flag_test_and_set(&taken);
    if (add(module, "exports", PyCapsule_New((void *)&export_table, GK_EXPORTS_CAPSULE, NULL)) < 0 ||
        PyModule_AddStringConstant(module, "__version__", GILKIT_VERSION) < 0 || /* defined in gilkit.h only */
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
