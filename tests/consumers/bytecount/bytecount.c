/* A histogram of the bytes in a buffer, on gilkit's pool. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <gilkit/gilkit.h>

typedef struct {
    int64_t of[256];
} counts;

static void count(int64_t begin, int64_t end, void *data, void *partial)
{
    const unsigned char *bytes = data;
    counts *found = partial;
    for (int64_t i = begin; i < end; i++)
        found->of[bytes[i]]++;
}

static void add(void *into, const void *from, void *data)
{
    counts *sum = into;
    const counts *more = from;
    (void)data;
    for (int value = 0; value < 256; value++)
        sum->of[value] += more->of[value];
}

static PyObject *histogram(PyObject *module, PyObject *arguments)
{
    Py_buffer buffer;
    counts found = {{0}};
    gilkit_options options = gilkit_default_options();
    PyObject *list;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "y*|i", &buffer, &options.threads))
        return NULL;
    int status = gilkit_run_reduce(buffer.len, sizeof found, count, add, buffer.buf, &found, &options);
    PyBuffer_Release(&buffer);
    if (status < 0)
        return NULL;
    list = PyList_New(256);
    for (int value = 0; list != NULL && value < 256; value++) {
        PyObject *number = PyLong_FromLongLong(found.of[value]);
        if (number == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, value, number);
    }
    return list;
}

static PyMethodDef methods[] = {
    {"histogram", histogram, METH_VARARGS, "histogram(buffer, threads=0): how often each byte value occurs"},
    {NULL, NULL, 0, NULL},
};

static int start(PyObject *module)
{
    (void)module;
    return gilkit_import();
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)start},
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "bytecount", .m_methods = methods, .m_slots = slots,
};

PyMODINIT_FUNC PyInit_bytecount(void)
{
    return PyModuleDef_Init(&definition);
}
