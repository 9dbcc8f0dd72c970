/* Iterates over an array of any layout. To iterate over two arrays of the same
 * shape together, advance an iterator over each by the same runs. */
#ifndef GK_ITERATOR_H
#define GK_ITERATOR_H

#include <stdint.h>

#include "base/compiler.h"

enum { GK_MAX_DIMS = 64 };

/* Dimensions of an array, with strides in bytes. An array without dimensions has
 * one element. */
typedef struct {
    int n;
    int64_t shape[GK_MAX_DIMS], stride[GK_MAX_DIMS];
} gk_dims;

/* Appends a new innermost dimension. */
GK_INLINE void gk_dims_append(gk_dims *dims, int64_t shape, int64_t stride)
{
    dims->shape[dims->n] = shape;
    dims->stride[dims->n++] = stride;
}

/* The number of elements. */
int64_t gk_dims_count(const gk_dims *dims);

/* |stride|, also for INT64_MIN. The stride of a dimension of one element can be any number. */
GK_INLINE uint64_t gk_stride_magnitude(int64_t stride)
{
    return stride < 0 ? 0 - (uint64_t)stride : (uint64_t)stride;
}

/* A position in an array. The innermost dimension, which is the last, advances fastest. */
typedef struct {
    const gk_dims *dims;
    char *at; /* the element; write to it only if the array may be written to */
    int64_t index[GK_MAX_DIMS];
} gk_iterator;

void gk_iterator_start(gk_iterator *it, const gk_dims *dims, const char *data, int64_t position);

/* The number of elements left along the innermost dimension, at most `max`. There
 * must be at least one dimension. */
int64_t gk_iterator_run(const gk_iterator *it, int64_t max);

/* Advances by `run` elements, at most what gk_iterator_run() returns. */
void gk_iterator_advance(gk_iterator *it, int64_t run);

#endif
