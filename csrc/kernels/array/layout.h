/* Arrays of any layout, prepared for the kernels. */
#ifndef GK_LAYOUT_H
#define GK_LAYOUT_H

#include <stdint.h>

#include "kernels/array/dtype.h"

enum { GK_MAX_DIMS = 64 };

/* Dimensions of an array, with strides in bytes. Dimensions that continue each
 * other in memory are merged. */
typedef struct {
    int n;
    int64_t shape[GK_MAX_DIMS], stride[GK_MAX_DIMS];
} gk_dims;

/* An array, with its dimensions separated into retained and reduced ones. */
typedef struct {
    const char *data;
    gk_type type;
    int64_t n_outputs, n_reduced; /* elements of the result, and input elements for each of them */
    gk_dims retained, reduced;
    /* The retained axes by decreasing stride. The outputs are written in this order. */
    int n_retained_axes, retained_axes[GK_MAX_DIMS];
} gk_layout;

/* reduced[axis] says whether to reduce along the axis. No element of shape may be 0. */
void gk_layout_init(gk_layout *layout, gk_type type, const char *data, int ndim,
                    const int64_t *shape, const int64_t *stride, const char *reduced);

/* A position in several dimensions. The innermost dimension advances fastest. */
typedef struct {
    const gk_dims *dims;
    const char *at;
    int64_t index[GK_MAX_DIMS];
} gk_iterator;

void gk_iterator_start(gk_iterator *it, const gk_dims *dims, const char *data, int64_t position);

/* The number of elements left along the innermost dimension, at most `max`. */
int64_t gk_iterator_run(const gk_iterator *it, int64_t max);

/* Advances by `run` elements, at most what gk_iterator_run() returns. */
void gk_iterator_advance(gk_iterator *it, int64_t run);

#endif
