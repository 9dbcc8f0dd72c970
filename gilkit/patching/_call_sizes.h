/* Whether the arguments of a call are large enough to call a handler, which takes some microseconds. Include NumPy's headers
 * before. */
#ifndef GILKIT_CALL_SIZES_H
#define GILKIT_CALL_SIZES_H

#include "gilkit/patching/_hooks.h"

static int holds_large_array(PyObject *object, int64_t min_items)
{
    return PyArray_CheckExact(object) && PyArray_SIZE((PyArrayObject *)object) >= (gk_min_items > 0 ? gk_min_items : min_items);
}

/* NumPy skips several unselected items at a time, so a handler gains something from a sparse mask only if the mask is
 * longer than others: twice as long if a sample has few selected items, and eight times as long if it has none. */
static int is_sparse_mask(PyObject *object, int64_t min_items)
{
    enum { SAMPLED = 64, FEW = 16 };
    PyArrayObject *array = (PyArrayObject *)object;
    if (gk_min_items > 0 || !PyArray_CheckExact(object) || PyArray_TYPE(array) != NPY_BOOL ||
        !PyArray_IS_C_CONTIGUOUS(array))
        return 0;
    int64_t size = PyArray_SIZE(array), word;
    if (size < SAMPLED * (int64_t)sizeof word || size >= 8 * min_items)
        return 0;
    int selected = 0;
    for (int64_t k = 0; k < SAMPLED; k++) {
        memcpy(&word, PyArray_BYTES(array) + size / SAMPLED * k, sizeof word);
        selected += word != 0;
    }
    return selected == 0 || (selected < FEW && size < 2 * min_items);
}

/* The number of products of einsum(subscripts, *operands), or 0 for what its handler leaves to NumPy: other subscripts than
 * letters, and more than two operands. */
static int64_t products_of(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs < 2 || nargs > 3 || !PyUnicode_CheckExact(args[0]) || !PyUnicode_IS_ASCII(args[0]))
        return 0;
    const Py_UCS1 *subscripts = PyUnicode_1BYTE_DATA(args[0]);
    int64_t lengths[128] = {0}, products = 1;
    Py_ssize_t operand = 1;
    int axis = 0;
    for (Py_ssize_t i = 0; i < PyUnicode_GET_LENGTH(args[0]) && subscripts[i] != '-'; i++) {
        int letter = subscripts[i];
        if (letter == ' ')
            continue;
        if (letter == ',') {
            operand++;
            axis = 0;
            continue;
        }
        if (!Py_ISALPHA(letter) || operand >= nargs || !PyArray_CheckExact(args[operand]) ||
            axis >= PyArray_NDIM((PyArrayObject *)args[operand]))
            return 0;
        int64_t length = PyArray_DIM((PyArrayObject *)args[operand], axis++);
        if (lengths[letter] == 0 && length > 0)
            products = products > INT64_MAX / length ? INT64_MAX : products * length;
        lengths[letter] = length;
    }
    return products;
}

#endif
